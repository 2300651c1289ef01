//! The message as a view over its bytes. RFC 3261 s7, s20.

use super::challenge::{Authorization, Challenge};
use super::cseq::CSeq;
use super::error::{Defect, HeaderError, ParseError};
use super::header::{HeaderValue, Typed};
use super::lex::Values;
use super::method::Method;
use super::name_addr::NameAddr;
use super::names::Name;
use super::parse::{self, Field, Parts};
use super::start::StartLine;
use super::via::Via;
use super::writer::push_clean;
use crate::base::text::push_decimal;
use std::fmt;

/// A parsed message: borrows the bytes, decodes typed headers when they are read.
#[derive(Clone)]
pub struct Message<'a>(Parts<'a>);

/// One header field.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Name.
    pub name: Name,
    /// Name as it came.
    pub raw_name: &'a str,
    /// Value as it came, without white space around it; may be folded (CR LF and white space inside).
    pub value: &'a [u8],
}

impl<'a> Message<'a> {
    /// Frames and indexes one message (a datagram, or what [`frame::next`](super::frame::next) cut from a stream). Bytes beyond its
    /// Content-Length are left out. Look at [`defect`](Self::defect), or better let [`check`](super::check) do it.
    ///
    /// # Errors
    /// When the bytes are no SIP message or break a bound of `base::limits`.
    pub fn parse(bytes: &'a [u8]) -> Result<Message<'a>, ParseError> {
        parse::split(bytes).map(Message)
    }

    /// The bytes of this message, from its start line to the end of its body.
    #[must_use]
    pub const fn raw(&self) -> &'a [u8] {
        self.0.raw
    }

    /// The first thing that `parse` overlooked.
    #[must_use]
    pub const fn defect(&self) -> Option<Defect> {
        self.0.defect
    }

