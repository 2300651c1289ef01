//! The media of a call: opening, configuring, orders of the application, news.

use super::io::{CallMedia, EventKind, Outcome};
use super::{Action, Call, Settings, State, Telling, local};
use crate::base::Instant;
use crate::base::id::NodeId;
use crate::base::media::{Codec, Direction, StreamParams};
use crate::media::io::{MediaEventKind, MediaOrder};
use crate::offer_answer::{Agreed, LocalMedia};
use std::net::{IpAddr, SocketAddr};

/// Port in the SDP of a call without media of ours. RFC 863: what is sent there is thrown away.
const DISCARD_PORT: u16 = 9;
/// Packet length asked for and sent. RFC 3551 table 4.
const PTIME_MS: u8 = 20;

/// What goes on once the sockets are open.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Send the INVITE with our offer.
    Invite,
    /// Send a provisional response with our answer.
    EarlyMedia(u16),
    /// Send the 200.
    Answer,
}

/// Media of one call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// None of ours (yet).
    None,
    /// `Open` was ordered.
    Opening { session: NodeId, then: Then },
    /// The sockets are open.
    Open { session: NodeId, rtp: SocketAddr, rtcp: SocketAddr },
    /// `Close` was ordered.
    Closing { session: NodeId },
    /// Closed, or it never came to be.
    Gone,
}

impl Call {
    /// Makes sure that there are sockets, or that none are wanted. `false`: not yet, `then` comes when they are there.
    pub(super) fn need_media(&mut self, ip: IpAddr, then: Then, cx: &Settings, out: &mut Vec<Action>) -> bool {
        if self.options.no_media || self.options.sdp.is_some() {
            return true;
        }
        match &mut self.media {
            Media::Open { .. } => true,
            Media::Opening { then: next, .. } => {
                *next = then;
                false
            }
            Media::None => {
                let session = self.node;
                out.push(Action::Media(MediaOrder::Open {
                    session,
                    call: self.id,
                    local: ip,
                    cname: cx.cname.clone(),
                    rtp_timeout: cx.rtp_timeout,
                    quality_interval: cx.quality_interval,
                }));
                self.media = Media::Opening { session, then };
                false
            }
            Media::Closing { .. } | Media::Gone => false,
        }
    }

    /// What our SDP says of us.
    pub(super) fn local_media(&self, ip: IpAddr, cx: &Settings) -> LocalMedia {
        let (rtp, rtcp) = match self.media {
            Media::Open { rtp, rtcp, .. } => (rtp, rtcp),
            _ => (SocketAddr::new(ip, DISCARD_PORT), SocketAddr::new(ip, DISCARD_PORT.saturating_add(1))),
        };
        let shown = |address: SocketAddr| SocketAddr::new(cx.public_address.unwrap_or(address.ip()), address.port());
        let codecs = if self.options.codecs.is_empty() { cx.codecs.clone() } else { self.options.codecs.clone() };
        LocalMedia { rtp: shown(rtp), rtcp: shown(rtcp), codecs, dtmf: true, ptime_ms: PTIME_MS }
    }

    /// The direction that we want: hold is `sendonly`. RFC 3264 s8.4.
    pub(super) const fn wanted_direction(&self) -> Direction {
        if self.hold_wanted { Direction::SendOnly } else { Direction::SendRecv }
    }

    /// Puts what was agreed into force; tells of hold and resume by the peer. Returns the codec.
    pub(super) fn apply(&mut self, agreed: &Agreed, out: &mut Vec<Action>) -> Option<Codec> {
        let codec = agreed.audio.as_ref().map(|p| p.codec);
        if let Media::Open { session, .. } = self.media {
            let params = stream(agreed, self.flow.map(|flow| flow.remote.ip()));
            out.push(Action::Media(MediaOrder::Configure { session, params }));
        }
        if agreed.remote_hold != self.held {
            self.held = agreed.remote_hold;
            // A hold that is there from the start is told by the answer's direction alone once the call is up.
            if self.answered {
                out.push(Action::Event(EventKind::CallHeld(self.held)));
            }
        }
        codec
    }

    /// An order of the application.
    pub fn media_order(&mut self, order: CallMedia, out: &mut Vec<Action>) {
        // Media takes orders one after the other: what comes behind `Open` finds its session, ready or not.
        let (Media::Open { session, .. } | Media::Opening { session, .. }) = self.media else {
            match order {
                CallMedia::Play { token, .. } if !self.is_ending() => {
                    out.push(Action::Event(EventKind::PlayDone { token, interrupted: true, played_ms: 0 }));
                }
                CallMedia::SendDtmf { .. } if !self.is_ending() => {
                    out.push(Action::Event(EventKind::MediaFailed {
                        reason: "no digits were sent: the call has no media yet; wait for the answer".into(),
                    }));
                }
                _ => {}
            }
            return;
        };
        out.push(Action::Media(match order {
            CallMedia::Play { token, source } => MediaOrder::Play { session, token, source },
            CallMedia::StopPlay { token } => MediaOrder::StopPlay { session, token },
            CallMedia::Listen { token, sink } => MediaOrder::Listen { session, token, sink },
            CallMedia::StopListen { token } => MediaOrder::StopListen { session, token },
            CallMedia::SendDtmf { digits, duration_ms } => MediaOrder::SendDtmf { session, digits, duration_ms },
        }));
    }

