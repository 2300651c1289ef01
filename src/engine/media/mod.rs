//! Media workers: each thread drives one Stage with its own poller and 10 ms beat.

mod ports;
mod worker;

pub(crate) use ports::Ports;
pub(crate) use worker::Worker;

use super::net::batch::EventFd;
use crate::base::id::NodeId;
use crate::media::io::MediaOrder;
use crossbeam_channel::{Receiver, Sender};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a worker is told.
pub(crate) enum Job {
    Order(MediaOrder),
    /// Tests: the stage panics at its next beat.
    #[cfg(test)]
    Panic,
    Stop,
}

/// The doors of all workers of one engine. All orders for one session go to one worker, in order.
#[derive(Debug)]
pub(crate) struct Workers {
    doors: Vec<Door>,
}

/// The door of one worker. What waits is bounded by what may cause it: commands, which are refused when too many wait, and the table
/// of calls.
#[derive(Debug)]
pub(crate) struct Door {
    sender: Sender<Job>,
    receiver: Receiver<Job>,
    wake: EventFd,
    armed: AtomicBool,
}

impl Door {
    fn new() -> io::Result<Self> {
        let (sender, receiver) = crossbeam_channel::unbounded();
        Ok(Door { sender, receiver, wake: EventFd::new()?, armed: AtomicBool::new(false) })
    }

    fn send(&self, job: Job) {
        if self.sender.send(job).is_ok() && !self.armed.swap(true, Ordering::AcqRel) {
            self.wake.set();
        }
    }

    /// The worker is awake and about to look.
    fn disarm(&self) {
        self.wake.clear();
        self.armed.swap(false, Ordering::AcqRel);
    }

    fn take(&self) -> Option<Job> {
        self.receiver.try_recv().ok()
    }
}

impl Workers {
    pub(crate) fn new(count: usize) -> io::Result<Self> {
        Ok(Workers { doors: (0..count.max(1)).map(|_| Door::new()).collect::<io::Result<_>>()? })
    }

    pub(crate) fn len(&self) -> usize {
        self.doors.len()
    }

    pub(crate) fn door(&self, worker: usize) -> &Door {
        &self.doors[worker % self.doors.len()]
    }

    /// Hands an order to the worker of its session.
    pub(crate) fn order(&self, order: MediaOrder) {
        self.door(self.worker_of(order.session())).send(Job::Order(order));
    }

    /// Ends all workers.
    pub(crate) fn stop(&self) {
        self.doors.iter().for_each(|door| door.send(Job::Stop));
    }

    #[cfg(test)]
    pub(crate) fn inject_panic(&self) {
        self.doors.iter().for_each(|door| door.send(Job::Panic));
    }

    fn worker_of(&self, session: NodeId) -> usize {
        // Neighbouring serials go to different workers; the shard's bits shift them, so that shards do not march in step.
        let mixed = session.raw().wrapping_add(u64::from(session.shard()));
        usize::try_from((mixed & 0xFFFF_FFFF) % self.doors.len() as u64).unwrap_or(0)
    }
}
