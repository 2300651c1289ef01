//! From one target to the next, and connections that race. RFC 3263 s4.3, RFC 3261 s9.1, s18.1.1, RFC 8305 s5.

use super::attempt::{Io, Template};
use super::outgoing::{Outcome, OutgoingRequest, State};
use crate::base::{Flow, Instant, Protocol, limits};
use crate::message::Method;
use crate::resolve::Target;
use smallvec::smallvec;
use std::net::SocketAddr;

impl OutgoingRequest {
    /// `transport::Action::Ready` with its waiter.
    pub fn on_ready(&mut self, flow: Flow, template: &mut impl Template, io: &mut Io<'_>) -> Outcome {
        let State::Connecting { racers, .. } = &self.state else { return Outcome::Ignored };
        let ready = racers.iter().find(|target| target.remote == flow.remote).or(racers.first());
        let Some(target) = ready.copied() else { return Outcome::Ignored };
        self.targets.won(&target);
        self.send(target, flow, template, io)
    }

    /// `transport::Action::Unreachable` with its waiter.
    pub fn on_unreachable(
        &mut self,
        remote: SocketAddr,
        reason: &str,
        template: &mut impl Template,
        io: &mut Io<'_>,
    ) -> Outcome {
        let State::Connecting { racers, oversize, .. } = &mut self.state else { return Outcome::Ignored };
        let Some(at) = racers.iter().position(|target| target.remote == remote) else { return Outcome::Ignored };
        let target = racers.remove(at);
        // s18.1.1: the peer may know no TCP.
        if *oversize {
            return self.attempt(Target { protocol: Protocol::Udp, ..target }, true, template, io);
        }
        if racers.is_empty() {
            let reason = format!("{remote} cannot be reached over {}: {reason}", target.protocol);
            return self.next(&target, 503, reason, template, io);
        }
        io.penalties.failed(&target, None, io.now);
        self.targets.lost(&target);
        // RFC 8305 s5: the next attempt need not wait when one has failed.
        self.join_race(template, io)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Connecting { next_at, .. } => next_at,
            State::Trying { proceeding: false, give_up_at, .. } if !self.cancelled => give_up_at,
            _ => None,
        }
    }

    /// Gives up a target that answers nothing, or lets another connection join those under way.
    pub fn handle_timeout(&mut self, template: &mut impl Template, io: &mut Io<'_>) -> Outcome {
        if self.next_timeout().is_none_or(|at| at > io.now) {
            return Outcome::Ignored;
        }
        match self.state {
            State::Connecting { .. } => self.join_race(template, io),
            State::Trying { transaction, target, .. } => {
                if self.method() == Method::Invite {
                    // No CANCEL may go before a provisional response (s9.1): the transaction stays to catch late responses.
                    io.transactions.give_up(transaction);
                } else {
                    io.transactions.forget_client(transaction);
                }
                let reason = format!("no answer from {} over {}", target.remote, target.protocol);
                self.next(&target, 408, reason, template, io)
            }
            State::Idle | State::Done { .. } => Outcome::Ignored,
        }
    }

    /// When a try that gets no response is given up: over UDP, while there are other targets.
    pub(super) fn give_up_at(&self, protocol: Protocol, io: &Io<'_>) -> Option<Instant> {
        let time = io.penalties.policy().try_timeout;
        (protocol == Protocol::Udp && !time.is_zero() && self.targets.nth(1).is_some()).then(|| io.now + time)
    }

    /// The target failed: the next one, or the end.
    pub(super) fn next(
        &mut self,
        failed: &Target,
        status: u16,
        reason: String,
        template: &mut impl Template,
        io: &mut Io<'_>,
    ) -> Outcome {
        if self.cancelled {
            return self.fail(487, "cancelled".to_owned());
        }
        io.penalties.failed(failed, None, io.now);
        match self.targets.lost(failed) {
            Some(target) => self.attempt(target, false, template, io),
            None => self.fail(status, reason),
        }
    }

    /// Opens a connection; others may join it.
    pub(super) fn connect(&mut self, target: Target, oversize: bool, io: &mut Io<'_>) -> Outcome {
        self.state = State::Connecting { racers: smallvec![target], oversize, next_at: None };
        io.transports.connect(&self.peer(&target), io.waiter, io.now, io.wire);
        self.await_next(io);
        Outcome::Connecting
    }

    /// The next address of the same protocol and port joins the race.
    fn join_race(&mut self, template: &mut impl Template, io: &mut Io<'_>) -> Outcome {
        let Some(target) = self.next_racer() else {
            self.await_next(io);
            return Outcome::Connecting;
        };
        if let Some(flow) = self.flow_to(&target, io) {
            self.targets.won(&target);
            return self.send(target, flow, template, io);
        }
        if let State::Connecting { racers, .. } = &mut self.state {
            racers.push(target);
        }
        io.transports.connect(&self.peer(&target), io.waiter, io.now, io.wire);
        self.await_next(io);
        Outcome::Connecting
    }

    fn await_next(&mut self, io: &Io<'_>) {
        let delay = io.penalties.policy().attempt_delay;
        let at = self.next_racer().filter(|_| !delay.is_zero()).map(|_| io.now + delay);
        if let State::Connecting { next_at, .. } = &mut self.state {
            *next_at = at;
        }
    }

    /// The target that may join: the one behind those under way, when it differs in its address only.
    fn next_racer(&self) -> Option<Target> {
        let State::Connecting { racers, oversize: false, .. } = &self.state else { return None };
        let first = racers.first().filter(|_| racers.len() < limits::RACERS)?;
        let next = self.targets.nth(racers.len())?;
        let same = next.protocol == first.protocol && next.remote.port() == first.remote.port();
        (same && racers.iter().all(|racer| racer.remote != next.remote)).then_some(next)
    }
}
