//! Responses from the network, for the requests that they answer. RFC 3261 s17.1.3, s18.1.2.

use super::{Agent, User};
use crate::base::{Flow, Instant};
use crate::message::check;
use crate::transaction::OnResponse;

impl Agent {
    pub(super) fn response(&mut self, response: &check::Response<'_, '_>, flow: Flow, now: Instant) {
        match self.transactions.on_response(response, now, &mut self.from_transactions) {
            OnResponse::ToUser(id) => {
                if (200..300).contains(&response.code) {
                    // Our branch came back: the source address is no forgery.
                    self.befriend(&flow, now);
                }
                if self.config.defence.overload_control
                    && let Some(feedback) = response.via.overload_feedback()
                {
                    self.throttle.told(flow.remote, feedback, now);
                }
                match self.users.get(&id).copied() {
                    Some(User::Running(key)) if self.is_given_up(key, id, response) => {
                        self.late_response(id, Some(key), response, now);
                    }
                    Some(User::Running(key)) => self.running_response(key, id, response, now),
                    Some(User::GivenUp) => self.late_response(id, None, response, now),
                    Some(User::Server { .. }) | None => {}
                }
            }
            OnResponse::Absorbed => self.came_again(),
            OnResponse::Stray => self.dropped = self.dropped.saturating_add(1),
        }
    }
}
