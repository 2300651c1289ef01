//! A token bucket in one instant: the generic cell rate algorithm (ITU-T I.371), as RFC 7415 s3.5.1 uses it.

use super::config::Rate;
use crate::base::{Duration, Instant};

/// A rate ready for use.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    /// Time that one unit takes to drain.
    unit: Duration,
    /// How full the bucket may be.
    depth: Duration,
}

impl Limit {
    /// A shard's part of a rate; `None` when there is no limit.
    pub(super) fn new(rate: Rate, shards: u8) -> Option<Limit> {
        let per_minute = u64::from(rate.per_minute);
        if per_minute == 0 {
            return None;
        }
        let unit_us = 60_000_000u64.saturating_mul(u64::from(shards.max(1))).checked_div(per_minute)?.max(1);
        let burst = u64::from(rate.burst.max(1)).div_ceil(u64::from(shards.max(1)));
        let depth = Duration::from_micros(unit_us.saturating_mul(burst));
        Some(Limit { unit: Duration::from_micros(unit_us), depth })
    }
}

/// What became of a unit.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It fits.
    Within,
    /// It does not.
    Over,
    /// It does not, and neither did as many before it as a full bucket holds.
    Overdrawn,
}

/// When the bucket will be empty. Refused units count, up to a second depth: who goes on above the rate gets nothing.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket(Instant);

impl Bucket {
    /// Puts one unit in.
    pub(super) fn take(&mut self, limit: Limit, now: Instant) -> Taken {
        let empty_at = self.0.max(now);
        let level = empty_at.since(now);
        let bottom = limit.depth.saturating_mul(2);
        if level > bottom {
            return Taken::Overdrawn;
        }
        self.0 = empty_at + limit.unit;
        match level.saturating_add(limit.unit) {
            after if after <= limit.depth => Taken::Within,
            after if after <= bottom => Taken::Over,
            _ => Taken::Overdrawn,
        }
    }

    /// Whether nothing is in it.
    pub(super) fn is_empty(&self, now: Instant) -> bool {
        self.0 <= now
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    #[test]
    fn a_burst_passes_then_the_rate() {
        let limit = Limit::new(Rate { per_minute: 60, burst: 5 }, 1).unwrap();
        let mut bucket = Bucket::default();
        let burst: Vec<Taken> = (0..12).map(|_| bucket.take(limit, at(0))).collect();
        assert_eq!(burst[..5], [Taken::Within; 5]);
        assert_eq!(burst[5..10], [Taken::Over; 5]);
        assert_eq!(burst[10..], [Taken::Overdrawn; 2]);
        let mut bucket = Bucket::default();
        assert!((0..100).all(|second| bucket.take(limit, at(second * 1000)) == Taken::Within));
        assert!(bucket.is_empty(at(100_000)) && !bucket.is_empty(at(99_500)));
    }

    #[test]
    fn who_goes_on_gets_nothing_and_who_pauses_gets_the_rate() {
        let limit = Limit::new(Rate { per_minute: 600, burst: 10 }, 1).unwrap();
        let mut bucket = Bucket::default();
        for n in 0..10_000u64 {
            bucket.take(limit, at(n));
        }
        assert_ne!(bucket.take(limit, at(10_000)), Taken::Within);
        assert_eq!(bucket.take(limit, at(12_500)), Taken::Within);
    }

    #[test]
    fn shards_share_a_rate_and_none_is_no_limit() {
        let whole = Limit::new(Rate { per_minute: 600, burst: 8 }, 1).unwrap();
        let part = Limit::new(Rate { per_minute: 600, burst: 8 }, 4).unwrap();
        assert_eq!(part.unit, whole.unit * 4);
        assert_eq!(part.depth, whole.depth);
        assert_eq!(Limit::new(Rate::NONE, 1), None);
    }
}
