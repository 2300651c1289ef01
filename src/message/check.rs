//! Mandatory headers and their agreement, as proof types. RFC 3261 s8.1.1, s8.2.1, s16.3, s20.14; RFC 4475 s3.1.2, s3.3.

use super::cseq::CSeq;
use super::error::{Defect, HeaderError};
use super::lex::{Values, has_space};
use super::method::Method;
use super::name_addr::NameAddr;
use super::names::Name;
use super::uri::{Scheme, Uri};
use super::via::Via;
use super::view::Message;
use crate::base::limits;
use std::fmt;
use std::ops::Deref;

/// A request whose mandatory headers are there, once, readable and in agreement.
#[derive(Clone, Debug)]
pub struct Request<'m, 'a> {
    message: &'m Message<'a>,
    /// Method.
    pub method: Method<'a>,
    /// Request-URI as it came. Of `sip`, `sips` and `tel` it parses; other schemes are the user's to refuse with 416.
    pub uri: &'a str,
    /// The same, read; of an unknown scheme with all after the colon as `host`.
    pub target: Uri<'a>,
    /// Top Via.
    pub via: Via<'a>,
    /// From.
    pub from: NameAddr<'a>,
    /// To.
    pub to: NameAddr<'a>,
    /// Call-ID.
    pub call_id: &'a str,
    /// CSeq.
    pub cseq: CSeq<'a>,
}

/// A response whose mandatory headers are there, once, and readable.
#[derive(Clone, Debug)]
pub struct Response<'m, 'a> {
    message: &'m Message<'a>,
    /// Status code, 100 to 699.
    pub code: u16,
    /// Top Via.
    pub via: Via<'a>,
    /// From.
    pub from: NameAddr<'a>,
    /// To.
    pub to: NameAddr<'a>,
    /// Call-ID.
    pub call_id: &'a str,
    /// CSeq.
    pub cseq: CSeq<'a>,
}

impl<'a> Deref for Request<'_, 'a> {
    type Target = Message<'a>;
    fn deref(&self) -> &Message<'a> {
        self.message
    }
}

impl<'a> Deref for Response<'_, 'a> {
    type Target = Message<'a>;
    fn deref(&self) -> &Message<'a> {
        self.message
    }
}

/// Why a message is refused: a request gets this answer, a response is dropped and counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Status of the answer: 400, 505 or 513.
    pub status: u16,
    /// Reason phrase that names the fault. RFC 3261 s21.4.1.
    pub reason: String,
    /// The rule that is broken.
    pub section: &'static str,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.reason, self.section)
    }
}

impl std::error::Error for Rejection {}

impl Rejection {
    pub(super) fn new(reason: impl Into<String>, section: &'static str) -> Self {
        Rejection { status: 400, reason: reason.into(), section }
    }

    pub(super) fn header(name: Name, error: HeaderError) -> Self {
        match error {
            HeaderError::Missing => Rejection::new(format!("Missing {name} header field"), "RFC 3261 s8.1.1"),
            HeaderError::TooMany => {
                Rejection { status: 513, ..Rejection::new(format!("Too many values in {name}"), name.home()) }
            }
            error => Rejection::new(format!("Bad {name}: {error}"), name.home()),
        }
    }

    fn defect(defect: Defect) -> Self {
        let status = if defect == Defect::Version { 505 } else { 400 };
        Rejection { status, ..Rejection::new(defect.to_string(), defect.section()) }
    }
}

/// The fields that requests and responses share.
struct Common<'a> {
    /// A bit for each name that is there.
    seen: u128,
    via: Via<'a>,
    from: NameAddr<'a>,
    to: NameAddr<'a>,
    call_id: &'a str,
    cseq: CSeq<'a>,
}

