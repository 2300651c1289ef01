//! Requests outside of calls.

use crate::support::Pair;
use sipwright::agent::io::{EventKind, Outcome};
use sipwright::sim::Conditions;

fn done(p: &mut Pair) -> Outcome {
    p.wait(p.a, |e| match &e.kind {
        EventKind::RequestDone(outcome) => Some(outcome.clone()),
        _ => None,
    })
}

#[test]
fn options_is_answered_200() {
    let mut p = Pair::new(5, Conditions::BAD, (3, 3));
    let alice = p.alice;
    p.world.request(p.a, alice, "OPTIONS", "sip:bob@192.0.2.2", "");
    assert_eq!(done(&mut p).status, 200);
    p.all_is_gone();
}

#[test]
fn a_message_arrives_once_whatever_the_network_does() {
    for seed in 0..20 {
        let mut p = Pair::new(seed, Conditions::BAD, (1, 3));
        let alice = p.alice;
        p.world.request(p.a, alice, "MESSAGE", "sip:bob@192.0.2.2", "hello");
        let mut heard = Vec::new();
        let mut status = None;
        while let Some((_, event)) = p.world.next_event() {
            match event.kind {
                EventKind::MessageReceived { body, from, .. } => heard.push((from, body)),
                EventKind::RequestDone(outcome) => status = Some(outcome.status),
                _ => {}
            }
        }
        assert_eq!(status, Some(200), "seed {seed}");
        assert_eq!(heard, [("sip:alice@example.com".to_owned(), "hello".into())], "seed {seed}");
        p.all_is_gone();
    }
}

#[test]
fn an_unknown_method_is_refused_501_and_a_known_one_405() {
    for (method, status) in [("BREW", 501), ("PUBLISH", 405)] {
        let mut p = Pair::new(5, Conditions::GOOD, (1, 1));
        let alice = p.alice;
        p.world.request(p.a, alice, method, "sip:bob@192.0.2.2", "");
        assert_eq!(done(&mut p).status, status);
        p.all_is_gone();
    }
}

#[test]
fn a_large_message_goes_over_tcp() {
    let mut p = Pair::new(5, Conditions::GOOD, (1, 1));
    let alice = p.alice;
    let text = "x".repeat(3000);
    p.world.request(p.a, alice, "MESSAGE", "sip:bob@192.0.2.2", &text);
    assert_eq!(done(&mut p).status, 200);
    assert!(p.world.tables(p.b).streams > 0);
}
