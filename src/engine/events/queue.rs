//! The ready queue and the three deliveries.

use super::pending::Added;
use crate::agent::io::{Event, EventKind};
use crate::base::Duration;
use crate::engine::clock::Clock;
use crate::engine::config::{Delivered, Delivery, EventCallback};
use crate::engine::counters::{self, Live};
use crate::engine::handles::{CallState, Object, Table};
use crate::engine::net::batch::EventFd;
use crossbeam_channel::{Receiver, Sender};
use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// An inline callback that runs longer than this holds up signalling and is counted.
const SLOW_CALLBACK: Duration = Duration::from_millis(10);

/// The way from agents to the application.
pub(crate) struct Events {
    pub(crate) table: Table,
    pub(crate) counters: Arc<Live>,
    clock: Clock,
    /// Takes events that concern no object.
    engine: Arc<Object>,
    /// Objects that have something waiting; each stands here once, so the table's bound is this queue's bound.
    ready: (Sender<Arc<Object>>, Receiver<Arc<Object>>),
    /// Events that wait, in all objects.
    waiting: AtomicUsize,
    /// Events taken since the start.
    delivered: AtomicU64,
    backlog_max: usize,
    overloaded: AtomicBool,
    /// Readable while events wait (pull delivery).
    fd: EventFd,
    signalled: AtomicBool,
    delivery: Delivery,
}

impl Events {
    pub(crate) fn new(delivery: Delivery, backlog_max: usize, clock: Clock, counters: Arc<Live>) -> io::Result<Self> {
        Ok(Events {
            table: Table::new(),
            counters,
            clock,
            engine: Object::new(0, 0, CallState::Ended),
            ready: crossbeam_channel::unbounded(),
            waiting: AtomicUsize::new(0),
            delivered: AtomicU64::new(0),
            backlog_max,
            overloaded: AtomicBool::new(false),
            fd: EventFd::new()?,
            signalled: AtomicBool::new(false),
            delivery,
        })
    }

    /// More waits than the configuration allows.
    pub(crate) fn is_overloaded(&self) -> bool {
        self.overloaded.load(Ordering::Acquire)
    }

    /// Events that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Events that the application has taken since the start.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Takes an event of an agent. With inline delivery the callback runs here. Returns whether the overload state changed.
    pub(crate) fn post(&self, event: Event) -> bool {
        let Some(object) = self.object_of(&event) else { return false };
        if let Delivery::Inline(callback) = &self.delivery {
            self.deliver_inline(callback, &object, event);
            return false;
        }
        let added = {
            let mut pending = object.pending();
            let added = pending.add(event);
            if added == Added::Waits {
                self.waiting.fetch_add(1, Ordering::AcqRel);
                if !pending.queued {
                    pending.queued = true;
                    let _ = self.ready.0.send(object.clone());
                }
            }
            added
        };
        match added {
            Added::Waits => {
                self.signal();
                self.waiting() > self.backlog_max && !self.overloaded.swap(true, Ordering::AcqRel)
            }
            Added::Dropped => {
                counters::count(&self.counters.events_dropped);
                false
            }
            Added::Replaced | Added::Ended => false,
        }
    }

    /// The next event, if one waits, and whether the overload state changed.
    pub(crate) fn take(&self) -> (Option<Delivered>, bool) {
        let mut eased = false;
        loop {
            let object = match self.ready.1.try_recv() {
                Ok(object) => object,
                Err(_) if self.signalled.load(Ordering::Acquire) => {
                    // Unsignal, then look again: who posted in between either saw the flag down and signalled, or is seen here.
                    self.fd.clear();
                    self.signalled.store(false, Ordering::SeqCst);
                    if self.ready.1.is_empty() {
                        return (None, eased);
                    }
                    self.signal();
                    continue;
                }
                Err(_) => return (None, eased),
            };
            let (event, changed) = self.take_from(&object);
            eased |= changed;
            if let Some(event) = event {
                return (Some(self.hand_out(&object, event)), eased);
            }
        }
    }

