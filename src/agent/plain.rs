//! Requests outside of dialogs that are answered at once: OPTIONS and MESSAGE. RFC 3261 s11.2, RFC 3428 s7.

use super::io::EventKind;
use super::{About, Agent, User};
use crate::base::id::{AccountId, CallId};
use crate::base::{Flow, Instant};
use crate::message::{Name, body, check};
use crate::transport::shard::tag;
use bytes::Bytes;

impl Agent {
    /// OPTIONS: what an INVITE would get here. RFC 3261 s11.2. Answered without state (s8.2.7): a repeat gets the same again, and a flood
    /// fills no table.
    pub(super) fn options(&mut self, request: &check::Request<'_, '_>, flow: Flow) {
        let allow = self.settings.allow.clone();
        let headers = [(Name::Allow, &*allow), (Name::Accept, "application/sdp, text/plain"), (Name::Supported, "")];
        self.refuse(request, flow, 200, &headers);
    }

    /// MESSAGE: taken, and told to the application. RFC 3428 s7.
    pub(super) fn message(&mut self, request: &check::Request<'_, '_>, flow: Flow, merged: u64, now: Instant) {
        if body::is_packed(request) {
            let (status, headers) = body::Unsupported::Encoding.answer();
            self.answer_plain(request, flow, merged, status, headers, now);
            return;
        }
        if !self.answer_plain(request, flow, merged, 200, &[], now) {
            return;
        }
        let account = self.accounts.for_request(request.target.user, request.to.uri);
        let kind = EventKind::MessageReceived {
            from: request.from.uri.into(),
            content_type: request.content_type().unwrap_or("text/plain").into(),
            body: Bytes::copy_from_slice(request.body()),
        };
        self.event(kind, About::account(account), Some(request.raw()), now);
    }

    /// Whether new work is turned away: too many events wait, or the engine is closing.
    pub(super) const fn is_refusing(&self) -> bool {
        self.overloaded || self.draining
    }

    fn answer_plain(
        &mut self,
        request: &check::Request<'_, '_>,
        flow: Flow,
        merged: u64,
        status: u16,
        headers: &[(Name, &str)],
        now: Instant,
    ) -> bool {
        let owner = User::Server { merged: Some(merged), call: CallId::NONE };
        let Some(invitation) = self.server(request, flow, AccountId::NONE, owner, now) else {
            self.refuse(request, flow, 503, &[]);
            return false;
        };
        let tag = tag(self.config.shard, &mut self.rng);
        self.respond(&invitation, status, Some(&tag), headers, now);
        true
    }
}
