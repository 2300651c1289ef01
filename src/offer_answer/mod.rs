//! Floor 4: offer/answer. RFC 3264, RFC 6337.
//!
//! One [`Negotiation`] per dialog: it makes our offers and answers, reads theirs, and says what both sides agreed on. It knows one
//! audio stream; every other stream of an offer is answered in place with port 0 (RFC 3264 s6), and keeps its place in every later
//! offer (s8). The carriers (INVITE/200, 200/ACK, 18x/PRACK, UPDATE; RFC 6337 s2.2) are the caller's: it calls `remote_offer` and
//! `answer` for an offer of the peer, `offer` and `remote_answer` for ours.
//!
//! What is not taken: SRTP profiles (`RTP/SAVP`, `UDP/TLS/RTP/SAVPF`), multicast streams. `RTP/AVPF` is answered as such, without
//! any `a=rtcp-fb`, so that no feedback message is agreed on (RFC 4585 s4.2).
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod answer;
mod formats;
mod local;
mod negotiation;
mod refused;
mod remote;
#[cfg(test)]
mod tests;

pub use negotiation::Negotiation;
pub use refused::Refused;

use crate::base::media::{Codec, StreamParams};
use std::net::SocketAddr;

/// Our side of the audio stream, as it is to be written into SDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Where we receive RTP, as the peer sees it.
    pub rtp: SocketAddr,
    /// Where we receive RTCP, as the peer sees it.
    pub rtcp: SocketAddr,
    /// What we speak, best first.
    pub codecs: Vec<Codec>,
    /// Whether digits go as telephone events. RFC 4733.
    pub dtmf: bool,
    /// Packet length we like to receive, milliseconds; 0 = do not say.
    pub ptime_ms: u8,
}

/// What offer and answer came to.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Agreed {
    /// The audio stream; `None` when one side does not want it. `signalling_peer` is left to the caller.
    pub audio: Option<StreamParams>,
    /// The peer does not want to hear us: `sendonly` or `inactive` of its own accord, or the address 0.0.0.0. RFC 6337 s5.3, s5.4.
    pub remote_hold: bool,
}
