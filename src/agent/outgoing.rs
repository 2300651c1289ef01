//! Requests of ours under way: resolved, sent, answered, each for its owner.

use super::account::{Account, Registering};
use super::command::Plain;
use super::defence::{count, is_emergency};
use super::io::{AccountConfig, EventKind, Outcome};
use super::timers::Failure;
use super::{Agent, Timer, User, io::Output};
use crate::auth::{Credentials, DigestCache};
use crate::base::id::{AccountId, CallId};
use crate::base::map::IdMap;
use crate::base::{Flow, Instant, Protocol};
use crate::call::Role;
use crate::call::{Action, Call, Settings, contact, head};
use crate::dialog::Dialog;
use crate::guard::Priority;
use crate::message::{Method, Name, Uri, check};
use crate::request::{self, Attempt, Io, OutgoingRequest, Template};
use crate::resolve::{Query, Target};
use crate::transaction::TransactionId;
use crate::transport::{Identity, is_invalid, needs_identity};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;

/// For whom a request runs.
#[derive(Debug)]
pub(super) enum Owner {
    /// The initial INVITE of a call.
    Invite(CallId),
    /// A re-INVITE of a call.
    Reinvite(CallId),
    /// A BYE: it outlives its call.
    Bye { dialog: Box<Dialog>, account: AccountId, flow: Option<Flow>, as_callee: bool },
    /// A REGISTER.
    Register(AccountId),
    /// MESSAGE, OPTIONS and the like.
    Plain(Box<Plain>),
}

/// One request under way.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) owner: Owner,
    /// None until its targets are known (and, for an INVITE, its media).
    pub(super) request: Option<OutgoingRequest>,
    targets: Vec<Target>,
}

impl Running {
    /// An INVITE that got its 2xx, and stays for repeats of it.
    pub(super) fn only_repeats(&self) -> bool {
        matches!(self.owner, Owner::Invite(_) | Owner::Reinvite(_))
            && self.request.as_ref().is_some_and(OutgoingRequest::is_done)
    }
}

/// An ACK to a 2xx whose next hop is being resolved.
#[derive(Debug)]
pub(super) struct PendingAck {
    call: CallId,
    dialog: Box<Dialog>,
    body: Option<Bytes>,
    keep: bool,
    credentials: Vec<(Name, String)>,
}

impl Owner {
    const fn method(&self) -> Method<'_> {
        match self {
            Owner::Invite(_) | Owner::Reinvite(_) => Method::Invite,
            Owner::Bye { .. } => Method::Bye,
            Owner::Register(_) => Method::Register,
            Owner::Plain(_) => Method::Options,
        }
    }
}

impl Agent {
    /// Starts a request: asks where it goes first.
    pub(super) fn start(&mut self, owner: Owner, now: Instant) {
        let key = self.next_running;
        self.next_running = self.next_running.wrapping_add(1);
        if let Owner::Invite(id) | Owner::Reinvite(id) = &owner
            && let Some(call) = self.calls.get_mut(id)
        {
            call.set_ticket(key);
        }
        let Some((dialog, flow)) = self.ground_of(&owner) else { return };
        let next_hop = dialog.next_hop().to_owned();
        self.running.insert(key, Running { owner, request: None, targets: Vec::new() });
        match self.whereto(&next_hop, flow, key) {
            Whereto::Known(target) => self.resolved(key, vec![target], None, now),
            Whereto::Ask(query) => self.out.push_back(Output::Resolve(query)),
            Whereto::Nowhere(reason) => self.resolved(key, Vec::new(), Some(reason), now),
        }
    }

