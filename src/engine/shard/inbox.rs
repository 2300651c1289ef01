//! What other threads hand to a shard, and how they wake it: one queue in order, one wake-up per batch.
//!
//! The queue grows by blocks as needed instead of taking its whole bound at once; the bounds are counters beside it: commands are
//! refused when too many wait, messages of other shards are dropped like datagrams. What else comes is bounded by the tables it
//! speaks of: streams, accounts, sessions.

use crate::agent::io::{AccountView, Command, Event, Opened};
use crate::base::id::CallId;
use crate::base::{Flow, Transmit, limits};
use crate::media::io::MediaEvent;
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// One thing for a shard.
pub(crate) enum Inbound {
    /// From the application.
    Command(Command),
    /// An account that lives on another shard changed.
    AccountView(Box<AccountView>),
    /// A message that another shard received.
    Routed { flow: Flow, bytes: Bytes },
    /// A send on a stream that is at home here.
    Transmit(Transmit),
    /// Close a stream that is at home here.
    Close { flow: Flow },
    /// A stream of another shard.
    StreamOpened { flow: Flow, opened: Opened },
    /// A stream of another shard.
    StreamClosed { flow: Flow },
    /// From a media worker.
    Media(MediaEvent),
    /// From a thread of the engine to the application.
    Event(Event),
    /// The files of a call are flushed and closed.
    FilesClosed(CallId),
    /// Take a snapshot of the tables now, and say when it is taken.
    Report(Sender<()>),
    /// Tests: the agent panics at its next input.
    #[cfg(test)]
    Panic,
    /// Tests: the driver itself panics.
    #[cfg(test)]
    PanicDriver,
    /// Hang up, unregister, and say when all is done.
    Drain,
    /// End the thread.
    Stop,
}

/// Messages of other shards that may wait.
const ROUTED: usize = 16_384;

/// The door of one shard.
pub(crate) struct Inbox {
    sender: Sender<Inbound>,
    receiver: Receiver<Inbound>,
    commands: AtomicUsize,
    routed: AtomicUsize,
    armed: AtomicBool,
    notify: Notify,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        let (sender, receiver) = crossbeam_channel::unbounded();
        Inbox {
            sender,
            receiver,
            commands: AtomicUsize::new(0),
            routed: AtomicUsize::new(0),
            armed: AtomicBool::new(false),
            notify: Notify::new(),
        }
    }

    /// Queues without a wake-up; false when its kind has no room.
    pub(crate) fn push(&self, item: Inbound) -> bool {
        let (counter, bound) = match item {
            Inbound::Command(_) => (&self.commands, limits::COMMANDS),
            Inbound::Routed { .. } => (&self.routed, ROUTED),
            _ => return self.sender.send(item).is_ok(),
        };
        if counter.fetch_add(1, Ordering::AcqRel) >= bound {
            counter.fetch_sub(1, Ordering::AcqRel);
            return false;
        }
        self.sender.send(item).is_ok()
    }

    /// Wakes the shard, unless somebody already has.
    pub(crate) fn wake(&self) {
        if !self.armed.swap(true, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    /// Queues and wakes.
    pub(crate) fn send(&self, item: Inbound) -> bool {
        let queued = self.push(item);
        if queued {
            self.wake();
        }
        queued
    }

    /// The shard is awake and about to look: later pushes wake it again.
    pub(crate) fn disarm(&self) {
        self.armed.swap(false, Ordering::AcqRel);
    }

    /// The next item.
    pub(crate) fn take(&self) -> Option<Inbound> {
        let item = self.receiver.try_recv().ok()?;
        match item {
            Inbound::Command(_) => self.commands.fetch_sub(1, Ordering::AcqRel),
            Inbound::Routed { .. } => self.routed.fetch_sub(1, Ordering::AcqRel),
            _ => 0,
        };
        Some(item)
    }

    /// Commands that wait.
    pub(crate) fn commands(&self) -> usize {
        self.commands.load(Ordering::Relaxed)
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// Completes after a `wake`.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_bounded_and_the_bound_is_reached() {
        let inbox = Inbox::new();
        for _ in 0..limits::COMMANDS {
            assert!(inbox.push(Inbound::Command(Command::Shutdown)));
        }
        assert!(!inbox.push(Inbound::Command(Command::Shutdown)));
        assert!(inbox.push(Inbound::Stop), "what ends the thread always has room");
        assert!(inbox.take().is_some());
        assert!(inbox.push(Inbound::Command(Command::Shutdown)));
    }

    #[test]
    fn a_batch_wakes_once() {
        let inbox = Inbox::new();
        inbox.send(Inbound::Stop);
        assert!(inbox.armed.load(Ordering::Relaxed));
        inbox.send(Inbound::Stop);
        inbox.disarm();
        assert!(inbox.take().is_some() && inbox.take().is_some() && inbox.take().is_none());
    }
}
