//! Small values: Refer-Sub (RFC 4488 s4), Timestamp and MIME-Version (RFC 3261 s20.38, s20.24), Session-ID (RFC 7989 s5),
//! Authentication-Info (RFC 3261 s20.6), products of Server and User-Agent (RFC 3261 s20.35, s20.41).

use super::print::{Clean, More, Print, header_value};
use crate::message::challenge::AuthParams;
use crate::message::cseq::decimal32;
use crate::message::error::HeaderError;
use crate::message::item::{Item, comment_len};
use crate::message::lex::{is_lws, split_around, split_at, token, trim};
use crate::message::params::Params;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// Refer-Sub: whether a REFER makes a subscription.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ReferSub<'a> {
    /// `true` or `false`.
    pub wanted: bool,
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> ReferSub<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// Neither `true` nor `false`, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let Item { value, params } = Item::parse(value)?;
        match value {
            _ if value.eq_ignore_ascii_case("true") => Ok(ReferSub { wanted: true, params }),
            _ if value.eq_ignore_ascii_case("false") => Ok(ReferSub { wanted: false, params }),
            _ => Err(HeaderError::Syntax("neither true nor false")),
        }
    }
}

impl Print for ReferSub<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{}{}", self.wanted, self.params.as_str())
    }
}

/// Timestamp: echoed as it came, with the delay added.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Timestamp<'a> {
    /// The sender's clock in seconds, digits with one dot at most.
    pub time: &'a str,
    /// Seconds between request and response.
    pub delay: Option<&'a str>,
}

impl<'a> Timestamp<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// Not one or two decimal numbers.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let value = trim(value);
        let (time, delay) = split_at(value, value.bytes().position(is_lws).unwrap_or(value.len()));
        let delay = trim(delay);
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit() || b == b'.') && t.matches('.').count() < 2;
        if !time.bytes().next().is_some_and(|b| b.is_ascii_digit()) || !digits(time) || !digits(delay) {
            return Err(HeaderError::Number);
        }
        Ok(Timestamp { time, delay: (!delay.is_empty()).then_some(delay) })
    }
}

impl Print for Timestamp<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        out.write_str(self.time)?;
        self.delay.map_or(Ok(()), |delay| write!(out, " {delay}"))
    }
}

/// MIME-Version.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MimeVersion {
    /// Before the dot: 1.
    pub major: u32,
    /// After it: 0.
    pub minor: u32,
}

impl MimeVersion {
    /// Reads a field.
    ///
    /// # Errors
    /// Not two numbers with a dot between.
    pub fn parse(value: &str) -> Result<Self, HeaderError> {
        let (major, minor) = trim(value).split_once('.').ok_or(HeaderError::Number)?;
        Ok(MimeVersion { major: decimal32(major)?, minor: decimal32(minor)? })
    }
}

impl fmt::Display for MimeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl crate::message::HeaderValue<'_> for MimeVersion {
    fn read(text: &str) -> Result<Self, HeaderError> {
        MimeVersion::parse(text)
    }
}

/// Session-ID: the two halves of an end-to-end session identifier.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SessionId<'a> {
    /// The sender's UUID, 32 hexadecimal digits.
    pub local: &'a str,
    /// The recipient's; all zeros when the sender does not know it. Absent in what RFC 7329 describes.
    pub remote: Option<&'a str>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> SessionId<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// Not 32 hexadecimal digits, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let Item { value, params } = Item::parse(value)?;
        let uuid = |t: &'a str| {
            let well = t.len() == 32 && t.bytes().all(|b| b.is_ascii_hexdigit());
            if well { Ok(t) } else { Err(HeaderError::Syntax("not 32 hexadecimal digits")) }
        };
        let remote = params.get("remote").flatten().map(uuid).transpose()?;
        Ok(SessionId { local: uuid(value)?, remote, more: More::without(params, &["remote"]) })
    }
}

impl Print for SessionId<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        out.write_str(self.local)?;
        if let Some(remote) = self.remote {
            write!(out, ";remote={remote}")?;
        }
        self.more.print(out)
    }
}

/// Authentication-Info: what a server says after credentials were right.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct AuthInfo<'a>(AuthParams<'a>);

