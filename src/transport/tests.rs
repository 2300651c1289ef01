//! Streams, framing, connections that are waited for, and responses printed from their seed.

use super::*;
use crate::base::map::Seeded;
use crate::base::{Duration, Flow, Instant, Protocol, Transmit, limits};
use crate::message::{Message, Name, check};
use bytes::Bytes;
use std::net::SocketAddr;

fn transports(listeners: &[(Protocol, &str)], public: Option<&str>) -> Transports {
    let listeners = listeners.iter().map(|(protocol, at)| (*protocol, at.parse().unwrap())).collect();
    let public_address = public.map(|ip| ip.parse().unwrap());
    Transports::new(TransportConfig { shard: 1, listeners, public_address }, Seeded::new(1, 2))
}

fn tcp(connection: u64, remote: &str) -> Flow {
    Flow {
        protocol: Protocol::Tcp,
        local: "192.0.2.1:5060".parse().unwrap(),
        remote: remote.parse().unwrap(),
        connection: 1 << 56 | connection,
    }
}

fn plain(protocol: Protocol, remote: SocketAddr) -> Peer {
    Peer::new(protocol, remote, None)
}

fn to(flow: Flow) -> Opened {
    Opened::to(plain(flow.protocol, flow.remote))
}

fn message(n: usize, body: &str) -> String {
    format!("MESSAGE sip:b SIP/2.0\r\nCall-ID: {n}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn at(s: u64) -> Instant {
    Instant::from_micros(s * 1_000_000)
}

fn feed(t: &mut Transports, flow: Flow, segment: &[u8], out: &mut Vec<Action>) -> Vec<String> {
    let mut feed = t.feed(flow, segment, at(1));
    let mut all = Vec::new();
    while let Some(message) = feed.next() {
        all.push(String::from_utf8(message.to_vec()).unwrap());
    }
    t.fed(feed, out);
    all
}

fn opened(connection: u64) -> (Transports, Flow) {
    let (mut t, flow) = (transports(&[], None), tcp(connection, "192.0.2.9:5060"));
    t.stream_opened(flow, Opened::accepted(), at(0), &mut Vec::new());
    (t, flow)
}

#[test]
fn one_byte_segments_make_whole_messages() {
    let (mut t, flow) = opened(1);
    let stream = format!("{}\r\n\r\n{}", message(1, "hello"), message(2, ""));
    let mut out = Vec::new();
    let all: Vec<String> = stream.bytes().flat_map(|b| feed(&mut t, flow, &[b], &mut out)).collect();
    assert_eq!(
        all.concat().replace("\r\n\r\nMESSAGE", "MESSAGE"),
        [message(1, "hello"), message(2, "")].concat().replace("\r\n\r\nMESSAGE", "MESSAGE")
    );
    assert_eq!(all.len(), 2);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { failure_persistence: None, ..proptest::prelude::ProptestConfig::with_cases(64) })]

    #[test]
    fn how_a_stream_is_cut_makes_no_difference(cuts in proptest::collection::vec(0usize..400, 0..12)) {
        let whole: String = (0..6).map(|n| message(n, &"x".repeat(n * 7))).collect();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
        cuts.extend([0, whole.len()]);
        cuts.sort_unstable();
        let (mut t, flow) = opened(1);
        let mut out = Vec::new();
        let all: Vec<String> = cuts
            .windows(2)
            .flat_map(|cut| feed(&mut t, flow, &whole.as_bytes()[cut[0]..cut[1]], &mut out))
            .collect();
        proptest::prop_assert_eq!(all.concat(), whole);
        proptest::prop_assert_eq!((all.len(), t.held(), out.len()), (6, 0, 0));
    }
}

#[test]
fn two_messages_and_a_half_in_one_segment() {
    let (mut t, flow) = opened(1);
    let half = message(3, "three");
    let (front, back) = half.split_at(30);
    let mut out = Vec::new();
    let segment = format!("{}{}{front}", message(1, "one"), message(2, ""));
    assert_eq!(feed(&mut t, flow, segment.as_bytes(), &mut out), [message(1, "one"), message(2, "")]);
    let segment = format!("{back}{}", message(4, ""));
    assert_eq!(feed(&mut t, flow, segment.as_bytes(), &mut out), [message(3, "three"), message(4, "")]);
    assert!(out.is_empty());
}

