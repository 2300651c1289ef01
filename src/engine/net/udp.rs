//! A UDP listener of one shard: receives in batches, gathers what is to be sent and flushes it in batches.

use super::batch::{self, Outgoing, RecvBatch};
use crate::base::{Flow, Transmit};
use crate::engine::counters::{self, Live};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use tokio::io::unix::AsyncFd;

/// Datagrams that may wait for a full socket; beyond it the oldest is dropped, like in the network.
const WAITING: usize = 8192;

/// The socket, shared by the task that reads it and the queue that writes it.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) local: SocketAddr,
    pub(crate) fd: AsyncFd<UdpSocket>,
}

impl Socket {
    /// Registers a bound, non-blocking socket with the current runtime.
    pub(crate) fn new(socket: UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        // Not for writing: each sent datagram would wake the shard. A full socket is tried again after a moment.
        Ok(Socket { local, fd: batch::watch(socket)? })
    }

    /// Receives one batch. An ICMP error makes the call fail once and is taken with `errors`.
    pub(crate) fn receive(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        batch.receive(self.as_fd())
    }

    /// The flow of a received datagram.
    pub(crate) fn flow(&self, from: SocketAddr, to: Option<IpAddr>) -> Flow {
        Flow::udp(SocketAddr::new(to.unwrap_or(self.local.ip()), self.local.port()), from)
    }

    /// Whether a datagram of `flow` can leave from here.
    pub(crate) fn carries(&self, flow: &Flow) -> bool {
        let ip = self.local.ip();
        self.local.port() == flow.local.port()
            && ip.is_ipv4() == flow.remote.is_ipv4()
            && (ip.is_unspecified() || ip == flow.local.ip())
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.get_ref().as_fd()
    }
}

/// The send side of a socket.
#[derive(Debug)]
pub(crate) struct SendQueue {
    pub(crate) socket: Arc<Socket>,
    waiting: VecDeque<Transmit>,
}

impl SendQueue {
    pub(crate) fn new(socket: Arc<Socket>) -> Self {
        SendQueue { socket, waiting: VecDeque::new() }
    }

    /// Gathers one datagram.
    pub(crate) fn push(&mut self, transmit: Transmit) {
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(transmit);
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Sends what was gathered; tells of each datagram that the system refused. What does not fit now stays.
    pub(crate) fn flush(&mut self, counters: &Live, failed: &mut Vec<(Flow, io::Error)>) {
        let mut retried = false;
        while !self.waiting.is_empty() {
            let sent = {
                let specific = !self.socket.local.ip().is_unspecified();
                let datagrams: SmallVec<[Outgoing<'_>; batch::BATCH]> = self
                    .waiting
                    .iter()
                    .take(batch::BATCH)
                    .map(|t| Outgoing {
                        to: t.flow.remote,
                        from: Some(t.flow.local.ip()).filter(|ip| !specific && !ip.is_unspecified()),
                        bytes: &t.bytes,
                    })
                    .collect();
                batch::send(self.socket.as_fd(), &datagrams)
            };
            match sent {
                Ok(sent) => {
                    counters::count(&counters.send_batches);
                    counters::add(&counters.datagrams_sent, sent);
                    self.waiting.drain(..sent.min(self.waiting.len()));
                    retried = false;
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory) => return,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                // The error may be of an earlier datagram (ICMP): the second time it is this one's.
                Err(_) if !retried => retried = true,
                Err(e) => {
                    retried = false;
                    if let Some(transmit) = self.waiting.pop_front() {
                        failed.push((transmit.flow, e));
                    }
                }
            }
        }
    }
}
