//! Streams of one shard: accepted and opened connections, a task each, with bounds on time and on what a peer leaves unread. RFC 3261
//! s18.
//!
//! A write goes straight to the socket; what the socket does not take waits in a bounded queue for the connection's own task, so a
//! peer that does not read, or does not finish its handshake, delays nobody else.

use super::link::Link;
use super::open::{self, Fresh};
use super::{Shard, with};
use crate::agent::io::{Input, Opened, Peer};
use crate::base::{Duration, Flow, Pii, Protocol, limits};
use crate::engine::counters;
use crate::engine::log::TraceDirection;
use crate::engine::shared::Shared;
use crate::message::frame::{self, Frame};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant as Tick, sleep, sleep_until};

/// Read at once.
const READ_BYTES: usize = 64 * 1024;
/// Reads in a row before others get their turn.
const READS: usize = 8;
/// Pause when the system has no descriptor for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A connection that is being closed waits no longer for its peer to take the rest.
const CLOSING: Duration = Duration::from_secs(5);

/// The streams that a shard knows.
#[derive(Default)]
pub(super) struct Streams {
    /// At home here.
    own: BTreeMap<u64, Stream>,
    /// Every stream of every shard, with how it was opened: what a fresh agent must be told.
    known: BTreeMap<u64, (Flow, Opened)>,
    /// Connections that are on their way: being opened by us, or in their handshake.
    starting: usize,
    /// Accepted connections by source.
    sources: BTreeMap<IpAddr, usize>,
    serial: u64,
    buffer: Vec<u8>,
    plain: Vec<u8>,
    /// Streams closed because the peer did not read; counted by the shard.
    shed: usize,
}

struct Stream {
    link: Link,
    /// Told when the link has something or the stream is to close.
    changed: Arc<Notify>,
    closing: bool,
    /// Nothing of what waits is worth sending any more.
    dead: bool,
    /// Received bytes of a message that is not whole yet, while there is a trace.
    untraced: Vec<u8>,
}

impl Streams {
    pub(super) fn remember(&mut self, flow: Flow, opened: Opened) {
        self.known.insert(flow.connection, (flow, opened));
    }

    pub(super) fn forget(&mut self, flow: &Flow) {
        self.known.remove(&flow.connection);
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Flow, Opened)> {
        self.known.values().cloned()
    }

    /// Bytes that wait for peers that do not read.
    pub(super) fn queued(&self) -> usize {
        self.own.values().map(|stream| stream.link.queued()).sum()
    }

    /// Starts to close: what waits is still written.
    pub(super) fn close(&mut self, flow: &Flow) {
        if let Some(stream) = self.own.get_mut(&flow.connection) {
            stream.closing = true;
            stream.changed.notify_one();
        }
    }

    /// Writes, or queues; false when the stream is not there.
    pub(super) fn write(&mut self, flow: &Flow, bytes: Bytes) -> bool {
        let Some(stream) = self.own.get_mut(&flow.connection) else { return false };
        if stream.closing {
            return false;
        }
        if !stream.link.send(bytes) {
            (stream.closing, stream.dead) = (true, true);
            self.shed += 1;
        }
        if stream.closing || stream.link.is_waiting() {
            stream.changed.notify_one();
        }
        !stream.closing
    }

    fn has_room(&self) -> bool {
        self.own.len() + self.starting < limits::STREAMS
    }

    /// Opens a stream; the answer is `StreamOpened` or `ConnectFailed`.
    pub(super) fn connect(&mut self, me: u8, shared: Arc<Shared>, peer: Peer) {
        let room = self.has_room();
        self.starting += 1;
        tokio::spawn(async move {
            let outcome = match room {
                true => open::connect(&shared, &peer).await,
                false => Err(format!("{} connections are open; no room for one to {}", limits::STREAMS, peer.remote)),
            };
            let fresh =
                outcome.and_then(|fresh| adopt(me, fresh, peer.protocol, peer.remote).map_err(|e| e.to_string()));
            with(|shard| {
                shard.streams.starting -= 1;
                if let Err(reason) = &fresh {
                    shard.input(Input::ConnectFailed { peer, reason: reason.clone() });
                    shard.after_task();
                }
            });
            if let Ok(serving) = fresh {
                serve(serving, true).await;
            }
        });
    }

    /// Counts an accepted connection of a source; false when it or the shard has too many.
    fn enter(&mut self, source: IpAddr, most: usize) -> bool {
        if !self.has_room() {
            return false;
        }
        let count = self.sources.entry(source).or_default();
        if *count >= most {
            return false;
        }
        *count += 1;
        true
    }

    fn leave(&mut self, source: IpAddr) {
        if let Some(count) = self.sources.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&source);
            }
        }
    }
}

