//! Class G, what is missing: each header left out in turn from valid requests and responses, in every state of a call. Nothing panics, and
//! nothing is left when all timers have run out.

use sipwright::agent::io::{CallOptions, Command, EventKind};
use sipwright::base::Duration;
use sipwright::message::{Message, Name, Writer};
use sipwright::sim::{Conditions, HostId, World};
use std::cell::RefCell;
use std::rc::Rc;

const HERE: &str = "192.0.2.1";
const PEER: &str = "192.0.2.2";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// The message without its nth header; `None` when it has no more.
fn without(bytes: &[u8], nth: usize) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines: Vec<&str> = head.split("\r\n").collect();
    (nth + 1 < lines.len()).then(|| lines.remove(nth + 1))?;
    Some(format!("{}\r\n\r\n{body}", lines.join("\r\n")).into_bytes())
}

fn request(method: &str, cseq: u32, branch: usize, to_tag: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut w = Writer::request(&mut out, method, "sip:alice@192.0.2.1");
    w.header_fmt(Name::Via, format_args!("SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK{method}{branch}"));
    w.header(Name::MaxForwards, "70").header(Name::From, "<sip:bob@example.net>;tag=1");
    w.header_fmt(Name::To, format_args!("<sip:alice@example.com>{to_tag}")).header(Name::CallId, "x");
    w.header_fmt(Name::CSeq, format_args!("{cseq} {method}")).header(Name::Contact, "<sip:bob@192.0.2.2>");
    match method {
        "INVITE" => w.finish(Some("application/sdp"), SDP.as_bytes()),
        "MESSAGE" => w.finish(Some("text/plain"), b"hi"),
        _ => w.finish(None, b""),
    }
    out
}

fn deliver(world: &mut World, bytes: Vec<u8>) {
    world.deliver("192.0.2.2:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap(), bytes);
}

/// Lets a second pass and answers calls where told to.
fn pass(world: &mut World, host: HostId, answer: bool) {
    let limit = world.now() + Duration::from_secs(1);
    while let Some((_, event)) = world.next_event_before(limit) {
        if answer && matches!(event.kind, EventKind::CallIncoming { .. }) {
            world.command(host, Command::Answer { call: event.call, options: Box::new(CallOptions::default()) });
        }
    }
}

fn all_is_gone(world: &mut World, host: HostId) {
    world.run(Duration::from_secs(400));
    let tables = world.tables(host);
    assert!(tables.is_empty(), "{tables:?}");
}

#[derive(Copy, Clone, Debug, PartialEq)]
enum State {
    Idle,
    Ringing,
    Answered,
    Up,
}

#[test]
fn class_g_requests_without_one_of_their_headers_in_every_state() {
    for state in [State::Idle, State::Ringing, State::Answered, State::Up] {
        let mut world = World::new(1, Conditions::GOOD);
        let host = world.host(HERE.parse().unwrap(), 1, |_| {});
        world.account(host, "sip:alice@example.com");
        let seen: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
        let log = Rc::clone(&seen);
        world.scripted(PEER.parse().unwrap(), move |bytes, _, _| {
            log.borrow_mut().push(bytes.to_vec());
            Vec::new()
        });
        world.run(Duration::from_secs(1));
        let mut tag = String::new();
        if state != State::Idle {
            deliver(&mut world, request("INVITE", 1, 0, ""));
            pass(&mut world, host, state != State::Ringing);
            let all = seen.borrow();
            let said = all
                .iter()
                .rev()
                .filter_map(|bytes| Message::parse(bytes).ok()?.to().ok()?.tag().map(str::to_owned))
                .next();
            tag = said.map(|tag| format!(";tag={tag}")).unwrap_or_default();
        }
        if state == State::Up {
            deliver(&mut world, request("ACK", 1, 1, &tag));
            pass(&mut world, host, false);
        }
        let mut count = 0usize;
        for method in
            ["INVITE", "OPTIONS", "MESSAGE", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY", "ACK", "CANCEL", "BYE"]
        {
            let whole = request(method, 2, 100, &tag);
            for nth in 0.. {
                let branch = format!("z9hG4bK{method}{nth}x");
                let Some(bytes) = without(&whole, nth) else { break };
                let bytes = String::from_utf8(bytes).unwrap().replace(&format!("z9hG4bK{method}100"), &branch);
                deliver(&mut world, bytes.into_bytes());
                world.run(Duration::from_millis(50));
                count += 1;
            }
        }
        assert!(count > 80, "{count}");
        pass(&mut world, host, false);
        deliver(&mut world, request("BYE", 9, 200, &tag));
        pass(&mut world, host, false);
        all_is_gone(&mut world, host);
    }
}

#[test]
fn class_g_responses_without_one_of_their_headers() {
    for status in [100, 180, 183, 200, 302, 401, 407, 422, 486, 503] {
        for nth in 0..9 {
            let mut world = World::new(1, Conditions::GOOD);
            let host = world.host(HERE.parse().unwrap(), 1, |_| {});
            let alice = world.account(host, "sip:alice@example.com");
            world.scripted(PEER.parse().unwrap(), move |bytes, _, _| {
                let message = Message::parse(bytes).unwrap();
                if message.method().is_none_or(|m| m.as_str() == "ACK") {
                    return Vec::new();
                }
                let mut out = Vec::new();
                let mut w = Writer::response(&mut out, status, "x");
                w.copy(&message, Name::Via)
                    .copy(&message, Name::From)
                    .copy(&message, Name::CallId)
                    .copy(&message, Name::CSeq);
                w.header_fmt(Name::To, format_args!("{};tag=b", message.header(Name::To).unwrap_or_default()));
                w.header(Name::Contact, "<sip:bob@192.0.2.2>");
                w.header(Name::WwwAuthenticate, "Digest realm=\"x\", nonce=\"y\"");
                w.finish(Some("application/sdp"), SDP.as_bytes());
                without(&out, nth).into_iter().collect()
            });
            let call = world.dial(host, alice, "sip:bob@192.0.2.2");
            pass(&mut world, host, false);
            world.command(host, Command::Hangup { call, status: 0 });
            all_is_gone(&mut world, host);
        }
    }
}
