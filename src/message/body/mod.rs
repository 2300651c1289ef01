//! Bodies of one part and of several. RFC 5621, RFC 2046 s5.1, RFC 3261 s7.4, s8.2.3.
//!
//! [`Message::parts`] yields the body, or each part of a multipart body at any depth. [`session`] finds the session description and says
//! when a required part is not understood.

mod multipart;
mod write;

pub use write::{NewPart, write_multipart};

use super::error::HeaderError;
use super::header::{Disposition, MediaType};
use super::lex::{Values, trim};
use super::names::Name;
use super::view::Message;
use crate::base::limits;
use multipart::Multipart;
use smallvec::SmallVec;
use std::fmt;

/// Why a multipart body cannot be read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// No `boundary` parameter, or one that is not 1 to 70 printable characters. RFC 2046 s5.1.1.
    Boundary,
    /// The boundary never comes. RFC 2046 s5.1.1.
    NoDelimiter,
    /// More parts than `limits::BODY_PARTS`, or deeper than `limits::MULTIPART_DEPTH`.
    TooMany,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BodyError::Boundary => "The multipart Content-Type has no usable boundary",
            BodyError::NoDelimiter => "The multipart body does not hold its boundary",
            BodyError::TooMany => "The multipart body has too many parts or levels",
        })
    }
}

impl std::error::Error for BodyError {}

/// One body, or one part of a multipart body.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Part<'a> {
    /// The bytes, as they came.
    pub body: &'a [u8],
    /// Content-Type with its parameters.
    pub content_type: Option<&'a str>,
    /// Content-Disposition.
    pub disposition: Option<&'a str>,
    /// Content-Encoding: what the bytes are packed with.
    pub content_encoding: Option<&'a str>,
    /// Content-Transfer-Encoding of a part of a multipart body. RFC 5621 s3.2 wants `binary`.
    pub transfer_encoding: Option<&'a str>,
    /// Content-ID in its angle brackets.
    pub content_id: Option<&'a str>,
    /// It stands in a `multipart/alternative`, the outermost of which is the nth multipart of the message.
    pub alternative: Option<u8>,
    /// A multipart around it may be left out.
    in_optional: bool,
}

impl<'a> Part<'a> {
    /// The media type; `text/plain` where a part of a multipart body names none. RFC 2046 s5.1.
    ///
    /// # Errors
    /// What is wrong with the Content-Type.
    pub fn media_type(&self) -> Result<MediaType<'a>, HeaderError> {
        MediaType::parse(self.content_type.unwrap_or("text/plain"))
    }

    /// Whether it is of the media type `kind/subtype`.
    #[must_use]
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.content_type.is_some() && self.media_type().is_ok_and(|t| t.is(kind, subtype))
    }

    /// The disposition type: as written, else `session` of SDP and `render` of others. RFC 3261 s20.11.
    #[must_use]
    pub fn purpose(&self) -> &'a str {
        let written = self.disposition.and_then(|d| Disposition::parse(d).ok()).map(|d| d.kind);
        written.unwrap_or(if self.is("application", "sdp") { "session" } else { "render" })
    }

    /// Whether it may be left out when it is not understood: it says so, or a multipart around it does. RFC 3261 s20.11, RFC 5621 s8.2.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.in_optional || self.disposition.is_some_and(is_optional)
    }

    /// The Content-ID without its brackets, as a `cid:` URI names it. RFC 2392 s2.
    #[must_use]
    pub fn id(&self) -> Option<&'a str> {
        let id = self.content_id?;
        Some(id.strip_prefix('<').and_then(|id| id.strip_suffix('>')).unwrap_or(id))
    }

    /// Whether the bytes are what the media type says, neither packed nor in base64.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let packed = self.content_encoding.is_some_and(|list| !is_identity(list));
        let written = self.transfer_encoding.is_some_and(|encoding| {
            !["7bit", "8bit", "binary"].iter().any(|known| encoding.eq_ignore_ascii_case(known))
        });
        !packed && !written
    }

    /// Reads the head of a part: the headers that matter here, in any order, names in any case.
    fn of(raw: &'a [u8]) -> Self {
        let mut part = Part::default();
        let mut rest = raw;
        while !rest.is_empty() {
            let (line, after) = take_line(rest);
            rest = after;
            if line.is_empty() {
                part.body = rest;
                break;
            }
            let Some((name, value)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once(':')) else {
                continue;
            };
            let slot = match trim(name) {
                n if n.eq_ignore_ascii_case("Content-Type") || n.eq_ignore_ascii_case("c") => &mut part.content_type,
                n if n.eq_ignore_ascii_case("Content-Disposition") => &mut part.disposition,
                n if n.eq_ignore_ascii_case("Content-Encoding") || n.eq_ignore_ascii_case("e") => {
                    &mut part.content_encoding
                }
                n if n.eq_ignore_ascii_case("Content-Transfer-Encoding") => &mut part.transfer_encoding,
                n if n.eq_ignore_ascii_case("Content-ID") => &mut part.content_id,
                _ => continue,
            };
            // Of a header that comes twice the first counts.
            *slot = slot.or(Some(trim(value)));
        }
        part
    }

    /// The parameters of a multipart part: subtype and boundary.
    fn multipart(&self) -> Option<MediaType<'a>> {
        self.content_type?;
        self.media_type().ok().filter(|t| t.kind.eq_ignore_ascii_case("multipart"))
    }
}

