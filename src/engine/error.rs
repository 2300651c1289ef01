//! What a call into the engine can fail with: whose fault, the cause, and what to do about it.

use std::fmt;

/// Kinds of failure; the C ABI's status numbers stand on them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is wrong: a bad URI, an id of another kind or engine, a text with control characters.
    Invalid,
    /// The object has ended and its terminal event was delivered.
    Gone,
    /// Not possible now: a wait from inside a callback, a record on a call without media.
    State,
    /// Memory or another system resource ran out.
    NoMemory,
    /// A bounded queue is full: take events, then try again.
    Full,
    /// The engine is shutting down.
    Draining,
    /// The system refused: port in use, no such file, no route.
    Io,
    /// A defect of ours was caught.
    Panic,
    /// Not built in.
    Unsupported,
    /// The time given ran out.
    Timeout,
}

/// A failure: its kind, and a message that names the cause and the remedy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Kind.
    pub kind: ErrorKind,
    /// Cause and remedy.
    pub message: String,
}

impl Error {
    /// Makes one.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error { kind, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn io(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Io, message)
    }

    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::State, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
