//! Doing what the agent wants.

use super::inbox::Inbound;
use super::{Shard, resolve};
use crate::agent::io::{Event, EventKind, Input, Output};
use crate::base::id::CallId;
use crate::base::{Protocol, Transmit};
use crate::engine::handles::Use;
use crate::engine::log::TraceDirection;
use crate::media::io::{MediaEvent, MediaEventKind, MediaOrder};

impl Shard {
    pub(super) fn act(&mut self, output: Output) {
        match output {
            Output::Transmit(transmit) => self.transmit(transmit),
            Output::Event(event) => self.tell(event),
            Output::Media(order) => self.order(order),
            Output::Resolve(query) => resolve::resolve(self, &query),
            Output::Connect { peer } => self.streams.connect(self.me, self.shared.clone(), peer),
            Output::Close { flow } if flow.home() == self.me => self.streams.close(&flow),
            Output::Close { flow } => drop(self.hand_over(flow.home(), Inbound::Close { flow })),
            Output::Route { shard, flow, bytes } => self.reroute(shard, flow, bytes),
            Output::AccountView(view) => {
                for shard in self.others() {
                    self.hand_over(shard, Inbound::AccountView(view.clone()));
                }
            }
        }
    }

    fn transmit(&mut self, transmit: Transmit) {
        if transmit.flow.protocol == Protocol::Udp {
            self.trace(TraceDirection::Sent, &transmit.flow, &transmit.bytes);
            let carrier = self.sends.iter_mut().find(|queue| queue.socket.carries(&transmit.flow));
            match carrier {
                Some(queue) => queue.push(transmit),
                None => {
                    let reason = format!("no UDP listener has the address {}", transmit.flow.local);
                    self.soon.push_back(Input::TransmitFailed { flow: transmit.flow, reason });
                }
            }
        } else if transmit.flow.home() == self.me {
            self.write(transmit);
        } else {
            self.hand_over(transmit.flow.home(), Inbound::Transmit(transmit));
        }
    }

    /// Sends on a stream that is at home here.
    pub(super) fn write(&mut self, transmit: Transmit) {
        self.trace(TraceDirection::Sent, &transmit.flow, &transmit.bytes);
        if !self.streams.write(&transmit.flow, transmit.bytes) {
            let reason = format!("the connection to {} is closed", transmit.flow.remote);
            self.soon.push_back(Input::TransmitFailed { flow: transmit.flow, reason });
        }
    }

    fn order(&mut self, order: MediaOrder) {
        match &order {
            MediaOrder::Open { session, call, .. } => drop(self.sessions.insert(*session, *call)),
            MediaOrder::Close { session } => drop(self.sessions.remove(session)),
            _ => {}
        }
        self.workers.order(order);
    }

    /// Media has news.
    pub(super) fn media(&mut self, event: MediaEvent) {
        if matches!(event.kind, MediaEventKind::Failed { .. }) {
            self.sessions.remove(&event.session);
        }
        self.input(Input::Media(event));
    }

    /// Tells the application; the end of a call waits until its recordings are complete on disk.
    pub(super) fn tell(&mut self, event: Event) {
        match event.kind {
            EventKind::CallEnded { .. } if self.records(event.call) => {
                self.held.entry(event.call).or_insert(event);
                return;
            }
            EventKind::PlayDone { token, .. } if !self.play_done(event.call, token) => return,
            _ => {}
        }
        if self.shared.events.post(event) {
            self.shared.wake_all();
        }
    }

    /// A recording of `call` is complete.
    pub(super) fn files_closed(&mut self, call: CallId) {
        if !self.records(call)
            && let Some(event) = self.held.remove(&call)
        {
            self.tell(event);
        }
    }

    fn records(&self, call: CallId) -> bool {
        let object = self.shared.events.table.find(call.raw());
        object.is_some_and(|object| object.files().iter().any(|file| file.purpose == Use::Record))
    }

    /// Forgets a play that is done; false for that of a PCM port, which is none of the application's plays.
    fn play_done(&self, call: CallId, token: u64) -> bool {
        let Some(object) = self.shared.events.table.find(call.raw()) else { return true };
        let mut files = object.files();
        let Some(index) = files.iter().position(|file| file.token == token) else { return true };
        files.swap_remove(index).purpose != Use::Port
    }
}
