//! Requests that the application composes, and those that it answers. RFC 3261 s8, s12.2; RFC 4320.

use crate::support::{A, B, Pair, seconds};
use sipwright::agent::io::{Command, Event, EventKind, Outcome, RequestAnswer, RequestOptions, Sender};
use sipwright::base::id::RequestId;
use sipwright::message::{Message, Name};
use sipwright::sim::{Conditions, World};

const TAKEN: [&str; 6] = ["INFO", "SUBSCRIBE", "NOTIFY", "REFER", "UPDATE", "BREW"];

/// Two hosts whose applications take some methods.
fn pair(seed: u64, conditions: Conditions, shards: (u8, u8)) -> Pair {
    let mut world = World::new(seed, conditions);
    let take = |c: &mut sipwright::agent::io::AgentConfig| c.sip.methods = TAKEN.map(String::from).to_vec();
    let a = world.host(A.parse().unwrap(), shards.0, take);
    let b = world.host(B.parse().unwrap(), shards.1, take);
    Pair::with(world, a, b)
}

fn options(method: &str, target: &str, body: &str) -> RequestOptions {
    RequestOptions {
        method: method.into(),
        target: target.into(),
        content_type: if body.is_empty() { String::new() } else { "application/x-test".into() },
        body: body.to_owned().into(),
        headers: vec![("X-Mine".into(), "here".into())],
        routes: Vec::new(),
    }
}

fn answer(p: &mut Pair, request: RequestId, status: u16, body: &str) {
    let answer = RequestAnswer {
        status,
        reason: String::new(),
        content_type: if body.is_empty() { String::new() } else { "application/x-answer".into() },
        body: body.to_owned().into(),
        headers: vec![("X-Answer".into(), "yes".into())],
    };
    p.world.command(p.b, Command::AnswerRequest { request, answer: Box::new(answer) });
}

/// The next request that B is asked.
fn asked(p: &mut Pair) -> Event {
    p.wait(p.b, |e| matches!(e.kind, EventKind::Request { .. }).then(|| e.clone()))
}

#[derive(Copy, Clone)]
enum At {
    A,
    B,
}

fn done(p: &mut Pair, at: At) -> (Outcome, Option<Vec<u8>>) {
    let host = match at {
        At::A => p.a,
        At::B => p.b,
    };
    p.wait(host, |e| match &e.kind {
        EventKind::RequestDone(outcome) => Some((outcome.clone(), e.message.as_ref().map(|m| m.to_vec()))),
        _ => None,
    })
}

#[test]
fn a_taken_request_reaches_the_application_once_and_its_answer_comes_back() {
    for seed in 0..20 {
        let mut p = pair(seed, Conditions::BAD, (1, 3));
        let alice = Sender::Account(p.alice);
        for method in ["SUBSCRIBE", "BREW"] {
            p.world.send_request(p.a, alice, options(method, "sip:bob@192.0.2.2", "ping"));
            let event = asked(&mut p);
            let EventKind::Request { method: heard, uri, from, body, content_type, .. } = &event.kind else { panic!() };
            assert_eq!(
                (heard.as_str(), uri.as_str(), from.as_str()),
                (method, "sip:bob@192.0.2.2", "sip:alice@example.com")
            );
            assert_eq!((&body[..], content_type.as_str()), (&b"ping"[..], "application/x-test"));
            let raw = event.message.expect("the request itself");
            assert_eq!(Message::parse(&raw).unwrap().header(Name::parse(b"X-Mine")), Some("here"));
            answer(&mut p, event.request, 202, "pong");
            let mut dones = Vec::new();
            while dones.len() < 2 {
                let (host, event) = p.world.next_event().expect("both sides hear of the end");
                match event.kind {
                    EventKind::RequestDone(outcome) => dones.push((host, outcome, event.message)),
                    EventKind::Request { .. } => panic!("seed {seed}: asked twice"),
                    _ => {}
                }
            }
            let (_, outcome, message) = dones.iter().find(|(host, ..)| *host == p.a).unwrap();
            assert_eq!((outcome.status, outcome.by_peer, outcome.local), (202, true, false));
            let message = Message::parse(message.as_ref().unwrap()).unwrap();
            assert_eq!((message.body(), message.header(Name::parse(b"X-Answer"))), (&b"pong"[..], Some("yes")));
            let (_, outcome, _) = dones.iter().find(|(host, ..)| *host == p.b).unwrap();
            assert_eq!((outcome.status, outcome.by_peer, outcome.local), (202, false, false));
        }
        p.all_is_gone();
    }
}

