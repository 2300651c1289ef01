//! What the application says to a call, and what it is told: options, media orders, outcomes, events.

use crate::base::Duration;
use crate::base::media::Codec;
use crate::media::io::{Quality, Sink, Source};
use bytes::Bytes;

/// Media orders of an application, by call.
pub enum CallMedia {
    /// See [`crate::media::io::MediaOrder::Play`].
    Play {
        /// Comes back in `PlayDone`.
        token: u64,
        /// The samples.
        source: Box<dyn Source>,
    },
    /// See [`crate::media::io::MediaOrder::StopPlay`].
    StopPlay {
        /// Which; `None` all.
        token: Option<u64>,
    },
    /// See [`crate::media::io::MediaOrder::Listen`].
    Listen {
        /// Names it.
        token: u64,
        /// The taker.
        sink: Box<dyn Sink>,
    },
    /// See [`crate::media::io::MediaOrder::StopListen`].
    StopListen {
        /// Which; `None` all.
        token: Option<u64>,
    },
    /// See [`crate::media::io::MediaOrder::SendDtmf`].
    SendDtmf {
        /// The digits.
        digits: String,
        /// Length of each in milliseconds.
        duration_ms: u16,
    },
}

/// Options of a dial or an answer. Empty values take the account's or the agent's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOptions {
    /// Extra headers of the INVITE or the 200.
    pub headers: Vec<(String, String)>,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// `From` of a dial, instead of the account's AOR.
    pub from: String,
    /// Pre-loaded route set of a dial, topmost first, instead of the account's. RFC 3261 s8.1.2.
    pub routes: Vec<String>,
    /// The application's own SDP: no media session of ours is made.
    pub sdp: Option<Bytes>,
    /// Negotiate, but open no socket and send no RTP (load drivers, signalling-only servers).
    pub no_media: bool,
    /// Ring limit of this call; `None` takes the agent's.
    pub ring_timeout: Option<Duration>,
}

/// A final or provisional status: of the peer's response, or made here (then `local` says so).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Outcome {
    /// SIP status; 200 when a call ended normally.
    pub status: u16,
    /// Reason phrase, or what happened here and what to do.
    pub reason: String,
    /// The status was made here (timeout, transport, own hangup), not by the peer.
    pub local: bool,
    /// The peer (not we) ended the call.
    pub by_peer: bool,
}

/// Kinds of event. Exactly one terminal event (marked) comes per call and request, and none after it.
#[derive(Clone, Debug)]
pub enum EventKind {
    /// The account is registered, or refreshed.
    Registered {
        /// Seconds granted.
        expires_s: u32,
    },
    /// Registration failed; it is tried again after a while unless the account is removed.
    RegisterFailed(Outcome),
    /// The flow that the account registered over has failed: no answer to keep-alives, another address, a closed connection. It registers
    /// anew.
    FlowFailed {
        /// Which flow, and what happened.
        reason: String,
    },
    /// The account is gone (terminal for the account).
    AccountRemoved,
    /// Somebody calls. Ring, answer or hang up.
    CallIncoming {
        /// `From` as URI.
        from: String,
        /// Display name of `From`, control characters removed.
        from_display: String,
        /// `To` as URI.
        to: String,
    },
    /// A provisional response of a call we dialled.
    CallProgress {
        /// 1xx.
        outcome: Outcome,
        /// Early media flows.
        early_media: bool,
    },
    /// The call is up.
    CallAnswered {
        /// Codec agreed, if media is ours.
        codec: Option<Codec>,
    },
    /// The peer put us on hold (true) or resumed (false).
    CallHeld(bool),
    /// Our hold or resume is done; `held` is the state we are in now.
    CallHoldDone {
        /// We hold the peer.
        held: bool,
        /// It worked.
        ok: bool,
    },
    /// The call is over (terminal for the call). 200 OK after a normal end.
    CallEnded {
        /// How.
        outcome: Outcome,
        /// Last figures of its media.
        quality: Option<Quality>,
    },
    /// A key of the peer.
    Dtmf {
        /// `0-9*#A-D`.
        digit: char,
        /// Milliseconds.
        duration_ms: u32,
    },
    /// All digits of ours are sent.
    DtmfSent,
    /// A play ended.
    PlayDone {
        /// From the play.
        token: u64,
        /// Stopped before its end.
        interrupted: bool,
        /// How much went out, milliseconds.
        played_ms: u64,
    },
    /// The first audio of the peer arrived.
    MediaStarted,
    /// Media of the call could not be made or broke.
    MediaFailed {
        /// Cause and remedy.
        reason: String,
    },
    /// No RTP for the configured time.
    RtpTimeout,
    /// Figures of the call's media.
    Quality(Quality),
    /// A MESSAGE arrived and was answered 200. RFC 3428.
    MessageReceived {
        /// `From` as URI.
        from: String,
        /// `Content-Type`.
        content_type: String,
        /// Body.
        body: Bytes,
    },
    /// A provisional response to a request of the application. The response is the event's message.
    RequestProgress(Outcome),
    /// A request of the peer whose method the application takes: answer it.
    Request {
        /// Method.
        method: String,
        /// Request-URI.
        uri: String,
        /// `From` as URI.
        from: String,
        /// `To` as URI.
        to: String,
        /// `Content-Type`; empty without body.
        content_type: String,
        /// Body.
        body: Bytes,
    },
    /// A request of ours has its final status, or one of the peer has our answer, given by the application or (then `local` says so) by
    /// us in its place (terminal for the request).
    RequestDone(Outcome),
    /// Something of the engine itself failed (a listener, a recording); the engine lives on.
    Trouble {
        /// Cause and remedy.
        reason: String,
    },
}

impl EventKind {
    /// Whether no event of the same object follows.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        matches!(self, EventKind::CallEnded { .. } | EventKind::RequestDone(_) | EventKind::AccountRemoved)
    }
}
