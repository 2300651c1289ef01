//! `register`: register, stay registered, unregister.

use crate::args::RegisterArgs;
use crate::exit::{Exit, Trouble};
use crate::session::{Next, Session, Wish};
use sipwright::engine::EventKind;
use std::time::Instant;

pub fn run(args: RegisterArgs) -> Result<Exit, Trouble> {
    let Some(user) = &args.common.user else {
        return Err(Trouble::usage("register: --user says whom; give sip:alice@example.com"));
    };
    let mut session = Session::start(&args.common, Wish { register: Some(args.expires), ..Wish::default() })?;
    session.screen.progress(&format!("registering {user}"));
    let mut until = None;
    let exit = loop {
        match session.next(until) {
            Next::Event(delivered) => match &delivered.event.kind {
                EventKind::Registered { expires_s } => {
                    session.screen.result(&format!("registered {user} for {expires_s} s"));
                    until = until.or(args.duration.map(|d| Instant::now() + d));
                }
                EventKind::RegisterFailed(outcome) => {
                    session.screen.trouble(&format!("not registered: {} {}", outcome.status, outcome.reason));
                    break Exit::of(outcome, !outcome.local).or(Exit::Failed);
                }
                EventKind::FlowFailed { reason } => session.screen.progress(&format!("registering anew: {reason}")),
                _ => {}
            },
            Next::Nothing if until.is_some_and(|at| at <= Instant::now()) => break Exit::Ok,
            Next::Nothing => {}
            Next::Signal => break Exit::Ok,
        }
    };
    session.finish();
    Ok(exit)
}
