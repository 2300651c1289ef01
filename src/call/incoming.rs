//! A call from the peer: ringing, early media, answering, the ACK, rejecting, CANCEL. RFC 3261 s13.3, s9.2.

use super::io::{CallOptions, EventKind, Outcome};
use super::media::{Media, Then};
use super::write::plain_headers;
use super::{Action, Call, Role, ServerInvite, Settings, State, Telling, local};
use crate::base::id::{AccountId, CallId, NodeId};
use crate::base::{Flow, Instant};
use crate::dialog::Dialog;
use crate::message::body::{self, session_of_response};
use crate::message::{Message, Name, Writer, check, reason_phrase};
use crate::offer_answer::{Negotiation, Refused};
use crate::transaction::TransactionId;
use crate::transport::ResponseSeed;
use crate::usage::invite::{Reinvite, Uas, UasTimeout};
use bytes::Bytes;

/// A request of the peer with all that its responses need.
#[derive(Debug)]
pub struct Invitation {
    /// Its server transaction.
    pub transaction: TransactionId,
    /// What every response repeats of it.
    pub seed: ResponseSeed,
    /// Where it came from.
    pub flow: Flow,
    /// Our Contact on that flow.
    pub contact: String,
}

impl Call {
    /// An INVITE without To tag arrived. RFC 3261 s13.3.1. Its offer is in `negotiation`.
    pub fn incoming(
        (id, account, node): (CallId, AccountId, NodeId),
        (dialog, negotiation): (Dialog, Negotiation),
        request: &check::Request<'_, '_>,
        invitation: Invitation,
        cx: &Settings,
        now: Instant,
        out: &mut Vec<Action>,
    ) -> Self {
        let server = ServerInvite {
            transaction: invitation.transaction,
            seed: invitation.seed,
            uas: Uas::new(Some(cx.ring_timeout), now),
            offer_in_2xx: false,
        };
        out.push(Action::Event(EventKind::CallIncoming {
            from: request.from.uri.into(),
            from_display: request.from.display_name().into(),
            to: request.to.uri.into(),
        }));
        Call {
            id,
            account,
            role: Role::Uas,
            dialog,
            state: State::Incoming,
            telling: Telling::NotYet,
            negotiation,
            media: Media::None,
            node,
            server: Some(Box::new(server)),
            reinvite: Reinvite::default(),
            hold_wanted: false,
            held: false,
            answered: false,
            early_answer: None,
            options: Box::default(),
            contact: invitation.contact,
            flow: Some(invitation.flow),
            ack: None,
            ticket: 0,
            forks: Vec::new(),
            quality: None,
        }
    }

