//! A new INVITE from the network. RFC 3261 s13.3.1.

use super::{Agent, User};
use crate::base::{Flow, Instant};
use crate::call::{Call, WARN_AGENT};
use crate::dialog::Dialog;
use crate::message::{Name, body, check};
use crate::offer_answer::Negotiation;
use crate::transport::shard::tag;

impl Agent {
    pub(super) fn invite(&mut self, request: &check::Request<'_, '_>, flow: Flow, merged: u64, now: Instant) {
        if self.calls.len() >= self.calls_for(&flow) {
            super::defence::count(&mut self.guard.counts.refused_full);
            return self.refuse(request, flow, 503, &[]);
        }
        let offer = match body::session(request) {
            Ok(offer) => offer,
            Err(unsupported) => {
                let (status, headers) = unsupported.answer();
                return self.refuse(request, flow, status, headers);
            }
        };
        let account = self.accounts.for_request(request.target.user, request.to.uri);
        let local_tag = tag(self.config.shard, &mut self.rng);
        let dialog = Dialog::uas(request, &local_tag);
        let mut negotiation = Negotiation::new(self.rng.u64());
        if let Some(Err(refused)) = offer.map(|sdp| negotiation.remote_offer(sdp)) {
            let warning = refused.warning_header(WARN_AGENT);
            let headers = warning.as_deref().map(|w| (Name::Warning, w));
            return self.refuse(request, flow, refused.status, headers.as_slice());
        }
        let id = self.minter.call();
        let owner = User::Server { merged: Some(merged), call: id };
        let Some(invitation) = self.server(request, flow, account, owner, now) else {
            return self.refuse(request, flow, 503, &[]);
        };
        let ids = (id, account, self.minter.node());
        let mut actions = Vec::new();
        let ground = (dialog, negotiation);
        let call = Call::incoming(ids, ground, request, invitation, &self.settings, now, &mut actions);
        self.calls.insert(id, call);
        self.by_tag.insert(local_tag.into(), id);
        self.carry_out(id, &mut actions, Some(request.raw()), now);
    }
}
