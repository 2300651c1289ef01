//! Floor 1: STUN as SIP needs it: Binding requests, responses and errors with XOR-MAPPED-ADDRESS and FINGERPRINT. RFC 8489 s5, s14;
//! RFC 5626 s8.
//!
//! No authentication: RFC 5626 s8 has none, and message integrity belongs to ICE.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod crc;
mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use parse::{Class, Message, StunError, is_stun};
pub use write::{request, success, unknown_attributes};

/// Names a transaction; 96 bits that nobody may foresee. RFC 8489 s5.
pub type TransactionId = [u8; 12];

const MAGIC: u32 = 0x2112_A442;
const HEADER_BYTES: usize = 20;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const FINGERPRINT: u16 = 0x8028;
/// What the CRC of FINGERPRINT is mixed with. RFC 8489 s14.7.
const FINGERPRINT_XOR: u32 = 0x5354_554E;
