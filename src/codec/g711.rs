//! ITU-T G.711 A-law and mu-law. RFC 3551 s4.5.14.

/// One sample as A-law: 13-bit magnitude, even bits inverted. G.711 table 1.
#[must_use]
pub const fn a_law(sample: i16) -> u8 {
    let sign = if sample >= 0 { 0x80 } else { 0 };
    // The magnitude in twelve bits; a negative value by its ones' complement, so that 0 and -1 are the two innermost levels.
    let magnitude = ((sample ^ (sample >> 15)) >> 4) as u16;
    let code = if magnitude < 32 {
        magnitude
    } else {
        let segment = 12 - magnitude.leading_zeros() as u16;
        (segment << 4) | ((magnitude >> (segment - 1)) & 0x0f)
    };
    (code as u8 | sign) ^ 0x55
}

/// One sample as mu-law: 14-bit magnitude with bias 33, all bits inverted. G.711 table 2.
#[must_use]
pub const fn mu_law(sample: i16) -> u8 {
    let sign = if sample >= 0 { 0x80 } else { 0 };
    let biased = ((sample ^ (sample >> 15)) >> 2) as u16 + 33;
    let biased = if biased > 0x1fff { 0x1fff } else { biased };
    let segment = 10 - biased.leading_zeros() as u16;
    let code = (segment << 4) | ((biased >> (segment + 1)) & 0x0f);
    (!code as u8 & 0x7f) | sign
}

/// The sample of an A-law byte, at the middle of its interval.
#[must_use]
pub const fn from_a_law(byte: u8) -> i16 {
    A_LAW[byte as usize]
}

/// The sample of a mu-law byte, at the middle of its interval.
#[must_use]
pub const fn from_mu_law(byte: u8) -> i16 {
    MU_LAW[byte as usize]
}

const A_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = byte ^ 0x55;
        let (segment, step) = ((code >> 4) & 7, (code & 0x0f) as i16);
        let magnitude = if segment == 0 { (step << 4) + 8 } else { ((step << 4) + 0x108) << (segment - 1) };
        table[byte] = if code & 0x80 != 0 { magnitude } else { -magnitude };
        byte += 1;
    }
    table
};

const MU_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let code = !byte & 0xff;
        let magnitude = ((((code as i16 & 0x0f) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84;
        table[byte] = if code & 0x80 != 0 { -magnitude } else { magnitude };
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{corpus, words};

    #[test]
    fn character_signals_of_the_tables() {
        // G.711 table 1a/2a: the outermost levels, and zero from above and from below.
        assert_eq!((a_law(32767), a_law(-32768), a_law(0), a_law(-1)), (0xaa, 0x2a, 0xd5, 0x55));
        assert_eq!((mu_law(32767), mu_law(-32768), mu_law(0), mu_law(-1)), (0x80, 0x00, 0xff, 0x7f));
        assert_eq!((from_a_law(0xaa), from_a_law(0x2a), from_a_law(0xd5)), (32256, -32256, 8));
        assert_eq!((from_mu_law(0x80), from_mu_law(0x00), from_mu_law(0xff), from_mu_law(0x7f)), (32124, -32124, 0, 0));
    }

    #[test]
    fn every_byte_survives_decoding_and_encoding() {
        for byte in 0..=255u8 {
            assert_eq!(a_law(from_a_law(byte)), byte);
            // Negative zero is the one mu-law byte with a twin.
            assert_eq!(mu_law(from_mu_law(byte)), if byte == 0x7f { 0xff } else { byte });
        }
    }

    #[test]
    fn no_sample_is_off_by_more_than_half_its_interval() {
        for (encode, decode) in [
            (a_law as fn(i16) -> u8, from_a_law as fn(u8) -> i16),
            (mu_law as fn(i16) -> u8, from_mu_law as fn(u8) -> i16),
        ] {
            for sample in i16::MIN..=i16::MAX {
                let error = (i32::from(sample) - i32::from(decode(encode(sample)))).abs();
                // Sixteen intervals from one power of two (mu-law: plus 132) to the next; A-law's finest interval is 16.
                assert!(error <= (i32::from(sample).abs() + 132) / 32 + 4, "{sample}: error {error}");
            }
        }
    }

    #[test]
    fn itu_stl_sweep_is_bit_exact() {
        let Some(set) = corpus("itu-stl-g711") else { return };
        let source = words(&set.join("sweep.src"));
        for (file, back, encode, decode) in [
            ("sweep-r.a", "sweep-r.a-a", a_law as fn(i16) -> u8, from_a_law as fn(u8) -> i16),
            ("sweep-r.u", "sweep-r.u-u", mu_law, from_mu_law),
        ] {
            let coded: Vec<i16> = source.iter().map(|&s| i16::from(encode(s))).collect();
            assert!(coded == words(&set.join(file)), "{file}");
            let decoded: Vec<i16> = coded.iter().map(|&b| decode(b as u8)).collect();
            assert!(decoded == words(&set.join(back)), "{back}");
        }
    }
}
