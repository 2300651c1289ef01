//! RTP data packets. RFC 3550 s5.1, s5.3.1, A.1.

use super::wire::{u16_at, u32_at};

/// Length of the fixed header.
pub const HEADER_BYTES: usize = 12;

/// Why bytes are not an RTP packet. The peer's fault; counted, never told to the application.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PacketError {
    /// Shorter than its header says.
    Truncated,
    /// Version is not 2.
    Version,
    /// The padding count is zero or larger than the payload.
    Padding,
}

/// A parsed RTP packet; payload and extension borrow from the datagram.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Marker bit; for audio the first packet after a silence. RFC 3551 s4.1.
    pub marker: bool,
    /// Payload type, 0 ..= 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Sampling instant of the first sample, in clock ticks.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
    /// Contributing sources, 4 bytes each.
    csrcs: &'a [u8],
    /// Header extension: the profile's 16 bits and the words after the length.
    pub extension: Option<(u16, &'a [u8])>,
    /// Payload without padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads one datagram. The header extension is found and passed over; padding is taken off.
    pub fn parse(bytes: &'a [u8]) -> Result<Packet<'a>, PacketError> {
        let (fixed, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(PacketError::Truncated)?;
        let first = fixed.first().copied().unwrap_or(0);
        let second = fixed.get(1).copied().unwrap_or(0);
        if first >> 6 != 2 {
            return Err(PacketError::Version);
        }
        let csrc_bytes = usize::from(first & 0x0f).saturating_mul(4);
        let (csrcs, rest) = rest.split_at_checked(csrc_bytes).ok_or(PacketError::Truncated)?;
        let (extension, rest) = if first & 0x10 == 0 {
            (None, rest)
        } else {
            let profile = u16_at(rest, 0).ok_or(PacketError::Truncated)?;
            let words = u16_at(rest, 2).ok_or(PacketError::Truncated)?;
            let body = rest.get(4..).ok_or(PacketError::Truncated)?;
            let (data, rest) =
                body.split_at_checked(usize::from(words).saturating_mul(4)).ok_or(PacketError::Truncated)?;
            (Some((profile, data)), rest)
        };
        let payload = if first & 0x20 == 0 {
            rest
        } else {
            let count = usize::from(rest.last().copied().unwrap_or(0));
            let length = rest.len().checked_sub(count).filter(|_| count > 0).ok_or(PacketError::Padding)?;
            rest.get(..length).ok_or(PacketError::Padding)?
        };
        Ok(Packet {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16_at(fixed, 2).unwrap_or(0),
            timestamp: u32_at(fixed, 4).unwrap_or(0),
            ssrc: u32_at(fixed, 8).unwrap_or(0),
            csrcs,
            extension,
            payload,
        })
    }

    /// Contributing sources in order.
    pub fn csrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.csrcs.as_chunks::<4>().0.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }
}

/// The fixed header of a packet that we send: no CSRC, no extension, no padding.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Marker bit.
    pub marker: bool,
    /// Payload type, 0 ..= 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Synchronization source.
    pub ssrc: u32,
}

impl Header {
    /// Appends the twelve bytes; the payload is to follow.
    pub fn write(&self, out: &mut Vec<u8>) {
        let second = (self.payload_type & 0x7f) | if self.marker { 0x80 } else { 0 };
        out.extend_from_slice(&[0x80, second]);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.timestamp.to_be_bytes());
        out.extend_from_slice(&self.ssrc.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_csrcs_extension_and_padding() {
        let mut bytes = vec![0xb1, 0x80 | 8, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef];
        bytes.extend([0, 0, 0, 7]);
        bytes.extend([0xbe, 0xde, 0, 1, 0x10, 0xff, 0, 0]);
        bytes.extend([1, 2, 3, 0, 0, 3]);
        let packet = Packet::parse(&bytes).unwrap();
        assert!(packet.marker);
        assert_eq!((packet.payload_type, packet.sequence, packet.timestamp), (8, 0x1234, 160));
        assert_eq!(packet.ssrc, 0xdead_beef);
        assert_eq!(packet.csrcs().collect::<Vec<_>>(), [7]);
        assert_eq!(packet.extension, Some((0xbede, &[0x10, 0xff, 0, 0][..])));
        assert_eq!(packet.payload, [1, 2, 3]);
    }

    #[test]
    fn a_header_that_promises_more_than_there_is_is_refused() {
        assert_eq!(Packet::parse(&[0x80; 11]), Err(PacketError::Truncated));
        assert_eq!(Packet::parse(&[0x40; 12]), Err(PacketError::Version));
        assert_eq!(Packet::parse(&[0x8f; 30]), Err(PacketError::Truncated));
        assert_eq!(Packet::parse(&[0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Err(PacketError::Truncated));
        let mut bytes = [0u8; 13];
        (bytes[0], bytes[12]) = (0xa0, 2);
        assert_eq!(Packet::parse(&bytes), Err(PacketError::Padding));
        bytes[12] = 0;
        assert_eq!(Packet::parse(&bytes), Err(PacketError::Padding));
        bytes[12] = 1;
        assert_eq!(Packet::parse(&bytes).map(|p| p.payload.len()), Ok(0));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(marker: bool, pt in 0u8..128, sequence: u16, timestamp: u32, ssrc: u32, payload: Vec<u8>) {
            let mut bytes = Vec::new();
            Header { marker, payload_type: pt, sequence, timestamp, ssrc }.write(&mut bytes);
            bytes.extend(&payload);
            let packet = Packet::parse(&bytes).unwrap();
            prop_assert_eq!((packet.marker, packet.payload_type, packet.sequence), (marker, pt, sequence));
            prop_assert_eq!((packet.timestamp, packet.ssrc, packet.payload), (timestamp, ssrc, &payload[..]));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Packet::parse(&bytes).map(|p| p.csrcs().count());
        }
    }
}
