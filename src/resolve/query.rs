//! The question that a URI makes. RFC 3263 s4.1, s4.2; RFC 3261 s8.1.2, s19.1.2.

use super::Query;
use crate::base::Protocol;
use crate::base::text::ip_text;
use crate::message::{Scheme, Uri};
use std::net::IpAddr;

impl Query {
    /// The question for the URI of the next hop: the topmost Route if there is one, else the Request-URI. `None` for a URI that names no
    /// host (`tel`, `urn`): it needs a proxy.
    #[must_use]
    pub fn new(token: u64, uri: &Uri<'_>) -> Option<Query> {
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) || uri.host.is_empty() {
            return None;
        }
        let maddr = uri.params.value("maddr").filter(|maddr| !maddr.is_empty());
        let host = maddr.map_or(uri.host, |maddr| maddr.trim_start_matches('[').trim_end_matches(']'));
        let host = match uri.ip().filter(|_| maddr.is_none()) {
            Some(ip) => ip_text(ip),
            None => host.to_owned(),
        };
        let port = uri.port.filter(|port| *port != 0);
        Some(Query { token, host, port, protocol: uri.transport(), secure: uri.is_secure() })
    }

    /// The address, when the host is one: no question of names is left.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// The protocol to use where no NAPTR or SRV record says otherwise: the one named, secured for `sips`; else UDP, or TLS for `sips`.
    #[must_use]
    pub fn protocol_or_default(&self) -> Protocol {
        match (self.protocol, self.secure) {
            (Some(Protocol::Ws | Protocol::Wss), true) => Protocol::Wss,
            (_, true) => Protocol::Tls,
            (Some(protocol), false) => protocol,
            (None, false) => Protocol::Udp,
        }
    }

    /// The port to use: the one named, else the protocol's.
    #[must_use]
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(self.protocol_or_default().default_port())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(uri: &str) -> (String, Protocol, u16) {
        let query = Query::new(1, &Uri::parse(uri).unwrap()).unwrap();
        (query.host.clone(), query.protocol_or_default(), query.port_or_default())
    }

    #[test]
    fn the_uri_decides() {
        let of = |host: &str, protocol, port| (host.to_owned(), protocol, port);
        assert_eq!(query("sip:bob@192.0.2.4"), of("192.0.2.4", Protocol::Udp, 5060));
        assert_eq!(query("sip:bob@192.0.2.4:5070;transport=TCP"), of("192.0.2.4", Protocol::Tcp, 5070));
        assert_eq!(query("sip:bob@[2001:db8::1]:5070"), of("2001:db8::1", Protocol::Udp, 5070));
        assert_eq!(query("sips:bob@example.com"), of("example.com", Protocol::Tls, 5061));
        assert_eq!(query("sips:bob@example.com;transport=tcp"), of("example.com", Protocol::Tls, 5061));
        assert_eq!(query("sips:bob@example.com;transport=ws"), of("example.com", Protocol::Wss, 443));
        assert_eq!(query("sip:bob@example.com;maddr=192.0.2.9"), of("192.0.2.9", Protocol::Udp, 5060));
        assert_eq!(query("sip:bob@example.com;transport=carrier-pigeon"), of("example.com", Protocol::Udp, 5060));
    }

    #[test]
    fn a_uri_without_host_needs_a_proxy() {
        assert_eq!(Query::new(1, &Uri::parse("tel:+15551234").unwrap()), None);
        assert_eq!(Query::new(1, &Uri::parse("urn:service:sos").unwrap()), None);
    }

    #[test]
    fn literals_need_no_names() {
        assert!(Query::new(1, &Uri::parse("sip:[2001:db8::1]").unwrap()).unwrap().literal().is_some());
        assert!(Query::new(1, &Uri::parse("sip:example.com").unwrap()).unwrap().literal().is_none());
    }
}
