//! Where requests go when servers are dead, refuse, or come back: RFC 3263, with real agents over a bad network.

use crate::support::{Pair, seconds};
use sipwright::agent::io::{EventKind, Outcome};
use sipwright::base::Duration;
use sipwright::message::{Message, Name, Writer, reason_phrase};
use sipwright::sim::{Conditions, World};
use std::cell::RefCell;
use std::net::IpAddr;
use std::rc::Rc;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

const ZONE: &str = "
    example.net NAPTR 10 10 s SIP+D2U \"\" _sip._udp.example.net
    _sip._udp.example.net SRV 10 0 5060 dead.example.net
    _sip._udp.example.net SRV 20 0 5060 busy.example.net
    _sip._udp.example.net SRV 30 0 5060 good.example.net
    dead.example.net A 192.0.2.66
    busy.example.net A 192.0.2.50
    good.example.net A 192.0.2.2
    tcp.example.net A 192.0.2.66
    tcp.example.net A 192.0.2.2
";

/// What a scripted server saw: how many requests.
type Seen = Rc<RefCell<Vec<String>>>;

/// Answers each request with a status.
fn server(world: &mut World, at: &str, status: u16, headers: &'static [(Name, &'static str)]) -> Seen {
    let seen = Seen::default();
    let log = Rc::clone(&seen);
    world.scripted(ip(at), move |bytes, _, _| {
        let message = Message::parse(bytes).unwrap();
        let method = message.method().unwrap().as_str().to_owned();
        log.borrow_mut().push(method.clone());
        if method == "ACK" {
            return Vec::new();
        }
        let mut out = Vec::new();
        let status = if method == "INVITE" { status } else { 200 };
        let mut w = Writer::response(&mut out, status, reason_phrase(status));
        w.copy(&message, Name::Via).copy(&message, Name::From);
        w.header_fmt(Name::To, format_args!("{};tag=t", message.header(Name::To).unwrap()));
        w.copy(&message, Name::CallId).copy(&message, Name::CSeq);
        for (name, value) in headers {
            w.header(*name, value);
        }
        w.finish(None, b"");
        vec![out]
    });
    seen
}

fn routed(seed: u64, conditions: Conditions) -> (Pair, Seen) {
    let mut p = Pair::new(seed, conditions, (1, 1));
    p.world.zone(ZONE).unwrap();
    let busy = server(&mut p.world, "192.0.2.50", 503, &[(Name::RetryAfter, "60")]);
    (p, busy)
}

fn count(seen: &Seen, method: &str) -> usize {
    seen.borrow().iter().filter(|m| *m == method).count()
}

#[test]
fn a_call_finds_the_server_that_works_behind_a_dead_and_a_busy_one() {
    for seed in 0..10 {
        let (mut p, busy) = routed(seed, Conditions::BAD);
        let call = p.dial("sip:bob@example.net");
        let theirs = p.incoming();
        assert!(p.world.now().as_micros() >= 4_000_000, "the dead one was not tried");
        assert!(count(&busy, "INVITE") > 0);
        p.answer(theirs);
        p.answered(p.a);
        p.hangup(p.a, call);
        p.ended(p.a);
        p.all_is_gone();
    }
}

#[test]
fn servers_that_failed_are_left_alone_for_a_while_and_then_tried_again() {
    let (mut p, busy) = routed(1, Conditions::GOOD);
    let wait = |p: &mut Pair| {
        let start = p.world.now();
        let call = p.dial("sip:bob@example.net");
        let theirs = p.incoming();
        let waited = p.world.now().since(start);
        p.answer(theirs);
        p.answered(p.a);
        p.hangup(p.a, call);
        p.ended(p.a);
        waited
    };
    assert!(wait(&mut p) > seconds(4));
    assert!(wait(&mut p) < seconds(1));
    assert_eq!(count(&busy, "INVITE"), 1);
    // The dead one is forgiven after 30 s; the other after what it asked for.
    p.world.run(seconds(40));
    assert!(wait(&mut p) > seconds(4));
    assert_eq!(count(&busy, "INVITE"), 1);
    p.world.run(seconds(40));
    wait(&mut p);
    assert_eq!(count(&busy, "INVITE"), 2);
    p.all_is_gone();
}

