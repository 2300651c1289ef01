//! Non-INVITE client transaction. RFC 3261 s17.1.2 figure 6: timers E, F, K.

use super::Sink;
use crate::base::{Duration, Instant};
use bytes::Bytes;

/// The machine.
#[derive(Debug)]
pub(super) struct ClientNonInvite {
    state: State,
}

#[derive(Debug)]
enum State {
    /// Sent; repeated by timer E on unreliable transports, at intervals that double up to T2.
    Trying {
        request: Bytes,
        timer_e: Option<Instant>,
        interval: Duration,
        timer_f: Instant,
    },
    /// A 1xx came; timer E goes on with T2.
    Proceeding {
        request: Bytes,
        timer_e: Option<Instant>,
        timer_f: Instant,
    },
    /// A final response came; repeats of it are absorbed. Nothing is kept.
    Completed {
        timer_k: Instant,
    },
    Terminated,
}

impl ClientNonInvite {
    /// Sends the request.
    pub(super) fn new(request: Bytes, sink: &mut Sink<'_>) -> Self {
        sink.transmit(&request);
        let interval = sink.timers.t1;
        let timer_e = (!sink.reliable()).then(|| sink.after(interval));
        let timer_f = sink.after(sink.timers.t64());
        ClientNonInvite { state: State::Trying { request, timer_e, interval, timer_f } }
    }

    /// A response. Returns whether the user gets to see it.
    pub(super) fn response(&mut self, status: u16, sink: &mut Sink<'_>) -> bool {
        match &mut self.state {
            State::Trying { .. } | State::Proceeding { .. } if status >= 200 => {
                self.state = if sink.reliable() {
                    State::Terminated
                } else {
                    State::Completed { timer_k: sink.after(sink.timers.t4) }
                };
                true
            }
            State::Trying { request, timer_e, timer_f, .. } => {
                let (request, timer_e, timer_f) = (std::mem::take(request), *timer_e, *timer_f);
                self.state = State::Proceeding { request, timer_e, timer_f };
                true
            }
            State::Proceeding { .. } => true,
            State::Completed { .. } | State::Terminated => false,
        }
    }

    /// The transport could not send.
    pub(super) fn transport_error(&mut self, sink: &mut Sink<'_>) {
        if matches!(self.state, State::Trying { .. } | State::Proceeding { .. }) {
            self.state = State::Terminated;
            sink.transport_error();
        }
    }

    /// Fires what is due.
    pub(super) fn handle_timeout(&mut self, sink: &mut Sink<'_>) {
        let now = sink.now;
        match &mut self.state {
            State::Trying { timer_f, .. } | State::Proceeding { timer_f, .. } if *timer_f <= now => {
                self.state = State::Terminated;
                sink.timeout();
            }
            State::Trying { request, timer_e, interval, .. } if timer_e.is_some_and(|at| at <= now) => {
                sink.transmit(request);
                *interval = interval.saturating_mul(2).min(sink.timers.t2);
                *timer_e = Some(sink.after(*interval));
            }
            State::Proceeding { request, timer_e, .. } if timer_e.is_some_and(|at| at <= now) => {
                sink.transmit(request);
                *timer_e = Some(sink.after(sink.timers.t2));
            }
            State::Completed { timer_k } if *timer_k <= now => self.state = State::Terminated,
            _ => {}
        }
    }

    /// The earliest timer of the state.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { timer_e, timer_f, .. } | State::Proceeding { timer_e, timer_f, .. } => {
                Some(timer_e.map_or(*timer_f, |e| e.min(*timer_f)))
            }
            State::Completed { timer_k } => Some(*timer_k),
            State::Terminated => None,
        }
    }

    /// Whether all is over.
    pub(super) fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
