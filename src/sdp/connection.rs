//! `c=`: where media goes. RFC 8866 s5.7.

use crate::base::scan::find_byte;
use std::net::IpAddr;

/// A connection address, as written.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// `IN`.
    pub network: &'a str,
    /// `IP4` or `IP6`.
    pub address_type: &'a str,
    /// Address or host name; a multicast address keeps its `/ttl/count`.
    pub address: &'a str,
}

impl<'a> Connection<'a> {
    /// Reads `IN IP4 192.0.2.1`; `None` when it has fewer than three words.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        Some(Connection { network: words.next()?, address_type: words.next()?, address: words.next()? })
    }

    /// The address without `/ttl/count`, or the host name.
    #[must_use]
    pub fn host(&self) -> &'a str {
        let end = find_byte(self.address.as_bytes(), b'/').unwrap_or(self.address.len());
        self.address.get(..end).unwrap_or_default()
    }

    /// The literal address; `None` for a host name. The literal counts, not the address type: some write `IP4` before IPv6.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        let host = self.host();
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        host.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
    }
}

/// `IP4` or `IP6`.
pub(super) const fn address_type(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_names_and_multicast() {
        let ip = |s| Connection::parse(s).and_then(|c| c.ip()).map(|ip| ip.to_string());
        assert_eq!(ip("IN IP4 192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(ip("IN IP4 224.2.1.1/127/3").as_deref(), Some("224.2.1.1"));
        assert_eq!(ip("IN IP6 FF15::101/3").as_deref(), Some("ff15::101"));
        assert_eq!(ip("IN IP4 2001:db8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(ip("IN IP6 ::ffff:192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(ip("IN IP4 host.example.com"), None);
        assert_eq!(Connection::parse("IN IP4"), None);
    }
}
