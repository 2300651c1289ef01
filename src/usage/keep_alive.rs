//! Keeping a flow alive and noticing its failure: CRLF on streams, STUN Binding requests on UDP. RFC 5626 s4.4, RFC 8489 s6.2.1.

use crate::base::{Duration, Instant, Rng};
use crate::stun::{self, TransactionId};
use std::net::SocketAddr;

/// Longest time between two keep-alives of a stream when nobody says otherwise. RFC 5626 s4.4.1.
const STREAM_S: u32 = 120;
/// The same for UDP. RFC 5626 s4.4.2.
const DATAGRAM_S: u32 = 29;
/// The shortest of UDP; 5 % more than the 80 % of the others.
const DATAGRAM_LEAST_S: u32 = 24;
/// A pong takes no longer. RFC 5626 s4.4.1.
const PONG: Duration = Duration::from_secs(10);
/// The first wait for a Binding response; doubles. RFC 8489 s6.2.1.
const RTO: Duration = Duration::from_millis(500);
/// How often a Binding request goes out. RFC 8489 s6.2.1.
const REQUESTS: u8 = 7;
/// The wait after the last one, in units of the RTO.
const LAST_WAIT: u32 = 16;

/// How a flow is kept alive.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Double CRLF, answered by CRLF.
    Crlf,
    /// STUN Binding requests whose transaction ids begin with this shard, so that answers find home.
    Stun {
        /// The shard.
        shard: u8,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send these bytes on the flow.
    Send(Vec<u8>),
    /// The flow has failed: what happened.
    Failed(String),
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    /// The next keep-alive goes at that time.
    Idle {
        next: Instant,
    },
    /// A ping waits for its pong.
    Pinged {
        until: Instant,
    },
    /// A Binding request waits for its response.
    Asked {
        transaction: TransactionId,
        sent: u8,
        wait: Duration,
        again: Instant,
    },
    Failed,
}

/// The keep-alive of one flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    kind: Kind,
    /// Shortest and longest time between two keep-alives, milliseconds.
    interval_ms: (u32, u32),
    state: State,
    /// Where the peer saw us first.
    mapped: Option<SocketAddr>,
    /// The peer has answered once: the flow was a good one (RFC 5626 s4.5).
    proven: bool,
}

impl KeepAlive {
    /// Begins. `recommended_s` is what Flow-Timer, `keep` or the application says: the interval is 80 to 100 % of it.
    #[must_use]
    pub fn new(kind: Kind, recommended_s: Option<u32>, rng: &mut Rng, now: Instant) -> Self {
        let mut keep_alive = KeepAlive {
            kind,
            interval_ms: interval_ms(kind, recommended_s),
            state: State::Failed,
            mapped: None,
            proven: false,
        };
        keep_alive.rest(rng, now);
        keep_alive
    }

    /// Takes another recommendation; an answer that is awaited stays awaited.
    pub fn set_interval(&mut self, recommended_s: Option<u32>, rng: &mut Rng, now: Instant) {
        let interval_ms = interval_ms(self.kind, recommended_s);
        if interval_ms != self.interval_ms {
            self.interval_ms = interval_ms;
            if matches!(self.state, State::Idle { .. }) {
                self.rest(rng, now);
            }
        }
    }

    /// A CRLF came on the stream.
    pub fn pong(&mut self, rng: &mut Rng, now: Instant) {
        if matches!(self.state, State::Pinged { .. }) {
            self.proven = true;
            self.rest(rng, now);
        }
    }

    /// A Binding response came on the flow. One that answers nothing of ours is ignored.
    pub fn response(&mut self, response: &stun::Message, rng: &mut Rng, now: Instant) -> Option<Action> {
        match self.state {
            State::Asked { transaction, .. } if transaction == response.transaction => {}
            _ => return None,
        }
        match (response.class, response.mapped) {
            (stun::Class::Success, Some(mapped)) => {
                self.proven = true;
                if self.mapped.is_some_and(|before| before != mapped) {
                    return Some(self.fail("the address under which the peer sees us has changed"));
                }
                self.mapped = Some(mapped);
                self.rest(rng, now);
                None
            }
            (stun::Class::Error, _) => {
                let code = response.error.unwrap_or(0);
                Some(self.fail(&format!("the peer refused the keep-alive with STUN error {code}")))
            }
            // What tells nothing answers nothing.
            _ => None,
        }
    }

