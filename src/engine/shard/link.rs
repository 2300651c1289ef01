//! The layers of one connection: TCP, then TLS where wanted, then a WebSocket where wanted; above them SIP. RFC 3261 s18, RFC 7118.
//!
//! Everything is tried and nothing waited for: what a socket does not take stays here, within bounds.

use crate::base::limits;
use crate::engine::tls::TlsInfo;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice, Write};
use std::sync::Arc;
use tokio::net::TcpStream;

/// One connection.
pub(super) struct Link {
    pub(super) socket: Arc<TcpStream>,
    #[cfg(feature = "tls")]
    tls: Option<Box<crate::engine::tls::Layer>>,
    #[cfg(feature = "ws")]
    ws: Option<Box<crate::engine::ws::Layer>>,
    /// What goes to the socket; with TLS that waits inside it.
    queue: VecDeque<Bytes>,
    queued: usize,
}

impl Link {
    /// TCP alone.
    pub(super) fn new(socket: TcpStream) -> Self {
        Link {
            socket: Arc::new(socket),
            #[cfg(feature = "tls")]
            tls: None,
            #[cfg(feature = "ws")]
            ws: None,
            queue: VecDeque::new(),
            queued: 0,
        }
    }

    /// Puts TLS on the socket.
    #[cfg(feature = "tls")]
    pub(super) fn secured(mut self, layer: crate::engine::tls::Layer) -> Self {
        self.tls = Some(Box::new(layer));
        self
    }

    /// Puts a WebSocket on what is there.
    #[cfg(feature = "ws")]
    pub(super) fn framed(mut self, layer: crate::engine::ws::Layer) -> Self {
        self.ws = Some(Box::new(layer));
        self
    }

    /// Whether SIP cannot flow yet.
    pub(super) fn is_handshaking(&self) -> bool {
        #[allow(unused_mut, reason = "without TLS and WebSockets")]
        let mut under_way = false;
        #[cfg(feature = "tls")]
        {
            under_way |= self.tls.as_ref().is_some_and(|tls| tls.is_handshaking());
        }
        #[cfg(feature = "ws")]
        {
            under_way |= self.ws.as_ref().is_some_and(|ws| ws.is_handshaking());
        }
        under_way
    }

    /// Whether bytes of the socket are SIP as they are.
    pub(super) fn is_plain(&self) -> bool {
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return false;
        }
        !self.is_framed()
    }

    /// Whether the messages come one by one, each whole.
    pub(super) fn is_framed(&self) -> bool {
        #[cfg(feature = "ws")]
        if self.ws.is_some() {
            return true;
        }
        false
    }

    /// Takes bytes of the socket. What they mean goes to `plain`, or waits for [`message`](Self::message). False: the peer is done.
    pub(super) fn receive(&mut self, wire: &[u8], plain: &mut Vec<u8>) -> Result<bool, String> {
        #[allow(unused_mut, reason = "without TLS")]
        let mut open = true;
        let start = plain.len();
        #[cfg(feature = "tls")]
        match &mut self.tls {
            Some(tls) => open = tls.receive(wire, plain)?,
            None => plain.extend_from_slice(wire),
        }
        #[cfg(not(feature = "tls"))]
        plain.extend_from_slice(wire);
        #[cfg(feature = "ws")]
        if let Some(ws) = &mut self.ws {
            ws.receive(plain.get(start..).unwrap_or_default());
            plain.truncate(start);
        }
        let _ = start;
        Ok(open)
    }

    /// Goes on with the handshake of a WebSocket.
    pub(super) fn advance(&mut self) -> Result<(), String> {
        #[cfg(feature = "ws")]
        if let Some(ws) = &mut self.ws {
            let outcome = ws.advance();
            self.pump();
            return outcome;
        }
        Ok(())
    }

    /// The next whole message of a WebSocket.
    pub(super) fn message(&mut self) -> Result<Option<Bytes>, String> {
        #[cfg(feature = "ws")]
        if let Some(ws) = &mut self.ws {
            let outcome = ws.next();
            return if self.pump() { outcome } else { Err("the peer does not read".to_owned()) };
        }
        Ok(None)
    }

    /// Sends SIP as far as the socket takes it now; what it does not take waits. False: the peer leaves too much unread.
    pub(super) fn send(&mut self, message: Bytes) -> bool {
        #[cfg(feature = "ws")]
        if let Some(ws) = &mut self.ws {
            return ws.send(message) && self.pump();
        }
        self.lower(message)
    }

    /// What the WebSocket has to say goes down.
    #[cfg(feature = "ws")]
    fn pump(&mut self) -> bool {
        let output = self.ws.as_mut().map(|ws| ws.output()).unwrap_or_default();
        output.is_empty() || self.lower(output.into())
    }

    fn lower(&mut self, mut bytes: Bytes) -> bool {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            let room = tls.send(&bytes);
            // What breaks here breaks again in the connection's own task.
            let _ = tls.flush(&mut Now(&self.socket));
            return room;
        }
        if self.queue.is_empty()
            && let Ok(written) = self.socket.try_write(&bytes)
        {
            bytes.advance(written);
        }
        if bytes.is_empty() {
            return true;
        }
        self.queued += bytes.len();
        if self.queued > limits::STREAM_BACKLOG_BYTES {
            self.queue.clear();
            self.queued = 0;
            return false;
        }
        self.queue.push_back(bytes);
        true
    }

    /// Whether something waits for the socket.
    pub(super) fn is_waiting(&self) -> bool {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.wants_write();
        }
        !self.queue.is_empty()
    }

    /// Bytes that wait for the socket; those that TLS holds are not counted.
    pub(super) fn queued(&self) -> usize {
        self.queued
    }

    /// Writes what waits; true when the socket is full.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            return tls.flush(&mut Now(&self.socket));
        }
        while let Some(front) = self.queue.front_mut() {
            match self.socket.try_write(front) {
                Ok(written) => {
                    self.queued = self.queued.saturating_sub(written);
                    front.advance(written);
                    if front.is_empty() {
                        self.queue.pop_front();
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(e) => return Err(e),
            }
        }
        Ok(false)
    }

    /// Says good-bye on every layer, as far as the socket takes it.
    pub(super) fn close(&mut self) {
        #[cfg(feature = "ws")]
        if let Some(ws) = &mut self.ws {
            ws.close();
            self.pump();
        }
        #[cfg(feature = "tls")]
        if let Some(tls) = &mut self.tls {
            tls.close();
        }
        let _ = self.flush();
    }

    /// How it is protected; `None` where it is not.
    pub(super) fn protection(&self) -> Option<TlsInfo> {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().map(|tls| tls.info());
        #[cfg(not(feature = "tls"))]
        None
    }

    /// Whether both sides have shown certificates.
    pub(super) fn is_mutual(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().is_some_and(|tls| tls.is_mutual());
        #[cfg(not(feature = "tls"))]
        false
    }
}

/// Writes what the socket takes now.
#[cfg_attr(not(feature = "tls"), allow(dead_code, reason = "only TLS writes by itself"))]
struct Now<'a>(&'a TcpStream);

impl Write for Now<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
