//! Whole messages out of a stream. RFC 3261 s18.3, RFC 5626 s4.4.1.

use crate::base::{Flow, Protocol};
use crate::message::frame::{self, Frame};

/// What line ends between messages mean depends on what came before: a ping may be cut in two, and a pong looks like half a ping.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LineEnds {
    /// A ping of ours waits for its pong.
    pub(super) awaiting_pong: bool,
    /// The first half of a ping has come.
    half_ping: bool,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum KeepAlive {
    Ping,
    Pong,
}

impl LineEnds {
    fn take(&mut self, bytes: usize) -> Option<KeepAlive> {
        match bytes {
            // Behind half a ping this is its other half, and half of the next.
            4 => Some(KeepAlive::Ping),
            2 if self.awaiting_pong => {
                *self = LineEnds::default();
                Some(KeepAlive::Pong)
            }
            2 => {
                self.half_ping = !self.half_ping;
                (!self.half_ping).then_some(KeepAlive::Ping)
            }
            _ => None,
        }
    }
}

/// Bytes of one stream on their way through the framer; made by [`Transports::feed`](super::Transports::feed), given back with
/// [`Transports::fed`](super::Transports::fed). Messages that lie whole in the segment are not copied.
#[derive(Debug)]
pub struct Feed<'a> {
    pub(super) flow: Flow,
    /// What the stream had left over, with the new segment behind it; empty when nothing was left over.
    buffer: Vec<u8>,
    segment: &'a [u8],
    at: usize,
    pub(super) pings: usize,
    pub(super) pongs: usize,
    pub(super) line_ends: LineEnds,
    pub(super) messages: usize,
    pub(super) bad: bool,
    /// The segment is one message.
    whole: bool,
}

impl<'a> Feed<'a> {
    pub(super) fn new(flow: Flow, mut left_over: Vec<u8>, segment: &'a [u8], line_ends: LineEnds) -> Self {
        if !left_over.is_empty() {
            left_over.extend_from_slice(segment);
        }
        let whole = matches!(flow.protocol, Protocol::Ws | Protocol::Wss);
        Feed { flow, buffer: left_over, segment, at: 0, pings: 0, pongs: 0, line_ends, messages: 0, bad: false, whole }
    }

    fn rest(&self) -> &[u8] {
        let all = if self.buffer.is_empty() { self.segment } else { &self.buffer };
        all.get(self.at..).unwrap_or_default()
    }

    /// Answers to our pings, so far.
    #[must_use]
    pub const fn pongs(&self) -> usize {
        self.pongs
    }

    /// The flow that the messages came on.
    #[must_use]
    pub const fn flow(&self) -> Flow {
        self.flow
    }

    /// The next whole message.
    #[allow(clippy::should_implement_trait, reason = "lends from itself, which an Iterator cannot")]
    pub fn next(&mut self) -> Option<&[u8]> {
        let length = loop {
            let rest = self.rest();
            if rest.is_empty() || self.bad {
                return None;
            }
            let found = match frame::next(rest) {
                // A WebSocket message is one SIP message, with or without Content-Length. RFC 7118 s5.
                Frame::Message { .. } | Frame::Incomplete | Frame::Bad(_) if self.whole => {
                    Frame::Message { bytes: rest.len() }
                }
                found => found,
            };
            match found {
                Frame::Incomplete => return None,
                Frame::KeepAlive { bytes } => {
                    match self.line_ends.take(bytes) {
                        Some(KeepAlive::Ping) => self.pings = self.pings.saturating_add(1),
                        Some(KeepAlive::Pong) => self.pongs = self.pongs.saturating_add(1),
                        None => {}
                    }
                    self.at = self.at.saturating_add(bytes.max(1));
                }
                Frame::Message { bytes } => {
                    self.line_ends.half_ping = false;
                    break bytes;
                }
                Frame::Bad(_) => self.bad = true,
            }
        };
        let start = self.at;
        self.at = start.saturating_add(length);
        self.messages = self.messages.saturating_add(1);
        let all = if self.buffer.is_empty() { self.segment } else { &self.buffer };
        all.get(start..self.at)
    }

    /// What is not framed yet.
    pub(super) fn left_over(mut self) -> Vec<u8> {
        if self.buffer.is_empty() {
            return self.segment.get(self.at..).unwrap_or_default().to_vec();
        }
        self.buffer.drain(..self.at.min(self.buffer.len()));
        if self.buffer.is_empty() {
            return Vec::new();
        }
        self.buffer
    }
}