#[test]
fn a_ping_is_answered_and_a_pong_is_not() {
    let (mut t, flow) = opened(1);
    let mut out = Vec::new();
    assert!(feed(&mut t, flow, b"\r\n\r\n", &mut out).is_empty());
    assert!(matches!(out.pop(), Some(Action::Transmit(Transmit { bytes, .. })) if &bytes[..] == b"\r\n"));
    feed(&mut t, flow, b"\r\n", &mut out);
    feed(&mut t, flow, message(1, "").as_bytes(), &mut out);
    assert!(out.is_empty());
}

#[test]
fn a_ping_cut_in_two_is_answered_once_and_a_pong_is_not_taken_for_half_a_ping() {
    let (mut t, flow) = opened(1);
    let mut out = Vec::new();
    let pongs = |out: &mut Vec<Action>| out.drain(..).count();
    for segment in [&b"\r\n"[..], b"\r", b"\n"] {
        feed(&mut t, flow, segment, &mut out);
    }
    assert_eq!(pongs(&mut out), 1);
    // Our own pings, and their pongs: nothing is answered, however many there are.
    for _ in 0..4 {
        t.transmit(Transmit { flow, bytes: Bytes::from_static(b"\r\n\r\n") }, at(2), &mut out);
        assert_eq!(pongs(&mut out), 1, "the ping itself");
        let mut taken = t.feed(flow, b"\r\n", at(2));
        assert!(taken.next().is_none() && taken.pongs() == 1);
        t.fed(taken, &mut out);
        assert_eq!(pongs(&mut out), 0);
    }
}

#[test]
fn a_stream_that_cannot_be_followed_is_closed_with_little_held() {
    for segment in [
        "A sip:a SIP/2.0\r\nContent-Length: 2147483648\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("A sip:a SIP/2.0\r\nTo: {}", "x".repeat(limits::HEADER_BLOCK_BYTES)),
    ] {
        let (mut t, flow) = opened(1);
        let mut out = Vec::new();
        assert!(feed(&mut t, flow, segment.as_bytes(), &mut out).is_empty());
        assert!(matches!(out[..], [Action::Close { flow: f }] if f == flow));
        assert_eq!(t.held(), 0);
    }
    // A body that does not come is held up to its length, which is bounded.
    let (mut t, flow) = opened(1);
    let mut out = Vec::new();
    feed(&mut t, flow, b"A sip:a SIP/2.0\r\nContent-Length: 60000\r\n\r\n", &mut out);
    let most = (0..100).map(|_| {
        feed(&mut t, flow, &[b'x'; 1000], &mut out);
        t.held()
    });
    assert!(most.max().unwrap() <= limits::STREAM_BUFFER_BYTES);
}

#[test]
fn a_stream_of_another_shard_is_known_but_not_timed() {
    let mut t = transports(&[], None);
    let flow = Flow { connection: 2 << 56 | 1, ..tcp(1, "192.0.2.9:5060") };
    t.stream_opened(flow, to(flow), at(0), &mut Vec::new());
    assert_eq!(t.flow_to(&plain(Protocol::Tcp, flow.remote), flow.local.ip()), Some(flow));
    assert_eq!(t.next_timeout(), None);
    t.stream_closed(&flow);
    assert!(t.is_empty());
}

#[test]
fn silent_and_idle_streams_are_closed() {
    let (mut t, silent) = opened(1);
    let used = tcp(2, "192.0.2.10:5060");
    let mut out = Vec::new();
    t.stream_opened(used, to(used), at(0), &mut out);
    feed(&mut t, used, message(1, "").as_bytes(), &mut out);
    t.handle_timeout(at(30), &mut out);
    assert!(matches!(out[..], [Action::Close { flow }] if flow == silent));
    out.clear();
    t.stream_closed(&silent);
    let due = at(1) + limits::STREAM_IDLE;
    while let Some(next) = t.next_timeout().filter(|next| *next <= due) {
        assert!(out.is_empty());
        t.handle_timeout(next, &mut out);
    }
    assert!(matches!(out[..], [Action::Close { flow }] if flow == used));
}

#[test]
fn incoming_streams_are_bounded() {
    let mut t = transports(&[], None);
    let mut out = Vec::new();
    for i in 0..limits::STREAMS as u64 {
        t.stream_opened(tcp(i + 1, "192.0.2.9:5060"), Opened::accepted(), at(0), &mut out);
    }
    assert!(out.is_empty());
    t.stream_opened(tcp(0xffff, "192.0.2.9:5060"), Opened::accepted(), at(0), &mut out);
    assert!(matches!(out[..], [Action::Close { .. }]));
    assert_eq!(t.len(), limits::STREAMS);
}

