//! The one door between C and Rust: no panic passes it, every failure leaves a status and a last error. Rule 3 of the C ABI.

use super::error::{remember, sipw_status, sipw_status_code};
use crate::engine::{Error, ErrorKind};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Runs a function that answers with a status.
pub(super) fn status(run: impl FnOnce() -> Result<(), Error>) -> sipw_status {
    match caught(run) {
        Ok(()) => sipw_status_code::SIPW_OK as sipw_status,
        Err(error) => remember(&error),
    }
}

/// Runs a function that answers with a value; a failure gives `otherwise` and is remembered.
pub(super) fn value<T>(otherwise: T, run: impl FnOnce() -> Result<T, Error>) -> T {
    caught(run).unwrap_or_else(|error| {
        remember(&error);
        otherwise
    })
}

fn caught<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    quiet();
    let outer = INSIDE.replace(true);
    // What a panic leaves half done belongs to one object; the tables behind it repair themselves or end that object.
    let result = catch_unwind(AssertUnwindSafe(run));
    INSIDE.set(outer);
    result.unwrap_or_else(|payload| Err(defect(&*payload)))
}

fn defect(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".into());
    let place = PLACE.take().unwrap_or_default();
    Error::new(ErrorKind::Panic, format!("defect in sipwright{place}: {text}; the engine lives on, please report this"))
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Nothing is ever printed by the library: a panic inside a guarded call, or on a thread of ours, is kept for the last error instead.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let ours = INSIDE.try_with(Cell::get).unwrap_or(false)
                || std::thread::current().name().is_some_and(|name| name.starts_with("sipw"));
            if ours {
                let place = info.location().map(|l| format!(" at {}:{}", l.file(), l.line()));
                let _ = PLACE.try_with(|kept| kept.replace(place));
            } else {
                earlier(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    fn last() -> String {
        // SAFETY: the text is valid until this thread fails again.
        unsafe { CStr::from_ptr(super::super::error::sipw_last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_panic_becomes_a_status_that_names_its_place() {
        assert_eq!(status(|| panic!("planted {}", 7)), -99);
        assert!(last().contains("guard.rs") && last().contains("planted 7"), "{}", last());
        assert_eq!(status(|| Ok(())), 0);
    }

    #[test]
    fn a_failure_gives_the_substitute_and_is_remembered() {
        assert_eq!(value(-1, || Err(Error::new(ErrorKind::Gone, "the call has ended"))), -1);
        assert_eq!(last(), "the call has ended");
        assert_eq!(value(-1, || Ok(7)), 7);
    }
}
