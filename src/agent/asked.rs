//! Requests of peers that the application answers itself. RFC 3261 s8.2, RFC 4320 s4.

use super::io::{EventKind, Outcome, RequestAnswer};
use super::{About, Agent, Timer, User};
use crate::base::id::{AccountId, CallId, RequestId};
use crate::base::{Flow, Instant, limits};
use crate::call::{Invitation, plain_headers};
use crate::message::{Name, Writer, check, reason_phrase};
use crate::transport::shard::tag;
use bytes::Bytes;

/// How much of its transaction's 64*T1 an unanswered request gets: three quarters, so that our answer still arrives in time.
const PATIENCE_T1: u32 = 48;

/// A request that waits for the application.
#[derive(Debug)]
pub(super) struct Asked {
    invitation: Invitation,
    account: AccountId,
    call: CallId,
    /// Completes To where the request had no tag.
    tag: String,
}

impl Agent {
    /// Whether requests of this method are the application's.
    pub(super) fn takes(&self, request: &check::Request<'_, '_>) -> bool {
        !self.config.sip.methods.is_empty() && self.config.sip.takes(request.method.as_str())
    }

    /// A request outside of calls for the application.
    pub(super) fn ask(&mut self, request: &check::Request<'_, '_>, flow: Flow, merged: Option<u64>, now: Instant) {
        if self.is_refusing() || self.asked.len() >= limits::REQUESTS_ASKED {
            return self.refuse(request, flow, 503, &[]);
        }
        let owner = User::Server { merged, call: CallId::NONE };
        let account = self.accounts.for_request(request.target.user, request.to.uri);
        let Some(invitation) = self.server(request, flow, account, owner, now) else {
            return self.refuse(request, flow, 503, &[]);
        };
        self.asked(request, invitation, (account, CallId::NONE), now);
    }

    /// A request inside a call for the application.
    pub(super) fn ask_in_call(
        &mut self,
        request: &check::Request<'_, '_>,
        invitation: Invitation,
        id: CallId,
        now: Instant,
    ) {
        let cseq = request.cseq.number;
        let Some(call) = self.calls.get_mut(&id) else { return };
        let account = call.account();
        let refusal = match call.admits(cseq, invitation.flow) {
            false => Some(500),
            true if call.is_ending() => Some(481),
            true if self.asked.len() >= limits::REQUESTS_ASKED => Some(503),
            true => None,
        };
        match refusal {
            Some(status) => self.respond(&invitation, status, None, &[], now),
            None => self.asked(request, invitation, (account, id), now),
        }
    }

    fn asked(
        &mut self,
        request: &check::Request<'_, '_>,
        invitation: Invitation,
        (account, call): (AccountId, CallId),
        now: Instant,
    ) {
        let id = self.minter.request();
        let tag = tag(self.config.shard, &mut self.rng);
        let kind = EventKind::Request {
            method: request.method.as_str().into(),
            uri: request.uri.into(),
            from: request.from.uri.into(),
            to: request.to.uri.into(),
            content_type: request.content_type().unwrap_or_default().into(),
            body: Bytes::copy_from_slice(request.body()),
        };
        self.asked.insert(id, Asked { invitation, account, call, tag });
        let patience = self.config.timers.t1.saturating_mul(PATIENCE_T1);
        self.schedule.set(Timer::Asked(id), Some(now + patience));
        self.event_with(kind, About { account, call, request: id }, Some(request.raw()), now);
    }

    /// The application answers.
    pub(super) fn answer_asked(&mut self, id: RequestId, answer: &RequestAnswer, now: Instant) {
        let Some(asked) = self.asked.remove(&id) else { return };
        self.schedule.set(Timer::Asked(id), None);
        let reason = if answer.reason.is_empty() { reason_phrase(answer.status) } else { &*answer.reason };
        let outcome = Outcome { status: answer.status, reason: reason.to_owned(), local: false, by_peer: false };
        self.finish_asked(id, &asked, answer, outcome, now);
    }

    /// The application has not answered in time: the peer hears so while it still listens.
    pub(super) fn asked_too_long(&mut self, id: RequestId, now: Instant) {
        let Some(asked) = self.asked.remove(&id) else { return };
        let answer = RequestAnswer { status: 500, ..RequestAnswer::default() };
        let reason = "the application did not answer in time: call request_answer within 48*T1 (24 s)".to_owned();
        self.finish_asked(id, &asked, &answer, Outcome { status: 500, reason, local: true, by_peer: false }, now);
    }

    /// What is still unanswered is answered 503: the engine ends.
    pub(super) fn give_up_asked(&mut self, now: Instant) {
        let mut ids: Vec<RequestId> = self.asked.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let Some(asked) = self.asked.remove(&id) else { continue };
            self.schedule.set(Timer::Asked(id), None);
            let answer = RequestAnswer { status: 503, ..RequestAnswer::default() };
            let reason = "the engine is shutting down".to_owned();
            self.finish_asked(id, &asked, &answer, Outcome { status: 503, reason, local: true, by_peer: false }, now);
        }
    }

    fn finish_asked(&mut self, id: RequestId, asked: &Asked, answer: &RequestAnswer, outcome: Outcome, now: Instant) {
        let mut bytes = Vec::with_capacity(384);
        let own_contact = answer.headers.iter().any(|(name, _)| Name::parse(name.as_bytes()) == Name::Contact);
        // A 2xx may make a dialog or refresh its target: RFC 6665 s4.4.1, RFC 3311 s5.2.
        let contact = (200..300).contains(&answer.status) && !own_contact;
        let more = |w: &mut Writer<'_>| {
            if contact {
                w.header(Name::Contact, &asked.invitation.contact);
            }
            plain_headers(w, &[], &self.settings);
            for (name, value) in &answer.headers {
                w.named(name, value);
            }
        };
        let content_type = (!answer.body.is_empty()).then_some(&*answer.content_type);
        let reason = if answer.reason.is_empty() { reason_phrase(answer.status) } else { &*answer.reason };
        asked.invitation.seed.write(
            &mut bytes,
            answer.status,
            reason,
            Some(&asked.tag),
            more,
            content_type,
            &answer.body,
        );
        let transaction = asked.invitation.transaction;
        self.transactions.respond(transaction, answer.status, bytes.into(), now, &mut self.from_transactions);
        let about = About { account: asked.account, call: asked.call, request: id };
        self.event(EventKind::RequestDone(outcome), about, None, now);
    }
}
