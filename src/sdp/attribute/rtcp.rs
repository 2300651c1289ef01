//! `a=rtcp:53020 IN IP4 126.16.64.4`. RFC 3605 s2.1.

use crate::base::text::decimal;
use crate::sdp::Connection;

/// Where RTCP goes when it is not the next port.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rtcp<'a> {
    /// Its port, never 0.
    pub port: u16,
    /// Its address; that of the stream when not written.
    pub connection: Option<Connection<'a>>,
}

impl<'a> Rtcp<'a> {
    /// Reads the attribute's value.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let (port, rest) = value.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((value, ""));
        let port = decimal(port.as_bytes()).and_then(|n| u16::try_from(n).ok()).filter(|n| *n > 0)?;
        Some(Rtcp { port, connection: Connection::parse(rest) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_alone_and_with_address() {
        let read = |s| Rtcp::parse(s).map(|r| (r.port, r.connection.and_then(|c| c.ip()).map(|ip| ip.to_string())));
        assert_eq!(read("53020"), Some((53020, None)));
        assert_eq!(read("53020 IN IP4 126.16.64.4"), Some((53020, Some("126.16.64.4".into()))));
        assert_eq!(read("0"), None);
        assert_eq!(read("65536"), None);
        assert_eq!(read(""), None);
    }
}
