//! How loaded a signalling thread is, for admission (RFC 7339 s5.10.2): what waits in its sockets, in its timers and for the application.

use super::Shard;
use crate::agent::io::{Input, Load};
use crate::base::{Duration, Instant};
use crate::engine::net::batch;
use crate::engine::net::udp::Socket;
use std::os::fd::AsFd;

/// Time between two measurements.
const INTERVAL: Duration = Duration::from_millis(10);
/// What the kernel takes for one SIP datagram, with its own overhead: between 1,280 and 2,304 bytes.
const DATAGRAM_BYTES: u64 = 1800;

/// What a shard remembers between two measurements.
#[derive(Debug)]
pub(super) struct Meter {
    last: Instant,
    /// How long one datagram took lately.
    each: Duration,
    /// The latest timer of this interval came so late.
    late: Duration,
    /// Events handed out by then.
    delivered: u64,
}

impl Meter {
    pub(super) const fn new(now: Instant) -> Self {
        Meter { last: now, each: Duration::ZERO, late: Duration::ZERO, delivered: 0 }
    }

    /// A timer fired so much after its time.
    pub(super) fn timer_late(&mut self, by: Duration) {
        self.late = self.late.max(by);
    }

    /// `count` datagrams took so long.
    pub(super) fn took(&mut self, time: Duration, count: usize) {
        let each = time / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
        self.each = (self.each * 7 + each) / 8;
    }
}

impl Shard {
    /// Measures, when the last time is long enough ago. After each batch.
    pub(super) fn measure(&mut self, socket: &Socket, started: Instant, count: usize) {
        let now = self.now();
        self.meter.took(now.since(started), count);
        if now.since(self.meter.last) < INTERVAL {
            return;
        }
        let passed = now.since(self.meter.last);
        self.meter.last = now;
        let (mut fill_percent, mut queued) = (0, Duration::ZERO);
        if let Some((used, bound)) = batch::receive_memory(socket.as_fd()) {
            fill_percent = u8::try_from((u64::from(used) * 100 / u64::from(bound.max(1))).min(100)).unwrap_or(100);
            let waiting = u64::from(used) / DATAGRAM_BYTES;
            queued = self.meter.each.saturating_mul(u32::try_from(waiting).unwrap_or(u32::MAX));
        }
        let late = std::mem::take(&mut self.meter.late);
        let delay = queued.max(late).max(self.application_delay(passed));
        self.input(Input::Load(Load { delay, fill_percent }));
    }

    /// How long an event waits for the application, at the pace of late (Little's law).
    fn application_delay(&mut self, passed: Duration) -> Duration {
        let waiting = self.shared.events.waiting();
        let delivered = self.shared.events.delivered();
        let taken = delivered.saturating_sub(std::mem::replace(&mut self.meter.delivered, delivered));
        match u32::try_from(taken) {
            // A few events say nothing; none taken at all shows in the backlog, whose bound is its own.
            _ if waiting < 64 => Duration::ZERO,
            Ok(0) => passed,
            Ok(taken) => passed.saturating_mul(u32::try_from(waiting).unwrap_or(u32::MAX)) / taken,
            Err(_) => Duration::ZERO,
        }
    }
}
