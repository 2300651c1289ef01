//! Tries, failover, authentication rounds and cancelling of one request, with real tables and virtual time.

use super::*;
use crate::auth::{Credentials, DigestCache};
use crate::base::map::Seeded;
use crate::base::{Duration, Flow, Instant, Protocol, Rng, Timers};
use crate::message::{Authorization, Message, Method, Name, Writer, check};
use crate::resolve::{Penalties, Target};
use crate::transaction::{self, OnResponse, TransactionId, Transactions};
use crate::transport::{self, Opened, Peer, TransportConfig, Transports};

struct Caller {
    method: &'static str,
    cseq: u32,
    body: Vec<u8>,
}

impl Template for Caller {
    fn uri(&self) -> &str {
        "sip:bob@example.com"
    }

    fn body(&self) -> &[u8] {
        &self.body
    }

    fn next_cseq(&mut self) -> u32 {
        self.cseq += 1;
        self.cseq
    }

    fn write(&mut self, attempt: &Attempt<'_>, out: &mut Vec<u8>) {
        let mut w = Writer::request(out, self.method, self.uri());
        w.header(Name::Via, attempt.via).header(Name::MaxForwards, "70");
        w.header(Name::From, "<sip:alice@example.com>;tag=f").header(Name::To, "<sip:bob@example.com>");
        w.header(Name::CallId, "c").header_fmt(Name::CSeq, format_args!("{} {}", attempt.cseq, self.method));
        w.header_fmt(Name::Contact, format_args!("<sip:alice@{};transport={}>", attempt.contact, attempt.protocol));
        attempt.write_credentials(&mut w);
        w.finish(None, &self.body);
    }
}

/// One request, the tables it works with, and what went out.
struct Rig {
    transactions: Transactions,
    transports: Transports,
    actions: Vec<transaction::Action>,
    wire: Vec<transport::Action>,
    rng: Rng,
    account: Option<(Credentials, DigestCache)>,
    penalties: Penalties,
    now: Instant,
    caller: Caller,
    request: OutgoingRequest,
    /// Bytes sent, with their flows.
    sent: Vec<(Flow, String)>,
    /// Streams asked for.
    connects: Vec<(Protocol, std::net::SocketAddr)>,
}

fn target(protocol: Protocol, host: u8) -> Target {
    Target { protocol, remote: ([192, 0, 2, host], 5060).into(), local: std::net::IpAddr::from([192, 0, 2, 1]) }
}

macro_rules! io {
    ($rig:expr) => {
        &mut Io {
            transactions: &mut $rig.transactions,
            transports: &mut $rig.transports,
            actions: &mut $rig.actions,
            wire: &mut $rig.wire,
            rng: &mut $rig.rng,
            shard: 3,
            udp_limit: 1300,
            account: $rig.account.as_mut().map(|(credentials, cache)| (&*credentials, cache)),
            waiter: 7,
            penalties: &mut $rig.penalties,
            now: $rig.now,
        }
    };
}

impl Rig {
    fn new(method: &'static str, targets: &[Target]) -> Self {
        let seed = Seeded::new(1, 2);
        let listeners =
            vec![(Protocol::Udp, "0.0.0.0:5070".parse().unwrap()), (Protocol::Tcp, "0.0.0.0:5071".parse().unwrap())];
        Rig {
            transactions: Transactions::new(Timers::default(), seed),
            transports: Transports::new(TransportConfig { shard: 3, listeners, public_address: None }, seed),
            actions: Vec::new(),
            wire: Vec::new(),
            rng: Rng::new([5; 32]),
            account: None,
            penalties: Penalties::default(),
            now: Instant::ZERO,
            caller: Caller { method, cseq: 0, body: Vec::new() },
            request: OutgoingRequest::new(Method::from_token(method), targets, None),
            sent: Vec::new(),
            connects: Vec::new(),
        }
    }

