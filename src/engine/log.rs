//! Log records and the SIP trace. The core speaks `tracing`; each engine thread carries a thread-scoped dispatcher that hands the
//! records to the application's callback. Without a callback there is no dispatcher and no cost. Nothing is ever printed.

use super::clock::Clock;
use crate::base::{Flow, Instant};
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Metadata, Subscriber};

/// How much a record matters.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LogLevel {
    /// Something is broken.
    Error = 1,
    /// Something is odd.
    Warn = 2,
    /// Calls.
    Info = 3,
    /// State changes.
    Debug = 4,
    /// Packets.
    Trace = 5,
}

impl LogLevel {
    const fn filter(self) -> LevelFilter {
        match self {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }

    fn of(level: &tracing::Level) -> Self {
        match *level {
            tracing::Level::ERROR => LogLevel::Error,
            tracing::Level::WARN => LogLevel::Warn,
            tracing::Level::INFO => LogLevel::Info,
            tracing::Level::DEBUG => LogLevel::Debug,
            tracing::Level::TRACE => LogLevel::Trace,
        }
    }
}

/// One log record, valid during the callback.
#[derive(Copy, Clone, Debug)]
pub struct LogRecord<'a> {
    /// How much it matters.
    pub level: LogLevel,
    /// The part of the engine that speaks.
    pub target: &'a str,
    /// The text; numbers, names and addresses are `***` unless `base::pii::reveal` was called.
    pub message: &'a str,
    /// When.
    pub time: Instant,
}

/// Takes log records, on any thread of the engine. It must not block.
pub type LogCallback = Box<dyn Fn(&LogRecord<'_>) + Send + Sync>;

/// Which way a traced message went.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TraceDirection {
    /// From the network.
    Received,
    /// To the network.
    Sent,
}

/// One traced SIP message, valid during the callback.
#[derive(Copy, Clone, Debug)]
pub struct SipTrace<'a> {
    /// Which way.
    pub direction: TraceDirection,
    /// Between whom.
    pub flow: Flow,
    /// When, microseconds since the engine started.
    pub time_us: u64,
    /// The bytes on the wire.
    pub bytes: &'a [u8],
}

/// Takes traced SIP messages, on a signalling thread. It must not block.
pub type SipTraceCallback = Box<dyn Fn(&SipTrace<'_>) + Send + Sync>;

/// A dispatcher for the threads of one engine.
pub(crate) fn dispatcher(callback: LogCallback, level: LogLevel, clock: Clock) -> Dispatch {
    Dispatch::new(Capture { callback: Arc::new(callback), filter: level.filter(), clock, spans: AtomicU64::new(1) })
}

struct Capture {
    callback: Arc<LogCallback>,
    filter: LevelFilter,
    clock: Clock,
    spans: AtomicU64,
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.filter
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed).max(1))
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::with_capacity(96));
        event.record(&mut text);
        let record = LogRecord {
            level: LogLevel::of(event.metadata().level()),
            target: event.metadata().target(),
            message: text.0.trim_start(),
            time: self.clock.now(),
        };
        // A callback that panics must not take a signalling thread along.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.callback)(&record)));
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.0, " {value}"),
            name => write!(self.0, " {name}={value}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn records_reach_the_callback_of_their_own_thread_only_and_respect_the_level() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let callback: LogCallback = Box::new(move |r| sink.lock().unwrap().push((r.level, r.message.to_owned())));
        let dispatch = dispatcher(callback, LogLevel::Info, Clock::start());
        tracing::dispatcher::with_default(&dispatch, || {
            tracing::info!(status = 200, "call answered");
            tracing::debug!("not wanted");
        });
        tracing::info!("of nobody");
        assert_eq!(*seen.lock().unwrap(), [(LogLevel::Info, "call answered status=200".to_owned())]);
    }
}