/// Checks a request.
///
/// # Errors
/// The answer to give. 416 for an unknown scheme and everything that depends on the method is the user's.
pub fn request<'m, 'a>(message: &'m Message<'a>) -> Result<Request<'m, 'a>, Rejection> {
    let (Some(method), Some(uri)) = (message.method(), message.request_uri()) else {
        return Err(Rejection::new("Not a request", "RFC 3261 s7.1"));
    };
    let Common { seen, via, from, to, call_id, cseq } = common(message)?;
    if cseq.method != method {
        return Err(Rejection::new("CSeq method is not the request's method", "RFC 3261 s8.1.1.5"));
    }
    let target =
        Uri::parse(uri).map_err(|error| Rejection::new(format!("Bad Request-URI: {error}"), "RFC 3261 s19.1.1"))?;
    if matches!(target.scheme, Scheme::Sip | Scheme::Sips) && !target.headers.is_empty() {
        return Err(Rejection::new("Request-URI carries headers", "RFC 3261 s19.1.1"));
    }
    if let Some(value) = message.header(Name::MaxForwards)
        && crate::base::text::decimal(value.as_bytes()).is_none_or(|n| n > 255)
    {
        return Err(Rejection::header(Name::MaxForwards, HeaderError::Number));
    }
    for name in [Name::Contact, Name::Route, Name::RecordRoute].into_iter().filter(|name| seen & bit(*name) != 0) {
        addresses(message, name)?;
    }
    Ok(Request { message, method, uri, target, via, from, to, call_id, cseq })
}

/// Checks a response.
///
/// # Errors
/// Why it is to be dropped.
pub fn response<'m, 'a>(message: &'m Message<'a>) -> Result<Response<'m, 'a>, Rejection> {
    let Some(code) = message.status() else {
        return Err(Rejection::new("Not a response", "RFC 3261 s7.2"));
    };
    let Common { seen, via, from, to, call_id, cseq } = common(message)?;
    if seen & bit(Name::RecordRoute) != 0 {
        addresses(message, Name::RecordRoute)?;
    }
    Ok(Response { message, code, via, from, to, call_id, cseq })
}

fn common<'a>(message: &Message<'a>) -> Result<Common<'a>, Rejection> {
    if let Some(defect) = message.defect().filter(|defect| !defect.is_harmless()) {
        return Err(Rejection::defect(defect));
    }
    // One pass over the fields; a name that came twice has a bit in both. RFC 4475 s3.3.8.
    const ONCE: [Name; 6] = [Name::From, Name::To, Name::CallId, Name::CSeq, Name::MaxForwards, Name::ContentLength];
    let (mut seen, mut twice) = (0u128, 0u128);
    for name in message.names() {
        twice |= seen & bit(name);
        seen |= bit(name);
    }
    if let Some(name) = ONCE.into_iter().find(|name| twice & bit(*name) != 0) {
        return Err(Rejection::new(format!("Several {name} header fields"), name.home()));
    }
    let bad = |name: Name| move |error| Rejection::header(name, error);
    let mut top = None;
    let mut count = 0usize;
    for field in message.all(Name::Via) {
        for value in Values::list(field) {
            let via = Via::parse(value).map_err(bad(Name::Via))?;
            top.get_or_insert(via);
            count = count.saturating_add(1);
            if count > limits::LIST_VALUES {
                return Err(Rejection::header(Name::Via, HeaderError::TooMany));
            }
        }
    }
    let via = top.ok_or(HeaderError::Missing).map_err(bad(Name::Via))?;
    let from = message.from().map_err(bad(Name::From))?;
    let to = message.to().map_err(bad(Name::To))?;
    let call_id = message.call_id().ok_or(HeaderError::Missing).map_err(bad(Name::CallId))?;
    // Call-IDs are compared byte by byte and sent back unfolded: white space would make another of it.
    if has_space(call_id.as_bytes()) {
        return Err(Rejection::header(Name::CallId, HeaderError::Syntax("white space")));
    }
    let cseq = message.cseq().map_err(bad(Name::CSeq))?;
    Ok(Common { seen, via, from, to, call_id, cseq })
}