/// Accepts connections for as long as the shard lives.
pub(super) async fn accept(me: u8, protocol: Protocol, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((socket, remote)) => {
                let source = remote.ip().to_canonical();
                let entered = with(|shard| {
                    let most = shard.shared.streams.per_source;
                    let entered = shard.streams.enter(source, most);
                    if entered {
                        shard.streams.starting += 1;
                    } else {
                        counters::count(&shard.shared.counters.streams_shed);
                    }
                    entered.then(|| shard.shared.clone())
                });
                if let Some(shared) = entered.flatten() {
                    tokio::spawn(async move {
                        accepted(me, shared, protocol, socket, remote).await;
                        with(|shard| shard.streams.leave(source));
                    });
                }
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// The life of an accepted connection.
async fn accepted(me: u8, shared: Arc<Shared>, protocol: Protocol, socket: TcpStream, remote: SocketAddr) {
    let outcome = open::accept(&shared, protocol, socket, limits::HANDSHAKE).await;
    if let Err(reason) = &outcome {
        tracing::info!(remote = %Pii(remote), reason = %Pii(reason), "a connection did not come about over {protocol}");
    }
    let serving = outcome.ok().and_then(|fresh| adopt(me, fresh, protocol, remote).ok());
    with(|shard| shard.streams.starting -= 1);
    if let Some(serving) = serving {
        serve(serving, false).await;
    }
}

/// What the task of a connection holds of it.
struct Serving {
    flow: Flow,
    socket: Arc<TcpStream>,
    changed: Arc<Notify>,
}

/// Makes a connection one of the shard's, and the agents hear of it.
fn adopt(me: u8, fresh: Fresh, protocol: Protocol, remote: SocketAddr) -> io::Result<Serving> {
    let Fresh { link, opened, early } = fresh;
    let local = link.socket.local_addr()?;
    let (socket, changed) = (link.socket.clone(), Arc::new(Notify::new()));
    let serving = with(|shard| {
        let streams = &mut shard.streams;
        streams.serial += 1;
        let connection = (u64::from(me) << 56) | streams.serial;
        let flow = Flow { protocol, local, remote, connection };
        let stream = Stream { link, changed: changed.clone(), closing: false, dead: false, untraced: Vec::new() };
        streams.own.insert(connection, stream);
        shard.stream_opened(flow, opened);
        if !shard.understood(&flow, &early) {
            shard.streams.close(&flow);
        }
        shard.after_task();
        Serving { flow, socket, changed }
    });
    serving.ok_or_else(|| io::Error::other("the engine was shut down"))
}

/// What to do next with a connection.
enum Next {
    /// Wait for the peer or for something to write.
    Wait {
        blocked: bool,
        closing: bool,
    },
    /// Read more, after others had their turn.
    More,
    Close,
}

/// The life of one connection.
async fn serve(serving: Serving, outgoing: bool) {
    let Serving { flow, socket, changed } = serving;
    // A peer that connects must say something soon; then, and where we connected, traffic keeps the stream.
    let mut idle_at = Tick::now() + if outgoing { limits::STREAM_IDLE } else { limits::STREAM_FIRST_MESSAGE };
    let mut blocked = false;
    loop {
        tokio::select! {
            ready = socket.readable() => {
                if ready.is_err() {
                    break;
                }
                idle_at = Tick::now() + limits::STREAM_IDLE;
            }
            ready = socket.writable(), if blocked => {
                if ready.is_err() {
                    break;
                }
            }
            () = changed.notified() => {}
            () = sleep_until(idle_at) => {
                with(|shard| counters::count(&shard.shared.counters.streams_shed));
                break;
            }
        }
        match with(|shard| shard.stream_turn(&flow, &socket)) {
            Some(Next::Wait { blocked: now, closing }) => {
                blocked = now;
                if closing {
                    idle_at = idle_at.min(Tick::now() + CLOSING);
                }
            }
            Some(Next::More) => tokio::task::yield_now().await,
            Some(Next::Close) | None => break,
        }
    }
    with(|shard| {
        shard.stream_closed(flow);
        shard.after_task();
    });
}

impl Shard {
    /// Reads and writes what goes without waiting.
    fn stream_turn(&mut self, flow: &Flow, socket: &TcpStream) -> Next {
        let mut more = true;
        let mut open = true;
        for _ in 0..READS {
            let mut buffer = std::mem::take(&mut self.streams.buffer);
            buffer.resize(READ_BYTES, 0);
            let read = socket.try_read(&mut buffer);
            let bytes = read.as_ref().ok().and_then(|n| buffer.get(..*n)).unwrap_or(&[]);
            if !bytes.is_empty() {
                open = self.received(flow, bytes);
            }
            self.streams.buffer = buffer;
            match read {
                Ok(0) => return Next::Close,
                Ok(_) if open => {}
                Ok(_) => break,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    more = false;
                    break;
                }
                Err(_) => return Next::Close,
            }
        }
        self.after_task();
        let Some(stream) = self.streams.own.get_mut(&flow.connection) else { return Next::Close };
        if !open || stream.dead {
            // The last words of a layer, and then the end.
            let _ = stream.link.flush();
            return Next::Close;
        }
        match stream.link.flush() {
            Err(_) => Next::Close,
            Ok(false) if stream.closing => Next::Close,
            Ok(_) if more => Next::More,
            Ok(blocked) => Next::Wait { blocked, closing: stream.closing },
        }
    }

    /// Takes bytes of a socket; false when that was the last.
    fn received(&mut self, flow: &Flow, wire: &[u8]) -> bool {
        let Some(stream) = self.streams.own.get_mut(&flow.connection) else { return false };
        if stream.link.is_plain() {
            self.deliver(flow, wire);
            return true;
        }
        let mut plain = std::mem::take(&mut self.streams.plain);
        plain.clear();
        let outcome = stream.link.receive(wire, &mut plain);
        let open = self.understood(flow, &plain);
        self.streams.plain = plain;
        match outcome {
            Ok(more) => open && more,
            Err(reason) => {
                tracing::info!(remote = %Pii(flow.remote), reason = %Pii(&reason), "a connection broke");
                false
            }
        }
    }

    /// Gives the agent what the layers made of it; false when the peer breaks the rules of one.
    fn understood(&mut self, flow: &Flow, plain: &[u8]) -> bool {
        if !plain.is_empty() {
            self.deliver(flow, plain);
        }
        loop {
            let Some(stream) = self.streams.own.get_mut(&flow.connection) else { return false };
            match stream.link.message() {
                Ok(Some(message)) => self.deliver(flow, &message),
                Ok(None) => return true,
                Err(reason) => {
                    tracing::debug!(remote = %Pii(flow.remote), reason = %Pii(&reason), "a WebSocket ended");
                    return false;
                }
            }
        }
    }

    fn deliver(&mut self, flow: &Flow, bytes: &[u8]) {
        self.trace_received(flow, bytes);
        self.input(Input::StreamData { flow: *flow, bytes });
    }

    /// Shows the whole messages that are there now, if anybody wants to see them.
    fn trace_received(&mut self, flow: &Flow, bytes: &[u8]) {
        if self.shared.trace.is_none() {
            return;
        }
        let Some(stream) = self.streams.own.get_mut(&flow.connection) else { return };
        if stream.link.is_framed() {
            return self.trace(TraceDirection::Received, flow, bytes);
        }
        let mut waiting = std::mem::take(&mut stream.untraced);
        waiting.extend_from_slice(bytes);
        let mut rest = &waiting[..];
        loop {
            let taken = match frame::next(rest) {
                Frame::Incomplete if rest.len() < limits::STREAM_BUFFER_BYTES => break,
                Frame::KeepAlive { bytes } => bytes,
                Frame::Message { bytes } => {
                    self.trace(TraceDirection::Received, flow, rest.get(..bytes).unwrap_or(rest));
                    bytes
                }
                // What cannot be followed is shown as it is; the agent closes the stream.
                Frame::Bad(_) | Frame::Incomplete => {
                    self.trace(TraceDirection::Received, flow, rest);
                    rest.len()
                }
            };
            rest = rest.get(taken..).unwrap_or(&[]);
        }
        let done = waiting.len() - rest.len();
        waiting.drain(..done);
        if let Some(stream) = self.streams.own.get_mut(&flow.connection) {
            stream.untraced = waiting;
        }
    }

    fn stream_opened(&mut self, flow: Flow, opened: Opened) {
        counters::count(&self.shared.counters.streams_opened);
        if let Some(stream) = self.streams.own.get(&flow.connection)
            && let Some(protection) = stream.link.protection()
        {
            self.shared.streams.protected(&flow, protection);
        }
        self.streams.remember(flow, opened.clone());
        for shard in self.others() {
            self.hand_over(shard, super::Inbound::StreamOpened { flow, opened: opened.clone() });
        }
        self.input(Input::StreamOpened { flow, opened });
    }

    fn stream_closed(&mut self, flow: Flow) {
        counters::add(&self.shared.counters.streams_shed, std::mem::take(&mut self.streams.shed));
        if let Some(mut stream) = self.streams.own.remove(&flow.connection)
            && !stream.dead
        {
            stream.link.close();
        }
        self.shared.streams.gone(&flow);
        self.streams.forget(&flow);
        for shard in self.others() {
            self.hand_over(shard, super::Inbound::StreamClosed { flow });
        }
        self.input(Input::StreamClosed { flow });
    }
}
