//! Server side of an INVITE: ringing, repeating provisional and 2xx responses, waiting for the ACK. RFC 3261 s13.3.1.

use crate::base::{Duration, Instant, Timers};
use bytes::Bytes;

/// A provisional response is repeated each minute, so that proxies do not end the transaction. RFC 3261 s13.3.1.1.
const REPEAT_PROVISIONAL: Duration = Duration::from_secs(60);

/// A timer of the server side fired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UasTimeout {
    /// The user did not answer within the ring limit.
    Ring,
    /// Send this provisional response again.
    Provisional(u16, Bytes),
    /// Send the 2xx again (s13.3.1.4).
    Success(Bytes),
    /// No ACK came within 64*T1: end the session with BYE (s13.3.1.4).
    NoAck,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Ringing { limit: Option<Instant>, provisional: Option<(Instant, u16, Bytes)> },
    Accepted { response: Bytes, repeat: Instant, interval: Duration, give_up: Instant },
    Finished,
}

/// Server side of one INVITE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uas(State);

impl Uas {
    /// An INVITE arrived; the user must answer within `ring_limit` (`None` for a re-INVITE, answered by us).
    #[must_use]
    pub fn new(ring_limit: Option<Duration>, now: Instant) -> Self {
        Uas(State::Ringing { limit: ring_limit.map(|d| now + d), provisional: None })
    }

    /// A provisional response was sent.
    pub fn provisional(&mut self, status: u16, response: Bytes, now: Instant) {
        if let State::Ringing { provisional, .. } = &mut self.0 {
            *provisional = Some((now + REPEAT_PROVISIONAL, status, response));
        }
    }

    /// The 2xx was sent; it is repeated until its ACK comes, on every transport.
    pub fn accept(&mut self, response: Bytes, timers: &Timers, now: Instant) {
        self.0 =
            State::Accepted { response, repeat: now + timers.t1, interval: timers.t1, give_up: now + timers.t64() };
    }

    /// A non-2xx final was sent, or the other side cancelled.
    pub fn reject(&mut self) {
        self.0 = State::Finished;
    }

    /// The ACK to the 2xx arrived. Whether it was the first.
    pub fn ack(&mut self) -> bool {
        let first = matches!(self.0, State::Accepted { .. });
        if first {
            self.0 = State::Finished;
        }
        first
    }

    /// Whether a final response is still owed.
    #[must_use]
    pub const fn is_ringing(&self) -> bool {
        matches!(self.0, State::Ringing { .. })
    }

    /// Whether the ACK to the 2xx is still missing.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        matches!(self.0, State::Accepted { .. })
    }

    /// Fires one thing that is due; call again until `None`.
    pub fn handle_timeout(&mut self, timers: &Timers, now: Instant) -> Option<UasTimeout> {
        match &mut self.0 {
            State::Ringing { limit: Some(limit), .. } if now >= *limit => Some(UasTimeout::Ring),
            State::Ringing { provisional: Some((repeat, status, response)), .. } if now >= *repeat => {
                *repeat = now + REPEAT_PROVISIONAL;
                Some(UasTimeout::Provisional(*status, response.clone()))
            }
            State::Accepted { give_up, .. } if now >= *give_up => {
                self.0 = State::Finished;
                Some(UasTimeout::NoAck)
            }
            State::Accepted { response, repeat, interval, .. } if now >= *repeat => {
                *interval = interval.saturating_mul(2).min(timers.t2);
                *repeat = now + *interval;
                Some(UasTimeout::Success(response.clone()))
            }
            State::Ringing { .. } | State::Accepted { .. } | State::Finished => None,
        }
    }

    /// The next deadline.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        match &self.0 {
            State::Ringing { limit, provisional } => {
                let repeat = provisional.as_ref().map(|(at, ..)| *at);
                [*limit, repeat].into_iter().flatten().min()
            }
            State::Accepted { repeat, give_up, .. } => Some(*repeat.min(give_up)),
            State::Finished => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    #[test]
    fn the_2xx_repeats_at_t1_doubling_to_t2_until_64_t1() {
        let timers = Timers::default();
        let mut uas = Uas::new(None, at(0));
        uas.accept(Bytes::from_static(b"200"), &timers, at(0));
        let mut repeats = Vec::new();
        while let Some(due) = uas.next_timeout() {
            match uas.handle_timeout(&timers, due) {
                Some(UasTimeout::Success(_)) => repeats.push(due.as_micros() / 1000),
                Some(UasTimeout::NoAck) => assert_eq!(due, at(32_000)),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(repeats, [500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    }

    #[test]
    fn the_ack_stops_the_repeats_once() {
        let mut uas = Uas::new(None, at(0));
        uas.accept(Bytes::from_static(b"200"), &Timers::default(), at(0));
        assert!(uas.ack());
        assert!(!uas.ack());
        assert_eq!(uas.next_timeout(), None);
    }

    #[test]
    fn a_provisional_repeats_each_minute() {
        let mut uas = Uas::new(Some(Duration::from_secs(200)), at(0));
        uas.provisional(180, Bytes::from_static(b"180"), at(0));
        assert_eq!(uas.next_timeout(), Some(at(60_000)));
        let repeated = uas.handle_timeout(&Timers::default(), at(60_000));
        assert_eq!(repeated, Some(UasTimeout::Provisional(180, Bytes::from_static(b"180"))));
        assert_eq!(uas.next_timeout(), Some(at(120_000)));
        assert_eq!(uas.handle_timeout(&Timers::default(), at(200_000)), Some(UasTimeout::Ring));
    }
}
