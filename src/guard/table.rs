//! Sources in a table of fixed size: sets of eight, each looked through as a whole. What must be forgotten for a new source is chosen in
//! its own set: strangers, the longest silent first, then banned ones; never a friend.

use super::bucket::Bucket;
use super::source::Source;
use crate::base::map::Seeded;
use crate::base::{Duration, Instant};
use std::hash::BuildHasher;

/// Sources of one set.
const WAYS: usize = 8;
/// Friends of one set: strangers always find a place.
const FRIENDS: usize = 6;
/// A friend that was not heard of for so long is one no more.
const FRIENDSHIP: Duration = Duration::from_secs(24 * 3600);

/// One source.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Entry {
    source: Option<Source>,
    pub(super) seen: Instant,
    pub(super) requests: Bucket,
    pub(super) malformed: Bucket,
    pub(super) auth_failures: Bucket,
    pub(super) banned_until: Instant,
    /// The ban is no work of forged datagrams.
    pub(super) banned_for_streams: bool,
    /// Bans that were not forgiven.
    offences: u8,
    friend_until: Option<Instant>,
}

impl Entry {
    pub(super) fn is_friend(&self, now: Instant) -> bool {
        self.friend_until.is_some_and(|until| until > now)
    }

    /// Whether it stands for everybody who found no place.
    pub(super) const fn is_shared(&self) -> bool {
        self.source.is_none()
    }

    /// Bans: `first`, and twice as long each time, up to `most`. Gives the end of the ban.
    pub(super) fn ban(&mut self, first: Duration, most: Duration, now: Instant) -> Instant {
        if now.since(self.banned_until) > most {
            self.offences = 0;
        }
        let factor = 1u32.checked_shl(u32::from(self.offences)).unwrap_or(u32::MAX);
        self.banned_until = now + first.saturating_mul(factor).min(most);
        self.offences = self.offences.saturating_add(1).min(31);
        self.banned_until
    }

    /// Whether there is nothing to remember.
    fn is_idle(&self, now: Instant, memory: Duration) -> bool {
        let forgiven = self.offences == 0 || now.since(self.banned_until) > memory;
        let quiet = self.requests.is_empty(now) && self.malformed.is_empty(now) && self.auth_failures.is_empty(now);
        !self.is_friend(now) && self.banned_until <= now && forgiven && quiet
    }

    /// What is forgotten first: the smaller.
    fn worth(&self, now: Instant) -> (u8, Instant) {
        let class = match self {
            _ if self.source.is_none() => 0,
            _ if self.is_friend(now) => 3,
            _ if self.banned_until > now => 2,
            _ => 1,
        };
        (class, self.seen)
    }
}

type Set = Box<[Entry; WAYS]>;

/// All sources of a shard.
#[derive(Debug)]
pub(super) struct Table {
    /// A set takes memory when its first source comes.
    sets: Vec<Option<Set>>,
    seed: Seeded,
    /// Stands for those who find no place among friends.
    shared: Entry,
    used: usize,
    friends: usize,
    evicted: u64,
}

impl Table {
    /// A table for `sources` sources.
    pub(super) fn new(sources: usize, seed: Seeded) -> Self {
        let sets = sources.div_ceil(WAYS).max(1);
        Table {
            sets: std::iter::repeat_with(|| None).take(sets).collect(),
            seed,
            shared: Entry::default(),
            used: 0,
            friends: 0,
            evicted: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.used
    }

    pub(super) const fn friends(&self) -> usize {
        self.friends
    }

    pub(super) const fn strangers(&self) -> usize {
        self.used.saturating_sub(self.friends)
    }

    pub(super) const fn evicted(&self) -> u64 {
        self.evicted
    }

    fn index(&self, source: Source) -> usize {
        let hash = self.seed.hash_one(source);
        usize::try_from(hash.checked_rem(self.sets.len() as u64).unwrap_or(0)).unwrap_or(0)
    }

    /// The entry of a source, if there is one.
    pub(super) fn find(&self, source: Source) -> Option<&Entry> {
        let set = self.sets.get(self.index(source))?.as_ref()?;
        set.iter().find(|entry| entry.source == Some(source))
    }

    /// The entry of a source, made if need be; the shared one when its set has no place for it.
    pub(super) fn enter(&mut self, source: Source, now: Instant) -> &mut Entry {
        let index = self.index(source);
        let Some(place) = self.sets.get_mut(index) else { return &mut self.shared };
        let set = place.get_or_insert_with(Set::default);
        if let Some(way) = set.iter().position(|entry| entry.source == Some(source)) {
            return set.get_mut(way).unwrap_or(&mut self.shared);
        }
        let Some(entry) = set.iter_mut().min_by_key(|entry| entry.worth(now)) else { return &mut self.shared };
        match entry.worth(now).0 {
            0 => self.used = self.used.saturating_add(1),
            3 => return &mut self.shared,
            _ => {
                self.evicted = self.evicted.saturating_add(1);
                if entry.friend_until.is_some() {
                    self.friends = self.friends.saturating_sub(1);
                }
            }
        }
        *entry = Entry { source: Some(source), seen: now, ..Entry::default() };
        entry
    }

    /// Makes a source a friend; a friend that was silent for longer gives up its place when a set has too many.
    pub(super) fn befriend(&mut self, source: Source, now: Instant) -> Option<&mut Entry> {
        let index = self.index(source);
        let set = self.sets.get_mut(index)?.get_or_insert_with(Set::default);
        let known = set.iter().position(|entry| entry.source == Some(source));
        let way = match known {
            Some(way) => way,
            None => {
                let friends = set.iter().filter(|entry| entry.is_friend(now)).count();
                let choice = set.iter().enumerate().filter(|(_, e)| friends < FRIENDS || e.is_friend(now));
                let (way, entry) = choice.min_by_key(|(_, entry)| entry.worth(now))?;
                if entry.source.is_some() {
                    self.evicted = self.evicted.saturating_add(1);
                    if entry.friend_until.is_some() {
                        self.friends = self.friends.saturating_sub(1);
                    }
                } else {
                    self.used = self.used.saturating_add(1);
                }
                way
            }
        };
        let entry = set.get_mut(way)?;
        if known.is_none() {
            *entry = Entry { source: Some(source), ..Entry::default() };
        }
        if entry.friend_until.is_none() {
            self.friends = self.friends.saturating_add(1);
        }
        entry.friend_until = Some(now + FRIENDSHIP);
        Some(entry)
    }

    /// Forgets who has nothing to be remembered for, and gives the memory of empty sets back.
    pub(super) fn sweep(&mut self, now: Instant, memory: Duration) {
        for place in &mut self.sets {
            let Some(set) = place else { continue };
            let mut left = false;
            for entry in set.iter_mut() {
                if entry.source.is_some() && entry.is_idle(now, memory) {
                    self.used = self.used.saturating_sub(1);
                    if entry.friend_until.is_some() {
                        self.friends = self.friends.saturating_sub(1);
                    }
                    *entry = Entry::default();
                }
                left |= entry.source.is_some();
            }
            if !left {
                *place = None;
            }
        }
    }
}
