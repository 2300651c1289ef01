//! The signalling thread: one shard, one Agent, its sockets and streams. It reads, parses, runs the machines and sends; there is no
//! hop, no task and no timer object per message.
//!
//! The shard is the thread: it lives in a thread-local, and the few tasks of the thread's runtime (the reader of datagrams, one per
//! stream) borrow it between two awaits, never across one.

mod act;
pub(crate) mod inbox;
mod link;
mod load;
mod open;
mod recover;
mod refusal;
mod report;
mod resolve;
mod run;
mod stream;

pub(crate) use run::{Setup, run};

use super::counters;
use super::log::{SipTrace, TraceDirection};
use super::media::Workers;
use super::net::batch::RecvBatch;
use super::net::local::Routes;
use super::net::udp::{SendQueue, Socket};
use super::shared::Shared;
use crate::agent::io::{AgentConfig, Event, Input, Output};
use crate::agent::{Agent, Traffic, route};
use crate::base::id::{CallId, NodeId};
use crate::base::{Flow, Instant, limits};
use crate::message::Message;
use bytes::Bytes;
use inbox::Inbound;
use refusal::Refusals;
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use stream::Streams;

/// Inbox items per turn, so that sockets and timers get theirs.
const INBOX_BATCH: usize = 256;

thread_local! {
    static SHARD: RefCell<Option<Shard>> = const { RefCell::new(None) };
}

/// Borrows the shard of this thread; `None` after it was stopped.
fn with<R>(f: impl FnOnce(&mut Shard) -> R) -> Option<R> {
    SHARD.with_borrow_mut(|shard| shard.as_mut().map(f))
}

/// One shard and everything it drives.
struct Shard {
    me: u8,
    shared: Arc<Shared>,
    agent: Agent,
    /// To make a fresh agent after a panic.
    config: AgentConfig,
    generation: u64,
    /// What the agent wants, between its call and the doing; keeps its memory.
    wants: Vec<Output>,
    /// Inputs that acting on outputs led to.
    soon: VecDeque<Input<'static>>,
    sends: Vec<SendQueue>,
    refused: Vec<(Flow, io::Error)>,
    /// UDP ports that refused once.
    refusals: Refusals,
    streams: Streams,
    routes: Routes,
    lookups: resolve::Lookups,
    workers: Arc<Workers>,
    /// Media sessions that this shard's agent opened.
    sessions: BTreeMap<NodeId, CallId>,
    /// Ends of calls that wait for their files.
    held: BTreeMap<CallId, Event>,
    /// Shards to wake after this turn.
    touched: u64,
    /// What the agent was last told.
    overloaded: bool,
    draining: bool,
    told_idle: bool,
    stopped: bool,
    /// What load is measured with.
    meter: load::Meter,
    /// When the last snapshot was taken.
    reported: Instant,
    /// What agents before this one carried.
    past: Traffic,
    #[cfg(test)]
    panic_next: bool,
}

impl Shard {
    fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Gives the agent one input and does what it wants.
    fn input(&mut self, input: Input<'_>) {
        let now = self.now();
        self.run(|agent, now| agent.handle(input, now), now);
        self.settle();
    }

    /// Runs the agent's timers that are due.
    fn timers(&mut self) {
        let now = self.now();
        if let Some(due) = self.agent.next_timeout().filter(|at| *at <= now) {
            self.meter.timer_late(now.since(due));
            self.run(|agent, now| agent.handle_timeout(now), now);
            self.settle();
        }
        self.report(now);
    }

