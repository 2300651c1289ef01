//! Arithmetic on sequence numbers and timestamps that wrap. RFC 3550 s5.1, A.1.

/// Whether `a` comes after `b` on the circle of 16 bits.
#[must_use]
pub const fn sequence_newer(a: u16, b: u16) -> bool {
    (a.wrapping_sub(b) as i16) > 0
}

/// `a - b` in ticks on the circle of 32 bits; negative when `a` is earlier.
#[must_use]
pub const fn timestamp_diff(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

/// Gives 16-bit sequence numbers their cycles: the extended number nearest to the highest one seen.
#[derive(Copy, Clone, Debug, Default)]
pub struct SequenceExtender {
    highest: Option<u64>,
}

impl SequenceExtender {
    /// The extended number of `sequence`; moves the highest one when it is newer. The first packet starts one cycle in, so that a
    /// packet reordered before it has a number too.
    pub const fn extend(&mut self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            let first = 0x1_0000 | sequence as u64;
            self.highest = Some(first);
            return first;
        };
        let delta = sequence.wrapping_sub(highest as u16) as i16;
        let extended = highest.saturating_add_signed(delta as i64);
        if extended > highest {
            self.highest = Some(extended);
        }
        extended
    }

    /// The highest extended number so far.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        assert!(sequence_newer(0, 65_535));
        assert!(!sequence_newer(65_535, 0));
        assert!(!sequence_newer(7, 7));
        assert_eq!(timestamp_diff(5, u32::MAX), 6);
        assert_eq!(timestamp_diff(u32::MAX, 5), -6);
    }

    #[test]
    fn cycles_are_counted_and_late_packets_keep_theirs() {
        let mut e = SequenceExtender::default();
        let first = e.extend(65_534);
        assert_eq!(e.extend(65_533), first - 1);
        assert_eq!(e.extend(1), first + 3);
        assert_eq!(e.extend(65_535), first + 1);
        assert_eq!(e.highest(), Some(first + 3));
    }
}