    fn take_from(&self, object: &Arc<Object>) -> (Option<Event>, bool) {
        let event = {
            let mut pending = object.pending();
            let (event, more) = pending.take();
            pending.queued = more;
            if more {
                let _ = self.ready.0.send(object.clone());
            }
            event
        };
        if event.is_none() {
            return (None, false);
        }
        self.delivered.fetch_add(1, Ordering::Relaxed);
        let left = self.waiting.fetch_sub(1, Ordering::AcqRel).saturating_sub(1);
        let eased = left <= self.backlog_max / 2 && self.overloaded.swap(false, Ordering::AcqRel);
        (event, eased)
    }

    /// The last step before the application sees an event: the mirror follows, and after a terminal event the id is gone.
    fn hand_out(&self, object: &Object, event: Event) -> Delivered {
        object.mirror(&event);
        if event.kind.is_terminal() {
            self.table.remove(object.id);
        }
        Delivered { event, user: object.user() }
    }

    fn deliver_inline(&self, callback: &EventCallback, object: &Object, event: Event) {
        {
            let mut pending = object.pending();
            if pending.ended {
                return;
            }
            pending.ended = event.kind.is_terminal();
        }
        let delivered = self.hand_out(object, event);
        let before = self.clock.now();
        self.call(callback, &delivered);
        if self.clock.now().since(before) > SLOW_CALLBACK {
            counters::count(&self.counters.slow_callbacks);
        }
    }

    fn call(&self, callback: &EventCallback, delivered: &Delivered) {
        if catch_unwind(AssertUnwindSafe(|| callback(delivered))).is_err() {
            counters::count(&self.counters.callback_panics);
        }
    }

    /// The body of the callback thread: delivers until [`Events::close`], and then what is left. `eased` is called when the overload
    /// state changed.
    pub(crate) fn run_callbacks(&self, eased: impl Fn()) {
        let Delivery::Thread(callback) = &self.delivery else { return };
        let mut closing = false;
        loop {
            let object = if closing { self.ready.1.try_recv().ok() } else { self.ready.1.recv().ok() };
            let Some(object) = object else { return };
            if object.id == u64::MAX {
                closing = true;
                continue;
            }
            let (event, changed) = self.take_from(&object);
            if changed {
                eased();
            }
            if let Some(event) = event {
                self.call(callback, &self.hand_out(&object, event));
            }
        }
    }

    /// Lets the callback thread end when it has delivered all that waits.
    pub(crate) fn close(&self) {
        if matches!(self.delivery, Delivery::Thread(_)) {
            let _ = self.ready.0.send(Object::new(u64::MAX, 0, CallState::Ended));
        }
    }

