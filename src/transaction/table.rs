//! The table of all transactions of one shard. RFC 3261 s17.1.3, s17.2.3.

use super::client_invite::ClientInvite;
use super::client_non_invite::ClientNonInvite;
use super::key::{Key, Keys};
use super::server_invite::{Ack, ServerInvite};
use super::server_non_invite::ServerNonInvite;
use super::{Action, OnRequest, OnResponse, Sink, TransactionId, made};
use crate::base::map::{IdMap, Seeded, id_map};
use crate::base::{Duration, Flow, Instant, Schedule, Timers, limits};
use crate::message::{Method, check};
use bytes::Bytes;
use std::hash::BuildHasher;

/// Every transaction of one shard, client and server.
#[derive(Debug)]
pub struct Transactions {
    timers: Timers,
    seed: Seeded,
    keys: Keys,
    slots: Vec<Slot>,
    free: Vec<u32>,
    clients: IdMap<Key, u32>,
    servers: IdMap<Key, u32>,
    /// The newest client transaction of each flow; the others hang on it.
    flows: IdMap<u64, u32>,
    schedule: Schedule<TransactionId>,
    /// Transactions of each side at once.
    bound: usize,
    /// Messages that were sent again.
    retransmissions: u64,
    /// Transactions that ended without what they waited for.
    timeouts: u64,
}

#[derive(Debug)]
pub(super) struct Slot {
    /// Counts the users of the slot, so that an old id names nothing.
    generation: u32,
    entry: Option<Entry>,
}

#[derive(Debug)]
struct Entry {
    machine: Machine,
    flow: Flow,
    key: Key,
    scheduled: Option<Instant>,
    /// Neighbours among the client transactions of the same flow.
    newer: Option<u32>,
    older: Option<u32>,
    silent: bool,
}

#[derive(Debug)]
#[allow(clippy::enum_variant_names, reason = "the names of RFC 3261 s17")]
enum Machine {
    ClientInvite(ClientInvite),
    ClientNonInvite(ClientNonInvite),
    ServerInvite(ServerInvite),
    ServerNonInvite(ServerNonInvite),
}

impl Machine {
    fn is_client(&self) -> bool {
        matches!(self, Machine::ClientInvite(_) | Machine::ClientNonInvite(_))
    }

    fn handle_timeout(&mut self, sink: &mut Sink<'_>) {
        match self {
            Machine::ClientInvite(m) => m.handle_timeout(sink),
            Machine::ClientNonInvite(m) => m.handle_timeout(sink),
            Machine::ServerInvite(m) => m.handle_timeout(sink),
            Machine::ServerNonInvite(m) => m.handle_timeout(sink),
        }
    }

    fn transport_error(&mut self, sink: &mut Sink<'_>) {
        match self {
            Machine::ClientInvite(m) => m.transport_error(sink),
            Machine::ClientNonInvite(m) => m.transport_error(sink),
            Machine::ServerInvite(m) => m.transport_error(sink),
            Machine::ServerNonInvite(m) => m.transport_error(sink),
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        match self {
            Machine::ClientInvite(m) => m.next_timeout(),
            Machine::ClientNonInvite(m) => m.next_timeout(),
            Machine::ServerInvite(m) => m.next_timeout(),
            Machine::ServerNonInvite(m) => m.next_timeout(),
        }
    }

    fn is_terminated(&self) -> bool {
        match self {
            Machine::ClientInvite(m) => m.is_terminated(),
            Machine::ClientNonInvite(m) => m.is_terminated(),
            Machine::ServerInvite(m) => m.is_terminated(),
            Machine::ServerNonInvite(m) => m.is_terminated(),
        }
    }
}

/// Methods that a CANCEL may name by its branch without effect. It does not say which one it means.
const CANCELLABLE: [Method<'_>; 11] = [
    Method::Bye,
    Method::Options,
    Method::Register,
    Method::Message,
    Method::Info,
    Method::Update,
    Method::Prack,
    Method::Subscribe,
    Method::Notify,
    Method::Refer,
    Method::Publish,
];

const fn id_of(index: u32, generation: u32) -> TransactionId {
    TransactionId(((generation as u64) << 32) | index as u64)
}

const fn index_of(id: TransactionId) -> u32 {
    id.0 as u32
}

impl Transactions {
    /// An empty table. `seed` keys its hashes. Timer values below a millisecond are taken as a millisecond.
    #[must_use]
    pub fn new(timers: Timers, seed: Seeded) -> Self {
        let least = Duration::from_millis(1);
        let timers = Timers { t1: timers.t1.max(least), t2: timers.t2.max(least), t4: timers.t4.max(least) };
        Transactions {
            timers,
            seed,
            keys: Keys::new(seed),
            slots: Vec::new(),
            free: Vec::new(),
            clients: id_map(seed),
            servers: id_map(seed),
            flows: id_map(seed),
            schedule: Schedule::new(seed),
            bound: limits::TRANSACTIONS,
            retransmissions: 0,
            timeouts: 0,
        }
    }

