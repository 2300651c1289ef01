//! What every simulated test needs.

use sipwright::agent::io::{CallOptions, Command, Event, EventKind, Outcome};
use sipwright::base::id::{AccountId, CallId};
use sipwright::base::{Duration, Instant};
use sipwright::sim::{Conditions, HostId, World};

pub const A: &str = "192.0.2.1";
pub const B: &str = "192.0.2.2";

/// Two hosts and an account on each.
pub struct Pair {
    pub world: World,
    pub a: HostId,
    pub b: HostId,
    pub alice: AccountId,
}

pub fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

impl Pair {
    pub fn new(seed: u64, conditions: Conditions, shards: (u8, u8)) -> Self {
        Self::on(seed, conditions, shards, (A, B))
    }

    pub fn on(seed: u64, conditions: Conditions, shards: (u8, u8), ips: (&str, &str)) -> Self {
        let mut world = World::new(seed, conditions);
        let a = world.host(ips.0.parse().unwrap(), shards.0, |_| {});
        let b = world.host(ips.1.parse().unwrap(), shards.1, |_| {});
        Self::with(world, a, b)
    }

    pub fn with(mut world: World, a: HostId, b: HostId) -> Self {
        let alice = world.account(a, "sip:alice@example.com");
        world.account(b, "sip:bob@example.net");
        Pair { world, a, b, alice }
    }

    pub fn dial(&mut self, target: &str) -> CallId {
        self.world.dial(self.a, self.alice, target)
    }

    /// The next event of a host that `want` picks; everything else that is heard is dropped.
    pub fn wait<T>(&mut self, host: HostId, mut want: impl FnMut(&Event) -> Option<T>) -> T {
        while let Some((at, event)) = self.world.next_event() {
            if at == host
                && let Some(found) = want(&event)
            {
                return found;
            }
        }
        for line in self.world.ladder().lines() {
            eprintln!("{line}");
        }
        panic!("the event never came");
    }

    /// The next event of any host that `want` picks.
    pub fn wait_any<T>(&mut self, mut want: impl FnMut(&Event) -> Option<T>) -> T {
        while let Some((_, event)) = self.world.next_event() {
            if let Some(found) = want(&event) {
                return found;
            }
        }
        panic!("the event never came");
    }

    pub fn incoming(&mut self) -> CallId {
        self.wait(self.b, |e| matches!(e.kind, EventKind::CallIncoming { .. }).then_some(e.call))
    }

    pub fn answer(&mut self, call: CallId) {
        self.world.command(self.b, Command::Answer { call, options: Box::new(CallOptions::default()) });
    }

    pub fn hangup(&mut self, host: HostId, call: CallId) {
        self.world.command(host, Command::Hangup { call, status: 0 });
    }

    pub fn answered(&mut self, host: HostId) -> CallId {
        self.wait(host, |e| matches!(e.kind, EventKind::CallAnswered { .. }).then_some(e.call))
    }

    pub fn ended(&mut self, host: HostId) -> Outcome {
        self.wait(host, |e| match &e.kind {
            EventKind::CallEnded { outcome, .. } => Some(outcome.clone()),
            _ => None,
        })
    }

    /// A call that is up: (ours, theirs).
    pub fn up(&mut self, target: &str) -> (CallId, CallId) {
        let ours = self.dial(target);
        let theirs = self.incoming();
        self.answer(theirs);
        // Both sides hear of it, in either order.
        let mut waiting = 2;
        while waiting > 0 {
            let (_, event) = self.world.next_event().expect("the call comes up");
            if matches!(event.kind, EventKind::CallAnswered { .. }) {
                waiting -= 1;
            }
        }
        (ours, theirs)
    }

    /// Lets every timer run out; then nothing may be left.
    pub fn all_is_gone(&mut self) {
        self.world.run(seconds(200));
        for host in [self.a, self.b] {
            let tables = self.world.tables(host);
            assert!(tables.is_empty() && self.world.is_idle(host), "{tables:?}");
        }
        assert!(self.world.broken_rules().is_empty(), "{:#?}", self.world.broken_rules());
    }
}

pub fn at(s: u64) -> Instant {
    Instant::from_micros(s * 1_000_000)
}
