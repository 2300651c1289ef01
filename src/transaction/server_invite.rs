//! INVITE server transaction. RFC 3261 s17.2.1 figure 7 as replaced by RFC 6026 s8.6: timers G, H, I, L, and the 100 after 200 ms.

use super::Sink;
use crate::base::{Duration, Instant};
use bytes::Bytes;

/// The user has this long to speak before a 100 goes out. RFC 3261 s17.2.1.
const TRYING: Duration = Duration::from_millis(200);

/// The machine.
#[derive(Debug)]
pub(super) struct ServerInvite {
    state: State,
}

#[derive(Debug)]
enum State {
    /// No final response yet. `last` is the newest provisional one (or the 100 to come while `trying` runs).
    Proceeding {
        last: Option<Bytes>,
        trying: Option<Instant>,
    },
    /// The user sent a 2xx. Keeps no response: the user repeats the 2xx, on every transport; a transport error never ends it.
    Accepted {
        timer_l: Instant,
    },
    /// The user sent a 3xx-6xx; no timer G on a reliable transport.
    Completed {
        response: Bytes,
        timer_g: Option<Instant>,
        interval: Duration,
        timer_h: Instant,
    },
    /// The ACK came; more of them are absorbed.
    Confirmed {
        timer_i: Instant,
    },
    Terminated,
}

/// What an ACK in this transaction means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ack {
    /// It acknowledged a non-2xx (or nothing): the user does not see it.
    Absorbed,
    /// It acknowledges the user's 2xx.
    ToUser,
}

impl ServerInvite {
    /// Waits for the user. `trying` goes out after 200 ms unless the user spoke.
    pub(super) fn new(trying: Option<Bytes>, now: Instant) -> Self {
        let at = trying.as_ref().map(|_| now + TRYING);
        ServerInvite { state: State::Proceeding { last: trying, trying: at } }
    }

    /// A response of the user.
    pub(super) fn respond(&mut self, status: u16, response: Bytes, sink: &mut Sink<'_>) {
        match &mut self.state {
            State::Proceeding { .. } if (200..300).contains(&status) => {
                sink.transmit_last(response);
                self.state = State::Accepted { timer_l: sink.after(sink.timers.t64()) };
            }
            State::Proceeding { last, trying } if status < 200 => {
                sink.transmit(&response);
                *last = Some(response);
                *trying = None;
            }
            State::Proceeding { .. } => {
                sink.transmit(&response);
                let interval = sink.timers.t1;
                let timer_g = (!sink.reliable()).then(|| sink.after(interval));
                let timer_h = sink.after(sink.timers.t64());
                self.state = State::Completed { response, timer_g, interval, timer_h };
            }
            State::Accepted { .. } if (200..300).contains(&status) => sink.transmit_last(response),
            State::Accepted { .. } | State::Completed { .. } | State::Confirmed { .. } | State::Terminated => {}
        }
    }

    /// The INVITE came again.
    pub(super) fn retransmission(&mut self, sink: &mut Sink<'_>) {
        match &mut self.state {
            // A client that repeats itself wants to hear something: the 100 goes out early.
            State::Proceeding { last: Some(last), trying } => {
                *trying = None;
                sink.transmit(last);
            }
            State::Completed { response, .. } => sink.transmit(response),
            State::Proceeding { last: None, .. }
            | State::Accepted { .. }
            | State::Confirmed { .. }
            | State::Terminated => {}
        }
    }

    /// An ACK came.
    pub(super) fn ack(&mut self, sink: &mut Sink<'_>) -> Ack {
        match self.state {
            State::Completed { .. } => {
                self.state = if sink.reliable() {
                    State::Terminated
                } else {
                    State::Confirmed { timer_i: sink.after(sink.timers.t4) }
                };
                Ack::Absorbed
            }
            State::Accepted { .. } => Ack::ToUser,
            State::Proceeding { .. } | State::Confirmed { .. } | State::Terminated => Ack::Absorbed,
        }
    }

    /// The transport could not send: the user hears of it and the state stays. RFC 6026 s7.1.
    pub(super) fn transport_error(&mut self, sink: &mut Sink<'_>) {
        match self.state {
            State::Proceeding { .. } | State::Accepted { .. } | State::Completed { .. } => {
                sink.transport_error();
            }
            State::Confirmed { .. } | State::Terminated => {}
        }
    }

    /// Fires what is due.
    pub(super) fn handle_timeout(&mut self, sink: &mut Sink<'_>) {
        let now = sink.now;
        match &mut self.state {
            State::Proceeding { last: Some(last), trying } if trying.is_some_and(|at| at <= now) => {
                *trying = None;
                sink.transmit(last);
            }
            State::Completed { timer_h, .. } if *timer_h <= now => {
                self.state = State::Terminated;
                sink.timeout();
            }
            State::Completed { response, timer_g, interval, .. } if timer_g.is_some_and(|at| at <= now) => {
                sink.transmit(response);
                *interval = interval.saturating_mul(2).min(sink.timers.t2);
                *timer_g = Some(sink.after(*interval));
            }
            State::Accepted { timer_l: at } | State::Confirmed { timer_i: at } if *at <= now => {
                self.state = State::Terminated;
            }
            _ => {}
        }
    }

    /// The earliest timer of the state.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Proceeding { trying, .. } => *trying,
            State::Completed { timer_g, timer_h, .. } => Some(timer_g.map_or(*timer_h, |g| g.min(*timer_h))),
            State::Accepted { timer_l: at } | State::Confirmed { timer_i: at } => Some(*at),
            State::Terminated => None,
        }
    }

    /// Whether a 2xx went out: what the user sends now is a repeat of it.
    pub(super) const fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted { .. })
    }

    /// Whether all is over.
    pub(super) fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
