//! The vocabulary that offer/answer, codecs and media sessions share.

use std::net::{IpAddr, SocketAddr};

/// Audio codecs. RFC 3551 names.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 mu-law, 8000 Hz.
    Pcmu,
    /// G.711 A-law, 8000 Hz.
    Pcma,
    /// G.722, 16000 Hz samples on an 8000 Hz RTP clock (RFC 3551 s4.5.2).
    G722,
}

impl Codec {
    /// All codecs, in the default order of preference.
    pub const ALL: [Codec; 3] = [Codec::G722, Codec::Pcmu, Codec::Pcma];

    /// The encoding name of `a=rtpmap`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
        }
    }

    /// Reads an encoding name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Codec::ALL.into_iter().find(|c| c.name().eq_ignore_ascii_case(name))
    }

    /// The static payload type. RFC 3551 table 4.
    #[must_use]
    pub const fn static_payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
        }
    }

    /// Samples per second of the audio.
    #[must_use]
    pub const fn sample_rate_hz(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma => 8000,
            Codec::G722 => 16_000,
        }
    }

    /// Ticks per second of the RTP timestamp.
    #[must_use]
    pub const fn clock_rate_hz(self) -> u32 {
        8000
    }
}

/// Which way media flows, seen from us. RFC 3264 s5.1.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// We only send.
    SendOnly,
    /// We only receive.
    RecvOnly,
    /// Nothing flows (RTCP still does).
    Inactive,
}

impl Direction {
    /// Whether we send.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether we receive.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The same, seen by the other side. RFC 3264 s6.1.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Direction::SendOnly => Direction::RecvOnly,
            Direction::RecvOnly => Direction::SendOnly,
            other => other,
        }
    }

    /// Builds from the two questions.
    #[must_use]
    pub const fn from_flags(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }
}

/// One audio stream as offer and answer agreed on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamParams {
    /// Codec we send.
    pub codec: Codec,
    /// Payload type we send it with (the peer's number).
    pub send_payload_type: u8,
    /// What we are ready to receive: (payload type of ours, codec).
    pub receive: Vec<(u8, Codec)>,
    /// telephone-event payload type we send with, if agreed. RFC 4733.
    pub dtmf_send: Option<u8>,
    /// telephone-event payload type we receive, if agreed.
    pub dtmf_receive: Option<u8>,
    /// Packet length we send, a multiple of 10 ms.
    pub ptime_ms: u8,
    /// Direction, seen from us.
    pub direction: Direction,
    /// Where our RTP goes; `None` while unknown or on hold by 0.0.0.0.
    pub remote_rtp: Option<SocketAddr>,
    /// Where our RTCP goes (`a=rtcp`, RFC 3605; else RTP port + 1; equal to RTP with rtcp-mux).
    pub remote_rtcp: Option<SocketAddr>,
    /// RTP and RTCP share one port. RFC 5761.
    pub rtcp_mux: bool,
    /// Source of the peer's signalling: a second address that RTP may come from (class M of the security notes).
    pub signalling_peer: Option<IpAddr>,
}

impl StreamParams {
    /// A stream that was taken out of the session: nothing is sent, RTCP neither, and nothing is heard. RFC 3264 s8.2.
    #[must_use]
    pub const fn removed() -> Self {
        StreamParams {
            codec: Codec::Pcmu,
            send_payload_type: 0,
            receive: Vec::new(),
            dtmf_send: None,
            dtmf_receive: None,
            ptime_ms: 20,
            direction: Direction::Inactive,
            remote_rtp: None,
            remote_rtcp: None,
            rtcp_mux: false,
            signalling_peer: None,
        }
    }
}
