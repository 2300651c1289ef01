//! Floor 6: a call: INVITE usage, negotiation and media orders together. RFC 3261 s13-15, RFC 3264.
//!
//! A [`Call`] is told what happened (a command, a message, a media event, a timeout) and writes what it wants done into a `Vec<Action>`.
//! It knows no transaction table, no transport and no account: the agent does, and carries the actions out.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod end;
mod hold;
mod incoming;
pub mod io;
mod media;
mod outgoing;
mod request;
mod write;

pub use incoming::{Invitation, WARN_AGENT};
pub use write::{allow, contact, head, plain_headers};

use crate::base::id::{AccountId, CallId, NodeId};
use crate::base::media::Codec;
use crate::base::{Duration, Flow, Instant, Timers};
use crate::dialog::Dialog;
use crate::media::io::{MediaOrder, Quality};
use crate::offer_answer::Negotiation;
use crate::transaction::TransactionId;
use crate::transport::{ResponseSeed, Way};
use crate::usage::invite::{Reinvite, Uas};
use bytes::Bytes;
use io::{CallOptions, EventKind, Outcome};
use media::Media;
use std::net::IpAddr;

/// What every call of an agent shares.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Timer values.
    pub timers: Timers,
    /// What the world sees of us, instead of the address of the route.
    pub public_address: Option<IpAddr>,
    /// Ring limit where a call names none.
    pub ring_timeout: Duration,
    /// Silence after which RTP counts as lost.
    pub rtp_timeout: Option<Duration>,
    /// End the call then.
    pub rtp_timeout_hangup: bool,
    /// How often figures come.
    pub quality_interval: Option<Duration>,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// `User-Agent` and `Server`; empty sends none.
    pub user_agent: String,
    /// Value of Allow. RFC 3261 s20.5.
    pub allow: String,
    /// RTCP CNAME. RFC 7022.
    pub cname: String,
}

/// What a call wants done.
#[derive(Debug)]
pub enum Action {
    /// Tell the application. The agent adds the message being handled.
    Event(EventKind),
    /// Tell media.
    Media(MediaOrder),
    /// Media is ready for the INVITE: send it.
    InviteReady,
    /// CANCEL the INVITE.
    Cancel,
    /// Start a re-INVITE.
    Reinvite,
    /// Send an ACK for a 2xx.
    Ack {
        /// The dialog that the 2xx made.
        dialog: Box<Dialog>,
        /// Our answer, when the offer came in the 2xx.
        body: Option<Bytes>,
        /// Keep it for repeats of the 2xx (false: the dialog is about to end).
        keep: bool,
    },
    /// Send the kept ACK again.
    RepeatAck,
    /// Send BYE in a dialog; it runs on its own, even when the call is gone.
    Bye(Box<Dialog>),
    /// Send a response.
    Respond {
        /// The server transaction.
        server: TransactionId,
        /// Its status.
        status: u16,
        /// The whole response.
        response: Bytes,
    },
    /// Nothing of the call is left: forget it.
    Forget,
}

/// Which side sent the initial INVITE.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// We did.
    Uac,
    /// The peer did.
    Uas,
}

/// An INVITE (or re-INVITE) of the peer that still needs something of us: a final response, or its ACK.
#[derive(Debug)]
struct ServerInvite {
    transaction: TransactionId,
    seed: ResponseSeed,
    uas: Uas,
    /// Our 2xx carries an offer; the ACK must bring the answer.
    offer_in_2xx: bool,
}

/// What an outgoing call keeps until it is answered.
#[derive(Debug)]
struct Outgoing {
    /// Somebody must answer before; nothing once it is being cancelled.
    ring_limit: Option<Instant>,
    /// Dialogs by provisional responses. RFC 3261 s12.1.
    early: Vec<Dialog>,
    /// The offer of every try.
    offer: Option<Bytes>,
    /// The early dialog whose answer is applied.
    early_media: Option<Box<str>>,
    cancelled: bool,
}

#[derive(Debug)]
enum State {
    /// Our INVITE has no final response yet.
    Outgoing(Box<Outgoing>),
    /// The peer's INVITE has no final response yet.
    Incoming,
    /// A 2xx was sent or received.
    Up,
    /// The protocol part is done.
    Over,
}

