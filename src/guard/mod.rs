//! Floor 2: what a shard lets in. Rates and bans per source, the application's filter, admission by load (RFC 7339 s5.10.2) and overload
//! control in both roles (RFC 7339, RFC 7415).
//!
//! A value without clock or socket like everything below the drivers. All of it is bounded: a million forged sources neither grow the
//! table nor push out a source that calls have come up with.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod admission;
mod bucket;
mod config;
mod filter;
mod participant;
mod scanner;
mod source;
mod table;
mod throttle;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests;

pub use admission::{Admission, Load, Priority};
pub use config::{DefenceConfig, Rate};
pub use filter::{Decision, Filter, Incoming};
pub use participant::Participants;
pub use scanner::is_scanner;
pub use throttle::Throttle;

use crate::base::Network;
use crate::base::map::Seeded;
use crate::base::{Duration, Instant, limits};
use bucket::{Limit, Taken};
use source::Source;
use std::net::IpAddr;
use table::{Entry, Table};

/// What the guard turned away, and how full its table is.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages of banned sources, dropped before they were read.
    pub banned: u64,
    /// New requests above their source's rate, dropped.
    pub over_rate: u64,
    /// Messages that break the rules above their source's rate: dropped without an answer.
    pub malformed: u64,
    /// Failed authentications above their source's rate: dropped without an answer.
    pub auth_failures: u64,
    /// Requests of scanners, dropped because the configuration says so.
    pub scanners: u64,
    /// Requests that the application's filter dropped.
    pub filter_dropped: u64,
    /// Requests that the application's filter refused.
    pub filter_rejected: u64,
    /// Failures of the application's filter; the request got 500.
    pub filter_failures: u64,
    /// New requests refused with 503 because of load.
    pub refused_load: u64,
    /// New requests refused with 503 because the engine is closing or its application is behind.
    pub refused_closing: u64,
    /// New requests refused with 503 because a table was full.
    pub refused_full: u64,
    /// Requests of ours not sent because the next hop asked for less (RFC 7339).
    pub throttled: u64,
    /// Bans since the start.
    pub bans: u64,
    /// Sources known now.
    pub sources: u64,
    /// Sources among them that calls or registrations have come up with.
    pub friends: u64,
    /// Sources forgotten because newer ones took their place.
    pub evicted: u64,
    /// Per cent of strangers' new requests that are refused because of load now; of several shards the largest.
    pub loss_percent: u64,
}

impl Counts {
    /// The sum, for several shards.
    #[must_use]
    pub const fn plus(self, other: Counts) -> Counts {
        Counts {
            banned: self.banned.saturating_add(other.banned),
            over_rate: self.over_rate.saturating_add(other.over_rate),
            malformed: self.malformed.saturating_add(other.malformed),
            auth_failures: self.auth_failures.saturating_add(other.auth_failures),
            scanners: self.scanners.saturating_add(other.scanners),
            filter_dropped: self.filter_dropped.saturating_add(other.filter_dropped),
            filter_rejected: self.filter_rejected.saturating_add(other.filter_rejected),
            filter_failures: self.filter_failures.saturating_add(other.filter_failures),
            refused_load: self.refused_load.saturating_add(other.refused_load),
            refused_closing: self.refused_closing.saturating_add(other.refused_closing),
            refused_full: self.refused_full.saturating_add(other.refused_full),
            throttled: self.throttled.saturating_add(other.throttled),
            bans: self.bans.saturating_add(other.bans),
            sources: self.sources.saturating_add(other.sources),
            friends: self.friends.saturating_add(other.friends),
            evicted: self.evicted.saturating_add(other.evicted),
            loss_percent: if self.loss_percent > other.loss_percent { self.loss_percent } else { other.loss_percent },
        }
    }
}

/// How a message came: whether its source address is proven by a connection.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A datagram: anybody may have written the source address.
    Forgeable,
    /// A stream, or a datagram that repeats something which only the owner of the address could know (a nonce of ours).
    Proven,
}

/// Who is not banned for it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Spare {
    /// Friends: a proxy passes on what others send.
    Friends,
    /// Friends, when somebody else may have sent it to hurt them.
    Forged,
}

/// Time between two looks for sources that can be forgotten.
const SWEEP: Duration = Duration::from_secs(5);
/// A friend's rate is so many times a stranger's.
const FRIEND_FACTOR: u32 = 10;

/// Rates, bans and friends of one shard.
#[derive(Debug)]
pub struct Guard {
    requests: Option<Limit>,
    requests_friend: Option<Limit>,
    malformed: Option<Limit>,
    auth_failures: Option<Limit>,
    ban: Duration,
    ban_max: Duration,
    allow: Vec<Network>,
    table: Table,
    /// No ban lasts longer than this: most of the time nobody is banned, and nothing is looked up.
    bans_end: Instant,
    next_sweep: Option<Instant>,
    /// What was turned away; the driver of the guard adds what it decides itself.
    pub counts: Counts,
}