fn is_optional(disposition: &str) -> bool {
    Disposition::parse(disposition).is_ok_and(|d| d.is_optional())
}

fn is_identity(encodings: &str) -> bool {
    Values::list(encodings).all(|e| e.is_empty() || e.eq_ignore_ascii_case("identity"))
}

/// Cuts a header line with its folds, without its end; and what follows.
fn take_line(text: &[u8]) -> (&[u8], &[u8]) {
    let mut from = 0usize;
    loop {
        let Some(found) = memchr::memchr(b'\n', text.get(from..).unwrap_or_default()) else { return (text, b"") };
        let end = from.saturating_add(found);
        let (line, after) = text.split_at_checked(end).unwrap_or((text, b"\n"));
        let (line, after) = (line.strip_suffix(b"\r").unwrap_or(line), after.get(1..).unwrap_or_default());
        if line.is_empty() || !matches!(after, [b' ' | b'\t', ..]) {
            return (line, after);
        }
        from = end.saturating_add(1);
    }
}

/// A multipart that is being read.
#[derive(Clone, Debug)]
struct Level<'a> {
    parts: Multipart<'a>,
    alternative: Option<u8>,
    optional: bool,
}

/// The parts of a body in order: see [`Message::parts`]. Ends after the first error.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// The body as a whole, until it is looked at.
    whole: Option<Part<'a>>,
    levels: SmallVec<[Level<'a>; 1]>,
    /// Parts and multiparts seen.
    seen: usize,
}

impl<'a> Parts<'a> {
    /// Yields a part, or goes into it when it is a multipart.
    fn open(&mut self, part: Part<'a>) -> Result<Option<Part<'a>>, BodyError> {
        self.seen = self.seen.saturating_add(1);
        if self.seen > limits::BODY_PARTS {
            return Err(BodyError::TooMany);
        }
        let Some(kind) = part.multipart() else { return Ok(Some(part)) };
        if self.levels.len() >= limits::MULTIPART_DEPTH {
            return Err(BodyError::TooMany);
        }
        let boundary = kind.param("boundary").ok_or(BodyError::Boundary)?;
        let here =
            kind.subtype.eq_ignore_ascii_case("alternative").then_some(u8::try_from(self.seen).unwrap_or(u8::MAX));
        self.levels.push(Level {
            parts: Multipart::new(part.body, &boundary)?,
            alternative: part.alternative.or(here),
            optional: part.is_optional(),
        });
        Ok(None)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = Result<Part<'a>, BodyError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let part = match self.whole.take() {
                Some(whole) => whole,
                None => {
                    let level = self.levels.last_mut()?;
                    let Some(raw) = level.parts.next() else {
                        self.levels.pop();
                        continue;
                    };
                    Part { alternative: level.alternative, in_optional: level.optional, ..Part::of(raw) }
                }
            };
            match self.open(part) {
                Ok(Some(part)) => return Some(Ok(part)),
                Ok(None) => {}
                Err(error) => {
                    self.levels.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

impl<'a> Message<'a> {
    /// The body as a part of its own, or the parts of a multipart body in order, nested ones in their place. Nothing of an empty body.
    pub fn parts(&self) -> Parts<'a> {
        let whole = (!self.body().is_empty()).then(|| Part {
            body: self.body(),
            content_type: self.content_type(),
            disposition: self.header(Name::ContentDisposition),
            content_encoding: self.header(Name::ContentEncoding),
            ..Part::default()
        });
        Parts { whole, levels: SmallVec::new(), seen: 0 }
    }

    /// The body part that a `cid:` URI names (`id` without scheme and brackets). RFC 2392 s2, RFC 5621 s9.3.
    #[must_use]
    pub fn part_with_id(&self, id: &str) -> Option<Part<'a>> {
        self.parts().flatten().find(|part| part.id() == Some(id))
    }
}

/// Why a request is refused for its body. RFC 3261 s8.2.3, s21.4.13.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Unsupported {
    /// 415 with Accept: a required part of a type, or for a purpose, that is not understood.
    Type,
    /// 415 with Accept-Encoding: packed, or written in base64.
    Encoding,
    /// 400: a multipart that cannot be read.
    Malformed(BodyError),
}

impl Unsupported {
    /// Status of the response and the header that it carries.
    #[must_use]
    pub const fn answer(self) -> (u16, &'static [(Name, &'static str)]) {
        match self {
            Unsupported::Type => (415, &[(Name::Accept, ACCEPT)]),
            Unsupported::Encoding => (415, &[(Name::AcceptEncoding, "identity")]),
            Unsupported::Malformed(_) => (400, &[]),
        }
    }
}