    /// The dialog that a request is written from, and the flow that its messages came or went on.
    fn ground_of<'a>(&'a self, owner: &'a Owner) -> Option<(&'a Dialog, Option<Flow>)> {
        match owner {
            Owner::Invite(id) | Owner::Reinvite(id) => self.calls.get(id).map(|call| (call.dialog(), call.flow())),
            Owner::Bye { dialog, flow, .. } => Some((dialog, *flow)),
            Owner::Register(id) => Some((&self.accounts.find(*id)?.registration.as_ref()?.dialog, None)),
            Owner::Plain(plain) => Some((&plain.dialog, plain.flow)),
        }
    }

    /// The driver knows where a request goes.
    pub(super) fn resolved(&mut self, token: u64, targets: Vec<Target>, error: Option<String>, now: Instant) {
        if let Some(ack) = self.acks.remove(&token) {
            match targets.first() {
                Some(target) => self.launch_ack(ack, target, now),
                None => tracing::debug!("an ACK has nowhere to go"),
            }
            return;
        }
        let Some(running) = self.running.get_mut(&token) else { return };
        let Some(first) = targets.first().copied() else {
            let reason = error.unwrap_or_else(|| "the name has no address".to_owned());
            return self.failed(token, 503, reason, now);
        };
        running.targets = targets;
        self.penalties.order(&mut running.targets, now);
        let first = running.targets.first().copied().unwrap_or(first);
        if let Owner::Invite(id) = running.owner {
            let mut ready = false;
            self.with_call(id, None, now, |call, cx, _, out| ready = call.prepare_invite(first.local, cx, out));
            if !ready {
                return;
            }
        }
        self.launch(token, now);
    }

    /// The media of a call that we dial is ready.
    pub(super) fn media_ready(&mut self, id: CallId, now: Instant) {
        if let Some(key) = self.calls.get(&id).map(Call::ticket) {
            self.launch(key, now);
        }
    }

    /// Sends the first try.
    fn launch(&mut self, key: u64, now: Instant) {
        let Some(running) = self.running.get(&key).filter(|running| running.request.is_none()) else { return };
        let Some((dialog, _)) = self.ground_of(&running.owner) else { return };
        // New work goes where it is wanted. RFC 7339 s5.5, s5.10: elsewhere first, and nowhere when nobody wants it.
        let fresh = matches!(running.owner, Owner::Invite(_) | Owner::Plain(_) | Owner::Register(_));
        if fresh && !self.throttle.is_empty() {
            let priority = match is_emergency(dialog.request_uri()) {
                true => Priority::High,
                false => Priority::Ordinary,
            };
            let targets = running.targets.clone();
            let wanted: Vec<Target> =
                targets.into_iter().filter(|target| self.next_hop_wants(target.remote, priority, now)).collect();
            let Some(running) = self.running.get_mut(&key) else { return };
            if wanted.is_empty() {
                count(&mut self.guard.counts.throttled);
                let reason = "the next hop asks for less traffic (overload control, RFC 7339); try again later";
                return self.failed(key, 503, reason.to_owned(), now);
            }
            running.targets = wanted;
        } else if let Some(target) = running.targets.first().filter(|_| !self.throttle.is_empty()) {
            self.throttle.sends_in_dialog(target.remote, now);
        }
        let Some(running) = self.running.get(&key) else { return };
        let Some((dialog, flow)) = self.ground_of(&running.owner) else { return };
        let account = self.account_of(&running.owner);
        let identity = self.identity(&running.targets, dialog.next_hop(), account);
        let method = match &running.owner {
            Owner::Plain(plain) => Method::from_token(&plain.options.method),
            owner => owner.method(),
        };
        let mut request = OutgoingRequest::new(method, &running.targets, identity);
        if let Some(flow) = flow.filter(|flow| flow.protocol.is_reliable()) {
            request = request.reusing(flow);
        }
        if let Some(running) = self.running.get_mut(&key) {
            running.targets = Vec::new();
            running.request = Some(request);
        }
        let outcome = self.drive(key, now, |request, printer, io| request.start(printer, io));
        self.conclude(key, outcome, None, now);
    }

    /// A response that the transaction of a running request brought.
    pub(super) fn running_response(
        &mut self,
        key: u64,
        transaction: TransactionId,
        response: &check::Response<'_, '_>,
        now: Instant,
    ) {
        let outcome =
            self.drive(key, now, |request, printer, io| request.on_response(transaction, response, printer, io));
        self.conclude(key, outcome, Some(response), now);
    }

    pub(super) fn try_failed(&mut self, key: u64, transaction: TransactionId, failure: Failure, now: Instant) {
        let outcome = self.drive(key, now, |request, printer, io| match failure {
            Failure::Timeout => request.on_timeout(transaction, printer, io),
            Failure::Transport => request.on_transport_error(transaction, printer, io),
        });
        self.conclude(key, outcome, None, now);
    }

    /// A transaction of a running request is gone. After a 2xx to an INVITE that is when no more 2xx can come; of a re-INVITE whose call is
    /// gone it is all that is heard.
    pub(super) fn try_over(&mut self, key: u64, transaction: TransactionId) {
        let last = |running: &Running| running.request.as_ref().is_some_and(|r| r.transaction() == Some(transaction));
        if self.running.get(&key).is_some_and(last)
            && let Some(Running { owner: Owner::Invite(id) | Owner::Reinvite(id), .. }) = self.running.remove(&key)
            && let Some(call) = self.calls.get_mut(&id).filter(|call| call.ticket() == key)
        {
            call.forget_ack();
        }
    }

    pub(super) fn flow_ready(&mut self, key: u64, flow: Flow, now: Instant) {
        let outcome = self.drive(key, now, |request, printer, io| request.on_ready(flow, printer, io));
        self.conclude(key, outcome, None, now);
    }

    pub(super) fn flow_unreachable(&mut self, key: u64, remote: SocketAddr, reason: &str, now: Instant) {
        let outcome = self.drive(key, now, |request, printer, io| request.on_unreachable(remote, reason, printer, io));
        self.conclude(key, outcome, None, now);
    }

    pub(super) fn request_due(&mut self, key: u64, now: Instant) {
        let outcome = self.drive(key, now, |request, printer, io| request.handle_timeout(printer, io));
        self.conclude(key, outcome, None, now);
    }

    /// The call gives up its INVITE. RFC 3261 s9.1.
    pub(super) fn cancel_invite(&mut self, id: CallId, now: Instant) {
        let Some(key) = self.calls.get(&id).map(Call::ticket) else { return };
        let started = self.running.get(&key).is_some_and(|running| running.request.is_some());
        if !started {
            return self.failed(key, 487, "cancelled before it was sent".to_owned(), now);
        }
        let outcome = self.drive(key, now, |request, _, io| request.cancel(io));
        if !matches!(outcome, request::Outcome::Provisional) {
            self.conclude(key, outcome, None, now);
        }
    }

    pub(super) fn account_of(&self, owner: &Owner) -> AccountId {
        account_of(&self.calls, owner)
    }

    /// What tells connections to a next hop apart, where its targets need that.
    fn identity(&self, targets: &[Target], next_hop: &str, account: AccountId) -> Option<Arc<Identity>> {
        if !targets.iter().any(|target| needs_identity(target.protocol)) {
            return None;
        }
        let name = Uri::parse(next_hop).map(|uri| uri.host.to_ascii_lowercase()).unwrap_or_default();
        let config = self.accounts.find(account).map(|account| &account.config);
        let of = |value: fn(&AccountConfig) -> &String| config.map(value).cloned().unwrap_or_default();
        Some(Arc::new(Identity { name, profile: of(|c| &c.tls_profile), resource: of(|c| &c.ws_path) }))
    }

    /// Lets a request act with everything that it needs.
    fn drive(
        &mut self,
        key: u64,
        now: Instant,
        act: impl FnOnce(&mut OutgoingRequest, &mut Printer<'_>, &mut Io<'_>) -> request::Outcome,
    ) -> request::Outcome {
        let Some(Running { owner, request: Some(request), .. }) = self.running.get_mut(&key) else {
            return request::Outcome::Ignored;
        };
        let account = account_of(&self.calls, owner);
        let as_callee = is_callee(&self.calls, owner);
        let initial = matches!(owner, Owner::Invite(_));
        let mut account = self.accounts.find_mut(account).map(parts);
        let user = account.as_ref().map_or("", |a| a.user);
        let subject = match owner {
            Owner::Invite(id) | Owner::Reinvite(id) => match self.calls.get_mut(id) {
                Some(call) => Subject::Call(call),
                None => return request::Outcome::Ignored,
            },
            Owner::Bye { dialog, .. } => Subject::Bye(dialog),
            Owner::Register(_) => match account.as_mut().and_then(|a| a.registration.take()) {
                Some(registering) => Subject::Register(registering),
                None => return request::Outcome::Ignored,
            },
            Owner::Plain(plain) => Subject::Plain(plain, self.calls.get_mut(&plain.call)),
        };
        let mut printer = Printer { subject, initial, user, cx: &self.settings };
        // Whoever called us must not have our digest for a nonce of its choice, unless we were told so.
        let credentials = account.as_mut().and_then(|a| {
            let credentials = a.credentials.as_ref().filter(|c| !as_callee || c.policy.as_callee)?;
            Some((credentials, &mut *a.digest))
        });
        let mut io = Io {
            transactions: &mut self.transactions,
            transports: &mut self.transports,
            actions: &mut self.from_transactions,
            wire: &mut self.from_transports,
            rng: &mut self.rng,
            shard: self.config.shard,
            udp_limit: self.config.udp_size_limit,
            account: credentials,
            waiter: key,
            penalties: &mut self.penalties,
            now,
        };
        act(request, &mut printer, &mut io)
    }

    /// What an event meant for the owner.
    fn conclude(
        &mut self,
        key: u64,
        outcome: request::Outcome,
        response: Option<&check::Response<'_, '_>>,
        now: Instant,
    ) {
        match (outcome, response) {
            (request::Outcome::Sent(transaction), _) => self.sent(key, transaction),
            (request::Outcome::Provisional, Some(response)) => {
                match self.running.get(&key).map(|running| &running.owner) {
                    Some(Owner::Invite(id)) => {
                        let id = *id;
                        self.with_call(id, Some(response.raw()), now, |call, _, _, out| {
                            call.invite_provisional(response, out);
                        });
                    }
                    // A 100 only says that the next hop is there.
                    Some(Owner::Plain(plain)) if response.code > 100 => {
                        let (about, reason) = (plain.about(), response.reason().to_owned());
                        let outcome = Outcome { status: response.code, reason, local: false, by_peer: true };
                        self.event_with(EventKind::RequestProgress(outcome), about, Some(response.raw()), now);
                    }
                    _ => {}
                }
            }
            (request::Outcome::Final(_), Some(response)) => self.finished(key, response, None, now),
            (request::Outcome::AuthFailed(status), Some(response)) => {
                let reason = format!("{}: user or password is not what the realm wants", response.reason());
                self.finished(key, response, Some((status, reason)), now);
            }
            (request::Outcome::Failed { status, reason }, _) => self.failed(key, status, reason, now),
            _ => {}
        }
        let deadline = self.running.get(&key).and_then(|running| running.request.as_ref()?.next_timeout());
        self.schedule.set(Timer::Request(key), deadline);
    }

    fn sent(&mut self, key: u64, transaction: TransactionId) {
        self.users.insert(transaction, User::Running(key));
        let flow = self.transactions.flow(transaction);
        if let Some(Running { owner: Owner::Register(id), .. }) = self.running.get(&key)
            && let Some(registering) = self.accounts.find_mut(*id).and_then(|account| account.registration.as_mut())
        {
            registering.flow = flow;
        }
        if let Some(Running { owner: Owner::Invite(id) | Owner::Reinvite(id), .. }) = self.running.get(&key)
            && let (Some(call), Some(flow)) = (self.calls.get_mut(id), flow)
        {
            call.invite_sent(flow);
        }
    }

    /// A final response: the owner reads it. `judged` replaces status and reason where we know better.
    fn finished(&mut self, key: u64, response: &check::Response<'_, '_>, judged: Option<(u16, String)>, now: Instant) {
        let (status, reason) = judged.unwrap_or_else(|| (response.code, response.reason().to_owned()));
        let outcome = Outcome { status, reason, local: false, by_peer: true };
        let success = (200..300).contains(&status);
        let raw = Some(response.raw());
        match self.running.get(&key).map(|running| &running.owner) {
            None => {}
            Some(Owner::Invite(id)) => {
                let id = *id;
                self.with_call(id, raw, now, |call, _, _, out| match success {
                    true => call.invite_success(response, now, out),
                    false => call.invite_failure(outcome, now, out),
                });
                // The transaction may bring more 2xx: from other forks, or the same again.
                if success {
                    return;
                }
                self.running.remove(&key);
            }
            Some(Owner::Reinvite(id)) => {
                let id = *id;
                let retry_after = response.retry_after_s();
                self.with_call(id, raw, now, |call, _, rng, out| match success {
                    // A repeat of what an earlier one got.
                    true if call.ticket() != key => out.push(Action::RepeatAck),
                    true => call.reinvite_success(response, now, out),
                    false => call.reinvite_failure(outcome, retry_after, rng, now, out),
                });
                if success {
                    return;
                }
                self.running.remove(&key);
            }
            Some(Owner::Bye { .. }) => {
                self.running.remove(&key);
            }
            Some(Owner::Register(account)) => {
                let account = *account;
                self.running.remove(&key);
                self.register_response(account, response, outcome, now);
            }
            Some(Owner::Plain(plain)) => {
                let about = plain.about();
                self.running.remove(&key);
                self.request_done(about, (outcome.status, outcome.reason), raw, now);
            }
        }
    }

    /// No final response, and no more tries.
    fn failed(&mut self, key: u64, status: u16, reason: String, now: Instant) {
        let Some(running) = self.running.remove(&key) else { return };
        let outcome = Outcome { status, reason, local: true, by_peer: false };
        match running.owner {
            Owner::Invite(id) => {
                self.with_call(id, None, now, |call, _, _, out| call.invite_failure(outcome, now, out));
            }
            Owner::Reinvite(id) => {
                self.with_call(id, None, now, |call, _, rng, out| call.reinvite_failure(outcome, None, rng, now, out));
            }
            Owner::Bye { .. } => {}
            Owner::Register(account) => self.register_failed(account, outcome, None, None, now),
            Owner::Plain(plain) => {
                self.request_done(plain.about(), (status, outcome.reason), None, now);
            }
        }
    }

    /// Sends the ACK to a 2xx. RFC 3261 s13.2.2.4.
    pub(super) fn send_ack(&mut self, id: CallId, dialog: Box<Dialog>, body: Option<Bytes>, keep: bool, now: Instant) {
        let Some(call) = self.calls.get(&id) else { return };
        let (flow, ticket) = (call.flow(), call.ticket());
        let request = self.running.get(&ticket).and_then(|running| running.request.as_ref());
        let credentials = request.map(|r| r.credentials().to_vec()).unwrap_or_default();
        self.ask_ack(PendingAck { call: id, dialog, body, keep, credentials }, flow, now);
    }

    /// Sends the ACK to a 2xx that belongs to no call any more.
    pub(super) fn acknowledge(&mut self, dialog: Box<Dialog>, credentials: Vec<(Name, String)>, now: Instant) {
        let call = CallId::NONE;
        self.ask_ack(PendingAck { call, dialog, body: None, keep: false, credentials }, None, now);
    }

    fn ask_ack(&mut self, ack: PendingAck, flow: Option<Flow>, now: Instant) {
        let next_hop = ack.dialog.next_hop().to_owned();
        let token = self.next_running;
        self.next_running = self.next_running.wrapping_add(1);
        match self.whereto(&next_hop, flow, token) {
            Whereto::Known(target) => self.launch_ack(ack, &target, now),
            Whereto::Ask(query) => {
                self.acks.insert(token, ack);
                self.out.push_back(Output::Resolve(query));
            }
            Whereto::Nowhere(reason) => {
                tracing::debug!(reason = %crate::base::Pii(&reason), "an ACK has nowhere to go")
            }
        }
    }

    fn launch_ack(&mut self, ack: PendingAck, target: &Target, now: Instant) {
        let call = self.calls.get(&ack.call);
        let (flow, account) = (call.and_then(Call::flow), call.map(Call::account).unwrap_or_default());
        let identity = self.identity(std::slice::from_ref(target), ack.dialog.next_hop(), account);
        let mut io = Io {
            transactions: &mut self.transactions,
            transports: &mut self.transports,
            actions: &mut self.from_transactions,
            wire: &mut self.from_transports,
            rng: &mut self.rng,
            shard: self.config.shard,
            udp_limit: self.config.udp_size_limit,
            account: None,
            waiter: 0,
            penalties: &mut self.penalties,
            now,
        };
        let user_agent = &self.settings.user_agent;
        let (dialog, body) = (&ack.dialog, ack.body.as_deref());
        let cseq = dialog.local_cseq();
        let identity = identity.as_ref();
        let (way, bytes) =
            request::send_once(target, identity, flow, cseq, &ack.credentials, &mut io, |attempt, out| {
                let w = head(dialog, "ACK", attempt, None, user_agent, out);
                w.finish(body.map(|_| "application/sdp"), body.unwrap_or_default());
            });
        if ack.keep
            && let Some(call) = self.calls.get_mut(&ack.call)
        {
            call.keep_ack(way, bytes);
        }
    }

    /// Where a URI leads: known at once when it names the peer that the dialog's flow goes to.
    fn whereto(&self, uri: &str, flow: Option<Flow>, token: u64) -> Whereto {
        let Ok(uri) = Uri::parse(uri) else {
            return Whereto::Nowhere(format!("{uri:?} is no SIP URI that a request could go to"));
        };
        let Some(query) = Query::new(token, &uri) else {
            return Whereto::Nowhere("a tel or urn URI needs an outbound proxy: set the account's `proxy`".to_owned());
        };
        match (flow, query.literal()) {
            (Some(flow), Some(ip)) if flow.remote.ip() == ip => Whereto::Known(Target {
                // `transport=ws` says nothing of TLS (RFC 7118 s5.2); the connection does.
                protocol: match (query.protocol_or_default(), flow.protocol) {
                    (Protocol::Ws, Protocol::Wss) => Protocol::Wss,
                    (protocol, _) => protocol,
                },
                remote: SocketAddr::new(ip, query.port_or_default()),
                local: flow.local.ip(),
            }),
            // A browser: it can be reached only over the connection that it opened. RFC 7118 s5.
            (Some(flow), None) if flow.protocol.is_reliable() && is_invalid(uri.host) => {
                Whereto::Known(Target { protocol: flow.protocol, remote: flow.remote, local: flow.local.ip() })
            }
            _ => Whereto::Ask(query),
        }
    }
}

