//! SIP, SIPS and TEL URIs. RFC 3261 s19.1, RFC 3966.

use super::error::{HeaderError, UriError};
use super::lex::{is_lws, split_around, split_at, trim};
use super::params::Params;
use crate::base::Protocol;
use crate::base::text::{hex, unescape};
use std::fmt;
use std::net::IpAddr;

/// The scheme of a URI.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Hash)]
pub enum Scheme<'a> {
    /// `sip`, RFC 3261 s19.1.
    Sip,
    /// `sips`, RFC 3261 s19.1.
    Sips,
    /// `tel`, RFC 3966.
    Tel,
    /// `urn`, RFC 5031 (services).
    Urn,
    /// Another one, as it came.
    Other(&'a str),
}

/// A URI in parts, all as they came (escapes kept).
#[derive(Copy, Clone)]
pub struct Uri<'a> {
    /// Scheme.
    pub scheme: Scheme<'a>,
    /// User part; of a `tel` URI the number.
    pub user: Option<&'a str>,
    /// Password of the user part.
    pub password: Option<&'a str>,
    /// Host without brackets; empty in a `tel` URI; all after the colon for other schemes.
    pub host: &'a str,
    /// Port, when written.
    pub port: Option<u16>,
    /// URI parameters.
    pub params: Params<'a>,
    /// What follows the `?`, without it.
    pub headers: &'a str,
    text: &'a str,
}

