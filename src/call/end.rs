//! Ending a call: the application is told once, after the last figures of its media, and perhaps before the protocol part is done.

use super::io::{EventKind, Outcome};
use super::media::Media;
use super::{Action, Call, Settings, State, Telling, local};
use crate::base::{Duration, Instant};
use crate::media::io::MediaOrder;
use crate::message::reason_phrase;

/// How long the last figures of media may take; they come within a beat, so this is for a media worker in trouble.
const LAST_FIGURES: Duration = Duration::from_secs(1);

impl Call {
    /// The application wants the call to end, in whatever state it is. RFC 3261 s15, s9, s13.3.1.3. It is told at once; CANCEL, late
    /// answers and missing ACKs are dealt with behind its back.
    pub fn hangup(&mut self, status: u16, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        if self.is_ending() {
            return;
        }
        match &self.state {
            State::Outgoing(_) => self.cancel(local(487, "cancelled by the caller"), now, out),
            State::Incoming => {
                let status = if (300..=699).contains(&status) { status } else { 486 };
                self.reject(status, &[], cx, out);
                self.finish(local(status, reason_phrase(status)), now, out);
            }
            State::Up => {
                self.end_session(out);
                self.end(local(200, "OK"), now, out);
                self.forget_when_done(out);
            }
            State::Over => {}
        }
    }

    /// Cancels our INVITE; the call lives on until its transaction has ended. RFC 3261 s9.1: when CANCEL may go is the request's business.
    pub(super) fn cancel(&mut self, outcome: Outcome, now: Instant, out: &mut Vec<Action>) {
        if let State::Outgoing(outgoing) = &mut self.state {
            outgoing.cancelled = true;
            outgoing.ring_limit = None;
            self.end(outcome, now, out);
            out.push(Action::Cancel);
        }
    }

    /// Sends BYE; while the ACK to our 2xx is missing, only after it (RFC 3261 s15: the callee must not send BYE before).
    pub(super) fn end_session(&mut self, out: &mut Vec<Action>) {
        if self.server.as_ref().is_some_and(|s| s.uas.is_accepted()) && !self.answered {
            return;
        }
        self.server = None;
        self.state = State::Over;
        out.push(Action::Bye(Box::new(self.dialog.clone())));
    }

    /// The protocol part is done.
    pub(super) fn finish(&mut self, outcome: Outcome, now: Instant, out: &mut Vec<Action>) {
        self.server = None;
        self.reinvite.finish();
        self.state = State::Over;
        self.end(outcome, now, out);
        self.forget_when_done(out);
    }

    /// Closes media and tells the application, once.
    pub(super) fn end(&mut self, outcome: Outcome, now: Instant, out: &mut Vec<Action>) {
        if self.is_ending() {
            return;
        }
        self.reinvite.finish();
        self.telling = Telling::Waiting { outcome, deadline: now + LAST_FIGURES };
        if !self.close_media(out) {
            self.tell(out);
        }
    }

    /// The last figures are here, or will not come.
    pub(super) fn tell(&mut self, out: &mut Vec<Action>) {
        if let Telling::Waiting { outcome, .. } = std::mem::replace(&mut self.telling, Telling::Told) {
            let quality = self.quality.take().map(|q| *q);
            out.push(Action::Event(EventKind::CallEnded { outcome, quality }));
        }
        self.forget_when_done(out);
    }

    pub(super) fn forget_when_done(&self, out: &mut Vec<Action>) {
        if matches!((&self.state, &self.telling), (State::Over, Telling::Told)) {
            out.push(Action::Forget);
        }
    }

    /// Orders media to close. Whether its last figures are still to come.
    fn close_media(&mut self, out: &mut Vec<Action>) -> bool {
        match self.media {
            Media::None | Media::Gone => false,
            Media::Closing { .. } => true,
            Media::Opening { session, .. } | Media::Open { session, .. } => {
                out.push(Action::Media(MediaOrder::Close { session }));
                self.media = Media::Closing { session };
                true
            }
        }
    }
}
