//! Hash maps whose hasher is seeded by the driver: an attacker cannot choose colliding keys, and a simulation repeats itself.

#![allow(clippy::disallowed_types)]

use siphasher::sip::SipHasher13;
use std::hash::BuildHasher;

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
