//! Sender and receiver reports. RFC 3550 s6.4.1, s6.4.2.

use super::super::wire::u32_at;
use super::{RR, SR, write_part};

/// Length of one report block.
const BLOCK_BYTES: usize = 24;

/// What one receiver says of one source. RFC 3550 s6.4.1.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Loss since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Loss since the start, 24 bits with sign (duplicates make it negative).
    pub cumulative_lost: i32,
    /// Extended highest sequence number.
    pub highest_sequence: u32,
    /// Interarrival jitter in clock ticks.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last SR; 0 when none came.
    pub last_sr: u32,
    /// Time since that SR came, in 1/65536 s.
    pub delay_since_last_sr: u32,
}

impl ReportBlock {
    fn read(bytes: &[u8; BLOCK_BYTES]) -> ReportBlock {
        let word = |at| u32_at(bytes, at).unwrap_or(0);
        let loss = word(4);
        ReportBlock {
            ssrc: word(0),
            fraction_lost: (loss >> 24) as u8,
            // Shifted up and back to carry the sign of the 24 bits.
            cumulative_lost: ((loss << 8) as i32) >> 8,
            highest_sequence: word(8),
            jitter: word(12),
            last_sr: word(16),
            delay_since_last_sr: word(20),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        for word in [
            self.ssrc,
            (u32::from(self.fraction_lost) << 24) | lost,
            self.highest_sequence,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        ] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// What a sender says of itself. RFC 3550 s6.4.1.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub struct SenderInfo {
    /// NTP time of the report.
    pub ntp: u64,
    /// The same instant on the RTP clock.
    pub rtp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload octets sent.
    pub octets: u32,
}

/// Sender report.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SenderReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// What it sent.
    pub info: SenderInfo,
    blocks: &'a [[u8; BLOCK_BYTES]],
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let ntp = (u64::from(u32_at(body, 4)?) << 32) | u64::from(u32_at(body, 8)?);
        let info = SenderInfo { ntp, rtp: u32_at(body, 12)?, packets: u32_at(body, 16)?, octets: u32_at(body, 20)? };
        Some(SenderReport { ssrc: u32_at(body, 0)?, info, blocks: blocks(count, body.get(24..)?)? })
    }

    /// The report blocks.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.blocks.iter().map(ReportBlock::read)
    }

    /// Appends an SR; at most 31 blocks.
    pub fn write(out: &mut Vec<u8>, ssrc: u32, info: &SenderInfo, blocks: &[ReportBlock]) {
        let blocks = blocks.get(..31).unwrap_or(blocks);
        write_part(out, SR, blocks.len() as u8, |out| {
            out.extend_from_slice(&ssrc.to_be_bytes());
            out.extend_from_slice(&info.ntp.to_be_bytes());
            for word in [info.rtp, info.packets, info.octets] {
                out.extend_from_slice(&word.to_be_bytes());
            }
            blocks.iter().for_each(|block| block.write(out));
        });
    }
}

/// Receiver report.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: u32,
    blocks: &'a [[u8; BLOCK_BYTES]],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        Some(ReceiverReport { ssrc: u32_at(body, 0)?, blocks: blocks(count, body.get(4..)?)? })
    }

    /// The report blocks.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        self.blocks.iter().map(ReportBlock::read)
    }

    /// Appends an RR; at most 31 blocks.
    pub fn write(out: &mut Vec<u8>, ssrc: u32, blocks: &[ReportBlock]) {
        let blocks = blocks.get(..31).unwrap_or(blocks);
        write_part(out, RR, blocks.len() as u8, |out| {
            out.extend_from_slice(&ssrc.to_be_bytes());
            blocks.iter().for_each(|block| block.write(out));
        });
    }
}

/// The `count` blocks at the front; what follows is a profile's extension (s6.4.3) and passed over.
fn blocks(count: u8, bytes: &[u8]) -> Option<&[[u8; BLOCK_BYTES]]> {
    bytes.as_chunks::<BLOCK_BYTES>().0.get(..usize::from(count))
}
