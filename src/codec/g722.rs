//! ITU-T G.722, 7 kHz audio at 64 kbit/s, integer arithmetic of its blocks. RFC 3551 s4.5.2.
//!
//! Two sub-bands of 4 kHz, split by a quadrature mirror filter, each coded by adaptive differential PCM: 6 bits for the lower band,
//! 2 for the upper. Names in capitals are the blocks of clause 6.2.

/// 16 kHz PCM to one byte per two samples.
#[derive(Clone, Debug)]
pub struct Encoder {
    filter: Filter,
    low: Band,
    high: Band,
    odd: Option<i16>,
}

impl Default for Encoder {
    fn default() -> Self {
        Encoder { filter: Filter::default(), low: Band::new(LOW_STEP), high: Band::new(HIGH_STEP), odd: None }
    }
}

impl Encoder {
    /// Appends the bytes of `pcm`; an odd sample waits for the next call.
    pub fn encode(&mut self, pcm: &[i16], out: &mut Vec<u8>) {
        out.reserve(pcm.len() / 2 + 1);
        for &sample in pcm {
            match self.odd.take() {
                None => self.odd = Some(sample),
                Some(first) => out.push(self.pair(first, sample)),
            }
        }
    }

    /// Codes one sample of each band.
    fn pair(&mut self, first: i16, second: i16) -> u8 {
        let (even, odd) = self.filter.push(first, second);
        // DC gain of the filter 2^12, two branches, and one bit because the bands work in 15 bits.
        let low = limit((even + odd) >> 14);
        let high = limit((even - odd) >> 14);

        let error = saturate(low - self.low.estimate);
        let code_low = quantize_low(error, self.low.step);
        self.low.adapt_low(code_low >> 2);

        let error = saturate(high - self.high.estimate);
        let outer = magnitude(error) >= (564 * self.high.step) >> 12;
        let code_high = match (error < 0, outer) {
            (true, true) => 0,
            (true, false) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        self.high.adapt_high(code_high);
        (code_high << 6 | code_low) as u8
    }
}

/// One byte to two samples of 16 kHz PCM.
#[derive(Clone, Debug)]
pub struct Decoder {
    filter: Filter,
    low: Band,
    high: Band,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder { filter: Filter::default(), low: Band::new(LOW_STEP), high: Band::new(HIGH_STEP) }
    }
}

impl Decoder {
    /// Appends the samples of `payload`, two per byte.
    pub fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>) {
        out.reserve(payload.len() * 2);
        for &byte in payload {
            let (code_low, code_high) = (usize::from(byte & 0x3f), usize::from(byte >> 6));
            // The output uses all six bits (mode 1), the predictor only four, so that both ends agree when bits are stolen.
            let low = limit(self.low.estimate + ((self.low.step * QM6[code_low]) >> 15));
            self.low.adapt_low(code_low >> 2);
            let high = limit(self.high.estimate + ((self.high.step * QM2[code_high]) >> 15));
            self.high.adapt_high(code_high);

            let (even, odd) = self.filter.push(saturate(low + high) as i16, saturate(low - high) as i16);
            out.push(saturate(even >> 11) as i16);
            out.push(saturate(odd >> 11) as i16);
        }
    }
}

/// The 24 taps of the quadrature mirror filter, shared by both directions: two branches of twelve, oldest first.
#[derive(Clone, Debug, Default)]
struct Filter {
    first: [i16; 12],
    second: [i16; 12],
}

impl Filter {
    /// Takes two samples and gives the sums of the two branches, the second one's first.
    fn push(&mut self, first: i16, second: i16) -> (i32, i32) {
        self.first.copy_within(1.., 0);
        self.first[11] = first;
        self.second.copy_within(1.., 0);
        self.second[11] = second;
        (branch(&self.second, &QMF_BACKWARD), branch(&self.first, &QMF))
    }
}

/// One branch's sum: it fits, the coefficients' magnitudes add up to less than 2^13.
fn branch(taps: &[i16; 12], coefficients: &[i16; 12]) -> i32 {
    taps.iter().zip(coefficients).fold(0, |sum: i32, (&x, &c)| sum.wrapping_add(i32::from(x) * i32::from(c)))
}

