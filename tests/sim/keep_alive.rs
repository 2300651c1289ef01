//! Flows of registrations: kept alive, lost, renewed. RFC 5626 s4.4, s4.5, s8; RFC 6223.

use crate::support::{A, B, Pair, seconds};
use sipwright::agent::io::{AccountConfig, Command, EventKind, KeepAliveMode, RequestAnswer};
use sipwright::base::id::AccountId;
use sipwright::base::{Instant, Protocol};
use sipwright::message::{Message, Name, Writer};
use sipwright::sim::{Conditions, HostId, World};
use sipwright::stun;
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

/// What the registrar saw, with the time: STUN requests and REGISTERs.
#[derive(Default)]
struct Seen {
    stun: Vec<Instant>,
    registers: Vec<(Instant, String)>,
}

/// How the registrar behaves.
#[derive(Clone)]
struct Peer {
    /// Appended to the Via of a 200.
    via: &'static str,
    /// A header of a 200.
    header: &'static str,
    /// What a STUN request gets: a port as mapped, or nothing.
    mapped: Rc<RefCell<Option<u16>>>,
    /// Answers are forged: another transaction.
    forged: bool,
}

impl Peer {
    fn new(via: &'static str, header: &'static str) -> Self {
        Peer { via, header, mapped: Rc::new(RefCell::new(Some(5060))), forged: false }
    }
}

fn world(peer: &Peer, mode: KeepAliveMode) -> (World, HostId, Rc<RefCell<Seen>>, AccountId) {
    let mut world = World::new(1, Conditions::GOOD);
    let seen: Rc<RefCell<Seen>> = Rc::default();
    let (log, peer) = (Rc::clone(&seen), peer.clone());
    world.scripted(B.parse().unwrap(), move |bytes, from, now| {
        if stun::is_stun(bytes) {
            log.borrow_mut().stun.push(now);
            let mut id = stun::Message::parse(bytes).unwrap().transaction;
            id[11] ^= u8::from(peer.forged);
            let mapped = *peer.mapped.borrow();
            return mapped.map(|port| stun::success(&id, SocketAddr::new(from.ip(), port), true)).into_iter().collect();
        }
        let message = Message::parse(bytes).unwrap();
        let via = message.header(Name::Via).unwrap();
        log.borrow_mut().registers.push((now, via.to_owned()));
        let mut out = Vec::new();
        let mut w = Writer::response(&mut out, 200, "OK");
        w.header_fmt(Name::Via, format_args!("{}{}", via.replace(";keep", ""), peer.via));
        w.copy(&message, Name::From).copy(&message, Name::CallId).copy(&message, Name::CSeq);
        w.header_fmt(Name::To, format_args!("{};tag=r", message.header(Name::To).unwrap()));
        if let Some(expires) = message.expires().filter(|expires| *expires > 0) {
            w.header_fmt(Name::Contact, format_args!("{};expires={expires}", message.header(Name::Contact).unwrap()));
        }
        if let Some((name, value)) = peer.header.split_once(':') {
            w.named(name, value.trim());
        }
        w.finish(None, b"");
        vec![out]
    });
    let a = world.host(A.parse().unwrap(), 3, |_| {});
    let account = world.account_with(a, account(mode, "sip:192.0.2.2"));
    (world, a, seen, account)
}

fn account(keep_alive: KeepAliveMode, registrar: &str) -> AccountConfig {
    AccountConfig {
        aor: "sip:alice@example.net".into(),
        registrar: registrar.into(),
        register: true,
        expires_s: 3600,
        keep_alive,
        ..AccountConfig::default()
    }
}

/// Runs for a while: (registered, flow failed).
fn told(world: &mut World, for_s: u64) -> (u32, Vec<String>) {
    let (mut registered, mut failed) = (0, Vec::new());
    let end = world.now() + seconds(for_s);
    while let Some((_, event)) = world.next_event_before(end) {
        match event.kind {
            EventKind::Registered { .. } => registered += 1,
            EventKind::FlowFailed { reason } => failed.push(reason),
            EventKind::RegisterFailed(outcome) => panic!("{outcome:?}"),
            _ => {}
        }
    }
    (registered, failed)
}