#[test]
fn when_all_servers_have_failed_all_are_tried_again() {
    let (mut p, _) = routed(1, Conditions::GOOD);
    p.world.zone("all.example SRV 0 0 5060 x\n_sip._udp.all.example SRV 1 0 5060 d.example\n_sip._udp.all.example SRV 2 0 5060 b.example\nd.example A 192.0.2.66\nb.example A 192.0.2.50").unwrap();
    for _ in 0..2 {
        p.dial("sip:bob@all.example");
        let outcome: Outcome = p.ended(p.a);
        assert!([503, 408].contains(&outcome.status), "{outcome:?}");
    }
    p.all_is_gone();
}

#[test]
fn a_late_2xx_of_a_target_that_was_given_up_is_acknowledged_and_ended() {
    let (mut p, _) = routed(1, Conditions::GOOD);
    p.world.zone("_sip._udp.example.org SRV 1 0 5060 late.example.org\n_sip._udp.example.org SRV 2 0 5060 good.example.org\nlate.example.org A 192.0.2.70\ngood.example.org A 192.0.2.2").unwrap();
    let seen = Seen::default();
    let log = Rc::clone(&seen);
    let mut held: Option<Vec<u8>> = None;
    p.world.scripted(ip("192.0.2.70"), move |bytes, _, now| {
        let message = Message::parse(bytes).unwrap();
        let method = message.method().unwrap().as_str().to_owned();
        log.borrow_mut().push(method.clone());
        let mut out = Vec::new();
        let mut w = Writer::response(&mut out, 200, "OK");
        w.copy(&message, Name::Via).copy(&message, Name::From);
        w.header_fmt(Name::To, format_args!("<sip:bob@example.org>;tag=late"));
        w.copy(&message, Name::CallId).copy(&message, Name::CSeq).header(Name::Contact, "<sip:late@192.0.2.70>");
        w.finish(None, b"");
        match method.as_str() {
            "INVITE" => {
                held = Some(out);
                Vec::new()
            }
            "ACK" => Vec::new(),
            "MESSAGE" => held.clone().into_iter().chain([out]).collect(),
            _ => {
                let _ = now;
                vec![out]
            }
        }
    });
    let call = p.dial("sip:bob@example.org");
    let theirs = p.incoming();
    assert!(count(&seen, "INVITE") > 1);
    p.answer(theirs);
    p.answered(p.a);
    // This makes the script send its 2xx at last.
    let alice = p.alice;
    p.world.request(p.a, alice, "MESSAGE", "sip:late@192.0.2.70", "now");
    p.wait(p.a, |e| matches!(e.kind, EventKind::RequestDone(_)).then_some(()));
    p.world.run(seconds(2));
    assert_eq!((count(&seen, "ACK"), count(&seen, "BYE")), (1, 1), "{seen:?}");
    p.hangup(p.a, call);
    p.ended(p.a);
    p.all_is_gone();
}

#[test]
fn of_two_addresses_the_one_that_connects_first_carries_the_request() {
    let mut p = Pair::new(3, Conditions::GOOD, (1, 1));
    p.world.zone(ZONE).unwrap();
    let start = p.world.now();
    let alice = p.alice;
    p.world.request(p.a, alice, "OPTIONS", "sip:bob@tcp.example.net:5060;transport=tcp", "");
    let status = p.wait(p.a, |e| match &e.kind {
        EventKind::RequestDone(outcome) => Some(outcome.status),
        _ => None,
    });
    assert_eq!(status, 200);
    assert!(p.world.now().since(start) < Duration::from_secs(1));
    p.all_is_gone();
}
