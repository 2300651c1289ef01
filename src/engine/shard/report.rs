//! What a shard tells of itself: a snapshot of its tables, for [`Engine::stats`](crate::engine::Engine::stats).

use super::Shard;
use crate::base::{Duration, Instant};
use crate::engine::stats::ShardStats;
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
        let stats = ShardStats { tables: self.agent.tables() };
        if let Some(place) = self.shared.reports.get(usize::from(self.me)) {
            place.store(Arc::new(stats));
        }
    }
}