#[test]
fn one_connection_serves_all_that_wait_for_it() {
    let mut t = transports(&[], None);
    let remote: SocketAddr = "192.0.2.9:5060".parse().unwrap();
    let local = "192.0.2.1".parse().unwrap();
    let mut out = Vec::new();
    t.connect(&plain(Protocol::Tcp, remote), 1, at(0), &mut out);
    t.connect(&plain(Protocol::Tcp, remote), 2, at(0), &mut out);
    let way = Way { peer: plain(Protocol::Tcp, remote), local, flow: None };
    t.send(&way, Bytes::from_static(b"ACK"), at(0), &mut out);
    assert!(matches!(&out[..], [Action::Connect { peer }] if peer.remote == remote));
    out.clear();
    let flow = tcp(7, "192.0.2.9:5060");
    t.stream_opened(flow, to(flow), at(1), &mut out);
    assert!(matches!(out[0], Action::Ready { waiter: 1, .. }) && matches!(out[1], Action::Ready { waiter: 2, .. }));
    assert!(matches!(&out[2], Action::Transmit(sent) if sent.flow == flow && &sent.bytes[..] == b"ACK"));
    assert_eq!(t.flow_to(&plain(Protocol::Tcp, remote), local), Some(flow));
}

#[test]
fn a_failed_or_silent_connection_is_told_to_all_that_wait() {
    let mut t = transports(&[], None);
    let remote: SocketAddr = "192.0.2.9:5060".parse().unwrap();
    let mut out = Vec::new();
    t.connect(&plain(Protocol::Tcp, remote), 1, at(0), &mut out);
    t.connect_failed(&plain(Protocol::Tcp, remote), "refused", &mut out);
    assert!(matches!(&out[1..], [Action::Unreachable { waiter: 1, reason, .. }] if reason == "refused"));
    t.connect(&plain(Protocol::Tcp, remote), 2, at(0), &mut out);
    out.clear();
    t.handle_timeout(at(0) + limits::CONNECT, &mut out);
    assert!(matches!(out[..], [Action::Unreachable { waiter: 2, .. }]));
    assert!(t.is_empty() && t.next_timeout().is_none());
}

#[test]
fn a_response_whose_stream_is_gone_opens_another() {
    let (mut t, flow) = opened(1);
    t.stream_closed(&flow);
    let mut out = Vec::new();
    let response =
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h:5070;received=192.0.2.4;branch=z9hG4bK1\r\nContent-Length: 0\r\n\r\n";
    t.transmit(Transmit { flow, bytes: Bytes::from(response) }, at(1), &mut out);
    let remote: SocketAddr = "192.0.2.4:5070".parse().unwrap();
    assert!(matches!(out[..], [Action::Connect { ref peer }] if peer.remote == remote));
    out.clear();
    t.stream_opened(tcp(2, "192.0.2.4:5070"), to(tcp(2, "192.0.2.4:5070")), at(1), &mut out);
    assert!(matches!(&out[..], [Action::Transmit(sent)] if sent.bytes == response));
    // A request cannot: its transaction fails.
    out.clear();
    t.transmit(Transmit { flow, bytes: Bytes::from(message(1, "")) }, at(1), &mut out);
    assert!(matches!(out[..], [Action::Undeliverable { flow: f }] if f == flow));
}

#[test]
fn what_waits_for_a_connection_is_bounded() {
    let mut t = transports(&[], None);
    let (flow, local) = (tcp(1, "192.0.2.9:5060"), "192.0.2.1".parse().unwrap());
    let way = Way { peer: plain(Protocol::Tcp, flow.remote), local, flow: None };
    let mut out = Vec::new();
    for _ in 0..100 {
        let bytes = Bytes::from(vec![b'x'; 60_000]);
        t.send(&way, bytes, at(0), &mut out);
    }
    out.clear();
    t.stream_opened(flow, to(flow), at(0), &mut out);
    assert_eq!(out.len(), limits::STREAM_BACKLOG_BYTES / 60_000);
}

