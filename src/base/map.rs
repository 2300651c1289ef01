//! Hash maps whose hasher is seeded by the driver: an attacker cannot choose colliding keys, and a simulation repeats itself.

#![allow(clippy::disallowed_types)]

use siphasher::sip::SipHasher13;
use std::hash::{BuildHasher, Hasher};

/// A hash map with a seeded hasher. Never iterate over one where order can show.
pub type Map<K, V> = std::collections::HashMap<K, V, Seeded>;
/// A hash set with a seeded hasher.
pub type Set<K> = std::collections::HashSet<K, Seeded>;

/// SipHash-1-3 under a key given at creation.
#[derive(Copy, Clone, Debug, Default)]
pub struct Seeded(u64, u64);

impl Seeded {
    /// A hasher factory under this key.
    #[must_use]
    pub const fn new(k0: u64, k1: u64) -> Self {
        Seeded(k0, k1)
    }
}

impl BuildHasher for Seeded {
    type Hasher = SipHasher13;
    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

/// Makes an empty map keyed by `seed`.
#[must_use]
pub fn map<K, V>(seed: Seeded) -> Map<K, V> {
    Map::with_hasher(seed)
}

/// A hash map for keys that nobody outside can choose: ids that we mint, and keyed hashes. Never iterate over one where order can show.
pub type IdMap<K, V> = std::collections::HashMap<K, V, Folding>;

/// Makes an empty map for keys of ours.
#[must_use]
pub fn id_map<K, V>(seed: Seeded) -> IdMap<K, V> {
    IdMap::with_hasher(Folding::new(seed))
}

/// One multiplication per word under a key: spreads well, a tenth of the cost of SipHash, and no defence against chosen keys.
#[derive(Copy, Clone, Debug)]
pub struct Folding {
    start: u64,
    key: u64,
}

impl Folding {
    /// A hasher factory under this key.
    #[must_use]
    pub const fn new(Seeded(k0, k1): Seeded) -> Self {
        // Odd, and with bits in both halves, whatever the seed is.
        Folding { start: k0, key: k1 ^ 0x9e37_79b9_7f4a_7c15 | 1 }
    }
}

impl BuildHasher for Folding {
    type Hasher = Fold;
    fn build_hasher(&self) -> Fold {
        Fold { state: self.start, key: self.key }
    }
}

/// The hasher of [`Folding`].
#[derive(Clone, Debug)]
pub struct Fold {
    state: u64,
    key: u64,
}

impl Hasher for Fold {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.write_u64(u64::from_le_bytes(word));
        }
    }
    fn write_u8(&mut self, n: u8) {
        self.write_u64(n.into());
    }
    fn write_u16(&mut self, n: u16) {
        self.write_u64(n.into());
    }
    fn write_u32(&mut self, n: u32) {
        self.write_u64(n.into());
    }
    fn write_u64(&mut self, n: u64) {
        let wide = u128::from(self.state ^ n).wrapping_mul(u128::from(self.key));
        self.state = wide as u64 ^ (wide >> 64) as u64;
    }
    fn write_u128(&mut self, n: u128) {
        self.write_u64(n as u64);
        self.write_u64((n >> 64) as u64);
    }
    fn write_usize(&mut self, n: usize) {
        self.write_u64(n as u64);
    }
    fn write_isize(&mut self, n: isize) {
        self.write_u64(n as u64);
    }
    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_spread_over_all_bits_under_any_key() {
        for seed in [Seeded::default(), Seeded::new(7, 9), Seeded::new(u64::MAX, u64::MAX)] {
            let hashes: Vec<u64> = (1..=4096u64).map(|n| Folding::new(seed).hash_one((1 << 56) | n)).collect();
            for shift in [0, 20, 52] {
                let mut filled = [0u32; 256];
                hashes.iter().for_each(|hash| filled[(hash >> shift) as usize & 255] += 1);
                assert!(filled.iter().all(|n| (1..64).contains(n)), "{seed:?} {shift}: {filled:?}");
            }
        }
    }
}
