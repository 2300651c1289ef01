//! A re-INVITE of ours and its collisions. RFC 3261 s14.1: after 491 the owner of the Call-ID waits 2.1 to 4 s, the other side 0 to 2 s, in
//! units of 10 ms.

use crate::base::{Duration, Instant, Rng};

/// What a 491 means now.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Glare {
    /// Try again when the timer fires.
    Retry,
    /// Tried often enough.
    GiveUp,
}

/// Tries after which a session change is given up; each waits seconds.
const TRIES: u8 = 5;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Pending { tries: u8 },
    Waiting { tries: u8, until: Instant },
}

/// The one re-INVITE that we may have under way.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Reinvite(State);

impl Default for Reinvite {
    fn default() -> Self {
        Reinvite(State::Idle)
    }
}

impl Reinvite {
    /// Starts one. `false` when one is under way.
    pub fn start(&mut self) -> bool {
        if !matches!(self.0, State::Idle) {
            return false;
        }
        self.0 = State::Pending { tries: 1 };
        true
    }

    /// A final response arrived (or none will).
    pub fn finish(&mut self) {
        self.0 = State::Idle;
    }

    /// The peer answered 491.
    pub fn glare(&mut self, owns_call_id: bool, rng: &mut Rng, now: Instant) -> Glare {
        let wait_ms = if owns_call_id {
            2100_u64.saturating_add(u64::from(rng.below(191)).saturating_mul(10))
        } else {
            u64::from(rng.below(201)).saturating_mul(10)
        };
        self.wait(Duration::from_millis(wait_ms), now)
    }

    /// The peer answered 500 with Retry-After: an INVITE of ours is not done yet for it, the ACK was lost perhaps (s14.2).
    pub fn wait(&mut self, time: Duration, now: Instant) -> Glare {
        match self.0 {
            State::Pending { tries } if tries < TRIES => {
                self.0 = State::Waiting { tries, until: now + time };
                Glare::Retry
            }
            _ => {
                self.0 = State::Idle;
                Glare::GiveUp
            }
        }
    }

    /// Whether a re-INVITE of ours is out: one of the peer's is then answered 491.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.0, State::Pending { .. })
    }

    /// Whether nothing is under way and nothing waits.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.0, State::Idle)
    }

    /// `true` when the wait is over and the re-INVITE goes out again.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        match self.0 {
            State::Waiting { tries, until } if now >= until => {
                self.0 = State::Pending { tries: tries.saturating_add(1) };
                true
            }
            _ => false,
        }
    }

    /// The next deadline.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Instant> {
        match self.0 {
            State::Waiting { until, .. } => Some(until),
            State::Idle | State::Pending { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_lie_in_the_rfcs_ranges_in_units_of_10_ms() {
        let mut rng = Rng::new([1; 32]);
        for owner in [true, false] {
            for _ in 0..2000 {
                let mut reinvite = Reinvite::default();
                assert!(reinvite.start());
                assert_eq!(reinvite.glare(owner, &mut rng, Instant::ZERO), Glare::Retry);
                let ms = reinvite.next_timeout().unwrap().as_micros() / 1000;
                assert_eq!(ms % 10, 0);
                assert!(if owner { (2100..=4000).contains(&ms) } else { ms <= 2000 }, "{ms}");
            }
        }
    }

    #[test]
    fn only_one_at_a_time_and_not_for_ever() {
        let mut rng = Rng::new([1; 32]);
        let mut reinvite = Reinvite::default();
        assert!(reinvite.start() && !reinvite.start());
        let mut tries = 1;
        while reinvite.glare(true, &mut rng, Instant::ZERO) == Glare::Retry {
            assert!(reinvite.handle_timeout(reinvite.next_timeout().unwrap()));
            tries += 1;
        }
        assert_eq!(tries, 5);
        assert!(reinvite.is_idle());
    }
}
