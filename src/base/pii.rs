//! Personal data in logs: numbers, names and addresses print as `***` unless the driver asked for them.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Wraps a value whose text names a person or a place. `Display` and `Debug` hide it unless [`reveal`] was called.
#[derive(Copy, Clone, PartialEq, Eq, Hash)]
pub struct Pii<T>(pub T);

static REVEALED: AtomicBool = AtomicBool::new(false);

/// Shows (or hides again) personal data in this process's logs. For debugging only.
pub fn reveal(yes: bool) {
    REVEALED.store(yes, Ordering::Relaxed);
}

fn revealed() -> bool {
    REVEALED.load(Ordering::Relaxed)
}

impl<T: fmt::Display> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if revealed() { self.0.fmt(f) } else { f.write_str("***") }
    }
}

impl<T: fmt::Debug> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if revealed() { self.0.fmt(f) } else { f.write_str("***") }
    }
}
