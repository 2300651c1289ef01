//! Floor 3: the four transaction machines and their table. RFC 3261 s17, RFC 6026, RFC 4320.
//!
//! A [`Transactions`] table holds every transaction of one shard. Messages are matched by a keyed 128-bit hash of what RFC 3261
//! s17.1.3 and s17.2.3 compare, so that a lookup costs no allocation and a finished transaction keeps no text. What the machines want
//! done is appended to `out`; drain it after each call.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod client_invite;
mod client_non_invite;
mod key;
mod made;
mod server_invite;
mod server_non_invite;
mod table;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests;

use crate::base::{Duration, Flow, Instant, Timers, Transmit};
use bytes::Bytes;
use std::fmt;

pub use table::Transactions;

/// Names a transaction of one table; never used twice.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Hash)]
pub struct TransactionId(u64);

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransactionId({:#x})", self.0)
    }
}

/// What a transaction wants done or told.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send this.
    Transmit(Transmit),
    /// Client: no final response came (timers B, F; or 64*T1 after a CANCEL). Server: no ACK came (timer H).
    Timeout(TransactionId),
    /// The transport could not send for it. A client transaction is over; a server transaction goes on (RFC 6026 s7.1).
    TransportError(TransactionId),
    /// It is over and its id names nothing any more. Comes last, once for each transaction that its user did not forget.
    Terminated(TransactionId),
}

/// What became of a response.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OnResponse {
    /// The user of this transaction handles it.
    ToUser(TransactionId),
    /// A repeat; acknowledged again where that is due.
    Absorbed,
    /// No transaction of ours: drop it. RFC 6026 s8.9.
    Stray,
}

/// What became of a request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OnRequest {
    /// No transaction has it: the core decides (an ACK to a 2xx comes this way too).
    New,
    /// A retransmission, answered where an answer exists; or the ACK to a non-2xx.
    Absorbed,
    /// An ACK with the branch of an INVITE that was accepted: its user gets it. RFC 6026 s7.1.
    AckFor2xx(TransactionId),
    /// A CANCEL for this INVITE server transaction. The CANCEL needs a server transaction of its own.
    Cancel(TransactionId),
    /// A CANCEL for a transaction of another method: it gets its 200 and changes nothing. RFC 3261 s9.2.
    CancelWithoutEffect,
}

/// What a machine sees of the table while it runs.
struct Sink<'a> {
    id: TransactionId,
    flow: Flow,
    timers: &'a Timers,
    now: Instant,
    /// The user gave the transaction up.
    silent: bool,
    out: &'a mut Vec<Action>,
}

impl Sink<'_> {
    fn reliable(&self) -> bool {
        self.flow.protocol.is_reliable()
    }

    fn after(&self, delay: Duration) -> Instant {
        self.now + delay
    }

    fn transmit(&mut self, bytes: &Bytes) {
        self.out.push(Action::Transmit(Transmit { flow: self.flow, bytes: bytes.clone() }));
    }

    /// Sends what nobody keeps.
    fn transmit_last(&mut self, bytes: Bytes) {
        self.out.push(Action::Transmit(Transmit { flow: self.flow, bytes }));
    }

    fn timeout(&mut self) {
        if !self.silent {
            self.out.push(Action::Timeout(self.id));
        }
    }

    fn transport_error(&mut self) {
        if !self.silent {
            self.out.push(Action::TransportError(self.id));
        }
    }
}