/// The bit of a name among those that a message has; none for the names that are too many for it.
fn bit(name: Name) -> u128 {
    1u128.checked_shl(name as u32).unwrap_or(0)
}

/// That every address of a list is readable and their number is bounded.
fn addresses(message: &Message<'_>, name: Name) -> Result<(), Rejection> {
    let mut count = 0usize;
    for address in message.addresses(name) {
        address.map_err(|error| Rejection::header(name, error))?;
        count = count.saturating_add(1);
        if count > limits::LIST_VALUES {
            return Err(Rejection::header(name, HeaderError::TooMany));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "OPTIONS sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a.example;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
        From: <sip:a@a.example>;tag=1\r\nTo: <sip:bob@b.example>\r\nCall-ID: 1@a\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

    fn verdict(text: &str) -> Result<(), Rejection> {
        request(&Message::parse(text.as_bytes()).unwrap()).map(|_| ())
    }

    #[test]
    fn a_whole_request_passes() {
        let message = Message::parse(BASE.as_bytes()).unwrap();
        let request = request(&message).unwrap();
        assert_eq!((request.method, request.uri, request.call_id), (Method::Options, "sip:bob@b.example", "1@a"));
        assert_eq!((request.cseq.number, request.from.tag(), request.to.tag()), (1, Some("1"), None));
        assert_eq!(request.max_forwards(), Some(70));
    }

    #[test]
    fn each_mandatory_header_is_missed() {
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            let start = BASE.find(&format!("\r\n{name}:")).unwrap() + 2;
            let end = start + BASE[start..].find("\r\n").unwrap() + 2;
            let text = format!("{}{}", &BASE[..start], &BASE[end..]);
            let rejection = verdict(&text).unwrap_err();
            assert_eq!((rejection.status, rejection.reason), (400, format!("Missing {name} header field")));
        }
    }

    #[test]
    fn headers_that_may_stand_once() {
        for line in ["f: <sip:x@y>;tag=2", "To: <sip:x@y>", "i: 2", "CSeq: 1 OPTIONS", "Max-Forwards: 70", "l: 0"] {
            let text = BASE.replace("CSeq: 1", &format!("{line}\r\nCSeq: 1"));
            let rejection = verdict(&text).unwrap_err();
            assert!(rejection.status == 400 && rejection.reason.starts_with("Several "), "{line}: {rejection}");
        }
    }

    #[test]
    fn disagreement_and_versions() {
        assert!(verdict(&BASE.replace("1 OPTIONS", "1 INVITE")).unwrap_err().reason.contains("CSeq method"));
        assert_eq!(verdict(&BASE.replace("example SIP/2.0", "example SIP/7.0")).unwrap_err().status, 505);
        assert_eq!(
            verdict(&BASE.replace("sip:bob@b.example SIP", "sip:bob@b.example?Route=x SIP")).unwrap_err().status,
            400
        );
        assert_eq!(verdict(&BASE.replace(": 70", ": 300")).unwrap_err().status, 400);
        assert_eq!(verdict(&BASE.replace("1@a", "1\r\n @a")).unwrap_err().status, 400);
        assert_eq!(verdict(&BASE.replace("Length: 0", "Length: 9")).unwrap_err().status, 400);
        assert!(verdict(&BASE.replace("sip:bob@b.example SIP", "nobodyKnowsThisScheme:x SIP")).is_ok());
    }

    #[test]
    fn lists_are_bounded() {
        let routes = "Route: <sip:a;lr>\r\n".repeat(limits::LIST_VALUES + 1);
        assert_eq!(verdict(&BASE.replace("CSeq", &format!("{routes}CSeq"))).unwrap_err().status, 513);
        let vias = "Via: SIP/2.0/UDP a\r\n".repeat(limits::LIST_VALUES);
        assert_eq!(verdict(&BASE.replace("CSeq", &format!("{vias}CSeq"))).unwrap_err().status, 513);
    }
}
