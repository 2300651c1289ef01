//! Non-INVITE server transaction. RFC 3261 s17.2.2 figure 8: timer J. RFC 4320 s4: which provisional responses go out and when,
//! and no 408.

use super::Sink;
use crate::base::{Duration, Instant, Timers};
use bytes::Bytes;

/// The machine.
#[derive(Debug)]
pub(super) struct ServerNonInvite {
    state: State,
    /// From here on a 100 may (and must) go out: the client's timer E has reached T2. RFC 4320 s4.1.
    quiet_until: Instant,
}

#[derive(Debug)]
enum State {
    /// The user has not spoken. `trying` goes out at `quiet_until`. The client gives up at `expires`, so later nothing is sent at all
    /// (RFC 4320 s4.2).
    Trying {
        trying: Option<Bytes>,
        expires: Instant,
    },
    /// A 100 went out.
    Proceeding {
        last: Bytes,
        expires: Instant,
    },
    /// The final response; `None` when it was a 408, which is never sent.
    Completed {
        response: Option<Bytes>,
        timer_j: Instant,
    },
    Terminated,
}

/// How long a client's timer E takes to be reset to T2: 3.5 s with the default values. RFC 4320 s4.1.
fn until_t2(timers: &Timers) -> Duration {
    let mut interval = timers.t1;
    let mut passed = Duration::ZERO;
    while interval < timers.t2 {
        passed = passed.saturating_add(interval);
        interval = interval.saturating_mul(2);
    }
    passed
}

impl ServerNonInvite {
    /// Waits for the user. `trying` goes out if the user does not speak for 3.5 s.
    pub(super) fn new(trying: Option<Bytes>, now: Instant, timers: &Timers) -> Self {
        ServerNonInvite {
            state: State::Trying { trying, expires: now + timers.t64() },
            quiet_until: now + until_t2(timers),
        }
    }

    /// A response of the user.
    pub(super) fn respond(&mut self, status: u16, response: Bytes, sink: &mut Sink<'_>) {
        match &mut self.state {
            State::Trying { expires, .. } | State::Proceeding { expires, .. } if status < 200 => {
                let expires = *expires;
                if status == 100 && (sink.reliable() || sink.now >= self.quiet_until) {
                    sink.transmit(&response);
                    self.state = State::Proceeding { last: response, expires };
                }
            }
            State::Trying { .. } | State::Proceeding { .. } => {
                let response = (status != 408).then_some(response);
                if let Some(response) = &response {
                    sink.transmit(response);
                }
                self.state = if sink.reliable() {
                    State::Terminated
                } else {
                    State::Completed { response, timer_j: sink.after(sink.timers.t64()) }
                };
            }
            State::Completed { .. } | State::Terminated => {}
        }
    }

    /// The request came again.
    pub(super) fn retransmission(&mut self, sink: &mut Sink<'_>) {
        match &self.state {
            State::Proceeding { last: bytes, .. } | State::Completed { response: Some(bytes), .. } => {
                sink.transmit(bytes);
            }
            State::Trying { .. } | State::Completed { response: None, .. } | State::Terminated => {}
        }
    }

    /// The transport could not send: the user hears of it and the state stays. RFC 6026 s8.8.
    pub(super) fn transport_error(&mut self, sink: &mut Sink<'_>) {
        if matches!(self.state, State::Proceeding { .. } | State::Completed { .. }) {
            sink.transport_error();
        }
    }

    /// Fires what is due.
    pub(super) fn handle_timeout(&mut self, sink: &mut Sink<'_>) {
        let now = sink.now;
        match &mut self.state {
            State::Trying { expires: at, .. }
            | State::Proceeding { expires: at, .. }
            | State::Completed { timer_j: at, .. }
                if *at <= now =>
            {
                self.state = State::Terminated;
            }
            State::Trying { trying, expires } if self.quiet_until <= now => {
                if let Some(last) = trying.take() {
                    sink.transmit(&last);
                    self.state = State::Proceeding { last, expires: *expires };
                }
            }
            _ => {}
        }
    }

    /// The earliest timer of the state.
    pub(super) fn next_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Trying { trying: Some(_), expires } => Some(self.quiet_until.min(*expires)),
            State::Trying { trying: None, expires: at }
            | State::Proceeding { expires: at, .. }
            | State::Completed { timer_j: at, .. } => Some(*at),
            State::Terminated => None,
        }
    }

    /// Whether all is over.
    pub(super) fn is_terminated(&self) -> bool {
        matches!(self.state, State::Terminated)
    }
}
