//! What a stage wants done, and the one arena in which packets wait for it.

use super::io::{MediaEvent, MediaEventKind};
use super::transform::PacketTransform;
use crate::base::id::{CallId, NodeId};
use std::collections::VecDeque;
use std::net::SocketAddr;

/// Bytes of packets that may wait; beyond it packets are dropped like on a full socket.
const ARENA_BYTES: usize = 16 * 1024 * 1024;

/// Where a packet lies; read it with `Stage::bytes`. Good until the next call that gives the stage work.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PacketRange {
    start: u32,
    end: u32,
}

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum StageOutput {
    /// Send from the session's RTP socket (with RTP/RTCP multiplexing, RTCP too).
    Rtp {
        /// The session.
        session: NodeId,
        /// Destination.
        to: SocketAddr,
        /// The packet.
        packet: PacketRange,
    },
    /// Send from the session's RTCP socket.
    Rtcp {
        /// The session.
        session: NodeId,
        /// Destination.
        to: SocketAddr,
        /// The packet.
        packet: PacketRange,
    },
    /// Tell the agent that owns the call.
    Event(MediaEvent),
    /// The session is gone: close its sockets.
    Closed {
        /// The session.
        session: NodeId,
    },
}

/// Queue of outputs and the arena of their bytes; both keep their memory.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<StageOutput>,
    arena: Vec<u8>,
}

impl Outbox {
    /// Before new work: forgets the packets that the driver has taken.
    pub(super) fn recycle(&mut self) {
        if self.queue.is_empty() {
            self.arena.clear();
        }
    }

    pub(super) fn pop(&mut self) -> Option<StageOutput> {
        self.queue.pop_front()
    }

    pub(super) fn bytes(&self, range: PacketRange) -> &[u8] {
        self.arena.get(range.start as usize..range.end as usize).unwrap_or(&[])
    }

    pub(super) fn event(&mut self, session: NodeId, call: CallId, kind: MediaEventKind) {
        self.queue.push_back(StageOutput::Event(MediaEvent { session, call, kind }));
    }

    pub(super) fn closed(&mut self, session: NodeId) {
        self.queue.push_back(StageOutput::Closed { session });
    }

    /// Writes an RTP packet with `write`, protects it, queues it. Gives the bytes queued, `None` when it could not be.
    pub(super) fn rtp(
        &mut self,
        session: NodeId,
        to: SocketAddr,
        transform: Option<&mut Box<dyn PacketTransform>>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Option<usize> {
        let packet = self.packet(write, transform, |t, packet, length| t.protect_rtp(packet, length))?;
        self.queue.push_back(StageOutput::Rtp { session, to, packet });
        Some(packet.end.saturating_sub(packet.start) as usize)
    }

    /// The same for a compound RTCP packet; `muxed` sends it from the RTP socket.
    pub(super) fn rtcp(
        &mut self,
        session: NodeId,
        to: SocketAddr,
        muxed: bool,
        transform: Option<&mut Box<dyn PacketTransform>>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Option<usize> {
        let packet = self.packet(write, transform, |t, packet, length| t.protect_rtcp(packet, length))?;
        self.queue.push_back(match muxed {
            true => StageOutput::Rtp { session, to, packet },
            false => StageOutput::Rtcp { session, to, packet },
        });
        Some(packet.end.saturating_sub(packet.start) as usize)
    }

    fn packet(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>),
        transform: Option<&mut Box<dyn PacketTransform>>,
        protect: impl FnOnce(&mut dyn PacketTransform, &mut [u8], usize) -> Option<usize>,
    ) -> Option<PacketRange> {
        let start = self.arena.len();
        if start > ARENA_BYTES {
            return None;
        }
        write(&mut self.arena);
        if let Some(transform) = transform {
            let plain = self.arena.len().saturating_sub(start);
            self.arena.resize(self.arena.len().saturating_add(transform.overhead()), 0);
            let protected = self.arena.get_mut(start..).and_then(|room| protect(transform.as_mut(), room, plain));
            let Some(length) = protected else {
                self.arena.truncate(start);
                return None;
            };
            self.arena.truncate(start.saturating_add(length));
        }
        Some(PacketRange { start: u32::try_from(start).ok()?, end: u32::try_from(self.arena.len()).ok()? })
    }
}