    fn with_account(mut self) -> Self {
        let credentials = Credentials {
            user: "alice".into(),
            password: "pw".into(),
            realm: "example.com".into(),
            ..Credentials::default()
        };
        self.account = Some((credentials, DigestCache::new()));
        self
    }

    fn start(&mut self) -> Outcome {
        self.request.start(&mut self.caller, io!(self))
    }

    /// Passes on what the tables want, as an agent does; what it leads to comes last.
    fn drain(&mut self) -> Option<Outcome> {
        let mut last = None;
        loop {
            let actions = std::mem::take(&mut self.actions);
            let wire = std::mem::take(&mut self.wire);
            if actions.is_empty() && wire.is_empty() {
                return last;
            }
            for action in actions {
                match action {
                    transaction::Action::Transmit(t) => self.transports.transmit(t, self.now, &mut self.wire),
                    transaction::Action::Timeout(id) => {
                        last = Some(self.request.on_timeout(id, &mut self.caller, io!(self)));
                    }
                    transaction::Action::TransportError(id) => {
                        last = Some(self.request.on_transport_error(id, &mut self.caller, io!(self)));
                    }
                    transaction::Action::Terminated(_) => {}
                }
            }
            for action in wire {
                match action {
                    transport::Action::Transmit(t) => {
                        self.sent.push((t.flow, String::from_utf8(t.bytes.to_vec()).unwrap()));
                    }
                    transport::Action::Connect { peer } => self.connects.push((peer.protocol, peer.remote)),
                    transport::Action::Ready { waiter, flow } => {
                        assert_eq!(waiter, 7);
                        last = Some(self.request.on_ready(flow, &mut self.caller, io!(self)));
                    }
                    transport::Action::Unreachable { remote, reason, .. } => {
                        last = Some(self.request.on_unreachable(remote, &reason, &mut self.caller, io!(self)));
                    }
                    transport::Action::Close { .. } | transport::Action::Undeliverable { .. } => {}
                }
            }
        }
    }

    fn until(&mut self, s: u64) -> Option<Outcome> {
        let end = Instant::from_micros(s * 1_000_000);
        let mut last = None;
        loop {
            let due = [self.transactions.next_timeout(), self.request.next_timeout()].into_iter().flatten().min();
            let Some(at) = due.filter(|at| *at <= end) else { break };
            self.now = at;
            self.transactions.handle_timeout(at, &mut self.actions);
            last = self.drain().or(last);
            match self.request.handle_timeout(&mut self.caller, io!(self)) {
                Outcome::Ignored => {}
                outcome => last = Some(outcome),
            }
            last = self.drain().or(last);
        }
        self.now = end;
        last
    }

    /// The newest request of ours.
    fn last(&mut self) -> (Flow, String) {
        self.drain();
        self.sent.last().cloned().unwrap()
    }

    /// The peer answers the newest request that is no ACK or CANCEL.
    fn answer(&mut self, code: u16, extra: &str) -> Outcome {
        self.drain();
        let (_, text) = self.sent.iter().rfind(|(_, text)| text.starts_with(self.caller.method)).unwrap();
        let message = Message::parse(text.as_bytes()).unwrap();
        let mut out = Vec::new();
        let mut w = Writer::response(&mut out, code, "X");
        w.copy(&message, Name::Via).copy(&message, Name::From).copy(&message, Name::CallId).copy(&message, Name::CSeq);
        w.header(Name::To, "<sip:bob@example.com>;tag=t").raw(extra.as_bytes());
        w.finish(None, b"");
        let message = Message::parse(&out).unwrap();
        let response = check::response(&message).unwrap();
        match self.transactions.on_response(&response, self.now, &mut self.actions) {
            OnResponse::ToUser(id) => self.request.on_response(id, &response, &mut self.caller, io!(self)),
            OnResponse::Absorbed | OnResponse::Stray => Outcome::Ignored,
        }
    }

