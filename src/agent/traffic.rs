//! What a shard's signalling carried, by protocol, and what of it was said more than once. RFC 3261 s17, s18.

use crate::base::{Flow, Protocol};

/// What one protocol carried. Keep-alives do not count.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Messages received.
    pub messages_received: u64,
    /// Messages sent.
    pub messages_sent: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Streams open now.
    pub streams: u64,
}

/// What all of them carried, since the start.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// By protocol: UDP, TCP, TLS, WS, WSS.
    pub protocols: [Carried; 5],
    /// Messages that were sent again: timers A, E, G, and repeats of a 2xx and its ACK.
    pub retransmissions_sent: u64,
    /// Messages that came again.
    pub retransmissions_received: u64,
    /// Transactions that ended without what they waited for: timers B, F, H.
    pub timeouts: u64,
    /// Messages that could not be read.
    pub unreadable: u64,
}

impl Traffic {
    /// What a protocol carried.
    #[must_use]
    #[allow(clippy::indexing_slicing, reason = "there are five protocols")]
    pub const fn of(&self, protocol: Protocol) -> &Carried {
        &self.protocols[protocol as usize]
    }

    #[allow(clippy::indexing_slicing, reason = "there are five protocols")]
    fn of_mut(&mut self, flow: &Flow) -> &mut Carried {
        &mut self.protocols[flow.protocol as usize]
    }

    pub(super) fn received(&mut self, flow: &Flow, bytes: usize) {
        let carried = self.of_mut(flow);
        carried.messages_received = carried.messages_received.saturating_add(1);
        carried.bytes_received = carried.bytes_received.saturating_add(bytes as u64);
    }

    pub(super) fn sent(&mut self, flow: &Flow, bytes: &[u8]) {
        if bytes.first().is_none_or(|first| !first.is_ascii_alphabetic()) {
            return;
        }
        let carried = self.of_mut(flow);
        carried.messages_sent = carried.messages_sent.saturating_add(1);
        carried.bytes_sent = carried.bytes_sent.saturating_add(bytes.len() as u64);
    }

    /// The sum, for several shards.
    #[must_use]
    pub fn plus(self, other: &Traffic) -> Traffic {
        let mut sum = self;
        for (sum, more) in sum.protocols.iter_mut().zip(&other.protocols) {
            sum.messages_received = sum.messages_received.saturating_add(more.messages_received);
            sum.messages_sent = sum.messages_sent.saturating_add(more.messages_sent);
            sum.bytes_received = sum.bytes_received.saturating_add(more.bytes_received);
            sum.bytes_sent = sum.bytes_sent.saturating_add(more.bytes_sent);
            sum.streams = sum.streams.saturating_add(more.streams);
        }
        sum.retransmissions_sent = sum.retransmissions_sent.saturating_add(other.retransmissions_sent);
        sum.retransmissions_received = sum.retransmissions_received.saturating_add(other.retransmissions_received);
        sum.timeouts = sum.timeouts.saturating_add(other.timeouts);
        sum.unreadable = sum.unreadable.saturating_add(other.unreadable);
        sum
    }
}
