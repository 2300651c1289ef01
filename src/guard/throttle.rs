//! The client's half of overload control: heeding what next hops ask for. RFC 7339 s5.4, s5.5, s7.2; RFC 7415 s3.5.

use super::admission::Priority;
use crate::base::map::{Map, Seeded, map};
use crate::base::{Duration, Instant, Rng, limits};
use crate::message::{OverloadAlgorithm, OverloadFeedback};
use std::net::SocketAddr;

/// Requests are counted by kind for so long. RFC 7339 s7.2: every 5 to 10 s.
const SAMPLE: Duration = Duration::from_secs(5);

/// The next hops that control us now.
#[derive(Debug)]
pub struct Throttle {
    servers: Map<SocketAddr, Server>,
}

#[derive(Copy, Clone, Debug)]
struct Server {
    feedback: OverloadFeedback,
    until: Instant,
    /// Leaky bucket of RFC 7415 s3.5.2: when it will be empty.
    empty_at: Instant,
    sample: Instant,
    /// Requests that may be left out, and others, in this sample and the last.
    kinds: [(u32, u32); 2],
}

impl Throttle {
    /// Nobody controls us.
    #[must_use]
    pub fn new(seed: Seeded) -> Self {
        Throttle { servers: map(seed) }
    }

    /// Next hops that are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.servers.len()
    }

    /// Whether no next hop is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    /// A response of `server` brought this. RFC 7339 s5.4, s5.7.
    pub fn told(&mut self, server: SocketAddr, feedback: OverloadFeedback, now: Instant) {
        let until = now + Duration::from_millis(u64::from(feedback.validity_ms));
        if let Some(known) = self.servers.get_mut(&server) {
            let (old, new) = (known.feedback.sequence, feedback.sequence);
            // Much lower than before is an overflow, not a late response (s4.4).
            let late = new <= old && new >= old / 2 && known.until > now;
            if late {
                return;
            }
            if feedback.validity_ms == 0 {
                self.servers.remove(&server);
            } else {
                (known.feedback, known.until) = (feedback, until);
            }
            return;
        }
        if feedback.validity_ms == 0 {
            return;
        }
        if self.servers.len() >= limits::OVERLOAD_PEERS {
            self.servers.retain(|_, server| server.until > now);
        }
        if self.servers.len() < limits::OVERLOAD_PEERS {
            let server_state = Server { feedback, until, empty_at: now, sample: now, kinds: [(0, 0); 2] };
            self.servers.insert(server, server_state);
        }
    }

    /// Whether a new request may go to `server`.
    pub fn allows(&mut self, server: SocketAddr, priority: Priority, now: Instant, rng: &mut Rng) -> bool {
        let Some(state) = self.servers.get_mut(&server) else { return true };
        if state.until <= now {
            self.servers.remove(&server);
            return true;
        }
        let high = priority == Priority::High;
        state.count(high, now);
        match state.feedback.algorithm {
            OverloadAlgorithm::Loss => state.loss(high, rng),
            OverloadAlgorithm::Rate => state.rate(high, now),
        }
    }

    /// A request within a dialog goes to `server`: it is sent in any case, and belongs to the mix that a percentage is of.
    pub fn sends_in_dialog(&mut self, server: SocketAddr, now: Instant) {
        if let Some(state) = self.servers.get_mut(&server).filter(|state| state.until > now) {
            state.count(true, now);
            if state.feedback.algorithm == OverloadAlgorithm::Rate {
                state.fill(now);
            }
        }
    }
}

impl Server {
    fn count(&mut self, kept: bool, now: Instant) {
        if now.since(self.sample) >= SAMPLE {
            self.sample = now;
            self.kinds = [(0, 0), self.kinds[0]];
        }
        let (first, second) = &mut self.kinds[0];
        let counter = if kept { second } else { first };
        *counter = counter.saturating_add(1);
    }

    /// Per cent of all requests that may be left out. RFC 7339 s7.2: cat1.
    fn first_category(&self) -> f64 {
        let [(a, b), (c, d)] = self.kinds;
        let (first, second) = (f64::from(a) + f64::from(c), f64::from(b) + f64::from(d));
        if first + second < 10.0 { 80.0 } else { (first / (first + second) * 100.0).max(1.0) }
    }

    fn loss(&self, high: bool, rng: &mut Rng) -> bool {
        let asked = f64::from(self.feedback.value.min(100));
        let first = self.first_category();
        let percent = match high {
            false => asked / first * 100.0,
            true if asked <= first => return true,
            true => (asked - first) / (100.0 - first).max(1.0) * 100.0,
        };
        // 1 ..= 100, as in the RFC.
        f64::from(rng.below(100).saturating_add(1)) > percent
    }

    /// The leaky bucket with two thresholds: TAU1 is 5 T, TAU2 is 10 T. RFC 7415 s3.5.2.
    fn rate(&mut self, high: bool, now: Instant) -> bool {
        let Some(unit) = self.unit() else { return false };
        let level = self.empty_at.since(now);
        let threshold = unit.saturating_mul(if high { 10 } else { 5 });
        let passes = level <= threshold;
        if passes {
            self.fill(now);
        }
        passes
    }

    fn fill(&mut self, now: Instant) {
        if let Some(unit) = self.unit() {
            let most = now + unit.saturating_mul(11);
            self.empty_at = (self.empty_at.max(now) + unit).min(most);
        }
    }

    /// T; `None` when nothing may be sent.
    fn unit(&self) -> Option<Duration> {
        Duration::from_secs(1).checked_div(self.feedback.value)
    }
}