#[test]
fn requests_inside_a_call_have_its_dialog_and_count_its_cseq() {
    for seed in 0..10 {
        let mut p = pair(seed, Conditions::BAD, (3, 3));
        let (ours, theirs) = p.up("sip:bob@192.0.2.2");
        let mut last = 0;
        for _ in 0..3 {
            p.world.send_request(p.a, Sender::Call(ours), options("INFO", "", "x"));
            let event = asked(&mut p);
            assert_eq!(event.call, theirs);
            let raw = event.message.clone().unwrap();
            let message = Message::parse(&raw).unwrap();
            let cseq = message.cseq().unwrap().number;
            assert!(cseq > last && message.to().unwrap().tag().is_some());
            assert!(message.header(Name::Contact).is_none(), "RFC 6086 s4: no Contact");
            last = cseq;
            answer(&mut p, event.request, 200, "");
            let (outcome, _) = done(&mut p, At::A);
            assert_eq!(outcome.status, 200);
        }
        // The other way round, and the call goes on to its end.
        p.world.send_request(p.b, Sender::Call(theirs), options("UPDATE", "", ""));
        let event = p.wait(p.a, |e| matches!(e.kind, EventKind::Request { .. }).then(|| e.clone()));
        assert_eq!(event.call, ours);
        let refusal = RequestAnswer { status: 488, ..RequestAnswer::default() };
        p.world.command(p.a, Command::AnswerRequest { request: event.request, answer: Box::new(refusal) });
        assert_eq!(done(&mut p, At::B).0.status, 488);
        p.hangup(p.a, ours);
        assert_eq!(p.ended(p.b).status, 200);
        p.all_is_gone();
    }
}

#[test]
fn an_unanswered_request_is_ended_by_the_library_while_the_peer_still_listens() {
    let mut p = pair(1, Conditions::GOOD, (1, 1));
    let alice = Sender::Account(p.alice);
    p.world.send_request(p.a, alice, options("REFER", "sip:bob@192.0.2.2", ""));
    let event = asked(&mut p);
    let (outcome, message) = done(&mut p, At::B);
    assert_eq!((outcome.status, outcome.local), (500, true));
    assert!(message.is_none() && outcome.reason.contains("24 s"), "{}", outcome.reason);
    assert_eq!(done(&mut p, At::A).0.status, 500);
    // Too late: nothing happens.
    answer(&mut p, event.request, 200, "");
    p.all_is_gone();
}

#[test]
fn what_the_application_does_not_take_is_refused_with_a_true_allow() {
    let mut p = pair(1, Conditions::GOOD, (1, 1));
    let alice = Sender::Account(p.alice);
    for (method, status) in [("PUBLISH", 405), ("STEEP", 501), ("OPTIONS", 200)] {
        p.world.send_request(p.a, alice, options(method, "sip:bob@192.0.2.2", ""));
        let (outcome, message) = done(&mut p, At::A);
        assert_eq!(outcome.status, status);
        let message = message.unwrap();
        let message = Message::parse(&message).unwrap();
        assert_eq!(
            message.header(Name::Allow),
            Some("INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, SUBSCRIBE, NOTIFY, REFER, UPDATE, BREW")
        );
    }
    p.all_is_gone();
}

#[test]
fn an_extension_that_is_required_and_unknown_is_refused_though_the_method_is_taken() {
    let mut p = pair(1, Conditions::GOOD, (1, 1));
    let alice = Sender::Account(p.alice);
    let mut refer = options("REFER", "sip:bob@192.0.2.2", "");
    refer.headers.push(("Require".into(), "teleport".into()));
    p.world.send_request(p.a, alice, refer);
    let (outcome, message) = done(&mut p, At::A);
    assert_eq!(outcome.status, 420);
    assert_eq!(Message::parse(&message.unwrap()).unwrap().header(Name::Unsupported), Some("teleport"));
    p.all_is_gone();
}