    /// Sends a provisional response; with `early_media` it carries our answer and audio may flow. RFC 3261 s13.3.1.1.
    pub fn ring(&mut self, status: u16, early_media: bool, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        if !matches!(self.state, State::Incoming) || self.is_ending() {
            return;
        }
        let status = if (101..=199).contains(&status) { status } else { 180 };
        let mut body = None;
        if early_media {
            let Some(ip) = self.flow.map(|flow| flow.local.ip()) else { return };
            if !self.need_media(ip, Then::EarlyMedia(status), cx, out) {
                return;
            }
            if self.early_answer.is_none() && self.options.sdp.is_none() && self.negotiation.has_remote_offer() {
                let media = self.local_media(ip, cx);
                match self.negotiation.answer(&media, self.wanted_direction()) {
                    Ok((answer, agreed)) => {
                        self.early_answer = Some(answer);
                        self.apply(&agreed, out);
                    }
                    Err(refused) => return self.refuse(&refused, cx, now, out),
                }
            }
            body = self.options.sdp.clone().or_else(|| self.early_answer.clone());
        }
        let Some(server) = &mut self.server else { return };
        let mut response = Vec::with_capacity(512);
        let tag = self.dialog.local_tag();
        let more = |w: &mut Writer<'_>| {
            w.header(Name::Contact, self.contact.as_bytes());
            w.header(Name::Allow, &cx.allow);
        };
        let content = body.as_ref().map(|_| SDP);
        let body = body.as_deref().unwrap_or_default();
        server.seed.write(&mut response, status, reason_phrase(status), Some(tag), more, content, body);
        let response = Bytes::from(response);
        server.uas.provisional(status, response.clone(), now);
        out.push(Action::Respond { server: server.transaction, status, response });
    }

    /// The application takes the call. RFC 3261 s13.3.1.4.
    pub fn answer(&mut self, options: CallOptions, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        if !matches!(self.state, State::Incoming) || self.is_ending() {
            return;
        }
        *self.options = options;
        self.send_answer(cx, now, out);
    }

    pub(super) fn send_answer(&mut self, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        let Some(ip) = self.flow.map(|flow| flow.local.ip()) else { return };
        if !self.need_media(ip, Then::Answer, cx, out) {
            return;
        }
        match self.answer_body(ip, cx, out) {
            Ok((body, is_offer)) => self.accept(body, is_offer, true, cx, now, out),
            Err(refused) => self.refuse(&refused, cx, now, out),
        }
    }

    /// Our answer to the offer at hand, or our offer where there was none. The flag says which.
    fn answer_body(
        &mut self,
        ip: std::net::IpAddr,
        cx: &Settings,
        out: &mut Vec<Action>,
    ) -> Result<(Bytes, bool), Refused> {
        if let Some(own) = self.options.sdp.clone() {
            // The application negotiates; here only the order of the exchanges is kept.
            self.negotiation.set_raw(true);
            let body = if self.negotiation.has_remote_offer() { self.negotiation.answer_raw(own)? } else { own };
            return Ok((body, false));
        }
        if let Some(sent) = self.early_answer.take() {
            return Ok((sent, false));
        }
        let media = self.local_media(ip, cx);
        if !self.negotiation.has_remote_offer() {
            return Ok((self.negotiation.offer(&media, self.wanted_direction()), true));
        }
        let (body, agreed) = self.negotiation.answer(&media, self.wanted_direction())?;
        self.apply(&agreed, out);
        Ok((body, false))
    }

    /// Sends the 200 of the INVITE or re-INVITE in `server`.
    fn accept(
        &mut self,
        body: Bytes,
        offer_in_2xx: bool,
        initial: bool,
        cx: &Settings,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let Some(server) = &mut self.server else { return };
        let mut response = Vec::with_capacity(768);
        let headers: &[(String, String)] = if initial { &self.options.headers } else { &[] };
        let more = |w: &mut Writer<'_>| {
            w.header(Name::Contact, self.contact.as_bytes());
            w.header(Name::Allow, &cx.allow);
            w.header(Name::Accept, SDP);
            if !cx.user_agent.is_empty() {
                w.header(Name::Server, &cx.user_agent);
            }
            for (name, value) in headers {
                w.named(name, value);
            }
        };
        let content = (!body.is_empty()).then_some(SDP);
        server.seed.write(&mut response, 200, "OK", Some(self.dialog.local_tag()), more, content, &body);
        let response = Bytes::from(response);
        server.offer_in_2xx = offer_in_2xx;
        server.uas.accept(response.clone(), &cx.timers, now);
        out.push(Action::Respond { server: server.transaction, status: 200, response });
        self.state = State::Up;
    }

    /// Sends a final refusal of the INVITE or re-INVITE in `server`.
    pub(super) fn reject(&mut self, status: u16, headers: &[(Name, &str)], cx: &Settings, out: &mut Vec<Action>) {
        let Some(mut server) = self.server.take() else { return };
        server.uas.reject();
        let mut response = Vec::with_capacity(512);
        let more = |w: &mut Writer<'_>| plain_headers(w, headers, cx);
        let tag = self.dialog.local_tag();
        server.seed.write(&mut response, status, reason_phrase(status), Some(tag), more, None, b"");
        out.push(Action::Respond { server: server.transaction, status, response: response.into() });
    }

    /// The offer and what we can do have nothing in common. RFC 3261 s13.3.1.3, s21.4.26.
    fn refuse(&mut self, refused: &Refused, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        self.reject_offer(refused, cx, out);
        self.finish(local(refused.status, refused.warning.clone()), now, out);
    }

    /// The ACK to our 2xx. RFC 3261 s13.3.1.4.
    pub fn ack_received(&mut self, request: &Message<'_>, now: Instant, out: &mut Vec<Action>) {
        let Some(server) = &mut self.server else { return };
        if !server.uas.ack() {
            return;
        }
        let offer_in_2xx = server.offer_in_2xx;
        self.server = None;
        let initial = !std::mem::replace(&mut self.answered, true);
        if self.is_ending() {
            // The application hung up before the ACK came; now BYE may go (s15).
            self.end_session(out);
            self.forget_when_done(out);
            return;
        }
        if offer_in_2xx && self.options.sdp.is_none() {
            let answer = session_of_response(request).unwrap_or_default();
            match self.negotiation.remote_answer(answer) {
                Ok(agreed) => {
                    self.apply(&agreed, out);
                }
                Err(refused) => {
                    let reason = format!("the ACK's answer to our offer cannot be used: {}", refused.warning);
                    return self.give_up(local(488, reason), now, out);
                }
            }
        }
        if initial {
            let codec = self.negotiation.agreed().and_then(|a| a.audio.as_ref()).map(|a| a.codec);
            out.push(Action::Event(EventKind::CallAnswered { codec }));
            if self.held {
                out.push(Action::Event(EventKind::CallHeld(true)));
            }
        }
    }

    /// CANCEL of an INVITE that was not answered. RFC 3261 s9.2; a 2xx that is out already stands.
    pub fn cancelled(&mut self, server: TransactionId, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        let ours = self.server.as_ref().is_some_and(|s| s.transaction == server && s.uas.is_ringing());
        if !ours {
            return;
        }
        self.reject(487, &[], cx, out);
        if matches!(self.state, State::Incoming) {
            let outcome =
                Outcome { status: 487, reason: "cancelled by the caller".into(), local: false, by_peer: true };
            self.finish(outcome, now, out);
        }
    }

    /// A re-INVITE of the peer, checked by [`super::request`]: answers at once. RFC 3261 s14.2.
    pub(super) fn reinvited(
        &mut self,
        request: &check::Request<'_, '_>,
        invitation: Invitation,
        cx: &Settings,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        let offer = body::session(request);
        self.server = Some(Box::new(ServerInvite {
            transaction: invitation.transaction,
            seed: invitation.seed,
            uas: Uas::new(None, now),
            offer_in_2xx: false,
        }));
        self.contact = invitation.contact;
        let taken = match offer {
            Ok(offer) => offer.map_or(Ok(()), |sdp| self.negotiation.remote_offer(sdp)),
            Err(unsupported) => {
                let (status, headers) = unsupported.answer();
                return self.reject(status, headers, cx, out);
            }
        };
        if let Err(refused) = taken {
            return self.reject_offer(&refused, cx, out);
        }
        self.dialog.refresh_target(request);
        match self.answer_body(invitation.flow.local.ip(), cx, out) {
            Ok((body, is_offer)) => self.accept(body, is_offer, false, cx, now, out),
            Err(refused) => self.reject_offer(&refused, cx, out),
        }
    }

    fn reject_offer(&mut self, refused: &Refused, cx: &Settings, out: &mut Vec<Action>) {
        match refused.warning_header(WARN_AGENT) {
            Some(warning) => self.reject(refused.status, &[(Name::Warning, &warning)], cx, out),
            None => self.reject(refused.status, &[], cx, out),
        }
    }

    pub(super) fn incoming_timeout(&mut self, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        while let Some(server) = &mut self.server {
            let transaction = server.transaction;
            match server.uas.handle_timeout(&cx.timers, now) {
                None => return,
                Some(UasTimeout::Provisional(status, response)) => {
                    out.push(Action::Respond { server: transaction, status, response });
                }
                Some(UasTimeout::Success(response)) => {
                    out.push(Action::Respond { server: transaction, status: 200, response });
                }
                Some(UasTimeout::Ring) => {
                    self.reject(480, &[], cx, out);
                    self.finish(local(408, "ring timeout: the call was not answered in time"), now, out);
                }
                Some(UasTimeout::NoAck) => {
                    self.server = None;
                    self.give_up(local(408, "no ACK: the caller vanished after our 200"), now, out);
                }
            }
        }
    }
}

/// Our pseudonym in Warning headers. RFC 3261 s20.43.
pub const WARN_AGENT: &str = "sipwright";
/// Content type of a session description.
pub(super) const SDP: &str = "application/sdp";
