//! Tones for the tests of this floor.

/// A sine that goes on from call to call, at -6 dBFS.
pub(super) struct Tone {
    rate_hz: f64,
    hz: f64,
    at: u64,
}

impl Tone {
    pub(super) fn new(rate_hz: u32, hz: f64) -> Self {
        Tone { rate_hz: f64::from(rate_hz), hz, at: 0 }
    }

    pub(super) fn samples(&mut self, count: usize) -> Vec<i16> {
        let phase = std::f64::consts::TAU * self.hz / self.rate_hz;
        let from = self.at;
        self.at += count as u64;
        (from..self.at).map(|n| (16_422.0 * (phase * n as f64).sin()) as i16).collect()
    }
}

/// Level of everything, in dB below a full-scale sine.
pub(super) fn level(pcm: &[i16]) -> f64 {
    let power = pcm.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / pcm.len() as f64;
    10.0 * (power * 2.0 / 32_767.0f64.powi(2)).max(1e-12).log10()
}

/// Level of the tone of `hz` alone.
pub(super) fn level_at(pcm: &[i16], rate_hz: u32, hz: f64) -> f64 {
    let phase = std::f64::consts::TAU * hz / f64::from(rate_hz);
    let part =
        |wave: fn(f64) -> f64| pcm.iter().enumerate().map(|(n, s)| f64::from(*s) * wave(phase * n as f64)).sum::<f64>();
    let amplitude = 2.0 * part(f64::sin).hypot(part(f64::cos)) / pcm.len() as f64;
    20.0 * (amplitude / 32_767.0).max(1e-6).log10()
}
