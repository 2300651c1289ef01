//! The one clock: microseconds since the engine started, on CLOCK_BOOTTIME, so that timers go on during suspend.

use super::net::batch;
use crate::base::{Duration, Instant, WallClock};
use std::time::{SystemTime, UNIX_EPOCH};

/// The engine's clock. Cheap to copy; all threads of one engine share its zero.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Clock {
    zero: Duration,
}

impl Clock {
    /// Zero is now.
    pub(crate) fn start() -> Self {
        Clock { zero: batch::boot_time() }
    }

    /// Microseconds since the start.
    pub(crate) fn now(self) -> Instant {
        let since = batch::boot_time().saturating_sub(self.zero);
        Instant::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// Wall time at zero.
    pub(crate) fn wall(self) -> WallClock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_zero = unix.saturating_sub(batch::boot_time().saturating_sub(self.zero));
        WallClock::new(u64::try_from(at_zero.as_micros()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_forward_and_agrees_with_the_wall() {
        let clock = Clock::start();
        let first = clock.now();
        let wall = clock.wall();
        assert!(clock.now() >= first);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
        assert!(unix.abs_diff(wall.unix_micros(clock.now())) < 60_000_000);
    }
}