fn account_of(calls: &IdMap<CallId, Call>, owner: &Owner) -> AccountId {
    match owner {
        Owner::Invite(id) | Owner::Reinvite(id) => calls.get(id).map(Call::account).unwrap_or_default(),
        Owner::Bye { account, .. } | Owner::Register(account) => *account,
        Owner::Plain(plain) => plain.account,
    }
}

/// Where a request goes.
enum Whereto {
    Known(Target),
    Ask(Query),
    Nowhere(String),
}

/// Whether it goes to a peer that started the dialog.
fn is_callee(calls: &IdMap<CallId, Call>, owner: &Owner) -> bool {
    match owner {
        Owner::Bye { as_callee, .. } => *as_callee,
        Owner::Reinvite(id) => calls.get(id).is_some_and(|call| call.role() == Role::Uas),
        Owner::Plain(plain) => plain.as_callee,
        _ => false,
    }
}

/// The parts of an account that a request works with, apart from each other.
struct Parts<'a> {
    user: &'a str,
    credentials: Option<Credentials>,
    digest: &'a mut DigestCache,
    registration: Option<&'a mut Registering>,
}

fn parts(account: &mut Account) -> Parts<'_> {
    let credentials = account.credentials();
    let Account { user, digest, registration, .. } = account;
    Parts { user, credentials, digest, registration: registration.as_mut() }
}

