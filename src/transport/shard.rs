//! What our branches and tags carry: the shard that minted them, so that whatever comes back finds its owner. RFC 3261 s8.1.1.7, s19.3.
//!
//! A branch is `z9hG4bK`, two hexadecimal digits of the shard, 16 random characters; a tag is the two digits and 13 random
//! characters. The one rule for both is here.

use crate::base::Rng;
use crate::base::text::hex;

const COOKIE: &str = "z9hG4bK";

/// A new branch of this shard: 80 random bits.
pub fn branch(shard: u8, rng: &mut Rng) -> String {
    let mut out = String::with_capacity(25);
    out.push_str(COOKIE);
    push_shard(&mut out, shard);
    rng.push_token::<16>(&mut out);
    out
}

/// A new From or To tag of this shard: 65 random bits.
pub fn tag(shard: u8, rng: &mut Rng) -> String {
    let mut out = String::with_capacity(15);
    push_shard(&mut out, shard);
    rng.push_token::<13>(&mut out);
    out
}

/// The shard in a branch of ours; `None` when it cannot be ours.
#[must_use]
pub fn shard_of_branch(branch: &str) -> Option<u8> {
    let (cookie, rest) = branch.split_at_checked(COOKIE.len())?;
    (cookie.eq_ignore_ascii_case(COOKIE) && rest.len() == 18).then(|| first_byte(rest))?
}

/// The shard in a tag of ours; `None` when it cannot be ours.
#[must_use]
pub fn shard_of_tag(tag: &str) -> Option<u8> {
    (tag.len() == 15).then(|| first_byte(tag))?
}

fn push_shard(out: &mut String, shard: u8) {
    for digit in [shard >> 4, shard & 15] {
        out.extend(char::from_digit(digit.into(), 16));
    }
}

fn first_byte(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [high, low, ..] => Some((hex(*high)? << 4) | hex(*low)?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shard_comes_back() {
        let mut rng = Rng::new([1; 32]);
        for shard in [0, 1, 63, 255] {
            let (branch, tag) = (branch(shard, &mut rng), tag(shard, &mut rng));
            assert!(branch.starts_with("z9hG4bK"));
            assert_eq!(shard_of_branch(&branch), Some(shard));
            assert_eq!(shard_of_tag(&tag), Some(shard));
        }
    }

    #[test]
    fn what_is_not_ours_has_no_shard() {
        for branch in ["", "z9hG4bK", "z9hG4bK776asdhds", "z9hG4bKzz23456789abcdefgh", "01234567890123456789012345"] {
            assert_eq!(shard_of_branch(branch), None, "{branch}");
        }
        for tag in ["", "88sja8x", "zz3456789012345", "é23456789012345"] {
            assert_eq!(shard_of_tag(tag), None, "{tag}");
        }
    }

    #[test]
    fn no_two_are_alike() {
        let mut rng = Rng::new([2; 32]);
        let mut all: Vec<String> = (0..10_000).flat_map(|_| [branch(1, &mut rng), tag(1, &mut rng)]).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 20_000);
    }
}