#[test]
fn our_address_is_chosen_per_peer() {
    let t = transports(
        &[
            (Protocol::Udp, "0.0.0.0:5070"),
            (Protocol::Udp, "192.0.2.2:5080"),
            (Protocol::Udp, "[::]:5090"),
            (Protocol::Tcp, "0.0.0.0:5071"),
        ],
        None,
    );
    let of = |protocol, local: &str| t.advertised(protocol, local.parse().unwrap()).to_string();
    assert_eq!(of(Protocol::Udp, "192.0.2.1"), "192.0.2.1:5070");
    assert_eq!(of(Protocol::Udp, "192.0.2.2"), "192.0.2.2:5080");
    assert_eq!(of(Protocol::Udp, "2001:db8::1"), "[2001:db8::1]:5090");
    assert_eq!(of(Protocol::Tcp, "192.0.2.1"), "192.0.2.1:5071");
    assert_eq!(
        t.via(Protocol::Udp, "2001:db8::1".parse().unwrap(), "b"),
        "SIP/2.0/UDP [2001:db8::1]:5090;rport;branch=b"
    );
    let t = transports(&[(Protocol::Udp, "0.0.0.0:5070")], Some("203.0.113.5"));
    assert_eq!(t.advertised(Protocol::Udp, "10.0.0.1".parse().unwrap()).to_string(), "203.0.113.5:5070");
    // Packets leave from the real address.
    let flow =
        t.flow_to(&plain(Protocol::Udp, "192.0.2.9:5060".parse().unwrap()), "10.0.0.1".parse().unwrap()).unwrap();
    assert_eq!(flow.local.to_string(), "10.0.0.1:5070");
}

#[test]
fn keep_alives_are_not_messages() {
    let t = transports(&[], None);
    for keep_alive in [&b""[..], b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b"\x00\x01\x00\x00\x21\x12\xa4\x42"] {
        assert_eq!(t.datagram(keep_alive), None, "{keep_alive:?}");
    }
    assert_eq!(t.datagram(b"\r\nBYE sip:a"), Some(&b"BYE sip:a"[..]));
    assert_eq!(t.datagram(b"\xffrubbish"), Some(&b"\xffrubbish"[..]));
}

const REQUEST: &str = "INVITE sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP pc:5070;rport;branch=z9hG4bK1, SIP/2.0/UDP a;branch=z9hG4bK2\r\n\
     Via: SIP/2.0/UDP b;branch=z9hG4bK3\r\nMax-Forwards: 70\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n\
     Record-Route: <sip:p3;lr>\r\nf: \"A, B\" <sip:alice@a>;tag=x\r\nTo: <sip:bob@b>\r\nCall-ID: c\r\nCSeq: 3 INVITE\r\n\
     Timestamp: 54\r\nContent-Length: 0\r\n\r\n";

fn seeded(text: &str, status: u16, tag: Option<&str>) -> String {
    let message = Message::parse(text.as_bytes()).unwrap();
    let request = check::request(&message).unwrap();
    let flow = Flow::udp("192.0.2.1:5060".parse().unwrap(), "198.51.100.7:6000".parse().unwrap());
    let seed = ResponseSeed::new(&request, &ViaFix::of(&request.via, &flow, false));
    let mut out = Vec::new();
    let server = |w: &mut crate::message::Writer<'_>| {
        w.header(Name::Server, "s");
    };
    seed.write(&mut out, status, "X", tag, server, Some("text/plain"), b"hi");
    String::from_utf8(out).unwrap()
}

#[test]
fn a_response_repeats_what_its_request_said() {
    let expected = "SIP/2.0 180 X\r\nVia: SIP/2.0/UDP pc:5070;branch=z9hG4bK1;received=198.51.100.7;rport=6000\r\n\
         Via: SIP/2.0/UDP a;branch=z9hG4bK2\r\nVia: SIP/2.0/UDP b;branch=z9hG4bK3\r\n\
         Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\nFrom: \"A, B\" <sip:alice@a>;tag=x\r\n\
         To: <sip:bob@b>;tag=t\r\nCall-ID: c\r\nCSeq: 3 INVITE\r\nTimestamp: 54\r\nServer: s\r\nContent-Type: text/plain\r\n\
         Content-Length: 2\r\n\r\nhi";
    assert_eq!(seeded(REQUEST, 180, Some("t")), expected);
    assert!(!seeded(REQUEST, 486, Some("t")).contains("Record-Route"));
    assert!(seeded(REQUEST, 100, None).contains("To: <sip:bob@b>\r\n"));
}

#[test]
fn a_to_tag_of_the_request_stays() {
    let text = REQUEST.replace("To: <sip:bob@b>", "To: sip:bob@b;tag=old");
    assert!(seeded(&text, 200, Some("new")).contains("To: sip:bob@b;tag=old\r\n"));
}

