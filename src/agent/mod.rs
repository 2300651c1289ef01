//! Floor 7: the whole SIP stack of one shard as a value. No thread, lock, clock or socket: [`Agent::handle`] takes what happened,
//! [`Agent::poll_output`] gives what is wanted, [`Agent::next_timeout`] says when to come back.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod account;
mod actions;
mod address;
mod asked;
mod challenge;
mod command;
mod defence;
mod invite;
pub mod io;
mod keep;
mod late;
mod outgoing;
mod plain;
mod receive;
mod register;
mod reply;
mod response;
mod route;
mod timers;
mod traffic;

pub use route::route;
pub use traffic::{Carried, Traffic};

use crate::auth::DigestServer;
use crate::base::id::{AccountId, CallId, Minter, RequestId};
use crate::base::map::{IdMap, Map, Seeded, id_map, map};
use crate::base::{Flow, Instant, Pii, Rng, Schedule};
use crate::call::{Call, Settings};
use crate::guard::{Admission, Guard, Participants, Throttle};
use crate::resolve::Penalties;
use crate::transaction::{self, TransactionId, Transactions};
use crate::transport::{self, TransportConfig, Transports};
use account::Accounts;
use asked::Asked;
use bytes::Bytes;
use io::{AgentConfig, Event, EventKind, Input, Listener, Output};
use keep::Keeper;
use outgoing::{PendingAck, Running};
use std::collections::{BTreeMap, VecDeque};

/// How many of each thing an agent holds.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// Accounts, of all shards.
    pub accounts: usize,
    /// Calls that are not forgotten.
    pub calls: usize,
    /// Dialogs by our tag.
    pub dialogs: usize,
    /// Transactions, client and server.
    pub transactions: usize,
    /// Requests of ours without final result, and of peers that wait for the application.
    pub requests: usize,
    /// Streams known.
    pub streams: usize,
    /// Deadlines of calls, accounts and requests.
    pub timers: usize,
    /// Messages dropped because they could not be read or belonged to nothing.
    pub dropped: u64,
}

impl Tables {
    /// The sum, for several shards of one host.
    #[must_use]
    pub const fn plus(self, other: Tables) -> Tables {
        Tables {
            accounts: self.accounts.saturating_add(other.accounts),
            calls: self.calls.saturating_add(other.calls),
            dialogs: self.dialogs.saturating_add(other.dialogs),
            transactions: self.transactions.saturating_add(other.transactions),
            requests: self.requests.saturating_add(other.requests),
            streams: self.streams.saturating_add(other.streams),
            timers: self.timers.saturating_add(other.timers),
            dropped: self.dropped.saturating_add(other.dropped),
        }
    }

    /// Whether nothing is left of any call, request or transaction.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.calls == 0 && self.dialogs == 0 && self.transactions == 0 && self.requests == 0
    }
}

/// Who owns a transaction.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum User {
    /// A running request of ours.
    Running(u64),
    /// Nobody any more: an INVITE that was given up for another target and got a 2xx.
    GivenUp,
    /// A request of the peer: its key among merged requests, and the call that it made or belongs to.
    Server { merged: Option<u64>, call: CallId },
}

/// Whose deadline it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    Call(CallId),
    Account(AccountId),
    /// A request that waits for the application.
    Asked(RequestId),
    /// The keep-alive of a flow.
    Keep(u64),
    /// A request of ours: a silent target, a slow connection.
    Request(u64),
}