    /// The first line.
    #[must_use]
    pub const fn start(&self) -> &StartLine<'a> {
        &self.0.start
    }

    /// Whether it is a request.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self.0.start, StartLine::Request { .. })
    }

    /// The method of a request.
    #[must_use]
    pub const fn method(&self) -> Option<Method<'a>> {
        match self.0.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Status { .. } => None,
        }
    }

    /// The Request-URI of a request.
    #[must_use]
    pub const fn request_uri(&self) -> Option<&'a str> {
        match self.0.start {
            StartLine::Request { uri, .. } => Some(uri),
            StartLine::Status { .. } => None,
        }
    }

    /// The status code of a response.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.0.start {
            StartLine::Status { code, .. } => Some(code),
            StartLine::Request { .. } => None,
        }
    }

    /// The reason phrase of a response; empty for a request.
    #[must_use]
    pub const fn reason(&self) -> &'a str {
        match self.0.start {
            StartLine::Status { reason, .. } => reason,
            StartLine::Request { .. } => "",
        }
    }

    /// The body.
    #[must_use]
    pub const fn body(&self) -> &'a [u8] {
        self.0.body
    }

    /// All header fields in order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> {
        self.0.fields.iter().map(|field| self.field(*field))
    }

    fn field(&self, field: Field) -> Header<'a> {
        let raw_name = self.slice(field.name_range());
        Header {
            name: field.name,
            raw_name: std::str::from_utf8(raw_name).unwrap_or_default(),
            value: self.value(field),
        }
    }

    fn slice(&self, range: std::ops::Range<usize>) -> &'a [u8] {
        self.0.raw.get(range).unwrap_or_default()
    }

    fn value(&self, field: Field) -> &'a [u8] {
        self.slice(field.value_range())
    }

    /// A value as text. The head was checked as a whole: only a head with foreign bytes is looked at again.
    fn text(&self, field: Field) -> Option<&'a str> {
        match self.0.head {
            Some(head) => head.get(field.value_range()),
            None => std::str::from_utf8(self.value(field)).ok(),
        }
    }

    fn fields(&self, name: Name) -> impl Iterator<Item = Field> {
        self.0.fields.iter().copied().filter(move |field| field.name == name)
    }

    /// The first field value of that name, as it came (maybe folded); `None` when absent or not UTF-8.
    #[must_use]
    pub fn header(&self, name: Name) -> Option<&'a str> {
        self.fields(name).next().and_then(|field| self.text(field))
    }

    /// Every field value of that name that is UTF-8; comma lists are not split.
    pub fn all(&self, name: Name) -> impl Iterator<Item = &'a str> {
        self.fields(name).filter_map(|field| self.text(field))
    }

    /// Every value of that name that is not empty; comma lists are split (minding quotes and angle brackets) where the header is one.
    pub fn list(&self, name: Name) -> impl Iterator<Item = &'a str> {
        let split = name.is_list();
        self.all(name)
            .flat_map(move |value| if split { Values::list(value) } else { Values::whole(value) })
            .filter(|value| !value.is_empty())
    }

    /// The first value of any header by its text: any case, compact forms too.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&'a str> {
        match Name::parse(name.as_bytes()) {
            Name::Other => {
                let mut others = self.fields(Name::Other);
                let field =
                    others.find(|field| self.slice(field.name_range()).eq_ignore_ascii_case(name.as_bytes()))?;
                self.text(field)
            }
            known => self.header(known),
        }
    }

    /// The names of all fields in order.
    pub fn names(&self) -> impl Iterator<Item = Name> {
        self.0.fields.iter().map(|field| field.name)
    }

    /// How many fields carry that name.
    #[must_use]
    pub fn count(&self, name: Name) -> usize {
        self.fields(name).count()
    }

    /// The first value of a list header, or why there is none.
    fn first(&self, name: Name) -> Result<&'a str, HeaderError> {
        let field = self.fields(name).next().ok_or(HeaderError::Missing)?;
        self.text(field).ok_or(HeaderError::NotUtf8)
    }

    /// The top Via.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn via(&self) -> Result<Via<'a>, HeaderError> {
        Via::parse(super::lex::next_value(self.first(Name::Via)?).0)
    }

    /// All Vias, top first.
    pub fn vias(&self) -> impl Iterator<Item = Result<Via<'a>, HeaderError>> {
        self.all(Name::Via).flat_map(Values::list).map(Via::parse)
    }

    fn name_addr(&self, name: Name) -> Result<NameAddr<'a>, HeaderError> {
        let field = self.fields(name).next().ok_or(HeaderError::Missing)?;
        match self.text(field) {
            Some(text) => NameAddr::parse(text),
            None => NameAddr::parse_bytes(self.value(field)),
        }
    }

    fn name_addrs(&self, name: Name) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> {
        self.fields(name).flat_map(move |field| match self.text(field) {
            Some(text) => Addresses::Text(if name.is_list() { Values::list(text) } else { Values::whole(text) }),
            None => Addresses::Bytes(Some(self.value(field))),
        })
    }

    /// The From header.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn from(&self) -> Result<NameAddr<'a>, HeaderError> {
        self.name_addr(Name::From)
    }

    /// The To header.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn to(&self) -> Result<NameAddr<'a>, HeaderError> {
        self.name_addr(Name::To)
    }

    /// The CSeq header.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn cseq(&self) -> Result<CSeq<'a>, HeaderError> {
        CSeq::parse(self.first(Name::CSeq)?)
    }

    /// The Call-ID.
    #[must_use]
    pub fn call_id(&self) -> Option<&'a str> {
        self.header(Name::CallId).filter(|id| !id.is_empty())
    }

    /// All Contacts; `*` answers [`NameAddr::is_star`].
    pub fn contacts(&self) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> {
        self.name_addrs(Name::Contact)
    }

    /// All Routes, top first.
    pub fn routes(&self) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> {
        self.name_addrs(Name::Route)
    }

    /// All Record-Routes, top first.
    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> {
        self.name_addrs(Name::RecordRoute)
    }

    /// All addresses of another name-addr header: Path, Service-Route, P-Asserted-Identity, Refer-To ...
    pub fn addresses(&self, name: Name) -> impl Iterator<Item = Result<NameAddr<'a>, HeaderError>> {
        self.name_addrs(name)
    }

    /// The first value of a header as a `T`, which is the kind that [`Typed`] names for it: `message.read::<Reason>(Name::Reason)`.
    ///
    /// # Errors
    /// Missing or malformed.
    pub fn read<T: HeaderValue<'a>>(&self, name: Name) -> Result<T, HeaderError> {
        self.read_all(name).next().unwrap_or(Err(HeaderError::Missing))
    }

    /// All values of a header as `T`s, in order; comma lists are split, empty values passed over.
    pub fn read_all<T: HeaderValue<'a>>(&self, name: Name) -> impl Iterator<Item = Result<T, HeaderError>> {
        let split = move |text| if name.is_list() { Values::list(text) } else { Values::whole(text) };
        let texts = self.fields(name).flat_map(move |field| match self.text(field) {
            Some(text) => One(Some(split(text)), None),
            None => One(None, Some(HeaderError::NotUtf8)),
        });
        texts.map(|text| T::read(super::lex::trim(text?)))
    }

    /// All values of a header, each of its kind, in order.
    pub fn typed(&self, name: Name) -> impl Iterator<Item = Result<Typed<'a>, HeaderError>> {
        self.fields(name).flat_map(move |field| {
            let text = self.text(field);
            let fault = text.is_none().then_some(Err(HeaderError::NotUtf8));
            text.map(|text| Typed::parse_all(name, text)).into_iter().flatten().chain(fault)
        })
    }

    /// The seconds of Retry-After; `None` when absent or without a number. RFC 3261 s20.33.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u32> {
        super::RetryAfter::seconds_of(self.header(Name::RetryAfter)?)
    }

    /// Expires, in seconds; `None` when absent or malformed. RFC 3261 s20.19.
    #[must_use]
    pub fn expires(&self) -> Option<u32> {
        super::cseq::decimal32(self.header(Name::Expires)?).ok()
    }

    /// Max-Forwards; `None` when absent or malformed. RFC 3261 s20.22.
    #[must_use]
    pub fn max_forwards(&self) -> Option<u8> {
        super::cseq::decimal32(self.header(Name::MaxForwards)?).ok()?.try_into().ok()
    }

    /// Content-Type, with its parameters.
    #[must_use]
    pub fn content_type(&self) -> Option<&'a str> {
        self.header(Name::ContentType)
    }

    /// Content-Length as written; `None` when absent or malformed. [`body`](Self::body) is what came.
    #[must_use]
    pub fn content_length(&self) -> Option<usize> {
        self.header(Name::ContentLength)?.parse().ok()
    }

    /// Every challenge: `(true, ..)` of Proxy-Authenticate, `(false, ..)` of WWW-Authenticate. Malformed ones are left out.
    pub fn challenges(&self) -> impl Iterator<Item = (bool, Challenge<'a>)> {
        let of = |name, proxy| self.all(name).flat_map(Challenge::parse_all).map(move |challenge| (proxy, challenge));
        of(Name::WwwAuthenticate, false).chain(of(Name::ProxyAuthenticate, true))
    }

    /// Every set of credentials: `(true, ..)` of Proxy-Authorization, `(false, ..)` of Authorization. Malformed ones are left out.
    pub fn authorizations(&self) -> impl Iterator<Item = (bool, Authorization<'a>)> {
        let of = |name, proxy| {
            self.all(name)
                .filter_map(|value| Authorization::parse(value).ok())
                .map(move |credentials| (proxy, credentials))
        };
        of(Name::Authorization, false).chain(of(Name::ProxyAuthorization, true))
    }

    /// Appends the message: start line, headers in order with canonical names and unfolded values, body.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.reserve(self.0.raw.len().saturating_add(64));
        match self.0.start {
            StartLine::Request { method, uri } => {
                out.extend_from_slice(method.as_str().as_bytes());
                out.push(b' ');
                push_clean(out, uri.as_bytes());
                out.extend_from_slice(b" SIP/2.0\r\n");
            }
            StartLine::Status { code, .. } => {
                out.extend_from_slice(b"SIP/2.0 ");
                push_decimal(out, u64::from(code));
                out.push(b' ');
                // The reason phrase as it came: it may not be UTF-8.
                out.extend_from_slice(
                    self.slice(0..self.0.start_end).splitn(3, |b| *b == b' ').nth(2).unwrap_or_default(),
                );
                out.extend_from_slice(b"\r\n");
            }
        }
        // Plain lines that follow one another are copied at once.
        let mut run = 0..0;
        for field in &self.0.fields {
            let line = field.line_range();
            if field.plain && line.start == run.end {
                run.end = line.end;
                continue;
            }
            out.extend_from_slice(self.slice(run));
            run = if field.plain {
                line
            } else {
                self.write_field(*field, out);
                0..0
            };
        }
        out.extend_from_slice(self.slice(run));
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.0.body);
    }

    fn write_field(&self, field: Field, out: &mut Vec<u8>) {
        match field.name {
            Name::Other => out.extend_from_slice(self.slice(field.name_range())),
            known => out.extend_from_slice(known.as_str().as_bytes()),
        }
        out.extend_from_slice(b": ");
        push_clean(out, self.value(field));
        out.extend_from_slice(b"\r\n");
    }

    /// Appends all fields of that name as [`write`](Self::write) prints them.
    pub fn write_all(&self, name: Name, out: &mut Vec<u8>) {
        for field in self.fields(name) {
            if field.plain {
                out.extend_from_slice(self.slice(field.line_range()));
            } else {
                self.write_field(field, out);
            }
        }
    }
}