    /// Waits until an event can be taken, or the time ran out.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        self.fd.wait(timeout)
    }

    /// Readable while events wait.
    pub(crate) fn fd(&self) -> RawFd {
        self.fd.as_fd().as_raw_fd()
    }

    pub(crate) fn has_callback_thread(&self) -> bool {
        matches!(self.delivery, Delivery::Thread(_))
    }

    fn signal(&self) {
        if matches!(self.delivery, Delivery::Queue) && !self.signalled.swap(true, Ordering::SeqCst) {
            self.fd.set();
        }
    }

    /// The request that an event belongs to. One of a peer is born here; its value is that of its call, else of its account.
    fn request_of(&self, event: &Event) -> Option<Arc<Object>> {
        let known = self.table.find(event.request.raw());
        if known.is_some() || !matches!(event.kind, EventKind::Request { .. }) {
            return known;
        }
        let owner = self.table.find(event.call.raw()).or_else(|| self.table.find(event.account.raw()));
        let user = owner.map_or(0, |owner| owner.user());
        let request = Object::new(event.request.raw(), user, CallState::Ended);
        self.table.insert(request.clone()).then_some(request)
    }

    /// Whose waiting list an event belongs to. A call that the network started is born here, before its first event.
    fn object_of(&self, event: &Event) -> Option<Arc<Object>> {
        let account = || self.table.find(event.account.raw());
        if !event.call.is_none() {
            if !event.request.is_none() {
                return self.request_of(event);
            }
            let known = self.table.find(event.call.raw());
            if known.is_none() && matches!(event.kind, EventKind::CallIncoming { .. }) {
                let user = account().map_or(0, |a| a.user());
                let call = Object::new(event.call.raw(), user, CallState::Incoming);
                return self.table.insert(call.clone()).then_some(call);
            }
            return known;
        }
        if !event.request.is_none() {
            return self.request_of(event);
        }
        match event.kind {
            EventKind::Registered { .. }
            | EventKind::RegisterFailed(_)
            | EventKind::FlowFailed { .. }
            | EventKind::AccountRemoved => account(),
            _ => Some(account().unwrap_or_else(|| self.engine.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::io::Outcome;
    use crate::base::Instant;
    use crate::base::id::{AccountId, CallId, Origin, RequestId};
    use std::sync::Mutex;

    fn call(n: u64) -> CallId {
        CallId::new(1, 0, Origin::Network, n)
    }

    fn event(n: u64, kind: EventKind) -> Event {
        Event {
            time: Instant::ZERO,
            account: AccountId::NONE,
            call: call(n),
            request: RequestId::NONE,
            kind,
            message: None,
            flow: None,
            auth_user: None,
        }
    }

    fn incoming(n: u64) -> Event {
        let text = || String::new();
        event(n, EventKind::CallIncoming { from: text(), from_display: text(), to: text() })
    }

    fn ended(n: u64) -> Event {
        event(n, EventKind::CallEnded { outcome: Outcome::default(), quality: None })
    }

    fn events(delivery: Delivery, backlog_max: usize) -> Events {
        Events::new(delivery, backlog_max, Clock::start(), Arc::default()).unwrap()
    }

    #[test]
    fn the_fd_is_readable_exactly_while_events_wait() {
        let events = events(Delivery::Queue, 100);
        assert!(!events.wait(Duration::ZERO));
        events.post(incoming(1));
        events.post(ended(1));
        assert!(events.wait(Duration::ZERO));
        assert!(matches!(events.take().0.unwrap().event.kind, EventKind::CallIncoming { .. }));
        assert!(events.wait(Duration::ZERO));
        assert!(events.table.find(call(1).raw()).is_some(), "an id lives until its terminal event is handed out");
        assert!(events.take().0.unwrap().event.kind.is_terminal());
        assert!(events.table.find(call(1).raw()).is_none());
        assert!(events.take().0.is_none());
        assert!(!events.wait(Duration::ZERO));
    }

    #[test]
    fn nothing_follows_the_end_and_the_unknown_is_dropped() {
        let events = events(Delivery::Queue, 100);
        events.post(event(1, EventKind::MediaStarted));
        events.post(incoming(1));
        events.post(ended(1));
        events.post(ended(1));
        events.post(event(1, EventKind::MediaStarted));
        assert_eq!(std::iter::from_fn(|| events.take().0).count(), 2);
        events.post(ended(1));
        assert!(events.take().0.is_none());
    }

    #[test]
    fn overload_is_told_once_when_it_starts_and_once_when_it_is_over() {
        let events = events(Delivery::Queue, 4);
        let changes = (1..=10).filter(|n| events.post(incoming(*n))).count();
        assert_eq!((changes, events.is_overloaded(), events.waiting()), (1, true, 10));
        let mut eased = 0;
        while let (Some(_), changed) = events.take() {
            eased += usize::from(changed);
        }
        assert_eq!((eased, events.is_overloaded(), events.waiting()), (1, false, 0));
    }

    #[test]
    fn a_callback_that_panics_is_counted_and_the_next_one_comes() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let events = events(
            Delivery::Thread(Box::new(move |d| {
                sink.lock().unwrap().push(d.event.call);
                std::panic::resume_unwind(Box::new("the application's own"));
            })),
            100,
        );
        events.post(incoming(1));
        events.post(incoming(2));
        events.close();
        seen.clear_poison();
        events.run_callbacks(|| ());
        assert_eq!(events.counters.snapshot().callback_panics, 2);
    }

    #[test]
    fn inline_delivery_calls_at_once() {
        let seen = Arc::new(AtomicUsize::new(0));
        let sink = seen.clone();
        let events = events(
            Delivery::Inline(Box::new(move |_| {
                sink.fetch_add(1, Ordering::Relaxed);
            })),
            100,
        );
        events.post(incoming(1));
        events.post(ended(1));
        events.post(ended(1));
        assert_eq!(seen.load(Ordering::Relaxed), 2);
        assert_eq!(events.table.len(), 0);
    }
}
