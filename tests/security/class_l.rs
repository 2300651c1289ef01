//! Class L: digests that leak. Whoever calls us gets no digest of ours for a nonce of its choice (ES2021-05), in no order of events.

use sipwright::agent::io::{AccountConfig, CallOptions, Command, EventKind, RequestOptions, Sender};
use sipwright::message::{Message, Method};
use sipwright::sim::{Conditions, World};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

const SDP: &str =
    "v=0\r\no=- 1 1 IN IP4 192.0.2.66\r\ns=-\r\nc=IN IP4 192.0.2.66\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n";

fn request(method: &str, number: u32, to: &str, body: &str) -> String {
    format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bK{method}{number}\r\nMax-Forwards: 70\r\n\
         From: <sip:mallory@192.0.2.66>;tag=m\r\nTo: {to}\r\nCall-ID: leak\r\nCSeq: {number} {method}\r\nContact: <sip:mallory@192.0.2.66>\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The 401 of a caller that wants our digest.
fn challenge(asked: &Message<'_>) -> String {
    let copied: String = ["Via", "From", "To", "Call-ID", "CSeq"]
        .iter()
        .filter_map(|name| asked.named(name).map(|value| format!("{name}: {value}\r\n")))
        .collect();
    format!(
        "SIP/2.0 401 Unauthorized\r\n{copied}WWW-Authenticate: Digest realm=\"home\", nonce=\"chosen\", qop=\"auth\"\r\nContent-Length: 0\r\n\r\n"
    )
}

/// Mallory calls; alice answers and sends an INFO or BYE inside the call, which mallory challenges: with `bye_first` after ending the call.
/// What mallory got.
fn mallory_calls(method: &'static str, bye_first: bool) -> Vec<String> {
    let got = Rc::new(RefCell::new(Vec::new()));
    let mut world = World::new(1, Conditions::GOOD);
    let alice = world.host("192.0.2.1".parse().unwrap(), 1, |_| ());
    let account = world.account_with(
        alice,
        AccountConfig { aor: "sip:alice@home".into(), password: "secret".into(), ..AccountConfig::default() },
    );
    let (seen, mut to) = (got.clone(), String::new());
    world.scripted("192.0.2.66".parse().unwrap(), move |bytes, _, _| {
        let message = Message::parse(bytes).unwrap();
        seen.borrow_mut().push(String::from_utf8_lossy(bytes).into_owned());
        match (message.status(), message.method()) {
            (Some(200), _) if message.cseq().unwrap().method == Method::Invite => {
                to = message.named("To").unwrap().to_owned();
                vec![request("ACK", 1, &to, "").into_bytes()]
            }
            (None, Some(asked)) if asked.as_str() == method => {
                let end = bye_first.then(|| request("BYE", 2, &to, "").into_bytes());
                end.into_iter().chain([challenge(&message).into_bytes()]).collect()
            }
            _ => Vec::new(),
        }
    });
    let (from, at): (SocketAddr, SocketAddr) = ("192.0.2.66:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap());
    world.inject(from, at, request("INVITE", 1, "<sip:alice@192.0.2.1>", SDP).as_bytes());
    while let Some((host, event)) = world.next_event() {
        match event.kind {
            EventKind::CallIncoming { .. } => {
                assert_eq!(event.account, account);
                world.command(host, Command::Answer { call: event.call, options: Box::<CallOptions>::default() });
            }
            EventKind::CallAnswered { .. } if method == "BYE" => {
                world.command(host, Command::Hangup { call: event.call, status: 0 });
            }
            EventKind::CallAnswered { .. } => {
                let options = RequestOptions { method: method.into(), ..RequestOptions::default() };
                world.send_request(host, Sender::Call(event.call), options);
            }
            EventKind::CallEnded { .. } if method == "BYE" => break,
            EventKind::RequestDone(_) => {
                world.command(host, Command::Hangup { call: event.call, status: 0 });
                break;
            }
            _ => {}
        }
    }
    world.run(sipwright::base::Duration::from_secs(40));
    got.take()
}

#[test]
fn a_caller_that_challenges_gets_no_digest() {
    for (method, bye_first) in [("INFO", false), ("INFO", true), ("BYE", false)] {
        let got = mallory_calls(method, bye_first);
        assert!(got.iter().any(|text| text.starts_with(method)), "{method}: {got:?}");
        assert!(!got.iter().any(|text| text.contains("Digest")), "{method}, bye first {bye_first}: {got:#?}");
    }
}