/// How far the terminal event has come.
#[derive(Debug)]
enum Telling {
    NotYet,
    /// The last figures of media are awaited.
    Waiting {
        outcome: Outcome,
        deadline: Instant,
    },
    Told,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    id: CallId,
    account: AccountId,
    role: Role,
    dialog: Dialog,
    state: State,
    telling: Telling,
    negotiation: Negotiation,
    media: Media,
    /// Names the media session; minted with the call.
    node: NodeId,
    server: Option<Box<ServerInvite>>,
    reinvite: Reinvite,
    /// The application wants the peer on hold.
    hold_wanted: bool,
    /// The peer holds us.
    held: bool,
    /// The initial INVITE was acknowledged and the application told so.
    answered: bool,
    /// Our answer as a provisional response carried it; the 200 repeats it.
    early_answer: Option<Bytes>,
    options: Box<CallOptions>,
    contact: String,
    flow: Option<Flow>,
    /// The ACK to the last 2xx, for repeats of it.
    ack: Option<Box<(Way, Bytes)>>,
    /// The agent's name for our INVITE under way.
    ticket: u64,
    forks: Vec<Box<str>>,
    quality: Option<Box<Quality>>,
}

impl Call {
    /// Id.
    #[must_use]
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// Account, or none.
    #[must_use]
    pub const fn account(&self) -> AccountId {
        self.account
    }

    /// Which side called.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The dialog, early or confirmed (before any response: its ground).
    #[must_use]
    pub const fn dialog(&self) -> &Dialog {
        &self.dialog
    }

    /// The dialog, to number a request of ours.
    pub const fn dialog_mut(&mut self) -> &mut Dialog {
        &mut self.dialog
    }

    /// The flow that signalling of this call last came or went on.
    #[must_use]
    pub const fn flow(&self) -> Option<Flow> {
        self.flow
    }

    /// Signalling came or went on this flow.
    pub const fn set_flow(&mut self, flow: Flow) {
        self.flow = Some(flow);
    }

    /// A request of the peer that the application answers: takes its CSeq. `false` when it is out of order (500, RFC 3261 s12.2.2).
    pub fn admits(&mut self, cseq: u32, flow: Flow) -> bool {
        self.flow = Some(flow);
        self.dialog.receive(cseq).is_ok()
    }

    /// Keeps the ACK for repeats of the 2xx.
    pub fn keep_ack(&mut self, way: Way, ack: Bytes) {
        self.ack = Some(Box::new((way, ack)));
    }

    /// The kept ACK.
    #[must_use]
    pub fn ack(&self) -> Option<&(Way, Bytes)> {
        self.ack.as_deref()
    }

    /// The transaction of our INVITE is gone: no 2xx can come any more.
    pub fn forget_ack(&mut self) {
        self.ack = None;
    }

    /// The agent's name for our INVITE under way.
    #[must_use]
    pub const fn ticket(&self) -> u64 {
        self.ticket
    }

    /// An INVITE of ours starts under this name.
    pub const fn set_ticket(&mut self, ticket: u64) {
        self.ticket = ticket;
    }

    /// Whether the end is told, or about to be: the application gets nothing more but that.
    #[must_use]
    pub const fn is_ending(&self) -> bool {
        !matches!(self.telling, Telling::NotYet)
    }

    /// Whether a 2xx set the call up and it has not ended.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.state, State::Up)
    }

    /// The next deadline.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let state = match &self.state {
            State::Outgoing(outgoing) => outgoing.ring_limit,
            State::Incoming | State::Up | State::Over => None,
        };
        let telling = match &self.telling {
            Telling::Waiting { deadline, .. } => Some(*deadline),
            Telling::NotYet | Telling::Told => None,
        };
        let server = self.server.as_ref().and_then(|s| s.uas.next_timeout());
        [state, telling, server, self.reinvite.next_timeout()].into_iter().flatten().min()
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        self.outgoing_timeout(now, out);
        self.incoming_timeout(cx, now, out);
        if self.reinvite.handle_timeout(now) {
            out.push(Action::Reinvite);
        }
        if let Telling::Waiting { deadline, .. } = &self.telling
            && now >= *deadline
        {
            self.tell(out);
        }
    }
}

/// An outcome made here, not by the peer.
fn local(status: u16, reason: impl Into<String>) -> Outcome {
    Outcome { status, reason: reason.into(), local: true, by_peer: false }
}
