//! One RTP session of a call. RFC 3550.

use super::io::{MediaEventKind, MediaOrder};
use super::output::Outbox;
use super::transform::PacketTransform;
use crate::base::id::{CallId, NodeId};
use crate::base::{Instant, Rng, WallClock};
use std::net::SocketAddr;

/// A session.
pub(super) struct Session {
    id: NodeId,
    call: CallId,
    transform: Option<Box<dyn PacketTransform>>,
}

impl Session {
    pub(super) fn new(id: NodeId, call: CallId, _rng: Rng, _now: Instant) -> Self {
        Session { id, call, transform: None }
    }

    pub(super) fn set_transform(&mut self, transform: Option<Box<dyn PacketTransform>>) {
        self.transform = transform;
    }

    pub(super) fn ready(&self, rtp: SocketAddr, rtcp: SocketAddr, out: &mut Outbox) {
        out.event(self.id, self.call, MediaEventKind::Ready { rtp, rtcp });
    }

    pub(super) fn order(&mut self, _order: MediaOrder, _now: Instant, _out: &mut Outbox) {}

    pub(super) fn handle(
        &mut self,
        _rtcp: bool,
        _from: SocketAddr,
        _packet: &mut [u8],
        _now: Instant,
        _out: &mut Outbox,
    ) {
    }

    pub(super) fn beat(&mut self, _now: Instant, _wall: &WallClock, _out: &mut Outbox) {}

    pub(super) fn close(self, _now: Instant, _wall: &WallClock, out: &mut Outbox) {
        out.closed(self.id);
    }
}
