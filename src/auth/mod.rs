//! Floor 2: digest authentication, client and server. RFC 7616, RFC 8760, RFC 2617, RFC 3261 s22.
//!
//! A client keeps one [`DigestCache`] per account and one [`Rounds`] per request: the cache remembers nonces, so that later requests
//! carry their credentials at once; the rounds see to it that a wrong password ends. Credentials answer only a challenge of their
//! realm, and go unasked only where they were asked for before (same Request-URI host, same next hop).
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod client;
mod digest;
mod server;

pub use client::{Challenged, Credentials, DigestCache, Rounds, Scope};
pub use digest::{Algorithm, Qop, Response};
pub use server::{DigestServer, Verdict};
