//! A call that we dial: offer, early dialogs and media, the 2xx, the failures. RFC 3261 s13.2, RFC 3264.

use super::io::{CallOptions, EventKind, Outcome};
use super::media::{Media, Then};
use super::{Action, Call, Outgoing, Role, Settings, State, Telling, local};
use crate::base::id::{AccountId, CallId, NodeId};
use crate::base::{Flow, Instant, limits};
use crate::dialog::Dialog;
use crate::message::body::session_of_response;
use crate::message::{Message, check};
use crate::offer_answer::Negotiation;
use crate::usage::invite::Reinvite;
use bytes::Bytes;
use std::net::IpAddr;

impl Call {
    /// A dial. `dialog` is the ground of the INVITE.
    #[must_use]
    pub fn dial(
        (id, account, node): (CallId, AccountId, NodeId),
        dialog: Dialog,
        negotiation: Negotiation,
        options: Box<CallOptions>,
        cx: &Settings,
        now: Instant,
    ) -> Self {
        let ring_limit = Some(now + options.ring_timeout.unwrap_or(cx.ring_timeout));
        let outgoing = Outgoing { ring_limit, early: Vec::new(), offer: None, early_media: None, cancelled: false };
        Call {
            id,
            account,
            role: Role::Uac,
            dialog,
            state: State::Outgoing(Box::new(outgoing)),
            telling: Telling::NotYet,
            negotiation,
            media: Media::None,
            node,
            server: None,
            reinvite: Reinvite::default(),
            hold_wanted: false,
            held: false,
            answered: false,
            early_answer: None,
            options,
            contact: "".into(),
            flow: None,
            ack: None,
            ticket: 0,
            forks: Vec::new(),
            quality: None,
        }
    }

    /// The INVITE is about to go to a target that we reach from `ip`. `true`: go on; `false`: [`Action::InviteReady`] comes, or the end.
    pub fn prepare_invite(&mut self, ip: IpAddr, cx: &Settings, out: &mut Vec<Action>) -> bool {
        matches!(self.state, State::Outgoing(_)) && self.need_media(ip, Then::Invite, cx, out)
    }

    /// The body of the INVITE; the same for every try.
    pub(super) fn offer_for_invite(&mut self, ip: IpAddr, cx: &Settings) -> Bytes {
        if let Some(own) = &self.options.sdp {
            self.negotiation.set_raw(true);
            return own.clone();
        }
        let local = self.local_media(ip, cx);
        let direction = self.wanted_direction();
        let State::Outgoing(outgoing) = &mut self.state else { return Bytes::new() };
        if let Some(offer) = &outgoing.offer {
            return offer.clone();
        }
        let offer = self.negotiation.offer(&local, direction);
        outgoing.offer = Some(offer.clone());
        offer
    }

    /// A try of our INVITE left on `flow`: the early dialogs of another target or of one without credentials are history.
    pub fn invite_sent(&mut self, flow: Flow) {
        self.flow = Some(flow);
        if let State::Outgoing(outgoing) = &mut self.state {
            outgoing.early.clear();
        }
    }

    /// A provisional response to the INVITE. RFC 3261 s13.2.2.1.
    pub fn invite_provisional(&mut self, response: &check::Response<'_, '_>, out: &mut Vec<Action>) {
        let State::Outgoing(outgoing) = &mut self.state else { return };
        if outgoing.cancelled || response.code == 100 {
            return;
        }
        let tag = response.to.tag().unwrap_or("");
        let known = outgoing.early.iter().any(|d| d.remote_tag() == tag);
        if !tag.is_empty() && !known && outgoing.early.len() < limits::EARLY_DIALOGS {
            outgoing.early.extend(self.dialog.uac(response));
        }
        let mut early_media = outgoing.early_media.is_some();
        if let Some(sdp) = session_of_response(response) {
            let fresh = outgoing.early_media.as_deref() != Some(tag);
            if fresh
                && outgoing.offer.is_some()
                && let Ok(agreed) = self.negotiation.preview_answer(sdp)
            {
                outgoing.early_media = Some(tag.into());
                early_media = true;
                self.apply(&agreed, out);
            }
        }
        out.push(Action::Event(EventKind::CallProgress { outcome: of_peer(response), early_media }));
    }

