//! Time as a value. `Instant` has no `now()`: what is below `engine/` cannot read a clock, so it cannot depend on one.

use std::ops::{Add, AddAssign, Sub};
pub use std::time::Duration;

/// Microseconds since the driver started. Monotonic; runs on during suspend.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The moment the driver started.
    pub const ZERO: Instant = Instant(0);

    /// An instant `us` microseconds after the driver's start.
    #[must_use]
    pub const fn from_micros(us: u64) -> Self {
        Instant(us)
    }

    /// Microseconds since the driver's start.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time since `earlier`, zero when `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, d: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(d.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, d: Duration) {
        *self = *self + d;
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.since(earlier)
    }
}

/// Wall time, given once and advanced by the monotonic clock (Date headers, nonces, NTP time in sender reports).
#[derive(Copy, Clone, Debug)]
pub struct WallClock {
    unix_us_at_start: u64,
}

impl WallClock {
    /// A clock that read `unix_us` microseconds since 1970 when `Instant` was zero.
    #[must_use]
    pub const fn new(unix_us: u64) -> Self {
        WallClock { unix_us_at_start: unix_us }
    }

    /// Microseconds since 1970-01-01 UTC at `now`.
    #[must_use]
    pub const fn unix_micros(&self, now: Instant) -> u64 {
        self.unix_us_at_start.saturating_add(now.as_micros())
    }

    /// 64-bit NTP timestamp at `now`: seconds since 1900 in the upper half. RFC 3550 s4.
    #[must_use]
    pub const fn ntp(&self, now: Instant) -> u64 {
        const SECONDS_1900_TO_1970: u64 = 2_208_988_800;
        let us = self.unix_micros(now);
        let seconds = (us / 1_000_000).wrapping_add(SECONDS_1900_TO_1970);
        let fraction = ((us % 1_000_000) << 32) / 1_000_000;
        (seconds << 32) | fraction
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_counts_from_1900_in_32_32_fixed_point() {
        let clock = WallClock::new(500_000);
        assert_eq!(clock.ntp(Instant::ZERO), (2_208_988_800 << 32) | 0x8000_0000);
        assert_eq!(clock.ntp(Instant::from_micros(500_000)) >> 32, 2_208_988_801);
    }

    #[test]
    fn differences_saturate() {
        assert_eq!(Instant::from_micros(1) - Instant::from_micros(5), Duration::ZERO);
        assert_eq!(Instant::from_micros(u64::MAX) + Duration::from_secs(1), Instant::from_micros(u64::MAX));
    }
}
