//! After a panic in the agent, and at the end of a shard: every object gets its terminal event.

use super::super::counters;
use super::Shard;
use crate::agent::Agent;
use crate::agent::io::{AccountView, Command, Event, EventKind, Input, Outcome};
use crate::base::id::{self, AccountId, CallId, Kind, RequestId};
use crate::engine::net::batch;
use crate::media::io::MediaOrder;

/// Serials of one generation of agents; 2^43 serials hold 8192 generations.
const GENERATION_BITS: u32 = 30;

impl Shard {
    /// Our defect: this shard's calls and requests end with their events, and a fresh agent takes over accounts and streams.
    pub(super) fn recover(&mut self) {
        counters::count(&self.shared.counters.panics);
        tracing::error!(shard = self.me, "the agent panicked; its calls end and a fresh one starts");
        self.generation += 1;
        self.wants.clear();
        self.soon.clear();
        self.config.first_serial = (self.generation << GENERATION_BITS) | 1;
        let _ = batch::os_random(&mut self.config.seed);
        let mut past = self.agent.traffic();
        past.protocols.iter_mut().for_each(|carried| carried.streams = 0);
        self.past = self.past.plus(&past);
        let mut fresh = Agent::new(self.config.clone());
        fresh.take_auth_users(&mut self.agent);
        self.agent = fresh;
        for (session, _) in std::mem::take(&mut self.sessions) {
            self.workers.order(MediaOrder::Close { session });
        }
        self.end_all("internal: a defect of the engine ended it; please report it", 500, false);
        self.soon.extend(self.streams.all().map(|(flow, opened)| Input::StreamOpened { flow, opened }));
        for object in self.shared.events.table.collect(|id| id::kind(id) == Some(Kind::Account)) {
            let (Some(config), Some(account)) = (object.account.clone(), AccountId::from_raw(object.id)) else {
                continue;
            };
            self.soon.push_back(if account.shard() == self.me {
                Input::Command(Command::AddAccount { account, config: Box::new(config) })
            } else {
                let view = AccountView { id: account, config: Some(config), service_route: Vec::new() };
                Input::AccountView(Box::new(view))
            });
        }
        if self.draining {
            self.soon.push_back(Input::Command(Command::Shutdown));
        }
    }

    /// The last act: what did not end by itself ends here, accounts last.
    pub(super) fn stop(&mut self) {
        let reason = "the engine was shut down";
        self.end_all(reason, 487, false);
        // Nothing waits for files any more.
        for (_, event) in std::mem::take(&mut self.held) {
            self.shared.events.post(event);
        }
        self.end_all(reason, 487, true);
        self.publish(self.now());
        self.stopped = true;
    }

    fn end_all(&mut self, reason: &str, status: u16, accounts: bool) {
        let me = self.me;
        let mine = |id: u64| {
            id::shard(id) == me
                && match id::kind(id) {
                    Some(Kind::Call | Kind::Request) => !accounts,
                    Some(Kind::Account) => accounts,
                    _ => false,
                }
        };
        for object in self.shared.events.table.collect(mine) {
            let outcome = Outcome { status, reason: reason.to_owned(), local: true, by_peer: false };
            let call = CallId::from_raw(object.id);
            let request = RequestId::from_raw(object.id);
            let kind = match (call, request) {
                (Some(_), _) => EventKind::CallEnded { outcome, quality: object.quality() },
                (_, Some(_)) => EventKind::RequestDone(outcome),
                _ => EventKind::AccountRemoved,
            };
            self.tell(Event {
                time: self.now(),
                account: AccountId::from_raw(object.id).unwrap_or_default(),
                call: call.unwrap_or_default(),
                request: request.unwrap_or_default(),
                kind,
                message: None,
                flow: None,
                auth_user: None,
            });
        }
    }
}
