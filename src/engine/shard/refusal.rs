//! ICMP says that nothing listens on a UDP port. RFC 3261 s18.4 wants the transaction told; but the first word of it may come from a
//! peer that is just starting, or be forged, so it counts when a repeat of the request (after T1, 500 ms) is refused as well.

use crate::base::{Duration, Instant};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Refusals so soon after the first one answer the same burst.
const BURST: Duration = Duration::from_millis(300);
/// How long a first refusal is remembered: the life of a request, 64*T1.
const MEMORY: Duration = Duration::from_secs(32);
/// Peers that are remembered.
const PEERS: usize = 1024;

/// Peers whose ports refused once.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<SocketAddr, Instant>);

impl Refusals {
    /// Whether a refusal counts.
    pub(super) fn counts(&mut self, peer: SocketAddr, now: Instant) -> bool {
        match self.0.get(&peer).map(|first| now.since(*first)) {
            Some(age) if age < BURST => false,
            Some(age) if age < MEMORY => true,
            _ => {
                if self.0.len() >= PEERS {
                    self.0.retain(|_, first| now.since(*first) < MEMORY);
                }
                let full = self.0.len() >= PEERS && !self.0.contains_key(&peer);
                if !full {
                    self.0.insert(peer, now);
                }
                // With no room to remember the first, it counts.
                full
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    #[test]
    fn the_second_refusal_counts_and_a_burst_is_one() {
        let (mut refusals, peer) = (Refusals::default(), "127.0.0.1:5060".parse().unwrap());
        assert!(!refusals.counts(peer, at(1000)));
        assert!(!refusals.counts(peer, at(1100)));
        assert!(refusals.counts(peer, at(1500)));
        assert!(refusals.counts(peer, at(2500)));
        assert!(!refusals.counts("127.0.0.1:5062".parse().unwrap(), at(2500)));
        assert!(!refusals.counts(peer, at(40_000)), "forgotten by then");
        assert!(refusals.counts(peer, at(41_000)));
    }

    #[test]
    fn a_flood_of_peers_is_bounded() {
        let mut refusals = Refusals::default();
        let forgiven =
            (1..=5000).filter(|port| !refusals.counts(SocketAddr::from(([10, 0, 0, 1], *port)), at(0))).count();
        assert_eq!((forgiven, refusals.0.len()), (PEERS, PEERS));
    }
}
