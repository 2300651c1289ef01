//! Timer values of the transaction layer.

use super::time::Duration;

/// Timer values. RFC 3261 table 4.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Round-trip estimate, 500 ms.
    pub t1: Duration,
    /// Longest retransmit interval for non-INVITE requests and INVITE responses, 4 s.
    pub t2: Duration,
    /// Longest time a message remains in the network, 5 s.
    pub t4: Duration,
}

impl Default for Timers {
    fn default() -> Self {
        Timers { t1: Duration::from_millis(500), t2: Duration::from_secs(4), t4: Duration::from_secs(5) }
    }
}

impl Timers {
    /// 64*T1: timers B, F, H, J, L, M.
    #[must_use]
    pub fn t64(&self) -> Duration {
        self.t1.saturating_mul(64)
    }
}
