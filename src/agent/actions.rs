//! Carrying out what calls want done.

use super::outgoing::Owner;
use super::{About, Agent, Timer, io::Output};
use crate::base::id::CallId;
use crate::base::{Instant, Rng};
use crate::call::{Action, Call, Role, Settings};
use crate::media::io::MediaEvent;

impl Agent {
    /// Lets a call act and carries out what it wants. `raw` is the message that it acts upon.
    pub(super) fn with_call(
        &mut self,
        id: CallId,
        raw: Option<&[u8]>,
        now: Instant,
        act: impl FnOnce(&mut Call, &Settings, &mut Rng, &mut Vec<Action>),
    ) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        let mut actions = std::mem::take(&mut self.actions);
        act(call, &self.settings, &mut self.rng, &mut actions);
        self.carry_out(id, &mut actions, raw, now);
        // Kept for its capacity.
        if self.actions.capacity() < actions.capacity() {
            self.actions = actions;
        }
    }

    /// News of media, for the call that owns the session.
    pub(super) fn media_event(&mut self, event: MediaEvent, now: Instant) {
        self.with_call(event.call, None, now, |call, cx, _, out| call.media_event(event.kind, cx, now, out));
    }

    pub(super) fn carry_out(&mut self, id: CallId, actions: &mut Vec<Action>, raw: Option<&[u8]>, now: Instant) {
        for action in actions.drain(..) {
            match action {
                Action::Event(kind) => {
                    let account = self.calls.get(&id).map(|c| c.account()).unwrap_or_default();
                    self.event(kind, About { account, call: id, ..About::default() }, raw, now);
                }
                Action::Media(order) => self.out.push_back(Output::Media(order)),
                Action::InviteReady => self.media_ready(id, now),
                Action::Cancel => self.cancel_invite(id, now),
                Action::Reinvite => self.start(Owner::Reinvite(id), now),
                Action::Ack { dialog, body, keep } => self.send_ack(id, dialog, body, keep, now),
                Action::RepeatAck => {
                    self.came_again();
                    self.traffic.retransmissions_sent = self.traffic.retransmissions_sent.saturating_add(1);
                    if let Some((way, bytes)) = self.calls.get(&id).and_then(Call::ack).cloned() {
                        self.transports.send(&way, bytes, now, &mut self.from_transports);
                    }
                }
                Action::Bye(dialog) => {
                    let call = self.calls.get(&id);
                    let (account, flow) = call.map(|c| (c.account(), c.flow())).unwrap_or_default();
                    let as_callee = call.is_some_and(|c| c.role() == Role::Uas);
                    self.start(Owner::Bye { dialog, account, flow, as_callee }, now);
                }
                Action::Respond { server, status, response } => {
                    self.transactions.respond(server, status, response, now, &mut self.from_transactions);
                }
                Action::Forget => self.forget_call(id),
            }
        }
        let deadline = self.calls.get(&id).and_then(Call::next_timeout);
        self.schedule.set(Timer::Call(id), deadline);
    }

    fn forget_call(&mut self, id: CallId) {
        if let Some(call) = self.calls.remove(&id) {
            self.by_tag.remove(call.dialog().local_tag());
        }
    }
}