    fn opened(&mut self, protocol: Protocol, host: u8) -> Option<Outcome> {
        let t = target(protocol, host);
        let flow = Flow {
            protocol,
            local: "192.0.2.1:40000".parse().unwrap(),
            remote: t.remote,
            connection: 3 << 56 | u64::from(host),
        };
        let peer = Peer::new(protocol, t.remote, None);
        self.transports.stream_opened(flow, Opened::to(peer), self.now, &mut self.wire);
        self.drain()
    }

    fn refused(&mut self, protocol: Protocol, host: u8) -> Option<Outcome> {
        let peer = Peer::new(protocol, target(protocol, host).remote, None);
        self.transports.connect_failed(&peer, "refused", &mut self.wire);
        self.drain()
    }
}

fn header(text: &str, name: Name) -> String {
    Message::parse(text.as_bytes()).unwrap().header(name).unwrap().to_owned()
}

fn sent(outcome: &Outcome) -> TransactionId {
    match outcome {
        Outcome::Sent(id) => *id,
        other => panic!("{other:?}"),
    }
}

const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n1\", qop=\"auth\"\r\n";

#[test]
fn a_request_over_udp() {
    let mut rig = Rig::new("MESSAGE", &[target(Protocol::Udp, 9)]);
    sent(&rig.start());
    let (flow, text) = rig.last();
    assert_eq!((flow.local, flow.remote), ("192.0.2.1:5070".parse().unwrap(), "192.0.2.9:5060".parse().unwrap()));
    assert!(header(&text, Name::Via).starts_with("SIP/2.0/UDP 192.0.2.1:5070;rport;branch=z9hG4bK03"));
    assert_eq!(header(&text, Name::Contact), "<sip:alice@192.0.2.1:5070;transport=udp>");
    assert_eq!(rig.answer(100, ""), Outcome::Provisional);
    assert_eq!(rig.answer(200, ""), Outcome::Final(200));
    assert_eq!(rig.answer(200, ""), Outcome::Ignored);
    assert!(rig.request.is_done());
}

#[test]
fn no_target_is_a_failure_at_once() {
    let mut rig = Rig::new("MESSAGE", &[]);
    assert!(matches!(rig.start(), Outcome::Failed { status: 503, .. }));
    assert!(rig.transactions.is_empty());
}

#[test]
fn a_target_that_does_not_answer_is_followed_by_the_next() {
    let mut rig = Rig::new("MESSAGE", &[target(Protocol::Udp, 9), target(Protocol::Udp, 10)]);
    let first = sent(&rig.start());
    let (_, text) = rig.last();
    let next = sent(&rig.until(32).unwrap());
    assert_ne!(first, next);
    let (flow, again) = rig.last();
    assert_eq!(flow.remote, target(Protocol::Udp, 10).remote);
    // A new branch and the same CSeq. RFC 3263 s4.3.
    assert_ne!(header(&text, Name::Via), header(&again, Name::Via));
    assert_eq!(header(&text, Name::CSeq), header(&again, Name::CSeq));
    let end = rig.until(64).unwrap();
    assert_eq!(end, Outcome::Failed { status: 408, reason: "no answer from 192.0.2.10:5060 over udp".into() });
}

#[test]
fn a_503_and_a_transport_error_are_followed_by_the_next_target() {
    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9), target(Protocol::Udp, 10), target(Protocol::Udp, 11)]);
    rig.start();
    let second = sent(&rig.answer(503, ""));
    rig.transactions.transport_error(second, rig.now, &mut rig.actions);
    sent(&rig.drain().unwrap());
    assert_eq!(rig.last().0.remote, target(Protocol::Udp, 11).remote);
    // The last one's 503 is final.
    assert_eq!(rig.answer(503, ""), Outcome::Final(503));
}

