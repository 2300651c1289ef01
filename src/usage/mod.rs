//! Floor 5: dialog usages (RFC 5057) and registration.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod invite;
pub mod keep_alive;
pub mod register;
