//! Request-Line and Status-Line. RFC 3261 s7.1, s7.2.

use super::Method;
use super::error::{Defect, ParseError};
use super::lex::{has_control, has_space, is_lws, split_around};
use crate::base::scan::find_byte;
use crate::base::text::is_token;

/// The first line of a message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// A request.
    Request {
        /// Method.
        method: Method<'a>,
        /// Request-URI, as it came.
        uri: &'a str,
    },
    /// A response.
    Status {
        /// Status code, 100 to 699.
        code: u16,
        /// Reason phrase; empty when it is not UTF-8.
        reason: &'a str,
    },
}

impl<'a> StartLine<'a> {
    /// Reads the line (without its end); the defect is what was overlooked.
    pub(super) fn parse(line: &'a [u8]) -> Result<(Self, Option<Defect>), ParseError> {
        match line.split_at_checked(4) {
            Some((front, rest)) if front.eq_ignore_ascii_case(b"SIP/") => {
                no_control(rest)?;
                status(rest)
            }
            _ => request(std::str::from_utf8(line).map_err(|_| ParseError::StartLine)?),
        }
    }
}

/// A control character that no start line may hold; TAB may stand in a reason phrase. RFC 3261 s25.1.
pub(super) const fn is_control(b: u8) -> bool {
    b < b' ' && b != b'\t'
}

fn request(line: &str) -> Result<(StartLine<'_>, Option<Defect>), ParseError> {
    // The ordinary line: one space, a URI without space, one space, SIP/2.0.
    if let Some(rest) = line.strip_suffix(" SIP/2.0")
        && let Some(space) = find_byte(rest.as_bytes(), b' ')
    {
        let (method, uri) = split_around(rest, space);
        if !uri.is_empty() && !has_space(uri.as_bytes()) && is_token(method.as_bytes()) {
            return Ok((StartLine::Request { method: Method::from_token(method), uri }, None));
        }
    }
    no_control(line.as_bytes())?;
    odd_request(line)
}

fn no_control(line: &[u8]) -> Result<(), ParseError> {
    if has_control(line) && line.iter().any(|b| is_control(*b)) {
        return Err(ParseError::ControlCharacter);
    }
    Ok(())
}

fn odd_request(line: &str) -> Result<(StartLine<'_>, Option<Defect>), ParseError> {
    let (method, rest) = line.split_once(' ').ok_or(ParseError::StartLine)?;
    let trimmed = rest.trim_end_matches([' ', '\t']);
    let (uri, version) = trimmed.rsplit_once([' ', '\t']).ok_or(ParseError::StartLine)?;
    let number = match version.split_at_checked(4) {
        Some((front, number)) if front.eq_ignore_ascii_case("SIP/") => number,
        _ => return Err(ParseError::StartLine),
    };
    if !is_token(method.as_bytes()) {
        return Err(ParseError::StartLine);
    }
    let bare = uri.trim_matches([' ', '\t']);
    if bare.is_empty() {
        return Err(ParseError::StartLine);
    }
    let defect = if number != "2.0" {
        Some(Defect::Version)
    } else if bare.len() != uri.len() || trimmed.len() != rest.len() || uri.bytes().any(is_lws) {
        Some(Defect::StartLineSpace)
    } else {
        None
    };
    Ok((StartLine::Request { method: Method::from_token(method), uri: bare }, defect))
}

/// Reads a Status-Line after its `SIP/`.
fn status(rest: &[u8]) -> Result<(StartLine<'_>, Option<Defect>), ParseError> {
    let space = memchr::memchr(b' ', rest).ok_or(ParseError::StartLine)?;
    let (version, rest) = rest.split_at_checked(space).ok_or(ParseError::StartLine)?;
    let (digits, reason) = match rest {
        [b' ', digits @ ..] => match memchr::memchr(b' ', digits).and_then(|at| digits.split_at_checked(at)) {
            Some((digits, reason)) => (digits, reason.get(1..).unwrap_or_default()),
            None => (digits, &b""[..]),
        },
        _ => return Err(ParseError::StartLine),
    };
    let code = match digits {
        [b'1'..=b'6', b'0'..=b'9', b'0'..=b'9'] => {
            digits.iter().fold(0u16, |n, d| n.wrapping_mul(10).wrapping_add(u16::from(d.wrapping_sub(b'0'))))
        }
        _ => return Err(ParseError::StatusCode),
    };
    let mut defect = (version != b"2.0").then_some(Defect::Version);
    let reason = std::str::from_utf8(reason).unwrap_or_else(|_| {
        defect = defect.or(Some(Defect::Reason));
        ""
    });
    Ok((StartLine::Status { code, reason }, defect))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_lines() {
        let (line, defect) = StartLine::parse(b"INVITE sip:bob@b.example SIP/2.0").unwrap();
        assert_eq!(line, StartLine::Request { method: Method::Invite, uri: "sip:bob@b.example" });
        assert_eq!(defect, None);
        let (line, defect) = StartLine::parse(b"SIP/2.0 480 Temporarily Unavailable").unwrap();
        assert_eq!(line, StartLine::Status { code: 480, reason: "Temporarily Unavailable" });
        assert_eq!(defect, None);
        assert_eq!(StartLine::parse(b"SIP/2.0 100 ").unwrap().0, StartLine::Status { code: 100, reason: "" });
        assert_eq!(StartLine::parse(b"SIP/2.0 100").unwrap().0, StartLine::Status { code: 100, reason: "" });
    }

    #[test]
    fn overlooked_defects() {
        let of = |line| StartLine::parse(line).unwrap().1;
        assert_eq!(of(b"OPTIONS sip:a SIP/7.0"), Some(Defect::Version));
        assert_eq!(of(b"OPTIONS  sip:a SIP/2.0"), Some(Defect::StartLineSpace));
        assert_eq!(of(b"OPTIONS sip:a SIP/2.0 "), Some(Defect::StartLineSpace));
        assert_eq!(of(b"OPTIONS sip:a; lr SIP/2.0"), Some(Defect::StartLineSpace));
        assert_eq!(of(b"SIP/2.0 200 \xff"), Some(Defect::Reason));
    }

    #[test]
    fn what_is_no_sip() {
        for line in [
            &b"GET / HTTP/1.1"[..],
            b"",
            b"SIP/2.0",
            b"INVITE",
            b"INVITE sip:a",
            b"IN[VITE sip:a SIP/2.0",
            b"\xff sip:a SIP/2.0",
        ] {
            assert_eq!(StartLine::parse(line), Err(ParseError::StartLine), "{line:?}");
        }
        for line in [&b"SIP/2.0 200 a\x01"[..], b"INVITE sip:\x1b SIP/2.0"] {
            assert_eq!(StartLine::parse(line), Err(ParseError::ControlCharacter), "{line:?}");
        }
        assert!(StartLine::parse(b"SIP/2.0 200 a\tb").is_ok());
        for line in [&b"SIP/2.0 4294967301 better not"[..], b"SIP/2.0 99 x", b"SIP/2.0 700 x", b"SIP/2.0 2x0 x"] {
            assert_eq!(StartLine::parse(line), Err(ParseError::StatusCode), "{line:?}");
        }
    }
}
