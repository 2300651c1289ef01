//! What a receiver counts of one source: validity, loss, jitter. RFC 3550 A.1, A.3, A.8.

use super::rtcp::ReportBlock;
use crate::base::Instant;

const SEQUENCE_MOD: u32 = 1 << 16;
const MAX_DROPOUT: u16 = 3000;
const MAX_MISORDER: u16 = 100;
/// `bad_seq` that no 16-bit number equals.
const NO_BAD: u32 = SEQUENCE_MOD + 1;

/// What the sequence number of a packet says of it. RFC 3550 A.1.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// In order, or reordered within bounds.
    Valid,
    /// The source has started anew: two packets in sequence after a jump. What was buffered of it is of no use.
    Restarted,
    /// A jump too large to believe; the packet is to be dropped.
    Implausible,
}

/// Counters of one SSRC. No probation: who may send at all is decided by address and SSRC before.
#[derive(Clone, Debug)]
pub struct SourceStats {
    /// The source.
    pub ssrc: u32,
    clock_rate_hz: u32,
    max_seq: u16,
    cycles: u32,
    base_seq: u32,
    bad_seq: u32,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    /// Counts of runs that a restart has ended.
    earlier_expected: u64,
    transit: Option<u32>,
    jitter_16ths: u32,
}

impl SourceStats {
    /// Starts with the first packet's number; that packet is still to be given to [`SourceStats::receive`].
    #[must_use]
    pub const fn new(ssrc: u32, sequence: u16, clock_rate_hz: u32) -> Self {
        SourceStats {
            ssrc,
            clock_rate_hz,
            max_seq: sequence,
            cycles: 0,
            base_seq: sequence as u32,
            bad_seq: NO_BAD,
            received: 0,
            expected_prior: 0,
            received_prior: 0,
            earlier_expected: 0,
            transit: None,
            jitter_16ths: 0,
        }
    }

    /// Takes the number of an arrived packet. RFC 3550 A.1 `update_seq`.
    pub fn receive(&mut self, sequence: u16) -> Admission {
        let delta = sequence.wrapping_sub(self.max_seq);
        let mut admission = Admission::Valid;
        if delta < MAX_DROPOUT {
            if sequence < self.max_seq {
                self.cycles = self.cycles.wrapping_add(SEQUENCE_MOD);
            }
            self.max_seq = sequence;
        } else if delta <= 0u16.wrapping_sub(MAX_MISORDER) {
            if u32::from(sequence) != self.bad_seq {
                self.bad_seq = u32::from(sequence.wrapping_add(1));
                return Admission::Implausible;
            }
            self.restart(sequence);
            admission = Admission::Restarted;
        } else if self.cycles == 0 && u32::from(sequence) < self.base_seq {
            // Reordered before the first packet that we saw: it was expected too.
            self.base_seq = u32::from(sequence);
        }
        self.received = self.received.saturating_add(1);
        admission
    }

