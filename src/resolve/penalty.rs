//! The penalty box: what failed lately stands behind what did not. RFC 3263 s4.3, RFC 3261 s21.5.4.

use super::{Failover, Target};
use crate::base::{Duration, Instant, Protocol, limits};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// Targets that failed lately, of one shard.
#[derive(Clone, Debug, Default)]
pub struct Penalties {
    until: BTreeMap<(Protocol, SocketAddr), Instant>,
    policy: Failover,
}

impl Penalties {
    /// An empty box.
    #[must_use]
    pub fn new(policy: Failover) -> Self {
        Penalties { until: BTreeMap::new(), policy }
    }

    /// The times that it goes by.
    #[must_use]
    pub const fn policy(&self) -> &Failover {
        &self.policy
    }

    /// A target failed. `retry_after` is what its 503 asked for; RFC 3261 s21.5.4.
    pub fn failed(&mut self, target: &Target, retry_after: Option<Duration>, now: Instant) {
        if self.policy.penalty.is_zero() {
            return;
        }
        let time = retry_after.map_or(self.policy.penalty, |asked| asked.min(self.policy.penalty_max));
        self.until.retain(|_, until| *until > now);
        if self.until.len() >= limits::PENALTIES
            && let Some(first) = self.until.iter().min_by_key(|(_, until)| **until).map(|(key, _)| *key)
        {
            self.until.remove(&first);
        }
        self.until.insert((target.protocol, target.remote), now + time);
    }

    /// A target answered: it is as good as any.
    pub fn answered(&mut self, target: &Target) {
        if !self.until.is_empty() {
            self.until.remove(&(target.protocol, target.remote));
        }
    }

    /// Moves what failed lately behind the rest, what is free first foremost; otherwise the order stays. None is left out: when all have
    /// failed, all are tried again.
    pub fn order(&self, targets: &mut [Target], now: Instant) {
        if !self.until.is_empty() && targets.len() > 1 {
            targets.sort_by_key(|target| self.until(target, now));
        }
    }

    /// Until when a target is avoided.
    #[must_use]
    pub fn until(&self, target: &Target, now: Instant) -> Option<Instant> {
        self.until.get(&(target.protocol, target.remote)).copied().filter(|until| *until > now)
    }

    /// Targets remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.until.len()
    }

    /// Whether nothing failed lately.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.until.is_empty()
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use super::*;

    fn target(port: u16) -> Target {
        let ip = "192.0.2.1".parse().unwrap();
        Target { protocol: Protocol::Udp, remote: (ip, port).into(), local: ip }
    }

    fn ports(penalties: &Penalties, s: u64) -> Vec<u16> {
        let mut targets = [target(1), target(2), target(3)];
        penalties.order(&mut targets, at(s));
        targets.iter().map(|t| t.remote.port()).collect()
    }

    fn at(s: u64) -> Instant {
        Instant::from_micros(s * 1_000_000)
    }

    #[test]
    fn what_failed_stands_behind_for_30_seconds() {
        let mut failed = Penalties::default();
        assert_eq!(ports(&failed, 0), [1, 2, 3]);
        failed.failed(&target(1), None, at(0));
        assert_eq!(ports(&failed, 29), [2, 3, 1]);
        assert_eq!(ports(&failed, 30), [1, 2, 3]);
    }

    #[test]
    fn when_all_failed_all_are_tried_and_an_answer_frees() {
        let mut failed = Penalties::default();
        for (port, s) in [(2, 0), (1, 1), (3, 2)] {
            failed.failed(&target(port), None, at(s));
        }
        assert_eq!(ports(&failed, 3), [2, 1, 3]);
        failed.answered(&target(3));
        assert_eq!(ports(&failed, 3), [3, 2, 1]);
    }

    #[test]
    fn retry_after_is_kept_up_to_a_cap() {
        let mut failed = Penalties::default();
        failed.failed(&target(1), Some(Duration::from_secs(5)), at(0));
        failed.failed(&target(2), Some(Duration::from_secs(1_000_000)), at(0));
        assert_eq!(ports(&failed, 4), [3, 1, 2]);
        assert_eq!(ports(&failed, 6), [1, 3, 2]);
        assert_eq!(ports(&failed, 301), [1, 2, 3]);
    }

    #[test]
    fn the_failedis_bounded_and_can_be_turned_off() {
        let mut failed = Penalties::default();
        for port in 0..=limits::PENALTIES as u16 {
            failed.failed(&target(port), None, at(0));
        }
        assert_eq!(failed.len(), limits::PENALTIES);
        let mut off = Penalties::new(Failover { penalty: Duration::ZERO, ..Failover::default() });
        off.failed(&target(1), None, at(0));
        assert!(off.is_empty());
    }
}
