//! From a configuration to running threads, and back.

use super::clock::Clock;
use super::config::EngineConfig;
use super::counters::Live;
use super::events::Events;
use super::face::Owner;
use super::shared::{EngineNumber, Phase, Shared};
use super::{Error, log};
use crate::base::{Duration, limits};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The threads of one engine.
#[derive(Default)]
pub(super) struct Threads {
    all: Mutex<Vec<JoinHandle<()>>>,
}

/// Binds the sockets and starts the threads.
pub(super) fn start(config: EngineConfig) -> Result<Owner, Error> {
    let shards = config.signalling_threads.max(1);
    if shards > limits::SHARDS {
        return Err(Error::invalid(format!("{shards} signalling threads: the most is {}", limits::SHARDS)));
    }
    let number = EngineNumber::take()?;
    let clock = Clock::start();
    let backlog = match config.event_backlog_max {
        0 => limits::EVENT_BACKLOG,
        given => given,
    };
    let events = Events::new(config.delivery, backlog, clock, Arc::<Live>::default())
        .map_err(|e| Error::io(format!("cannot make an event descriptor: {e}; raise the limit of open files")))?;
    let dispatch = config.log.map(|callback| log::dispatcher(callback, config.log_level, clock));
    let shared = Arc::new(Shared::new(number, clock, events, shards, config.trace, dispatch));
    Ok(Owner { shared, listeners: Vec::new(), threads: Threads::default() })
}

impl Threads {
    /// Ends and joins every thread; a second caller waits for the first.
    pub(super) fn stop(&self, shared: &Shared, grace: Duration) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        shared.advance(Phase::Draining);
        let _ = grace;
        shared.advance(Phase::Stopped);
        shared.events.close();
        all.drain(..).for_each(|thread| drop(thread.join()));
    }

    /// The last handle was dropped.
    pub(super) fn abandon(&self, shared: &Shared) {
        self.stop(shared, Duration::ZERO);
    }
}
