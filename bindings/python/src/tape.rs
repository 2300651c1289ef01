//! Traces and log records on their way to Python: the engine's threads lay them down, the event loop takes them up. No thread of the
//! engine ever enters the interpreter.

#![allow(clippy::disallowed_types, reason = "above the engine: threads meet here")]

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sipwright::base::Flow;
use sipwright::engine::{LogLevel, LogRecord, SipTrace, TraceDirection};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Entries that may wait; what comes on top is counted and lost.
const WAITING_MAX: usize = 16_384;

/// A bounded queue with a descriptor that is readable while something waits.
pub(crate) struct Tape {
    waiting: Mutex<Waiting>,
    write: UnixStream,
    read: UnixStream,
}

#[derive(Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    lost: u64,
}

enum Entry {
    Trace { time_us: u64, sent: bool, flow: Flow, bytes: Box<[u8]> },
    Log { level: LogLevel, target: String, message: String },
}

/// ("trace", seconds, sent, protocol, local, remote, bytes) or ("log", level, target, message).
#[derive(IntoPyObject)]
pub(crate) enum Told<'py> {
    Trace((&'static str, f64, bool, &'static str, String, String, Bound<'py, PyBytes>)),
    Log((&'static str, u8, String, String)),
}

impl Tape {
    pub(crate) fn new() -> io::Result<Arc<Self>> {
        let (write, read) = UnixStream::pair()?;
        write.set_nonblocking(true)?;
        read.set_nonblocking(true)?;
        Ok(Arc::new(Tape { waiting: Mutex::default(), write, read }))
    }

    pub(crate) fn fd(&self) -> i32 {
        self.read.as_raw_fd()
    }

    pub(crate) fn trace(&self, trace: &SipTrace<'_>) {
        self.push(Entry::Trace {
            time_us: trace.time_us,
            sent: trace.direction == TraceDirection::Sent,
            flow: trace.flow,
            bytes: trace.bytes.into(),
        });
    }

    pub(crate) fn log(&self, record: &LogRecord<'_>) {
        let (target, message) = (record.target.to_owned(), record.message.to_owned());
        self.push(Entry::Log { level: record.level, target, message });
    }

    /// What waits, at most `max`, and how many were lost since the last time.
    pub(crate) fn take<'py>(&self, py: Python<'py>, max: usize) -> (Vec<Told<'py>>, u64) {
        let (entries, lost) = {
            let mut waiting = self.waiting();
            let count = waiting.entries.len().min(max);
            let entries: Vec<Entry> = waiting.entries.drain(..count).collect();
            if waiting.entries.is_empty() {
                // One byte at most: it is written only to an empty queue.
                let _ = (&self.read).read(&mut [0; 8]);
            }
            (entries, std::mem::take(&mut waiting.lost))
        };
        (entries.into_iter().map(|entry| told(py, entry)).collect(), lost)
    }

    fn push(&self, entry: Entry) {
        let mut waiting = self.waiting();
        if waiting.entries.len() >= WAITING_MAX {
            waiting.lost += 1;
            return;
        }
        waiting.entries.push_back(entry);
        if waiting.entries.len() == 1 {
            let _ = (&self.write).write(&[1]);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(py: Python<'_>, entry: Entry) -> Told<'_> {
    match entry {
        Entry::Trace { time_us, sent, flow, bytes } => Told::Trace((
            "trace",
            time_us as f64 / 1e6,
            sent,
            flow.protocol.param(),
            flow.local.to_string(),
            flow.remote.to_string(),
            PyBytes::new(py, &bytes),
        )),
        Entry::Log { level, target, message } => Told::Log(("log", level as u8, target, message)),
    }
}
