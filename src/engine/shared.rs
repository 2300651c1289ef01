//! What all threads of one engine and all its handles share.

use super::clock::Clock;
use super::counters::Live;
use super::events::{Events, Role};
use super::files::Files;
use super::log::SipTraceCallback;
use super::shard::inbox::{Inbound, Inbox};
use super::stats::ShardStats;
use super::tls::{Live as Tls, TlsInfo};
use super::{Error, ErrorKind};
use crate::base::{Duration, Flow, limits};
use arc_swap::{ArcSwap, ArcSwapOption};
use crossbeam_channel::{Receiver, Sender};
use once_cell::sync::OnceCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tracing::Dispatch;

/// Numbers of the engines of this process: a bit each.
static NUMBERS: [AtomicU64; 4] = [const { AtomicU64::new(0) }; 4];

/// The number of an engine, 1 ..= 255; free again when dropped.
#[derive(Debug)]
pub(crate) struct EngineNumber(u8);

impl EngineNumber {
    pub(crate) fn take() -> Result<Self, Error> {
        for number in 1..=u8::MAX {
            let (word, bit) = Self::place(number);
            if word.fetch_or(bit, Ordering::AcqRel) & bit == 0 {
                return Ok(EngineNumber(number));
            }
        }
        Err(Error::new(
            ErrorKind::Full,
            format!("{} engines live in this process already; shut one down first", limits::ENGINES),
        ))
    }

    fn place(number: u8) -> (&'static AtomicU64, u64) {
        (&NUMBERS[usize::from(number / 64)], 1 << (number % 64))
    }

    pub(crate) const fn get(&self) -> u8 {
        self.0
    }
}

impl Drop for EngineNumber {
    fn drop(&mut self) {
        let (word, bit) = Self::place(self.0);
        word.fetch_and(!bit, Ordering::AcqRel);
    }
}

/// Where an engine is in its life.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Phase {
    Running = 0,
    Draining = 1,
    Stopped = 2,
}

/// What connections of one engine are made from, and what is known of those that are protected.
pub(crate) struct StreamSettings {
    pub(crate) tls: Tls,
    /// Accepted connections of one source per shard.
    pub(crate) per_source: usize,
    /// Touched when a protected connection opens and closes, and when somebody asks.
    protected: Mutex<BTreeMap<u64, TlsInfo>>,
}

impl StreamSettings {
    pub(crate) fn new(tls: Tls, per_source: usize) -> Self {
        let per_source = if per_source == 0 { limits::STREAMS_PER_SOURCE } else { per_source };
        StreamSettings { tls, per_source, protected: Mutex::default() }
    }

    pub(crate) fn protected(&self, flow: &Flow, info: TlsInfo) {
        self.table().insert(flow.connection, info);
    }

    pub(crate) fn gone(&self, flow: &Flow) {
        if flow.protocol.is_secure() {
            self.table().remove(&flow.connection);
        }
    }