/// The values of one field, or why there are none.
struct One<'a>(Option<Values<'a>>, Option<HeaderError>);

impl<'a> Iterator for One<'a> {
    type Item = Result<&'a str, HeaderError>;
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(fault) = self.1.take() {
            return Some(Err(fault));
        }
        self.0.as_mut()?.find(|value| !value.is_empty()).map(Ok)
    }
}

/// The addresses of one field.
enum Addresses<'a> {
    Text(Values<'a>),
    /// A field that is not UTF-8 is read as one value.
    Bytes(Option<&'a [u8]>),
}

impl<'a> Iterator for Addresses<'a> {
    type Item = Result<NameAddr<'a>, HeaderError>;
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Addresses::Text(values) => values.next().map(NameAddr::parse),
            Addresses::Bytes(value) => value.take().map(NameAddr::parse_bytes),
        }
    }
}

/// Same start line, same fields in the same order, same body. Spelling of known names and folding make no difference.
impl PartialEq for Message<'_> {
    fn eq(&self, other: &Self) -> bool {
        let same_value = |a: &[u8], b: &[u8]| {
            let clean = |b: &u8| if matches!(b, b'\r' | b'\n') { b' ' } else { *b };
            a == b || (a.len() == b.len() && a.iter().map(clean).eq(b.iter().map(clean)))
        };
        self.0.start == other.0.start
            && self.0.body == other.0.body
            && self.0.fields.len() == other.0.fields.len()
            && self.headers().zip(other.headers()).all(|(a, b)| {
                a.name == b.name && (a.name != Name::Other || a.raw_name == b.raw_name) && same_value(a.value, b.value)
            })
    }
}

impl Eq for Message<'_> {}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("start", self.start())
            .field("fields", &self.0.fields.len())
            .field("body", &self.0.body.len())
            .finish()
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
