//! What a shard tells of itself: a snapshot of its tables, for [`Engine::stats`](crate::engine::Engine::stats).

use super::Shard;
use crate::base::{Duration, Instant};
use crate::engine::net::udp::SendQueue;
use crate::engine::stats::{Queues, ShardStats};
use std::sync::Arc;

/// A snapshot is no older than this while the shard is busy.
const INTERVAL: Duration = Duration::from_millis(100);

impl Shard {
    /// Takes a snapshot when the last one is old.
    pub(super) fn report(&mut self, now: Instant) {
        if now.since(self.reported) >= INTERVAL {
            self.publish(now);
        }
    }

    /// Takes a snapshot.
    pub(super) fn publish(&mut self, now: Instant) {
        self.reported = now;
        let queues = Queues {
            commands: self.shared.inbox(self.me).commands(),
            datagrams: self.sends.iter().map(SendQueue::len).sum(),
            stream_bytes: self.streams.queued(),
        };
        let traffic = self.past.plus(&self.agent.traffic());
        let stats = ShardStats { tables: self.agent.tables(), traffic, queues, defence: self.agent.defence() };
        if let Some(place) = self.shared.reports.get(usize::from(self.me)) {
            place.store(Arc::new(stats));
        }
    }
}
