//! Streams of one shard: accepted and opened connections, a task each, with bounds on time and on what a peer leaves unread. RFC 3261
//! s18.
//!
//! A write goes straight to the socket; what the socket does not take waits in a bounded queue for the connection's own task, so a
//! peer that does not read delays nobody else.

use super::{Shard, with};
use crate::agent::io::{Input, Opened, Peer};
use crate::base::{Duration, Flow, Protocol, limits};
use crate::engine::counters;
use crate::engine::log::TraceDirection;
use crate::message::frame::{self, Frame};
use bytes::{Buf, Bytes};
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant as Tick, sleep, sleep_until, timeout};

/// A connection attempt takes no longer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Read at once.
const READ_BYTES: usize = 64 * 1024;
/// Reads in a row before others get their turn.
const READS: usize = 8;
/// Pause when the system has no descriptor for a new connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The streams that a shard knows.
#[derive(Default)]
pub(super) struct Streams {
    /// At home here.
    own: BTreeMap<u64, Stream>,
    /// Every stream of every shard, with how it was opened: what a fresh agent must be told.
    known: BTreeMap<u64, (Flow, Opened)>,
    connecting: usize,
    serial: u64,
    buffer: Vec<u8>,
    /// Streams closed because the peer did not read; counted by the shard.
    shed: usize,
}

struct Stream {
    socket: Arc<TcpStream>,
    /// Told when the queue has something or the stream is to close.
    changed: Arc<Notify>,
    queue: VecDeque<Bytes>,
    queued: usize,
    closing: bool,
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
        self.own.values().map(|stream| stream.queued).sum()
    }

    /// Starts to close: what waits is still written.
    pub(super) fn close(&mut self, flow: &Flow) {
        if let Some(stream) = self.own.get_mut(&flow.connection) {
            stream.closing = true;
            stream.changed.notify_one();
        }
    }

    /// Writes, or queues; false when the stream is not there.
    pub(super) fn write(&mut self, flow: &Flow, mut bytes: Bytes) -> bool {
        let Some(stream) = self.own.get_mut(&flow.connection) else { return false };
        if stream.closing {
            return false;
        }
        if stream.queue.is_empty()
            && let Ok(written) = stream.socket.try_write(&bytes)
        {
            bytes.advance(written);
        }
        if bytes.is_empty() {
            return true;
        }
        stream.queued += bytes.len();
        if stream.queued > limits::STREAM_BACKLOG_BYTES {
            stream.queue.clear();
            stream.queued = 0;
            stream.closing = true;
            self.shed += 1;
        } else {
            stream.queue.push_back(bytes);
        }
        stream.changed.notify_one();
        !stream.closing
    }

    /// Opens a stream; the answer is `StreamOpened` or `ConnectFailed`.
    pub(super) fn connect(&mut self, me: u8, peer: Peer) {
        let (protocol, remote) = (peer.protocol, peer.remote);
        let room = self.own.len() + self.connecting < limits::STREAMS;
        self.connecting += 1;
        tokio::spawn(async move {
            let outcome = match (protocol, room) {
                (Protocol::Tcp, true) => match timeout(CONNECT_TIMEOUT, TcpStream::connect(remote)).await {
                    Ok(Ok(socket)) => Ok(socket),
                    Ok(Err(e)) if e.kind() == io::ErrorKind::ConnectionRefused => {
                        Err(format!("nothing listens on {remote} over tcp: {e}"))
                    }
                    Ok(Err(e)) => Err(format!("cannot connect to {remote} over tcp: {e}")),
                    Err(_) => Err(format!(
                        "cannot connect to {remote} over tcp: no answer in {} s",
                        CONNECT_TIMEOUT.as_secs()
                    )),
                },
                (Protocol::Tcp, false) => {
                    Err(format!("{} connections are open; no room for one to {remote}", limits::STREAMS))
                }
                _ => Err(format!("{protocol} is not built in; use udp or tcp")),
            };
            let outcome = outcome
                .and_then(|socket| adopt(me, socket, remote, Opened::to(peer.clone())).map_err(|e| e.to_string()));
            with(|shard| {
                shard.streams.connecting -= 1;
                if let Err(reason) = outcome {
                    shard.input(Input::ConnectFailed { peer, reason });
                    shard.after_task();
                }
            });
        });
    }
}

