//! Floor 8: the driver of the simulated world: virtual clock, bad network. The same [`Agent`] and the same
//! [`Stage`](crate::media::Stage) as in `engine`; also the test kit for applications.
//!
//! ```
//! use sipwright::sim::{Conditions, World};
//! let mut world = World::new(1, Conditions::BAD);
//! let a = world.host("192.0.2.1".parse().unwrap(), 1, |_| {});
//! let b = world.host("192.0.2.2".parse().unwrap(), 3, |_| {});
//! let account = world.account(a, "sip:alice@192.0.2.1");
//! let call = world.dial(a, account, "sip:bob@192.0.2.2");
//! let (host, event) = world.next_event().expect("an INVITE arrives");
//! assert_eq!(host, b);
//! # let _ = (call, event);
//! ```

#![forbid(unsafe_code)]

mod host;
mod ladder;
mod network;
mod stream;
mod watch;

pub use ladder::Ladder;
pub use network::Conditions;

use crate::agent::io::{
    AccountConfig, AgentConfig, CallOptions, Command, Event, Input, Listener, Opened, Output, Peer, RequestOptions,
    Sender,
};
use crate::agent::{Agent, Tables, Traffic};
use crate::base::id::{AccountId, CallId, Origin, RequestId};
use crate::base::{Duration, Flow, Instant, Protocol, Rng, WallClock};
use crate::resolve::zone::{DEFAULT_TTL, Zone};
use crate::resolve::{Hop, Lookup, Means, Record};
use bytes::Bytes;
use host::{Host, Media};
use network::Network;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use stream::Streams;
use watch::Watch;

/// Names a host of a world.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(usize);

/// Wall time of every simulation's start: 2026-01-01.
const START_UNIX_US: u64 = 1_767_225_600_000_000;

/// Something that will happen at a moment.
enum Happening {
    Datagram { from: SocketAddr, to: SocketAddr, bytes: Bytes },
    Rtp { from: SocketAddr, to: SocketAddr, bytes: Bytes },
    StreamOpened { host: HostId, flow: Flow, opened: Opened },
    ConnectFailed { host: HostId, shard: u8, peer: Peer },
    StreamData { host: HostId, flow: Flow, bytes: Bytes },
    StreamClosed { host: HostId, flow: Flow },
    Command { host: HostId, shard: u8, command: Box<Command> },
    Resolved { host: HostId, shard: u8, token: u64, targets: Vec<crate::agent::io::Target>, error: Option<String> },
}

struct Scheduled {
    at: Instant,
    order: u64,
    what: Happening,
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

type Script = Box<dyn FnMut(&[u8], SocketAddr, Instant) -> Vec<Vec<u8>>>;

/// Hosts, a network and a virtual clock.
pub struct World {
    now: Instant,
    rng: Rng,
    network: Network,
    hosts: Vec<Host>,
    zone: Zone,
    scripts: Vec<(IpAddr, Script)>,
    future: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
    streams: Streams,
    heard: VecDeque<(HostId, Event)>,
    ladder: Ladder,
    watch: Watch,
    serial: u64,
    /// The run ends here, so that no test hangs.
    end: Instant,
}

impl World {
    /// An empty world.
    #[must_use]
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = Rng::new(bytes);
        let network = Network::new(conditions, rng.fork());
        World {
            now: Instant::ZERO,
            rng,
            network,
            hosts: Vec::new(),
            zone: Zone::default(),
            scripts: Vec::new(),
            future: BinaryHeap::new(),
            order: 0,
            streams: Streams::default(),
            heard: VecDeque::new(),
            ladder: Ladder::new(4096),
            watch: Watch::default(),
            serial: 0,
            end: Instant::ZERO + Duration::from_secs(24 * 3600),
        }
    }

    /// Adds a host that listens on port 5060, UDP and TCP. `tweak` changes its configuration.
    pub fn host(&mut self, ip: IpAddr, shards: u8, tweak: impl Fn(&mut AgentConfig)) -> HostId {
        self.add_host(ip, shards, false, tweak)
    }

