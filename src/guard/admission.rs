//! Admission of new work by load. RFC 7339 s5.10.2: what must be refused gets 503 without Retry-After; RFC 6357 s3 on the control loop.
//!
//! One number is steered: the share of new requests that is refused. It rises while messages wait too long and falls when they do not,
//! both in proportion, so that it settles where the work that is let in fills the shard and the queue stays short.

use crate::base::{Duration, Instant};

/// How loaded a shard is, as its driver measured it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How long what comes now waits: in the socket, for a timer's turn, or for the application.
    pub delay: Duration,
    /// How full the receive buffer of the fullest socket is, per cent; what does not fit is lost.
    pub fill_percent: u8,
}

/// A full buffer loses messages, also those of calls that are up: half full is the target.
const FILL_TARGET: f64 = 50.0;
/// Below this share of the target the refusals become fewer.
const RELEASE: f64 = 0.8;
/// How fast the share rises: per second, for a load of twice the target.
const RISE: f64 = 4.0;
/// How fast it falls without load: per second.
const FALL: f64 = 1.0;
/// Strangers are refused from this pressure on: a flood of theirs leaves room for those who are known.
const STRANGERS: f64 = 0.6;
/// Those who take part in overload control slow down by themselves; above this pressure they do not, and are refused like others.
const DISBELIEF: f64 = 2.5;
/// Time over which load is averaged.
const MEMORY_S: f64 = 0.05;
/// Something always gets through: else nobody would find out that it works again.
const MOST: f64 = 0.98;
/// Above this share the load is beyond control: priority counts no more.
const BEYOND: f64 = 0.95;

/// How much a request matters when not all can be served. RFC 7339 s5.10.1.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Priority {
    /// New work of somebody unknown: refused first.
    Stranger,
    /// New work of a source that calls have come up with.
    Ordinary,
    /// New work of a client that takes part in overload control and has left out its share already.
    Participant,
    /// An emergency call (RFC 5031), or Resource-Priority (RFC 4412) from somebody we trust.
    High,
}

/// The controller of one shard.
#[derive(Debug)]
pub struct Admission {
    /// Zero: off.
    target: Duration,
    pressure: f64,
    /// Share of ordinary new work that is refused, 0 ..= MOST.
    loss: f64,
    /// The same for strangers.
    strangers: f64,
    /// The same for participants, who did not heed.
    hard: f64,
    last: Option<Instant>,
    changed: Instant,
}

impl Admission {
    /// A controller that refuses nothing yet; with a `target` of zero it never will.
    #[must_use]
    pub const fn new(target: Duration) -> Self {
        Admission { target, pressure: 0.0, loss: 0.0, strangers: 0.0, hard: 0.0, last: None, changed: Instant::ZERO }
    }

    /// Takes a measurement: a few times per T1, while there is work.
    pub fn measured(&mut self, load: Load, now: Instant) {
        if self.target.is_zero() {
            return;
        }
        let passed = self.last.map_or(0.0, |last| now.since(last).as_secs_f64()).min(1.0);
        self.last = Some(now);
        let waits = load.delay.as_secs_f64() / self.target.as_secs_f64();
        let pressure = waits.max(f64::from(load.fill_percent) / FILL_TARGET);
        let weight = (passed / MEMORY_S).min(1.0);
        self.pressure += (pressure - self.pressure) * weight;
        let before = self.percent();
        self.loss = step(self.loss, self.pressure, 1.0, passed);
        self.strangers = step(self.strangers, self.pressure, STRANGERS, passed);
        self.hard = step(self.hard, self.pressure, DISBELIEF, passed);
        if self.percent() != before {
            self.changed = now;
        }
    }

    /// Whether new work may come in. `hash` is of the request's Call-ID: a repeat of a refused request is refused as well.
    #[must_use]
    pub fn admits(&self, priority: Priority, hash: u64) -> bool {
        let loss = match priority {
            Priority::Stranger => self.strangers.max(self.loss).max(self.hard),
            Priority::Ordinary => self.loss.max(self.hard),
            Priority::Participant => self.hard,
            Priority::High if self.hard > BEYOND => self.hard,
            Priority::High => return true,
        };
        // 16 bits of the hash as a number below one.
        loss <= 0.0 || f64::from((hash >> 48) as u16) / 65_536.0 >= loss
    }

    /// Whether nothing is refused.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        self.loss <= 0.0 && self.hard <= 0.0 && self.strangers <= 0.0
    }

    /// The share of ordinary new work that is refused, per cent.
    #[must_use]
    pub fn percent(&self) -> u32 {
        // 0 ..= 98.
        (self.loss * 100.0).ceil() as u32
    }

    /// The share of strangers' new requests that is refused, per cent.
    #[must_use]
    pub fn strangers_percent(&self) -> u32 {
        (self.strangers.max(self.loss) * 100.0).ceil() as u32
    }

    /// How the load stands to what it may be: 1 is just right.
    #[must_use]
    pub const fn pressure(&self) -> f64 {
        self.pressure
    }

    /// When [`Admission::percent`] changed last.
    #[must_use]
    pub const fn changed(&self) -> Instant {
        self.changed
    }
}

/// One step of the loop over `passed` seconds.
fn step(loss: f64, pressure: f64, target: f64, passed: f64) -> f64 {
    let ratio = pressure / target;
    let next = if ratio > 1.0 {
        loss + (1.0 - loss) * RISE * (ratio - 1.0).min(2.0) * passed
    } else if ratio < RELEASE {
        loss - FALL * (1.0 - ratio / RELEASE) * passed
    } else {
        loss
    };
    let next = next.clamp(0.0, MOST);
    if next < 0.005 { 0.0 } else { next }
}
