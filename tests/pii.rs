//! Invariant 10 of ARCHITECTURE.md: no number, name or address in a log unless asked.

mod support;

use sipwright::base::Pii;
use support::{Token, lex, read, rust_files};

const MACROS: [&str; 6] = ["trace", "debug", "info", "warn", "error", "event"];

/// Log statements that hand a value over without `Pii`, although its name says that it names a person or a place.
/// A value is what stands as `name`, `%expr`, `?expr`, `key = expr` or inside `{}` of the message.
fn leaks(source: &str) -> Vec<(usize, String)> {
    const NAMES: [&str; 33] = [
        "uri",
        "aor",
        "from",
        "to",
        "user",
        "username",
        "auth_user",
        "password",
        "display_name",
        "from_display",
        "contact",
        "target",
        "remote",
        "local",
        "addr",
        "address",
        "host",
        "peer",
        "ip",
        "flow",
        "source",
        "message",
        "bytes",
        "body",
        "request",
        "response",
        "sdp",
        "digits",
        "digit",
        "call_id",
        "domain",
        "reason",
        "path",
    ];
    let tokens = lex(source);
    let mut out = Vec::new();
    let mut i = 0;
    while i + 2 < tokens.len() {
        let macro_call = matches!(&tokens[i].1, Token::Word(w) if MACROS.contains(&w.as_str()))
            && tokens[i + 1].1 == Token::Punct('!')
            && tokens[i + 2].1 == Token::Punct('(');
        if !macro_call {
            i += 1;
            continue;
        }
        let (mut depth, mut j, mut wrapped) = (1, i + 3, None);
        while depth > 0 && j < tokens.len() {
            let (line, token) = &tokens[j];
            match token {
                Token::Punct('(' | '[' | '{') => depth += 1,
                Token::Punct(')' | ']' | '}') => {
                    depth -= 1;
                    if wrapped == Some(depth) {
                        wrapped = None;
                    }
                }
                Token::Word(w) if w == "Pii" => wrapped = wrapped.or(Some(depth)),
                // A key (`remote = ..`) is a name of ours; the value that follows is judged by itself.
                Token::Word(w) if wrapped.is_none() && NAMES.contains(&w.as_str()) => {
                    let key = tokens.get(j + 1).is_some_and(|t| t.1 == Token::Punct('='));
                    let called = matches!(tokens.get(j + 1).map(|t| &t.1), Some(Token::Punct('.') | Token::PathSep));
                    if !key && !called {
                        out.push((*line, w.clone()));
                    }
                }
                Token::Text(text) if wrapped.is_none() => {
                    for hole in text.split('{').skip(1) {
                        let name = hole.split(['}', ':']).next().unwrap_or_default();
                        if NAMES.contains(&name) {
                            out.push((*line, name.to_string()));
                        }
                    }
                }
                _ => {}
            }
            j += 1;
        }
        i = j;
    }
    out
}

#[test]
fn no_log_statement_hands_over_a_name_or_an_address_in_the_open() {
    let mut bad = Vec::new();
    for path in rust_files("src") {
        if path.starts_with("src/bin") {
            continue; // the program's output is its user's own
        }
        bad.extend(
            leaks(&read(&path))
                .into_iter()
                .map(|(line, name)| format!("{}:{line}: `{name}` without Pii", path.display())),
        );
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn planted_leaks_are_found() {
    let bad = [
        "tracing::info!(%uri, \"call\");",
        "debug!(peer = %remote, \"connected\");",
        "warn!(\"cannot reach {addr}\");",
        "error!(\"cannot reach {}\", flow.remote);",
        "trace!(a = ?Pii(x), b = ?uri);",
    ];
    for source in bad {
        assert_eq!(leaks(source).len(), 1, "{source}: {:?}", leaks(source));
    }
    let good = [
        "tracing::info!(uri = %Pii(uri), \"call\");",
        "debug!(remote = %Pii(flow.remote), bytes = n, \"received\");",
        "info!(count = calls.len(), \"calls of {shard}\");",
        "let from = uri; // info!(%uri)",
        "trace!(a = ?Pii((uri, flow.remote)), \"{code}\");",
    ];
    for source in good {
        assert_eq!(leaks(source), Vec::new(), "{source}");
    }
}

#[test]
fn a_wrapped_value_prints_as_stars_until_it_is_asked_for() {
    let name = Pii("sip:alice@192.0.2.1");
    assert_eq!(format!("{name} {name:?}"), "*** ***");
    sipwright::base::pii::reveal(true);
    assert_eq!(format!("{name}"), "sip:alice@192.0.2.1");
    sipwright::base::pii::reveal(false);
    assert_eq!(format!("{name}"), "***");
}

/// A call, a registration that fails and garbage, with everything logged: nobody is named.
#[cfg(feature = "sim")]
#[allow(clippy::disallowed_types, reason = "a subscriber is shared between threads")]
mod a_run {
    use sipwright::agent::io::{CallOptions, Command, EventKind};
    use sipwright::sim::{Conditions, World};
    use std::fmt::{Debug, Write};
    use std::sync::{Arc, Mutex};
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Dispatch, Event, Metadata, Subscriber};

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<String>>);

    impl Visit for Log {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            let _ = writeln!(self.0.lock().expect("the log"), "{field}={value:?}");
        }
    }

    impl Subscriber for Log {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, span: &Attributes<'_>) -> Id {
            span.record(&mut self.clone());
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, values: &Record<'_>) {
            values.record(&mut self.clone());
        }
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn names_nobody_in_its_log() {
        let log = Log::default();
        tracing::dispatcher::with_default(&Dispatch::new(log.clone()), || {
            tracing::info!("the log is on");
            let mut world = World::new(7, Conditions::BAD);
            let a = world.host("192.0.2.71".parse().expect("an address"), 1, |_| {});
            let b = world.host("192.0.2.72".parse().expect("an address"), 1, |_| {});
            let zoe = world.account(a, "sip:zoe@zoes.example");
            world.account(b, "sip:yan@yans.example");
            world.dial(a, zoe, "sip:yan@192.0.2.72");
            world.dial(a, zoe, "sip:nobody@192.0.2.99");
            while let Some((host, event)) = world.next_event() {
                match event.kind {
                    EventKind::CallIncoming { .. } => {
                        world.command(
                            host,
                            Command::Answer { call: event.call, options: Box::new(CallOptions::default()) },
                        );
                    }
                    EventKind::CallAnswered { .. } if host == a => {
                        world.command(host, Command::Hangup { call: event.call, status: 0 });
                    }
                    _ => {}
                }
            }
        });
        let log = log.0.lock().expect("the log").clone();
        assert!(log.contains("the log is on"), "nothing was logged");
        for secret in ["zoe", "yan", "nobody", "192.0.2"] {
            assert!(!log.contains(secret), "{secret} stands in the log:\n{log}");
        }
    }
}
