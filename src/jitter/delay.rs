//! How long to wait for packets. ITU-T G.107 weighs what waiting costs against what losing costs.
//!
//! Every packet's transit time is put into a histogram, relative to the least transit of the last ten to twenty seconds; old packets
//! fade. The target is the delay at which the E-model's impairments by delay and by late loss are least together: one straggler in
//! five hundred is not worth waiting for, a steady spread is.

use crate::base::limits::JITTER_MAX;

/// Width of a bin.
const BIN_MS: u32 = 5;
const BINS: usize = (JITTER_MAX.as_millis() as usize) / (BIN_MS as usize);
/// Each packet weighs this much more than the one before it: a memory of some 500 packets.
const GROWTH: f32 = 1.0 + 1.0 / 512.0;
const WEIGHT_MAX: f32 = 1e12;
/// Packets between two looks at the histogram.
const REVIEW: u8 = 32;
/// Least target: room for the beat of the player.
const FLOOR_MS: u32 = 10;
/// Target before anything is known.
const FIRST_MS: u32 = 20;
/// Packets until the histogram is believed.
const BELIEVED: u32 = 8;
/// How long one window of the least transit lasts.
const WINDOW_MS: i64 = 10_000;

/// Estimates the target delay of one source.
#[derive(Clone, Debug)]
pub(super) struct DelayEstimator {
    ticks_per_ms: i64,
    bins_per_tick: f32,
    bins: Box<[f32; BINS]>,
    /// The last bin that holds anything worth looking at.
    top: usize,
    total: f32,
    weight: f32,
    observed: u32,
    until_review: u8,
    target: i64,
    least: i64,
    least_before: i64,
    window_end: Option<i64>,
}

impl DelayEstimator {
    pub(super) fn new(clock_rate_hz: u32) -> Self {
        let ticks_per_ms = i64::from(clock_rate_hz / 1000).max(1);
        DelayEstimator {
            ticks_per_ms,
            bins_per_tick: 1.0 / (ticks_per_ms.saturating_mul(i64::from(BIN_MS)) as f32),
            bins: Box::new([0.0; BINS]),
            top: 0,
            total: 0.0,
            weight: 1.0,
            observed: 0,
            until_review: 1,
            target: ticks_per_ms.saturating_mul(i64::from(FIRST_MS)),
            least: i64::MAX,
            least_before: i64::MAX,
            window_end: None,
        }
    }

    /// The least transit of late, in ticks; `None` before the first packet.
    pub(super) fn base(&self) -> Option<i64> {
        let base = self.least.min(self.least_before);
        (base != i64::MAX).then_some(base)
    }

    /// The delay to aim at, in ticks beyond the least transit.
    pub(super) const fn target(&self) -> i64 {
        self.target
    }

    /// Takes the transit time (arrival less timestamp, in ticks) of a packet that arrived at `arrival`.
    pub(super) fn observe(&mut self, transit: i64, arrival: i64) {
        let window = self.ticks_per_ms.saturating_mul(WINDOW_MS);
        let end = *self.window_end.get_or_insert(arrival.saturating_add(window));
        if arrival >= end {
            self.least_before = self.least;
            self.least = transit;
            self.window_end = Some(arrival.saturating_add(window));
        }
        self.least = self.least.min(transit);
        let relative = transit.wrapping_sub(self.least.min(self.least_before)).max(0);
        let bin = (relative as f32 * self.bins_per_tick) as usize;
        let bin = bin.min(BINS.saturating_sub(1));
        self.top = self.top.max(bin);
        if let Some(bin) = self.bins.get_mut(bin) {
            *bin += self.weight;
            self.total += self.weight;
        }
        self.weight *= GROWTH;
        if self.weight > WEIGHT_MAX {
            self.rescale();
        }
        self.observed = self.observed.saturating_add(1);
        self.until_review = self.until_review.wrapping_sub(1);
        if self.until_review == 0 {
            // Often at first: the start of a call is when the target is furthest from the truth.
            self.until_review = if self.observed < 100 { 2 } else { REVIEW };
            self.review();
        }
    }

