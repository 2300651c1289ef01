//! CRC-32 of ITU-T V.42, as FINGERPRINT uses it. RFC 8489 s14.7.

/// The CRC, bit by bit: messages are short and rare.
pub(super) fn crc32(parts: &[&[u8]]) -> u32 {
    let mut crc = u32::MAX;
    for byte in parts.iter().flat_map(|part| part.iter()) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_check_value_of_the_catalogue() {
        assert_eq!(super::crc32(&[b"12345", b"6789"]), 0xCBF4_3926);
    }
}