    /// Whether the peer has answered a keep-alive on this flow.
    #[must_use]
    pub const fn is_proven(&self) -> bool {
        self.proven
    }

    /// Fires what is due.
    pub fn handle_timeout(&mut self, rng: &mut Rng, now: Instant) -> Option<Action> {
        match self.state {
            State::Idle { next } if next <= now => Some(Action::Send(match self.kind {
                Kind::Crlf => {
                    self.state = State::Pinged { until: now + PONG };
                    b"\r\n\r\n".to_vec()
                }
                Kind::Stun { shard } => {
                    let mut transaction = TransactionId::default();
                    rng.fill(&mut transaction);
                    if let Some(first) = transaction.first_mut() {
                        *first = shard;
                    }
                    self.state = State::Asked { transaction, sent: 1, wait: RTO, again: now + RTO };
                    stun::request(&transaction)
                }
            })),
            State::Pinged { until } if until <= now => Some(self.fail("no answer to a keep-alive within 10 s")),
            State::Asked { again, sent, .. } if again <= now && sent >= REQUESTS => {
                Some(self.fail("no answer to the STUN keep-alives"))
            }
            State::Asked { transaction, sent, wait, again } if again <= now => {
                let sent = sent.saturating_add(1);
                let wait = if sent >= REQUESTS { RTO.saturating_mul(LAST_WAIT) } else { wait.saturating_mul(2) };
                self.state = State::Asked { transaction, sent, wait, again: now + wait };
                Some(Action::Send(stun::request(&transaction)))
            }
            _ => None,
        }
    }

    /// The next deadline; none once it has failed.
    #[must_use]
    pub const fn next_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Idle { next: at } | State::Pinged { until: at } | State::Asked { again: at, .. } => Some(at),
            State::Failed => None,
        }
    }

    fn rest(&mut self, rng: &mut Rng, now: Instant) {
        let (least, most) = self.interval_ms;
        let wait = least.saturating_add(rng.below(most.saturating_sub(least).saturating_add(1)));
        self.state = State::Idle { next: now + Duration::from_millis(u64::from(wait)) };
    }

    fn fail(&mut self, reason: &str) -> Action {
        self.state = State::Failed;
        Action::Failed(reason.to_owned())
    }
}

