//! Floor 2: digest authentication, client and server. RFC 7616, RFC 8760, RFC 2617, RFC 3261 s22.
//!
//! A client keeps one [`DigestCache`] per account and one [`Rounds`] per request: the cache remembers nonces, so that later requests
//! carry their credentials at once; the rounds see to it that a wrong password ends. Credentials answer only a challenge of their
//! realm, and go unasked only where they were asked for before (same Request-URI host, same next hop).
//!
//! A [`DigestServer`] asks and checks: a challenge keeps nothing, because a nonce proves itself by a keyed hash; only a nonce that was
//! used rightly is remembered, with the counts it was used with.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod client;
mod config;
mod digest;
mod nonce;
mod server;

pub use client::{Challenged, Credentials, DigestCache, DigestPolicy, Rounds, Scope};
pub use config::{AuthConfig, FromPolicy, UserSecret, check_user};
pub use digest::{Algorithm, Qop, Response, Secret};
pub use server::{DigestServer, Subject, Verdict};
