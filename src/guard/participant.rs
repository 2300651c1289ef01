//! The server's half of overload control: what each client that takes part is asked for. RFC 7339 s5.1 to s5.3, RFC 7415 s3.4.

use super::admission::Admission;
use crate::base::map::{Map, Seeded, map};
use crate::base::{Duration, Instant, WallClock, limits};
use crate::message::{OverloadAlgorithm, OverloadFeedback, Via};
use std::net::SocketAddr;

/// How long an answer holds. RFC 7339 s4.3: the default.
const VALIDITY_MS: u32 = 500;
/// Time between two looks at the rate of a client.
const WINDOW: Duration = Duration::from_millis(250);
/// A client that was silent for so long is forgotten; its algorithm stays for that time. RFC 7339 s5.8.
const MEMORY: Duration = Duration::from_secs(3600);

/// Clients that want a rate, with what they were given. Those that take loss need no memory.
#[derive(Debug)]
pub struct Participants {
    wall: WallClock,
    clients: Map<SocketAddr, Client>,
    full_since: Option<Instant>,
}

#[derive(Copy, Clone, Debug)]
struct Client {
    seen: Instant,
    window: Instant,
    /// Requests in this window.
    count: u32,
    /// Requests per second of the last window.
    offered: f64,
    /// What it may send, while there is overload.
    granted: Option<f64>,
}

impl Participants {
    /// Nobody yet. `wall` dates the answers.
    #[must_use]
    pub fn new(wall: WallClock, seed: Seeded) -> Self {
        Participants { wall, clients: map(seed), full_since: None }
    }

    /// Clients with a rate of their own.
    #[must_use]
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// What the responses to a request with `via` from `remote` say; `None` for a client that takes no part.
    pub fn feedback(
        &mut self,
        via: &Via<'_>,
        remote: SocketAddr,
        admission: &Admission,
        now: Instant,
    ) -> Option<OverloadFeedback> {
        let algorithm = via.overload_offer()?;
        let percent = admission.percent();
        // Milliseconds of the wall clock when the control last changed; 10^-5 s in print.
        let sequence = self.wall.unix_micros(admission.changed()) / 10;
        let granted = match algorithm {
            OverloadAlgorithm::Rate => self.rate(remote, admission, now),
            OverloadAlgorithm::Loss => None,
        };
        Some(match (percent, algorithm, granted) {
            (0, algorithm, _) => OverloadFeedback { value: 0, algorithm, validity_ms: 0, sequence },
            (_, OverloadAlgorithm::Rate, Some((rate, at))) => OverloadFeedback {
                value: rate,
                algorithm,
                validity_ms: VALIDITY_MS,
                sequence: (self.wall.unix_micros(at) / 10).max(sequence),
            },
            // No room to remember a rate: the client must know loss as well (s4.2).
            (percent, ..) => OverloadFeedback {
                value: percent,
                algorithm: OverloadAlgorithm::Loss,
                validity_ms: VALIDITY_MS,
                sequence,
            },
        })
    }

    /// Requests per second that a client may send, and since when. It starts from what the client sent when the overload began, becomes
    /// less while the load is too high and more when it is not.
    fn rate(&mut self, remote: SocketAddr, admission: &Admission, now: Instant) -> Option<(u32, Instant)> {
        if !self.clients.contains_key(&remote) && !self.has_room(now) {
            return None;
        }
        let fresh = Client { seen: now, window: now, count: 0, offered: 0.0, granted: None };
        let client = self.clients.entry(remote).or_insert(fresh);
        client.seen = now;
        client.count = client.count.saturating_add(1);
        let passed = now.since(client.window);
        if passed >= WINDOW {
            client.offered = f64::from(client.count) / passed.as_secs_f64();
            (client.window, client.count) = (now, 0);
            let pressure = admission.pressure();
            client.granted = match client.granted {
                _ if admission.percent() == 0 => None,
                None => Some(client.offered * (1.0 - f64::from(admission.percent()) / 100.0)),
                Some(rate) if pressure > 1.0 => {
                    Some(rate.min(client.offered) * (1.0 - 0.2 * (pressure - 1.0).min(1.0)))
                }
                Some(rate) if pressure < 0.8 => Some(rate * 1.1 + 1.0),
                kept => kept,
            };
        }
        // 0 would stop it for good (RFC 7415 s3.5.1).
        client.granted.map(|rate| (rate.clamp(1.0, 1e9) as u32, client.window))
    }

    fn has_room(&mut self, now: Instant) -> bool {
        if self.clients.len() < limits::OVERLOAD_PEERS {
            return true;
        }
        // Looking for those to forget is worth it once a second.
        if self.full_since.is_none_or(|at| now.since(at) >= Duration::from_secs(1)) {
            self.full_since = Some(now);
            self.clients.retain(|_, client| now.since(client.seen) < MEMORY);
        }
        self.clients.len() < limits::OVERLOAD_PEERS
    }
}