/// All signalling of one shard.
pub struct Agent {
    config: AgentConfig,
    settings: Settings,
    rng: Rng,
    minter: Minter,
    /// Keys the tags of stateless responses (RFC 3261 s8.2.7) and the table of merged requests.
    secret: Seeded,
    transports: Transports,
    transactions: Transactions,
    users: IdMap<TransactionId, User>,
    merged: IdMap<u64, TransactionId>,
    accounts: Accounts,
    calls: IdMap<CallId, Call>,
    by_tag: Map<Box<str>, CallId>,
    running: IdMap<u64, Running>,
    acks: IdMap<u64, PendingAck>,
    asked: IdMap<RequestId, Asked>,
    /// Flows with registrations on them.
    keepers: BTreeMap<Flow, Keeper>,
    keeper_numbers: BTreeMap<u64, Flow>,
    next_running: u64,
    penalties: Penalties,
    schedule: Schedule<Timer>,
    out: VecDeque<Output>,
    from_transactions: Vec<transaction::Action>,
    from_transports: Vec<transport::Action>,
    actions: Vec<crate::call::Action>,
    guard: Guard,
    admission: Admission,
    participants: Participants,
    throttle: Throttle,
    /// The time of what is being handled.
    now: Instant,
    /// Asks requests of the network for credentials.
    digest: Option<DigestServer>,
    /// The user that the request being handled proved to come from.
    proven: Option<Box<str>>,
    draining: bool,
    overloaded: bool,
    dropped: u64,
    traffic: Traffic,
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("shard", &self.config.shard)
            .field("tables", &self.tables())
            .finish_non_exhaustive()
    }
}

impl Agent {
    /// An agent with nothing to do.
    #[must_use]
    pub fn new(config: AgentConfig) -> Self {
        let mut rng = Rng::new(config.seed);
        let seed = Seeded::new(rng.u64(), rng.u64());
        let secret = Seeded::new(rng.u64(), rng.u64());
        let mut cname = String::new();
        rng.push_token::<16>(&mut cname);
        let settings = Settings {
            timers: config.timers,
            public_address: config.public_address,
            ring_timeout: config.ring_timeout,
            rtp_timeout: config.rtp_timeout,
            rtp_timeout_hangup: config.rtp_timeout_hangup,
            quality_interval: config.quality_interval,
            codecs: config.codecs.clone(),
            user_agent: config.user_agent.clone(),
            allow: crate::call::allow(&config.sip.methods),
            cname,
        };
        let mut transports = Transports::new(
            TransportConfig {
                shard: config.shard,
                listeners: config.listeners.iter().map(|l| (l.protocol, l.local)).collect(),
                public_address: config.public_address,
            },
            seed,
        );
        if config.defence.overload_control {
            transports.offer_overload_control();
        }
        let digest = config.auth.as_deref().map(|auth| DigestServer::new(auth, &mut rng));
        Agent {
            settings,
            minter: Minter::starting_at(config.engine, config.shard, config.first_serial),
            secret,
            transports,
            transactions: Transactions::new(config.timers, seed),
            users: id_map(seed),
            merged: id_map(seed),
            accounts: Accounts::default(),
            calls: id_map(seed),
            by_tag: map(seed),
            running: id_map(seed),
            acks: id_map(seed),
            asked: id_map(seed),
            keepers: BTreeMap::new(),
            keeper_numbers: BTreeMap::new(),
            next_running: 1,
            penalties: Penalties::new(config.failover),
            schedule: Schedule::new(seed),
            out: VecDeque::new(),
            from_transactions: Vec::new(),
            from_transports: Vec::new(),
            actions: Vec::new(),
            guard: Guard::new(&config.defence, config.shards, seed),
            admission: Admission::new(config.defence.overload_delay),
            participants: Participants::new(config.wall, seed),
            throttle: Throttle::new(seed),
            now: Instant::ZERO,
            digest,
            proven: None,
            draining: false,
            overloaded: false,
            dropped: 0,
            traffic: Traffic::default(),
            rng,
            config,
        }
    }

