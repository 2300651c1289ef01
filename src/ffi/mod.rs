//! Floor 9: the C ABI. What C can't do does not exist: legacy PBX code, Python and the compatibility layers stand on the same engine.
//!
//! Rules that every function here keeps: one door (`guard`) that catches panics and turns errors into a status and a last error of the
//! calling thread; every pointer, length and enum that comes from C is checked; objects are 64-bit ids; the engine is a number dressed as a
//! pointer, so a freed or made-up one is refused and never followed. This folder is the only home of `unsafe` beside the socket batching.
//! `include/sipwright.h` is generated from these files by `tests/header.rs`.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
#![allow(non_camel_case_types, reason = "the names are those of the C header")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the doc comments are written for the C reader; pointers are checked or documented there"
)]

mod account;
mod call;
mod config;
mod config_auth;
mod config_defence;
mod config_dns;
mod config_sip;
mod config_tls;
mod engine;
mod error;
mod event;
mod guard;
mod media;
mod request;
mod stats;
mod string;

pub use account::*;
pub use call::*;
pub use config::*;
pub use config_defence::*;
pub use config_dns::*;
pub use config_sip::*;
pub use config_tls::*;
pub use engine::*;
pub use error::*;
pub use event::*;
pub use media::*;
pub use request::*;
pub use stats::*;