enum Subject<'a> {
    Call(&'a mut Call),
    Bye(&'a mut Dialog),
    Register(&'a mut Registering),
    /// With its call, where it is inside one that is still there.
    Plain(&'a mut Plain, Option<&'a mut Call>),
}

/// Prints the tries of a request.
struct Printer<'a> {
    subject: Subject<'a>,
    initial: bool,
    user: &'a str,
    cx: &'a Settings,
}

impl Printer<'_> {
    fn dialog(&self) -> &Dialog {
        match &self.subject {
            Subject::Call(call) => call.dialog(),
            Subject::Bye(dialog) => dialog,
            Subject::Register(registering) => &registering.dialog,
            Subject::Plain(plain, _) => &plain.dialog,
        }
    }

    fn dialog_mut(&mut self) -> &mut Dialog {
        match &mut self.subject {
            Subject::Call(call) => call.dialog_mut(),
            Subject::Bye(dialog) => dialog,
            Subject::Register(registering) => &mut registering.dialog,
            Subject::Plain(plain, _) => &mut plain.dialog,
        }
    }
}

impl Template for Printer<'_> {
    fn uri(&self) -> &str {
        self.dialog().request_uri()
    }

    fn body(&self) -> &[u8] {
        match &self.subject {
            Subject::Plain(plain, _) => &plain.options.body,
            Subject::Call(_) | Subject::Bye(_) | Subject::Register(_) => &[],
        }
    }

    fn next_cseq(&mut self) -> u32 {
        if let Subject::Plain(plain, Some(call)) = &mut self.subject {
            let cseq = call.dialog_mut().next_cseq();
            plain.dialog.set_local_cseq(cseq);
            return cseq;
        }
        self.dialog_mut().next_cseq()
    }

    fn write(&mut self, attempt: &Attempt<'_>, out: &mut Vec<u8>) {
        let user_agent = &self.cx.user_agent;
        match &mut self.subject {
            Subject::Call(call) if self.initial => call.write_invite(attempt, self.user, self.cx, out),
            Subject::Call(call) => call.write_reinvite(attempt, self.user, self.cx, out),
            Subject::Bye(dialog) => head(dialog, "BYE", attempt, None, user_agent, out).finish(None, b""),
            Subject::Register(registering) => {
                registering.contact = contact(attempt.contact, attempt.protocol, self.user);
                registering.asked_s = registering.machine.expires_s();
                let shown = Some(&*registering.contact);
                // RFC 6223 s4.3: we could keep this flow alive.
                let via =
                    if registering.offers_keep { format!("{};keep", attempt.via) } else { attempt.via.to_owned() };
                let attempt = &Attempt { via: &via, ..*attempt };
                let mut w = head(&registering.dialog, "REGISTER", attempt, shown, user_agent, out);
                w.header_fmt(Name::Expires, format_args!("{}", registering.asked_s));
                w.header(Name::Allow, &self.cx.allow);
                w.finish(None, b"");
            }
            Subject::Plain(plain, _) => {
                let own = contact(attempt.contact, attempt.protocol, self.user);
                let options = &plain.options;
                let given = |name| options.headers.iter().any(|(n, _)| Name::parse(n.as_bytes()) == name);
                // RFC 3428 s4, RFC 3903 s12, RFC 6086 s4: these carry no Contact.
                let none = matches!(&*options.method, "MESSAGE" | "PUBLISH" | "INFO");
                let shown = (!none && !given(Name::Contact)).then_some(&*own);
                let mut w = head(&plain.dialog, &options.method, attempt, shown, user_agent, out);
                if options.method == "OPTIONS" && !given(Name::Accept) {
                    w.header(Name::Accept, "application/sdp");
                }
                for (name, value) in &options.headers {
                    w.named(name, value);
                }
                let content_type = (!options.body.is_empty()).then_some(&*options.content_type);
                w.finish(content_type, &options.body);
            }
        }
    }
}
