//! Times by their size, for percentiles over any number of them: 64 steps per doubling, so what is read is right within 1.6 %.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const STEPS: usize = 64;
const DOUBLINGS: usize = 40;

/// Counts of times in microseconds. Threads add without a lock.
pub struct Histogram {
    counts: Vec<AtomicU64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: (0..STEPS * DOUBLINGS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Histogram {
    pub fn add(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let slot = slot(micros).min(self.counts.len() - 1);
        self.counts[slot].fetch_add(1, Ordering::Relaxed);
    }

    /// The time that this share (0 to 1) of all stays within; zero when there is none.
    pub fn quantile(&self, share: f64) -> Duration {
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let all: u64 = counts.iter().sum();
        let wanted = (all as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (slot, count) in counts.iter().enumerate() {
            seen += count;
            if *count > 0 && seen >= wanted {
                return Duration::from_micros(upper(slot));
            }
        }
        Duration::ZERO
    }
}

/// Below 64 us each microsecond has a slot of its own; above, each doubling has 64.
fn slot(micros: u64) -> usize {
    let doubling = (64 - micros.leading_zeros() as usize).saturating_sub(7);
    let step = (micros >> doubling) as usize;
    // `step` is 64 to 127 where there is a doubling, 0 to 127 in the first two.
    doubling * STEPS + step
}

/// The largest time of a slot.
fn upper(slot: usize) -> u64 {
    if slot < 2 * STEPS {
        return slot as u64;
    }
    let doubling = slot / STEPS - 1;
    let step = (slot - doubling * STEPS) as u64;
    ((step + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_lies_in_a_slot_that_is_hardly_larger() {
        for micros in (0..5000).chain([65_535, 1_000_000, 86_400_000_000]) {
            let upper = upper(slot(micros));
            assert!(upper >= micros && upper <= micros + micros / 60, "{micros} {upper}");
        }
    }

    #[test]
    fn percentiles() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        for micros in 1..=100 {
            histogram.add(Duration::from_micros(micros));
        }
        assert_eq!(histogram.quantile(0.5), Duration::from_micros(50));
        assert_eq!(histogram.quantile(0.99), Duration::from_micros(99));
        assert_eq!(histogram.quantile(1.0), Duration::from_micros(100));
    }
}