    /// Takes what happened. Then drain [`Agent::poll_output`].
    pub fn handle(&mut self, input: Input<'_>, now: Instant) {
        self.now = now;
        match input {
            // Whoever is banned is not even read.
            Input::Datagram { flow, .. } | Input::Routed { flow, .. } if self.is_banned(&flow, now) => {}
            Input::StreamData { flow, .. } if self.is_banned(&flow, now) => self.close_banned(flow),
            Input::Datagram { flow, bytes } if crate::stun::is_stun(bytes) => self.stun(flow, bytes, true, now),
            Input::Routed { flow, bytes } if crate::stun::is_stun(bytes) => self.stun(flow, bytes, false, now),
            Input::Datagram { flow, bytes } => {
                if let Some(message) = self.transports.datagram(bytes) {
                    self.receive(flow, message, true, now);
                }
            }
            Input::StreamData { flow, bytes } => self.stream_data(flow, bytes, now),
            Input::Routed { flow, bytes } => self.receive(flow, bytes, false, now),
            Input::StreamOpened { flow, opened } => {
                self.transports.stream_opened(flow, opened, now, &mut self.from_transports);
            }
            Input::StreamClosed { flow } => {
                self.transports.stream_closed(&flow);
                self.flow_lost(&flow, None, now);
                self.flow_failed(&flow, now);
            }
            Input::ConnectFailed { peer, reason } => {
                self.transports.connect_failed(&peer, &reason, &mut self.from_transports);
            }
            Input::TransmitFailed { flow, reason } => {
                tracing::debug!(reason = %Pii(&reason), "a datagram could not be sent");
                self.flow_failed(&flow, now);
            }
            Input::Resolved { token, targets, error } => self.resolved(token, targets, error, now),
            Input::Command(command) => self.command(command, now),
            Input::Media(event) => self.media_event(event, now),
            Input::Load(load) => self.load(load, now),
            Input::AccountView(view) => self.accounts.view(*view),
        }
        self.flush(now);
    }

    /// Fires what is due. Then drain [`Agent::poll_output`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.guard.handle_timeout(now);
        self.transactions.handle_timeout(now, &mut self.from_transactions);
        self.transports.handle_timeout(now, &mut self.from_transports);
        self.flush(now);
        while let Some(timer) = self.schedule.pop_due(now) {
            self.timer(timer, now);
            self.flush(now);
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`Agent::handle_timeout`] is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        let tables = [self.transactions.next_timeout(), self.transports.next_timeout(), self.schedule.next()];
        tables.into_iter().chain([self.guard.next_timeout()]).flatten().min()
    }

    /// Whether nothing is under way: no call, no request, no registration to end. An INVITE that got its 2xx stays for repeats of it
    /// (RFC 3261 s13.2.2.4) and is not waited for.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.calls.is_empty()
            && self.asked.is_empty()
            && self.running.values().all(Running::only_repeats)
            && !self.accounts.is_busy()
    }

    /// Where this agent listens.
    #[must_use]
    pub fn listeners(&self) -> &[Listener] {
        &self.config.listeners
    }

    /// Counts of all tables.
    #[must_use]
    pub fn tables(&self) -> Tables {
        Tables {
            accounts: self.accounts.len(),
            calls: self.calls.len(),
            dialogs: self.by_tag.len(),
            transactions: self.transactions.len(),
            requests: self.running.len().saturating_add(self.asked.len()),
            streams: self.transports.len(),
            timers: self.schedule.len(),
            dropped: self.dropped,
        }
    }

    /// What its signalling carried since the start, and the streams that are open.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let (retransmissions, timeouts) = self.transactions.counts();
        let mut traffic = self.traffic;
        traffic.retransmissions_sent = traffic.retransmissions_sent.saturating_add(retransmissions);
        traffic.timeouts = timeouts;
        for (carried, streams) in traffic.protocols.iter_mut().zip(self.transports.open_streams()) {
            carried.streams = streams;
        }
        traffic
    }

    fn event(&mut self, kind: EventKind, about: About, raw: Option<&[u8]>, now: Instant) {
        self.event_with(kind, about, raw.filter(|_| self.config.raw_messages), now);
    }

    /// An event that has its message in any case.
    fn event_with(&mut self, kind: EventKind, about: About, raw: Option<&[u8]>, now: Instant) {
        let message = raw.map(Bytes::copy_from_slice);
        let About { account, call, request } = about;
        let flow = self.calls.get(&call).and_then(Call::flow);
        let auth_user = self.proven.clone();
        self.out.push_back(Output::Event(Event { time: now, account, call, request, kind, auth_user, message, flow }));
    }
}

/// What an event is about.
#[derive(Copy, Clone, Debug, Default)]
struct About {
    account: AccountId,
    call: CallId,
    request: RequestId,
}

impl About {
    fn account(account: AccountId) -> Self {
        About { account, ..About::default() }
    }
}
