//! Deadlines, and what the tables below say: carried to their owners until nothing is left to say.

use super::io::Output;
use super::{Agent, Timer, User};
use crate::base::{Flow, Instant, Transmit};
use crate::transaction::{self, TransactionId};
use crate::transport;

impl Agent {
    pub(super) fn timer(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Call(id) => self.with_call(id, None, now, |call, cx, _, out| call.handle_timeout(cx, now, out)),
            Timer::Account(id) => self.registration_due(id, now),
            Timer::Asked(id) => self.asked_too_long(id, now),
            Timer::Keep(number) => self.keep_due(number, now),
            Timer::Request(key) => self.request_due(key, now),
        }
    }

    /// A flow broke: the transactions on it fail.
    pub(super) fn flow_failed(&mut self, flow: &Flow, now: Instant) {
        for id in self.transactions.clients_on(flow) {
            self.transactions.transport_error(id, now, &mut self.from_transactions);
        }
    }

    /// Carries out what transactions and transports want, until they want nothing more.
    pub(super) fn flush(&mut self, now: Instant) {
        while !self.from_transactions.is_empty() || !self.from_transports.is_empty() {
            let mut actions = std::mem::take(&mut self.from_transactions);
            for action in actions.drain(..) {
                match action {
                    transaction::Action::Transmit(transmit) => {
                        self.transports.transmit(transmit, now, &mut self.from_transports);
                    }
                    transaction::Action::Timeout(id) => self.transaction_failed(id, Failure::Timeout, now),
                    transaction::Action::TransportError(id) => self.transaction_failed(id, Failure::Transport, now),
                    transaction::Action::Terminated(id) => self.transaction_over(id),
                }
            }
            keep(&mut self.from_transactions, actions);
            let mut actions = std::mem::take(&mut self.from_transports);
            for action in actions.drain(..) {
                self.transport_action(action, now);
            }
            keep(&mut self.from_transports, actions);
        }
    }

    fn transport_action(&mut self, action: transport::Action, now: Instant) {
        match action {
            transport::Action::Transmit(transmit) => self.transmit(transmit),
            transport::Action::Connect { peer } => {
                self.out.push_back(Output::Connect { peer });
            }
            transport::Action::Close { flow } => self.out.push_back(Output::Close { flow }),
            transport::Action::Ready { waiter, flow } => self.flow_ready(waiter, flow, now),
            transport::Action::Unreachable { waiter, remote, reason } => {
                self.flow_unreachable(waiter, remote, &reason, now);
            }
            transport::Action::Undeliverable { flow } => self.flow_failed(&flow, now),
        }
    }

    /// Sends.
    pub(super) fn transmit(&mut self, transmit: Transmit) {
        self.traffic.sent(&transmit.flow, &transmit.bytes);
        self.out.push_back(Output::Transmit(transmit));
    }

    fn transaction_failed(&mut self, id: TransactionId, failure: Failure, now: Instant) {
        // A server INVITE transaction without ACK to its refusal has nobody to tell (s17.2.1); a 2xx is the call's business.
        if let Some(User::Running(key)) = self.users.get(&id).copied() {
            self.try_failed(key, id, failure, now);
        }
    }

    fn transaction_over(&mut self, id: TransactionId) {
        match self.users.remove(&id) {
            Some(User::Server { merged: Some(merged), .. }) => {
                self.merged.remove(&merged);
            }
            Some(User::Running(key)) => self.try_over(key, id),
            Some(User::Server { merged: None, .. } | User::GivenUp) | None => {}
        }
    }
}

/// Why a try of a request got no response.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Timer B or F.
    Timeout,
    /// The transport could not carry it.
    Transport,
}

/// Puts an emptied buffer back for its capacity, behind what came meanwhile.
fn keep<T>(slot: &mut Vec<T>, emptied: Vec<T>) {
    if slot.is_empty() {
        *slot = emptied;
    }
}
