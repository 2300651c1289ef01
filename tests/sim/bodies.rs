//! Bodies of several parts in calls: the session description is found, and what is required and unknown is refused. RFC 5621.

use crate::support::{A, B, seconds};
use sipwright::agent::io::{CallOptions, Command, EventKind};
use sipwright::message::body::{NewPart, write_multipart};
use sipwright::message::{Message, Method, Name, Writer, check};
use sipwright::sim::{Conditions, World};
use std::cell::RefCell;
use std::rc::Rc;

const SDP: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// The description beside a part of another type.
fn two_parts(other: &[(&str, &str)]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    let parts = [
        NewPart { content_type: "application/isup;version=itu-t92+", headers: other, body: b"\x01\x00\xff" },
        NewPart { content_type: "application/sdp", headers: &[], body: SDP },
    ];
    let content_type = write_multipart(&mut body, "mixed", "simple", &parts);
    (content_type, body)
}

/// What a host answers to an INVITE of a stranger.
fn answers(headers: &[(&str, &str)], content_type: &str, body: &[u8]) -> Vec<Vec<u8>> {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host(A.parse().unwrap(), 1, |_| {});
    world.account(a, "sip:alice@example.com");
    let seen: Rc<RefCell<Vec<Vec<u8>>>> = Rc::default();
    let log = Rc::clone(&seen);
    world.scripted(B.parse().unwrap(), move |bytes, _, _| {
        log.borrow_mut().push(bytes.to_vec());
        Vec::new()
    });
    let mut invite = Vec::new();
    let mut w = Writer::request(&mut invite, "INVITE", "sip:alice@192.0.2.1");
    w.header(Name::Via, "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bKx").header(Name::MaxForwards, "70");
    w.header(Name::From, "<sip:bob@example.net>;tag=1").header(Name::To, "<sip:alice@example.com>");
    w.header(Name::CallId, "x").header(Name::CSeq, "1 INVITE").header(Name::Contact, "<sip:bob@192.0.2.2>");
    for (name, value) in headers {
        w.named(name, value);
    }
    w.finish(Some(content_type), body);
    world.run(seconds(1));
    world.deliver("192.0.2.2:5060".parse().unwrap(), "192.0.2.1:5060".parse().unwrap(), invite);
    let limit = world.now() + seconds(1);
    while let Some((_, event)) = world.next_event_before(limit) {
        if let EventKind::CallIncoming { .. } = event.kind {
            world.command(a, Command::Answer { call: event.call, options: Box::new(CallOptions::default()) });
        }
    }
    drop(world);
    Rc::try_unwrap(seen).unwrap().into_inner()
}

/// Status and a header of the last answer.
fn last(answers: &[Vec<u8>], header: Name) -> (u16, Option<String>) {
    let message = Message::parse(answers.last().expect("an answer")).unwrap();
    (message.status().unwrap(), message.header(header).map(str::to_owned))
}

#[test]
fn an_offer_beside_an_optional_part_is_answered() {
    let (content_type, body) = two_parts(&[("Content-Disposition", "signal;handling=optional")]);
    let answers = answers(&[], &content_type, &body);
    assert_eq!(last(&answers, Name::ContentType), (200, Some("application/sdp".into())));
}

#[test]
fn an_unknown_required_part_is_415_with_accept() {
    let (content_type, body) = two_parts(&[]);
    let (status, accept) = last(&answers(&[], &content_type, &body), Name::Accept);
    assert_eq!((status, accept.as_deref()), (415, Some("application/sdp, multipart/alternative, multipart/mixed")));
    assert_eq!(last(&answers(&[], "text/plain", b"hi"), Name::Accept).0, 415);
}

#[test]
fn a_packed_offer_is_415_with_accept_encoding() {
    let (status, encoding) = last(&answers(&[("e", "gzip")], "application/sdp", SDP), Name::AcceptEncoding);
    assert_eq!((status, encoding.as_deref()), (415, Some("identity")));
}

#[test]
fn a_multipart_without_its_boundary_is_400() {
    let (status, _) = last(&answers(&[], "multipart/mixed;boundary=none", SDP), Name::Accept);
    assert_eq!(status, 400);
}

#[test]
fn an_answer_in_a_multipart_200_is_found() {
    let mut world = World::new(2, Conditions::GOOD);
    let a = world.host(A.parse().unwrap(), 1, |_| {});
    let alice = world.account(a, "sip:alice@example.com");
    world.scripted(B.parse().unwrap(), |bytes, _, _| {
        let message = Message::parse(bytes).unwrap();
        let Ok(request) = check::request(&message) else { return Vec::new() };
        if request.method == Method::Ack {
            return Vec::new();
        }
        let mut out = Vec::new();
        let mut w = Writer::response(&mut out, 200, "OK");
        w.copy(&message, Name::Via).copy(&message, Name::From).copy(&message, Name::CallId).copy(&message, Name::CSeq);
        w.header_fmt(Name::To, format_args!("<{}>;tag=b", request.to.uri)).header(Name::Contact, "<sip:bob@192.0.2.2>");
        let (content_type, body) = two_parts(&[]);
        match request.method {
            Method::Invite => w.finish(Some(&content_type), &body),
            _ => w.finish(None, b""),
        }
        vec![out]
    });
    let call = world.dial(a, alice, "sip:bob@192.0.2.2");
    let answered = |kind: &EventKind| matches!(kind, EventKind::CallAnswered { codec: Some(_) });
    while let Some((_, event)) = world.next_event() {
        if answered(&event.kind) {
            world.command(a, Command::Hangup { call, status: 0 });
            return;
        }
    }
    panic!("the call was not answered");
}
