//! Sample rate conversion by a polyphase windowed-sinc filter of any rational ratio.
//!
//! The filter is 4 ms long, whatever the rates: linear phase, 2 ms of delay. Its transition band is about 1 kHz wide and lies under
//! the Nyquist frequency of the lower rate, so what would fold back is 60 dB down while the band of the codecs passes.

use std::f64::consts::PI;

/// Half the filter's length, which is its delay.
const HALF_LENGTH_S: f64 = 0.002;
/// Centre of the transition band, below the Nyquist frequency of the lower rate.
const TRANSITION_HZ: f64 = 400.0;
/// Shape of the Kaiser window: 65 dB.
const KAISER_BETA: f64 = 6.2;
/// Multiply-and-add lanes; each phase is padded to a multiple.
const LANES: usize = 8;

/// A converter from one rate to another, for chunks of any size.
///
/// After `n` samples in, `ceil(n * to / from)` samples have come out, whatever the chunks were; they lag by 2 ms.
#[derive(Clone, Debug)]
pub struct Resampler {
    from_hz: u32,
    to_hz: u32,
    /// `up` phases of `taps` coefficients each.
    phases: Vec<f32>,
    taps: usize,
    up: usize,
    /// Input samples per output: whole ones, and a rest in units of `1 / up`.
    whole: usize,
    rest: usize,
    /// Input that outputs to come still need, oldest first.
    history: Vec<f32>,
    /// Where the next output's window starts in `history`.
    start: usize,
    /// Its phase.
    phase: usize,
}

impl Resampler {
    /// A converter between two rates in Hz. Equal rates pass samples through unchanged and without delay; a rate of 0 counts as 1.
    #[must_use]
    pub fn new(from_hz: u32, to_hz: u32) -> Self {
        let (from_hz, to_hz) = (from_hz.max(1), to_hz.max(1));
        let divisor = gcd(from_hz, to_hz);
        let (up, down) = ((to_hz / divisor) as usize, (from_hz / divisor) as usize);
        let (phases, taps) = if from_hz == to_hz { (vec![], LANES) } else { design(from_hz, to_hz, up) };
        let (whole, rest) = (down / up, down % up);
        Resampler { from_hz, to_hz, phases, taps, up, whole, rest, history: vec![0.0; taps - 1], start: 0, phase: 0 }
    }

    /// Rate of the input in Hz.
    #[must_use]
    pub const fn from_hz(&self) -> u32 {
        self.from_hz
    }

    /// Rate of the output in Hz.
    #[must_use]
    pub const fn to_hz(&self) -> u32 {
        self.to_hz
    }

    /// Converts the next samples and appends the result to `out`.
    pub fn process(&mut self, input: &[i16], out: &mut Vec<i16>) {
        if self.from_hz == self.to_hz {
            return out.extend_from_slice(input);
        }
        out.reserve(input.len() * self.up / (self.whole * self.up + self.rest) + 1);
        self.history.extend(input.iter().map(|&s| f32::from(s)));
        while let Some(window) = self.history.get(self.start..self.start + self.taps) {
            let coefficients = &self.phases[self.phase * self.taps..][..self.taps];
            let sample = dot(window, coefficients);
            // Half away from zero and a cast, which truncates and saturates: the same as round(), without a library call.
            out.push((sample + 0.5f32.copysign(sample)) as i16);
            self.start += self.whole;
            self.phase += self.rest;
            if self.phase >= self.up {
                self.phase -= self.up;
                self.start += 1;
            }
        }
        let used = self.start.min(self.history.len());
        self.history.drain(..used);
        self.start -= used;
    }

    /// Forgets all input, as if new.
    pub fn reset(&mut self) {
        self.history.clear();
        self.history.resize(self.taps - 1, 0.0);
        self.start = 0;
        self.phase = 0;
    }
}

/// The coefficients of all phases and their number per phase.
fn design(from_hz: u32, to_hz: u32, up: usize) -> (Vec<f32>, usize) {
    let lower = f64::from(from_hz.min(to_hz));
    let cutoff = (lower / 2.0 - TRANSITION_HZ).max(lower / 4.0) / f64::from(from_hz);
    let half = HALF_LENGTH_S * f64::from(from_hz);
    let taps = (2.0 * half).ceil() as usize;
    let taps = taps.next_multiple_of(LANES);
    let top = bessel_i0(KAISER_BETA);
    let mut phases = Vec::with_capacity(up * taps);
    for phase in 0..up {
        // The newest tap of a window is at `taps - 1`; the filter's middle lies `half` before it, less the phase's fraction.
        let middle = (taps - 1) as f64 - half + phase as f64 / up as f64;
        let row: Vec<f64> = (0..taps)
            .map(|tap| {
                let x = tap as f64 - middle;
                sinc(2.0 * cutoff * x) * kaiser(x / half) / top
            })
            .collect();
        // The same gain for every phase, or constant input would ripple at the output's rate.
        let gain: f64 = row.iter().sum();
        phases.extend(row.iter().map(|c| (c / gain) as f32));
    }
    (phases, taps)
}

/// Dot product in `LANES` independent sums, a shape that compilers turn into vector instructions.
fn dot(window: &[f32], coefficients: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    let (window, coefficients) = (window.as_chunks::<LANES>().0, coefficients.as_chunks::<LANES>().0);
    for (x, c) in window.iter().zip(coefficients) {
        for ((sum, x), c) in sums.iter_mut().zip(x).zip(c) {
            *sum += x * c;
        }
    }
    sums.iter().sum()
}

