//! A thousand worlds: calls, registrations and requests with users that do anything at any time, over networks that lose, repeat, reorder
//! and fall apart. Whatever happens, each object has one end, no rule is broken, and nothing is left.

use crate::support::seconds;
use sipwright::agent::io::{
    AccountConfig, AgentConfig, CallOptions, Command, Event, EventKind, RequestAnswer, RequestOptions, Sender,
};
use sipwright::base::id::{AccountId, CallId, RequestId};
use sipwright::base::{Duration, Instant, Rng};
use sipwright::message::{Message, Name, Writer, reason_phrase};
use sipwright::sim::{Conditions, HostId, World};
use std::collections::BTreeMap;
use std::net::IpAddr;

const REGISTRAR: &str = "192.0.2.9";
const HOSTS: [&str; 2] = ["192.0.2.1", "192.0.2.2"];
/// Things happen until then; afterwards everything is brought to its end.
const BUSY_S: u64 = 40;

/// One world and what its users know.
struct Story {
    world: World,
    rng: Rng,
    hosts: [HostId; 2],
    accounts: [AccountId; 2],
    /// Calls and requests with how often each ended.
    calls: BTreeMap<(HostId, CallId), u32>,
    requests: BTreeMap<(HostId, RequestId), u32>,
    removed: usize,
}

/// A registrar that grants what is asked, or now and then does not.
fn registrar(world: &mut World, mut rng: Rng) {
    world.scripted(REGISTRAR.parse().unwrap(), move |bytes, _, _| {
        let message = Message::parse(bytes).unwrap();
        let status = if rng.chance(0.1) { 503 } else { 200 };
        let mut out = Vec::new();
        let mut w = Writer::response(&mut out, status, reason_phrase(status));
        w.copy(&message, Name::Via).copy(&message, Name::From);
        w.header_fmt(Name::To, format_args!("{};tag=r", message.header(Name::To).unwrap()));
        w.copy(&message, Name::CallId).copy(&message, Name::CSeq);
        if status == 200 && message.expires() != Some(0) {
            let (contact, expires) = (message.header(Name::Contact).unwrap(), message.expires().unwrap());
            w.header_fmt(Name::Contact, format_args!("{contact};expires={expires}"));
        }
        w.finish(None, b"");
        vec![out]
    });
}

