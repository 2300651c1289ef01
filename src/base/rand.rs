//! Randomness from a seed: tags, branches, Call-IDs, cnonces, SSRCs. A CSPRNG, so that nothing sent can be guessed from what was sent
//! before (RFC 3261 s19.3, RFC 4086), and a value, so that a simulation repeats itself.

use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};

/// A seeded cryptographic generator.
#[derive(Clone)]
pub struct Rng(ChaCha12Rng);

impl std::fmt::Debug for Rng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rng(..)")
    }
}

impl Rng {
    /// Starts from 32 bytes of the driver's choice (OS randomness in `engine`, a test's seed in `sim`).
    #[must_use]
    pub fn new(seed: [u8; 32]) -> Self {
        Rng(ChaCha12Rng::from_seed(seed))
    }

    /// An independent generator for one machine.
    #[must_use]
    pub fn fork(&mut self) -> Rng {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        Rng::new(seed)
    }

    /// 32 random bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 64 random bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound` (0 when `bound` is 0); the bias is below 2^-32.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u128::from(self.u64()) * u128::from(bound)) >> 64) as u32
    }

    /// True with a probability of `p` (0.0 ..= 1.0).
    pub fn chance(&mut self, p: f64) -> bool {
        ((self.u64() >> 11) as f64) < p * (1u64 << 53) as f64
    }

    /// Fills `out`.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    /// `N` random characters of `[a-z2-7]`, 5 bits each. RFC 3261 token characters.
    pub fn token<const N: usize>(&mut self) -> [u8; N] {
        const ALPHABET: [u8; 32] = *b"abcdefghijklmnopqrstuvwxyz234567";
        let mut out = [0; N];
        self.0.fill_bytes(&mut out);
        for byte in &mut out {
            *byte = ALPHABET.get(usize::from(*byte & 31)).copied().unwrap_or(b'a');
        }
        out
    }

    /// Appends `N` random characters of `[a-z2-7]` to a string.
    pub fn push_token<const N: usize>(&mut self, out: &mut String) {
        out.push_str(std::str::from_utf8(&self.token::<N>()).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_story() {
        let (mut a, mut b) = (Rng::new([7; 32]), Rng::new([7; 32]));
        assert_eq!(a.token::<16>(), b.token::<16>());
        assert_ne!(a.fork().u64(), a.fork().u64());
        assert!((0..1000).all(|_| a.below(10) < 10));
        assert_eq!(a.below(0), 0);
    }
}