    /// News of media.
    pub fn media_event(&mut self, kind: MediaEventKind, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        match kind {
            MediaEventKind::Ready { rtp, rtcp } => self.media_ready(rtp, rtcp, cx, now, out),
            MediaEventKind::Failed { reason } => self.media_failed(reason, cx, now, out),
            MediaEventKind::Quality { quality, last } => {
                self.quality = Some(Box::new(quality));
                if last {
                    self.media = Media::Gone;
                    if matches!(self.telling, Telling::Waiting { .. }) {
                        self.tell(out);
                    }
                } else if !self.is_ending() {
                    out.push(Action::Event(EventKind::Quality(quality)));
                }
            }
            _ if self.is_ending() => {}
            MediaEventKind::Dtmf { digit, duration_ms } => {
                out.push(Action::Event(EventKind::Dtmf { digit, duration_ms }));
            }
            MediaEventKind::DtmfSent => out.push(Action::Event(EventKind::DtmfSent)),
            MediaEventKind::PlayDone { token, interrupted, played_ms } => {
                out.push(Action::Event(EventKind::PlayDone { token, interrupted, played_ms }));
            }
            MediaEventKind::Started => out.push(Action::Event(EventKind::MediaStarted)),
            MediaEventKind::RtpTimeout => {
                out.push(Action::Event(EventKind::RtpTimeout));
                if cx.rtp_timeout_hangup && matches!(self.state, State::Up) {
                    self.give_up(
                        local(408, "no RTP from the peer: it vanished, or the network drops its media"),
                        now,
                        out,
                    );
                }
            }
        }
    }

    /// Ends an answered call of our own accord.
    pub(super) fn give_up(&mut self, outcome: Outcome, now: Instant, out: &mut Vec<Action>) {
        self.end_session(out);
        self.end(outcome, now, out);
        self.forget_when_done(out);
    }

    fn media_ready(&mut self, rtp: SocketAddr, rtcp: SocketAddr, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        let Media::Opening { session, then } = self.media else { return };
        self.media = Media::Open { session, rtp, rtcp };
        match then {
            Then::Invite => out.push(Action::InviteReady),
            Then::EarlyMedia(status) => self.ring(status, true, cx, now, out),
            Then::Answer => self.send_answer(cx, now, out),
        }
    }

    fn media_failed(&mut self, reason: String, cx: &Settings, now: Instant, out: &mut Vec<Action>) {
        self.media = Media::Gone;
        if self.is_ending() {
            if matches!(self.telling, Telling::Waiting { .. }) {
                self.tell(out);
            }
            return;
        }
        out.push(Action::Event(EventKind::MediaFailed { reason: reason.clone() }));
        match &self.state {
            State::Outgoing(_) => self.cancel(local(503, reason), now, out),
            State::Incoming => {
                self.reject(503, &[], cx, out);
                self.finish(local(503, reason), now, out);
            }
            State::Up => self.give_up(local(503, reason), now, out),
            State::Over => {}
        }
    }
}

/// What media is told of an agreement: a stream that is not wanted any more falls silent. RFC 3264 s8.2.
fn stream(agreed: &Agreed, signalling_peer: Option<IpAddr>) -> StreamParams {
    agreed.audio.clone().map_or_else(StreamParams::removed, |audio| StreamParams { signalling_peer, ..audio })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::offer_answer::Negotiation;

    #[test]
    fn a_removed_stream_falls_silent() {
        let address = |port| SocketAddr::new([192, 0, 2, 1].into(), port);
        let local =
            LocalMedia { rtp: address(4000), rtcp: address(4001), codecs: vec![Codec::Pcmu], dtmf: true, ptime_ms: 20 };
        let peer = Some([192, 0, 2, 2].into());
        let mut negotiation = Negotiation::new(1);
        let mut agreed = |port: u16| {
            let head = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n";
            negotiation.remote_offer(format!("{head}m=audio {port} RTP/AVP 0\r\n").as_bytes()).unwrap();
            stream(&negotiation.answer(&local, Direction::SendRecv).unwrap().1, peer)
        };
        let up = agreed(5000);
        assert_eq!((up.direction, up.signalling_peer), (Direction::SendRecv, peer));
        let gone = agreed(0);
        assert_eq!((gone.direction, gone.remote_rtp, gone.remote_rtcp), (Direction::Inactive, None, None));
        assert_eq!(gone.signalling_peer, None);
    }
}
