//! The streams of the engine, our listening points, and what waits for a connection. RFC 3261 s18.1.1, s18.2.2, s18.4.

use super::feed::{Feed, LineEnds};
use super::peer::{Identity, Opened, Peer, Way, needs_identity};
use super::via::sent_by;
use crate::base::map::{Map, Seeded, map};
use crate::base::text::{into_text, push_address};
use crate::base::{Flow, Instant, Protocol, Schedule, Transmit, limits};
use crate::message::Message;
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What the transports of one shard are born with.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Which shard this is: streams whose home is another are known, but not framed or timed here.
    pub shard: u8,
    /// Where we listen, as bound: the address may be a wildcard, the port is real.
    pub listeners: Vec<(Protocol, SocketAddr)>,
    /// What the world sees of us in Via and Contact, when it is not the local address.
    pub public_address: Option<IpAddr>,
}

/// What the transports want done or told.
#[derive(Clone, Debug)]
pub enum Action {
    /// Send this.
    Transmit(Transmit),
    /// Open a stream; answer with [`Transports::stream_opened`] or [`Transports::connect_failed`].
    Connect {
        /// Whom to.
        peer: Peer,
    },
    /// Close a stream.
    Close {
        /// The stream.
        flow: Flow,
    },
    /// The stream that `waiter` asked for with [`Transports::connect`] is open.
    Ready {
        /// Its number.
        waiter: u64,
        /// The stream.
        flow: Flow,
    },
    /// The stream that `waiter` asked for cannot be opened.
    Unreachable {
        /// Its number.
        waiter: u64,
        /// The address that was to be reached.
        remote: SocketAddr,
        /// Cause and remedy.
        reason: String,
    },
    /// Bytes could not go out, because the stream is gone and can't be opened again: fail the transactions on this flow.
    Undeliverable {
        /// The flow that was to carry them.
        flow: Flow,
    },
}

/// Flow table of one shard.
#[derive(Debug)]
pub struct Transports {
    config: TransportConfig,
    streams: Map<u64, Stream>,
    /// The newest stream to each peer, under each name that it proved.
    by_peer: Map<Peer, u64>,
    pending: Map<Peer, Pending>,
    /// Peers of `pending` by number, for the schedule.
    opening: Map<u64, Peer>,
    serial: u64,
    /// Whether our requests offer overload control to next hops. RFC 7339 s4.1.
    overload_control: bool,
    /// Streams whose home is here, by protocol.
    open: [u64; 5],
    schedule: Schedule<Timer>,
}

#[derive(Debug)]
struct Stream {
    flow: Flow,
    opened: Opened,
    last: Instant,
    /// A whole message came or went.
    used: bool,
    left_over: Vec<u8>,
    line_ends: LineEnds,
}

#[derive(Debug, Default)]
struct Pending {
    number: u64,
    waiters: Vec<u64>,
    queued: Vec<Bytes>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Timer {
    Stream(u64),
    Connect(u64),
}

impl Transports {
    /// An empty table. `seed` keys its hashes.
    #[must_use]
    pub fn new(config: TransportConfig, seed: Seeded) -> Self {
        Transports {
            config,
            streams: map(seed),
            by_peer: map(seed),
            pending: map(seed),
            opening: map(seed),
            serial: 0,
            overload_control: false,
            open: [0; 5],
            schedule: Schedule::new(seed),
        }
    }

    /// Our requests offer overload control to next hops from now on. RFC 7339 s4.1.
    pub fn offer_overload_control(&mut self) {
        self.overload_control = true;
    }

    /// Streams known, of all shards.
    #[must_use]
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Streams whose home is here, by protocol.
    #[must_use]
    pub const fn open_streams(&self) -> [u64; 5] {
        self.open
    }

    /// Whether no stream is known and none is being opened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty() && self.pending.is_empty()
    }

    /// Our address in Via and Contact for peers that are reached from `local`.
    #[must_use]
    pub fn advertised(&self, protocol: Protocol, local: IpAddr) -> SocketAddr {
        let bound = self.bound(protocol, local);
        match self.config.public_address {
            Some(public) if public.is_ipv4() == bound.is_ipv4() => SocketAddr::new(public, bound.port()),
            _ => SocketAddr::new(bound.ip(), bound.port()),
        }
    }