    /// The timer values in use.
    #[must_use]
    pub const fn timers(&self) -> &Timers {
        &self.timers
    }

    /// Looks a request up and feeds it to its server transaction. `flow` is how it came: when a request is repeated on another stream of
    /// the same peer, its answers go there from now on.
    pub fn on_request(
        &mut self,
        request: &check::Request<'_, '_>,
        flow: Flow,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> OnRequest {
        let Some(index) = self.servers.get(&self.keys.server(request)).copied() else {
            return if request.method == Method::Cancel { self.cancelled(request) } else { OnRequest::New };
        };
        let Some(id) = self.id_at(index) else { return OnRequest::New };
        if let Some(entry) = self.entry_mut(id)
            && flow.protocol.is_reliable()
            && entry.flow.protocol == flow.protocol
            && entry.flow.remote.ip() == flow.remote.ip()
        {
            entry.flow = flow;
        }
        let is_ack = request.method == Method::Ack;
        let ack = self.drive(id, now, out, |machine, sink| match machine {
            Machine::ServerInvite(m) if is_ack => m.ack(sink),
            Machine::ServerInvite(m) => {
                m.retransmission(sink);
                Ack::Absorbed
            }
            Machine::ServerNonInvite(m) => {
                m.retransmission(sink);
                Ack::Absorbed
            }
            Machine::ClientInvite(_) | Machine::ClientNonInvite(_) => Ack::Absorbed,
        });
        match ack {
            Some(Ack::ToUser) => OnRequest::AckFor2xx(id),
            Some(Ack::Absorbed) | None => OnRequest::Absorbed,
        }
    }

    /// What a CANCEL is for: the transaction that its branch names, of any method but ACK and CANCEL. RFC 3261 s9.2.
    fn cancelled(&self, request: &check::Request<'_, '_>) -> OnRequest {
        let find = |method| self.servers.get(&self.keys.cancelled(request, method)).copied();
        match find(Method::Invite).and_then(|index| self.id_at(index)) {
            Some(invite) => OnRequest::Cancel(invite),
            None if CANCELLABLE.into_iter().any(|method| find(method).is_some()) => OnRequest::CancelWithoutEffect,
            None => OnRequest::New,
        }
    }

    /// Makes the server transaction of a request that was [`OnRequest::New`] and is no ACK. Responses go to `flow`
    /// ([`response_flow`](crate::transport::response_flow)). `trying` is a whole 100 response: it goes out when the user has not spoken
    /// for 200 ms (INVITE) or 3.5 s (others, RFC 4320 s4.1). `None` when the table is full (answer 503 statelessly) or has the request.
    pub fn new_server(
        &mut self,
        request: &check::Request<'_, '_>,
        flow: Flow,
        trying: Option<Bytes>,
        now: Instant,
    ) -> Option<TransactionId> {
        let key = self.keys.server(request);
        if request.method == Method::Ack || self.servers.len() >= self.bound || self.servers.contains_key(&key) {
            return None;
        }
        let machine = match request.method {
            Method::Invite => Machine::ServerInvite(ServerInvite::new(trying, now)),
            _ => Machine::ServerNonInvite(ServerNonInvite::new(trying, now, &self.timers)),
        };
        let id = self.insert(machine, flow, key)?;
        self.servers.insert(key, index_of(id));
        self.reschedule(id);
        Some(id)
    }

    /// Sends a response of the user. Nothing happens when the transaction is over, or its state takes no such response: a non-INVITE
    /// request never gets a 408 or a 1xx other than 100 (RFC 4320).
    pub fn respond(&mut self, id: TransactionId, status: u16, response: Bytes, now: Instant, out: &mut Vec<Action>) {
        if let Some(Entry { machine: Machine::ServerInvite(m), .. }) = self.entry(id)
            && m.is_accepted()
        {
            self.retransmissions = self.retransmissions.saturating_add(1);
        }
        self.drive(id, now, out, |machine, sink| match machine {
            Machine::ServerInvite(m) => m.respond(status, response, sink),
            Machine::ServerNonInvite(m) => m.respond(status, response, sink),
            Machine::ClientInvite(_) | Machine::ClientNonInvite(_) => {}
        });
    }

    /// Sends a request (no ACK) and waits for its responses. The branch is read from the top Via of `request`. `None` when the table is
    /// full, or the branch is missing or in use.
    pub fn new_client(
        &mut self,
        method: Method<'_>,
        request: Bytes,
        flow: Flow,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> Option<TransactionId> {
        let key = self.keys.client(made::branch(&request)?, method);
        if method == Method::Ack || self.clients.len() >= self.bound || self.clients.contains_key(&key) {
            return None;
        }
        let id = self.next_id()?;
        let mut sink = Sink { id, flow, timers: &self.timers, now, silent: false, out };
        let machine = match method {
            Method::Invite => Machine::ClientInvite(ClientInvite::new(request, &mut sink)),
            _ => Machine::ClientNonInvite(ClientNonInvite::new(request, &mut sink)),
        };
        let id = self.insert(machine, flow, key)?;
        self.clients.insert(key, index_of(id));
        self.link(id, flow);
        self.reschedule(id);
        Some(id)
    }

    /// Looks a response up and feeds it to its client transaction. The ACK to a non-2xx is made and sent here.
    pub fn on_response(
        &mut self,
        response: &check::Response<'_, '_>,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> OnResponse {
        let Some(branch) = response.via.branch() else { return OnResponse::Stray };
        let key = self.keys.client(branch, response.cseq.method);
        let Some(id) = self.clients.get(&key).copied().and_then(|index| self.id_at(index)) else {
            return OnResponse::Stray;
        };
        let silent = self.entry_mut(id).is_some_and(|entry| entry.silent);
        let to_user = self.drive(id, now, out, |machine, sink| match machine {
            Machine::ClientInvite(m) => m.response(response.code, |request| made::ack(request, response), sink),
            Machine::ClientNonInvite(m) => m.response(response.code, sink),
            Machine::ServerInvite(_) | Machine::ServerNonInvite(_) => false,
        });
        match to_user {
            Some(true) if !silent => OnResponse::ToUser(id),
            _ => OnResponse::Absorbed,
        }
    }

    /// Cancels an INVITE client transaction: sends a CANCEL, whose own transaction tells nobody anything, and gives the INVITE 64*T1 to
    /// end. RFC 3261 s9.1. False when nothing was sent: the INVITE is not there, has its final response, or has no provisional one yet
    /// (then wait for it and ask again).
    pub fn cancel(&mut self, id: TransactionId, now: Instant, out: &mut Vec<Action>) -> bool {
        let Some(entry) = self.entry(id) else { return false };
        let flow = entry.flow;
        let bytes = match &entry.machine {
            Machine::ClientInvite(m) if m.is_proceeding() => m.request().and_then(|request| made::cancel(request)),
            _ => None,
        };
        let Some(bytes) = bytes else { return false };
        let Some(cancel) = self.new_client(Method::Cancel, bytes, flow, now, out) else { return false };
        if let Some(entry) = self.entry_mut(cancel) {
            entry.silent = true;
        }
        let timers = self.timers;
        if let Some(Entry { machine: Machine::ClientInvite(m), .. }) = self.entry_mut(id) {
            m.cancelled(now, &timers);
        }
        self.reschedule(id);
        true
    }

    /// The transport could not send for this transaction. A client transaction ends; a server transaction only tells its user.
    pub fn transport_error(&mut self, id: TransactionId, now: Instant, out: &mut Vec<Action>) {
        self.drive(id, now, out, |machine, sink| machine.transport_error(sink));
    }

    /// The client transactions whose requests went over this flow: those to fail when it breaks. Newest first. For datagrams any local
    /// address counts.
    #[must_use]
    pub fn clients_on(&self, flow: &Flow) -> Vec<TransactionId> {
        let mut found = Vec::new();
        let mut next = self.flows.get(&self.flow_key(flow)).copied();
        while let Some(index) = next {
            let Some(id) = self.id_at(index) else { break };
            found.push(id);
            next = self.entry(id).and_then(|entry| entry.older);
        }
        found
    }

    /// The flow of a transaction.
    #[must_use]
    pub fn flow(&self, id: TransactionId) -> Option<Flow> {
        self.entry(id).map(|entry| entry.flow)
    }

    /// Whether the transaction is there.
    #[must_use]
    pub fn contains(&self, id: TransactionId) -> bool {
        self.entry(id).is_some()
    }

    /// The user of a client transaction gives it up: nothing of it is told any more. A transaction without final response is forgotten
    /// at once; one with a final response lives on to acknowledge repeats.
    pub fn forget_client(&mut self, id: TransactionId) {
        let Some(entry) = self.entry_mut(id) else { return };
        match &entry.machine {
            Machine::ClientInvite(m) if m.request().is_none() => entry.silent = true,
            Machine::ClientInvite(_) | Machine::ClientNonInvite(_) => self.remove(id),
            Machine::ServerInvite(_) | Machine::ServerNonInvite(_) => {}
        }
    }

    /// The user of an INVITE client transaction that got no response goes on to another target: the INVITE is repeated no more, but
    /// responses that come late are still told, so that a provisional one can be cancelled and a 2xx be acknowledged and ended.
    pub fn give_up(&mut self, id: TransactionId) {
        if let Some(Entry { machine: Machine::ClientInvite(m), .. }) = self.entry_mut(id) {
            m.give_up();
        }
        self.reschedule(id);
    }

    /// Fires every timer that is due.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        while let Some(id) = self.schedule.pop_due(now) {
            if let Some(entry) = self.entry_mut(id) {
                entry.scheduled = None;
            }
            let before = out.len();
            self.drive(id, now, out, |machine, sink| machine.handle_timeout(sink));
            self.count(out.get(before..).unwrap_or_default());
        }
    }

    /// Messages that timers sent again, and transactions that timed out, since the start.
    #[must_use]
    pub const fn counts(&self) -> (u64, u64) {
        (self.retransmissions, self.timeouts)
    }

    /// Counts what a timer led to. A 100 is no repeat.
    fn count(&mut self, fired: &[Action]) {
        for action in fired {
            match action {
                Action::Transmit(transmit) if !transmit.bytes.starts_with(b"SIP/2.0 100") => {
                    self.retransmissions = self.retransmissions.saturating_add(1);
                }
                Action::Timeout(_) => self.timeouts = self.timeouts.saturating_add(1),
                _ => {}
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.schedule.next()
    }

    /// Transactions in the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.len().saturating_add(self.servers.len())
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty() && self.servers.is_empty()
    }

    /// The name of a transaction's state, as the RFC's figures have it.
    #[cfg(test)]
    pub(super) fn state(&self, id: TransactionId) -> String {
        let Some(entry) = self.entry(id) else { return "Terminated".to_owned() };
        let text = format!("{:?}", entry.machine);
        let (_, state) = text.split_once("state: ").unwrap_or_default();
        state.chars().take_while(|c| c.is_ascii_alphabetic()).collect()
    }

    /// A table with a lower bound.
    #[cfg(test)]
    pub(super) const fn bounded(mut self, bound: usize) -> Self {
        self.bound = bound;
        self
    }

    /// Slots ever made.
    #[cfg(test)]
    pub(super) const fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Runs a machine, then notes its next timer or buries it.
    fn drive<R>(
        &mut self,
        id: TransactionId,
        now: Instant,
        out: &mut Vec<Action>,
        run: impl FnOnce(&mut Machine, &mut Sink<'_>) -> R,
    ) -> Option<R> {
        let timers = self.timers;
        let entry = self.entry_mut(id)?;
        let silent = entry.silent;
        let mut sink = Sink { id, flow: entry.flow, timers: &timers, now, silent, out };
        let result = run(&mut entry.machine, &mut sink);
        if entry.machine.is_terminated() {
            self.remove(id);
            if !silent {
                out.push(Action::Terminated(id));
            }
        } else {
            self.reschedule(id);
        }
        Some(result)
    }

    fn reschedule(&mut self, id: TransactionId) {
        let Some(entry) = self.entry_mut(id) else { return };
        let next = entry.machine.next_timeout();
        if entry.scheduled != next {
            entry.scheduled = next;
            self.schedule.set(id, next);
        }
    }

    fn next_id(&self) -> Option<TransactionId> {
        match self.free.last() {
            Some(index) => self.slots.get(*index as usize).map(|slot| id_of(*index, slot.generation)),
            None => u32::try_from(self.slots.len()).ok().map(|index| id_of(index, 1)),
        }
    }

    fn insert(&mut self, machine: Machine, flow: Flow, key: Key) -> Option<TransactionId> {
        let id = self.next_id()?;
        let entry = Entry { machine, flow, key, scheduled: None, newer: None, older: None, silent: false };
        match self.free.pop() {
            Some(index) => self.slots.get_mut(index as usize)?.entry = Some(entry),
            None => self.slots.push(Slot { generation: 1, entry: Some(entry) }),
        }
        Some(id)
    }

    fn remove(&mut self, id: TransactionId) {
        let index = index_of(id);
        let Some(entry) = self.slot_mut(id).and_then(|slot| slot.entry.take()) else { return };
        if entry.machine.is_client() {
            self.clients.remove(&entry.key);
            self.unlink(index, &entry);
        } else {
            self.servers.remove(&entry.key);
        }
        if entry.scheduled.is_some() {
            self.schedule.set(id, None);
        }
        if let Some(slot) = self.slots.get_mut(index as usize) {
            // A slot whose counter is used up is not used again: ids never repeat.
            if let Some(next) = slot.generation.checked_add(1) {
                slot.generation = next;
                self.free.push(index);
            }
        }
    }

    fn flow_key(&self, flow: &Flow) -> u64 {
        self.seed.hash_one((flow.protocol, flow.connection, flow.remote))
    }

    fn link(&mut self, id: TransactionId, flow: Flow) {
        let index = index_of(id);
        let older = self.flows.insert(self.flow_key(&flow), index);
        if let Some(entry) = self.at_mut(older) {
            entry.newer = Some(index);
        }
        if let Some(entry) = self.entry_mut(id) {
            entry.older = older;
        }
    }

    fn unlink(&mut self, index: u32, entry: &Entry) {
        if let Some(older) = self.at_mut(entry.older) {
            older.newer = entry.newer;
        }
        if let Some(newer) = self.at_mut(entry.newer) {
            newer.older = entry.older;
            return;
        }
        let key = self.flow_key(&entry.flow);
        match entry.older {
            Some(older) => {
                self.flows.insert(key, older);
            }
            None => {
                if self.flows.get(&key) == Some(&index) {
                    self.flows.remove(&key);
                }
            }
        }
    }

    fn slot_mut(&mut self, id: TransactionId) -> Option<&mut Slot> {
        self.slots.get_mut(index_of(id) as usize).filter(|slot| id_of(index_of(id), slot.generation) == id)
    }

    fn entry(&self, id: TransactionId) -> Option<&Entry> {
        let slot = self.slots.get(index_of(id) as usize)?;
        slot.entry.as_ref().filter(|_| id_of(index_of(id), slot.generation) == id)
    }

    fn entry_mut(&mut self, id: TransactionId) -> Option<&mut Entry> {
        self.slot_mut(id)?.entry.as_mut()
    }

    fn at_mut(&mut self, index: Option<u32>) -> Option<&mut Entry> {
        self.slots.get_mut(index? as usize)?.entry.as_mut()
    }

    fn id_at(&self, index: u32) -> Option<TransactionId> {
        let slot = self.slots.get(index as usize)?;
        slot.entry.as_ref().map(|_| id_of(index, slot.generation))
    }
}
