//! Who comes in, before anything is made of a request: rates and bans, load, the application's filter. RFC 7339 s5.10, RFC 3261 s8.2.7.

use super::{Agent, io::Output};
use crate::base::{Flow, Instant};
use crate::guard::{Counts, Decision, Incoming, Load, Priority, Proof, is_scanner};
use crate::message::{Name, Uri, check, reason_phrase};
use crate::transport::ViaFix;
use std::net::SocketAddr;

/// Whether the source address of a flow is proven by a connection.
pub(super) const fn proof(flow: &Flow) -> Proof {
    if flow.protocol.is_reliable() { Proof::Proven } else { Proof::Forgeable }
}

/// One more.
pub(super) fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

impl Agent {
    /// Whether everything that comes on `flow` is dropped unread. Drivers that read messages to route them ask first.
    pub fn is_banned(&mut self, flow: &Flow, now: Instant) -> bool {
        self.guard.is_banned(flow.remote.ip(), proof(flow), now)
    }

    /// Right credentials, a call or a registration: the peer is known from now on.
    pub fn befriend(&mut self, flow: &Flow, now: Instant) {
        self.guard.befriend(flow.remote.ip(), now);
    }

    /// What was turned away since the start, and how full the table of sources is.
    #[must_use]
    pub fn defence(&self) -> Counts {
        Counts { loss_percent: u64::from(self.admission.strangers_percent()), ..self.guard.counts() }
    }

    /// The driver measured its load.
    pub(super) fn load(&mut self, load: Load, now: Instant) {
        self.admission.measured(load, now);
    }

    /// A message broke the rules: whether it may be answered.
    pub(super) fn may_answer_malformed(&mut self, flow: &Flow, now: Instant) -> bool {
        self.guard.malformed(flow.remote.ip(), proof(flow), now)
    }

    /// Whether a new request outside of any dialog goes on; it has been answered, or is dropped, when not.
    pub(super) fn lets_in(&mut self, request: &check::Request<'_, '_>, flow: Flow, now: Instant) -> bool {
        if !self.guard.request(flow.remote.ip(), proof(&flow), now) {
            return false;
        }
        if self.config.defence.drop_scanners && request.header(Name::UserAgent).is_some_and(is_scanner) {
            count(&mut self.guard.counts.scanners);
            return false;
        }
        // RFC 3261 s21.5.4; without Retry-After, which would stop all traffic (RFC 7339 s5.10.2).
        if self.is_refusing() {
            count(&mut self.guard.counts.refused_closing);
            self.refuse(request, flow, 503, &[]);
            return false;
        }
        if !self.admission.is_calm()
            && !self.admission.admits(self.priority(request, &flow, now), self.verdict_of(request))
        {
            count(&mut self.guard.counts.refused_load);
            self.refuse(request, flow, 503, &[]);
            return false;
        }
        self.passes_filter(request, flow, false)
    }

    /// Asks the application's filter.
    pub(super) fn passes_filter(&mut self, request: &check::Request<'_, '_>, flow: Flow, in_dialog: bool) -> bool {
        let Some(filter) = &self.config.defence.filter else { return true };
        match filter.ask(&Incoming::new(request, flow, in_dialog)) {
            Decision::Accept => return true,
            Decision::Drop => count(&mut self.guard.counts.filter_dropped),
            Decision::Reject { status, reason } => {
                count(&mut self.guard.counts.filter_rejected);
                let reason = if reason.is_empty() { reason_phrase(status) } else { &reason };
                self.refuse_as(request, flow, status, reason);
            }
            Decision::Failed => {
                count(&mut self.guard.counts.filter_failures);
                self.refuse(request, flow, 500, &[]);
            }
        }
        false
    }

    /// RFC 7339 s5.10.1. Resource-Priority is believed from peers that we know; anybody may call for help (RFC 5031).
    fn priority(&self, request: &check::Request<'_, '_>, flow: &Flow, now: Instant) -> Priority {
        let known = || self.guard.trusts(flow.remote.ip(), now);
        if is_emergency(request.uri) || (request.header(Name::ResourcePriority).is_some() && known()) {
            Priority::High
        } else if request.via.overload_offer().is_some() {
            Priority::Participant
        } else if known() {
            Priority::Ordinary
        } else {
            Priority::Stranger
        }
    }

    /// Calls at once that a source may bring the shard to. A part of a large table is kept for those that calls came up with before, so
    /// that a flood of strangers does not fill it.
    pub(super) fn calls_for(&self, flow: &Flow) -> usize {
        let most = self.config.max_calls;
        let kept = if most < 100 || self.guard.trusts(flow.remote.ip(), self.now) { 0 } else { most / 20 };
        most.saturating_sub(kept)
    }

    /// The same for every repeat of a request, and for nobody to foresee.
    fn verdict_of(&self, request: &check::Request<'_, '_>) -> u64 {
        use std::hash::BuildHasher;
        self.secret.hash_one((request.call_id, request.cseq.number))
    }

    /// What the responses to a request add to its top Via: RFC 3581, and RFC 7339 s5.2 for clients that take part.
    pub(super) fn via_fix(&mut self, via: &crate::message::Via<'_>, flow: &Flow) -> ViaFix {
        let mut fix = ViaFix::of(via, flow, self.config.sip.force_rport);
        fix.feedback = self.participants.feedback(via, flow.remote, &self.admission, self.now);
        fix
    }

    /// Whether a new request of ours may go to a next hop. RFC 7339 s5.5.
    pub(super) fn next_hop_wants(&mut self, remote: SocketAddr, priority: Priority, now: Instant) -> bool {
        if self.throttle.is_empty() {
            return true;
        }
        self.throttle.allows(remote, priority, now, &mut self.rng)
    }

    /// Drops the stream of somebody who is banned.
    pub(super) fn close_banned(&mut self, flow: Flow) {
        self.out.push_back(Output::Close { flow });
    }
}

/// `urn:service:sos` and what is below it. RFC 5031 s4.2.
pub(super) fn is_emergency(uri: &str) -> bool {
    let sos = "urn:service:sos";
    let named = uri.get(..sos.len()).is_some_and(|start| start.eq_ignore_ascii_case(sos));
    named && uri.get(sos.len()..).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        || Uri::parse(uri).ok().and_then(|uri| uri.user).is_some_and(|user| user.eq_ignore_ascii_case("sos"))
}