#[test]
fn keep_alives_go_only_where_somebody_wants_them() {
    use KeepAliveMode::{Always, Negotiated, Never};
    for (via, header, mode, wanted) in [
        ("", "", Negotiated, false),
        (";keep", "", Negotiated, false),
        (";keep=30", "", Negotiated, true),
        (";keep=0", "", Negotiated, true),
        ("", "Flow-Timer: 30", Negotiated, true),
        ("", "Path: <sip:edge.example.net;lr;ob>", Negotiated, true),
        ("", "Path: <sip:edge.example.net;lr>", Negotiated, false),
        (";keep=30", "Flow-Timer: 30", Never, false),
        ("", "", Always, true),
    ] {
        let (mut world, _, seen, _) = world(&Peer::new(via, header), mode);
        assert_eq!(told(&mut world, 100), (1, vec![]));
        let seen = seen.borrow();
        assert_eq!(!seen.stun.is_empty(), wanted, "{via} {header} {mode:?}");
        assert_eq!(seen.registers[0].1.contains(";keep"), mode != Never, "the offer of RFC 6223");
        assert!(world.broken_rules().is_empty());
    }
}

#[test]
fn the_interval_is_what_the_peer_recommends_or_24_to_29_s() {
    for (via, header, least, most) in
        [("", "Flow-Timer: 100", 80, 100), (";keep=50", "", 40, 50), (";keep=0", "", 24, 29)]
    {
        let (mut world, _, seen, _) = world(&Peer::new(via, header), KeepAliveMode::Negotiated);
        assert_eq!(told(&mut world, 1000).1, Vec::<String>::new());
        let stun = seen.borrow().stun.clone();
        let gaps: Vec<u128> = stun.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
        assert!(gaps.len() > 8);
        assert!(gaps.iter().all(|gap| (least * 1000..=most * 1000 + 100).contains(gap)), "{gaps:?}");
    }
}

#[test]
fn a_silent_peer_and_a_changed_address_are_flow_failures_and_the_registration_is_renewed() {
    for changed in [None, Some(6000)] {
        let peer = Peer::new(";keep=20", "");
        let (mut world, _, seen, _) = world(&peer, KeepAliveMode::Negotiated);
        assert_eq!(told(&mut world, 60), (1, vec![]));
        *peer.mapped.borrow_mut() = changed;
        let (registered, failed) = told(&mut world, 62);
        assert_eq!((registered, failed.len()), (1, 1), "{failed:?}");
        let cause = if changed.is_some() { "changed" } else { "no answer" };
        assert!(failed[0].contains("192.0.2.2:5060 over udp") && failed[0].contains(cause), "{failed:?}");
        assert_eq!(seen.borrow().registers.len(), 2);
    }
}

#[test]
fn a_flow_that_never_answered_is_renewed_after_a_while() {
    let peer = Peer { mapped: Rc::default(), ..Peer::new(";keep=20", "") };
    let (mut world, _, seen, _) = world(&peer, KeepAliveMode::Negotiated);
    told(&mut world, 200);
    let registers = seen.borrow().registers.clone();
    // Lost after 20 + 39.5 s at most, registered again 15 to 30 s later (RFC 5626 s4.5).
    let gap = (registers[1].0 - registers[0].0).as_secs();
    assert!((70..=90).contains(&gap), "{gap}");
}

#[test]
fn forged_answers_are_no_answers() {
    let peer = Peer { forged: true, ..Peer::new(";keep=20", "") };
    let (mut world, ..) = world(&peer, KeepAliveMode::Negotiated);
    assert_eq!(told(&mut world, 62).1.len(), 1);
}

#[test]
fn nothing_is_kept_alive_for_an_account_that_is_gone() {
    let (mut world, a, seen, account) = world(&Peer::new(";keep=20", ""), KeepAliveMode::Negotiated);
    told(&mut world, 60);
    world.command(a, Command::RemoveAccount { account });
    told(&mut world, 2);
    let before = seen.borrow().stun.len();
    told(&mut world, 200);
    assert_eq!(seen.borrow().stun.len(), before);
    assert_eq!(world.tables(a).timers, 0);
}

/// A registrar that is a host: its application answers REGISTERs.
fn over_tcp() -> (World, HostId, HostId) {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host(A.parse().unwrap(), 1, |_| {});
    let b = world.host(B.parse().unwrap(), 3, |c| c.sip.methods = vec!["REGISTER".into()]);
    let config = AccountConfig { keep_alive_s: 20, ..account(KeepAliveMode::Always, "sip:192.0.2.2;transport=tcp") };
    world.account_with(a, config);
    (world, a, b)
}

