//! Hold and resume by re-INVITE. RFC 3264 s8.4, RFC 3261 s14.1.

use super::io::{EventKind, Outcome};
use super::{Action, Call, Role, Settings, State, local};
use crate::base::{Duration, Instant, Rng};
use crate::message::body::session_of_response;
use crate::message::check;
use crate::usage::invite::Glare;
use bytes::Bytes;
use std::net::IpAddr;

impl Call {
    /// The application wants the peer held, or resumed.
    pub fn hold(&mut self, hold: bool, out: &mut Vec<Action>) {
        let possible = matches!(self.state, State::Up) && self.answered && !self.is_ending();
        if !possible || self.options.sdp.is_some() || !self.reinvite.start() {
            if !self.is_ending() {
                out.push(Action::Event(EventKind::CallHoldDone { held: self.hold_wanted, ok: false }));
            }
            return;
        }
        self.hold_wanted = hold;
        out.push(Action::Reinvite);
    }

    /// The body of the re-INVITE.
    pub(super) fn offer_for_reinvite(&mut self, ip: IpAddr, cx: &Settings) -> Bytes {
        let media = self.local_media(ip, cx);
        self.negotiation.offer(&media, self.wanted_direction())
    }

    /// A 2xx to our re-INVITE, or a repeat of it.
    pub fn reinvite_success(&mut self, response: &check::Response<'_, '_>, now: Instant, out: &mut Vec<Action>) {
        if !self.reinvite.is_pending() {
            out.push(Action::RepeatAck);
            return;
        }
        self.reinvite.finish();
        self.dialog.refresh_target(response);
        out.push(Action::Ack { dialog: Box::new(self.dialog.clone()), body: None, keep: true });
        if self.is_ending() {
            return;
        }
        match self.negotiation.remote_answer(session_of_response(response).unwrap_or_default()) {
            Ok(agreed) => {
                self.apply(&agreed, out);
                out.push(Action::Event(EventKind::CallHoldDone { held: self.hold_wanted, ok: true }));
            }
            Err(refused) => {
                let reason = format!("the peer's answer to our re-INVITE cannot be used: {}", refused.warning);
                self.give_up(local(488, reason), now, out);
            }
        }
    }

    /// The re-INVITE failed; the session stays as it was (s14.1), unless the dialog itself is gone (s12.2.1.2).
    pub fn reinvite_failure(
        &mut self,
        outcome: Outcome,
        retry_after_s: Option<u32>,
        rng: &mut Rng,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        self.negotiation.cancel_offer();
        let again = match (outcome.status, retry_after_s) {
            (491, _) if !outcome.local => self.reinvite.glare(self.role == Role::Uac, rng, now),
            (500, Some(s)) if s <= 10 => self.reinvite.wait(Duration::from_secs(s.into()), now),
            _ => Glare::GiveUp,
        };
        if again == Glare::Retry && !self.is_ending() {
            return;
        }
        self.reinvite.finish();
        if self.is_ending() {
            return;
        }
        self.hold_wanted = !self.hold_wanted;
        out.push(Action::Event(EventKind::CallHoldDone { held: self.hold_wanted, ok: false }));
        if matches!(outcome.status, 408 | 481) {
            self.give_up(outcome, now, out);
        }
    }
}
