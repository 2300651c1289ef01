//! Floor 1: SDP parse and print. RFC 8866.
//!
//! [`Session::parse`] takes what real devices send: any line ending, lines out of order, a missing `s=`, `t=` or `o=`, user names
//! with spaces, unknown lines. [`Session::write`] prints what RFC 8866 s9 asks for. [`Writer`] prints without a `Session`.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod attribute;
mod connection;
mod error;
mod parse;
mod session;
#[cfg(test)]
mod tests;
mod write;

pub use connection::Connection;
pub use error::SdpError;
pub use session::{Bandwidth, Media, Origin, Session};
pub use write::Writer;
