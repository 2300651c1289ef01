//! Via. RFC 3261 s20.42, s18.2, RFC 3581.

use super::error::HeaderError;
use super::header::print::{Clean, Print, header_value};
use super::lex::{is_lws, split_around, split_at, token, trim};
use super::params::Params;
use super::uri::host_port;
use crate::base::Protocol;
use std::fmt::{self, Write};
use std::net::IpAddr;

/// One Via value.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Via<'a> {
    /// Transport as it came: `UDP`.
    pub protocol: &'a str,
    /// Host of sent-by, without brackets.
    pub host: &'a str,
    /// Port of sent-by.
    pub port: Option<u16>,
    /// Parameters.
    pub params: Params<'a>,
}

impl<'a> Via<'a> {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// Not `SIP/2.0/transport host[:port]`, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        const PROTOCOL: HeaderError = HeaderError::Syntax("sent-protocol is not SIP/2.0/transport");
        let value = trim(value);
        let rest = match value.strip_prefix("SIP/2.0/") {
            Some(rest) => rest,
            None => spaced_protocol(value).ok_or(PROTOCOL)?,
        };
        let (protocol, rest) = token(rest).ok_or(PROTOCOL)?;
        if !rest.bytes().next().is_some_and(is_lws) {
            return Err(HeaderError::Syntax("no white space between sent-protocol and sent-by"));
        }
        let end = memchr::memchr(b';', rest.as_bytes()).unwrap_or(rest.len());
        let (sent_by, params) = split_at(rest, end);
        let (host, port) = host_port(trim(sent_by)).map_err(|_| HeaderError::Syntax("sent-by is not host[:port]"))?;
        Ok(Via { protocol, host, port, params: Params::new(params)? })
    }

    /// The `branch` parameter.
    #[must_use]
    pub fn branch(&self) -> Option<&'a str> {
        self.params.value("branch").filter(|branch| !branch.is_empty())
    }

    /// The address in `received`, with or without brackets. RFC 3261 s18.2.1, RFC 5118 s4.5.
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = self.params.value("received")?;
        text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text).parse().ok()
    }

    /// The `rport` parameter: `Some(None)` asks for it, `Some(Some(port))` answers. RFC 3581.
    #[must_use]
    pub fn rport(&self) -> Option<Option<u16>> {
        match self.params.get("rport")? {
            None | Some("") => Some(None),
            Some(port) => Some(port.parse().ok()),
        }
    }

    /// The `maddr` parameter.
    #[must_use]
    pub fn maddr(&self) -> Option<&'a str> {
        self.params.value("maddr")
    }

    /// The `ttl` parameter.
    #[must_use]
    pub fn ttl(&self) -> Option<u8> {
        self.params.value("ttl")?.parse().ok()
    }

    /// The transport, when it is one we know.
    #[must_use]
    pub fn transport(&self) -> Option<Protocol> {
        Protocol::from_token(self.protocol)
    }
}

impl Print for Via<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "SIP/2.0/{} ", self.protocol)?;
        if self.host.contains(':') {
            write!(out, "[{}]", self.host)?
        } else {
            out.write_str(self.host)?
        }
        if let Some(port) = self.port {
            write!(out, ":{port}")?;
        }
        out.write_str(self.params.as_str())
    }
}

header_value!(Via);

/// Passes over a sent-protocol with white space around its slashes or in other case. RFC 4475 s3.1.1.1.
fn spaced_protocol(value: &str) -> Option<&str> {
    let (name, rest) = split_around(value, memchr::memchr(b'/', value.as_bytes())?);
    let (version, rest) = split_around(rest, memchr::memchr(b'/', rest.as_bytes())?);
    (trim(name).eq_ignore_ascii_case("SIP") && trim(version) == "2.0").then(|| trim(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary() {
        let via =
            Via::parse("SIP/2.0/UDP pc33.atlanta.com:5066;rport;branch=z9hG4bK776asdhds ;received=192.0.2.4").unwrap();
        assert_eq!((via.host, via.port, via.branch()), ("pc33.atlanta.com", Some(5066), Some("z9hG4bK776asdhds")));
        assert_eq!((via.rport(), via.received()), (Some(None), "192.0.2.4".parse().ok()));
        assert_eq!(via.transport(), Some(Protocol::Udp));
    }

    #[test]
    fn white_space_and_ipv6() {
        let via = Via::parse(
            "SIP  / 2.0\r\n /TCP     spindle.example.com   : 5061 ;\r\n branch  =   z9hG4bK9ikj8  ; ttl=16;rport=99",
        )
        .unwrap();
        assert_eq!((via.protocol, via.host, via.port), ("TCP", "spindle.example.com", Some(5061)));
        assert_eq!((via.branch(), via.ttl(), via.rport()), (Some("z9hG4bK9ikj8"), Some(16), Some(Some(99))));
        let via = Via::parse("SIP/2.0/SCTP [2001:db8::9:1]:7;received=[2001:db8::9:255]").unwrap();
        assert_eq!((via.host, via.port, via.transport()), ("2001:db8::9:1", Some(7), None));
        assert_eq!(via.received(), "2001:db8::9:255".parse().ok());
    }

    #[test]
    fn malformed() {
        for bad in [
            "",
            ";",
            "SIP/2.0",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/3.0/UDP a",
            "SIP/2.0/UDP a b",
            "SIP/2.0/UDP a:x",
            "UDP a",
        ] {
            assert!(Via::parse(bad).is_err(), "{bad}");
        }
    }
}
