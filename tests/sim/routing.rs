//! Where messages go: proxies, loose and strict routes, the size rule, `rport`, several listeners. RFC 3261 s8.1.2, s12.2.1.1, s18;
//! RFC 3581.

use crate::support::{A, B, Pair, seconds};
use bytes::Bytes;
use sipwright::agent::io::{AccountConfig, CallOptions, Command, EventKind, Listener, RequestOptions, Sender};
use sipwright::base::{Duration, Protocol};
use sipwright::message::{Message, Method, Name};
use sipwright::sim::{Conditions, HostId, World};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

const PROXY: &str = "192.0.2.50";

/// What a scripted peer got: each with the address that it came from.
type Seen = Rc<RefCell<Vec<(Vec<u8>, SocketAddr)>>>;

/// The lines that a response repeats, with a To tag.
fn response(request: &Message<'_>, status: &str, more: &str, body: &str) -> Vec<u8> {
    let mut out = format!("SIP/2.0 {status}\r\n");
    for name in [Name::Via, Name::From, Name::CallId, Name::CSeq] {
        out += &format!("{}: {}\r\n", name.as_str(), request.header(name).unwrap());
    }
    let tag = if request.to().unwrap().tag().is_some() { "" } else { ";tag=peer" };
    out += &format!(
        "To: {}{tag}\r\n{more}Content-Length: {}\r\n\r\n{body}",
        request.header(Name::To).unwrap(),
        body.len()
    );
    out.into_bytes()
}

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// A peer that takes calls and whatever else comes, with `routes` as its Record-Route.
fn peer(world: &mut World, ip: &str, routes: &'static str) -> Seen {
    let seen: Seen = Rc::default();
    let log = Rc::clone(&seen);
    world.scripted(ip.parse().unwrap(), move |bytes, from, _| {
        log.borrow_mut().push((bytes.to_vec(), from));
        let request = Message::parse(bytes).unwrap();
        match request.method() {
            Some(Method::Ack) | None => Vec::new(),
            Some(Method::Invite) => {
                let more =
                    format!("Contact: <sip:callee@192.0.2.77:5099>\r\n{routes}Content-Type: application/sdp\r\n");
                vec![response(&request, "200 OK", &more, SDP)]
            }
            Some(_) => vec![response(&request, "200 OK", "", "")],
        }
    });
    seen
}

/// Request line and Route values of what a peer saw of a method.
fn routed(seen: &Seen, method: &str) -> Vec<(String, Vec<String>)> {
    let seen = seen.borrow();
    let messages = seen.iter().map(|(bytes, _)| Message::parse(bytes).unwrap());
    let wanted = messages.filter(|m| m.method().is_some_and(|found| found.as_str() == method));
    wanted.map(|m| (m.request_uri().unwrap().to_owned(), m.list(Name::Route).map(str::to_owned).collect())).collect()
}

fn next_is_up(world: &mut World) {
    while let Some((_, event)) = world.next_event() {
        match event.kind {
            EventKind::CallAnswered { .. } => return,
            EventKind::CallEnded { outcome, .. } => panic!("{outcome:?}"),
            _ => {}
        }
    }
    panic!("the call never came up");
}

fn hang_up(world: &mut World, host: HostId, call: sipwright::base::id::CallId) {
    world.command(host, Command::Hangup { call, status: 0 });
    while world.next_event().is_some() {}
    world.run(seconds(100));
    assert!(world.tables(host).is_empty(), "{:?}", world.tables(host));
}

#[test]
fn every_request_of_an_account_goes_through_its_proxy_and_routes() {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host(A.parse().unwrap(), 1, |_| {});
    let seen = peer(&mut world, PROXY, "");
    let config = AccountConfig {
        aor: "sip:alice@example.com".into(),
        proxy: "sip:192.0.2.50".into(),
        routes: vec!["sip:192.0.2.51;lr".into()],
        register: true,
        ..AccountConfig::default()
    };
    let alice = world.account_with(a, config);
    let options = RequestOptions { method: "BREW".into(), target: "sip:bob@192.0.2.9".into(), ..Default::default() };
    world.send_request(a, Sender::Account(alice), options);
    let call = world.dial(a, alice, "sip:bob@192.0.2.9");
    next_is_up(&mut world);
    let routes = vec!["<sip:192.0.2.50;lr>".to_owned(), "<sip:192.0.2.51;lr>".to_owned()];
    for (method, uri) in
        [("REGISTER", "sip:example.com"), ("BREW", "sip:bob@192.0.2.9"), ("INVITE", "sip:bob@192.0.2.9")]
    {
        assert_eq!(routed(&seen, method), [(uri.to_owned(), routes.clone())], "{method}");
    }
    let _ = call;
}

