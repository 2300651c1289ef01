//! Nonces that cost nothing until they are used: they prove themselves by a keyed hash, and only a use that was right is remembered.
//! RFC 7616 s3.3, s5.4, s5.5.

use super::digest::push_hex;
use crate::base::{Duration, Instant, Rng, limits};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// When it was made, and its number in that microsecond.
type Id = (u64, u32);

/// 16 digits of time, 8 of serial, 32 of proof.
const OPEN: usize = 24;
const LENGTH: usize = OPEN + 32;

/// The nonces of one server. Each shard has its own: a nonce of another shard is stale here, so that no request can be used once per
/// shard; and an agent that starts anew takes none of before.
#[derive(Debug)]
pub(super) struct Nonces {
    mac: Mac,
    lifetime: Duration,
    serial: u32,
    /// The counts seen of each nonce in use. Nonces below `floor` are forgotten: stale.
    used: BTreeMap<Id, Window>,
    floor: Id,
}

/// Counts that were used: the highest, and which of the 64 up to it. RFC 7616 s3.4: a server may demand each once, in any order.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    highest: u32,
    seen: u64,
}

impl Nonces {
    pub(super) fn new(lifetime: Duration, rng: &mut Rng) -> Self {
        Nonces { mac: Mac::new(rng), lifetime, serial: 0, used: BTreeMap::new(), floor: (0, 0) }
    }

    /// A new nonce.
    pub(super) fn mint(&mut self, now: Instant) -> String {
        self.serial = self.serial.wrapping_add(1);
        self.print((now.as_micros(), self.serial))
    }

    /// Uses a nonce with a count. False when it is not ours, too old, or was used with this count.
    pub(super) fn spend(&mut self, nonce: &str, count: u32, now: Instant) -> bool {
        let Some(id) = self.fresh(nonce, now) else { return false };
        let good = self.used.entry(id).or_default().take(count);
        self.forget(now);
        good
    }

    /// Nonces that are remembered.
    pub(super) fn len(&self) -> usize {
        self.used.len()
    }

    fn print(&self, (time_us, serial): Id) -> String {
        let open = format!("{time_us:016x}{serial:08x}");
        let proof = self.mac.proof(open.as_bytes());
        format!("{open}{proof}")
    }

    /// The id of a nonce of ours that is still good.
    fn fresh(&self, nonce: &str, now: Instant) -> Option<Id> {
        if nonce.len() != LENGTH {
            return None;
        }
        let time_us = u64::from_str_radix(nonce.get(..16)?, 16).ok()?;
        let serial = u32::from_str_radix(nonce.get(16..OPEN)?, 16).ok()?;
        let id = (time_us, serial);
        let made = Instant::from_micros(time_us);
        let ours = same(self.print(id).as_bytes(), nonce.as_bytes());
        (ours && made <= now && now.since(made) <= self.lifetime && id >= self.floor).then_some(id)
    }

    /// Drops what is too old to be used, and the oldest above the bound.
    fn forget(&mut self, now: Instant) {
        while let Some((oldest, _)) = self.used.first_key_value() {
            let (time_us, serial) = *oldest;
            let old = now.since(Instant::from_micros(time_us)) > self.lifetime;
            if !old && self.used.len() <= limits::SERVER_NONCES {
                break;
            }
            self.floor = (time_us, serial.saturating_add(1));
            self.used.pop_first();
        }
    }
}

impl Window {
    /// Whether this count was not used before, and can be told.
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let step = count.saturating_sub(self.highest);
            self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let back = self.highest.saturating_sub(count);
        let Some(bit) = 1u64.checked_shl(back) else { return false };
        // Nothing has the count 0 (RFC 7616 s3.4: it starts at 1), as a fresh window must not have seen it.
        let new = count > 0 && self.seen & bit == 0;
        self.seen |= bit;
        new
    }
}

/// HMAC-SHA-256 (RFC 2104) cut to 128 bits, with both pads hashed beforehand.
struct Mac {
    inner: Sha256,
    outer: Sha256,
}

impl std::fmt::Debug for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mac(..)")
    }
}

impl Mac {
    fn new(rng: &mut Rng) -> Self {
        let mut key = [0u8; 32];
        rng.fill(&mut key);
        Self::keyed(&key)
    }

    fn keyed(key: &[u8; 32]) -> Self {
        let pad = |with: u8| {
            let mut block = [with; 64];
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            Sha256::new_with_prefix(block)
        };
        Mac { inner: pad(0x36), outer: pad(0x5c) }
    }

