//! Requests of the peer inside the dialog. RFC 3261 s12.2.2, s14.2, s15.1.2.

use super::incoming::Invitation;
use super::io::{EventKind, Outcome};
use super::write::plain_headers;
use super::{Action, Call, Settings, State};
use crate::base::{Instant, Rng};
use crate::message::{Method, Name, Writer, body, check, reason_phrase};
use bytes::Bytes;

/// A plain final response to a request inside the dialog.
#[derive(Clone, Debug)]
struct Reply<'a> {
    status: u16,
    headers: &'a [(Name, &'a str)],
}

impl Call {
    /// Handles a request that matches this dialog (not ACK, not CANCEL).
    pub fn in_dialog(
        &mut self,
        request: &check::Request<'_, '_>,
        invitation: Invitation,
        cx: &Settings,
        rng: &mut Rng,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        self.flow = Some(invitation.flow);
        if self.dialog.receive(request.cseq.number).is_err() {
            return self.reply(&invitation, &Reply { status: 500, headers: &[] }, cx, out);
        }
        match request.method {
            Method::Bye => {
                self.reply(&invitation, &Reply { status: 200, headers: &[] }, cx, out);
                if matches!(self.state, State::Incoming) {
                    self.reject(487, &[], cx, out);
                }
                self.finish(Outcome { status: 200, reason: "OK".into(), local: false, by_peer: true }, now, out);
            }
            Method::Invite => self.reinvite_received(request, invitation, cx, rng, now, out),
            Method::Options => {
                self.reply(&invitation, &Reply { status: 200, headers: &[(Name::Allow, &cx.allow)] }, cx, out)
            }
            Method::Message if body::is_packed(request) => {
                let (status, headers) = body::Unsupported::Encoding.answer();
                self.reply(&invitation, &Reply { status, headers }, cx, out);
            }
            Method::Message => {
                self.reply(&invitation, &Reply { status: 200, headers: &[] }, cx, out);
                if !self.is_ending() {
                    out.push(Action::Event(EventKind::MessageReceived {
                        from: request.from.uri.into(),
                        content_type: request.content_type().unwrap_or("text/plain").into(),
                        body: Bytes::copy_from_slice(request.body()),
                    }));
                }
            }
            _ => self.reply(&invitation, &Reply { status: 405, headers: &[(Name::Allow, &cx.allow)] }, cx, out),
        }
    }

    fn reinvite_received(
        &mut self,
        request: &check::Request<'_, '_>,
        invitation: Invitation,
        cx: &Settings,
        rng: &mut Rng,
        now: Instant,
        out: &mut Vec<Action>,
    ) {
        if !matches!(self.state, State::Up) || self.is_ending() {
            return self.reply(&invitation, &Reply { status: 481, headers: &[] }, cx, out);
        }
        if self.server.is_some() {
            // s14.2: an INVITE of theirs is not done yet.
            let wait = rng.below(11).to_string();
            return self.reply(&invitation, &Reply { status: 500, headers: &[(Name::RetryAfter, &wait)] }, cx, out);
        }
        if self.reinvite.is_pending() {
            return self.reply(&invitation, &Reply { status: 491, headers: &[] }, cx, out);
        }
        self.reinvited(request, invitation, cx, now, out);
    }

    fn reply(&self, invitation: &Invitation, reply: &Reply<'_>, cx: &Settings, out: &mut Vec<Action>) {
        let mut response = Vec::with_capacity(384);
        let tag = self.dialog.local_tag();
        let more = |w: &mut Writer<'_>| plain_headers(w, reply.headers, cx);
        invitation.seed.write(&mut response, reply.status, reason_phrase(reply.status), Some(tag), more, None, b"");
        out.push(Action::Respond { server: invitation.transaction, status: reply.status, response: response.into() });
    }
}
