//! sipwright: a SIP and RTP engine.
//!
//! One sentence on the door: [`agent`] is the whole SIP stack as one `&mut self` value; `engine` (real sockets, real clock) and
//! `sim` (virtual clock, bad network) are two drivers of the same value. See ARCHITECTURE.md.

// Floor 0
pub mod base;
// Floor 1
pub mod message;
pub mod rtp;
pub mod sdp;
pub mod stun;
// Floor 2
pub mod auth;
pub mod guard;
pub mod transport;
// Floor 3
pub mod resolve;
pub mod transaction;
// Floor 4
pub mod codec;
pub mod dialog;
pub mod dsp;
pub mod jitter;
pub mod offer_answer;
pub mod request;
// Floor 5
pub mod media;
pub mod usage;
// Floor 6
pub mod call;
// Floor 7
pub mod agent;
// Floor 8
#[cfg(feature = "engine")]
pub mod engine;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
// Floor 9
#[cfg(feature = "capi")]
pub mod ffi;