    /// A host whose calls carry real audio through a [`Stage`](crate::media::Stage).
    pub fn host_with_media(&mut self, ip: IpAddr, shards: u8, tweak: impl Fn(&mut AgentConfig)) -> HostId {
        self.add_host(ip, shards, true, tweak)
    }

    fn add_host(&mut self, ip: IpAddr, shards: u8, media: bool, tweak: impl Fn(&mut AgentConfig)) -> HostId {
        let id = HostId(self.hosts.len());
        let shards = shards.max(1);
        let agents = (0..shards).map(|shard| {
            let mut seed = [0; 32];
            self.rng.fill(&mut seed);
            let local = SocketAddr::new(ip, 5060);
            let mut config = AgentConfig {
                engine: id.0 as u8,
                shard,
                shards,
                seed,
                wall: WallClock::new(START_UNIX_US),
                user_agent: "sipwright-sim".into(),
                listeners: vec![
                    Listener { protocol: Protocol::Udp, local },
                    Listener { protocol: Protocol::Tcp, local },
                ],
                ring_timeout: Duration::from_secs(60),
                ..AgentConfig::default()
            };
            tweak(&mut config);
            Agent::new(config)
        });
        let agents = agents.collect();
        let media = if media {
            let mut seed = [0; 32];
            self.rng.fill(&mut seed);
            Media::stage(seed, WallClock::new(START_UNIX_US))
        } else {
            Media::Answering
        };
        self.hosts.push(Host::new(ip, agents, media));
        id
    }

    /// A scripted peer: answers each datagram with what `script` returns. For registrars, strange vendors and attackers.
    pub fn scripted(&mut self, ip: IpAddr, script: impl FnMut(&[u8], SocketAddr, Instant) -> Vec<Vec<u8>> + 'static) {
        self.scripts.push((ip, Box::new(script)));
    }