    /// How a connection is protected.
    pub(crate) fn protection(&self, flow: &Flow) -> Option<TlsInfo> {
        self.table().get(&flow.connection).cloned()
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<u64, TlsInfo>> {
        self.protected.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What all threads and handles of one engine share. No lock on any path of a message, event or command.
pub(crate) struct Shared {
    pub(crate) number: EngineNumber,
    pub(crate) clock: Clock,
    pub(crate) events: Events,
    pub(crate) counters: Arc<Live>,
    pub(crate) inboxes: Vec<Inbox>,
    /// The last snapshot of each shard's tables.
    pub(crate) reports: Vec<ArcSwap<ShardStats>>,
    /// Calls at once, of all shards.
    pub(crate) calls_max: usize,
    pub(crate) trace: Option<SipTraceCallback>,
    pub(crate) dispatch: Option<Dispatch>,
    pub(crate) streams: StreamSettings,
    /// Requests of the network are asked for credentials.
    pub(crate) asks_credentials: bool,
    phase: AtomicU8,
    files: OnceCell<ArcSwapOption<Files>>,
    /// Shards that have nothing left to do, after `Inbound::Drain`.
    idle: (Sender<u8>, Receiver<u8>),
    /// Counts ids of application origin, and everything else that needs a number of its own.
    serial: AtomicU64,
}

impl Shared {
    #[allow(clippy::too_many_arguments, reason = "what an engine is made from")]
    pub(crate) fn new(
        number: EngineNumber,
        clock: Clock,
        events: Events,
        shards: usize,
        calls_max: usize,
        trace: Option<SipTraceCallback>,
        dispatch: Option<Dispatch>,
        streams: StreamSettings,
        asks_credentials: bool,
    ) -> Self {
        Shared {
            number,
            clock,
            counters: events.counters.clone(),
            events,
            inboxes: (0..shards).map(|_| Inbox::new()).collect(),
            reports: (0..shards).map(|_| ArcSwap::default()).collect(),
            calls_max,
            trace,
            dispatch,
            streams,
            asks_credentials,
            phase: AtomicU8::new(Phase::Running as u8),
            files: OnceCell::new(),
            idle: crossbeam_channel::unbounded(),
            serial: AtomicU64::new(1),
        }
    }

    /// A number never given before.
    pub(crate) fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Draining,
            _ => Phase::Stopped,
        }
    }

    /// Moves on in life, never back.
    pub(crate) fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
    }

    /// The current thread's role in this engine.
    pub(crate) fn role(&self) -> Option<Role> {
        Role::of_current_thread(self.number.get())
    }

    /// The inbox of a shard; ids of other engines never get here.
    pub(crate) fn inbox(&self, shard: u8) -> &Inbox {
        &self.inboxes[usize::from(shard).min(self.inboxes.len() - 1)]
    }

    /// Hands something to a shard; false when it has no room. A shard that hands itself something looks again without a wake-up.
    pub(crate) fn send(&self, shard: u8, item: Inbound) -> bool {
        let inbox = self.inbox(shard);
        if self.role() == Some(Role::Shard(shard)) { inbox.push(item) } else { inbox.send(item) }
    }

    /// The file thread, started when it is first needed.
    pub(crate) fn files(&self) -> Result<Arc<Files>, Error> {
        let files =
            self.files.get_or_try_init(|| Files::new().map(|files| ArcSwapOption::from_pointee(Some(files))))?;
        files.load_full().ok_or_else(|| Error::new(ErrorKind::Draining, "the engine is shutting down; make a new one"))
    }

    /// Completes all recordings and ends the file thread.
    pub(crate) fn close_files(&self) {
        if let Some(files) = self.files.get() {
            files.store(None);
        }
    }

    /// A shard says that it is idle, once.
    pub(crate) fn idle(&self, shard: u8) {
        let _ = self.idle.0.send(shard);
    }

    /// Waits until every shard has said so; false when the time ran out.
    pub(crate) fn wait_idle(&self, grace: Duration) -> bool {
        let end = self.clock.now() + grace;
        (0..self.inboxes.len()).all(|_| self.idle.1.recv_timeout(end.since(self.clock.now())).is_ok())
    }

    /// Makes every shard look at the overload flag.
    pub(crate) fn wake_all(&self) {
        self.inboxes.iter().for_each(Inbox::wake);
    }

    /// Runs the body of a thread: its role, its log, and no panic beyond it.
    pub(crate) fn run_thread(&self, role: Role, body: impl FnOnce()) {
        role.enter(self.number.get());
        let guarded = || {
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(body)).is_err() {
                super::counters::count(&self.counters.panics);
            }
        };
        match &self.dispatch {
            Some(dispatch) => tracing::dispatcher::with_default(dispatch, guarded),
            None => guarded(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engine_numbers_are_unique_and_come_back() {
        let first = EngineNumber::take().unwrap();
        let second = EngineNumber::take().unwrap();
        assert_ne!(first.get(), second.get());
        assert!(first.get() != 0 && second.get() != 0);
    }
}