#[test]
fn a_stream_is_opened_and_then_used_again() {
    let mut rig = Rig::new("MESSAGE", &[target(Protocol::Tcp, 9)]);
    assert_eq!(rig.start(), Outcome::Connecting);
    rig.drain();
    assert_eq!(rig.connects, [(Protocol::Tcp, target(Protocol::Tcp, 9).remote)]);
    sent(&rig.opened(Protocol::Tcp, 9).unwrap());
    let (flow, text) = rig.last();
    assert_eq!(flow.protocol, Protocol::Tcp);
    assert!(header(&text, Name::Via).starts_with("SIP/2.0/TCP 192.0.2.1:5071;"));
    rig.answer(200, "");

    rig.request = OutgoingRequest::new(Method::Message, &[target(Protocol::Tcp, 9)], None);
    sent(&rig.start());
    assert_eq!(rig.connects.len(), 1);
}

#[test]
fn an_unreachable_peer_is_followed_by_the_next_or_named() {
    let mut rig = Rig::new("MESSAGE", &[target(Protocol::Tcp, 9), target(Protocol::Tcp, 10)]);
    rig.start();
    assert_eq!(rig.refused(Protocol::Tcp, 9), Some(Outcome::Connecting));
    let end = rig.refused(Protocol::Tcp, 10).unwrap();
    assert_eq!(
        end,
        Outcome::Failed { status: 503, reason: "192.0.2.10:5060 cannot be reached over tcp: refused".into() }
    );
}

#[test]
fn a_large_request_goes_over_tcp_and_back_to_udp_where_there_is_none() {
    let mut rig = Rig::new("MESSAGE", &[target(Protocol::Udp, 9)]);
    rig.caller.body = vec![b'x'; 1300];
    assert_eq!(rig.start(), Outcome::Connecting);
    rig.drain();
    assert_eq!(rig.connects, [(Protocol::Tcp, target(Protocol::Udp, 9).remote)]);
    assert!(rig.sent.is_empty());
    sent(&rig.refused(Protocol::Tcp, 9).unwrap());
    let (flow, text) = rig.last();
    assert_eq!(flow.protocol, Protocol::Udp);
    assert!(header(&text, Name::Via).starts_with("SIP/2.0/UDP"));

    let mut rig = Rig::new("MESSAGE", &[target(Protocol::Udp, 9)]);
    rig.caller.body = vec![b'x'; 1300];
    rig.start();
    sent(&rig.opened(Protocol::Tcp, 9).unwrap());
    let (flow, text) = rig.last();
    assert_eq!(flow.protocol, Protocol::Tcp);
    assert_eq!(header(&text, Name::Contact), "<sip:alice@192.0.2.1:5071;transport=tcp>");
}

#[test]
fn a_challenge_is_answered_with_the_next_cseq() {
    let mut rig = Rig::new("REGISTER", &[target(Protocol::Udp, 9)]).with_account();
    let first = sent(&rig.start());
    let second = sent(&rig.answer(401, CHALLENGE));
    assert_ne!(first, second);
    let (_, text) = rig.last();
    assert_eq!(header(&text, Name::CSeq), "2 REGISTER");
    let value = header(&text, Name::Authorization);
    assert_eq!(Authorization::parse(&value).unwrap().params.get("nonce").unwrap(), "n1");
    assert_eq!(rig.request.credentials()[0].1, value);
    assert_eq!(rig.answer(200, ""), Outcome::Final(200));

    // The next request carries its credentials at once.
    rig.request = OutgoingRequest::new(Method::Register, &[target(Protocol::Udp, 9)], None);
    rig.start();
    let (_, text) = rig.last();
    let value = header(&text, Name::Authorization);
    assert_eq!(Authorization::parse(&value).unwrap().params.get("nc").unwrap(), "00000002");
}

#[test]
fn a_wrong_password_ends() {
    let mut rig = Rig::new("REGISTER", &[target(Protocol::Udp, 9)]).with_account();
    rig.start();
    sent(&rig.answer(401, CHALLENGE));
    assert_eq!(rig.answer(401, CHALLENGE), Outcome::AuthFailed(401));

    let mut rig = Rig::new("REGISTER", &[target(Protocol::Udp, 9)]).with_account();
    rig.start();
    sent(&rig.answer(401, CHALLENGE));
    sent(&rig.answer(401, &CHALLENGE.replace("n1", "n2")));
    assert_eq!(rig.answer(401, &CHALLENGE.replace("n1", "n3")), Outcome::AuthFailed(401));
    assert_eq!(rig.sent.len(), 3);
}

