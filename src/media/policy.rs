//! From whom packets are taken and where ours go. RFC 3550 s11; RFC 4961; class M of the security notes (RTP bleed, injection).
//!
//! We send to the address of the SDP. A peer behind a NAT sends from another one: we follow it there, but only to the IP address of
//! the SDP or of the signalling peer, only while the source that we have is silent, and never anywhere else.

use crate::base::{Duration, Instant};
use std::net::{IpAddr, SocketAddr};

/// A source that was silent for so long may be replaced by another port.
const SILENT: Duration = Duration::from_millis(1000);

/// Policy of one socket.
#[derive(Clone, Debug, Default)]
pub(super) struct SourcePolicy {
    sdp: Option<SocketAddr>,
    /// The last address that an SDP named; hold by 0.0.0.0 leaves it.
    named: Option<SocketAddr>,
    /// IP addresses that may send: of the SDP (the last one that named any) and of the signalling peer.
    allowed: [Option<IpAddr>; 2],
    latched: Option<SocketAddr>,
    heard: Option<Instant>,
}

impl SourcePolicy {
    /// Takes what was negotiated; a new address forgets where the old one led.
    pub(super) fn configure(&mut self, sdp: Option<SocketAddr>, signalling_peer: Option<IpAddr>) {
        if let Some(sdp) = sdp
            && !self.named.replace(sdp).is_some_and(|named| same(named, sdp))
        {
            self.latched = None;
            self.heard = None;
        }
        let media_ip = sdp.map(|addr| addr.ip().to_canonical()).or(self.allowed[0]);
        self.allowed = [media_ip, signalling_peer.map(|ip| ip.to_canonical())];
        self.sdp = sdp;
    }

    /// Whether a packet from there may be looked at.
    pub(super) fn accepts(&self, from: SocketAddr, now: Instant) -> bool {
        if self.is_current(from) {
            return true;
        }
        self.allowed.contains(&Some(from.ip().to_canonical())) && self.heard.is_none_or(|at| now.since(at) >= SILENT)
    }

    /// A packet from there was found to be valid: this is the source now.
    pub(super) fn confirm(&mut self, from: SocketAddr, now: Instant) {
        self.heard = Some(now);
        self.latched = (!self.sdp.is_some_and(|sdp| same(sdp, from))).then_some(from);
    }

    /// Where our packets go; `None` while the SDP names no address (unknown, or hold by 0.0.0.0).
    pub(super) fn destination(&self) -> Option<SocketAddr> {
        let sdp = self.sdp?;
        Some(self.latched.unwrap_or(sdp))
    }

    /// The address of the SDP is always good, the latched one while it is latched.
    fn is_current(&self, from: SocketAddr) -> bool {
        self.sdp.is_some_and(|sdp| same(sdp, from)) || self.latched.is_some_and(|latched| same(latched, from))
    }
}

/// Whether two addresses are the same endpoint, IPv4-mapped or not.
fn same(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn policy() -> SourcePolicy {
        let mut p = SourcePolicy::default();
        p.configure(Some(addr("10.0.0.5:4000")), Some(addr("192.0.2.9:0").ip()));
        p
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn strangers_are_refused_before_and_after_the_start() {
        let mut p = policy();
        assert!(!p.accepts(addr("203.0.113.1:4000"), at(0)));
        p.confirm(addr("10.0.0.5:4000"), at(0));
        assert!(!p.accepts(addr("203.0.113.1:4000"), at(10_000)));
        assert_eq!(p.destination(), Some(addr("10.0.0.5:4000")));
    }

    #[test]
    fn a_peer_behind_a_nat_is_followed_to_the_signalling_address_only() {
        let mut p = policy();
        assert!(p.accepts(addr("192.0.2.9:31000"), at(0)));
        p.confirm(addr("192.0.2.9:31000"), at(0));
        assert_eq!(p.destination(), Some(addr("192.0.2.9:31000")));
        // Another port cannot take over while the first one speaks.
        assert!(!p.accepts(addr("192.0.2.9:31001"), at(900)));
        assert!(p.accepts(addr("192.0.2.9:31001"), at(1000)));
        // The address of the SDP always can.
        assert!(p.accepts(addr("10.0.0.5:4000"), at(10)));
        p.confirm(addr("10.0.0.5:4000"), at(10));
        assert_eq!(p.destination(), Some(addr("10.0.0.5:4000")));
    }

    #[test]
    fn a_new_address_forgets_the_old_latch() {
        let mut p = policy();
        p.confirm(addr("192.0.2.9:31000"), at(0));
        p.configure(Some(addr("10.0.0.6:5000")), None);
        assert_eq!(p.destination(), Some(addr("10.0.0.6:5000")));
        assert!(!p.accepts(addr("192.0.2.9:31000"), at(5000)));
        p.confirm(addr("10.0.0.6:5008"), at(0));
        p.configure(None, None);
        assert_eq!(p.destination(), None);
        assert!(p.accepts(addr("10.0.0.6:5002"), at(5000)), "music on hold of a peer that says 0.0.0.0");
        p.configure(Some(addr("10.0.0.6:5000")), None);
        assert_eq!(p.destination(), Some(addr("10.0.0.6:5008")), "the same peer after hold");
    }

    #[test]
    fn a_mapped_address_is_the_same_peer() {
        assert!(policy().accepts(addr("[::ffff:10.0.0.5]:4000"), at(0)));
    }
}
