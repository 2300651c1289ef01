//! `request`: any request, with headers and body of the user's, and the whole response. RFC 3261 s8.1.

use crate::args::RequestArgs;
use crate::exit::{Exit, Trouble};
use crate::session::{Next, Session, Wish};
use sipwright::engine::{EventKind, RequestOptions, Sender};
use std::io::Read;

pub fn run(args: RequestArgs) -> Result<Exit, Trouble> {
    let mut body = args.body.unwrap_or_default().into_bytes();
    if body == b"-" {
        body.clear();
        let read = std::io::stdin().read_to_end(&mut body);
        read.map_err(|e| Trouble::usage(format!("the body on stdin: {e}")))?;
    }
    let options = RequestOptions {
        method: args.method,
        target: args.target,
        content_type: if body.is_empty() { String::new() } else { args.content_type },
        body: body.into(),
        headers: args.header,
        routes: args.route,
    };
    let mut session = Session::start(&args.common, Wish::default())?;
    let request = session.engine.send_request(Sender::Account(session.account), options, 0)?;
    let exit = loop {
        match session.next(None) {
            Next::Event(delivered) if delivered.event.request == request => {
                let event = &delivered.event;
                match (&event.kind, &event.message) {
                    (EventKind::RequestProgress(outcome), _) => {
                        session.screen.progress(&format!("{} {}", outcome.status, outcome.reason));
                    }
                    (EventKind::RequestDone(outcome), message) => {
                        match message {
                            Some(message) => session.screen.result(String::from_utf8_lossy(message).trim_end()),
                            None => session.screen.result(&format!("{} {}", outcome.status, outcome.reason)),
                        }
                        break Exit::of(outcome, false);
                    }
                    _ => {}
                }
            }
            Next::Signal => break Exit::NoAnswer,
            Next::Event(_) | Next::Nothing => {}
        }
    };
    session.finish();
    Ok(exit)
}