/// ADPCM state of one sub-band: scale factor, two poles and six zeros of the predictor.
#[derive(Clone, Debug)]
struct Band {
    /// Logarithmic scale factor, NB.
    scale: i32,
    /// Quantizer step, DET.
    step: i32,
    /// Prediction of the next sample, S.
    estimate: i32,
    /// The part of it that the zeros give, SZ.
    zeros_part: i32,
    /// Pole coefficients, A.
    poles: [i32; 2],
    /// Zero coefficients, B: six, and two lanes that make a vector of them.
    zeros: [i16; 8],
    /// Last reconstructed samples, R, doubled and saturated as FILTEP wants them, newest first.
    reconstructed: [i32; 2],
    /// Last partially reconstructed samples, P, newest first.
    partial: [i32; 2],
    /// Last quantized differences, D, doubled and saturated as FILTEZ wants them, newest first; the last two lanes stay 0.
    differences: [i16; 8],
}

impl Band {
    /// The state after a reset, with the first quantizer step. Clause 6.3.
    const fn new(step: i32) -> Self {
        Band {
            scale: 0,
            step,
            estimate: 0,
            zeros_part: 0,
            poles: [0; 2],
            zeros: [0; 8],
            reconstructed: [0; 2],
            partial: [0; 2],
            differences: [0; 8],
        }
    }

    /// Adapts the lower band to the four bits of its code that are always there: INVQAL, LOGSCL, SCALEL and the predictor.
    fn adapt_low(&mut self, code: usize) {
        let difference = (self.step * QM4[code]) >> 15;
        self.scale = (((self.scale * 127) >> 7) + WL[RL42[code]]).clamp(0, 18_432);
        self.step = antilog(self.scale, 8);
        self.predict(difference);
    }

    /// Adapts the upper band to its code: INVQAH, LOGSCH, SCALEH and the predictor.
    fn adapt_high(&mut self, code: usize) {
        let difference = (self.step * QM2[code]) >> 15;
        self.scale = (((self.scale * 127) >> 7) + WH[code & 1]).clamp(0, 22_528);
        self.step = antilog(self.scale, 10);
        self.predict(difference);
    }

    /// The predictor shared by both bands: RECONS, PARREC, UPPOL2, UPPOL1, UPZERO, DELAYA, FILTEP, FILTEZ, PREDIC.
    fn predict(&mut self, difference: i32) {
        let reconstructed = saturate(self.estimate + difference);
        let partial = saturate(self.zeros_part + difference);

        let (same_1, same_2) = ((partial < 0) == (self.partial[0] < 0), (partial < 0) == (self.partial[1] < 0));
        let [pole_1, pole_2] = self.poles;
        let leak = saturate(pole_1 << 2);
        let leak = if same_1 { saturate(-leak) } else { leak };
        let pole_2 = (leak >> 7) + if same_2 { 128 } else { -128 } + ((pole_2 * 32_512) >> 15);
        let pole_2 = pole_2.clamp(-12_288, 12_288);
        let bound = 15_360 - pole_2;
        let pole_1 = saturate(if same_1 { 192 } else { -192 } + ((pole_1 * 32_640) >> 15)).clamp(-bound, bound);
        self.poles = [pole_1, pole_2];

        let gain = if difference == 0 { 0 } else { 128 };
        let doubled = saturate(2 * difference) as i16;
        for (zero, &older) in self.zeros.iter_mut().zip(&self.differences) {
            // The sign of the product, without a branch.
            let sign = (older ^ doubled) >> 15;
            *zero = leaked(*zero).saturating_add((gain ^ sign).wrapping_sub(sign));
        }

        self.differences.copy_within(..5, 1);
        self.differences[0] = doubled;
        self.reconstructed = [saturate(2 * reconstructed), self.reconstructed[0]];
        self.partial = [partial, self.partial[0]];

        let poles_part = saturate(((pole_1 * self.reconstructed[0]) >> 15) + ((pole_2 * self.reconstructed[1]) >> 15));
        // Products of 16 bits each, halved: the sum fits.
        let products = self.zeros.iter().zip(&self.differences).map(|(&b, &d)| (i32::from(b) * i32::from(d)) >> 15);
        self.zeros_part = saturate(products.fold(0, i32::wrapping_add));
        self.estimate = saturate(poles_part + self.zeros_part);
    }
}