#[test]
fn nobody_else_gets_credentials() {
    // A challenge of another realm.
    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9)]).with_account();
    rig.start();
    assert_eq!(rig.answer(401, &CHALLENGE.replace("example.com", "evil")), Outcome::AuthFailed(401));
    // A request that no account originates.
    let mut rig = Rig::new("BYE", &[target(Protocol::Udp, 9)]);
    rig.start();
    assert_eq!(rig.answer(401, CHALLENGE), Outcome::Final(401));
    rig.drain();
    assert!(!rig.sent.iter().any(|(_, text)| text.contains("Authorization")));
}

#[test]
fn a_2xx_of_an_invite_is_told_each_time() {
    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9)]);
    rig.start();
    assert_eq!(rig.answer(180, ""), Outcome::Provisional);
    assert_eq!(rig.answer(200, ""), Outcome::Final(200));
    assert_eq!(rig.answer(200, ""), Outcome::Final(200));
    assert!(rig.request.transaction().is_some());
}

#[test]
fn cancelling_waits_for_a_provisional_response() {
    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9), target(Protocol::Udp, 10)]);
    rig.start();
    assert_eq!(rig.request.cancel(io!(rig)), Outcome::Provisional);
    rig.drain();
    assert_eq!(rig.sent.len(), 1);
    rig.answer(180, "");
    rig.answer(180, "");
    assert!(rig.last().1.starts_with("CANCEL"));
    assert_eq!(rig.sent.len(), 2);
    assert_eq!(rig.answer(487, ""), Outcome::Final(487));
    assert!(rig.last().1.starts_with("ACK"));
}

#[test]
fn a_cancelled_request_is_not_tried_elsewhere() {
    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9), target(Protocol::Udp, 10)]).with_account();
    rig.start();
    rig.request.cancel(io!(rig));
    assert_eq!(rig.until(32), Some(Outcome::Failed { status: 487, reason: "cancelled".into() }));

    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9), target(Protocol::Udp, 10)]).with_account();
    rig.start();
    rig.request.cancel(io!(rig));
    assert_eq!(rig.answer(401, CHALLENGE), Outcome::Final(401));
}

#[test]
fn a_cancel_that_nobody_heeds_ends_after_64_t1() {
    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9)]);
    rig.start();
    rig.answer(180, "");
    rig.request.cancel(io!(rig));
    assert_eq!(rig.until(40), Some(Outcome::Failed { status: 487, reason: "cancelled".into() }));
    rig.until(80);
    assert!(rig.transactions.is_empty());
}

#[test]
fn cancelling_before_anything_was_sent_sends_nothing() {
    let mut rig = Rig::new("INVITE", &[target(Protocol::Tcp, 9)]);
    rig.start();
    assert!(matches!(rig.request.cancel(io!(rig)), Outcome::Failed { status: 487, .. }));
    assert_eq!(rig.opened(Protocol::Tcp, 9), Some(Outcome::Ignored));
    assert!(rig.sent.is_empty() && rig.transactions.is_empty());
}

#[test]
fn redirections_are_followed_a_bounded_number_of_times() {
    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9)]);
    rig.start();
    for round in 0..5u8 {
        assert_eq!(rig.answer(302, ""), Outcome::Final(302));
        let targets = [target(Protocol::Udp, 20 + round)];
        let next = rig.request.retry(Some((&targets, None)), &mut rig.caller, io!(rig));
        sent(&next);
        let (flow, text) = rig.last();
        assert_eq!(flow.remote, targets[0].remote);
        assert_eq!(header(&text, Name::CSeq), format!("{} INVITE", round + 2));
    }
    assert_eq!(rig.answer(302, ""), Outcome::Final(302));
    let end = rig.request.retry(None, &mut rig.caller, io!(rig));
    assert!(matches!(end, Outcome::Failed { status: 482, .. }));
}