/// What an INVITE may carry. RFC 5621 s4.2.
pub const ACCEPT: &str = "application/sdp, multipart/alternative, multipart/mixed";

/// The session description of a request, by itself or in a multipart body; `None` when there is none. RFC 5621 s6.1: of alternatives
/// the last one that is understood counts.
///
/// # Errors
/// A required part that is not understood.
pub fn session<'a>(message: &Message<'a>) -> Result<Option<&'a [u8]>, Unsupported> {
    let mut found = None;
    // A choice that none of its parts has met yet.
    let mut open: Option<(u8, Unsupported)> = None;
    for part in message.parts() {
        let part = part.map_err(Unsupported::Malformed)?;
        if let Some((_, why)) = open.take_if(|(choice, _)| part.alternative != Some(*choice)) {
            return Err(why);
        }
        let fault = match part.is("application", "sdp") && part.purpose().eq_ignore_ascii_case("session") {
            true if part.is_plain() => None,
            true => Some(Unsupported::Encoding),
            false => Some(Unsupported::Type),
        };
        match (fault, part.alternative) {
            (None, choice) => {
                let replaces =
                    choice.is_some_and(|choice| matches!(found, Some((Some(before), _)) if before == choice));
                if found.is_none() || replaces {
                    found = Some((choice, part.body));
                }
                open = None;
            }
            (Some(_), _) if part.is_optional_here() => {}
            (Some(why), None) => return Err(why),
            (Some(why), Some(choice)) => {
                let met = matches!(found, Some((Some(before), _)) if before == choice);
                open = if met { None } else { Some((choice, why)) };
            }
        }
    }
    match open {
        Some((_, why)) => Err(why),
        None => Ok(found.map(|(_, sdp)| sdp)),
    }
}

impl Part<'_> {
    /// In a choice the handling of the multipart counts and not that of its parts. RFC 5621 s8.3.
    fn is_optional_here(&self) -> bool {
        if self.alternative.is_some() { self.in_optional } else { self.is_optional() }
    }
}

/// The session description of a response or ACK, where nothing can be refused: what is not understood is passed over. A body without
/// Content-Type is taken for one.
#[must_use]
pub fn session_of_response<'a>(message: &Message<'a>) -> Option<&'a [u8]> {
    let mut all = message.parts().flatten().filter(|part| {
        part.is_plain()
            && (part.content_type.is_none() || part.is("application", "sdp"))
            && (part.content_type.is_none() || part.purpose().eq_ignore_ascii_case("session"))
    });
    let first = all.next()?;
    // Of alternatives the last one counts.
    let last = all.filter(|part| part.alternative.is_some() && part.alternative == first.alternative).last();
    Some(last.unwrap_or(first).body)
}

/// Whether the body is packed in a way that is not understood: 415 with Accept-Encoding. RFC 3261 s8.2.3.
#[must_use]
pub fn is_packed(message: &Message<'_>) -> bool {
    !message.body().is_empty() && message.all(Name::ContentEncoding).any(|list| !is_identity(list))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
