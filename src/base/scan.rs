//! Finding bytes in short texts, eight at a time and without a call: a header value is a few dozen bytes long. RFC 3261 s25.1.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Marks the lowest byte of `word` that is below `limit` (at most 0x80) in its top bit; marks above it may be false.
pub const fn mark_below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES.wrapping_mul(limit as u64)) & !word & HIGHS
}

/// Marks the lowest byte of `word` that is `needle` in its top bit; marks above it may be false.
pub const fn mark_equal(word: u64, needle: u8) -> u64 {
    mark_below(word ^ ONES.wrapping_mul(needle as u64), 1)
}

/// First position where `mark` marks a byte of a word of eight, or `test` holds: short runs are passed without a call.
#[inline(always)]
pub fn find_by(s: &[u8], mark: impl Fn(u64) -> u64, test: impl Fn(u8) -> bool) -> Option<usize> {
    let at = |word: usize, marks: u64| word.wrapping_mul(8).wrapping_add(marks.trailing_zeros() as usize / 8);
    let (words, tail) = s.as_chunks::<8>();
    let (pairs, single) = words.as_chunks::<2>();
    for (index, [low, high]) in pairs.iter().enumerate() {
        let (low, high) = (mark(u64::from_le_bytes(*low)), mark(u64::from_le_bytes(*high)));
        if low | high != 0 {
            let word = index.wrapping_mul(2);
            return Some(if low != 0 { at(word, low) } else { at(word.wrapping_add(1), high) });
        }
    }
    let done = pairs.len().wrapping_mul(2);
    if let [word] = single {
        let marks = mark(u64::from_le_bytes(*word));
        if marks != 0 {
            return Some(at(done, marks));
        }
    }
    tail.iter().position(|b| test(*b)).map(|at| words.len().wrapping_mul(8).wrapping_add(at))
}

/// First `needle` in a short text.
#[inline]
pub fn find_byte(s: &[u8], needle: u8) -> Option<usize> {
    find_by(s, |word| mark_equal(word, needle), |b| b == needle)
}

/// First CR or LF.
#[inline]
pub fn find_line_end(s: &[u8]) -> Option<usize> {
    let mark = |word| mark_equal(word, b'\r') | mark_equal(word, b'\n');
    find_by(s, mark, |b| matches!(b, b'\r' | b'\n'))
}

/// Whether no CR, LF or NUL is among the bytes, which would end a line or a string.
#[must_use]
#[inline]
pub fn is_one_line(s: &[u8]) -> bool {
    let odd = |b: u8| matches!(b, b'\r' | b'\n' | 0);
    match find_by(s, |word| mark_below(word, 0x0e), |b| b < 0x0e) {
        None => true,
        Some(at) => !s.iter().skip(at).any(|b| odd(*b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_and_nul_are_seen_wherever_they_stand() {
        for len in 0..40 {
            assert!(is_one_line(&vec![b'\t'; len]) && is_one_line(&vec![0xff; len]));
            for at in 0..len {
                for bad in [b'\r', b'\n', 0] {
                    let mut text = vec![0x8a; len];
                    text[at] = bad;
                    assert!(!is_one_line(&text));
                    assert_eq!(find_line_end(&text), (bad != 0).then_some(at));
                    text[0] = b'\t';
                    assert_eq!(is_one_line(&text), at == 0);
                }
            }
        }
    }
}