    /// The path or the sender's clock has changed for good: what is known of transit counts no more, the spread does.
    pub(super) fn rebase(&mut self, transit: i64, arrival: i64) {
        (self.least, self.least_before) = (transit, i64::MAX);
        self.window_end = Some(arrival.saturating_add(self.ticks_per_ms.saturating_mul(WINDOW_MS)));
    }

    fn rescale(&mut self) {
        let by = 1.0 / self.weight;
        self.bins.iter_mut().for_each(|bin| *bin *= by);
        self.total *= by;
        self.weight = 1.0;
    }

    fn review(&mut self) {
        let floor = if self.observed < BELIEVED { FIRST_MS } else { FLOOR_MS };
        // What has faded to a millionth will never decide anything.
        while self.top > 0
            && let Some(weight) = self.bins.get_mut(self.top).filter(|weight| **weight < self.total * 1e-6)
        {
            self.total -= std::mem::take(weight);
            self.top = self.top.saturating_sub(1);
        }
        let (mut best_cost, mut best_ms) = (f32::MAX, floor);
        let mut late = 0.0f32;
        // From the longest delay down: `late` is the weight of what would come after it.
        for (index, weight) in self.bins.iter().enumerate().take(self.top.saturating_add(1)).rev() {
            let delay_ms = (index as u32).saturating_add(1).saturating_mul(BIN_MS);
            // A bin without packets is no candidate: the one below costs less and loses as little.
            if *weight > 0.0 {
                let cost = impairment(delay_ms as f32, 100.0 * late / self.total);
                if cost < best_cost {
                    (best_cost, best_ms) = (cost, delay_ms);
                }
            }
            late += *weight;
        }
        self.target = self.ticks_per_ms.saturating_mul(i64::from(best_ms.max(floor)));
    }
}

/// Impairment by `delay_ms` in the buffer (over an assumed 50 ms elsewhere) and by `late_pct` of late packets, on the R scale.
/// Cole and Rosenbluth's Id; Ie,eff of G.711 with concealment.
fn impairment(delay_ms: f32, late_pct: f32) -> f32 {
    let over = (delay_ms + 50.0 - 177.3).max(0.0);
    0.024 * delay_ms + 0.11 * over + 95.0 * late_pct / (late_pct + 25.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    fn target_ms(delays_ms: impl IntoIterator<Item = u32>) -> i64 {
        let mut e = DelayEstimator::new(8000);
        for (i, delay) in delays_ms.into_iter().enumerate() {
            let sent = i as i64 * 160;
            let arrival = sent + 1000 + i64::from(delay) * 8;
            e.observe(arrival - sent, arrival);
        }
        e.target() / 8
    }

    #[test]
    fn a_steady_network_needs_the_least() {
        assert_eq!(target_ms([3; 500]), i64::from(FLOOR_MS));
        assert_eq!(target_ms([]), i64::from(FIRST_MS));
    }

    #[test]
    fn a_spread_is_waited_for_and_a_lone_straggler_is_not() {
        let mut rng = Rng::new([1; 32]);
        let spread = target_ms((0..1000).map(|_| rng.below(60)));
        assert!((55..=65).contains(&spread), "{spread}");
        let straggler = target_ms((0..1000u32).map(|i| if i == 900 { 300 } else { 2 }));
        assert_eq!(straggler, i64::from(FLOOR_MS));
    }

    #[test]
    fn a_calmed_network_is_believed_in_time() {
        let mut rng = Rng::new([2; 32]);
        let calm = target_ms((0..5000).map(|i| if i < 500 { rng.below(80) } else { 0 }));
        assert!(calm <= 15, "{calm}");
    }

    #[test]
    fn the_base_follows_a_drifting_clock() {
        let mut e = DelayEstimator::new(8000);
        for i in 0..180_000i64 {
            // One hour at 200 ppm.
            let (sent, arrival) = (i * 160, i * 160 + i * 160 / 5000);
            e.observe(arrival - sent, arrival);
        }
        let transit = 179_999 * 160 / 5000;
        assert!(transit - e.base().unwrap() < 8 * 8, "{}", transit - e.base().unwrap());
        assert!(e.target() <= 8 * 15);
    }
}