    /// 32 hexadecimal digits.
    fn proof(&self, text: &[u8]) -> String {
        let inner = self.inner.clone().chain_update(text).finalize();
        let outer = self.outer.clone().chain_update(inner).finalize();
        let mut out = String::with_capacity(32);
        for byte in outer.iter().take(16) {
            push_hex(&mut out, *byte);
        }
        out
    }
}

/// Compares without telling by its time where the difference is.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use super::*;

    fn at(s: u64) -> Instant {
        Instant::from_micros(s * 1_000_000)
    }

    fn nonces() -> Nonces {
        Nonces::new(Duration::from_secs(300), &mut Rng::new([1; 32]))
    }

    /// RFC 4231 s4.2, its key of 20 bytes padded with zeros as HMAC itself does.
    #[test]
    fn the_proof_is_hmac_sha_256() {
        let mut key = [0u8; 32];
        key[..20].fill(0x0b);
        assert_eq!(Mac::keyed(&key).proof(b"Hi There"), "b0344c61d8db38535ca8afceaf0bf12b");
    }

    #[test]
    fn a_nonce_is_good_until_its_lifetime_ends() {
        let mut all = nonces();
        let nonce = all.mint(at(1));
        assert_eq!(nonce.len(), LENGTH);
        assert!(all.spend(&nonce, 1, at(1)) && all.spend(&nonce, 2, at(301)));
        assert!(!all.spend(&nonce, 3, at(301) + Duration::from_micros(1)));
        // From the future: another clock, so not ours.
        let later = all.mint(at(10));
        assert!(!all.spend(&later, 1, at(9)));
    }

    #[test]
    fn each_count_is_good_once_in_any_order_within_the_window() {
        let mut all = nonces();
        let nonce = all.mint(at(1));
        for (count, good) in [
            (0, false),
            (1, true),
            (1, false),
            (3, true),
            (2, true),
            (2, false),
            (3, false),
            (67, true),
            (3, false),
            (4, true),
            (4, false),
            (66, true),
            (1000, true),
            (936, false),
            (937, true),
            (u32::MAX, true),
            (u32::MAX, false),
            (0, false),
        ] {
            assert_eq!(all.spend(&nonce, count, at(1)), good, "{count}");
        }
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn what_we_did_not_make_is_not_ours() {
        let mut all = nonces();
        let nonce = all.mint(at(1));
        assert_ne!(nonce, all.mint(at(1)));
        for at_byte in 0..nonce.len() {
            let mut forged = nonce.clone().into_bytes();
            forged[at_byte] = if forged[at_byte] == b'0' { b'1' } else { b'0' };
            assert!(!all.spend(std::str::from_utf8(&forged).unwrap(), 1, at(1)), "{at_byte}");
        }
        for forged in ["", "x", &nonce[1..], &format!("{nonce}0"), &"é".repeat(28)] {
            assert!(!all.spend(forged, 1, at(1)));
        }
        // Digits in another case, or a sign, are other bytes.
        assert!(!all.spend(&nonce.to_uppercase(), 1, at(1)) && !all.spend(&format!("+{}", &nonce[1..]), 1, at(1)));
        assert_eq!(all.len(), 0);
        assert!(all.spend(&nonce, 1, at(1)));
        let mut other = Nonces::new(Duration::from_secs(300), &mut Rng::new([2; 32]));
        assert!(!other.spend(&nonce, 1, at(1)));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_ends_with_its_lifetime() {
        let mut all = nonces();
        let first = all.mint(at(1));
        assert!(all.spend(&first, 1, at(1)));
        for _ in 0..limits::SERVER_NONCES {
            let nonce = all.mint(at(2));
            assert!(all.spend(&nonce, 1, at(2)));
        }
        assert_eq!(all.len(), limits::SERVER_NONCES);
        // The one that had to go is stale, whatever its count.
        assert!(!all.spend(&first, 2, at(2)));
        let last = all.mint(at(302));
        assert!(all.spend(&last, 1, at(302) + Duration::from_micros(1)));
        assert_eq!(all.len(), 1);
    }

    #[test]
    fn comparing_looks_at_everything() {
        assert!(same(b"abc", b"abc") && same(b"", b""));
        assert!(!same(b"abc", b"abd") && !same(b"xbc", b"abc") && !same(b"ab", b"abc") && !same(b"a", b""));
    }
}