#[test]
fn the_routes_of_a_request_stand_instead_of_the_accounts() {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host(A.parse().unwrap(), 1, |_| {});
    let seen = peer(&mut world, "192.0.2.60", "");
    let config =
        AccountConfig { aor: "sip:a@example.com".into(), proxy: "sip:192.0.2.50".into(), ..AccountConfig::default() };
    let alice = world.account_with(a, config);
    let routes = vec!["<sip:192.0.2.60;lr>".to_owned(), "<sip:192.0.2.61;lr>".to_owned()];
    let target = "sip:bob@192.0.2.9".to_owned();
    let options = RequestOptions { method: "BREW".into(), target, routes: routes.clone(), ..Default::default() };
    world.send_request(a, Sender::Account(alice), options);
    let options = CallOptions { routes: routes.clone(), ..CallOptions::default() };
    let call = world.dial_in(Duration::ZERO, a, alice, "sip:bob@192.0.2.9", options);
    next_is_up(&mut world);
    for method in ["BREW", "INVITE"] {
        assert_eq!(routed(&seen, method), [("sip:bob@192.0.2.9".to_owned(), routes.clone())], "{method}");
    }
    let _ = call;
}

#[test]
fn a_strict_router_gets_its_own_uri_and_the_target_last() {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host(A.parse().unwrap(), 1, |_| {});
    // Pre-loaded: the first is strict.
    let seen = peer(&mut world, PROXY, "Record-Route: <sip:192.0.2.51;lr>, <sip:192.0.2.50>\r\n");
    let alice = world.account(a, "sip:alice@example.com");
    let routes = vec!["sip:192.0.2.50".to_owned(), "<sip:192.0.2.51;lr>".to_owned()];
    let options = CallOptions { routes, ..CallOptions::default() };
    let call = world.dial_in(Duration::ZERO, a, alice, "sip:bob@192.0.2.9", options);
    next_is_up(&mut world);
    let wanted = ["<sip:192.0.2.51;lr>".to_owned(), "<sip:bob@192.0.2.9>".to_owned()];
    assert_eq!(routed(&seen, "INVITE"), [("sip:192.0.2.50".to_owned(), wanted.to_vec())]);
    // Recorded, in the dialog: the route set is reversed, and its first is the strict one again.
    hang_up(&mut world, a, call);
    let wanted = ["<sip:192.0.2.51;lr>".to_owned(), "<sip:callee@192.0.2.77:5099>".to_owned()];
    for method in ["ACK", "BYE"] {
        assert_eq!(routed(&seen, method), [("sip:192.0.2.50".to_owned(), wanted.to_vec())], "{method}");
    }
}

#[test]
fn loose_routers_are_passed_in_order_and_the_target_stays_the_request_uri() {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host(A.parse().unwrap(), 1, |_| {});
    let seen = peer(&mut world, PROXY, "Record-Route: <sip:192.0.2.51;lr>\r\nRecord-Route: <sip:192.0.2.50;lr>\r\n");
    let alice = world.account(a, "sip:alice@example.com");
    let call = world.dial(a, alice, "sip:bob@192.0.2.50");
    next_is_up(&mut world);
    world.send_request(a, Sender::Call(call), RequestOptions { method: "INFO".into(), ..Default::default() });
    world.run(seconds(1));
    hang_up(&mut world, a, call);
    let routes = vec!["<sip:192.0.2.50;lr>".to_owned(), "<sip:192.0.2.51;lr>".to_owned()];
    for method in ["ACK", "INFO", "BYE"] {
        assert_eq!(routed(&seen, method), [("sip:callee@192.0.2.77:5099".to_owned(), routes.clone())], "{method}");
    }
}

/// A MESSAGE of 3,000 bytes from A to B; what each protocol carried from A.
fn large(a_limit: Option<usize>, b_has_tcp: bool) -> (u64, u64, u64) {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host(A.parse().unwrap(), 1, |c| c.udp_size_limit = a_limit.unwrap_or(c.udp_size_limit));
    let b = world.host(B.parse().unwrap(), 1, |c| {
        c.listeners.retain(|listener| b_has_tcp || listener.protocol == Protocol::Udp);
    });
    let alice = world.account(a, "sip:alice@example.com");
    world.request(a, alice, "MESSAGE", "sip:bob@192.0.2.2", &"x".repeat(3000));
    let mut heard = 0;
    let mut status = 0;
    while let Some((_, event)) = world.next_event() {
        match event.kind {
            EventKind::MessageReceived { .. } => heard += 1,
            EventKind::RequestDone(outcome) => status = outcome.status,
            _ => {}
        }
    }
    assert_eq!((status, heard), (200, 1));
    assert!(world.tables(b).is_empty());
    let traffic = world.traffic(a);
    let sent = |protocol| traffic.of(protocol).messages_sent;
    (sent(Protocol::Udp), sent(Protocol::Tcp), traffic.of(Protocol::Udp).bytes_sent)
}