    /// A 2xx to the INVITE: ACK it, whatever becomes of it. RFC 3261 s13.2.2.4.
    pub fn invite_success(&mut self, response: &check::Response<'_, '_>, now: Instant, out: &mut Vec<Action>) {
        let tag = response.to.tag().unwrap_or("");
        if !matches!(self.state, State::Outgoing(_)) {
            return self.another_success(response, tag, out);
        }
        let State::Outgoing(mut outgoing) = std::mem::replace(&mut self.state, State::Up) else { return };
        let known = outgoing.early.iter().position(|d| d.remote_tag() == tag);
        let mut dialog = match known {
            Some(at) => outgoing.early.swap_remove(at),
            None => self.dialog.uac(response).unwrap_or_else(|| self.dialog.clone()),
        };
        dialog.set_local_cseq(self.dialog.local_cseq());
        dialog.confirm(response);
        self.dialog = dialog;
        self.answered = true;
        out.push(Action::Ack { dialog: Box::new(self.dialog.clone()), body: None, keep: true });
        if outgoing.cancelled || self.is_ending() {
            // The CANCEL came too late: s9.1, s15.
            self.end_session(out);
            self.forget_when_done(out);
            return;
        }
        match self.final_answer(&outgoing, response) {
            Ok(agreed) => {
                let codec = agreed.and_then(|agreed| self.apply(&agreed, out));
                out.push(Action::Event(EventKind::CallAnswered { codec }));
                if self.held {
                    out.push(Action::Event(EventKind::CallHeld(true)));
                }
            }
            Err(reason) => self.give_up(local(488, reason), now, out),
        }
    }

    /// The answer of the 2xx; `None` when negotiation is the application's.
    fn final_answer(
        &mut self,
        outgoing: &Outgoing,
        response: &Message<'_>,
    ) -> Result<Option<crate::offer_answer::Agreed>, String> {
        if outgoing.offer.is_none() {
            return Ok(None);
        }
        match session_of_response(response) {
            Some(sdp) => match self.negotiation.remote_answer(sdp) {
                Ok(agreed) => Ok(Some(agreed)),
                Err(refused) => Err(format!("the peer's answer cannot be used: {}", refused.warning)),
            },
            None => match self.negotiation.confirm_preview() {
                Some(agreed) => Ok(Some(agreed)),
                None => Err("the peer answered 200 without SDP; it must answer our offer (RFC 3264 s5)".into()),
            },
        }
    }

    /// A 2xx after the call was answered: a repeat, or another fork.
    fn another_success(&mut self, response: &check::Response<'_, '_>, tag: &str, out: &mut Vec<Action>) {
        if tag == self.dialog.remote_tag() {
            out.push(Action::RepeatAck);
            return;
        }
        let Some(mut dialog) = self.dialog.uac(response) else { return };
        dialog.set_local_cseq(response.cseq.number);
        out.push(Action::Ack { dialog: Box::new(dialog.clone()), body: None, keep: false });
        if !self.forks.iter().any(|known| **known == *tag) && self.forks.len() < limits::EARLY_DIALOGS {
            self.forks.push(tag.into());
            out.push(Action::Bye(Box::new(dialog)));
        }
    }

    /// The INVITE failed for good: the peer refused, or nobody could be reached (`outcome.local`).
    pub fn invite_failure(&mut self, outcome: Outcome, now: Instant, out: &mut Vec<Action>) {
        if matches!(self.state, State::Outgoing(_)) {
            self.finish(outcome, now, out);
        }
    }

    pub(super) fn outgoing_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        let State::Outgoing(outgoing) = &self.state else { return };
        if outgoing.ring_limit.is_some_and(|limit| now >= limit) {
            self.cancel(local(408, "ring timeout: nobody answered"), now, out);
        }
    }
}

/// An outcome that the peer's response gives.
fn of_peer(response: &check::Response<'_, '_>) -> Outcome {
    Outcome { status: response.code, reason: response.reason().into(), local: false, by_peer: true }
}
