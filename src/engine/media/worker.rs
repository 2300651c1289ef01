//! One media worker: sockets of its sessions, the beat, and the way of packets and events. No lock and no allocation per packet.

use super::ports::{Pair, Ports};
use super::{Job, Workers};
use crate::base::id::{CallId, NodeId};
use crate::base::{Duration, Instant, Map, limits, map::Seeded};
use crate::engine::counters;
use crate::engine::net::batch::{self, BATCH, Epoll, Outgoing, RecvBatch, TimerFd};
use crate::engine::shard::inbox::Inbound;
use crate::engine::shared::Shared;
use crate::media::io::{MediaEvent, MediaEventKind, MediaOrder};
use crate::media::{PacketRange, Stage, StageOutput};
use smallvec::SmallVec;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Tokens of the poller that are no sockets.
const WAKE: u64 = 0;
const BEAT: u64 = 1;
const FIRST_SOCKET: u64 = 2;
/// Orders per round, so that sockets and the beat get their turn.
const ORDERS: usize = 256;
/// Batches taken from one socket per round: one peer cannot hold up the others.
const BATCHES: usize = 2;

/// A media worker, ready to run.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    workers: Arc<Workers>,
    index: usize,
    ports: Arc<Ports>,
    stage: Stage,
    poller: Epoll,
    timer: TimerFd,
    beating: bool,
    sessions: Map<NodeId, usize>,
    /// By slot; the poller's token of a socket is made of its slot.
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    batch: RecvBatch,
    /// Packets of this round: slot, whether RTCP, destination, bytes.
    sends: Vec<(usize, bool, SocketAddr, PacketRange)>,
    touched: u64,
    stopping: bool,
    #[cfg(test)]
    panic_next: bool,
}