#[test]
fn the_size_rule_takes_tcp_falls_back_to_udp_and_can_be_turned_off() {
    assert_eq!(large(None, true), (0, 1, 0), "TCP");
    let (udp, tcp, bytes) = large(None, false);
    assert!((udp, tcp) == (1, 0) && bytes > 3000, "fallback: {udp} {tcp} {bytes}");
    let (udp, tcp, _) = large(Some(0), true);
    assert_eq!((udp, tcp), (1, 0), "turned off");
    let (udp, tcp, _) = large(Some(4000), true);
    assert_eq!((udp, tcp), (1, 0), "a larger limit");
}

/// What a client that does not know of `rport`, behind a NAT, gets: the addresses that the answers went to.
fn answers_to(force: bool, via: &'static str) -> Vec<String> {
    let mut world = World::new(1, Conditions::GOOD);
    let b = world.host(B.parse().unwrap(), 1, |c| c.sip.force_rport = force);
    world.account(b, "sip:bob@example.net");
    let from: SocketAddr = "203.0.113.5:33333".parse().unwrap();
    let request = format!(
        "OPTIONS sip:bob@192.0.2.2 SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: <sip:n@x>;tag=1\r\n\
         To: <sip:bob@192.0.2.2>\r\nCall-ID: nat\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    world.inject(from, SocketAddr::new(B.parse().unwrap(), 5060), request.as_bytes());
    world.run(seconds(1));
    let answers = world.ladder().lines().iter().filter(|line| line.contains("SIP/2.0 200"));
    answers.map(|line| line.split_whitespace().nth(3).unwrap().to_owned()).collect()
}

#[test]
fn answers_go_where_via_says_or_where_the_request_came_from_when_asked_or_told() {
    let plain = "SIP/2.0/UDP 10.0.0.5:5060;branch=z9hG4bKn";
    let asking = "SIP/2.0/UDP 10.0.0.5:5060;rport;branch=z9hG4bKn";
    assert_eq!(answers_to(false, plain), ["203.0.113.5:5060"]);
    assert_eq!(answers_to(false, asking), ["203.0.113.5:33333"]);
    assert_eq!(answers_to(true, plain), ["203.0.113.5:33333"]);
}

#[test]
fn answers_leave_from_the_listener_that_was_hit() {
    for port in [5060, 5070, 5080] {
        let mut world = World::new(1, Conditions::GOOD);
        let a = world.host(A.parse().unwrap(), 1, |_| {});
        let b = world.host(B.parse().unwrap(), 1, |c| {
            let local = |port| SocketAddr::new(B.parse().unwrap(), port);
            let udp = |port| Listener { protocol: Protocol::Udp, local: local(port) };
            c.listeners =
                vec![udp(5060), udp(5070), udp(5080), Listener { protocol: Protocol::Tcp, local: local(5060) }];
        });
        let mut p = Pair::with(world, a, b);
        let (ours, _) = p.up(&format!("sip:bob@192.0.2.2:{port}"));
        p.hangup(p.a, ours);
        p.ended(p.b);
        let lines = p.world.ladder().lines();
        let answers: Vec<&String> = lines.iter().filter(|l| l.contains(" SIP/2.0 ")).collect();
        assert!(answers.len() >= 2);
        for line in answers {
            assert!(line.contains(&format!(" 192.0.2.2:{port} -> 192.0.2.1:5060 ")), "{line}");
        }
        // The Contact names that listener too: the BYE came to it.
        assert!(lines.iter().any(|l| l.contains(&format!("-> 192.0.2.2:{port} BYE"))), "{lines:#?}");
        p.all_is_gone();
    }
}

#[test]
fn answers_to_a_stream_go_back_on_it() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 3));
    let options = CallOptions { sdp: Some(Bytes::from_static(SDP.as_bytes())), ..CallOptions::default() };
    let ours = p.world.dial_in(Duration::ZERO, p.a, p.alice, "sip:bob@192.0.2.2;transport=tcp", options);
    let theirs = p.incoming();
    p.answer(theirs);
    p.answered(p.a);
    p.hangup(p.b, theirs);
    p.ended(p.a);
    assert_eq!(p.world.traffic(p.b).of(Protocol::Tcp).streams, 1, "the callee opened no stream of its own");
    let _ = ours;
    p.all_is_gone();
}
