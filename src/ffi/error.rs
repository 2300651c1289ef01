//! Status numbers, their names, and the last error of a thread. Rule 2 of the C ABI: numbers are frozen, retired ones stay reserved.

use crate::engine::{Error, ErrorKind};
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

/** 0 or a negative ::sipw_status_code; sipw_strerror() names it, sipw_last_error() says the cause and the fix. */
pub type sipw_status = i32;

/// Values of ::sipw_status. The numbers never change.
#[repr(C)]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum sipw_status_code {
    /// Done, or under way where an event tells the end.
    SIPW_OK = 0,
    /// An argument is wrong: NULL, a bad URI, an id of another kind or of another engine, text that is not UTF-8.
    SIPW_E_INVAL = -1,
    /// The object has ended and its terminal event was delivered; or the engine was freed.
    SIPW_E_GONE = -2,
    /// Not possible now: sipw_engine_free() inside a callback, media of a call that has none.
    SIPW_E_STATE = -3,
    /// Memory or another resource of the system ran out.
    SIPW_E_NOMEM = -4,
    /// A bounded queue or table is full: take events (or close objects), then try again.
    SIPW_E_FULL = -5,
    /// The engine is shutting down.
    SIPW_E_DRAINING = -6,
    /// The system refused: port in use, no such file, no route.
    SIPW_E_IO = -7,
    /// This library was built without what was asked for, or a struct has fields set that it does not know.
    SIPW_E_UNSUPPORTED = -8,
    /// The time given ran out.
    SIPW_E_TIMEOUT = -9,
    /// A defect of the library was caught; the engine lives on. Please report it.
    SIPW_E_PANIC = -99,
}

impl sipw_status_code {
    const fn text(self) -> &'static CStr {
        match self {
            Self::SIPW_OK => c"ok",
            Self::SIPW_E_INVAL => c"invalid argument",
            Self::SIPW_E_GONE => c"the object has ended",
            Self::SIPW_E_STATE => c"not possible in this state",
            Self::SIPW_E_NOMEM => c"out of memory",
            Self::SIPW_E_FULL => c"a queue or table is full",
            Self::SIPW_E_DRAINING => c"the engine is shutting down",
            Self::SIPW_E_IO => c"the system refused",
            Self::SIPW_E_UNSUPPORTED => c"not built into this library",
            Self::SIPW_E_TIMEOUT => c"out of time",
            Self::SIPW_E_PANIC => c"a defect of the library was caught",
        }
    }

    const ALL: [Self; 11] = [
        Self::SIPW_OK,
        Self::SIPW_E_INVAL,
        Self::SIPW_E_GONE,
        Self::SIPW_E_STATE,
        Self::SIPW_E_NOMEM,
        Self::SIPW_E_FULL,
        Self::SIPW_E_DRAINING,
        Self::SIPW_E_IO,
        Self::SIPW_E_UNSUPPORTED,
        Self::SIPW_E_TIMEOUT,
        Self::SIPW_E_PANIC,
    ];
}

pub(super) const fn code(kind: ErrorKind) -> sipw_status_code {
    match kind {
        ErrorKind::Invalid => sipw_status_code::SIPW_E_INVAL,
        ErrorKind::Gone => sipw_status_code::SIPW_E_GONE,
        ErrorKind::State => sipw_status_code::SIPW_E_STATE,
        ErrorKind::NoMemory => sipw_status_code::SIPW_E_NOMEM,
        ErrorKind::Full => sipw_status_code::SIPW_E_FULL,
        ErrorKind::Draining => sipw_status_code::SIPW_E_DRAINING,
        ErrorKind::Io => sipw_status_code::SIPW_E_IO,
        ErrorKind::Unsupported => sipw_status_code::SIPW_E_UNSUPPORTED,
        ErrorKind::Timeout => sipw_status_code::SIPW_E_TIMEOUT,
        ErrorKind::Panic => sipw_status_code::SIPW_E_PANIC,
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::new(CString::default());
}

/// Remembers what went wrong on this thread and gives its number.
pub(super) fn remember(error: &Error) -> sipw_status {
    let text = super::string::c_text(&error.message);
    // A thread that is ending has no last error any more; its status still says enough.
    let _ = LAST.try_with(|last| last.replace(text));
    code(error.kind) as sipw_status
}

/// Names a status in a few words: "the object has ended".
///
/// @param status  what a function returned
/// @return static text, never NULL; "unknown status" for a number that is none. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_strerror(status: sipw_status) -> *const c_char {
    sipw_status_code::ALL
        .into_iter()
        .find(|code| *code as sipw_status == status)
        .map_or(c"unknown status", sipw_status_code::text)
        .as_ptr()
}

/// The cause of this thread's last failure, and what to do about it.
///
/// @return text that stays valid until this thread's next failing call; "" when nothing has failed; never NULL
#[unsafe(no_mangle)]
pub extern "C" fn sipw_last_error() -> *const c_char {
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_own_text_and_others_have_none() {
        // SAFETY: sipw_strerror gives static NUL-terminated text.
        let text = |n| unsafe { CStr::from_ptr(sipw_strerror(n)) }.to_str().unwrap();
        let mut all: Vec<_> = sipw_status_code::ALL.into_iter().map(|c| text(c as i32)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 11);
        assert_eq!(text(-50), "unknown status");
        assert_eq!(text(1), "unknown status");
    }

    #[test]
    fn the_last_error_belongs_to_its_thread() {
        assert_eq!(remember(&Error::new(ErrorKind::Io, "port 5060 is taken\0; choose another")), -7);
        // SAFETY: the text is valid until this thread fails again.
        let last = || unsafe { CStr::from_ptr(sipw_last_error()) }.to_str().unwrap().to_owned();
        assert_eq!(last(), "port 5060 is taken ; choose another");
        std::thread::spawn(move || assert_eq!(last(), "")).join().unwrap();
    }
}