#[test]
fn a_dialogs_stream_is_used_again_for_the_same_peer_only() {
    for (host, reused) in [(9, true), (10, false)] {
        let mut rig = Rig::new("BYE", &[target(Protocol::Tcp, host)]);
        let flow = Flow {
            protocol: Protocol::Tcp,
            local: "192.0.2.1:5071".parse().unwrap(),
            remote: "192.0.2.9:41234".parse().unwrap(),
            connection: 3 << 56 | 5,
        };
        rig.transports.stream_opened(flow, Opened::accepted(), rig.now, &mut rig.wire);
        rig.request = OutgoingRequest::new(Method::Bye, &[target(Protocol::Tcp, host)], None).reusing(flow);
        assert_eq!(matches!(rig.start(), Outcome::Sent(_)), reused);
    }
}

#[test]
fn an_ack_goes_once_and_is_remembered() {
    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9)]);
    let credentials = vec![(Name::Authorization, "Digest x".to_owned())];
    let t = target(Protocol::Tcp, 9);
    let (_, bytes) = send_once(&t, None, None, 4, &credentials, io!(rig), |attempt, out| {
        let mut w = Writer::request(out, "ACK", "sip:bob@192.0.2.9");
        w.header(Name::Via, attempt.via).header_fmt(Name::CSeq, format_args!("{} ACK", attempt.cseq));
        attempt.write_credentials(&mut w);
        w.finish(None, b"");
    });
    rig.drain();
    assert_eq!(rig.connects.len(), 1);
    rig.opened(Protocol::Tcp, 9);
    assert_eq!(rig.sent.len(), 1);
    assert_eq!(rig.sent[0].1.as_bytes(), &bytes[..]);
    assert!(rig.sent[0].1.contains("CSeq: 4 ACK\r\nAuthorization: Digest x\r\n"));
    assert!(rig.transactions.is_empty());
}

#[test]
fn a_connection_that_does_not_come_counts_as_unreachable() {
    let mut rig = Rig::new("MESSAGE", &[target(Protocol::Tcp, 9)]);
    rig.start();
    rig.drain();
    rig.now += Duration::from_secs(8);
    assert_eq!(rig.transports.next_timeout(), Some(rig.now));
    rig.transports.handle_timeout(rig.now, &mut rig.wire);
    assert!(matches!(rig.drain(), Some(Outcome::Failed { status: 503, .. })));
}

#[test]
fn a_silent_target_is_given_up_after_4_seconds_while_there_are_others() {
    let mut rig = Rig::new("MESSAGE", &[target(Protocol::Udp, 9), target(Protocol::Udp, 10)]);
    rig.start();
    assert_eq!(rig.request.next_timeout(), Some(Instant::from_micros(4_000_000)));
    sent(&rig.until(4).unwrap());
    assert_eq!(rig.last().0.remote, target(Protocol::Udp, 10).remote);
    // Nothing of the first is left, and the last target gets 64*T1.
    assert_eq!(rig.transactions.len(), 1);
    assert_eq!(rig.request.next_timeout(), None);
    assert_eq!(rig.until(35), None);
    assert!(matches!(rig.until(37), Some(Outcome::Failed { status: 408, .. })));
    assert_eq!(rig.penalties.len(), 1, "the first is forgiven after 30 s");
}

#[test]
fn any_response_keeps_the_target() {
    for method in ["INVITE", "MESSAGE"] {
        let mut rig = Rig::new(method, &[target(Protocol::Udp, 9), target(Protocol::Udp, 10)]);
        rig.start();
        assert_eq!(rig.answer(100, ""), Outcome::Provisional);
        assert_eq!(rig.request.next_timeout(), None);
        // RFC 3263 s4.3: a timeout is a failure of the target only when no response came at all.
        let end = rig.until(60);
        assert!(method == "INVITE" || matches!(end, Some(Outcome::Failed { status: 408, .. })), "{end:?}");
        assert!(rig.sent.iter().all(|(flow, _)| flow.remote == target(Protocol::Udp, 9).remote));
    }
}