#[test]
fn a_dialog_that_only_the_application_knows_reaches_it_and_others_get_481() {
    let mut p = pair(1, Conditions::GOOD, (1, 1));
    let alice = Sender::Account(p.alice);
    // To with a tag that no call has.
    p.world.send_request(p.a, alice, options("NOTIFY", "<sip:bob@192.0.2.2>;tag=strange", ""));
    let event = asked(&mut p);
    assert!(event.call.is_none());
    answer(&mut p, event.request, 200, "");
    assert_eq!(done(&mut p, At::A).0.status, 200);
    p.world.send_request(p.a, alice, options("INFO", "<sip:bob@192.0.2.2>;tag=strange", ""));
    assert_eq!(done(&mut p, At::A).0.status, 481);
    p.all_is_gone();
}

#[test]
fn a_request_in_a_call_without_dialog_or_after_its_end_fails_with_a_reason() {
    let mut p = pair(1, Conditions::GOOD, (1, 1));
    let ours = p.dial("sip:bob@192.0.2.2");
    p.world.send_request(p.a, Sender::Call(ours), options("INFO", "", ""));
    let (outcome, _) = done(&mut p, At::A);
    assert_eq!((outcome.status, outcome.local), (481, true));
    assert!(outcome.reason.contains("no dialog yet"), "{}", outcome.reason);
    p.hangup(p.a, ours);
    p.ended(p.a);
    p.world.send_request(p.a, Sender::Call(ours), options("INFO", "", ""));
    let (outcome, _) = done(&mut p, At::A);
    assert!(outcome.reason.contains("has ended"), "{}", outcome.reason);
    p.all_is_gone();
}

#[test]
fn provisional_responses_are_told_with_their_message() {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host(A.parse().unwrap(), 1, |_| {});
    world.scripted(B.parse().unwrap(), |bytes, _, _| {
        let message = Message::parse(bytes).unwrap();
        ["183 Working", "200 OK"]
            .iter()
            .map(|line| {
                let mut out = format!("SIP/2.0 {line}\r\n").into_bytes();
                for name in [Name::Via, Name::From, Name::CallId, Name::CSeq] {
                    out.extend(format!("{}: {}\r\n", name.as_str(), message.header(name).unwrap()).bytes());
                }
                out.extend(
                    format!("To: {};tag=b\r\nContent-Length: 0\r\n\r\n", message.header(Name::To).unwrap()).bytes(),
                );
                out
            })
            .collect()
    });
    let alice = world.account(a, "sip:alice@example.com");
    world.send_request(a, Sender::Account(alice), options("BREW", "sip:bob@192.0.2.2", ""));
    let (_, event) = world.next_event().unwrap();
    assert!(matches!(&event.kind, EventKind::RequestProgress(o) if o.status == 183 && o.by_peer), "{event:?}");
    assert!(event.message.is_some());
    let (_, event) = world.next_event().unwrap();
    assert!(matches!(&event.kind, EventKind::RequestDone(o) if o.status == 200), "{event:?}");
}

#[test]
fn shutdown_answers_what_waits_for_the_application() {
    let mut p = pair(1, Conditions::GOOD, (1, 1));
    let alice = Sender::Account(p.alice);
    p.world.send_request(p.a, alice, options("REFER", "sip:bob@192.0.2.2", ""));
    asked(&mut p);
    assert!(!p.world.is_idle(p.b));
    p.world.command(p.b, Command::Shutdown);
    assert_eq!(done(&mut p, At::B).0.status, 503);
    assert_eq!(done(&mut p, At::A).0.status, 503);
    p.world.run(seconds(1));
    assert!(p.world.is_idle(p.b));
    p.all_is_gone();
}

#[test]
fn requests_that_wait_are_bounded_and_the_bound_is_reached() {
    let most = sipwright::base::limits::REQUESTS_ASKED;
    let mut p = pair(1, Conditions::GOOD, (1, 1));
    let alice = Sender::Account(p.alice);
    for _ in 0..=most {
        p.world.send_request(p.a, alice, options("REFER", "sip:bob@192.0.2.2", ""));
    }
    // The first end of any is the refusal of the one too many.
    assert_eq!(done(&mut p, At::A).0.status, 503);
    assert_eq!(p.world.tables(p.b).requests, most);
    p.all_is_gone();
}
