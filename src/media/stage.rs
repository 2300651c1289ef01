//! All media of one worker as a value: sessions, their beat, and what they want done.
//!
//! The driver owns sockets and clock. It calls [`Stage::open`], [`Stage::order`], [`Stage::handle`] and, every [`Stage::BEAT`],
//! [`Stage::beat`]; after each call it takes [`Stage::poll_output`] until `None`. Packets lie in one arena ([`Stage::bytes`]), so a
//! driver may gather all of them for one system call.

use super::io::{MediaEventKind, MediaOrder};
use super::output::{Outbox, PacketRange, StageOutput};
use super::session::{Opening, Scratch, Session};
use super::transform::PacketTransform;
use crate::base::id::NodeId;
use crate::base::{Duration, Instant, Rng, WallClock, limits};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const BEAT_US: u64 = 10_000;

/// All media of one worker.
pub struct Stage {
    sessions: BTreeMap<NodeId, Session>,
    rng: Rng,
    wall: WallClock,
    next_beat: Option<Instant>,
    out: Outbox,
    scratch: Scratch,
}

impl Stage {
    /// Time between two beats.
    pub const BEAT: Duration = Duration::from_micros(BEAT_US);

    /// Most beats made up for at once when the driver is late; what is beyond is skipped, with the RTP clock moved on.
    const CATCH_UP: u64 = 10;

    /// An empty stage. The seed makes SSRCs, first sequence numbers and timestamps (RFC 3550 s5.1 wants them random).
    #[must_use]
    pub fn new(seed: [u8; 32], wall: WallClock) -> Self {
        Stage {
            sessions: BTreeMap::new(),
            rng: Rng::new(seed),
            wall,
            next_beat: None,
            out: Outbox::default(),
            scratch: Scratch::default(),
        }
    }

    /// Makes the session of a [`MediaOrder::Open`] for which the driver has bound `rtp` and `rtcp`; `Ready` comes out, or `Failed`
    /// and `Closed`. Any other order goes the way of [`Stage::order`]. When the driver cannot bind, it tells the agent `Failed` itself.
    pub fn open(&mut self, order: MediaOrder, rtp: SocketAddr, rtcp: SocketAddr, now: Instant) {
        self.out.recycle();
        let MediaOrder::Open { session, call, cname, rtp_timeout, quality_interval, .. } = order else {
            return self.order(order, now);
        };
        if self.sessions.len() >= limits::SESSIONS || self.sessions.contains_key(&session) {
            let reason = "this media worker has no room for another session; raise media_threads".to_owned();
            self.out.event(session, call, MediaEventKind::Failed { reason });
            self.out.closed(session);
            return;
        }
        let opening = Opening { id: session, call, cname, rtp_timeout, quality_interval };
        let opened = Session::new(opening, &mut self.rng, now);
        opened.tell(MediaEventKind::Ready { rtp, rtcp }, &mut self.out);
        self.sessions.insert(session, opened);
        self.next_beat.get_or_insert(now + Self::BEAT);
    }

    /// Takes any order but `Open`; one for a session that is not here is ignored.
    pub fn order(&mut self, order: MediaOrder, now: Instant) {
        self.out.recycle();
        let id = order.session();
        if let MediaOrder::Close { .. } = order {
            if let Some(session) = self.sessions.remove(&id) {
                session.close(now, &self.wall, &mut self.out);
            }
            if self.sessions.is_empty() {
                self.next_beat = None;
            }
        } else if let Some(session) = self.sessions.get_mut(&id) {
            session.order(order, now, &mut self.out);
        }
    }

    /// Puts SRTP or the like into a session (`None` takes it out).
    pub fn set_transform(&mut self, session: NodeId, transform: Option<Box<dyn PacketTransform>>) {
        if let Some(session) = self.sessions.get_mut(&session) {
            session.set_transform(transform);
        }
    }

    /// Takes a datagram from the session's RTP or (`rtcp`) RTCP socket. It may be changed in place.
    pub fn handle(&mut self, session: NodeId, rtcp: bool, from: SocketAddr, packet: &mut [u8], now: Instant) {
        self.out.recycle();
        if let Some(session) = self.sessions.get_mut(&session) {
            session.handle(rtcp, from, packet, now, &self.wall, &mut self.out);
        }
    }

    /// Lets 10 ms pass in every session: sends what is due, plays what was received, runs the timers. To be called when
    /// [`Stage::next_timeout`] has come; a late call makes up for the beats it missed, within bounds.
    pub fn beat(&mut self, now: Instant) {
        self.out.recycle();
        let Some(mut at) = self.next_beat.filter(|at| *at <= now) else { return };
        let due = (now.since(at).as_micros() as u64 / BEAT_US).saturating_add(1);
        let skipped = due.saturating_sub(Self::CATCH_UP);
        if let Ok(beats @ 1..) = u32::try_from(skipped) {
            at += Self::BEAT.saturating_mul(beats);
            self.sessions.values_mut().for_each(|session| session.skip(beats));
        }
        for _ in skipped..due {
            for session in self.sessions.values_mut() {
                session.beat(at, &self.wall, &mut self.scratch, &mut self.out);
            }
            at += Self::BEAT;
        }
        self.next_beat = (!self.sessions.is_empty()).then_some(at);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<StageOutput> {
        self.out.pop()
    }

    /// The bytes of a packet in a [`StageOutput`]; good until the next `open`, `order`, `handle` or `beat`.
    #[must_use]
    pub fn bytes(&self, packet: PacketRange) -> &[u8] {
        self.out.bytes(packet)
    }

    /// When [`Stage::beat`] is to be called; `None` while there is no session.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.next_beat
    }

    /// Whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }
}