    /// A datagram from nowhere: strangers, attackers.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.datagram(from, to, Bytes::copy_from_slice(bytes));
    }

    /// Makes a host name resolve to addresses.
    pub fn name(&mut self, name: &str, addresses: &[IpAddr]) {
        for ip in addresses {
            let record = match ip {
                IpAddr::V4(ip) => Record::A(*ip),
                IpAddr::V6(ip) => Record::Aaaa(*ip),
            };
            self.zone.add(name, DEFAULT_TTL, record);
        }
    }

    /// Makes the names of a zone known, with NAPTR and SRV records; see [`Zone`] for its text.
    ///
    /// # Errors
    ///
    /// The line that cannot be read, and why.
    pub fn zone(&mut self, text: &str) -> Result<(), String> {
        self.zone = Zone::parse(text)?;
        Ok(())
    }

    /// Changes the network from now on.
    pub fn conditions(&mut self, conditions: Conditions) {
        self.network.conditions = conditions;
    }

    /// Cuts two addresses apart, or joins them again. Datagrams between them are lost, streams do not open, and those that are open
    /// break when something is written.
    pub fn partition(&mut self, one: IpAddr, other: IpAddr, apart: bool) {
        self.network.part(one, other, apart);
    }

    /// Virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// What was sent and heard.
    #[must_use]
    pub const fn ladder(&self) -> &Ladder {
        &self.ladder
    }

    /// Rules that messages of our agents broke: they must be readable, print to themselves, and give one final response each.
    #[must_use]
    pub fn broken_rules(&self) -> &[String] {
        self.watch.broken()
    }

    /// Messages that our agents sent.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.watch.messages()
    }

    /// Counts of all tables of a host.
    #[must_use]
    pub fn tables(&self, host: HostId) -> Tables {
        self.hosts[host.0].tables()
    }

    /// What the signalling of a host carried.
    #[must_use]
    pub fn traffic(&self, host: HostId) -> Traffic {
        self.hosts[host.0].agents.iter().map(Agent::traffic).fold(Traffic::default(), |sum, one| sum.plus(&one))
    }

    /// Whether every agent and stage of a host is idle.
    #[must_use]
    pub fn is_idle(&self, host: HostId) -> bool {
        self.hosts[host.0].is_idle()
    }

    /// Gives a command now.
    pub fn command(&mut self, host: HostId, command: Command) {
        self.command_in(Duration::ZERO, host, command);
    }

    /// Gives a command after a while.
    pub fn command_in(&mut self, after: Duration, host: HostId, command: Command) {
        let shard = host::shard_of(&command);
        for other in (0..self.hosts[host.0].agents.len() as u8).filter(|other| *other != shard) {
            if let Some(command) = command.for_every_shard() {
                self.schedule(self.now + after, Happening::Command { host, shard: other, command: Box::new(command) });
            }
        }
        self.schedule(self.now + after, Happening::Command { host, shard, command: Box::new(command) });
    }

    /// A datagram of a stranger arrives now. What is sent back reaches the scripted peer of its address, if there is one.
    pub fn deliver(&mut self, from: SocketAddr, to: SocketAddr, bytes: impl Into<Bytes>) {
        self.schedule(self.now, Happening::Datagram { from, to, bytes: bytes.into() });
    }

    /// Makes an account that does not register.
    pub fn account(&mut self, host: HostId, aor: &str) -> AccountId {
        let config = AccountConfig { aor: aor.into(), ..AccountConfig::default() };
        self.account_with(host, config)
    }

    /// Makes an account.
    pub fn account_with(&mut self, host: HostId, config: AccountConfig) -> AccountId {
        let serial = self.serial();
        let shard = self.spread(host, serial);
        let account = AccountId::new(host.0 as u8, shard, Origin::Application, serial);
        self.command(host, Command::AddAccount { account, config: Box::new(config) });
        account
    }

    /// Dials now.
    pub fn dial(&mut self, host: HostId, account: AccountId, target: &str) -> CallId {
        self.dial_in(Duration::ZERO, host, account, target, CallOptions::default())
    }

    /// Dials after a while.
    pub fn dial_in(
        &mut self,
        after: Duration,
        host: HostId,
        account: AccountId,
        target: &str,
        options: CallOptions,
    ) -> CallId {
        let serial = self.serial();
        let call = CallId::new(host.0 as u8, self.spread(host, serial), Origin::Application, serial);
        let options = Box::new(options);
        self.command_in(after, host, Command::Dial { call, account, target: target.into(), options });
        call
    }

    /// Sends a request outside of calls.
    pub fn request(&mut self, host: HostId, account: AccountId, method: &str, target: &str, body: &str) -> RequestId {
        let options = RequestOptions {
            method: method.into(),
            target: target.into(),
            content_type: if body.is_empty() { String::new() } else { "text/plain".into() },
            body: Bytes::copy_from_slice(body.as_bytes()),
            ..RequestOptions::default()
        };
        self.send_request(host, Sender::Account(account), options)
    }

    /// Sends a request of any shape, outside of calls or inside one.
    pub fn send_request(&mut self, host: HostId, sender: Sender, options: RequestOptions) -> RequestId {
        let serial = self.serial();
        let shard = match sender {
            Sender::Account(account) => account.shard(),
            Sender::Call(call) => call.shard(),
        };
        let request = RequestId::new(host.0 as u8, shard, Origin::Application, serial);
        self.command(host, Command::Request { request, sender, options: Box::new(options) });
        request
    }

    fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn spread(&self, host: HostId, serial: u64) -> u8 {
        let shards = self.hosts[host.0].agents.len() as u64;
        (serial % shards) as u8
    }

    /// Runs until an application hears something. `None` when nothing will happen any more.
    pub fn next_event(&mut self) -> Option<(HostId, Event)> {
        self.next_event_before(self.end)
    }

    /// Runs until an application hears something or `limit` is reached.
    pub fn next_event_before(&mut self, limit: Instant) -> Option<(HostId, Event)> {
        loop {
            if let Some(heard) = self.heard.pop_front() {
                return Some(heard);
            }
            if !self.step(limit) {
                return None;
            }
        }
    }

    /// Runs for a while; what applications hear waits for [`World::next_event`].
    pub fn run(&mut self, time: Duration) {
        let limit = self.now + time;
        while self.step(limit) {}
        self.now = self.now.max(limit);
    }

    fn schedule(&mut self, at: Instant, what: Happening) {
        self.order += 1;
        self.future.push(Reverse(Scheduled { at, order: self.order, what }));
    }

    /// Does the next thing that is due before `limit`. `false` when there is none.
    fn step(&mut self, limit: Instant) -> bool {
        let wire = self.future.peek().map(|Reverse(s)| s.at);
        let timer = self.hosts.iter().filter_map(Host::next_timeout).min();
        let Some(at) = [wire, timer].into_iter().flatten().min().filter(|at| *at <= limit) else { return false };
        self.now = self.now.max(at);
        if wire == Some(at) && timer.is_none_or(|t| at <= t) {
            if let Some(Reverse(next)) = self.future.pop() {
                self.happen(next.what);
            }
        } else {
            for host in 0..self.hosts.len() {
                self.hosts[host].handle_timeout(self.now);
                self.drain(HostId(host));
            }
        }
        true
    }

    fn happen(&mut self, what: Happening) {
        let now = self.now;
        match what {
            Happening::Datagram { from, to, bytes } => {
                if let Some((_, script)) = self.scripts.iter_mut().find(|(ip, _)| *ip == to.ip()) {
                    for answer in script(&bytes, from, now) {
                        self.datagram(to, from, answer.into());
                    }
                    return;
                }
                let Some(host) = self.host_at(to) else { return };
                let shard = self.network.any_shard(self.hosts[host.0].agents.len() as u8);
                self.input(host, shard, Input::Datagram { flow: Flow::udp(to, from), bytes: &bytes });
            }
            Happening::Rtp { from, to, bytes } => {
                let Some(host) = self.host_at(to) else { return };
                self.hosts[host.0].media.packet(from, to, &bytes, now);
                self.drain(host);
            }
            Happening::StreamOpened { host, flow, opened } => {
                self.every_shard(host, |_| Input::StreamOpened { flow, opened: opened.clone() });
            }
            Happening::ConnectFailed { host, shard, peer } => {
                let reason = "connection refused".to_owned();
                self.input(host, shard, Input::ConnectFailed { peer, reason });
            }
            Happening::StreamData { host, flow, bytes } => {
                self.input(host, flow.home(), Input::StreamData { flow, bytes: &bytes });
            }
            Happening::StreamClosed { host, flow } => self.every_shard(host, |_| Input::StreamClosed { flow }),
            Happening::Command { host, shard, command } => self.input(host, shard, Input::Command(*command)),
            Happening::Resolved { host, shard, token, targets, error } => {
                self.input(host, shard, Input::Resolved { token, targets, error });
            }
        }
    }

    fn host_at(&self, address: SocketAddr) -> Option<HostId> {
        self.hosts.iter().position(|h| h.ip == address.ip()).map(HostId)
    }

    fn every_shard<'a>(&mut self, host: HostId, input: impl Fn(u8) -> Input<'a>) {
        for shard in 0..self.hosts[host.0].agents.len() as u8 {
            self.input(host, shard, input(shard));
        }
    }

    fn input(&mut self, host: HostId, shard: u8, input: Input<'_>) {
        let now = self.now;
        if let Some(agent) = self.hosts[host.0].agents.get_mut(usize::from(shard)) {
            agent.handle(input, now);
        }
        self.drain(host);
    }

    /// Carries out everything that a host's agents and stage want done.
    fn drain(&mut self, host: HostId) {
        let mut idle = false;
        while !idle {
            idle = true;
            for shard in 0..self.hosts[host.0].agents.len() {
                while let Some(output) = self.hosts[host.0].agents[shard].poll_output() {
                    idle = false;
                    self.carry_out(host, shard as u8, output);
                }
            }
            while let Some(packet) = self.hosts[host.0].media.poll(self.now) {
                idle = false;
                self.media_output(host, packet);
            }
        }
    }

    fn carry_out(&mut self, host: HostId, shard: u8, output: Output) {
        let now = self.now;
        match output {
            Output::Transmit(transmit) if transmit.flow.protocol == Protocol::Udp => {
                self.watch.sent(host, &transmit.bytes);
                self.datagram(transmit.flow.local, transmit.flow.remote, transmit.bytes);
            }
            Output::Transmit(transmit) => {
                self.watch.sent(host, &transmit.bytes);
                self.stream_write(host, transmit.flow, transmit.bytes);
            }
            Output::Connect { peer } => self.connect(host, shard, peer),
            Output::Close { flow } => self.close(host, flow),
            Output::Resolve(query) => self.resolve(host, shard, &query),
            Output::Media(order) => {
                let ip = self.hosts[host.0].ip;
                self.hosts[host.0].media.order(order, ip, now);
            }
            Output::Event(event) => {
                self.ladder.event(now, host, &event);
                self.heard.push_back((host, event));
            }
            Output::Route { shard, flow, bytes } => {
                if let Some(agent) = self.hosts[host.0].agents.get_mut(usize::from(shard)) {
                    agent.handle(Input::Routed { flow, bytes: &bytes }, now);
                }
            }
            Output::AccountView(view) => {
                for (other, agent) in self.hosts[host.0].agents.iter_mut().enumerate() {
                    if other != usize::from(shard) {
                        agent.handle(Input::AccountView(view.clone()), now);
                    }
                }
            }
        }
    }

    fn datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: Bytes) {
        let mut copies = 0;
        let parted = self.network.is_parted(from.ip(), to.ip());
        for delay in self.network.datagram().filter(|_| !parted) {
            copies += 1;
            let at = self.now + delay;
            self.schedule(at, Happening::Datagram { from, to, bytes: bytes.clone() });
        }
        let fate = match copies {
            0 => "  (lost)",
            1 => "",
            _ => "  (twice)",
        };
        self.ladder.message(self.now, from, to, &bytes, fate);
    }

    fn media_output(&mut self, host: HostId, packet: host::FromMedia) {
        match packet {
            host::FromMedia::Packet { from, to, bytes } => {
                let parted = self.network.is_parted(from.ip(), to.ip());
                for delay in self.network.datagram().filter(|_| !parted) {
                    let at = self.now + delay;
                    self.schedule(at, Happening::Rtp { from, to, bytes: bytes.clone() });
                }
            }
            host::FromMedia::Event(event) => {
                let shard = event.call.shard();
                let now = self.now;
                if let Some(agent) = self.hosts[host.0].agents.get_mut(usize::from(shard)) {
                    agent.handle(Input::Media(event), now);
                }
            }
        }
    }

    fn resolve(&mut self, host: HostId, shard: u8, query: &crate::agent::io::Query) {
        let local = self.hosts[host.0].ip;
        let mut protocols: Vec<Protocol> = Vec::new();
        let listeners = self.hosts[host.0].agents.first().map(Agent::listeners).unwrap_or_default();
        for listener in listeners {
            if !protocols.contains(&listener.protocol) {
                protocols.push(listener.protocol);
            }
        }
        // Addresses of the other family are tried and never answer, as where a route leads nowhere.
        let means = Means { protocols, v4: true, v6: true };
        let mut lookup = Lookup::new(query, means, self.rng.fork(), false);
        while let Some(question) = lookup.next_question() {
            let answer = self.zone.answer(&question);
            lookup.answer(&question, answer);
        }
        let (targets, error) = match lookup.outcome() {
            Some(Ok(hops)) => {
                let target = |hop: &Hop| crate::agent::io::Target { protocol: hop.protocol, remote: hop.remote, local };
                (hops.iter().map(target).collect(), None)
            }
            Some(Err(error)) => (Vec::new(), Some(error.clone())),
            None => (Vec::new(), Some("the look-up has no end".to_owned())),
        };
        let literal = query.literal();
        let delay = if literal.is_some() { Duration::ZERO } else { Duration::from_millis(1) };
        self.schedule(self.now + delay, Happening::Resolved { host, shard, token: query.token, targets, error });
    }
}