fn serve(world: &mut World, b: HostId, for_s: u64) -> (u32, Vec<String>) {
    let (mut registered, mut failed) = (0, Vec::new());
    let end = world.now() + seconds(for_s);
    while let Some((_, event)) = world.next_event_before(end) {
        match event.kind {
            EventKind::Request { .. } => {
                let raw = event.message.unwrap();
                let contact = Message::parse(&raw).unwrap().header(Name::Contact).unwrap().to_owned();
                let headers = vec![("Contact".to_owned(), format!("{contact};expires=3600"))];
                let answer = Box::new(RequestAnswer { status: 200, headers, ..RequestAnswer::default() });
                world.command(b, Command::AnswerRequest { request: event.request, answer });
            }
            EventKind::Registered { .. } => registered += 1,
            EventKind::FlowFailed { reason } => failed.push(reason),
            _ => {}
        }
    }
    (registered, failed)
}

#[test]
fn a_stream_is_kept_with_crlf_and_its_end_is_noticed_and_mended() {
    let (mut world, a, b) = over_tcp();
    assert_eq!(serve(&mut world, b, 300), (1, vec![]));
    let pings = world.ladder().lines().iter().filter(|line| line.trim_end().ends_with("-> 192.0.2.2:5060")).count();
    assert!((14..=20).contains(&pings), "{pings} pings in 300 s");
    assert_eq!(world.traffic(a).of(Protocol::Tcp).streams, 1);
    let (one, other) = (A.parse().unwrap(), B.parse().unwrap());
    world.partition(one, other, true);
    let (registered, failed) = serve(&mut world, b, 30);
    assert_eq!((registered, failed.len()), (0, 1), "{failed:?}");
    world.partition(one, other, false);
    assert_eq!(serve(&mut world, b, 60), (1, vec![]));
}

#[test]
fn we_answer_stun_on_the_sip_port() {
    let mut world = World::new(1, Conditions::GOOD);
    let b = world.host(B.parse().unwrap(), 3, |_| {});
    let (from, to): (SocketAddr, SocketAddr) = ("192.0.2.7:4444".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
    let heard: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
    let log = Rc::clone(&heard);
    world.scripted("192.0.2.7".parse().unwrap(), move |bytes, _, _| {
        log.borrow_mut().push(bytes.to_vec());
        Vec::new()
    });
    world.inject(from, to, &stun::request(&[7; 12]));
    // What is no whole message gets nothing.
    world.inject(from, to, &stun::request(&[7; 12])[..19]);
    // Answers to nothing are ignored.
    world.inject(from, to, &stun::success(&[7; 12], from, true));
    world.run(seconds(1));
    let heard = heard.borrow();
    assert_eq!(heard.len(), 1);
    let answer = stun::Message::parse(&heard[0]).unwrap();
    assert_eq!((answer.class, answer.mapped, answer.transaction), (stun::Class::Success, Some(from), [7; 12]));
    assert!(world.tables(b).is_empty());
}

#[test]
fn keep_alives_of_a_caller_are_accepted_in_its_via() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 1));
    let from: SocketAddr = "192.0.2.8:5060".parse().unwrap();
    let heard: Rc<RefCell<Vec<String>>> = Rc::default();
    let log = Rc::clone(&heard);
    p.world.scripted(from.ip(), move |bytes, _, _| {
        log.borrow_mut().push(String::from_utf8_lossy(bytes).into_owned());
        Vec::new()
    });
    let invite = "INVITE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.8;keep;branch=z9hG4bKk\r\nMax-Forwards: 70\r\n\
                  From: <sip:c@x>;tag=1\r\nTo: <sip:bob@192.0.2.2>\r\nCall-ID: k\r\nCSeq: 1 INVITE\r\n\
                  Contact: <sip:c@192.0.2.8>\r\nContent-Length: 0\r\n\r\n";
    p.world.inject(from, "192.0.2.2:5060".parse().unwrap(), invite.as_bytes());
    let call = p.incoming();
    p.world.command(p.b, Command::Hangup { call, status: 486 });
    p.world.run(seconds(1));
    assert!(heard.borrow().iter().all(|m| m.contains("Via: SIP/2.0/UDP 192.0.2.8;branch=z9hG4bKk;keep=29\r\n")));
    assert!(!heard.borrow().is_empty());
}
