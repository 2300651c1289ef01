//! The client side of a registration. RFC 3261 s10.2: register, refresh before it expires, back off after failure, unregister.

use crate::base::{Duration, Instant, Rng};

/// First wait after a failure; doubles up to [`LONGEST_BACK_OFF`]. RFC 5626 s4.5 in spirit.
const FIRST_BACK_OFF: Duration = Duration::from_secs(30);
const LONGEST_BACK_OFF: Duration = Duration::from_secs(1800);

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    /// Nothing asked for.
    Off,
    /// A REGISTER is under way.
    Registering,
    Registered {
        refresh: Instant,
        expires: Instant,
    },
    /// The last try failed.
    Waiting {
        until: Instant,
    },
    /// A REGISTER with `Expires: 0` is under way.
    Unregistering,
}

/// One registration of one contact.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    state: State,
    /// Asked for in the next REGISTER, seconds.
    expires_s: u32,
    failures: u32,
    bound: bool,
}

impl Registration {
    /// Not registered; will ask for `expires_s` seconds.
    #[must_use]
    pub const fn new(expires_s: u32) -> Self {
        Registration { state: State::Off, expires_s, failures: 0, bound: false }
    }

    /// Seconds for the `Expires` of the request that goes out now.
    #[must_use]
    pub const fn expires_s(&self) -> u32 {
        if matches!(self.state, State::Unregistering) { 0 } else { self.expires_s }
    }

    /// A REGISTER goes out.
    pub const fn start(&mut self) {
        self.state = State::Registering;
    }

    /// The REGISTER that ends the binding goes out. `false` when there is nothing to end.
    pub const fn stop(&mut self) -> bool {
        let bound = self.bound || matches!(self.state, State::Registering);
        self.state = if bound { State::Unregistering } else { State::Off };
        bound
    }

    /// 200: the registrar granted `granted_s` seconds. Refreshed after three quarters of it, but at least 5 s before the end.
    /// Returns `false` when this ended the binding.
    pub fn granted(&mut self, granted_s: u32, now: Instant) -> bool {
        self.failures = 0;
        if matches!(self.state, State::Unregistering) || granted_s == 0 {
            self.state = State::Off;
            self.bound = false;
            return false;
        }
        let early = (granted_s / 4).clamp(1, 600);
        let refresh = u64::from(granted_s.saturating_sub(early).max(1));
        self.bound = true;
        self.state = State::Registered {
            refresh: now + Duration::from_secs(refresh),
            expires: now + Duration::from_secs(u64::from(granted_s)),
        };
        true
    }

    /// 423: the registrar wants at least `min_s` seconds (s10.3). `true` when the request is worth another try.
    pub const fn too_brief(&mut self, min_s: u32) -> bool {
        let useful = min_s > self.expires_s && min_s <= 86_400 && matches!(self.state, State::Registering);
        if useful {
            self.expires_s = min_s;
        }
        useful
    }

    /// The try failed. Waits twice as long as the last time, less up to half of it by chance, so that a fleet does not come back at once.
    pub fn failed(&mut self, retry_after_s: Option<u32>, rng: &mut Rng, now: Instant) {
        if matches!(self.state, State::Unregistering | State::Off) {
            self.state = State::Off;
            self.bound = false;
            return;
        }
        let doubled = FIRST_BACK_OFF.saturating_mul(1_u32.checked_shl(self.failures.min(10)).unwrap_or(1));
        self.failures = self.failures.saturating_add(1);
        let longest_ms = u32::try_from(doubled.min(LONGEST_BACK_OFF).as_millis()).unwrap_or(u32::MAX);
        let wait_ms = (longest_ms / 2).saturating_add(rng.below((longest_ms / 2).saturating_add(1)));
        let wait =
            Duration::from_millis(u64::from(wait_ms)).max(Duration::from_secs(u64::from(retry_after_s.unwrap_or(0))));
        self.state = State::Waiting { until: now + wait };
    }

    /// Whether the registrar holds a binding of ours, as far as we know.
    #[must_use]
    pub fn is_registered(&self, now: Instant) -> bool {
        matches!(self.state, State::Registered { expires, .. } if now < expires)
    }

    /// Whether a request is under way.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        matches!(self.state, State::Registering | State::Unregistering)
    }

    /// Whether the binding is being ended.
    #[must_use]
    pub const fn is_unregistering(&self) -> bool {
        matches!(self.state, State::Unregistering)
    }

    /// `true` when it is time to send a REGISTER.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        match self.state {
            State::Registered { refresh: due, .. } | State::Waiting { until: due } if now >= due => {
                self.state = State::Registering;
                true
            }
            _ => false,
        }
    }

    /// The next deadline.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Registered { refresh, .. } => Some(refresh),
            State::Waiting { until } => Some(until),
            State::Off | State::Registering | State::Unregistering => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: u64) -> Instant {
        Instant::from_micros(s * 1_000_000)
    }

    #[test]
    fn refreshes_before_the_end() {
        let mut r = Registration::new(3600);
        r.start();
        assert!(r.granted(3600, at(0)));
        assert_eq!(r.next_timeout(), Some(at(3000)));
        assert!(r.is_registered(at(3599)) && !r.is_registered(at(3600)));
        assert!(r.handle_timeout(at(3000)) && r.is_busy());
    }

    #[test]
    fn backs_off_with_jitter_up_to_half_an_hour() {
        let mut rng = Rng::new([3; 32]);
        let mut r = Registration::new(3600);
        let mut last = 0;
        for _ in 0..12 {
            r.start();
            r.failed(None, &mut rng, at(0));
            last = r.next_timeout().unwrap().as_micros() / 1_000_000;
        }
        assert!((900..=1800).contains(&last), "{last}");
        r.start();
        r.failed(Some(7200), &mut rng, at(0));
        assert_eq!(r.next_timeout(), Some(at(7200)));
    }

    #[test]
    fn a_423_raises_the_interval_once() {
        let mut r = Registration::new(60);
        r.start();
        assert!(r.too_brief(1800));
        assert!(!r.too_brief(1800));
        assert_eq!(r.expires_s(), 1800);
    }

    #[test]
    fn unregisters_only_what_is_bound() {
        let mut r = Registration::new(60);
        assert!(!r.stop());
        r.start();
        r.granted(60, at(0));
        assert!(r.stop());
        assert_eq!(r.expires_s(), 0);
        assert!(!r.granted(0, at(1)));
        assert_eq!(r.next_timeout(), None);
    }
}
