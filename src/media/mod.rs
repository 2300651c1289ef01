//! Floor 5: media sessions and the stage that runs them. RFC 3550.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod dtmf;
pub mod io;
mod listen;
mod output;
mod play;
mod policy;
mod quality;
mod receive;
mod report;
mod send;
mod session;
mod stage;
#[cfg(test)]
mod tests;
mod transform;

pub use output::{PacketRange, StageOutput};
pub use stage::Stage;
pub use transform::PacketTransform;
