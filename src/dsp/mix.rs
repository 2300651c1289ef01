//! Mixing: sums that saturate instead of wrapping around, the loudest failure that PCM has.

/// Adds `from` to `into`, sample by sample, as far as both reach.
pub fn mix(into: &mut [i16], from: &[i16]) {
    for (sum, &sample) in into.iter_mut().zip(from) {
        *sum = sum.saturating_add(sample);
    }
}

/// Multiplies by `gain`, rounded and saturated.
pub fn scale(samples: &mut [i16], gain: f32) {
    for sample in samples {
        // A float cast saturates.
        *sample = (f32::from(*sample) * gain).round() as i16;
    }
}

/// Appends the mean of each frame of `channels` interleaved samples to `out`; an incomplete last frame is left out.
pub fn mix_down(interleaved: &[i16], channels: usize, out: &mut Vec<i16>) {
    if channels == 1 {
        return out.extend_from_slice(interleaved);
    }
    let count = i32::try_from(channels.max(1)).unwrap_or(i32::MAX);
    out.extend(
        interleaved
            .chunks_exact(channels.max(1))
            .map(|frame| (frame.iter().map(|&s| i32::from(s)).sum::<i32>() / count) as i16),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate() {
        let mut sum = [30_000, -30_000, 5, 7];
        mix(&mut sum, &[10_000, -10_000, -3]);
        assert_eq!(sum, [32_767, -32_768, 2, 7]);
    }

    #[test]
    fn gains_round_and_saturate() {
        let mut samples = [100, -100, 20_000, -20_000, 3];
        scale(&mut samples, 2.0);
        assert_eq!(samples, [200, -200, 32_767, -32_768, 6]);
        scale(&mut samples, 0.25);
        assert_eq!(samples, [50, -50, 8192, -8192, 2]);
    }

    #[test]
    fn stereo_becomes_its_mean() {
        let mut mono = vec![];
        mix_down(&[100, 300, i16::MAX, i16::MAX, -10, 20, 9], 2, &mut mono);
        assert_eq!(mono, [200, i16::MAX, 5]);
        mono.clear();
        mix_down(&[1, 2], 1, &mut mono);
        assert_eq!(mono, [1, 2]);
    }
}
