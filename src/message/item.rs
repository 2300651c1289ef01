//! A value with parameters: Event, Subscription-State, Session-Expires, Content-Disposition, Reason, Retry-After ... RFC 3261 s7.3.1.

use super::error::HeaderError;
use super::header::print::{self, Clean, Print, header_value};
use super::lex::{find_unquoted, is_lws, split_at, trim};
use super::params::Params;
use crate::base::text::is_token;
use std::fmt::{self, Write};

/// `value;name=value`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Item<'a> {
    /// What stands before the first `;`.
    pub value: &'a str,
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> Item<'a> {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// No value, or too many parameters.
    pub fn parse(text: &'a str) -> Result<Self, HeaderError> {
        let (value, params) = split_at(text, find_unquoted(text, |b| b == b';'));
        let value = trim(value);
        if value.is_empty() {
            return Err(HeaderError::Syntax("no value"));
        }
        Ok(Item { value, params: Params::new(params)? })
    }

    /// Reads one whose value must be a token.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); no token.
    pub fn token(text: &'a str) -> Result<Self, HeaderError> {
        let item = Item::parse(text)?;
        if is_token(item.value.as_bytes()) { Ok(item) } else { Err(HeaderError::Syntax("the value is not a token")) }
    }

    /// Reads one whose value must be seconds: Session-Expires, Retry-After (whose comment is passed over).
    ///
    /// # Errors
    /// As [`parse`](Self::parse); no number of at most 32 bits.
    pub fn seconds(text: &'a str) -> Result<(u32, Params<'a>), HeaderError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = split_at(text, digits);
        let seconds = super::cseq::decimal32(number)?;
        let mut rest = trim(rest);
        if rest.starts_with('(') {
            let end = comment_len(rest).ok_or(HeaderError::Syntax("unterminated comment"))?;
            rest = trim(split_at(rest, end).1);
        }
        Ok((seconds, Params::new(rest)?))
    }

    /// The weight of a value of Accept-Encoding or Accept-Language in thousandths: 1000 when it says nothing. RFC 3261 s20.2.
    #[must_use]
    pub fn q(&self) -> u16 {
        weight(self.params)
    }

    /// Reads a media type as `(type, subtype, parameters)`. RFC 3261 s20.15.
    ///
    /// # Errors
    /// Not `type/subtype`.
    pub fn media_type(text: &'a str) -> Result<(&'a str, &'a str, Params<'a>), HeaderError> {
        let item = Item::parse(text)?;
        let slash = item.value.split_once('/').map(|(kind, subtype)| (trim(kind), trim(subtype)));
        match slash {
            Some((kind, subtype)) if is_token(kind.as_bytes()) && is_token(subtype.as_bytes()) => {
                Ok((kind, subtype, item.params))
            }
            _ => Err(HeaderError::Syntax("not type/subtype")),
        }
    }
}

/// The `q` parameter in thousandths: 1000 when it is absent or malformed. RFC 3261 s20.1.
pub(super) fn weight(params: Params<'_>) -> u16 {
    let Some(q) = params.value("q").filter(|q| super::strict::is_qvalue(q)) else { return 1000 };
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    let thousandths = digits.fold(0u16, |n, d| n.saturating_mul(10).saturating_add(u16::from(d.saturating_sub(b'0'))));
    if whole == "1" { 1000 } else { thousandths }
}

/// Length of the comment at the front, with comments inside it; counted, not recursive. RFC 3261 s25.1.
pub(super) fn comment_len(s: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut escaped = false;
    for (at, b) in s.bytes().enumerate() {
        match b {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return Some(at.saturating_add(1));
        }
    }
    None
}

impl Print for Item<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{}{}", self.value, self.params.as_str())
    }
}

/// RAck: `response-num cseq-num method`. RFC 3262 s7.2.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// RSeq of the provisional response.
    pub rseq: u32,
    /// CSeq of the response.
    pub cseq: super::CSeq<'a>,
}

impl<'a> RAck<'a> {
    /// Reads a field value.
    ///
    /// # Errors
    /// Not two numbers and a method.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let value = trim(value);
        let end = value.bytes().position(is_lws).ok_or(HeaderError::Syntax("no CSeq after the response number"))?;
        let (rseq, rest) = split_at(value, end);
        Ok(RAck { rseq: super::cseq::decimal32(rseq)?, cseq: super::CSeq::parse(rest)? })
    }
}

impl Print for RAck<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{} {}", self.rseq, self.cseq)
    }
}

/// Warning: `code agent "text"`. RFC 3261 s20.43.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Warning<'a> {
    /// Three digits.
    pub code: u16,
    /// Who warns.
    pub agent: &'a str,
    /// What it says, with its quotes.
    pub text: &'a str,
}

impl<'a> Warning<'a> {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// Not three digits, an agent and a quoted string.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        const SHAPE: HeaderError = HeaderError::Syntax("not code agent \"text\"");
        let (code, rest) = value.split_once([' ', '\t']).ok_or(SHAPE)?;
        let (agent, text) = trim(rest).split_once([' ', '\t']).ok_or(SHAPE)?;
        let (agent, text) = (trim(agent), trim(text));
        if code.len() != 3
            || super::lex::has_space(agent.as_bytes())
            || !text.starts_with('"')
            || super::lex::quoted_len(text.as_bytes()) != Some(text.len())
        {
            return Err(SHAPE);
        }
        Ok(Warning { code: code.parse().map_err(|_| HeaderError::Number)?, agent, text })
    }
}

impl Print for Warning<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{:03} {} ", self.code, self.agent)?;
        let whole = self.text.starts_with('"') && super::lex::quoted_len(self.text.as_bytes()) == Some(self.text.len());
        if whole { out.write_str(self.text) } else { print::quoted(out, self.text) }
    }
}

header_value!(Item, RAck, Warning);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items() {
        let item = Item::token("presence ; id=7").unwrap();
        assert_eq!((item.value, item.params.value("id")), ("presence", Some("7")));
        assert!(Item::parse(";x").is_err() && Item::token("a b").is_err());
        let (seconds, params) = Item::seconds("1800;refresher=uac").unwrap();
        assert_eq!((seconds, params.value("refresher")), (1800, Some("uac")));
        let (seconds, params) = Item::seconds("120 (I'm (in) a \\) meeting);duration=3600").unwrap();
        assert_eq!((seconds, params.value("duration")), (120, Some("3600")));
        assert!(Item::seconds("949302838503028349304023988").is_err() && Item::seconds("1 (((").is_err());
        assert_eq!(Item::media_type("application / sdp;a=b").map(|t| (t.0, t.1)), Ok(("application", "sdp")));
        assert!(Item::media_type("application").is_err());
    }

    #[test]
    fn rack_and_warning() {
        let rack = RAck::parse("776656 1  INVITE").unwrap();
        assert_eq!((rack.rseq, rack.cseq.number), (776656, 1));
        assert!(RAck::parse("1").is_err() && RAck::parse("1 INVITE").is_err());
        let warning = Warning::parse(r#"307 isi.edu "Session parameter 'foo' not understood""#).unwrap();
        assert_eq!((warning.code, warning.agent), (307, "isi.edu"));
        assert!(Warning::parse("1812 overture \"In Progress\"").is_err() && Warning::parse("307 a b").is_err());
    }
}
