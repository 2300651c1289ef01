//! The machine of one outgoing request. RFC 3261 s8.1, s9.1, s18.1.1, s22; RFC 3263 s4.3.

use super::attempt::{Io, Template, scope};
use crate::auth::{Challenged, Rounds};
use crate::base::{Duration, Flow, Instant, Protocol, limits};
use crate::message::{Method, Name, check};
use crate::resolve::{Target, Targets};
use crate::transaction::TransactionId;
use crate::transport::{Identity, Peer};
use smallvec::SmallVec;
use std::sync::Arc;

/// One outgoing request (no ACK) from start to final.
#[derive(Debug)]
pub struct OutgoingRequest {
    method: Box<str>,
    /// What tells connections to the next hop apart.
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) targets: Targets,
    reuse: Option<Flow>,
    cseq: u32,
    rounds: Rounds,
    /// What the last try carried.
    credentials: Vec<(Name, String)>,
    retries: u8,
    pub(super) cancelled: bool,
    cancel_sent: bool,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    Idle,
    /// Waits for a stream: the connections under way, and when the next one joins them. `oversize`: the target is reached by UDP, the
    /// request is too large for it.
    Connecting {
        racers: SmallVec<[Target; 1]>,
        oversize: bool,
        next_at: Option<Instant>,
    },
    /// A transaction runs; without any response it is given up at `give_up_at`.
    Trying {
        transaction: TransactionId,
        target: Target,
        proceeding: bool,
        give_up_at: Option<Instant>,
    },
    /// The final is told. The transaction of an accepted INVITE may bring more 2xx.
    Done {
        accepted: Option<TransactionId>,
    },
}

/// What an event led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A try (the first or another) is on its way under this transaction.
    Sent(TransactionId),
    /// A stream is being opened for the next try.
    Connecting,
    /// A provisional response came: look at it.
    Provisional,
    /// The final response of the peer is here: look at it. Comes again for each 2xx of an INVITE. A 3xx, 422 or 423 can be followed by
    /// [`OutgoingRequest::retry`].
    Final(u16),
    /// The final response is this 401 or 407, and our credentials could not satisfy it.
    AuthFailed(u16),
    /// It is over without a final response: the status to act on (408, 487, 503) and what happened.
    Failed {
        /// Status.
        status: u16,
        /// Cause and remedy.
        reason: String,
    },
    /// Nothing to do: a late event.
    Ignored,
}

impl OutgoingRequest {
    /// A request to the targets in order. `identity` names the next hop where a target is TLS or a WebSocket.
    #[must_use]
    pub fn new(method: Method<'_>, targets: &[Target], identity: Option<Arc<Identity>>) -> Self {
        OutgoingRequest {
            method: method.as_str().into(),
            identity,
            targets: Targets::new(targets),
            reuse: None,
            cseq: 0,
            rounds: Rounds::default(),
            credentials: Vec::new(),
            retries: 0,
            cancelled: false,
            cancel_sent: false,
            state: State::Idle,
        }
    }

    /// Prefers this stream (the one that the dialog's messages came on) where the target is the same peer.
    #[must_use]
    pub fn reusing(mut self, flow: Flow) -> Self {
        self.reuse = Some(flow);
        self
    }

