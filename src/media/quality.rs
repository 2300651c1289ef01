//! Speech quality by the E-model. ITU-T G.107 with its defaults, G.107.1 for wideband; Cole and Rosenbluth's fit of Id.

use crate::base::media::Codec;

/// What a listener suffers from.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Impairments {
    /// Codec of what is heard.
    pub(super) codec: Codec,
    /// One way, mouth to ear: network, jitter buffer, packetisation. Milliseconds.
    pub(super) delay_ms: f32,
    /// Loss after late discards, percent. Event packets never count.
    pub(super) loss_pct: f32,
    /// Mean length of loss bursts over that of random loss of the same rate; 1 is random.
    pub(super) burst_ratio: f32,
}

impl Impairments {
    /// The transmission rating R, on the narrowband scale.
    pub(super) fn r_factor(&self) -> f32 {
        let codec = CodecRating::of(self.codec);
        let ppl = self.loss_pct.clamp(0.0, 100.0);
        let burst = self.burst_ratio.max(1.0);
        let equipment = codec.ie + (95.0 - codec.ie) * ppl / (ppl / burst + codec.bpl);
        let r = codec.r0 - delay_impairment(self.delay_ms + codec.look_ahead_ms) - equipment;
        (r / codec.scale).clamp(0.0, 100.0)
    }
}

/// MOS-CQ of an R factor. G.107 annex B.
pub(super) fn mos(r: f32) -> f32 {
    if r <= 0.0 {
        1.0
    } else if r >= 100.0 {
        4.5
    } else {
        // The polynomial dips below 1 for the smallest R.
        (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0)
    }
}

/// BurstR of so many bursts that lost so many of so many packets.
pub(super) fn burst_ratio(missing: u64, bursts: u64, expected: u64) -> f32 {
    if bursts == 0 || missing >= expected {
        return 1.0;
    }
    let observed = missing as f32 / bursts as f32;
    let random = 1.0 / (1.0 - missing as f32 / expected as f32);
    (observed / random).max(1.0)
}

/// Id. G.107 as fitted by Cole and Rosenbluth.
fn delay_impairment(delay_ms: f32) -> f32 {
    0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0)
}

/// Figures of a codec with our concealment.
struct CodecRating {
    /// R without delay and loss.
    r0: f32,
    /// Equipment impairment without loss.
    ie: f32,
    /// Robustness against loss.
    bpl: f32,
    /// Divides R to the narrowband scale.
    scale: f32,
    look_ahead_ms: f32,
}

impl CodecRating {
    fn of(codec: Codec) -> Self {
        match codec {
            // G.113: G.711 with concealment (Appendix I). Ours is of that kind; the values are an estimate until fitted to PESQ.
            Codec::Pcmu | Codec::Pcma => CodecRating { r0: 93.2, ie: 0.0, bpl: 25.1, scale: 1.0, look_ahead_ms: 0.0 },
            // G.107.1 scale with G.113's Ie,wb of 64 kbit/s; Bpl is an estimate.
            Codec::G722 => CodecRating { r0: 129.0, ie: 13.0, bpl: 14.0, scale: 1.29, look_ahead_ms: 1.5 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pcmu(delay_ms: f32, loss_pct: f32, burst_ratio: f32) -> f32 {
        Impairments { codec: Codec::Pcmu, delay_ms, loss_pct, burst_ratio }.r_factor()
    }

    #[test]
    fn the_default_call_is_93_point_2() {
        assert!((pcmu(0.0, 0.0, 1.0) - 93.2).abs() < 0.01);
        assert!((mos(93.2) - 4.41).abs() < 0.005);
        assert_eq!((mos(-3.0), mos(100.0), mos(0.5)), (1.0, 4.5, 1.0));
        assert!((mos(50.0) - 2.575).abs() < 0.001);
    }

    #[test]
    fn delay_loss_and_bursts_each_take_their_share() {
        assert!((pcmu(100.0, 0.0, 1.0) - (93.2 - 2.4)).abs() < 0.01);
        assert!((pcmu(277.3, 0.0, 1.0) - (93.2 - 0.024 * 277.3 - 11.0)).abs() < 0.01);
        assert!((pcmu(0.0, 5.0, 1.0) - (93.2 - 95.0 * 5.0 / 30.1)).abs() < 0.01);
        assert!(pcmu(0.0, 5.0, 2.0) < pcmu(0.0, 5.0, 1.0));
        assert!(mos(pcmu(20.0, 20.0, 1.0)) < mos(pcmu(20.0, 2.0, 1.0)));
    }

    #[test]
    fn wideband_is_brought_to_the_narrowband_scale() {
        let r = Impairments { codec: Codec::G722, delay_ms: 0.0, loss_pct: 0.0, burst_ratio: 1.0 }.r_factor();
        assert!((r - (129.0 - 13.0 - 0.036) / 1.29).abs() < 0.01);
    }

    #[test]
    fn bursts_are_measured_against_chance() {
        assert_eq!(burst_ratio(0, 0, 100), 1.0);
        // Ten percent at random has runs of 1.11 packets.
        assert!((burst_ratio(100, 90, 1000) - 1.0).abs() < 0.01);
        assert!((burst_ratio(100, 20, 1000) - 4.5).abs() < 0.01);
        assert_eq!(burst_ratio(10, 1, 10), 1.0);
    }
}