/// A zero coefficient times 32640/32768, rounded down: less a 256th part of it, rounded up. It fits.
const fn leaked(zero: i16) -> i16 {
    zero.wrapping_sub(zero >> 8).wrapping_sub(((zero & 255) + 255) >> 8)
}

/// QUANTL: six bits for the lower band.
fn quantize_low(error: i32, step: i32) -> usize {
    let magnitude = magnitude(error);
    let level = Q6.partition_point(|&q| magnitude >= (q * step) >> 12);
    match (error < 0, level) {
        // Codes 0 to 3 are left free for the signalling of other modes: the two innermost negative levels wrap to the top.
        (true, 0 | 1) => 63 - level,
        (true, _) => 33 - level,
        (false, _) => 61 - level,
    }
}

/// SCALEL and SCALEH: the step for a logarithmic scale factor, in units of 2^(-11).
fn antilog(scale: i32, exponent: i32) -> i32 {
    let mantissa = ILB[(scale >> 6) as usize & 31];
    let shift = exponent - (scale >> 11);
    (if shift < 0 { mantissa << -shift } else { mantissa >> shift }) << 2
}

/// Magnitude, negative values by their ones' complement.
const fn magnitude(x: i32) -> i32 {
    x ^ (x >> 31)
}

/// Saturates to 16 bits.
fn saturate(x: i32) -> i32 {
    x.clamp(-32_768, 32_767)
}

/// LIMIT: saturates to 15 bits.
fn limit(x: i32) -> i32 {
    x.clamp(-16_384, 16_383)
}

/// First quantizer step of the lower band.
const LOW_STEP: i32 = 32;
/// First quantizer step of the upper band.
const HIGH_STEP: i32 = 8;

/// Half of the symmetric filter. G.722 table 11.
const QMF: [i16; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// The other half.
const QMF_BACKWARD: [i16; 12] = [-11, 53, -156, 362, -805, 3876, 951, -210, 32, 12, -11, 3];

/// Decision levels of the lower band, for the code positions 0 to 28; what is above all is position 29. Table 14.
const Q6: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// Output levels of the lower band's four-bit quantizer. Table 17.
const QM4: [i32; 16] =
    [0, -20_456, -12_896, -8968, -6288, -4240, -2584, -1200, 20_456, 12_896, 8968, 6288, 4240, 2584, 1200, 0];

/// Output levels of the lower band's six-bit quantizer. Table 19.
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24_808, -21_904, -19_008, -16_704, -14_984, -13_512, -12_280, -11_192, -10_232, -9360,
    -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360,
    -1040, -728, 24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9360, 8576, 7856, 7192, 6576,
    6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

/// Output levels of the upper band. Table 21.
const QM2: [i32; 4] = [-7408, -1616, 7408, 1616];

/// Which scale adaptation a four-bit code of the lower band asks for.
const RL42: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];

/// Logarithmic scale adaptations of the lower band.
const WL: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];

/// Logarithmic scale adaptations of the upper band, by the lower bit of the code: outer level, inner level.
const WH: [i32; 2] = [798, -214];

