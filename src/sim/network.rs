//! The wire between simulated hosts: loss, delay, jitter, duplication, reordering, all from one seed.

use crate::base::{Duration, Rng};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// How bad the network is. Probabilities are 0.0 ..= 1.0.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Conditions {
    /// Chance that a datagram is lost.
    pub loss: f64,
    /// Least time under way.
    pub delay: Duration,
    /// Up to this much more.
    pub jitter: Duration,
    /// Chance that a datagram arrives twice.
    pub duplicate: f64,
    /// Chance that a datagram is held back by [`Conditions::REORDER`], so that later ones overtake it.
    pub reorder: f64,
}

impl Conditions {
    /// How long a reordered datagram is held back.
    pub const REORDER: Duration = Duration::from_millis(60);

    /// Nothing is lost, everything takes 5 ms.
    pub const GOOD: Conditions =
        Conditions { loss: 0.0, delay: Duration::from_millis(5), jitter: Duration::ZERO, duplicate: 0.0, reorder: 0.0 };

    /// One in five is lost; the rest takes 20 to 60 ms, some twice, some out of order.
    pub const BAD: Conditions = Conditions {
        loss: 0.2,
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(40),
        duplicate: 0.02,
        reorder: 0.05,
    };
}

/// The network, as a function from a packet to its arrivals.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) conditions: Conditions,
    /// Pairs of addresses that cannot reach each other.
    apart: BTreeSet<(IpAddr, IpAddr)>,
    rng: Rng,
}

impl Network {
    pub(super) fn new(conditions: Conditions, rng: Rng) -> Self {
        Network { conditions, apart: BTreeSet::new(), rng }
    }

    /// Cuts two addresses apart, or joins them again.
    pub(super) fn part(&mut self, one: IpAddr, other: IpAddr, apart: bool) {
        let pair = (one.min(other), one.max(other));
        if apart {
            self.apart.insert(pair);
        } else {
            self.apart.remove(&pair);
        }
    }

    /// Whether two addresses cannot reach each other now.
    pub(super) fn is_parted(&self, one: IpAddr, other: IpAddr) -> bool {
        !self.apart.is_empty() && self.apart.contains(&(one.min(other), one.max(other)))
    }

    /// Delays after which copies of one datagram arrive: none, one or two.
    pub(super) fn datagram(&mut self) -> impl Iterator<Item = Duration> + use<> {
        let first = (!self.rng.chance(self.conditions.loss)).then(|| self.under_way());
        let second = (first.is_some() && self.rng.chance(self.conditions.duplicate)).then(|| self.under_way());
        first.into_iter().chain(second)
    }

    /// Delay of bytes on a stream (retransmission hides loss).
    pub(super) fn stream(&mut self) -> Duration {
        self.conditions.delay + self.spread()
    }

    /// Where a stream write is cut into segments.
    pub(super) fn cut(&mut self, len: usize) -> usize {
        let bound = u32::try_from(len).unwrap_or(u32::MAX);
        (self.rng.below(bound) as usize).clamp(1, len.max(1))
    }

    /// Which shard's socket the kernel hands a datagram to.
    pub(super) fn any_shard(&mut self, shards: u8) -> u8 {
        self.rng.below(u32::from(shards)) as u8
    }

    fn under_way(&mut self) -> Duration {
        let held = if self.rng.chance(self.conditions.reorder) { Conditions::REORDER } else { Duration::ZERO };
        self.conditions.delay + self.spread() + held
    }

    fn spread(&mut self) -> Duration {
        let us = u32::try_from(self.conditions.jitter.as_micros()).unwrap_or(u32::MAX);
        Duration::from_micros(u64::from(self.rng.below(us.saturating_add(1))))
    }
}