    /// A Via value of ours: `SIP/2.0/UDP 192.0.2.1:5060;rport;branch=...`.
    #[must_use]
    pub fn via(&self, protocol: Protocol, local: IpAddr, branch: &str) -> String {
        let mut out = Vec::with_capacity(104);
        out.extend_from_slice(b"SIP/2.0/");
        out.extend_from_slice(protocol.via().as_bytes());
        out.push(b' ');
        push_address(&mut out, self.advertised(protocol, local));
        out.extend_from_slice(b";rport;branch=");
        out.extend_from_slice(branch.as_bytes());
        if self.overload_control {
            // RFC 7339 s4.1, s4.2.
            out.extend_from_slice(b";oc;oc-algo=\"loss,rate\"");
        }
        into_text(out)
    }

    /// The way to a peer that is there already: always for datagrams; for streams the open one, if any. `None`: [`connect`](Self::connect).
    #[must_use]
    pub fn flow_to(&self, peer: &Peer, local: IpAddr) -> Option<Flow> {
        if peer.protocol == Protocol::Udp {
            return Some(Flow::udp(self.bound(peer.protocol, local), peer.remote));
        }
        let connection = self.by_peer.get(peer)?;
        self.streams.get(connection).map(|stream| stream.flow)
    }

    /// Whether bytes can go out on this flow now.
    #[must_use]
    pub fn is_open(&self, flow: &Flow) -> bool {
        flow.protocol == Protocol::Udp || self.streams.contains_key(&flow.connection)
    }

    /// Whether the stream that a dialog lives on carries a request of it to `peer`. RFC 5923 s9.
    #[must_use]
    pub fn carries(&self, flow: &Flow, peer: &Peer) -> bool {
        self.streams.get(&flow.connection).is_some_and(|stream| stream.opened.fits(flow, peer))
    }

    /// Asks for a stream. `waiter` (a number of the caller's) comes back in [`Action::Ready`] or [`Action::Unreachable`], exactly once.
    pub fn connect(&mut self, peer: &Peer, waiter: u64, now: Instant, out: &mut Vec<Action>) {
        match self.open(peer, now, out) {
            Some(pending) => pending.waiters.push(waiter),
            None => {
                let reason = "too many streams are being opened; lower the load or add shards".to_owned();
                out.push(Action::Unreachable { waiter, remote: peer.remote, reason });
            }
        }
    }

    /// Sends a whole message, over an open stream or one that is opened for it (an ACK, say). Nothing is told when that fails.
    pub fn send(&mut self, way: &Way, bytes: Bytes, now: Instant, out: &mut Vec<Action>) {
        let flow = way.flow.filter(|flow| self.is_open(flow)).or_else(|| self.flow_to(&way.peer, way.local));
        match flow {
            Some(flow) => self.transmit(Transmit { flow, bytes }, now, out),
            None => {
                if let Some(pending) = self.open(&way.peer, now, out) {
                    pending.queue(bytes);
                }
            }
        }
    }

    /// Sends bytes of a transaction. When their stream is gone, a response goes over a new one to the address in its top Via
    /// (RFC 3261 s18.2.2); a request is [`Action::Undeliverable`].
    pub fn transmit(&mut self, transmit: Transmit, now: Instant, out: &mut Vec<Action>) {
        let flow = transmit.flow;
        if flow.protocol == Protocol::Udp {
            out.push(Action::Transmit(transmit));
            return;
        }
        if let Some(stream) = self.streams.get_mut(&flow.connection) {
            stream.last = now;
            stream.used = true;
            stream.line_ends.awaiting_pong |= *transmit.bytes == *b"\r\n\r\n";
            out.push(Action::Transmit(transmit));
            return;
        }
        let response = Message::parse(&transmit.bytes).ok().filter(|message| !message.is_request());
        let via = response.as_ref().and_then(|message| message.via().ok());
        let address = via.as_ref().and_then(|via| Some((sent_by(via, flow.protocol)?, via.host)));
        match address {
            Some((remote, host)) => {
                let identity = Arc::new(Identity { name: host.to_ascii_lowercase(), ..Identity::default() });
                let peer = Peer::new(flow.protocol, remote, Some(&identity));
                let way = Way { peer, local: flow.local.ip(), flow: None };
                self.send(&way, transmit.bytes.clone(), now, out);
            }
            None => out.push(Action::Undeliverable { flow }),
        }
    }