#[test]
fn an_invite_that_was_given_up_is_repeated_no_more_but_heard() {
    let mut rig = Rig::new("INVITE", &[target(Protocol::Udp, 9), target(Protocol::Udp, 10)]);
    rig.start();
    sent(&rig.until(4).unwrap());
    rig.until(20);
    let to = |host| move |(flow, _): &&(Flow, String)| flow.remote == target(Protocol::Udp, host).remote;
    assert_eq!(rig.sent.iter().filter(to(9)).count(), 4);
    assert!(rig.sent.iter().filter(to(10)).count() > 4);
    assert_eq!(rig.transactions.len(), 2);
}

#[test]
fn the_try_timeout_can_be_turned_off() {
    let mut rig = Rig::new("MESSAGE", &[target(Protocol::Udp, 9), target(Protocol::Udp, 10)]);
    rig.penalties = Penalties::new(crate::resolve::Failover { try_timeout: Duration::ZERO, ..Default::default() });
    rig.start();
    assert_eq!(rig.request.next_timeout(), None);
    assert_eq!(rig.until(31), None);
    sent(&rig.until(32).unwrap());
}

#[test]
fn a_slow_connection_is_joined_by_the_next_address_and_the_first_ready_wins() {
    let all = [target(Protocol::Tcp, 9), target(Protocol::Tcp, 10), target(Protocol::Tcp, 11)];
    let mut rig = Rig::new("MESSAGE", &all);
    assert_eq!(rig.start(), Outcome::Connecting);
    rig.drain();
    assert_eq!(rig.connects.len(), 1);
    assert_eq!(rig.request.next_timeout(), Some(Instant::from_micros(250_000)));
    rig.now = Instant::from_micros(250_000);
    assert_eq!(rig.request.handle_timeout(&mut rig.caller, io!(rig)), Outcome::Connecting);
    rig.drain();
    assert_eq!(rig.connects[1].1, all[1].remote);
    sent(&rig.opened(Protocol::Tcp, 10).unwrap());
    // The slower one is not used, but stays for later.
    assert_eq!(rig.opened(Protocol::Tcp, 9), Some(Outcome::Ignored));
    assert!(rig.penalties.is_empty());
    // A 503 of the winner: the slower one is next.
    sent(&rig.answer(503, "Retry-After: 10\r\n"));
    assert_eq!(rig.last().0.remote, all[0].remote);
}

#[test]
fn a_refused_connection_is_followed_at_once_and_the_rest_goes_on() {
    let all = [target(Protocol::Tcp, 9), target(Protocol::Tcp, 10), target(Protocol::Tcp, 11)];
    let mut rig = Rig::new("MESSAGE", &all);
    rig.start();
    rig.now = Instant::from_micros(250_000);
    rig.request.handle_timeout(&mut rig.caller, io!(rig));
    rig.drain();
    assert_eq!(rig.refused(Protocol::Tcp, 9), Some(Outcome::Connecting));
    assert_eq!(rig.connects.iter().map(|c| c.1).collect::<Vec<_>>(), all.map(|t| t.remote));
    assert_eq!(rig.refused(Protocol::Tcp, 11), Some(Outcome::Connecting));
    assert!(matches!(rig.refused(Protocol::Tcp, 10), Some(Outcome::Failed { status: 503, .. })));
    assert_eq!(rig.penalties.len(), 3);
}

#[test]
fn another_port_or_protocol_does_not_race() {
    let mut other_port = target(Protocol::Tcp, 10);
    other_port.remote.set_port(5070);
    for next in [target(Protocol::Udp, 10), other_port] {
        let mut rig = Rig::new("MESSAGE", &[target(Protocol::Tcp, 9), next]);
        rig.start();
        assert_eq!(rig.request.next_timeout(), None);
    }
}
