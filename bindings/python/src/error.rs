//! Failures of the engine as one exception with two arguments: the kind and the message. The Python side sorts them into classes.

use pyo3::exceptions::PyException;
use pyo3::{PyErr, create_exception};
use sipwright::engine::{Error, ErrorKind};

create_exception!(sipwright, EngineError, PyException, "A call into the engine failed: (kind, message).");

pub(crate) fn raise(error: Error) -> PyErr {
    let kind = match error.kind {
        ErrorKind::Invalid => "invalid",
        ErrorKind::Gone => "gone",
        ErrorKind::State => "state",
        ErrorKind::NoMemory => "no_memory",
        ErrorKind::Full => "full",
        ErrorKind::Draining => "draining",
        ErrorKind::Io => "io",
        ErrorKind::Unsupported => "unsupported",
        ErrorKind::Timeout => "timeout",
        _ => "panic",
    };
    EngineError::new_err((kind, error.message))
}

pub(crate) fn invalid(message: String) -> PyErr {
    EngineError::new_err(("invalid", message))
}
