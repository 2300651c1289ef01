//! Session-Expires and Min-SE (RFC 4028 s4, s5), Retry-After (RFC 3261 s20.33): seconds with parameters.

use super::print::{self, Clean, More, Print, header_value};
use crate::message::error::HeaderError;
use crate::message::item::{Item, comment_len};
use crate::message::lex::{split_at, trim};
use crate::message::params::Params;
use std::fmt::{self, Write};

/// Seconds with parameters: Min-SE.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Seconds<'a> {
    /// The time.
    pub seconds: u32,
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> Seconds<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// No number of at most 32 bits, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let value = trim(value);
        let (number, params) = split_at(value, value.bytes().take_while(u8::is_ascii_digit).count());
        Ok(Seconds { seconds: crate::message::cseq::decimal32(number)?, params: Params::new(params)? })
    }
}

impl Print for Seconds<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{}{}", self.seconds, self.params.as_str())
    }
}

/// Who refreshes a session.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The one who sent the request that set the interval.
    Uac,
    /// The one who answered it.
    Uas,
}

impl Refresher {
    /// `uac` or `uas`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Refresher::Uac => "uac",
            Refresher::Uas => "uas",
        }
    }
}

/// Session-Expires.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SessionExpires<'a> {
    /// The session interval.
    pub seconds: u32,
    /// Who refreshes; `None` when not said.
    pub refresher: Option<Refresher>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> SessionExpires<'a> {
    /// An interval.
    #[must_use]
    pub const fn new(seconds: u32, refresher: Option<Refresher>) -> SessionExpires<'static> {
        SessionExpires { seconds, refresher, more: More::new(Params::NONE) }
    }

    /// Reads a field.
    ///
    /// # Errors
    /// No number of at most 32 bits, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let Seconds { seconds, params } = Seconds::parse(value)?;
        let refresher = match params.value("refresher") {
            Some(who) if who.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(who) if who.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            _ => None,
        };
        Ok(SessionExpires { seconds, refresher, more: More::without(params, &["refresher"]) })
    }
}

impl Print for SessionExpires<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{}", self.seconds)?;
        if let Some(refresher) = self.refresher {
            write!(out, ";refresher={}", refresher.as_str())?;
        }
        self.more.print(out)
    }
}

/// Retry-After.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RetryAfter<'a> {
    /// After how many seconds to try again.
    pub seconds: u32,
    /// The comment with its parentheses.
    pub comment: Option<&'a str>,
    /// How long the called party will then be reachable, in seconds.
    pub duration: Option<u32>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> RetryAfter<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// No number of at most 32 bits, a comment that does not end, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let value = trim(value);
        let (seconds, params) = Item::seconds(value)?;
        let comment = value.trim_start_matches(|c: char| c.is_ascii_digit());
        let comment = trim(comment);
        Ok(RetryAfter {
            seconds,
            comment: comment.starts_with('(').then(|| split_at(comment, comment_len(comment).unwrap_or(0)).0),
            duration: print::decimal(params, "duration")?,
            more: More::without(params, &["duration"]),
        })
    }

    /// The seconds alone, whatever comes behind them: a comment that does not end is no reason to ask again at once.
    #[must_use]
    pub fn seconds_of(value: &str) -> Option<u32> {
        let value = trim(value);
        crate::message::cseq::decimal32(split_at(value, value.bytes().take_while(u8::is_ascii_digit).count()).0).ok()
    }
}

impl Print for RetryAfter<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{}", self.seconds)?;
        // One that would not end as it began would swallow what follows.
        if let Some(comment) = self.comment.filter(|c| c.starts_with('(') && comment_len(c) == Some(c.len())) {
            write!(out, " {comment}")?;
        }
        print::number(out, "duration", self.duration)?;
        self.more.print(out)
    }
}

header_value!(Seconds, SessionExpires, RetryAfter);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_intervals() {
        let s = SessionExpires::parse("4000;Refresher=UAC;x").unwrap();
        assert_eq!(
            (s.seconds, s.refresher, s.to_string().as_str()),
            (4000, Some(Refresher::Uac), "4000;refresher=uac;x")
        );
        assert_eq!(SessionExpires::new(90, Some(Refresher::Uas)).to_string(), "90;refresher=uas");
        assert_eq!(SessionExpires::parse("90;refresher=me").unwrap().refresher, None);
        assert_eq!(Seconds::parse(" 90 ;x=1").unwrap().to_string(), "90;x=1");
        assert!(
            Seconds::parse("x").is_err() && Seconds::parse("4294967296").is_err() && Seconds::parse("1 (c)").is_err()
        );
    }

    #[test]
    fn when_to_try_again() {
        let r = RetryAfter::parse("18000 (I'm (in) a \\) meeting) ;duration=3600;x=y").unwrap();
        assert_eq!((r.seconds, r.comment, r.duration), (18000, Some("(I'm (in) a \\) meeting)"), Some(3600)));
        assert_eq!(r.to_string(), "18000 (I'm (in) a \\) meeting);duration=3600;x=y");
        assert_eq!(RetryAfter::parse("5").unwrap().to_string(), "5");
        let broken = RetryAfter { comment: Some("(a"), ..RetryAfter::parse("5").unwrap() };
        assert_eq!(broken.to_string(), "5");
        assert!(RetryAfter::parse("5 (a").is_err() && RetryAfter::parse("").is_err());
        assert_eq!((RetryAfter::seconds_of(" 5 (a"), RetryAfter::seconds_of("soon")), (Some(5), None));
    }
}
