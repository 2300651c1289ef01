//! What an engine tells of itself in one look: counts since the start, how full its tables are, and their bounds.
//!
//! Every figure has one name, the same in C, in Python and on the command line. What is added later comes at the end.

use super::counters::Counters;
use crate::agent::{Tables, Traffic};
use crate::base::limits;
use crate::guard::Counts;

/// What the signalling threads tell of themselves: the sum of their tables.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardStats {
    pub(crate) tables: Tables,
    pub(crate) traffic: Traffic,
    pub(crate) queues: Queues,
    pub(crate) defence: Counts,
}

/// What waits in the signalling threads.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Queues {
    /// Commands of the application.
    pub commands: usize,
    /// Datagrams for sockets that were full.
    pub datagrams: usize,
    /// Bytes for streams whose peers do not read.
    pub stream_bytes: usize,
}

impl ShardStats {
    pub(crate) fn plus(self, other: ShardStats) -> ShardStats {
        ShardStats {
            tables: self.tables.plus(other.tables),
            traffic: self.traffic.plus(&other.traffic),
            queues: Queues {
                commands: self.queues.commands + other.queues.commands,
                datagrams: self.queues.datagrams + other.queues.datagrams,
                stream_bytes: self.queues.stream_bytes + other.queues.stream_bytes,
            },
            defence: self.defence.plus(other.defence),
        }
    }
}

/// A look at an engine: [`Engine::stats`](super::Engine::stats).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Counts since the engine started.
    pub counters: Counters,
    /// How many of each thing its signalling threads hold, together.
    pub tables: Tables,
    /// What was turned away, and how full the table of sources is.
    pub defence: Counts,
    /// Accounts, calls and requests whose ids are alive.
    pub objects: usize,
    /// Events that wait for delivery.
    pub events_waiting: usize,
    /// The most calls at once.
    pub calls_max: usize,
    /// The most transactions of each side at once.
    pub transactions_max: usize,
    /// The most streams at once.
    pub streams_max: usize,
    /// What signalling carried, by protocol, and what of it was said more than once.
    pub traffic: Traffic,
    /// What waits in the signalling threads.
    pub queues: Queues,
    /// The most sources remembered at once.
    pub sources_max: usize,
}

impl Stats {
    pub(crate) fn new(counters: Counters, sum: ShardStats, shards: usize, calls_max: usize) -> Stats {
        Stats {
            counters,
            tables: sum.tables,
            traffic: sum.traffic,
            queues: sum.queues,
            defence: sum.defence,
            objects: 0,
            events_waiting: 0,
            calls_max,
            transactions_max: limits::TRANSACTIONS.saturating_mul(shards),
            streams_max: limits::STREAMS.saturating_mul(shards),
            sources_max: limits::GUARD_SOURCES.saturating_mul(shards),
        }
    }

    /// Every figure with its name, in an order that only grows at its end.
    #[must_use]
    pub fn list(&self) -> Vec<(&'static str, u64)> {
        let t = &self.tables;
        let mut list = vec![
            ("objects", self.objects as u64),
            ("events_waiting", self.events_waiting as u64),
            ("accounts", t.accounts as u64),
            ("calls", t.calls as u64),
            ("calls_max", self.calls_max as u64),
            ("dialogs", t.dialogs as u64),
            ("transactions", t.transactions as u64),
            ("transactions_max", self.transactions_max as u64),
            ("requests", t.requests as u64),
            ("streams", t.streams as u64),
            ("streams_max", self.streams_max as u64),
            ("timers", t.timers as u64),
            ("messages_dropped", t.dropped),
        ];
        list.extend(self.counters.list());
        for (names, carried) in PROTOCOLS.iter().zip(&self.traffic.protocols) {
            let values = [
                carried.messages_received,
                carried.messages_sent,
                carried.bytes_received,
                carried.bytes_sent,
                carried.streams,
            ];
            list.extend(names.iter().copied().zip(values));
        }
        list.extend([
            ("retransmissions_sent", self.traffic.retransmissions_sent),
            ("retransmissions_received", self.traffic.retransmissions_received),
            ("timeouts", self.traffic.timeouts),
            ("messages_unreadable", self.traffic.unreadable),
            ("commands_waiting", self.queues.commands as u64),
            ("datagrams_waiting", self.queues.datagrams as u64),
            ("stream_bytes_waiting", self.queues.stream_bytes as u64),
        ]);
        let d = &self.defence;
        list.extend([
            ("banned", d.banned),
            ("over_rate", d.over_rate),
            ("malformed", d.malformed),
            ("auth_failures", d.auth_failures),
            ("scanners", d.scanners),
            ("filter_dropped", d.filter_dropped),
            ("filter_rejected", d.filter_rejected),
            ("filter_failures", d.filter_failures),
            ("refused_load", d.refused_load),
            ("refused_closing", d.refused_closing),
            ("refused_full", d.refused_full),
            ("throttled", d.throttled),
            ("bans", d.bans),
            ("sources", d.sources),
            ("sources_max", self.sources_max as u64),
            ("friends", d.friends),
            ("sources_evicted", d.evicted),
            ("loss_percent", d.loss_percent),
        ]);
        list
    }
}

macro_rules! names {
    ($($protocol:literal),*) => {
        /// The names of the figures of each protocol, in the order of `Traffic`; datagrams have no streams.
        const PROTOCOLS: [&[&str]; 5] = [
            &["udp_messages_received", "udp_messages_sent", "udp_bytes_received", "udp_bytes_sent"],
            $(&[
                concat!($protocol, "_messages_received"),
                concat!($protocol, "_messages_sent"),
                concat!($protocol, "_bytes_received"),
                concat!($protocol, "_bytes_sent"),
                concat!($protocol, "_streams"),
            ],)*
        ];
    };
}

names!("tcp", "tls", "ws", "wss");

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_figure_has_a_name_of_its_own() {
        let list = Stats::default().list();
        let names: BTreeSet<&str> = list.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), list.len());
        assert!(names.contains("datagrams_received") && names.contains("transactions_max"));
    }

    #[test]
    fn shards_add_up() {
        let tables = Tables { calls: 2, dropped: 3, ..Tables::default() };
        let traffic = Traffic { timeouts: 5, ..Traffic::default() };
        let one = ShardStats { tables, traffic, ..ShardStats::default() };
        let stats = Stats::new(Counters::default(), one.plus(one), 2, 10);
        assert_eq!((stats.tables.calls, stats.tables.dropped, stats.traffic.timeouts), (4, 6, 10));
        assert_eq!(stats.transactions_max, 2 * limits::TRANSACTIONS);
    }
}