/// Accepts connections for as long as the shard lives.
pub(super) async fn accept(me: u8, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((socket, remote)) => {
                if with(|shard| shard.streams.own.len() < limits::STREAMS).unwrap_or(false) {
                    let _ = adopt(me, socket, remote, Opened::accepted());
                }
            }
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Makes a connection one of the shard's: the agents hear of it, its task starts.
fn adopt(me: u8, socket: TcpStream, remote: SocketAddr, opened: Opened) -> io::Result<()> {
    let outgoing = opened.asked.is_some();
    socket.set_nodelay(true)?;
    let local = socket.local_addr()?;
    let (socket, changed) = (Arc::new(socket), Arc::new(Notify::new()));
    with(|shard| {
        let streams = &mut shard.streams;
        streams.serial += 1;
        let connection = (u64::from(me) << 56) | streams.serial;
        let flow = Flow { protocol: Protocol::Tcp, local, remote, connection };
        let (queue, queued, closing) = (VecDeque::new(), 0, false);
        streams.own.insert(
            connection,
            Stream { socket: socket.clone(), changed: changed.clone(), queue, queued, closing, untraced: Vec::new() },
        );
        tokio::spawn(serve(flow, socket, changed, outgoing));
        shard.stream_opened(flow, opened);
        shard.after_task();
    });
    Ok(())
}

/// What to do next with a connection.
enum Next {
    /// Wait for the peer or for something to write.
    Wait {
        blocked: bool,
    },
    /// Read more, after others had their turn.
    More,
    Close,
}

/// The life of one connection.
async fn serve(flow: Flow, socket: Arc<TcpStream>, changed: Arc<Notify>, outgoing: bool) {
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
            Some(Next::Wait { blocked: now }) => blocked = now,
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
        for _ in 0..READS {
            let mut buffer = std::mem::take(&mut self.streams.buffer);
            buffer.resize(READ_BYTES, 0);
            let read = socket.try_read(&mut buffer);
            let bytes = read.as_ref().ok().and_then(|n| buffer.get(..*n)).unwrap_or(&[]);
            if !bytes.is_empty() {
                self.trace_received(flow, bytes);
                self.input(Input::StreamData { flow: *flow, bytes });
            }
            self.streams.buffer = buffer;
            match read {
                Ok(0) => return Next::Close,
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    more = false;
                    break;
                }
                Err(_) => return Next::Close,
            }
        }
        self.after_task();
        match self.streams.own.get_mut(&flow.connection).map(|stream| stream.write_queue(socket)) {
            Some(Next::Wait { .. }) if more => Next::More,
            Some(next) => next,
            None => Next::Close,
        }
    }

    /// Shows the whole messages that are there now, if anybody wants to see them.
    fn trace_received(&mut self, flow: &Flow, bytes: &[u8]) {
        if self.shared.trace.is_none() {
            return;
        }
        let Some(stream) = self.streams.own.get_mut(&flow.connection) else { return };
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
        self.streams.remember(flow, opened.clone());
        for shard in self.others() {
            self.hand_over(shard, super::Inbound::StreamOpened { flow, opened: opened.clone() });
        }
        self.input(Input::StreamOpened { flow, opened });
    }

    fn stream_closed(&mut self, flow: Flow) {
        counters::add(&self.shared.counters.streams_shed, std::mem::take(&mut self.streams.shed));
        self.streams.own.remove(&flow.connection);
        self.streams.forget(&flow);
        for shard in self.others() {
            self.hand_over(shard, super::Inbound::StreamClosed { flow });
        }
        self.input(Input::StreamClosed { flow });
    }
}

impl Stream {
    fn write_queue(&mut self, socket: &TcpStream) -> Next {
        while let Some(front) = self.queue.front_mut() {
            match socket.try_write(front) {
                Ok(written) => {
                    self.queued = self.queued.saturating_sub(written);
                    front.advance(written);
                    if front.is_empty() {
                        self.queue.pop_front();
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Next::Wait { blocked: true },
                Err(_) => return Next::Close,
            }
        }
        if self.closing { Next::Close } else { Next::Wait { blocked: false } }
    }
}
