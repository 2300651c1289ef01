//! INVITE client transaction. RFC 3261 s17.1.1 figure 5 as replaced by RFC 6026 s8.4: timers A, B, D, M.

use super::Sink;
use crate::base::{Duration, Instant, Timers};
use bytes::Bytes;

/// Timer D is at least this on unreliable transports, whatever T1 is here: the peer's T1 is not known. RFC 6026 s8.4.
const TIMER_D_MIN: Duration = Duration::from_secs(32);

/// The machine.
#[derive(Debug)]
pub(super) struct ClientInvite {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Sent; repeated by timer A on unreliable transports.
    Calling {
        request: Bytes,
        timer_a: Option<Instant>,
        interval: Duration,
        timer_b: Instant,
    },
    /// A 1xx came. The request is kept for the ACK and the CANCEL. `give_up` runs after a CANCEL (s9.1).
    Proceeding {
        request: Bytes,
        give_up: Option<Instant>,
    },
    /// A 2xx came: every further one goes to the user, who makes the ACKs. Nothing is kept.
    Accepted {
        timer_m: Instant,
    },
    /// A 3xx-6xx came: each repeat is acknowledged again.
    Completed {
        ack: Bytes,
        timer_d: Instant,
    },
    Terminated,
}

impl ClientInvite {
    /// Sends the INVITE.
    pub(super) fn new(request: Bytes, sink: &mut Sink<'_>) -> Self {
        sink.transmit(&request);
        let interval = sink.timers.t1;
        let timer_a = (!sink.reliable()).then(|| sink.after(interval));
        let timer_b = sink.after(sink.timers.t64());
        ClientInvite { state: State::Calling { request, timer_a, interval, timer_b } }
    }

    /// A response; `make_ack` builds the ACK from the request. Returns whether the user gets to see the response.
    pub(super) fn response(
        &mut self,
        status: u16,
        make_ack: impl FnOnce(&Bytes) -> Option<Bytes>,
        sink: &mut Sink<'_>,
    ) -> bool {
        match &mut self.state {
            State::Calling { request, .. } | State::Proceeding { request, .. } if status >= 300 => {
                let ack = make_ack(request);
                if let Some(ack) = &ack {
                    sink.transmit(ack);
                }
                self.state = match ack {
                    Some(ack) if !sink.reliable() => {
                        State::Completed { ack, timer_d: sink.after(TIMER_D_MIN.max(sink.timers.t64())) }
                    }
                    _ => State::Terminated,
                };
                true
            }
            State::Calling { .. } | State::Proceeding { .. } if status >= 200 => {
                self.state = State::Accepted { timer_m: sink.after(sink.timers.t64()) };
                true
            }
            State::Calling { request, .. } => {
                self.state = State::Proceeding { request: std::mem::take(request), give_up: None };
                true
            }
            State::Proceeding { .. } => true,
            State::Accepted { .. } => (200..300).contains(&status),
            State::Completed { ack, .. } => {
                if status >= 300 {
                    sink.transmit(ack);
                }
                false
            }
            State::Terminated => false,
        }
    }

    /// The request as sent, while no final response came.
    pub(super) fn request(&self) -> Option<&Bytes> {
        match &self.state {
            State::Calling { request, .. } | State::Proceeding { request, .. } => Some(request),
            State::Accepted { .. } | State::Completed { .. } | State::Terminated => None,
        }
    }

    /// Whether a provisional response came and no final one: only then may a CANCEL go out. RFC 3261 s9.1.
    pub(super) fn is_proceeding(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// A CANCEL was sent: without a final response within 64*T1 the INVITE counts as cancelled. RFC 3261 s9.1.
    pub(super) fn cancelled(&mut self, now: Instant, timers: &Timers) {
        if let State::Proceeding { give_up, .. } = &mut self.state {
            give_up.get_or_insert(now + timers.t64());
        }
    }

    /// The user went on to another target: nothing is repeated, late responses are still heard. RFC 3263 s4.3.
    pub(super) fn give_up(&mut self) {
        if let State::Calling { timer_a, .. } = &mut self.state {
            *timer_a = None;
        }
    }

    /// The transport could not send.
    pub(super) fn transport_error(&mut self, sink: &mut Sink<'_>) {
        match self.state {
            State::Calling { .. } | State::Proceeding { .. } | State::Completed { .. } => {
                self.state = State::Terminated;
                sink.transport_error();
            }
            // The ACK of a 2xx is the user's; the state is only here to let further 2xx through.
            State::Accepted { .. } | State::Terminated => {}
        }
    }

    /// Fires what is due.
    pub(super) fn handle_timeout(&mut self, sink: &mut Sink<'_>) {
        let now = sink.now;
        match &mut self.state {
            State::Calling { timer_b, .. } if *timer_b <= now => {
                self.state = State::Terminated;
                sink.timeout();
            }
            State::Calling { request, timer_a, interval, .. } if timer_a.is_some_and(|at| at <= now) => {
                sink.transmit(request);
                *interval = interval.saturating_mul(2);
                *timer_a = Some(sink.after(*interval));
            }
            State::Proceeding { give_up: Some(at), .. } if *at <= now => {
                self.state = State::Terminated;
                sink.timeout();
            }
            State::Accepted { timer_m: at } | State::Completed { timer_d: at, .. } if *at <= now => {
                self.state = State::Terminated;
            }
            _ => {}
        }
    }

    /// The earliest timer of the state.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Calling { timer_a, timer_b, .. } => Some(timer_a.map_or(*timer_b, |a| a.min(*timer_b))),
            State::Proceeding { give_up, .. } => *give_up,
            State::Accepted { timer_m: at } | State::Completed { timer_d: at, .. } => Some(*at),
            State::Terminated => None,
        }
    }

    /// Whether all is over.
    pub(super) fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
