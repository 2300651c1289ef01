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
        // Serials are shared with other ids, so they may come in steps of two: a multiplicative hash spreads any step evenly.
        let mixed = session.raw().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        usize::try_from(mixed % self.doors.len() as u64).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Origin;

    #[test]
    fn sessions_spread_over_the_workers_whatever_the_step_of_their_serials() {
        let workers = Workers::new(4).unwrap();
        for step in 1..=4 {
            let mut counts = [0; 4];
            for n in 1..=4000 {
                counts[workers.worker_of(NodeId::new(1, 0, Origin::Network, n * step))] += 1;
            }
            assert!(counts.iter().all(|count| (800..1200).contains(count)), "step {step}: {counts:?}");
        }
    }
}
