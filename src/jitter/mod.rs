//! Floor 4: the adaptive jitter buffer, and what covers the holes it cannot fill. RFC 3550 s6.4.4; ITU-T G.711 Appendix I in spirit.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod buffer;
mod conceal;
mod delay;
mod shorten;
#[cfg(test)]
mod signal;

pub use buffer::{Arrival, Counters, Get, JitterBuffer, Put};
pub use conceal::Concealer;
pub use shorten::shorten;