    /// Its method.
    #[must_use]
    pub fn method(&self) -> Method<'_> {
        Method::from_token(&self.method)
    }

    /// CSeq number of the last try.
    #[must_use]
    pub const fn cseq(&self) -> u32 {
        self.cseq
    }

    /// Credentials of the last try: the ACK to a 2xx repeats them. RFC 3261 s22.1.
    #[must_use]
    pub fn credentials(&self) -> &[(Name, String)] {
        &self.credentials
    }

    /// The transaction that runs, or the accepted one.
    #[must_use]
    pub const fn transaction(&self) -> Option<TransactionId> {
        match self.state {
            State::Trying { transaction, .. } => Some(transaction),
            State::Done { accepted } => accepted,
            State::Idle | State::Connecting { .. } => None,
        }
    }

    /// The target in use, or the last one.
    #[must_use]
    pub fn target(&self) -> Option<Target> {
        match &self.state {
            State::Trying { target, .. } => Some(*target),
            State::Connecting { racers, .. } => racers.first().copied(),
            State::Idle | State::Done { .. } => self.targets.current(),
        }
    }

    /// Whether the final is told.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done { .. })
    }

    /// Sends the first try.
    pub fn start(&mut self, template: &mut impl Template, io: &mut Io<'_>) -> Outcome {
        if !matches!(self.state, State::Idle) {
            return Outcome::Ignored;
        }
        let Some(target) = self.targets.current() else {
            return self.fail(503, "the next hop has no address; check the name or configure a proxy".to_owned());
        };
        self.cseq = template.next_cseq();
        self.attempt(target, false, template, io)
    }

    /// A response that `Transactions::on_response` gave to `transaction`.
    pub fn on_response(
        &mut self,
        transaction: TransactionId,
        response: &check::Response<'_, '_>,
        template: &mut impl Template,
        io: &mut Io<'_>,
    ) -> Outcome {
        let target = match &mut self.state {
            State::Trying { transaction: ours, target, proceeding, .. } if *ours == transaction => {
                *proceeding = true;
                *target
            }
            State::Done { accepted: Some(ours) } if *ours == transaction => return Outcome::Final(response.code),
            _ => return Outcome::Ignored,
        };
        match response.code {
            100..=199 => {
                if self.cancelled && !self.cancel_sent {
                    self.cancel_sent = io.transactions.cancel(transaction, io.now, io.actions);
                }
                Outcome::Provisional
            }
            401 | 407 if !self.cancelled && io.account.is_some() => self.on_challenge(target, response, template, io),
            503 => {
                // s21.5.4: how long it does not want to be asked.
                let pause = response.retry_after_s().map(|seconds| Duration::from_secs(seconds.into()));
                io.penalties.failed(&target, pause, io.now);
                match self.targets.lost(&target).filter(|_| !self.cancelled) {
                    Some(next) => self.attempt(next, false, template, io),
                    None => self.done(transaction, response, io),
                }
            }
            _ => {
                io.penalties.answered(&target);
                self.done(transaction, response, io)
            }
        }
    }

    /// `transaction::Action::Timeout` of its transaction.
    pub fn on_timeout(&mut self, transaction: TransactionId, template: &mut impl Template, io: &mut Io<'_>) -> Outcome {
        match self.state {
            // RFC 3263 s4.3: the next target is for those that got no response at all.
            State::Trying { transaction: ours, target, proceeding: true, .. } if ours == transaction => {
                let (peer, protocol) = (target.remote, target.protocol);
                match self.cancelled {
                    true => self.fail(487, "cancelled".to_owned()),
                    false => self.fail(408, format!("{peer} over {protocol} began to work and gave no final answer")),
                }
            }
            State::Trying { transaction: ours, target, .. } if ours == transaction => {
                let peer = target.remote;
                self.next(&target, 408, format!("no answer from {peer} over {}", target.protocol), template, io)
            }
            _ => Outcome::Ignored,
        }
    }

    /// `transaction::Action::TransportError` of its transaction.
    pub fn on_transport_error(
        &mut self,
        transaction: TransactionId,
        template: &mut impl Template,
        io: &mut Io<'_>,
    ) -> Outcome {
        match self.state {
            State::Trying { transaction: ours, target, .. } if ours == transaction => {
                let peer = target.remote;
                self.next(&target, 503, format!("{peer} cannot be reached over {}", target.protocol), template, io)
            }
            _ => Outcome::Ignored,
        }
    }

    /// The caller wants it no more. `Failed` (487): it ended at once. `Ignored`: it was over. Otherwise a CANCEL goes out as soon as one may
    /// (s9.1) and the end comes as usual; a 2xx may still win.
    pub fn cancel(&mut self, io: &mut Io<'_>) -> Outcome {
        match self.state {
            State::Idle | State::Connecting { .. } => self.fail(487, "cancelled before it was sent".to_owned()),
            State::Done { .. } => Outcome::Ignored,
            State::Trying { transaction, .. } if self.method() != Method::Invite => {
                io.transactions.forget_client(transaction);
                self.fail(487, "cancelled".to_owned())
            }
            State::Trying { transaction, proceeding, .. } => {
                if proceeding && !self.cancel_sent {
                    self.cancel_sent = io.transactions.cancel(transaction, io.now, io.actions);
                }
                self.cancelled = true;
                Outcome::Provisional
            }
        }
    }

    /// Whether it is being cancelled.
    #[must_use]
    pub const fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// Sends it again with the next CSeq after a final response, for 3xx (with the new targets), 422, 423 and their kind: the caller has
    /// changed the template. Ends in `Failed` (482) after `limits::REDIRECTIONS` times.
    pub fn retry(
        &mut self,
        redirected: Option<(&[Target], Option<Arc<Identity>>)>,
        template: &mut impl Template,
        io: &mut Io<'_>,
    ) -> Outcome {
        if !self.is_done() || self.cancelled {
            return Outcome::Ignored;
        }
        if self.retries >= limits::REDIRECTIONS {
            return self.fail(482, "redirected too often".to_owned());
        }
        self.retries = self.retries.saturating_add(1);
        if let Some((targets, identity)) = redirected {
            self.targets = Targets::new(targets);
            self.identity = identity;
            self.reuse = None;
        }
        self.state = State::Idle;
        self.start(template, io)
    }

    /// The owner ends: nothing of it is told any more.
    pub fn forget(&mut self, io: &mut Io<'_>) {
        if let Some(transaction) = self.transaction() {
            io.transactions.forget_client(transaction);
        }
        self.state = State::Done { accepted: None };
    }

    fn on_challenge(
        &mut self,
        target: Target,
        response: &check::Response<'_, '_>,
        template: &mut impl Template,
        io: &mut Io<'_>,
    ) -> Outcome {
        let answer = match &mut io.account {
            Some((credentials, cache)) => {
                let scope = scope(&self.method, template, target.remote);
                cache.challenged(&mut self.rounds, credentials, &scope, response, io.rng)
            }
            None => Challenged::Refused,
        };
        if answer == Challenged::Refused {
            self.state = State::Done { accepted: None };
            return Outcome::AuthFailed(response.code);
        }
        self.cseq = template.next_cseq();
        self.attempt(target, false, template, io)
    }

    fn done(&mut self, transaction: TransactionId, response: &check::Response<'_, '_>, io: &mut Io<'_>) -> Outcome {
        if let Some((_, cache)) = io.account.as_mut().filter(|_| !matches!(response.code, 401 | 407)) {
            cache.accepted(&self.rounds);
            cache.next_nonce(&self.rounds, response);
        }
        let accepted = self.method() == Method::Invite && (200..300).contains(&response.code);
        self.state = State::Done { accepted: accepted.then_some(transaction) };
        Outcome::Final(response.code)
    }

    /// One try. `small`: TCP was tried for a large request and is not to be had.
    pub(super) fn attempt(
        &mut self,
        target: Target,
        small: bool,
        template: &mut impl Template,
        io: &mut Io<'_>,
    ) -> Outcome {
        let Some(flow) = self.flow_to(&target, io) else { return self.connect(target, false, io) };
        if small || target.protocol != Protocol::Udp || io.udp_limit == 0 {
            return self.send(target, flow, template, io);
        }
        let bytes = self.print(target, template, io);
        if !io.is_too_large(target.protocol, &bytes) {
            return self.launch(target, flow, bytes, io);
        }
        let target = Target { protocol: Protocol::Tcp, ..target };
        match self.flow_to(&target, io) {
            Some(flow) => self.send(target, flow, template, io),
            None => self.connect(target, true, io),
        }
    }

    pub(super) fn peer(&self, target: &Target) -> Peer {
        Peer::new(target.protocol, target.remote, self.identity.as_ref())
    }

    pub(super) fn flow_to(&self, target: &Target, io: &Io<'_>) -> Option<Flow> {
        io.flow_to(&self.peer(target), target.local, self.reuse)
    }

    pub(super) fn send(
        &mut self,
        target: Target,
        flow: Flow,
        template: &mut impl Template,
        io: &mut Io<'_>,
    ) -> Outcome {
        let bytes = self.print(target, template, io);
        self.launch(target, flow, bytes, io)
    }

    fn print(&mut self, target: Target, template: &mut impl Template, io: &mut Io<'_>) -> bytes::Bytes {
        self.credentials = io.credentials(&self.method, template, target.remote, &mut self.rounds);
        io.print(&target, self.cseq, &self.credentials, |attempt, out| template.write(attempt, out))
    }

    fn launch(&mut self, target: Target, flow: Flow, bytes: bytes::Bytes, io: &mut Io<'_>) -> Outcome {
        let method = Method::from_token(&self.method);
        match io.transactions.new_client(method, bytes, flow, io.now, io.actions) {
            Some(transaction) => {
                let give_up_at = self.give_up_at(flow.protocol, io);
                self.state = State::Trying { transaction, target, proceeding: false, give_up_at };
                Outcome::Sent(transaction)
            }
            None => self.fail(503, "too many transactions; lower the load or add shards".to_owned()),
        }
    }

    pub(super) fn fail(&mut self, status: u16, reason: String) -> Outcome {
        self.state = State::Done { accepted: None };
        Outcome::Failed { status, reason }
    }
}
