//! Floor 2: flows, stream framing, Via handling, response routing. RFC 3261 s18, RFC 3581, RFC 5626 s4.4.1.
//!
//! [`Transports`] knows every stream of the engine and our listening points; it finds or opens the way for a request, frames what
//! comes on streams, and keeps what waits for a connection. [`ViaFix`], [`response_flow`] and [`ResponseSeed`] are the server's half
//! of Via; [`shard`] is what our branches and tags carry.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod feed;
mod peer;
mod seed;
pub mod shard;
mod table;
mod via;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests;

pub use feed::Feed;
pub use peer::{Identity, Opened, Peer, Way, is_invalid, needs_identity};
pub use seed::ResponseSeed;
pub use table::{Action, TransportConfig, Transports};
pub use via::{ViaFix, response_flow, response_vias, sent_by};
