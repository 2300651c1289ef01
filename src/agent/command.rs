//! What the application asks for.

use super::account::Account;
use super::io::{AccountView, CallOptions, Command, EventKind, Outcome, Output, RequestOptions, Sender};
use super::outgoing::Owner;
use super::{About, Agent};
use crate::base::id::{AccountId, CallId, RequestId};
use crate::base::{Flow, Instant, limits};
use crate::call::{Call, Role};
use crate::dialog::Dialog;
use crate::message::{NameAddr, Uri};
use crate::offer_answer::Negotiation;
use crate::transport::shard::tag;

/// A request of the application.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    pub(super) request: RequestId,
    pub(super) account: AccountId,
    /// The call inside whose dialog it goes, or none.
    pub(super) call: CallId,
    pub(super) options: Box<RequestOptions>,
    /// Its ground. Inside a call, a copy of the call's dialog, which alone counts the CSeq.
    pub(super) dialog: Dialog,
    /// The flow of the call.
    pub(super) flow: Option<Flow>,
    /// The peer began the call: it gets no digest for a nonce of its choice, also when the call is over meanwhile.
    pub(super) as_callee: bool,
}

impl Plain {
    pub(super) const fn about(&self) -> About {
        About { account: self.account, call: self.call, request: self.request }
    }
}

impl Agent {
    pub(super) fn command(&mut self, command: Command, now: Instant) {
        match command {
            Command::AddAccount { account, config } => {
                if self.accounts.len() >= limits::ACCOUNTS {
                    return self.event(EventKind::AccountRemoved, About::account(account), None, now);
                }
                self.accounts.insert(account, (*config).clone());
                self.share_account(account);
                if config.register {
                    self.register(account, now);
                }
            }
            Command::RemoveAccount { account } => self.remove_account(account, now),
            Command::Dial { call, account, target, options } => self.dial(call, account, &target, options, now),
            Command::Ring { call, status, early_media } => {
                self.with_call(call, None, now, |call, cx, _, out| call.ring(status, early_media, cx, now, out));
            }
            Command::Answer { call, mut options } => {
                self.fill_codecs(call, &mut options);
                self.with_call(call, None, now, |call, cx, _, out| call.answer(*options, cx, now, out));
            }
            Command::Hangup { call, status } => {
                self.with_call(call, None, now, |call, cx, _, out| call.hangup(status, cx, now, out));
            }
            Command::Hold { call, hold } => {
                self.with_call(call, None, now, |call, _, _, out| call.hold(hold, out));
            }
            Command::Media { call, order } => {
                self.with_call(call, None, now, |call, _, _, out| call.media_order(order, out));
            }
            Command::Request { request, sender: Sender::Account(account), options } => {
                self.plain_request(request, account, options, now);
            }
            Command::Request { request, sender: Sender::Call(call), options } => {
                self.request_in_call(request, call, options, now);
            }
            Command::AnswerRequest { request, answer } => self.answer_asked(request, &answer, now),
            Command::SetAuthUser { user, secret } => {
                if self.digest.as_mut().is_some_and(|digest| !digest.set_user(&user, &secret)) {
                    tracing::warn!("{} users are known: no room for one more; remove some", limits::AUTH_USERS);
                }
            }
            Command::RemoveAuthUser { user } => {
                if let Some(digest) = &mut self.digest {
                    digest.remove_user(&user);
                }
            }
            Command::Shutdown => self.shutdown(now),
            Command::Overloaded(yes) => self.overloaded = yes,
        }
    }

    fn dial(&mut self, id: CallId, account: AccountId, target: &str, mut options: Box<CallOptions>, now: Instant) {
        let about = About { account, call: id, ..About::default() };
        if self.draining {
            let refusal = (503, "the engine is shutting down; no new call can be made".to_owned());
            return self.never_dialled(refusal, about, now);
        }
        if self.calls.len() >= self.config.max_calls {
            let refusal = (503, format!("{} calls are up already: raise max_calls", self.calls.len()));
            return self.never_dialled(refusal, about, now);
        }
        let Some(dialog) = self.ground(account, target, &options.from, &options.routes) else {
            return self.never_dialled(bad_target(target), about, now);
        };
        if options.codecs.is_empty() {
            options.codecs = self.accounts.codecs(account).map(<[_]>::to_vec).unwrap_or_default();
        }
        let node = self.minter.node();
        let negotiation = Negotiation::new(self.rng.u64());
        self.by_tag.insert(dialog.local_tag().into(), id);
        let call = Call::dial((id, account, node), dialog, negotiation, options, &self.settings, now);
        self.calls.insert(id, call);
        self.start(Owner::Invite(id), now);
        self.with_call(id, None, now, |_, _, _, _| {});
    }