    /// Takes the arrival time of a packet with a timestamp of its own (not a repeated event report). RFC 3550 A.8.
    pub fn arrive(&mut self, timestamp: u32, now: Instant) {
        let arrival = now.as_micros().saturating_mul(u64::from(self.clock_rate_hz)) / 1_000_000;
        let transit = (arrival as u32).wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let d = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A jump of the sender's clock (over ten seconds) is not jitter.
            if d < self.clock_rate_hz.saturating_mul(10) {
                let decay = self.jitter_16ths.saturating_add(8) >> 4;
                self.jitter_16ths = self.jitter_16ths.saturating_add(d).saturating_sub(decay);
            }
        }
    }

    /// Forgets the last transit: the next arrival is not compared with those before it (after hold, after events).
    pub const fn break_timing(&mut self) {
        self.transit = None;
    }

    /// Packets expected so far. RFC 3550 A.3.
    #[must_use]
    pub fn expected(&self) -> u64 {
        self.earlier_expected.saturating_add(self.expected_in_run())
    }

    /// Packets received, duplicates too. RFC 3550 A.3.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Interarrival jitter in milliseconds. RFC 3550 s6.4.1.
    #[must_use]
    pub fn jitter_ms(&self) -> f32 {
        f64_to_f32(f64::from(self.jitter_16ths) / 16.0 * 1000.0 / f64::from(self.clock_rate_hz.max(1)))
    }

    /// The report block for the next SR or RR; starts a new interval. `last_sr` and `delay` in the units of s6.4.1.
    pub fn report(&mut self, last_sr: u32, delay_since_last_sr: u32) -> ReportBlock {
        let expected = self.expected();
        let lost = i64::try_from(expected).unwrap_or(i64::MAX).saturating_sub_unsigned(self.received);
        let expected_interval = expected.saturating_sub(self.expected_prior);
        let received_interval = self.received.saturating_sub(self.received_prior);
        self.expected_prior = expected;
        self.received_prior = self.received;
        let lost_interval = expected_interval.saturating_sub(received_interval);
        let fraction = (lost_interval << 8).checked_div(expected_interval).unwrap_or(0).min(255);
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(255),
            cumulative_lost: i32::try_from(lost.clamp(-0x80_0000, 0x7f_ffff)).unwrap_or(0),
            highest_sequence: self.cycles.wrapping_add(u32::from(self.max_seq)),
            jitter: self.jitter_16ths >> 4,
            last_sr,
            delay_since_last_sr,
        }
    }

    fn expected_in_run(&self) -> u64 {
        u64::from(self.cycles)
            .saturating_add(u64::from(self.max_seq))
            .saturating_sub(u64::from(self.base_seq))
            .saturating_add(1)
    }

    /// RFC 3550 A.1 `init_seq`, but what was counted stays counted: the call's figures run over a restart.
    fn restart(&mut self, sequence: u16) {
        self.earlier_expected = self.expected();
        self.base_seq = u32::from(sequence);
        self.max_seq = sequence;
        self.bad_seq = NO_BAD;
        self.cycles = 0;
        self.transit = None;
    }
}

fn f64_to_f32(value: f64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Duration;

    fn fed(sequences: impl IntoIterator<Item = u16>) -> SourceStats {
        let mut iter = sequences.into_iter().peekable();
        let mut s = SourceStats::new(1, *iter.peek().unwrap(), 8000);
        for q in iter {
            assert_ne!(s.receive(q), Admission::Implausible);
        }
        s
    }

    #[test]
    fn loss_is_expected_less_received_over_the_wrap() {
        let mut s = fed((65_500..=65_535).chain(0..100).filter(|q| q % 10 != 0));
        let kept = (65_500..=65_535u16).chain(0..100).filter(|q| q % 10 != 0).count() as u64;
        let block = s.report(0, 0);
        assert_eq!(block.highest_sequence, 65_536 + 99);
        assert_eq!(s.received(), kept);
        assert_eq!(block.cumulative_lost as u64, s.expected() - kept);
        assert_eq!(s.expected(), 65_536 + 99 - 65_501 + 1);
        assert_eq!(u64::from(block.fraction_lost), ((s.expected() - kept) << 8) / s.expected());
        assert_eq!(s.report(0, 0).fraction_lost, 0);
    }

    #[test]
    fn duplicates_make_the_loss_negative() {
        let mut s = fed([5, 6, 6, 6, 7]);
        let block = s.report(0, 0);
        assert_eq!((block.cumulative_lost, block.fraction_lost), (-2, 0));
    }

    #[test]
    fn a_jump_is_believed_when_the_next_packet_follows_it() {
        let mut s = fed([10, 11]);
        assert_eq!(s.receive(40_000), Admission::Implausible);
        assert_eq!(s.receive(12), Admission::Valid);
        assert_eq!(s.receive(50_000), Admission::Implausible);
        assert_eq!(s.receive(50_001), Admission::Restarted);
        assert_eq!((s.expected(), s.received()), (4, 4));
    }

    #[test]
    fn a_packet_reordered_before_the_first_was_expected() {
        let mut s = fed([11, 10, 12]);
        assert_eq!(s.report(0, 0).cumulative_lost, 0);
        assert_eq!(s.expected(), 3);
    }

    #[test]
    fn jitter_follows_the_rfcs_filter() {
        let mut s = SourceStats::new(1, 0, 8000);
        let mut expect = 0.0f64;
        for i in 0..500u32 {
            let late_ms = if i % 2 == 0 { 0 } else { 10 };
            s.arrive(i * 160, Instant::ZERO + Duration::from_millis(u64::from(i) * 20 + late_ms));
            if i > 0 {
                expect += (80.0 - expect) / 16.0;
            }
        }
        assert!((f64::from(s.jitter_ms()) - expect / 8.0).abs() < 0.2, "{} {}", s.jitter_ms(), expect / 8.0);
    }
}
