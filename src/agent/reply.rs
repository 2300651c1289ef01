//! Responses that no call prints: refusals without state, and plain answers. RFC 3261 s8.2.6, s8.2.7.

use super::Agent;
use crate::base::{Flow, Instant, Transmit};
use crate::call::Invitation;
use crate::message::{Message, Method, Name, Writer, check, reason_phrase};
use crate::transport::{response_flow, response_vias};
use bytes::Bytes;
use std::hash::BuildHasher;

impl Agent {
    /// Refuses a request without keeping anything of it: a repeat gets the same response again, with the same tag (s8.2.7). ACKs get
    /// nothing.
    pub(super) fn refuse(
        &mut self,
        request: &check::Request<'_, '_>,
        flow: Flow,
        status: u16,
        headers: &[(Name, &str)],
    ) {
        self.stateless(request, flow, status, reason_phrase(status), headers);
    }

    /// The same with a reason phrase of one's own.
    pub(super) fn refuse_as(&mut self, request: &check::Request<'_, '_>, flow: Flow, status: u16, reason: &str) {
        self.stateless(request, flow, status, reason, &[]);
    }

    /// The same for a request that broke the rules so far that [`check`] did not take it; nothing when not even Via can be read.
    pub(super) fn refuse_unchecked(&mut self, message: &Message<'_>, flow: Flow, status: u16, reason: &str) {
        self.stateless(message, flow, status, reason, &[]);
    }

    fn stateless(&mut self, message: &Message<'_>, flow: Flow, status: u16, reason: &str, headers: &[(Name, &str)]) {
        let (Ok(via), Some(method)) = (message.via(), message.method()) else { return };
        if method == Method::Ack {
            return;
        }
        let fix = self.via_fix(&via, &flow);
        let mut bytes = Vec::with_capacity(512);
        let mut w = Writer::response(&mut bytes, status, reason);
        response_vias(&mut w, message, &fix);
        w.copy(message, Name::From);
        match message.to() {
            Ok(to) if to.tag().is_none() => {
                let value = message.header(Name::To).unwrap_or_default();
                w.header_fmt(Name::To, format_args!("{value};tag={}", self.stateless_tag(message)));
            }
            _ => {
                w.copy(message, Name::To);
            }
        }
        w.copy(message, Name::CallId).copy(message, Name::CSeq);
        if !self.config.user_agent.is_empty() {
            w.header(Name::Server, &self.config.user_agent);
        }
        for (name, value) in headers {
            w.header(*name, value.as_bytes());
        }
        w.finish(None, b"");
        let flow = response_flow(&via, &flow, self.config.sip.force_rport);
        self.transmit(Transmit { flow, bytes: bytes.into() });
    }

    /// A To tag that the same request always gets: a keyed hash, so that nobody can foresee it.
    fn stateless_tag(&self, message: &Message<'_>) -> String {
        let hash = self.secret.hash_one((message.call_id(), message.header(Name::From), message.header(Name::CSeq)));
        format!("{hash:016x}")
    }

    /// Sends a final response through its server transaction.
    pub(super) fn respond(
        &mut self,
        invitation: &Invitation,
        status: u16,
        to_tag: Option<&str>,
        headers: &[(Name, &str)],
        now: Instant,
    ) {
        let mut bytes = Vec::with_capacity(384);
        let more = |w: &mut Writer<'_>| {
            if !self.config.user_agent.is_empty() {
                w.header(Name::Server, &self.config.user_agent);
            }
            for (name, value) in headers {
                w.header(*name, value.as_bytes());
            }
        };
        invitation.seed.write(&mut bytes, status, reason_phrase(status), to_tag, more, None, b"");
        let response = Bytes::from(bytes);
        self.transactions.respond(invitation.transaction, status, response, now, &mut self.from_transactions);
    }
}