/// sin(pi x) / (pi x).
fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The Kaiser window over -1 ..= 1, not normalised; zero outside.
fn kaiser(x: f64) -> f64 {
    if x.abs() > 1.0 { 0.0 } else { bessel_i0(KAISER_BETA * (1.0 - x * x).sqrt()) }
}

/// Modified Bessel function of the first kind and order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > 1e-10 * sum {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

/// Greatest common divisor of two positive numbers.
const fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dsp::{Tone, level_dbfs, tone_level};
    use proptest::prelude::*;

    const RATES: [u32; 6] = [8000, 16_000, 24_000, 32_000, 44_100, 48_000];

    fn convert(from_hz: u32, to_hz: u32, input: &[i16]) -> Vec<i16> {
        let mut out = vec![];
        Resampler::new(from_hz, to_hz).process(input, &mut out);
        out
    }

    fn pairs() -> impl Iterator<Item = (u32, u32)> {
        RATES.into_iter().flat_map(|rate| [(rate, 8000), (rate, 16_000), (8000, rate), (16_000, rate)])
    }

    #[test]
    fn a_tone_keeps_its_level_and_stays_alone() {
        for (from, to) in pairs() {
            for hz in [300.0, 1000.0, 3000.0] {
                let input = Tone::new(from, hz, -10.0).samples(from as usize / 5);
                let out = convert(from, to, &input);
                let steady = &out[to as usize / 20..];
                let level = tone_level(steady, to, hz);
                assert!((level + 10.0).abs() < 0.3, "{from} to {to}, {hz} Hz: {level:.2} dB");
                // What is left when the tone is taken away, over whole periods.
                let period = to as usize / 100;
                let steady = &steady[..steady.len() / period * period];
                let rest = residual(steady, to, hz);
                assert!(rest < level - 50.0, "{from} to {to}, {hz} Hz: rest {rest:.1} dB");
            }
        }
    }

    /// Level of what is not the tone.
    fn residual(pcm: &[i16], rate: u32, hz: f64) -> f64 {
        let angle = |i: usize| std::f64::consts::TAU * hz * i as f64 / f64::from(rate);
        let (mut re, mut im) = (0.0, 0.0);
        for (i, &s) in pcm.iter().enumerate() {
            re += f64::from(s) * angle(i).cos() * 2.0 / pcm.len() as f64;
            im += f64::from(s) * angle(i).sin() * 2.0 / pcm.len() as f64;
        }
        let rest: Vec<i16> = pcm
            .iter()
            .enumerate()
            .map(|(i, &s)| (f64::from(s) - re * angle(i).cos() - im * angle(i).sin()).round() as i16)
            .collect();
        level_dbfs(&rest)
    }

    #[test]
    fn what_would_fold_back_is_gone() {
        for from in [16_000, 24_000, 32_000, 44_100, 48_000] {
            let out = convert(from, 8000, &Tone::new(from, 5000.0, -3.0).samples(from as usize / 5));
            let level = level_dbfs(&out[800..]);
            assert!(level < -58.0, "{from}: {level:.1} dB");
        }
    }

    #[test]
    fn the_delay_is_two_milliseconds() {
        for (from, to) in pairs().filter(|(from, to)| from != to) {
            let mut input = vec![0i16; from as usize / 10];
            let at = from as usize / 20;
            input[at] = 32_000;
            let out = convert(from, to, &input);
            let peak = (0..out.len()).max_by_key(|&i| out[i]).unwrap();
            let delay_ms = 1000.0 * (peak as f64 / f64::from(to) - at as f64 / f64::from(from));
            assert!((delay_ms - 2.0).abs() <= 0.5e3 / f64::from(to) + 1e-9, "{from} to {to}: {delay_ms:.3} ms");
        }
    }

    #[test]
    fn equal_rates_change_nothing() {
        let input: Vec<i16> = (0..500).map(|i| (i * 77) as i16).collect();
        assert_eq!(convert(16_000, 16_000, &input), input);
    }

    #[test]
    fn reset_forgets() {
        let input = Tone::new(8000, 700.0, -6.0).samples(333);
        let mut resampler = Resampler::new(8000, 44_100);
        let (mut first, mut second) = (vec![], vec![]);
        resampler.process(&input, &mut first);
        resampler.reset();
        resampler.process(&input, &mut second);
        assert_eq!(first, second);
    }

    #[test]
    fn full_scale_squares_saturate() {
        let input: Vec<i16> = (0..1600).map(|i| if i / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let out = convert(8000, 16_000, &input);
        assert!(out.contains(&i16::MAX) && out.contains(&i16::MIN));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn chunks_of_any_size_give_the_same_samples(
            pair in prop::sample::select(pairs().collect::<Vec<_>>()),
            input in prop::collection::vec(any::<i16>(), 0..1000),
            sizes in prop::collection::vec(1usize..200, 1..20),
        ) {
            let whole = convert(pair.0, pair.1, &input);
            prop_assert_eq!(whole.len() as u64, (input.len() as u64 * u64::from(pair.1)).div_ceil(u64::from(pair.0)));
            let mut resampler = Resampler::new(pair.0, pair.1);
            let (mut pieces, mut at, mut sizes) = (vec![], 0, sizes.into_iter().cycle());
            while at < input.len() {
                let end = (at + sizes.next().unwrap()).min(input.len());
                resampler.process(&input[at..end], &mut pieces);
                at = end;
            }
            prop_assert_eq!(pieces, whole);
        }
    }
}