impl Story {
    fn new(seed: u64) -> Self {
        let mut bytes = [7; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut rng = Rng::new(bytes);
        let part = |rng: &mut Rng, most: u32| f64::from(rng.below(most + 1)) / 100.0;
        let conditions = Conditions {
            loss: part(&mut rng, 25),
            duplicate: part(&mut rng, 10),
            reorder: part(&mut rng, 15),
            ..Conditions::BAD
        };
        let mut world = World::new(seed, conditions);
        let shards = [1, 1 + rng.below(3) as u8];
        let take = |c: &mut AgentConfig| {
            c.sip.methods = vec!["INFO".into(), "REFER".into()];
            c.ring_timeout = Duration::from_secs(15);
        };
        let hosts = [0, 1].map(|n| world.host(HOSTS[n].parse().unwrap(), shards[n], take));
        registrar(&mut world, rng.fork());
        world.name("example.net", &[REGISTRAR.parse().unwrap()]);
        let accounts = [0, 1].map(|n| {
            let config = AccountConfig {
                aor: format!("sip:user{n}@example.net"),
                register: rng.chance(0.7),
                expires_s: 60,
                ..AccountConfig::default()
            };
            world.account_with(hosts[n], config)
        });
        Story { world, rng, hosts, accounts, calls: BTreeMap::new(), requests: BTreeMap::new(), removed: 0 }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.below(100) < percent
    }

    fn soon(&mut self, most_ms: u32) -> Duration {
        Duration::from_millis(u64::from(self.rng.below(most_ms)))
    }

    fn which(&self, host: HostId) -> usize {
        usize::from(host == self.hosts[1])
    }

    fn dial(&mut self) {
        let from = self.rng.below(2) as usize;
        let transport = if self.chance(25) { ";transport=tcp" } else { "" };
        let target = format!("sip:user{}@{}{transport}", 1 - from, HOSTS[1 - from]);
        let after = self.soon(20_000);
        let call = self.world.dial_in(after, self.hosts[from], self.accounts[from], &target, CallOptions::default());
        self.calls.insert((self.hosts[from], call), 0);
        // Some callers are impatient.
        if self.chance(25) {
            let at = after + self.soon(6000);
            self.world.command_in(at, self.hosts[from], Command::Hangup { call, status: 0 });
        }
    }

    fn request(&mut self, host: HostId, sender: Sender) {
        let target = match sender {
            Sender::Account(_) => format!("sip:x@{}", HOSTS[1 - self.which(host)]),
            Sender::Call(_) => String::new(),
        };
        let method = ["INFO", "REFER", "OPTIONS", "BREW"][self.rng.below(4) as usize].to_owned();
        let request =
            self.world.send_request(host, sender, RequestOptions { method, target, ..RequestOptions::default() });
        self.requests.insert((host, request), 0);
    }

    /// What a user does when something happens.
    fn react(&mut self, host: HostId, event: &Event) {
        let call = event.call;
        match &event.kind {
            EventKind::CallIncoming { .. } => {
                self.calls.insert((host, call), 0);
                if self.chance(60) {
                    let (status, early_media) = if self.chance(30) { (183, true) } else { (180, false) };
                    self.world.command(host, Command::Ring { call, status, early_media });
                }
                let after = self.soon(3000);
                if self.chance(70) {
                    self.world.command_in(after, host, Command::Answer { call, options: Box::default() });
                } else if self.chance(70) {
                    self.world.command_in(after, host, Command::Hangup { call, status: 486 });
                }
            }
            EventKind::CallAnswered { .. } => {
                for hold in [true, false] {
                    if self.chance(40) {
                        let after = self.soon(4000);
                        self.world.command_in(after, host, Command::Hold { call, hold });
                    }
                }
                if self.chance(40) {
                    self.request(host, Sender::Call(call));
                }
                if self.chance(70) {
                    let after = self.soon(8000);
                    self.world.command_in(after, host, Command::Hangup { call, status: 0 });
                }
            }
            EventKind::Request { .. } => {
                self.requests.insert((host, event.request), 0);
                if self.chance(80) {
                    let status = if self.chance(80) { 200 } else { 603 };
                    let answer = Box::new(RequestAnswer { status, ..RequestAnswer::default() });
                    let after = self.soon(2000);
                    self.world.command_in(after, host, Command::AnswerRequest { request: event.request, answer });
                }
            }
            EventKind::CallEnded { .. } => *self.calls.entry((host, call)).or_default() += 1,
            EventKind::RequestDone(_) => *self.requests.entry((host, event.request)).or_default() += 1,
            EventKind::AccountRemoved => self.removed += 1,
            _ => {}
        }
    }

    fn until(&mut self, limit: Instant) {
        while let Some((host, event)) = self.world.next_event_before(limit) {
            self.react(host, &event);
        }
    }

    /// Falls apart now and then, somewhere, for a while.
    fn live(&mut self) {
        let places: [IpAddr; 3] = [HOSTS[0], HOSTS[1], REGISTRAR].map(|ip| ip.parse().unwrap());
        let mut at = 0;
        while at < BUSY_S {
            at += 1 + u64::from(self.rng.below(12));
            self.until(Instant::from_micros(at * 1_000_000));
            let (one, other) = [(0, 1), (0, 2), (1, 2)][self.rng.below(3) as usize];
            let apart = self.chance(50);
            self.world.partition(places[one], places[other], apart);
        }
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            self.world.partition(places[one], places[other], false);
        }
    }

    fn run(mut self) {
        for _ in 0..4 + self.rng.below(5) {
            self.dial();
        }
        for n in 0..2 {
            if self.chance(50) {
                self.request(self.hosts[n], Sender::Account(self.accounts[n]));
            }
        }
        self.live();
        let open: Vec<(HostId, CallId)> = self.calls.keys().copied().collect();
        for (host, call) in open {
            self.world.command(host, Command::Hangup { call, status: 0 });
        }
        for n in 0..2 {
            self.world.command_in(seconds(1), self.hosts[n], Command::RemoveAccount { account: self.accounts[n] });
        }
        let end = self.world.now() + seconds(260);
        self.until(end);
        self.world.run(seconds(1));
        assert!(self.calls.values().chain(self.requests.values()).all(|ends| *ends == 1), "one end each");
        assert_eq!(self.removed, 2);
        for host in self.hosts {
            let tables = self.world.tables(host);
            assert!(tables.is_empty() && tables.accounts == 0 && self.world.is_idle(host), "{tables:?}");
        }
        assert!(self.world.broken_rules().is_empty(), "{:#?}", self.world.broken_rules());
    }
}

fn seeds(range: std::ops::Range<u64>) {
    for seed in range {
        let run = std::panic::AssertUnwindSafe(|| Story::new(seed).run());
        if let Err(cause) = std::panic::catch_unwind(run) {
            let text = cause.downcast_ref::<String>().map(String::as_str);
            panic!("seed {seed}: {}", text.or(cause.downcast_ref::<&str>().copied()).unwrap_or_default());
        }
    }
}

#[test]
fn a_thousand_seeds_end_with_empty_tables_first_quarter() {
    seeds(0..250);
}

#[test]
fn a_thousand_seeds_end_with_empty_tables_second_quarter() {
    seeds(250..500);
}

#[test]
fn a_thousand_seeds_end_with_empty_tables_third_quarter() {
    seeds(500..750);
}

#[test]
fn a_thousand_seeds_end_with_empty_tables_last_quarter() {
    seeds(750..1000);
}