impl<'a> AuthInfo<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// No `name=value`.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let params = AuthParams::new(value);
        if params.iter().next().is_none() {
            return Err(HeaderError::Syntax("no name=value"));
        }
        Ok(AuthInfo(params))
    }

    /// `nextnonce`, `qop`, `rspauth`, `cnonce` or `nc`, quotes undone.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.0.get(name)
    }

    /// All pairs in order, values with their quotes.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.0.iter()
    }
}

impl Print for AuthInfo<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        out.write_str(self.0.as_str())
    }
}

/// Server or User-Agent, as text; [`products`](Self::products) takes it apart.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Software<'a>(pub &'a str);

/// One part of Server or User-Agent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Product<'a> {
    /// A program and its version.
    Program {
        /// Its name.
        name: &'a str,
        /// Its version, when written.
        version: Option<&'a str>,
    },
    /// A comment without its parentheses.
    Comment(&'a str),
    /// A word that is neither.
    Other(&'a str),
}

impl<'a> Software<'a> {
    /// Takes a field: any text.
    ///
    /// # Errors
    /// None.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        Ok(Software(trim(value)))
    }

    /// The parts in order.
    pub fn products(&self) -> impl Iterator<Item = Product<'a>> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            rest = trim(rest);
            if rest.is_empty() {
                return None;
            }
            if rest.starts_with('(') {
                let (comment, after) = split_at(rest, comment_len(rest).unwrap_or(rest.len()));
                rest = after;
                let inner = split_around(comment, 0).1;
                return Some(Product::Comment(inner.strip_suffix(')').unwrap_or(inner)));
            }
            let (word, after) = split_at(rest, rest.bytes().position(is_lws).unwrap_or(rest.len()));
            rest = after;
            Some(match token(word) {
                Some((name, "")) => Product::Program { name, version: None },
                Some((name, version)) => match version.strip_prefix('/').and_then(token) {
                    Some((version, "")) => Product::Program { name, version: Some(version) },
                    _ => Product::Other(word),
                },
                None => Product::Other(word),
            })
        })
    }
}

impl Print for Software<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

header_value!(ReferSub, Timestamp, SessionId, AuthInfo, Software);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_versions_and_clocks() {
        assert_eq!(ReferSub::parse("False ;x").unwrap().to_string(), "false;x");
        assert!(ReferSub::parse("no").is_err());
        let t = Timestamp::parse("54.21 \t .5").unwrap();
        assert_eq!((t.time, t.delay, t.to_string().as_str()), ("54.21", Some(".5"), "54.21 .5"));
        assert!(Timestamp::parse("").is_err() && Timestamp::parse(".5").is_err() && Timestamp::parse("1.2.3").is_err());
        assert_eq!(MimeVersion::parse(" 1.0 "), Ok(MimeVersion { major: 1, minor: 0 }));
        assert!(MimeVersion::parse("1").is_err() && MimeVersion::parse("1.").is_err());
    }

    #[test]
    fn session_ids() {
        let text = "ab30317f1a784dc48ff824d0d3715d86;remote=47755a9de7794ba387653f2099600ef2";
        let id = SessionId::parse(text).unwrap();
        assert_eq!((id.remote, id.to_string().as_str()), (Some("47755a9de7794ba387653f2099600ef2"), text));
        assert!(SessionId::parse("ab").is_err() && SessionId::parse("").is_err());
    }

    #[test]
    fn what_a_server_says_after_authentication() {
        let info = AuthInfo::parse("nextnonce=\"47364c23432d2e131a5fb210812c\", qop=auth").unwrap();
        assert_eq!(
            (info.get("NextNonce").as_deref(), info.get("qop").as_deref()),
            (Some("47364c23432d2e131a5fb210812c"), Some("auth"))
        );
        assert!(AuthInfo::parse("x").is_err());
    }

    #[test]
    fn programs_and_comments() {
        let all: Vec<_> = Software("Linphone/3.5.2 (eXosip2/3.6.0 (x)) Büro v").products().collect();
        assert_eq!(
            all,
            [
                Product::Program { name: "Linphone", version: Some("3.5.2") },
                Product::Comment("eXosip2/3.6.0 (x)"),
                Product::Other("Büro"),
                Product::Program { name: "v", version: None },
            ]
        );
        assert_eq!(Software("a/ (b").products().collect::<Vec<_>>(), [Product::Other("a/"), Product::Comment("b")]);
    }
}