    fn plain_request(&mut self, request: RequestId, account: AccountId, options: Box<RequestOptions>, now: Instant) {
        let about = About { account, request, ..About::default() };
        // A registrar is asked for the address of record, not for itself (RFC 3261 s10.2).
        let is_register = options.method == "REGISTER";
        let aor = self.accounts.find(account).filter(|_| is_register).map(|a| a.config.aor.clone());
        let Some(mut dialog) = self.ground(account, aor.as_deref().unwrap_or(&options.target), "", &options.routes)
        else {
            return self.request_done(about, bad_target(&options.target), None, now);
        };
        if let (true, Some(account)) = (is_register, self.accounts.find(account)) {
            dialog.set_target(&account.target(&options.target));
        }
        let plain = Plain { request, account, call: CallId::NONE, options, dialog, flow: None, as_callee: false };
        self.start(Owner::Plain(Box::new(plain)), now);
    }

    /// A request inside the dialog of a call. RFC 3261 s12.2.1.
    fn request_in_call(&mut self, request: RequestId, call: CallId, options: Box<RequestOptions>, now: Instant) {
        let known = self.calls.get(&call);
        let about = About { account: known.map(Call::account).unwrap_or_default(), call, request };
        let Some(found) = known.filter(|c| !c.is_ending()) else {
            let gone = (481, "the call has ended: no request can go out in its dialog".to_owned());
            return self.request_done(about, gone, None, now);
        };
        if found.dialog().remote_tag().is_empty() {
            let early = "the call has no dialog yet: wait until it is answered".to_owned();
            return self.request_done(about, (481, early), None, now);
        }
        let (dialog, flow, as_callee) = (found.dialog().clone(), found.flow(), found.role() == Role::Uas);
        let plain = Plain { request, account: about.account, call, options, dialog, flow, as_callee };
        self.start(Owner::Plain(Box::new(plain)), now);
    }

    fn never_dialled(&mut self, (status, reason): (u16, String), about: About, now: Instant) {
        let outcome = Outcome { status, reason, local: true, by_peer: false };
        self.event(EventKind::CallEnded { outcome, quality: None }, about, None, now);
    }

    /// The ground of a request that starts something: who calls, whom, through what. `None` when the target is no URI.
    pub(super) fn ground(&mut self, id: AccountId, target: &str, from: &str, routes: &[String]) -> Option<Dialog> {
        let nobody;
        let account = match self.accounts.find(id) {
            Some(account) => account,
            None => {
                nobody = Account::nobody();
                &nobody
            }
        };
        let mut remote = account.target(target);
        if !remote.contains('<') {
            // Without brackets its parameters (`;transport=tcp`) would be those of the header (RFC 3261 s20).
            remote = format!("<{remote}>");
        }
        let uri = NameAddr::parse(&remote).map_or(remote.as_str(), |a| a.uri);
        Uri::parse(uri).ok()?;
        let local = if from.is_empty() { account.config.aor.clone() } else { from.to_owned() };
        let routes = if routes.is_empty() { account.routes() } else { routes.to_vec() };
        let local_tag = tag(self.config.shard, &mut self.rng);
        let call_id = self.call_id();
        let first_cseq = self.rng.below(1 << 16);
        Some(Dialog::initial(&call_id, &local_tag, &local, &remote, &routes, first_cseq))
    }

    /// A new Call-ID: 125 random bits, no host (RFC 3261 s20.8, and no address leaks).
    pub(super) fn call_id(&mut self) -> String {
        let mut out = String::with_capacity(25);
        self.rng.push_token::<25>(&mut out);
        out
    }

    fn fill_codecs(&self, call: CallId, options: &mut CallOptions) {
        if options.codecs.is_empty()
            && let Some(call) = self.calls.get(&call)
            && let Some(codecs) = self.accounts.codecs(call.account())
        {
            options.codecs = codecs.to_vec();
        }
    }

    /// Tells the other shards what they need of an account of ours.
    pub(super) fn share_account(&mut self, id: AccountId) {
        if self.config.shards <= 1 {
            return;
        }
        let account = self.accounts.find(id);
        let view = AccountView {
            id,
            config: account.map(|a| a.config.clone()),
            service_route: account.map(|a| a.service_route.clone()).unwrap_or_default(),
        };
        self.out.push_back(Output::AccountView(Box::new(view)));
    }

    pub(super) fn request_done(
        &mut self,
        about: About,
        (status, reason): (u16, String),
        raw: Option<&[u8]>,
        now: Instant,
    ) {
        let local = raw.is_none();
        let outcome = Outcome { status, reason, local, by_peer: !local };
        self.event_with(EventKind::RequestDone(outcome), about, raw, now);
    }

    /// Refuses what is new, ends what there is. RFC 3261 leaves the order open: calls first, bindings then.
    fn shutdown(&mut self, now: Instant) {
        self.draining = true;
        let mut calls: Vec<CallId> = self.calls.keys().copied().collect();
        calls.sort_unstable();
        for id in calls {
            self.with_call(id, None, now, |call, cx, _, out| call.hangup(480, cx, now, out));
        }
        self.give_up_asked(now);
        for id in self.accounts.ids() {
            self.unregister(id, now);
        }
    }
}

fn bad_target(target: &str) -> (u16, String) {
    (400, format!("{target:?} is no SIP address: write sip:user@host, or a user of the account's domain"))
}