/// 2^(11 + n/32).
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{corpus, words};
    use proptest::prelude::*;

    fn encode(pcm: &[i16]) -> Vec<u8> {
        let mut out = vec![];
        Encoder::default().encode(pcm, &mut out);
        out
    }

    fn decode(payload: &[u8]) -> Vec<i16> {
        let mut out = vec![];
        Decoder::default().decode(payload, &mut out);
        out
    }

    /// Ratio of the tone to everything else, in dB, by a least-squares fit of the tone.
    fn signal_to_noise(pcm: &[i16], hz: f64) -> f64 {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, &s) in pcm.iter().enumerate() {
            let phase = std::f64::consts::TAU * hz * i as f64 / 16_000.0;
            re += f64::from(s) * phase.cos();
            im += f64::from(s) * phase.sin();
        }
        let (re, im) = (re * 2.0 / pcm.len() as f64, im * 2.0 / pcm.len() as f64);
        let (mut signal, mut noise) = (0.0, 0.0);
        for (i, &s) in pcm.iter().enumerate() {
            let phase = std::f64::consts::TAU * hz * i as f64 / 16_000.0;
            let fit = re * phase.cos() + im * phase.sin();
            signal += fit * fit;
            noise += (f64::from(s) - fit).powi(2);
        }
        10.0 * (signal / noise).log10()
    }

    #[test]
    fn a_tone_comes_back_as_the_tone() {
        // The upper band has two bits only.
        for (hz, bound) in [(300.0, 30.0), (1000.0, 30.0), (3000.0, 25.0), (5000.0, 12.0), (6500.0, 12.0)] {
            let tone: Vec<i16> = (0..16_000)
                .map(|i| (8000.0 * (std::f64::consts::TAU * hz * f64::from(i) / 16_000.0).sin()) as i16)
                .collect();
            let back = decode(&encode(&tone));
            let snr = signal_to_noise(&back[1600..], hz);
            assert!(snr > bound, "{hz} Hz: {snr:.1} dB");
        }
    }

    #[test]
    fn an_odd_sample_waits_for_its_pair() {
        let pcm: Vec<i16> = (0..999).map(|i| (i * 31) as i16).collect();
        let mut encoder = Encoder::default();
        let mut pieces = vec![];
        for piece in pcm.chunks(7) {
            encoder.encode(piece, &mut pieces);
        }
        assert_eq!(pieces, encode(&pcm));
        assert_eq!(pieces.len(), 499);
    }

    #[test]
    fn itu_stl_speech_is_bit_exact() {
        let Some(set) = corpus("itu-stl-g722") else { return };
        // One code per 16-bit word; the packed file beside it has the bytes of each pair swapped.
        let expected: Vec<u8> = words(&set.join("codspw.cod")).iter().map(|&w| w as u8).collect();
        let coded = encode(&words(&set.join("inpsp.bin")));
        assert_eq!(coded.iter().zip(&expected).position(|(a, b)| a != b), None);
        assert_eq!(coded.len(), expected.len());
        let expected = words(&set.join("outsp1.bin"));
        let decoded = decode(&coded);
        assert_eq!(decoded.iter().zip(&expected).position(|(a, b)| a != b), None);
        assert_eq!(decoded.len(), expected.len());
    }

    #[test]
    fn libg722_samples_have_their_checksums() {
        use sha2::{Digest, Sha256};
        let Some(set) = corpus("libg722") else { return };
        let table = std::fs::read_to_string(set.join("test.checksum")).unwrap();
        let expected = |name: &str| table.lines().find(|l| l.ends_with(name)).unwrap()[..64].to_owned();
        let hex = |bytes: Vec<u8>| Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<String>();
        for (file, result) in [("test.g722", "*test.raw.16k.out"), ("fullscale.g722", "*fullscale.raw.out")] {
            let decoded = decode(&std::fs::read(set.join(file)).unwrap());
            assert_eq!(hex(decoded.iter().flat_map(|s| s.to_le_bytes()).collect()), expected(result), "{file}");
        }
        let big_endian: Vec<i16> = words(&set.join("pcminb.dat")).iter().map(|w| w.swap_bytes()).collect();
        let coded = encode(&big_endian);
        assert_eq!(hex(coded.clone()), expected("*pcminb.g722.out"));
        let decoded = decode(&coded);
        assert_eq!(hex(decoded.iter().flat_map(|s| s.to_be_bytes()).collect()), expected("*pcminb.raw.16k.out"));
    }

    #[test]
    fn the_leak_is_the_product() {
        for zero in i16::MIN..=i16::MAX {
            assert_eq!(i32::from(leaked(zero)), (i32::from(zero) * 32_640) >> 15, "{zero}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_samples_and_bytes_never_overflow(
            pcm in proptest::collection::vec(prop_oneof![any::<i16>(), Just(i16::MIN), Just(i16::MAX)], 0..2000),
            payload in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            prop_assert_eq!(encode(&pcm).len(), pcm.len() / 2);
            prop_assert_eq!(decode(&payload).len(), payload.len() * 2);
        }

        #[test]
        fn repeated_patterns_never_overflow(pattern in proptest::collection::vec(any::<u8>(), 1..8)) {
            let payload: Vec<u8> = pattern.iter().copied().cycle().take(4000).collect();
            prop_assert_eq!(decode(&payload).len(), 8000);
        }
    }
}
