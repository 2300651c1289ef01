//! Shortening sound without changing its pitch: one period is merged into the next.

/// Below this mean magnitude sound counts as silence, and any length may go.
const SILENCE: f32 = 24.0;
/// How alike two neighbouring periods must be.
const ALIKE: f32 = 0.85;

/// Takes one pitch period (2.5 to 10 ms, at most `most` samples) out of `pcm` by cross-fading it with the next; `force` does so even
/// where the sound has no period. Gives the samples taken out (0 when it would be heard).
pub fn shorten(pcm: &mut Vec<i16>, rate_hz: u32, most: usize, force: bool) -> usize {
    let per_ms = (rate_hz / 1000) as usize;
    let least = per_ms.saturating_mul(5) / 2;
    let most = most.min(per_ms.saturating_mul(10)).min(pcm.len() / 2);
    if least == 0 || most < least {
        return 0;
    }
    let magnitude = pcm.iter().map(|s| f32::from(*s).abs()).sum::<f32>() / pcm.len() as f32;
    let period = if magnitude < SILENCE {
        most
    } else {
        let (period, likeness) = best_period(pcm, least, most);
        if likeness < ALIKE && !force {
            return 0;
        }
        period
    };
    let step = 1.0 / period as f32;
    let (head, tail) = pcm.split_at_mut(period);
    for (index, (early, late)) in head.iter_mut().zip(tail.iter()).enumerate() {
        let weight = index as f32 * step;
        *early = (f32::from(*early) * (1.0 - weight) + f32::from(*late) * weight) as i16;
    }
    pcm.drain(period..period.saturating_mul(2));
    period
}

/// The lag at which the sound is most like itself, and how much (-1 ..= 1).
fn best_period(pcm: &[i16], least: usize, most: usize) -> (usize, f32) {
    let mut best = (least, -1.0f32);
    for lag in least..=most {
        let (mut cross, mut a, mut b) = (0.0f32, 1.0f32, 1.0f32);
        for (x, y) in pcm.iter().take(lag).zip(pcm.iter().skip(lag)) {
            let (x, y) = (f32::from(*x), f32::from(*y));
            cross += x * y;
            a += x * x;
            b += y * y;
        }
        let likeness = cross / (a * b).sqrt();
        if likeness > best.1 {
            best = (lag, likeness);
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jitter::signal::{Tone, level_at};

    #[test]
    fn a_tone_loses_a_period_and_stays_a_tone() {
        let mut tone = Tone::new(8000, 440.0);
        let mut all = Vec::new();
        let mut removed = 0;
        for _ in 0..50 {
            let mut frame = tone.samples(160);
            removed += shorten(&mut frame, 8000, 80, false);
            all.extend(frame);
        }
        assert!(removed > 50 * 20, "{removed}");
        assert_eq!(all.len() + removed, 50 * 160);
        // In pieces: whole samples are taken out, so the phase slips a little each time.
        for piece in all.chunks_exact(400) {
            let found = level_at(piece, 8000, 440.0);
            assert!((-7.0..-5.5).contains(&found), "{found}");
        }
    }

    #[test]
    fn silence_goes_and_noise_stays_unless_forced() {
        let mut silence = vec![0; 160];
        assert_eq!(shorten(&mut silence, 8000, 80, false), 80);
        let mut rng = crate::base::Rng::new([3; 32]);
        let noise: Vec<i16> = (0..160).map(|_| rng.u32() as i16).collect();
        assert_eq!(shorten(&mut noise.clone(), 8000, 80, false), 0);
        assert!(shorten(&mut noise.clone(), 8000, 80, true) >= 20);
        assert_eq!(shorten(&mut vec![0; 20], 8000, 80, true), 0);
    }
}