    /// A stream was opened or accepted, by any shard.
    pub fn stream_opened(&mut self, flow: Flow, opened: Opened, now: Instant, out: &mut Vec<Action>) {
        let ours = flow.home() == self.config.shard;
        if opened.asked.is_none() && ours && self.streams.len() >= limits::STREAMS {
            out.push(Action::Close { flow });
            return;
        }
        for peer in peers(&flow, &opened) {
            self.by_peer.insert(peer, flow.connection);
        }
        let asked = opened.asked.clone();
        let stream =
            Stream { flow, opened, last: now, used: false, left_over: Vec::new(), line_ends: LineEnds::default() };
        if self.streams.insert(flow.connection, stream).is_none() {
            self.count(&flow, |open| open.saturating_add(1));
        }
        if ours {
            self.schedule.set(Timer::Stream(flow.connection), Some(now + limits::STREAM_FIRST_MESSAGE));
        }
        let peer = asked.unwrap_or_else(|| Peer::new(flow.protocol, flow.remote, None));
        if let Some(pending) = self.no_longer_pending(&peer) {
            out.extend(pending.waiters.into_iter().map(|waiter| Action::Ready { waiter, flow }));
            for bytes in pending.queued {
                self.transmit(Transmit { flow, bytes }, now, out);
            }
        }
    }

    fn count(&mut self, flow: &Flow, change: impl FnOnce(u64) -> u64) {
        let ours = flow.home() == self.config.shard;
        if let Some(open) = self.open.get_mut(flow.protocol as usize).filter(|_| ours) {
            *open = change(*open);
        }
    }

    /// A stream ended. Fail the transactions on it.
    pub fn stream_closed(&mut self, flow: &Flow) {
        self.schedule.set(Timer::Stream(flow.connection), None);
        let Some(stream) = self.streams.remove(&flow.connection) else { return };
        self.count(flow, |open| open.saturating_sub(1));
        for peer in peers(flow, &stream.opened) {
            if self.by_peer.get(&peer) == Some(&flow.connection) {
                self.by_peer.remove(&peer);
            }
        }
    }

    /// A stream could not be opened.
    pub fn connect_failed(&mut self, peer: &Peer, reason: &str, out: &mut Vec<Action>) {
        if let Some(pending) = self.no_longer_pending(peer) {
            out.extend(pending.waiters.into_iter().map(|waiter| Action::Unreachable {
                waiter,
                remote: peer.remote,
                reason: reason.to_owned(),
            }));
        }
    }

