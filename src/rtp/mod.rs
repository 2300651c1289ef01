//! Floor 1: RTP and RTCP packets as views. RFC 3550 s5, s6, A.1, A.3, A.8; RFC 4733.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod event;
mod packet;
pub mod rtcp;
mod sequence;
mod source;
mod wire;

pub use event::{EVENT_BYTES, TelephoneEvent};
pub use packet::{HEADER_BYTES, Header, Packet, PacketError};
pub use sequence::{SequenceExtender, sequence_newer, timestamp_diff};
pub use source::{Admission, SourceStats};

/// Whether a packet on a port that carries both is RTCP. RFC 5761 s4: packet types 192 ..= 223 stand where RTP has marker and
/// payload types 64 ..= 95, which RTP may not use then.
#[must_use]
pub fn is_rtcp(packet: &[u8]) -> bool {
    packet.get(1).is_some_and(|second| (192..=223).contains(second))
}
