//! Sources that play into a session, each brought to the codec's rate.

use super::io::Source;
use crate::dsp::{Resampler, mix};

/// Sound that the resampler holds back; so much silence pushes it out.
const TAIL_MS: u32 = 2;

/// One source under way.
pub(super) struct Play {
    pub(super) token: u64,
    source: Box<dyn Source>,
    resampler: Resampler,
    rate_hz: u32,
    /// Sound at the codec's rate, not sent yet.
    ready: Vec<i16>,
    sent_us: u64,
    drained: bool,
}

impl Play {
    pub(super) fn new(token: u64, source: Box<dyn Source>, rate_hz: u32) -> Self {
        let resampler = Resampler::new(source.rate_hz(), rate_hz);
        Play { token, source, resampler, rate_hz, ready: Vec::new(), sent_us: 0, drained: false }
    }

    /// The codec's rate has changed.
    pub(super) fn set_rate(&mut self, rate_hz: u32) {
        if rate_hz != self.rate_hz {
            self.resampler = Resampler::new(self.source.rate_hz(), rate_hz);
            self.rate_hz = rate_hz;
            self.ready.clear();
        }
    }

    /// How much went out.
    pub(super) const fn played_ms(&self) -> u64 {
        self.sent_us / 1000
    }

    /// Mixes the next samples into `frame`; `sent` says whether the frame goes out as sound. True when that was the last of it.
    pub(super) fn mix_into(&mut self, frame: &mut [i16], scratch: &mut Vec<i16>, sent: bool) -> bool {
        self.fill(frame.len(), scratch);
        let count = frame.len().min(self.ready.len());
        if let (Some(into), Some(from)) = (frame.get_mut(..count), self.ready.get(..count)) {
            mix(into, from);
        }
        self.ready.drain(..count);
        if sent {
            let us = (count as u64).saturating_mul(1_000_000).checked_div(u64::from(self.rate_hz)).unwrap_or(0);
            self.sent_us = self.sent_us.saturating_add(us);
        }
        self.drained && self.ready.is_empty()
    }

    /// Reads until `count` samples are ready or the source has no more right now.
    fn fill(&mut self, count: usize, scratch: &mut Vec<i16>) {
        let from_hz = u64::from(self.source.rate_hz().max(1));
        // Two rounds: rounding and the resampler's delay may leave the first a little short.
        for _ in 0..2 {
            let missing = count.saturating_sub(self.ready.len()) as u64;
            if missing == 0 || self.drained {
                return;
            }
            let want = missing.saturating_mul(from_hz).div_ceil(u64::from(self.rate_hz.max(1)));
            scratch.clear();
            scratch.resize(usize::try_from(want).unwrap_or(0), 0);
            let got = self.source.read(scratch).min(scratch.len());
            self.resampler.process(scratch.get(..got).unwrap_or(&[]), &mut self.ready);
            if got < scratch.len() {
                if self.source.is_finished() {
                    self.finish(scratch);
                }
                return;
            }
        }
        if self.source.is_finished() {
            self.finish(scratch);
        }
    }

    /// Pushes out what the resampler holds; equal rates hold nothing.
    fn finish(&mut self, scratch: &mut Vec<i16>) {
        self.drained = true;
        if self.source.rate_hz() != self.rate_hz {
            let tail = (self.source.rate_hz() / 1000).saturating_mul(TAIL_MS);
            scratch.clear();
            scratch.resize(tail as usize, 0);
            self.resampler.process(scratch, &mut self.ready);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A source of given samples.
    pub(in crate::media) struct Samples {
        pub(in crate::media) rate_hz: u32,
        pub(in crate::media) samples: Vec<i16>,
        pub(in crate::media) at: usize,
    }

    impl Source for Samples {
        fn rate_hz(&self) -> u32 {
            self.rate_hz
        }
        fn read(&mut self, out: &mut [i16]) -> usize {
            let count = out.len().min(self.samples.len() - self.at);
            out[..count].copy_from_slice(&self.samples[self.at..self.at + count]);
            self.at += count;
            count
        }
        fn is_finished(&self) -> bool {
            self.at == self.samples.len()
        }
    }

    #[test]
    fn what_is_played_is_counted_and_ends_with_its_last_sample() {
        let source = Samples { rate_hz: 8000, samples: (1..=400).collect(), at: 0 };
        let mut play = Play::new(7, Box::new(source), 8000);
        let mut scratch = Vec::new();
        let mut heard = Vec::new();
        let mut ends = Vec::new();
        for _ in 0..3 {
            let mut frame = [0; 160];
            ends.push(play.mix_into(&mut frame, &mut scratch, true));
            heard.extend(frame);
        }
        assert_eq!(ends, [false, false, true]);
        assert_eq!(heard[..400], (1..=400).collect::<Vec<i16>>()[..]);
        assert!(heard[400..].iter().all(|s| *s == 0));
        assert_eq!(play.played_ms(), 50);
    }

    #[test]
    fn other_rates_are_converted_whole() {
        let source = Samples { rate_hz: 44_100, samples: vec![1000; 44_100], at: 0 };
        let mut play = Play::new(7, Box::new(source), 16_000);
        let (mut scratch, mut frames) = (Vec::new(), 0);
        loop {
            frames += 1;
            if play.mix_into(&mut [0; 320], &mut scratch, true) {
                break;
            }
        }
        assert_eq!(frames, 51);
        assert!((1000..=1004).contains(&play.played_ms()), "{}", play.played_ms());
    }
}