    /// Takes a segment of a stream. Read the messages from the [`Feed`], then give it back to [`fed`](Self::fed).
    #[must_use]
    pub fn feed<'a>(&mut self, flow: Flow, segment: &'a [u8], now: Instant) -> Feed<'a> {
        let (left_over, line_ends) = match self.streams.get_mut(&flow.connection) {
            Some(stream) => {
                stream.last = now;
                (std::mem::take(&mut stream.left_over), stream.line_ends)
            }
            None => Default::default(),
        };
        Feed::new(flow, left_over, segment, line_ends)
    }

    /// Keeps what a [`Feed`] left over, answers its pings, closes a stream that does not carry SIP.
    pub fn fed(&mut self, feed: Feed<'_>, out: &mut Vec<Action>) {
        let flow = feed.flow;
        let Some(stream) = self.streams.get_mut(&flow.connection) else { return };
        stream.used |= feed.messages > 0;
        stream.line_ends = feed.line_ends;
        if feed.pings > 0 {
            out.push(Action::Transmit(Transmit { flow, bytes: Bytes::from_static(b"\r\n") }));
        }
        let bad = feed.bad;
        let left_over = feed.left_over();
        if bad || left_over.len() > limits::STREAM_BUFFER_BYTES {
            out.push(Action::Close { flow });
        } else {
            stream.left_over = left_over;
        }
    }

    /// Looks at a datagram: the message in it, or `None` for a keep-alive (line ends, NUL, STUN). RFC 3261 s7.5, RFC 5626 s3.5.
    #[must_use]
    pub fn datagram<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let start = bytes.iter().position(|b| !matches!(b, b'\r' | b'\n' | 0))?;
        // STUN begins with two zero bits, SIP with a letter. RFC 8489 s5.
        bytes.get(start..).filter(|rest| rest.first().is_some_and(|b| *b >= 0x40 || b.is_ascii_graphic()))
    }

    /// Gives up connections that do not come, closes streams that nobody uses.
    pub fn handle_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        while let Some(timer) = self.schedule.pop_due(now) {
            match timer {
                Timer::Connect(number) => {
                    if let Some(peer) = self.opening.remove(&number) {
                        self.connect_failed(&peer, "the peer does not answer the connection", out);
                    }
                }
                Timer::Stream(connection) => {
                    let Some(stream) = self.streams.get(&connection) else { continue };
                    let idle = if stream.used { limits::STREAM_IDLE } else { limits::STREAM_FIRST_MESSAGE };
                    let due = stream.last + idle;
                    if due <= now {
                        out.push(Action::Close { flow: stream.flow });
                    } else {
                        self.schedule.set(timer, Some(due));
                    }
                }
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn next_timeout(&self) -> Option<Instant> {
        self.schedule.next()
    }

    /// Bytes that wait for the rest of their message.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        #[allow(clippy::iter_over_hash_type, reason = "a sum has no order")]
        self.streams.values().map(|stream| stream.left_over.len()).sum()
    }

    /// The listening point that serves `local`: the exact address, else a wildcard of its family, else any of the protocol; the port
    /// of a datagram listener stands in where a stream protocol has none.
    fn bound(&self, protocol: Protocol, local: IpAddr) -> SocketAddr {
        let rank = |(p, at): &(Protocol, SocketAddr)| {
            let fits = at.ip() == local || (at.ip().is_unspecified() && at.is_ipv4() == local.is_ipv4());
            (*p == protocol, fits, at.ip() == local)
        };
        let best = self.config.listeners.iter().max_by_key(|listener| rank(listener));
        SocketAddr::new(local, best.map_or(protocol.default_port(), |(_, at)| at.port()))
    }

    fn open(&mut self, peer: &Peer, now: Instant, out: &mut Vec<Action>) -> Option<&mut Pending> {
        if !self.pending.contains_key(peer) {
            if self.pending.len() >= limits::STREAMS {
                return None;
            }
            let number = self.serial;
            self.serial = self.serial.wrapping_add(1);
            self.schedule.set(Timer::Connect(number), Some(now + limits::CONNECT));
            self.opening.insert(number, peer.clone());
            self.pending.insert(peer.clone(), Pending { number, ..Pending::default() });
            out.push(Action::Connect { peer: peer.clone() });
        }
        self.pending.get_mut(peer)
    }

    fn no_longer_pending(&mut self, peer: &Peer) -> Option<Pending> {
        let pending = self.pending.remove(peer)?;
        self.opening.remove(&pending.number);
        self.schedule.set(Timer::Connect(pending.number), None);
        Some(pending)
    }
}

/// Under what a stream is found: the peer that was asked for, and that peer under every other name that it proved (RFC 5923 s9.3). An
/// accepted stream is found by its address alone, and only where there is nothing to prove.
fn peers(flow: &Flow, opened: &Opened) -> Vec<Peer> {
    match &opened.asked {
        Some(asked) => {
            let others = opened.names().filter(|name| *name != asked.name()).map(|name| asked.called(name));
            std::iter::once(asked.clone()).chain(others).collect()
        }
        None if needs_identity(flow.protocol) => Vec::new(),
        None => vec![Peer::new(flow.protocol, flow.remote, None)],
    }
}

impl Pending {
    fn queue(&mut self, bytes: Bytes) {
        let held = self.queued.iter().fold(bytes.len(), |sum, b| sum.saturating_add(b.len()));
        if held <= limits::STREAM_BACKLOG_BYTES {
            self.queued.push(bytes);
        }
    }
}
