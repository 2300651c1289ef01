//! `ping` (OPTIONS, RFC 3261 s11) and `message` (RFC 3428): one request, one final status.

use crate::args::{Common, MessageArgs, PingArgs};
use crate::exit::{Exit, Trouble};
use crate::session::{Next, Session, Wish};
use sipwright::engine::{EventKind, Outcome};
use std::io::Read;
use std::time::{Duration, Instant};

pub fn ping(args: PingArgs) -> Result<Exit, Trouble> {
    let target = &args.target;
    send(&args.common, "OPTIONS", target, "", b"", |took, outcome| {
        let millis = took.as_secs_f64() * 1000.0;
        format!("{} {} from {target} in {millis:.1} ms", outcome.status, outcome.reason)
    })
}

pub fn message(args: MessageArgs) -> Result<Exit, Trouble> {
    let mut text = args.text.into_bytes();
    if text == b"-" {
        text.clear();
        let read = std::io::stdin().read_to_end(&mut text);
        read.map_err(|e| Trouble::usage(format!("the text on stdin: {e}")))?;
    }
    send(&args.common, "MESSAGE", &args.target, &args.content_type, &text, |_, outcome| {
        format!("{} {}", outcome.status, outcome.reason)
    })
}

/// Sends and waits for the final status.
fn send(
    common: &Common,
    method: &str,
    target: &str,
    content_type: &str,
    body: &[u8],
    result: impl Fn(Duration, &Outcome) -> String,
) -> Result<Exit, Trouble> {
    let mut session = Session::start(common, Wish::default())?;
    let start = Instant::now();
    let request = session.engine.request(session.account, method, target, content_type, body, vec![], 0)?;
    let exit = loop {
        match session.next(None) {
            Next::Event(delivered) if delivered.event.request == request => {
                if let EventKind::RequestDone(outcome) = &delivered.event.kind {
                    session.screen.result(&result(start.elapsed(), outcome));
                    break Exit::of(outcome, false);
                }
            }
            Next::Signal => break Exit::NoAnswer,
            Next::Event(_) | Next::Nothing => {}
        }
    };
    session.finish();
    Ok(exit)
}
