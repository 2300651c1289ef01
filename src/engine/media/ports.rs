//! Port pairs of one engine's RTP range: even for RTP, the next for RTCP. RFC 3550 s11.

use crate::engine::net::batch::os_random;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Which pairs are taken; shared by all media workers, no lock.
#[derive(Debug)]
pub(crate) struct Ports {
    range: RangeInclusive<u16>,
    first: u16,
    pairs: usize,
    next: AtomicUsize,
    taken: Box<[AtomicU64]>,
}

/// A bound pair; give it back with `Ports::release` when the sockets are closed.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    index: usize,
}

impl Ports {
    /// `None` when the range holds no even port with its odd neighbour.
    pub(crate) fn new(range: RangeInclusive<u16>) -> Option<Self> {
        let first = range.start().checked_next_multiple_of(2)?.max(2);
        let pairs = (usize::from(*range.end()) + 1).checked_sub(usize::from(first))? / 2;
        let words = (0..pairs.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        // Not from the front each time: a port that was left a moment ago may still get packets of an older call, and a port that can
        // be guessed may get those of a stranger.
        let mut start = [0; 8];
        let _ = os_random(&mut start);
        let next = AtomicUsize::new(u64::from_ne_bytes(start) as usize % pairs.max(1));
        (pairs > 0).then_some(Ports { range, first, pairs, next, taken: words })
    }

    /// Binds a free pair on `local`; the error names the range and the remedy.
    pub(crate) fn bind(&self, local: IpAddr) -> Result<Pair, String> {
        let mut last: Option<io::Error> = None;
        let mut foreign = 0;
        for _ in 0..self.pairs {
            let index = self.next.fetch_add(1, Ordering::Relaxed) % self.pairs;
            if !self.claim(index) {
                continue;
            }
            match self.bind_pair(local, index) {
                Ok((rtp, rtcp)) => return Ok(Pair { rtp, rtcp, index }),
                Err(error) => {
                    self.free(index);
                    let in_use = error.kind() == io::ErrorKind::AddrInUse;
                    foreign += usize::from(in_use);
                    last = Some(error);
                    if !in_use {
                        break;
                    }
                }
            }
        }
        let (low, high) = (self.range.start(), self.range.end());
        Err(match last {
            Some(error) if error.kind() != io::ErrorKind::AddrInUse => {
                format!("cannot open RTP sockets on {local}: {error}; check the address and the limit of open files")
            }
            _ => format!(
                "no free RTP port pair in {low}-{high} on {local} ({} in use here, {foreign} by other programs); widen rtp_ports",
                self.in_use()
            ),
        })
    }

    /// Closes the sockets of a pair.
    pub(crate) fn release(&self, pair: Pair) {
        let index = pair.index;
        drop(pair);
        self.free(index);
    }

    /// Pairs taken.
    pub(crate) fn in_use(&self) -> usize {
        self.taken.iter().map(|word| word.load(Ordering::Relaxed).count_ones() as usize).sum()
    }

    fn bind_pair(&self, local: IpAddr, index: usize) -> io::Result<(UdpSocket, UdpSocket)> {
        let port = self.first + u16::try_from(index * 2).unwrap_or(0);
        Ok((UdpSocket::bind((local, port))?, UdpSocket::bind((local, port + 1))?))
    }

    fn claim(&self, index: usize) -> bool {
        let bit = 1 << (index % 64);
        self.taken[index / 64].fetch_or(bit, Ordering::AcqRel) & bit == 0
    }

    fn free(&self, index: usize) {
        self.taken[index / 64].fetch_and(!(1 << (index % 64)), Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn pairs_are_even_and_odd_and_come_back() {
        let ports = Ports::new(21_001..=21_006).unwrap();
        let pairs: Vec<Pair> = (0..2).map(|_| ports.bind(LOCAL).unwrap()).collect();
        for pair in &pairs {
            let port = pair.rtp.local_addr().unwrap().port();
            assert!(port % 2 == 0 && (21_002..=21_004).contains(&port));
            assert_eq!(pair.rtcp.local_addr().unwrap().port(), port + 1);
        }
        let error = ports.bind(LOCAL).unwrap_err();
        assert!(error.contains("21001-21006") && error.contains("2 in use here"), "{error}");
        pairs.into_iter().for_each(|pair| ports.release(pair));
        assert_eq!(ports.in_use(), 0);
        ports.bind(LOCAL).unwrap();
    }

    #[test]
    fn a_foreign_port_is_stepped_over() {
        let foreign = UdpSocket::bind((LOCAL, 21_011)).unwrap();
        let ports = Ports::new(21_010..=21_013).unwrap();
        let pair = ports.bind(LOCAL).unwrap();
        assert_eq!(pair.rtp.local_addr().unwrap().port(), 21_012);
        let error = ports.bind(LOCAL).unwrap_err();
        assert!(error.contains("1 in use here") && error.contains("by other programs"), "{error}");
        drop(foreign);
        ports.bind(LOCAL).unwrap();
    }

    #[test]
    fn a_range_without_a_pair_and_an_address_not_ours_are_named() {
        assert!(Ports::new(21_001..=21_001).is_none());
        assert!(Ports::new(65_535..=65_535).is_none());
        #[expect(clippy::reversed_empty_ranges, reason = "what an application may give")]
        let reversed = Ports::new(30_000..=20_000);
        assert!(reversed.is_none());
        let error = Ports::new(21_020..=21_029).unwrap().bind("192.0.2.1".parse().unwrap()).unwrap_err();
        assert!(error.contains("cannot open RTP sockets on 192.0.2.1"), "{error}");
    }
}
