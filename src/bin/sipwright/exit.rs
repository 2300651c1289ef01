//! Exit codes: what a script can tell apart. RFC 3261 s21 says what each status means.

use sipwright::engine::{Error, ErrorKind, Outcome};
use std::process::ExitCode;

/// How the program ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok = 0,
    /// Something else failed; the text says what.
    Failed = 1,
    /// The command line, or a file it names, is wrong.
    Usage = 2,
    /// `inspect`: not a well-formed SIP message.
    Malformed = 3,
    /// 486, 600.
    Busy = 10,
    /// 603, 607, 608.
    Declined = 11,
    /// 408, 480, 487 or the ring limit.
    NoAnswer = 12,
    /// 404, 410, 484, 604.
    NotFound = 13,
    /// 401, 403, 407.
    Auth = 14,
    /// Nobody there: no route, connection refused, no response at all.
    Transport = 20,
    /// No common codec, media that could not be opened, or nothing heard.
    NoMedia = 21,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

impl Exit {
    /// Of the final status of a call or request. `heard` says whether the peer had sent any response before.
    pub fn of(outcome: &Outcome, heard: bool) -> Exit {
        match (outcome.status, outcome.local) {
            (200..=299, _) => Exit::Ok,
            (408, true) if !heard => Exit::Transport,
            (500..=599, true) => Exit::Transport,
            (486 | 600, _) => Exit::Busy,
            (603 | 607 | 608, _) => Exit::Declined,
            (408 | 480 | 487, _) => Exit::NoAnswer,
            (404 | 410 | 484 | 604, _) => Exit::NotFound,
            (401 | 403 | 407, _) => Exit::Auth,
            (415 | 488 | 606, _) => Exit::NoMedia,
            _ => Exit::Failed,
        }
    }

    /// The graver of two: whatever went wrong first stays.
    pub fn or(self, other: Exit) -> Exit {
        if self == Exit::Ok { other } else { self }
    }
}

/// Why the program cannot go on.
#[derive(Debug)]
pub struct Trouble {
    /// How it ends.
    pub exit: Exit,
    /// Cause and remedy.
    pub message: String,
}

impl Trouble {
    /// A mistake on the command line.
    pub fn usage(message: impl Into<String>) -> Self {
        Trouble { exit: Exit::Usage, message: message.into() }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let exit = match error.kind {
            ErrorKind::Invalid | ErrorKind::Unsupported => Exit::Usage,
            ErrorKind::Io => Exit::Transport,
            _ => Exit::Failed,
        };
        Trouble { exit, message: error.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, local: bool, heard: bool) -> Exit {
        Exit::of(&Outcome { status, local, ..Outcome::default() }, heard)
    }

    #[test]
    fn statuses_have_their_codes() {
        for (status, exit) in [
            (200, Exit::Ok),
            (202, Exit::Ok),
            (486, Exit::Busy),
            (600, Exit::Busy),
            (603, Exit::Declined),
            (480, Exit::NoAnswer),
            (487, Exit::NoAnswer),
            (408, Exit::NoAnswer),
            (404, Exit::NotFound),
            (401, Exit::Auth),
            (403, Exit::Auth),
            (407, Exit::Auth),
            (488, Exit::NoMedia),
            (500, Exit::Failed),
            (503, Exit::Failed),
        ] {
            assert_eq!(of(status, false, true), exit, "{status}");
        }
    }

    #[test]
    fn nobody_there_is_not_the_same_as_no_answer() {
        assert_eq!(of(408, true, false), Exit::Transport);
        assert_eq!(of(408, true, true), Exit::NoAnswer);
        assert_eq!(of(503, true, false), Exit::Transport);
    }
}