    /// Calls into the agent and collects what it wants. Our defect costs this shard's calls, not the process.
    fn run(&mut self, call: impl FnOnce(&mut Agent, Instant), now: Instant) {
        #[cfg(test)]
        let panics = std::mem::take(&mut self.panic_next);
        let (agent, wants) = (&mut self.agent, &mut self.wants);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(test)]
            if panics {
                std::panic::resume_unwind(Box::new("injected"));
            }
            call(agent, now);
            while let Some(output) = agent.poll_output() {
                wants.push(output);
            }
        }));
        if outcome.is_err() {
            self.recover();
        }
    }

    /// Acts until the agent wants nothing more.
    fn settle(&mut self) {
        loop {
            let mut wants = std::mem::take(&mut self.wants);
            for output in wants.drain(..) {
                self.act(output);
            }
            if self.wants.is_empty() {
                self.wants = wants;
            }
            let Some(input) = self.soon.pop_front() else { break };
            let now = self.now();
            self.run(|agent, now| agent.handle(input, now), now);
        }
    }

    /// Handles one received batch of datagrams.
    fn datagrams(&mut self, socket: &Socket, batch: &mut RecvBatch, count: usize) {
        counters::count(&self.shared.counters.receive_batches);
        counters::add(&self.shared.counters.datagrams_received, count);
        let started = self.now();
        for index in 0..count {
            let Some(packet) = batch.packet(index) else { continue };
            let flow = socket.flow(packet.from, packet.to);
            if self.agent.is_banned(&flow, started) {
                continue;
            }
            self.trace(TraceDirection::Received, &flow, packet.bytes);
            match self.foreign_home(packet.bytes) {
                Some(home) => self.reroute(home, flow, Bytes::copy_from_slice(packet.bytes)),
                None => self.input(Input::Datagram { flow, bytes: packet.bytes }),
            }
        }
        self.measure(socket, started, count);
    }

    /// The other shard that a datagram belongs to, if it does.
    fn foreign_home(&self, bytes: &[u8]) -> Option<u8> {
        let shards = self.config.shards;
        if shards == 1 {
            return None;
        }
        // What is no SIP message (keep-alives, noise) is handled where it came.
        let home = Message::parse(bytes).ok().map(|message| route(&message, shards))?;
        (home != self.me && home < shards).then_some(home)
    }

    fn reroute(&mut self, home: u8, flow: Flow, bytes: Bytes) {
        counters::count(&self.shared.counters.rerouted);
        if !self.hand_over(home, Inbound::Routed { flow, bytes }) {
            counters::count(&self.shared.counters.reroute_dropped);
        }
    }

    /// Queues something for another shard, which is woken once, after this turn.
    fn hand_over(&mut self, shard: u8, item: Inbound) -> bool {
        self.touched |= 1u64.checked_shl(u32::from(shard)).unwrap_or(0);
        self.shared.inbox(shard).push(item)
    }

    fn others(&self) -> impl Iterator<Item = u8> + use<> {
        let me = self.me;
        (0..self.config.shards).filter(move |shard| *shard != me)
    }

    fn trace(&self, direction: TraceDirection, flow: &Flow, bytes: &[u8]) {
        let Some(trace) = &self.shared.trace else { return };
        if crate::stun::is_stun(bytes) {
            return;
        }
        let record = SipTrace { direction, flow: *flow, time_us: self.now().as_micros(), bytes };
        if catch_unwind(AssertUnwindSafe(|| trace(&record))).is_err() {
            counters::count(&self.shared.counters.callback_panics);
        }
    }

    /// Takes a bounded part of the inbox; true when more waits.
    fn inbox(&mut self) -> bool {
        let shared = self.shared.clone();
        let inbox = shared.inbox(self.me);
        inbox.disarm();
        for _ in 0..INBOX_BATCH {
            match inbox.take() {
                Some(item) => self.inbound(item),
                None => break,
            }
        }
        let overloaded = shared.events.is_overloaded();
        if overloaded != self.overloaded {
            self.overloaded = overloaded;
            self.input(Input::Command(crate::agent::io::Command::Overloaded(overloaded)));
        }
        !inbox.is_empty()
    }

    fn inbound(&mut self, item: Inbound) {
        match item {
            Inbound::Command(command) => self.input(Input::Command(command)),
            Inbound::AccountView(view) => self.input(Input::AccountView(view)),
            Inbound::Routed { flow, bytes } => self.input(Input::Routed { flow, bytes: &bytes }),
            Inbound::Transmit(transmit) => self.write(transmit),
            Inbound::Close { flow } => self.streams.close(&flow),
            Inbound::StreamOpened { flow, opened } => {
                self.streams.remember(flow, opened.clone());
                self.input(Input::StreamOpened { flow, opened });
            }
            Inbound::StreamClosed { flow } => {
                self.streams.forget(&flow);
                self.input(Input::StreamClosed { flow });
            }
            Inbound::Media(event) => self.media(event),
            Inbound::Event(event) => self.tell(event),
            Inbound::FilesClosed(call) => self.files_closed(call),
            Inbound::Report(done) => {
                self.publish(self.now());
                let _ = done.send(());
            }
            Inbound::Drain => {
                self.draining = true;
                self.input(Input::Command(crate::agent::io::Command::Shutdown));
            }
            #[cfg(test)]
            Inbound::Panic => self.panic_next = true,
            #[cfg(test)]
            Inbound::PanicDriver => std::panic::resume_unwind(Box::new("injected")),
            Inbound::Stop => self.stop(),
        }
    }

    /// Ends a turn: sends what was gathered, wakes whom we gave something, says when all is over.
    fn flush(&mut self) {
        for queue in &mut self.sends {
            queue.flush(&self.shared.counters, &mut self.refused);
        }
        for (flow, error) in std::mem::take(&mut self.refused) {
            self.transmit_failed(flow, &error);
        }
        let touched = std::mem::take(&mut self.touched);
        for shard in self.others().filter(|shard| touched & (1 << shard) != 0) {
            self.shared.inbox(shard).wake();
        }
        if self.draining && !self.told_idle && self.held.is_empty() && self.agent.is_idle() {
            self.told_idle = true;
            self.shared.idle(self.me);
        }
    }

    /// Whether datagrams wait for a socket that was full.
    fn is_blocked(&self) -> bool {
        self.sends.iter().any(|queue| !queue.is_empty())
    }

    fn transmit_failed(&mut self, flow: Flow, error: &io::Error) {
        if error.kind() == io::ErrorKind::ConnectionRefused && !self.refusals.counts(flow.remote, self.now()) {
            return;
        }
        let reason = match error.kind() {
            io::ErrorKind::ConnectionRefused => {
                format!("nothing listens on {} over {}: {error}", flow.remote, flow.protocol)
            }
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                format!("no route to host {}: {error}; check the network", flow.remote.ip())
            }
            _ => format!("cannot send to {} over {} from {}: {error}", flow.remote, flow.protocol, flow.local),
        };
        self.input(Input::TransmitFailed { flow, reason });
    }
}

const _: () = assert!(limits::SHARDS <= 64, "`touched` has a bit per shard");
