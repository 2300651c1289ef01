//! From bytes to the machine that they concern. RFC 3261 s18.1.2, s18.2.1, s8.2, s17.1.3, s17.2.3.

use super::{Agent, User, io::Output, route};
use crate::base::id::{AccountId, CallId};
use crate::base::{Flow, Instant};
use crate::call::Invitation;
use crate::message::{Message, Method, Name, Scheme, check};
use crate::transaction::{OnRequest, TransactionId};
use crate::transport::{ResponseSeed, response_flow};
use bytes::Bytes;
use std::hash::BuildHasher;

impl Agent {
    /// Bytes of a stream whose home is this shard.
    pub(super) fn stream_data(&mut self, flow: Flow, bytes: &[u8], now: Instant) {
        let mut feed = self.transports.feed(flow, bytes, now);
        while let Some(message) = feed.next() {
            self.receive(flow, message, true, now);
            self.flush(now);
        }
        let pongs = feed.pongs();
        self.transports.fed(feed, &mut self.from_transports);
        if pongs > 0 {
            self.pong(&flow, now);
        }
    }

    /// One whole message. `may_route`: it may belong to another shard.
    pub(super) fn receive(&mut self, flow: Flow, bytes: &[u8], may_route: bool, now: Instant) {
        let message = match Message::parse(bytes) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(%error, "a message that cannot be read was dropped");
                self.dropped = self.dropped.saturating_add(1);
                self.traffic.unreadable = self.traffic.unreadable.saturating_add(1);
                self.may_answer_malformed(&flow, now);
                return;
            }
        };
        if may_route && self.config.shards > 1 {
            let shard = route(&message, self.config.shards);
            if shard != self.config.shard {
                self.out.push_back(Output::Route { shard, flow, bytes: Bytes::copy_from_slice(bytes) });
                return;
            }
        }
        self.traffic.received(&flow, bytes.len());
        if message.is_request() {
            match check::request(&message) {
                Ok(request) => {
                    self.request(&request, flow, now);
                    self.proven = None;
                }
                Err(rejection) => {
                    self.dropped = self.dropped.saturating_add(1);
                    if self.may_answer_malformed(&flow, now) {
                        self.refuse_unchecked(&message, flow, rejection.status, &rejection.reason);
                    }
                }
            }
        } else {
            match check::response(&message) {
                Ok(response) => self.response(&response, flow, now),
                Err(error) => {
                    tracing::debug!(%error, "a response that breaks the rules was dropped");
                    self.dropped = self.dropped.saturating_add(1);
                }
            }
        }
    }

    pub(super) const fn came_again(&mut self) {
        let counter = &mut self.traffic.retransmissions_received;
        *counter = counter.saturating_add(1);
    }

    fn request(&mut self, request: &check::Request<'_, '_>, flow: Flow, now: Instant) {
        match self.transactions.on_request(request, flow, now, &mut self.from_transactions) {
            OnRequest::Absorbed if request.method == Method::Ack => {}
            OnRequest::Absorbed => self.came_again(),
            OnRequest::AckFor2xx(_) => self.ack(request, flow, now),
            OnRequest::New if request.method == Method::Ack => self.ack(request, flow, now),
            // s9.2: the 200 is all that it gets; a repeat gets the same one.
            OnRequest::CancelWithoutEffect => self.refuse(request, flow, 200, &[]),
            OnRequest::Cancel(invite) => self.cancel(request, flow, invite, now),
            OnRequest::New => self.new_request(request, flow, now),
        }
    }

    /// RFC 3261 s8.2: which method, which dialog, which extensions.
    fn new_request(&mut self, request: &check::Request<'_, '_>, flow: Flow, now: Instant) {
        if let Some(tag) = request.to.tag() {
            return match self.call_of(request, tag) {
                Some(call) if self.passes_filter(request, flow, true) => self.in_dialog(request, flow, call, now),
                Some(_) => {}
                // A dialog that only the application knows: of a SUBSCRIBE or REFER that it sent or answered.
                None if makes_dialogs(request.method) && self.takes(request) => {
                    if self.passes_filter(request, flow, true) {
                        self.ask(request, flow, None, now);
                    }
                }
                None => self.refuse(request, flow, 481, &[]),
            };
        }
        if request.method == Method::Cancel {
            return self.refuse(request, flow, 481, &[]);
        }
        if !self.lets_in(request, flow, now) {
            return;
        }
        if !matches!(request.target.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel) {
            return self.refuse(request, flow, 416, &[]);
        }
        let merged = self.merged_key(request);
        if self.merged.contains_key(&merged) {
            return self.refuse(request, flow, 482, &[]);
        }
        // After the look for merged copies: a second copy of credentials is a replay, and would be asked for others.
        if !self.is_authenticated(request, flow, now) {
            return;
        }
        let unsupported: Vec<&str> = request.list(Name::Require).collect();
        if !unsupported.is_empty() {
            return self.refuse(request, flow, 420, &[(Name::Unsupported, &unsupported.join(", "))]);
        }
        match request.method {
            Method::Invite => self.invite(request, flow, merged, now),
            _ if self.takes(request) => self.ask(request, flow, Some(merged), now),
            Method::Options => self.options(request, flow),
            Method::Message => self.message(request, flow, merged, now),
            Method::Other(_) => self.refuse(request, flow, 501, &[(Name::Allow, &self.settings.allow.clone())]),
            _ => self.refuse(request, flow, 405, &[(Name::Allow, &self.settings.allow.clone())]),
        }
    }

    /// Makes the server transaction of a new request. `account` gives the Contact of its responses a user.
    pub(super) fn server(
        &mut self,
        request: &check::Request<'_, '_>,
        flow: Flow,
        account: AccountId,
        owner: User,
        now: Instant,
    ) -> Option<Invitation> {
        let mut fix = self.via_fix(&request.via, &flow);
        if request.method == Method::Invite && request.to.tag().is_none() {
            fix.keep(&request.via, &flow);
        }
        let seed = ResponseSeed::new(request, &fix);
        // Also for what the application may take its time with: RFC 4320 s4.1.
        let trying = (request.method == Method::Invite || self.takes(request)).then(|| {
            let mut out = Vec::with_capacity(320);
            seed.write(&mut out, 100, "Trying", None, |_| {}, None, b"");
            Bytes::from(out)
        });
        let back = response_flow(&request.via, &flow, self.config.sip.force_rport);
        let Some(transaction) = self.transactions.new_server(request, back, trying, now) else {
            super::defence::count(&mut self.guard.counts.refused_full);
            return None;
        };
        self.users.insert(transaction, owner);
        if let User::Server { merged: Some(merged), .. } = owner {
            self.merged.insert(merged, transaction);
        }
        let contact = match request.method {
            // Their responses carry none.
            Method::Bye | Method::Cancel => String::new(),
            _ => super::address::contact(&self.transports, &flow, self.contact_user(account, request)),
        };
        Some(Invitation { transaction, seed, flow, contact })
    }

    fn in_dialog(&mut self, request: &check::Request<'_, '_>, flow: Flow, call: CallId, now: Instant) {
        let account = self.calls.get(&call).map(|c| c.account()).unwrap_or_default();
        let owner = User::Server { merged: None, call };
        let Some(invitation) = self.server(request, flow, account, owner, now) else {
            return self.refuse(request, flow, 503, &[]);
        };
        if self.takes(request) {
            return self.ask_in_call(request, invitation, call, now);
        }
        self.with_call(call, Some(request.raw()), now, |call, cx, rng, out| {
            call.in_dialog(request, invitation, cx, rng, now, out);
        });
    }

    fn ack(&mut self, request: &check::Request<'_, '_>, flow: Flow, now: Instant) {
        if let Some(call) = request.to.tag().and_then(|tag| self.call_of(request, tag)) {
            // Our tag came back: the source address is no forgery.
            self.befriend(&flow, now);
            self.with_call(call, Some(request.raw()), now, |call, _, _, out| call.ack_received(request, now, out));
        }
    }

    /// CANCEL: answered by itself, then the INVITE by the call. RFC 3261 s9.2.
    fn cancel(&mut self, request: &check::Request<'_, '_>, flow: Flow, invite: TransactionId, now: Instant) {
        let Some(User::Server { call, .. }) = self.users.get(&invite).copied() else {
            return self.refuse(request, flow, 481, &[]);
        };
        let owner = User::Server { merged: None, call };
        let Some(invitation) = self.server(request, flow, AccountId::NONE, owner, now) else {
            return self.refuse(request, flow, 503, &[]);
        };
        // The To tag of the CANCEL's response is that of the INVITE's responses.
        let tag = self.calls.get(&call).map_or_else(String::new, |c| c.dialog().local_tag().to_owned());
        self.respond(&invitation, 200, (!tag.is_empty()).then_some(&*tag), &[], now);
        self.with_call(call, Some(request.raw()), now, |call, cx, _, out| call.cancelled(invite, cx, now, out));
    }

    /// The call whose dialog a request with our `tag` in To belongs to. RFC 3261 s12.2.2.
    fn call_of(&self, request: &check::Request<'_, '_>, tag: &str) -> Option<CallId> {
        let id = self.by_tag.get(tag)?;
        let remote_tag = request.from.tag().unwrap_or("");
        self.calls.get(id).filter(|call| call.dialog().matches(request.call_id, tag, remote_tag)).map(|_| *id)
    }

    /// The user part of our Contact to the peer of a request.
    fn contact_user<'s>(&'s self, account: AccountId, request: &check::Request<'_, 's>) -> &'s str {
        match self.accounts.find(account) {
            Some(account) => &account.user,
            None => request.target.user.unwrap_or_default(),
        }
    }

    /// What merged copies of a request share. RFC 3261 s8.2.2.2.
    fn merged_key(&self, request: &check::Request<'_, '_>) -> u64 {
        self.secret.hash_one((request.call_id, request.from.tag(), request.cseq.number, request.cseq.method))
    }
}

/// Whether requests of this method make or use dialogs beside calls. RFC 6665, RFC 3515.
const fn makes_dialogs(method: Method<'_>) -> bool {
    matches!(method, Method::Subscribe | Method::Notify | Method::Refer)
}
