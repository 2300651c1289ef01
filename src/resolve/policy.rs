//! How long a target is tried and how long a failed one is avoided. RFC 3263 s4.3, RFC 3261 s21.5.4, RFC 8305 s5.

use crate::base::Duration;

/// Times of failover.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// A target over UDP that answers nothing for this long is given up for the next one; the last one gets 64*T1 (timers B and F). Zero:
    /// each gets 64*T1, as RFC 3263 s4.3 has it.
    pub try_timeout: Duration,
    /// A target that failed stands behind the others for this long. Zero: targets are not remembered.
    pub penalty: Duration,
    /// A 503 with a longer Retry-After keeps its sender behind the others for no longer.
    pub penalty_max: Duration,
    /// A connection that is not open after this is joined by one to the next address of the same protocol and port (RFC 8305 s5 recommends
    /// 250 ms). Zero: one connection at a time.
    pub attempt_delay: Duration,
}

impl Default for Failover {
    fn default() -> Self {
        Failover {
            try_timeout: Duration::from_secs(4),
            penalty: Duration::from_secs(30),
            penalty_max: Duration::from_secs(300),
            attempt_delay: Duration::from_millis(250),
        }
    }
}