impl<'a> Uri<'a> {
    /// Reads a URI.
    ///
    /// # Errors
    /// See [`UriError`].
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let colon = memchr::memchr(b':', text.as_bytes()).ok_or(UriError::Scheme)?;
        let (scheme, rest) = split_around(text, colon);
        let starts_well = scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
        if !starts_well || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')) {
            return Err(UriError::Scheme);
        }
        if text.bytes().any(|b| b <= b' ' || matches!(b, b'<' | b'>' | b'"' | 0x7f)) {
            return Err(UriError::Character);
        }
        match scheme {
            "sip" => Uri::sip(Scheme::Sip, rest, text),
            _ if scheme.eq_ignore_ascii_case("sip") => Uri::sip(Scheme::Sip, rest, text),
            _ if scheme.eq_ignore_ascii_case("sips") => Uri::sip(Scheme::Sips, rest, text),
            _ if scheme.eq_ignore_ascii_case("tel") => Uri::tel(rest, text),
            _ => {
                let scheme = if scheme.eq_ignore_ascii_case("urn") { Scheme::Urn } else { Scheme::Other(scheme) };
                Ok(Uri {
                    scheme,
                    user: None,
                    password: None,
                    host: rest,
                    port: None,
                    params: Params::default(),
                    headers: "",
                    text,
                })
            }
        }
    }

    fn sip(scheme: Scheme<'a>, rest: &'a str, text: &'a str) -> Result<Self, UriError> {
        let (user, password, rest) = match memchr::memchr(b'@', rest.as_bytes()) {
            None => (None, None, rest),
            Some(at) => {
                let (info, rest) = split_around(rest, at);
                if memchr::memchr(b'@', rest.as_bytes()).is_some() || !escapes_are_whole(info) {
                    return Err(UriError::Character);
                }
                match memchr::memchr(b':', info.as_bytes()) {
                    None => (Some(info), None, rest),
                    Some(colon) => {
                        let (user, password) = split_around(info, colon);
                        (Some(user), Some(password), rest)
                    }
                }
            }
        };
        if user == Some("") {
            return Err(UriError::Character);
        }
        let question = memchr::memchr(b'?', rest.as_bytes()).unwrap_or(rest.len());
        let (rest, _) = split_at(rest, question);
        let headers = split_around(text, text.len().wrapping_sub(after(text, rest))).1;
        let (sent_by, params) = split_at(rest, memchr::memchr(b';', rest.as_bytes()).unwrap_or(rest.len()));
        let (host, port) = host_port(sent_by)?;
        let params = Params::new(params).map_err(|_| UriError::TooMany)?;
        Ok(Uri { scheme, user, password, host, port, params, headers, text })
    }

    fn tel(rest: &'a str, text: &'a str) -> Result<Self, UriError> {
        let (number, params) = split_at(rest, memchr::memchr(b';', rest.as_bytes()).unwrap_or(rest.len()));
        let params = Params::new(params).map_err(|_| UriError::TooMany)?;
        let (global, digits) = number.strip_prefix('+').map_or((false, number), |digits| (true, digits));
        let well = digits.bytes().all(|b| match b {
            b'0'..=b'9' | b'-' | b'.' | b'(' | b')' => true,
            b'a'..=b'f' | b'A'..=b'F' | b'*' | b'#' => !global,
            _ => false,
        });
        if !well || !digits.bytes().any(|b| b.is_ascii_hexdigit() || matches!(b, b'*' | b'#')) {
            return Err(UriError::Number);
        }
        Ok(Uri {
            scheme: Scheme::Tel,
            user: Some(number),
            password: None,
            host: "",
            port: None,
            params,
            headers: "",
            text,
        })
    }

    /// The whole URI as it came.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.text
    }

    /// The `transport` parameter, when it is a transport we know.
    #[must_use]
    pub fn transport(&self) -> Option<Protocol> {
        Protocol::from_token(self.params.value("transport")?)
    }

    /// Whether the `lr` parameter is there: a loose router. RFC 3261 s16.12.1.
    #[must_use]
    pub fn is_lr(&self) -> bool {
        self.params.has("lr")
    }

    /// The headers of the part after `?`, in order, escapes kept.
    pub fn header_fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        header_pairs(self.headers)
    }

    /// The value of the header `name` (any case) of the part after `?`, escapes kept.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.header_fields().find(|(n, _)| unescape(n).eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The user part with its escapes undone.
    #[must_use]
    pub fn user_text(&self) -> Option<std::borrow::Cow<'a, str>> {
        self.user.map(unescape)
    }

    /// Namespace and string of a `urn`, without its r-, q- and f-components. RFC 8141 s2.
    #[must_use]
    pub fn urn(&self) -> Option<(&'a str, &'a str)> {
        let (namespace, rest) = self.host.split_once(':').filter(|_| self.scheme == Scheme::Urn)?;
        Some((namespace, rest.split(['?', '#']).next().unwrap_or_default()))
    }

    /// Whether it is a `sips` URI.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.scheme == Scheme::Sips
    }

    /// The host when it is an IP address; also with the three colons that the grammar of RFC 3261 lets through (RFC 5118 s4.10).
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        host_ip(self.host)
    }
}

impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Uri").field(&self.text).finish()
    }
}

impl fmt::Display for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

/// How many bytes of `text` follow `part`, which is a slice of it.
fn after(text: &str, part: &str) -> usize {
    let end = (part.as_ptr() as usize).wrapping_add(part.len());
    (text.as_ptr() as usize).wrapping_add(text.len()).saturating_sub(end)
}

/// Reads `host[:port]`; brackets are cut from an IPv6 reference. White space around the colon is passed over. RFC 3261 s25.1.
pub(super) fn host_port(text: &str) -> Result<(&str, Option<u16>), UriError> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => {
            let (host, rest) = split_around(inner, memchr::memchr(b']', inner.as_bytes()).ok_or(UriError::Host)?);
            if !host.contains(':') || !host.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.')) {
                return Err(UriError::Host);
            }
            (host, rest)
        }
        None => {
            let end = text.bytes().position(|b| !is_host_byte(b)).unwrap_or(text.len());
            split_at(text, end)
        }
    };
    if host.is_empty() {
        return Err(UriError::Host);
    }
    if rest.is_empty() {
        return Ok((host, None));
    }
    let digits = if rest.bytes().next().is_some_and(is_lws) { trim(rest) } else { rest };
    let digits = trim(digits.strip_prefix(':').ok_or(UriError::Host)?);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(UriError::Port);
    }
    Ok((host, Some(digits.parse().map_err(|_| UriError::Port)?)))
}