#[test]
fn vias_of_a_stateless_answer() {
    let message = Message::parse(REQUEST.as_bytes()).unwrap();
    let flow = Flow::udp("192.0.2.1:5060".parse().unwrap(), "198.51.100.7:6000".parse().unwrap());
    let fix = ViaFix::of(&message.via().unwrap(), &flow, false);
    let mut out = Vec::new();
    let mut writer = crate::message::Writer::response(&mut out, 400, "Bad");
    response_vias(&mut writer, &message, &fix);
    writer.finish(None, b"");
    let answer = Message::parse(&out).unwrap();
    assert_eq!(answer.list(Name::Via).count(), 3);
    assert_eq!(answer.via().unwrap().rport(), Some(Some(6000)));
}

#[test]
fn time_does_not_spin() {
    let (mut t, _) = opened(1);
    let mut out = Vec::new();
    t.handle_timeout(at(0) + Duration::from_secs(10_000), &mut out);
    assert!(t.next_timeout().is_none_or(|next| next > at(10_000)));
}

fn tls(name: &str, profile: &str) -> Peer {
    let identity = Identity { name: name.into(), profile: profile.into(), resource: String::new() };
    Peer::new(Protocol::Tls, "192.0.2.9:5061".parse().unwrap(), Some(&identity.into()))
}

fn tls_opened(opened: Opened) -> (Transports, Flow) {
    let mut t = transports(&[], None);
    let flow = Flow { protocol: Protocol::Tls, ..tcp(1, "192.0.2.9:5061") };
    t.stream_opened(flow, opened, at(0), &mut Vec::new());
    (t, flow)
}

#[test]
fn a_tls_connection_serves_the_name_and_profile_that_it_was_opened_for() {
    let (mut t, flow) = tls_opened(Opened::to(tls("a.example", "")));
    let of = |t: &Transports, peer: &Peer| t.flow_to(peer, flow.local.ip());
    assert_eq!(of(&t, &tls("a.example", "")), Some(flow));
    for other in [tls("b.example", ""), tls("a.example", "pinned"), tls("", "")] {
        assert_eq!(of(&t, &other), None, "{other:?}");
        assert!(!t.carries(&flow, &other), "{other:?}");
    }
    t.stream_closed(&flow);
    assert_eq!(of(&t, &tls("a.example", "")), None);
    assert!(t.is_empty());
}

#[test]
fn a_certificate_of_several_names_serves_them_all_under_its_profile() {
    let names: [Box<str>; 2] = ["a.example".into(), "b.example".into()];
    let opened = Opened { names: Some(names.into()), ..Opened::to(tls("a.example", "")) };
    let (mut t, flow) = tls_opened(opened);
    assert_eq!(t.flow_to(&tls("b.example", ""), flow.local.ip()), Some(flow));
    assert_eq!(t.flow_to(&tls("b.example", "pinned"), flow.local.ip()), None);
    assert_eq!(t.flow_to(&tls("c.example", ""), flow.local.ip()), None);
    t.stream_closed(&flow);
    assert_eq!(t.flow_to(&tls("b.example", ""), flow.local.ip()), None);
}

#[test]
fn connections_to_one_address_for_two_names_are_two() {
    let mut t = transports(&[], None);
    let mut out = Vec::new();
    t.connect(&tls("a.example", ""), 1, at(0), &mut out);
    t.connect(&tls("b.example", ""), 2, at(0), &mut out);
    assert!(matches!(&out[..], [Action::Connect { peer: a }, Action::Connect { peer: b }] if a != b));
    out.clear();
    t.connect_failed(&tls("b.example", ""), "wrong name", &mut out);
    assert!(matches!(out[..], [Action::Unreachable { waiter: 2, .. }]));
}

#[test]
fn a_dialog_over_tls_stays_on_its_connection_for_an_address_but_not_for_another_name() {
    for opened in [Opened::accepted(), Opened::to(tls("a.example", ""))] {
        let (t, flow) = tls_opened(opened);
        assert!(t.carries(&flow, &tls("192.0.2.9", "")));
        assert!(!t.carries(&flow, &tls("192.0.2.10", "")));
        assert!(!t.carries(&flow, &tls("b.example", "")));
    }
    let (t, flow) = tls_opened(Opened::accepted());
    assert!(t.carries(&flow, &tls("df7jal23ls0d.invalid", "")), "RFC 7118 s5");
    assert_eq!(t.flow_to(&tls("192.0.2.9", ""), flow.local.ip()), None, "no dialog, no reuse");
}

#[test]
fn names_that_cannot_be_looked_up() {
    assert!(is_invalid("df7jal23ls0d.invalid") && is_invalid("x.INVALID"));
    assert!(!is_invalid("invalid") && !is_invalid("invalid.example") && !is_invalid("\u{e9}invalid"));
}