struct Slot {
    session: NodeId,
    call: CallId,
    pair: Pair,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, workers: Arc<Workers>, index: usize, ports: Arc<Ports>) -> io::Result<Self> {
        let (poller, timer) = (Epoll::new()?, TimerFd::new()?);
        poller.add(workers.door(index).wake.as_fd(), WAKE)?;
        poller.add(timer.as_fd(), BEAT)?;
        let mut key = [0; 16];
        batch::os_random(&mut key)?;
        let key = u128::from_ne_bytes(key);
        Ok(Worker {
            stage: stage(&shared)?,
            shared,
            workers,
            index,
            ports,
            poller,
            timer,
            beating: false,
            sessions: crate::base::map::map(Seeded::new(key as u64, (key >> 64) as u64)),
            slots: Vec::new(),
            free: Vec::new(),
            batch: RecvBatch::new(limits::RTP_BYTES),
            sends: Vec::new(),
            touched: 0,
            stopping: false,
            #[cfg(test)]
            panic_next: false,
        })
    }

    /// The body of the thread.
    pub(crate) fn run(mut self) {
        let mut ready = Vec::new();
        while !self.stopping {
            ready.clear();
            ready.extend_from_slice(self.poller.wait());
            if catch_unwind(AssertUnwindSafe(|| self.round(&ready))).is_err() {
                self.recover();
            }
        }
        for session in self.open_sessions() {
            self.stage.order(MediaOrder::Close { session }, self.shared.clock.now());
            self.outputs();
        }
        // Orders that came too late hold sources and sinks: dropping them completes their files.
        while self.workers.door(self.index).take().is_some() {}
    }

    /// One round: what is readable, then the beat if it is due, then everything that came of it.
    fn round(&mut self, ready: &[u64]) {
        let now = self.shared.clock.now();
        for token in ready {
            match *token {
                WAKE => self.orders(now),
                BEAT => self.timer.clear(),
                token => self.receive(token, now),
            }
        }
        if let Some(due) = self.stage.next_timeout().filter(|due| *due <= now) {
            #[cfg(test)]
            if std::mem::take(&mut self.panic_next) {
                std::panic::resume_unwind(Box::new("injected"));
            }
            if now.since(due) > Stage::BEAT {
                counters::count(&self.shared.counters.late_beats);
            }
            self.stage.beat(now);
        }
        self.outputs();
        let beating = self.stage.next_timeout().is_some();
        if beating != self.beating {
            self.beating = beating;
            // It fails only for a time that is out of range.
            let _ = self.timer.every(if beating { Stage::BEAT } else { Duration::ZERO });
        }
    }

    fn orders(&mut self, now: Instant) {
        let workers = self.workers.clone();
        let door = workers.door(self.index);
        door.disarm();
        for _ in 0..ORDERS {
            match door.take() {
                Some(Job::Order(order)) => self.order(order, now),
                Some(Job::Stop) => self.stopping = true,
                #[cfg(test)]
                Some(Job::Panic) => self.panic_next = true,
                None => return,
            }
        }
        door.wake.set();
    }

    fn order(&mut self, order: MediaOrder, now: Instant) {
        let MediaOrder::Open { session, call, local, .. } = &order else {
            return self.stage.order(order, now);
        };
        let (session, call, local) = (*session, *call, *local);
        match self.bind(session, call, local) {
            Ok((rtp, rtcp)) => self.stage.open(order, rtp, rtcp, now),
            Err(reason) => self.tell(MediaEvent { session, call, kind: MediaEventKind::Failed { reason } }),
        }
    }

    fn bind(
        &mut self,
        session: NodeId,
        call: CallId,
        local: std::net::IpAddr,
    ) -> Result<(SocketAddr, SocketAddr), String> {
        let pair = self.ports.bind(local)?;
        let slot = self.free.last().copied().unwrap_or(self.slots.len());
        let watch = || {
            let addresses = (pair.rtp.local_addr()?, pair.rtcp.local_addr()?);
            self.poller.add(pair.rtp.as_fd(), token(slot, false))?;
            self.poller.add(pair.rtcp.as_fd(), token(slot, true))?;
            io::Result::Ok(addresses)
        };
        match watch() {
            Ok(addresses) => {
                self.free.pop();
                if slot == self.slots.len() {
                    self.slots.push(None);
                }
                self.slots[slot] = Some(Slot { session, call, pair });
                self.sessions.insert(session, slot);
                Ok(addresses)
            }
            Err(error) => {
                self.ports.release(pair);
                Err(format!("cannot watch RTP sockets: {error}; raise the limit of open files"))
            }
        }
    }

    fn receive(&mut self, token: u64, now: Instant) {
        let (slot, rtcp) = of_token(token);
        let Some(Some(slot)) = self.slots.get(slot) else { return };
        let socket = if rtcp { &slot.pair.rtcp } else { &slot.pair.rtp };
        for _ in 0..BATCHES {
            let Ok(count) = self.batch.receive(socket.as_fd()) else { return };
            counters::add(&self.shared.counters.media_received, count);
            for index in 0..count {
                if let Some(packet) = self.batch.packet(index) {
                    self.stage.handle(slot.session, rtcp, packet.from, packet.bytes, now);
                }
            }
            if count < BATCH {
                return;
            }
        }
    }

    /// Takes all that the stage wants: packets are gathered, then sent; events go to the shards of their calls.
    fn outputs(&mut self) {
        let mut closed: SmallVec<[NodeId; 8]> = SmallVec::new();
        while let Some(output) = self.stage.poll_output() {
            match output {
                StageOutput::Rtp { session, to, packet } => self.gather(session, false, to, packet),
                StageOutput::Rtcp { session, to, packet } => self.gather(session, true, to, packet),
                StageOutput::Event(event) => self.tell(event),
                StageOutput::Closed { session } => closed.push(session),
            }
        }
        self.send();
        for session in closed {
            self.close(session);
        }
        let touched = std::mem::take(&mut self.touched);
        for (shard, inbox) in self.shared.inboxes.iter().enumerate() {
            if touched & (1 << shard) != 0 {
                inbox.wake();
            }
        }
    }

    fn gather(&mut self, session: NodeId, rtcp: bool, to: SocketAddr, packet: PacketRange) {
        if let Some(slot) = self.sessions.get(&session) {
            self.sends.push((*slot, rtcp, to, packet));
        }
    }

    /// Sends what was gathered; neighbours of one socket share a system call. What the system refuses is lost, as in the network.
    fn send(&mut self) {
        let mut sends = std::mem::take(&mut self.sends);
        for run in sends.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
            let Some((slot, rtcp, ..)) = run.first().copied() else { continue };
            let Some(Some(slot)) = self.slots.get(slot) else { continue };
            let socket = if rtcp { &slot.pair.rtcp } else { &slot.pair.rtp };
            for part in run.chunks(BATCH) {
                let datagrams: SmallVec<[Outgoing<'_>; 4]> = part
                    .iter()
                    .map(|(_, _, to, packet)| Outgoing { to: *to, from: None, bytes: self.stage.bytes(*packet) })
                    .collect();
                let mut rest = &datagrams[..];
                while !rest.is_empty() {
                    // A refusal is of the first one (or of an earlier one, by ICMP): the others still go.
                    let sent = batch::send(socket.as_fd(), rest).unwrap_or(0);
                    counters::add(&self.shared.counters.media_sent, sent);
                    rest = rest.get(sent.max(1)..).unwrap_or(&[]);
                }
            }
        }
        sends.clear();
        self.sends = sends;
    }

    fn tell(&mut self, event: MediaEvent) {
        let shard = event.call.shard();
        self.touched |= 1u64.checked_shl(u32::from(shard)).unwrap_or(0);
        self.shared.inbox(shard).push(Inbound::Media(event));
    }

    fn close(&mut self, session: NodeId) {
        let Some(index) = self.sessions.remove(&session) else { return };
        if let Some(slot) = self.slots.get_mut(index).and_then(Option::take) {
            self.ports.release(slot.pair);
            self.free.push(index);
        }
    }

    fn open_sessions(&self) -> Vec<NodeId> {
        self.slots.iter().flatten().map(|slot| slot.session).collect()
    }

    /// Our defect: the sessions of this worker end, with an event each, and a fresh stage starts.
    fn recover(&mut self) {
        counters::count(&self.shared.counters.panics);
        tracing::error!(worker = self.index, "the stage panicked; its sessions end and a fresh one starts");
        self.sends.clear();
        if let Ok(fresh) = stage(&self.shared) {
            self.stage = fresh;
        }
        let lost: Vec<(NodeId, CallId)> = self.slots.iter().flatten().map(|slot| (slot.session, slot.call)).collect();
        for (session, call) in lost {
            let reason = "internal: a defect of the media engine ended it; please report it".to_owned();
            self.tell(MediaEvent { session, call, kind: MediaEventKind::Failed { reason } });
            self.close(session);
        }
        self.outputs();
    }
}

fn stage(shared: &Shared) -> io::Result<Stage> {
    let mut seed = [0; 32];
    batch::os_random(&mut seed)?;
    Ok(Stage::new(seed, shared.clock.wall()))
}

const fn token(slot: usize, rtcp: bool) -> u64 {
    FIRST_SOCKET + (slot as u64) * 2 + rtcp as u64
}

const fn of_token(token: u64) -> (usize, bool) {
    let n = token.saturating_sub(FIRST_SOCKET);
    ((n / 2) as usize, n % 2 == 1)
}
