//! Tones: an oscillator, and Goertzel's measure of one frequency.

use std::f64::consts::TAU;

/// A sine oscillator.
#[derive(Clone, Debug)]
pub struct Tone {
    step: f64,
    phase: f64,
    amplitude: f64,
}

impl Tone {
    /// A tone of `hz` at `level_dbfs` (0 is full scale, a peak of 32767) for samples at `rate_hz`.
    #[must_use]
    pub fn new(rate_hz: u32, hz: f64, level_dbfs: f64) -> Self {
        Tone {
            step: hz / f64::from(rate_hz.max(1)),
            phase: 0.0,
            amplitude: 32_767.0 * 10f64.powf(level_dbfs.min(0.0) / 20.0),
        }
    }

    /// Adds the next samples to `out`, saturating.
    pub fn mix(&mut self, out: &mut [i16]) {
        for sample in out {
            *sample = sample.saturating_add((self.amplitude * (TAU * self.phase).sin()).round() as i16);
            self.phase = (self.phase + self.step).fract();
        }
    }

    /// The next `count` samples.
    #[must_use]
    pub fn samples(&mut self, count: usize) -> Vec<i16> {
        let mut out = vec![0; count];
        self.mix(&mut out);
        out
    }
}

/// Level of the tone of `hz` in `samples`, in dB below a full-scale sine (Goertzel); -120 when there is none.
#[must_use]
pub fn tone_level(samples: &[i16], rate_hz: u32, hz: f64) -> f64 {
    let omega = TAU * hz / f64::from(rate_hz.max(1));
    let coefficient = 2.0 * omega.cos();
    let (mut last, mut before) = (0.0, 0.0);
    for &sample in samples {
        let next = f64::from(sample) + coefficient * last - before;
        before = last;
        last = next;
    }
    let power = (last * last + before * before - coefficient * last * before).max(0.0);
    dbfs(2.0 * power.sqrt() / samples.len().max(1) as f64)
}

/// Level of everything in `samples`, in dB below a full-scale sine; -120 for silence.
#[must_use]
pub fn level_dbfs(samples: &[i16]) -> f64 {
    let power = samples.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / samples.len().max(1) as f64;
    dbfs((2.0 * power).sqrt())
}

/// Decibels of a peak amplitude.
fn dbfs(amplitude: f64) -> f64 {
    (20.0 * (amplitude / 32_767.0).log10()).max(-120.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_has_its_level_and_nothing_elsewhere() {
        let tone = Tone::new(8000, 1000.0, -12.0).samples(1600);
        assert!((tone_level(&tone, 8000, 1000.0) + 12.0).abs() < 0.05);
        assert!((level_dbfs(&tone) + 12.0).abs() < 0.05);
        assert!(tone_level(&tone, 8000, 2000.0) < -60.0);
        assert!((tone_level(&[0; 160], 8000, 1000.0) + 120.0).abs() < f64::EPSILON);
        assert!((level_dbfs(&[]) + 120.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_tone_goes_on_where_it_stopped() {
        let whole = Tone::new(16_000, 440.0, -6.0).samples(1000);
        let mut pieces = vec![0; 1000];
        let mut tone = Tone::new(16_000, 440.0, -6.0);
        for piece in pieces.chunks_mut(33) {
            tone.mix(piece);
        }
        assert_eq!(pieces, whole);
    }
}