/// Characters of a hostname, and the underscore that many names carry.
#[expect(clippy::indexing_slicing, reason = "a byte is always an index of 256 values")]
const fn is_host_byte(b: u8) -> bool {
    HOST_BYTES[b as usize]
}

#[expect(clippy::indexing_slicing, reason = "runs at compile time")]
static HOST_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0u8;
    while b < 128 {
        table[b as usize] = b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        b = b.wrapping_add(1);
    }
    table
};

pub(super) fn host_ip(host: &str) -> Option<IpAddr> {
    match host.parse() {
        Ok(ip) => Some(ip),
        Err(_) if host.contains(":::") => host.replacen(":::", "::", 1).parse().ok(),
        Err(_) => None,
    }
}

fn escapes_are_whole(mut s: &str) -> bool {
    while let Some(at) = memchr::memchr(b'%', s.as_bytes()) {
        let (_, rest) = split_around(s, at);
        match rest.as_bytes() {
            [hi, lo, ..] if hex(*hi).is_some() && hex(*lo).is_some() => s = rest,
            _ => return false,
        }
    }
    true
}

/// The `name=value` pairs of the part after `?`.
pub(super) fn header_pairs<'a>(headers: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    headers.split('&').filter(|h| !h.is_empty()).map(|h| h.split_once('=').unwrap_or((h, "")))
}

impl From<UriError> for HeaderError {
    fn from(error: UriError) -> Self {
        match error {
            UriError::TooMany => HeaderError::TooMany,
            _ => HeaderError::Syntax("the URI is malformed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let u = Uri::parse("sip:alice:se%40cret@atlanta.com:5070;transport=tcp;lr?subject=project%20x&priority=urgent")
            .unwrap();
        assert_eq!(
            (u.scheme, u.user, u.password, u.host, u.port),
            (Scheme::Sip, Some("alice"), Some("se%40cret"), "atlanta.com", Some(5070))
        );
        assert_eq!(
            (u.transport(), u.is_lr(), u.headers),
            (Some(Protocol::Tcp), true, "subject=project%20x&priority=urgent")
        );
        let u = Uri::parse("sips:[2001:db8::10]").unwrap();
        assert_eq!((u.user, u.host, u.port, u.headers), (None, "2001:db8::10", None, ""));
        assert_eq!(u.ip(), "2001:db8::10".parse().ok());
        let u = Uri::parse("sip:user;par=u%40example.net@example.com").unwrap();
        assert_eq!((u.user, u.host), (Some("user;par=u%40example.net"), "example.com"));
        assert_eq!(Uri::parse("sip:a@[2001:db8:::192.0.2.1]").unwrap().ip(), "2001:db8::192.0.2.1".parse().ok());
        let u = Uri::parse("tel:7042;phone-context=example.com").unwrap();
        assert_eq!(
            (u.scheme, u.user, u.params.value("phone-context")),
            (Scheme::Tel, Some("7042"), Some("example.com"))
        );
        assert_eq!(Uri::parse("soap.beep://192.0.2.103:3002").unwrap().scheme, Scheme::Other("soap.beep"));
        assert_eq!(Uri::parse("urn:service:sos").unwrap().scheme, Scheme::Urn);
    }

    #[test]
    fn malformed() {
        for bad in [
            "",
            "sip",
            "sip:",
            ":a",
            "1x:a",
            "sip:@host",
            "sip:a@",
            "sip:a@b@c",
            "sip:a b@c",
            "<sip:a@b>",
            "sip:a@b:",
            "sip:a@b:65536",
            "sip:a@b:x",
            "sip:a%4@b",
            "sip:2001:db8::10",
            "sip:a@[::1",
            "sip:a@[zz]",
            "sip:a@b/c",
            "tel:",
            "tel:+12x",
            "sip:a@b:5060:1",
        ] {
            assert!(Uri::parse(bad).is_err(), "{bad}");
        }
    }
}