/// RFC 5626 s4.4: 80 to 100 % of what is recommended, else the defaults of each kind.
fn interval_ms(kind: Kind, recommended_s: Option<u32>) -> (u32, u32) {
    let most = match (recommended_s.filter(|s| *s > 0), kind) {
        (Some(recommended), _) => recommended.min(86_400),
        (None, Kind::Crlf) => STREAM_S,
        (None, Kind::Stun { .. }) => return (DATAGRAM_LEAST_S.saturating_mul(1000), DATAGRAM_S.saturating_mul(1000)),
    };
    (most.saturating_mul(800), most.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    fn rng() -> Rng {
        Rng::new([5; 32])
    }

    fn sent(action: Option<Action>) -> Vec<u8> {
        match action {
            Some(Action::Send(bytes)) => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// Fires the next deadline.
    fn fire(k: &mut KeepAlive, rng: &mut Rng) -> (Instant, Option<Action>) {
        let now = k.next_timeout().unwrap();
        (now, k.handle_timeout(rng, now))
    }

    fn answer(request: &[u8], mapped: &str) -> stun::Message {
        let id = stun::Message::parse(request).unwrap().transaction;
        stun::Message::parse(&stun::success(&id, mapped.parse().unwrap(), false)).unwrap()
    }

    #[test]
    fn intervals_are_random_within_what_is_recommended_or_the_defaults() {
        let mut rng = rng();
        for (kind, recommended, least, most) in [
            (Kind::Crlf, None, 96_000, 120_000),
            (Kind::Stun { shard: 0 }, None, 24_000, 29_000),
            (Kind::Crlf, Some(60), 48_000, 60_000),
            (Kind::Stun { shard: 0 }, Some(10), 8_000, 10_000),
            (Kind::Crlf, Some(0), 96_000, 120_000),
        ] {
            let waits: Vec<Instant> = (0..200)
                .map(|_| KeepAlive::new(kind, recommended, &mut rng, Instant::ZERO).next_timeout().unwrap())
                .collect();
            assert!(waits.iter().all(|wait| (at(least)..=at(most)).contains(wait)), "{kind:?} {recommended:?}");
            assert!(waits.iter().max() != waits.iter().min());
        }
    }

    #[test]
    fn a_pong_keeps_the_stream_and_its_absence_for_10_s_ends_it() {
        let mut rng = rng();
        let mut k = KeepAlive::new(Kind::Crlf, None, &mut rng, Instant::ZERO);
        let (now, action) = fire(&mut k, &mut rng);
        assert_eq!(sent(action), b"\r\n\r\n");
        assert!(!k.is_proven());
        k.pong(&mut rng, now + Duration::from_secs(9));
        assert!(k.is_proven());
        let (now, _) = fire(&mut k, &mut rng);
        assert_eq!(k.next_timeout(), Some(now + Duration::from_secs(10)));
        let (_, action) = fire(&mut k, &mut rng);
        assert!(matches!(action, Some(Action::Failed(_))), "{action:?}");
        assert_eq!((k.next_timeout(), k.handle_timeout(&mut rng, at(u64::MAX / 2000))), (None, None));
    }

    #[test]
    fn a_binding_request_is_repeated_six_times_and_fails_after_39_5_s() {
        let mut rng = rng();
        let mut k = KeepAlive::new(Kind::Stun { shard: 3 }, None, &mut rng, Instant::ZERO);
        let (first, action) = fire(&mut k, &mut rng);
        let request = sent(action);
        assert_eq!(stun::Message::parse(&request).unwrap().transaction[0], 3);
        let mut times = Vec::new();
        loop {
            let (now, action) = fire(&mut k, &mut rng);
            times.push(now.since(first).as_millis());
            match action {
                Some(Action::Send(again)) => assert_eq!(again, request),
                Some(Action::Failed(_)) => break,
                None => panic!(),
            }
        }
        assert_eq!(times, [500, 1500, 3500, 7500, 15_500, 31_500, 39_500]);
    }

    #[test]
    fn a_changed_address_is_a_failure_and_forged_answers_are_ignored() {
        let mut rng = rng();
        let mut k = KeepAlive::new(Kind::Stun { shard: 0 }, None, &mut rng, Instant::ZERO);
        let (now, action) = fire(&mut k, &mut rng);
        let request = sent(action);
        let mut forged = answer(&request, "203.0.113.1:1");
        forged.transaction[11] ^= 1;
        assert_eq!(k.response(&forged, &mut rng, now), None);
        assert!(!k.is_proven());
        assert_eq!(k.response(&answer(&request, "192.0.2.1:5060"), &mut rng, now), None);
        assert!(k.is_proven());
        // A second answer to the same request says nothing.
        assert_eq!(k.response(&answer(&request, "203.0.113.1:1"), &mut rng, now), None);
        let (now, action) = fire(&mut k, &mut rng);
        let again = sent(action);
        assert_ne!(again, request, "a transaction id of its own");
        let action = k.response(&answer(&again, "192.0.2.1:5061"), &mut rng, now);
        assert!(matches!(action, Some(Action::Failed(reason)) if reason.contains("changed")));
    }

    #[test]
    fn an_error_response_is_a_failure() {
        let mut rng = rng();
        let mut k = KeepAlive::new(Kind::Stun { shard: 0 }, None, &mut rng, Instant::ZERO);
        let (now, action) = fire(&mut k, &mut rng);
        let id = stun::Message::parse(&sent(action)).unwrap().transaction;
        let error = stun::Message::parse(&stun::unknown_attributes(&id, &[1], false)).unwrap();
        assert!(matches!(k.response(&error, &mut rng, now), Some(Action::Failed(reason)) if reason.contains("420")));
    }

    #[test]
    fn another_recommendation_counts_from_now_on() {
        let mut rng = rng();
        let mut k = KeepAlive::new(Kind::Crlf, None, &mut rng, Instant::ZERO);
        k.set_interval(Some(20), &mut rng, at(0));
        assert!(k.next_timeout().unwrap() <= at(20_000));
        let before = k.next_timeout();
        k.set_interval(Some(20), &mut rng, at(5));
        assert_eq!(k.next_timeout(), before);
    }
}