impl Guard {
    /// A guard that knows nobody. `shards` share the rates between them; `seed` keys the table's hash.
    #[must_use]
    pub fn new(config: &DefenceConfig, shards: u8, seed: Seeded) -> Self {
        Guard {
            requests: Limit::new(config.requests, shards),
            requests_friend: Limit::new(config.requests.times(FRIEND_FACTOR), shards),
            malformed: Limit::new(config.malformed, shards),
            auth_failures: Limit::new(config.auth_failures, shards),
            ban: config.ban,
            ban_max: config.ban_max.max(config.ban),
            allow: config.allow.clone(),
            table: Table::new(limits::GUARD_SOURCES, seed),
            bans_end: Instant::ZERO,
            next_sweep: None,
            counts: Counts::default(),
        }
    }

    /// Whether messages of `ip` are dropped unread. Costs a comparison while nobody is banned. A ban that datagrams brought, which
    /// somebody else may have forged, is one for datagrams only.
    pub fn is_banned(&mut self, ip: IpAddr, proof: Proof, now: Instant) -> bool {
        if now >= self.bans_end {
            return false;
        }
        let holds = |entry: &Entry| entry.banned_until > now && (proof == Proof::Forgeable || entry.banned_for_streams);
        let banned = self.table.find(Source::of(ip)).is_some_and(holds) && !self.allows(ip);
        if banned {
            self.counts.banned = self.counts.banned.saturating_add(1);
        }
        banned
    }

    /// A new request outside of any dialog: whether it may go on. When not, it is dropped without a word.
    pub fn request(&mut self, ip: IpAddr, proof: Proof, now: Instant) -> bool {
        let (Some(limit), Some(friend)) = (self.requests, self.requests_friend) else { return true };
        let kept = self.take(ip, proof, Spare::Friends, now, |entry, now| {
            let limit = if entry.is_friend(now) { friend } else { limit };
            entry.requests.take(limit, now)
        });
        if !kept {
            self.counts.over_rate = self.counts.over_rate.saturating_add(1);
        }
        kept
    }

    /// A message that breaks the rules: whether it may be answered. Many of them bring a ban.
    pub fn malformed(&mut self, ip: IpAddr, proof: Proof, now: Instant) -> bool {
        let Some(limit) = self.malformed else { return true };
        let kept = self.take(ip, proof, Spare::Friends, now, |entry, now| entry.malformed.take(limit, now));
        if !kept {
            self.counts.malformed = self.counts.malformed.saturating_add(1);
        }
        kept
    }

    /// Credentials that were wrong: whether the failure may be answered. Many of them bring a ban, for friends too when the credentials
    /// were made for a nonce of ours ([`Proof::Proven`]).
    pub fn auth_failed(&mut self, ip: IpAddr, proof: Proof, now: Instant) -> bool {
        let Some(limit) = self.auth_failures else { return true };
        let kept = self.take(ip, proof, Spare::Forged, now, |entry, now| entry.auth_failures.take(limit, now));
        if !kept {
            self.counts.auth_failures = self.counts.auth_failures.saturating_add(1);
        }
        kept
    }

    /// A call or a registration came up with `ip`, which proves the address: strangers cannot push it out of the table any more, its
    /// rate is ten times a stranger's, and forged datagrams cannot get it banned.
    pub fn befriend(&mut self, ip: IpAddr, now: Instant) {
        if self.requests.is_none() && self.malformed.is_none() && self.auth_failures.is_none() {
            return;
        }
        if let Some(entry) = self.table.befriend(Source::of(ip), now) {
            entry.seen = now;
        }
        self.plan(now);
    }

    /// Forgets sources that have nothing to be remembered for.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.next_sweep.is_some_and(|at| at <= now) {
            self.table.sweep(now, self.ban_max);
            self.next_sweep = None;
            self.plan(now);
        }
    }

    /// When [`Guard::handle_timeout`] is due.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// What was turned away, and how full the table is.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            sources: self.table.len() as u64,
            friends: self.table.friends() as u64,
            evicted: self.table.evicted(),
            ..self.counts
        }
    }

    /// Whether `ip` is on the list of those that are never limited.
    #[must_use]
    pub fn allows(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.allow.iter().any(|network| network.contains(ip))
    }

    /// Whether calls or registrations have come up with `ip`, or the configuration trusts it.
    #[must_use]
    pub fn trusts(&self, ip: IpAddr, now: Instant) -> bool {
        self.allows(ip) || self.table.find(Source::of(ip)).is_some_and(|entry| entry.is_friend(now))
    }

    fn take(
        &mut self,
        ip: IpAddr,
        proof: Proof,
        spare: Spare,
        now: Instant,
        take: impl FnOnce(&mut Entry, Instant) -> Taken,
    ) -> bool {
        if self.allows(ip) {
            return true;
        }
        let (ban, ban_max) = (self.ban, self.ban_max);
        let entry = self.table.enter(Source::of(ip), now);
        entry.seen = now;
        let spared = entry.is_friend(now) && (spare == Spare::Friends || proof == Proof::Forgeable);
        let taken = take(entry, now);
        let already = entry.banned_until > now;
        if taken == Taken::Overdrawn && !spared && !already && !ban.is_zero() && !entry.is_shared() {
            let until = entry.ban(ban, ban_max, now);
            entry.banned_for_streams = proof == Proof::Proven;
            self.bans_end = self.bans_end.max(until);
            self.counts.bans = self.counts.bans.saturating_add(1);
        }
        self.plan(now);
        taken == Taken::Within
    }

    fn plan(&mut self, now: Instant) {
        if self.next_sweep.is_none() && self.table.strangers() > 0 {
            self.next_sweep = Some(now + SWEEP);
        }
    }
}
