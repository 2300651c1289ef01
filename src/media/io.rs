//! What goes into a stage and what comes out of it: orders, events, and the doors for samples.

use crate::base::id::{CallId, NodeId};
pub use crate::base::media::{Codec, Direction, StreamParams};
use crate::base::{Duration, Instant};
use std::net::{IpAddr, SocketAddr};

/// PCM that plays into a session. The driver (or a test) implements it; a `Stage` never waits for it.
pub trait Source: Send {
    /// Samples per second of what `read` gives; constant.
    fn rate_hz(&self) -> u32;
    /// Fills the front of `out` with mono samples and says how many; fewer than asked means "no more right now".
    fn read(&mut self, out: &mut [i16]) -> usize;
    /// Whether everything has been read and nothing more will come. A `Source` for which this never holds plays until stopped.
    fn is_finished(&self) -> bool;
}

/// Where the audio of a session goes. The driver (or a test) implements it; `write` never blocks and never loses silently: what it
/// cannot take it counts.
pub trait Sink: Send {
    /// Samples per second that `write` wants; constant.
    fn rate_hz(&self) -> u32;
    /// Takes one beat (20 ms) of both directions, `ours` what we sent and `theirs` what we heard, mono, of equal length.
    fn write(&mut self, ours: &[i16], theirs: &[i16]);
}

/// What signalling (and through it the application) asks of media.
pub enum MediaOrder {
    /// Make a session with an RTP/RTCP socket pair on `local`. Answered by `Ready` or `Failed`.
    Open {
        /// The session; its id is minted by the agent.
        session: NodeId,
        /// The call it belongs to.
        call: CallId,
        /// Address to bind; never a wildcard.
        local: IpAddr,
        /// RTCP CNAME. RFC 7022.
        cname: String,
        /// End of silence after which `RtpTimeout` is told; `None` never.
        rtp_timeout: Option<Duration>,
        /// How often `Quality` is told; `None` only at the end.
        quality_interval: Option<Duration>,
    },
    /// Set or change what was agreed.
    Configure {
        /// The session.
        session: NodeId,
        /// The agreement.
        params: StreamParams,
    },
    /// Play a source into the session. Ends with `PlayDone`.
    Play {
        /// The session.
        session: NodeId,
        /// Chosen by the caller, comes back in `PlayDone`.
        token: u64,
        /// The samples.
        source: Box<dyn Source>,
    },
    /// Stop one play (`Some`) or all of them (`None`); each ends with `PlayDone { interrupted: true }`.
    StopPlay {
        /// The session.
        session: NodeId,
        /// Which.
        token: Option<u64>,
    },
    /// Copy the session's audio to a sink. `token` names it for `StopListen`.
    Listen {
        /// The session.
        session: NodeId,
        /// Chosen by the caller.
        token: u64,
        /// The taker.
        sink: Box<dyn Sink>,
    },
    /// Drop one sink (`Some`) or all (`None`).
    StopListen {
        /// The session.
        session: NodeId,
        /// Which.
        token: Option<u64>,
    },
    /// Queue digits `0-9*#A-D` (and `,` for a pause of 500 ms) as RFC 4733 events.
    SendDtmf {
        /// The session.
        session: NodeId,
        /// The digits.
        digits: String,
        /// Length of each, 40 ..= 5000 ms.
        duration_ms: u16,
    },
    /// End the session: last quality, RTCP BYE, sockets closed.
    Close {
        /// The session.
        session: NodeId,
    },
}

impl MediaOrder {
    /// The session that the order is for.
    #[must_use]
    pub const fn session(&self) -> NodeId {
        match self {
            MediaOrder::Open { session, .. }
            | MediaOrder::Configure { session, .. }
            | MediaOrder::Play { session, .. }
            | MediaOrder::StopPlay { session, .. }
            | MediaOrder::Listen { session, .. }
            | MediaOrder::StopListen { session, .. }
            | MediaOrder::SendDtmf { session, .. }
            | MediaOrder::Close { session } => *session,
        }
    }
}

impl std::fmt::Debug for MediaOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self {
            MediaOrder::Open { .. } => "Open",
            MediaOrder::Configure { .. } => "Configure",
            MediaOrder::Play { .. } => "Play",
            MediaOrder::StopPlay { .. } => "StopPlay",
            MediaOrder::Listen { .. } => "Listen",
            MediaOrder::StopListen { .. } => "StopListen",
            MediaOrder::SendDtmf { .. } => "SendDtmf",
            MediaOrder::Close { .. } => "Close",
        };
        write!(f, "{kind}({:?})", self.session())
    }
}

/// What media tells the agent that owns the call.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaEvent {
    /// The session.
    pub session: NodeId,
    /// Its call.
    pub call: CallId,
    /// What happened.
    pub kind: MediaEventKind,
}

/// Kinds of [`MediaEvent`].
#[derive(Clone, Debug, PartialEq)]
pub enum MediaEventKind {
    /// The sockets are open.
    Ready {
        /// Our RTP address.
        rtp: SocketAddr,
        /// Our RTCP address.
        rtcp: SocketAddr,
    },
    /// The session could not be made or broke; it is gone.
    Failed {
        /// Cause and remedy.
        reason: String,
    },
    /// The peer pressed a key. RFC 4733; told once per event.
    Dtmf {
        /// `0-9*#A-D`.
        digit: char,
        /// Length in milliseconds.
        duration_ms: u32,
    },
    /// All queued digits have been sent.
    DtmfSent,
    /// A play ended.
    PlayDone {
        /// From `Play`.
        token: u64,
        /// It was stopped before its end.
        interrupted: bool,
        /// How much of it went out, in milliseconds.
        played_ms: u64,
    },
    /// The first RTP packet was accepted.
    Started,
    /// Nothing was heard for the time given in `Open`. Told once per silence.
    RtpTimeout,
    /// Figures of the stream, at intervals and (with `last`) at the end.
    Quality {
        /// The figures.
        quality: Quality,
        /// No more will come.
        last: bool,
    },
}

/// Figures of one stream. Counters since the start; rates over the whole stream so far. RFC 3550 s6.4, A.3, A.8; ITU-T G.107.
#[derive(Copy, Clone, Debug, PartialEq, Default)]
pub struct Quality {
    /// MOS-CQ by the E-model of what we hear, 1 ..= 4.5.
    pub mos: f32,
    /// R factor.
    pub r_factor: f32,
    /// Loss of what we hear, after late discards, percent.
    pub loss_pct: f32,
    /// Interarrival jitter of what we hear, milliseconds.
    pub jitter_ms: f32,
    /// Round trip by RTCP, milliseconds; 0 when not known.
    pub rtt_ms: f32,
    /// Jitter buffer delay, milliseconds.
    pub buffer_ms: f32,
    /// Loss that the peer reports of what we send, percent.
    pub remote_loss_pct: f32,
    /// Jitter that the peer reports, milliseconds.
    pub remote_jitter_ms: f32,
    /// RTP packets sent.
    pub sent: u64,
    /// RTP packets received, without duplicates.
    pub received: u64,
    /// Packets expected but never received.
    pub lost: u64,
    /// Packets that came too late to be played.
    pub late: u64,
    /// Packets received twice.
    pub duplicate: u64,
    /// Packets dropped because their source or form was not acceptable.
    pub rejected: u64,
    /// When the figures were taken.
    pub at: Instant,
}
