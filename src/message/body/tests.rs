//! Bodies: parts, what is required of them, and that a written multipart reads back.

use super::*;
use crate::message::Writer;
use proptest::prelude::*;

fn invite(headers: &str, body: &str) -> Vec<u8> {
    format!("INVITE sip:a@b SIP/2.0\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// A multipart body from (headers, body) of each part.
fn multipart(kind: &str, boundary: &str, parts: &[(&str, &str)]) -> (String, String) {
    let mut body = String::new();
    for (headers, content) in parts {
        body += &format!("--{boundary}\r\n{headers}\r\n{content}\r\n");
    }
    body += &format!("--{boundary}--\r\n");
    (format!("Content-Type: multipart/{kind};boundary={boundary}\r\n"), body)
}

fn session_in(headers: &str, body: &str) -> Result<Option<String>, Unsupported> {
    let bytes = invite(headers, body);
    let message = Message::parse(&bytes).unwrap();
    session(&message).map(|sdp| sdp.map(|sdp| String::from_utf8(sdp.to_vec()).unwrap()))
}

const SDP: &str = "Content-Type: application/sdp\r\n";
const TEXT: &str = "Content-Type: text/plain\r\n";
const OPTIONAL: &str =
    "Content-Type: application/isup;version=itu-t92+\r\nContent-Disposition: signal;handling=optional\r\n";

#[test]
fn one_body_is_one_part() {
    let bytes = invite("Content-Type: application/sdp\r\nContent-Disposition: session\r\n", "v=0");
    let message = Message::parse(&bytes).unwrap();
    let parts: Vec<_> = message.parts().map(Result::unwrap).collect();
    assert_eq!((parts.len(), parts[0].body, parts[0].purpose()), (1, &b"v=0"[..], "session"));
    let bytes = invite("", "");
    assert_eq!(Message::parse(&bytes).unwrap().parts().count(), 0);
}

#[test]
fn nested_parts_come_in_order_with_their_headers() {
    let (inner_type, inner) = multipart("alternative", "in", &[(TEXT, "plain"), (SDP, "v=1")]);
    let (head, body) = multipart(
        "mixed",
        "out",
        &[
            ("c: text/html; charset=\r\n utf-8\r\nCONTENT-ID : <a@b>\r\nX: y\r\n", "<p>"),
            (&inner_type, &inner),
            ("", "default type"),
        ],
    );
    let bytes = invite(&head, &body);
    let message = Message::parse(&bytes).unwrap();
    let parts: Vec<_> = message.parts().map(Result::unwrap).collect();
    let bodies: Vec<_> = parts.iter().map(|p| String::from_utf8_lossy(p.body)).collect();
    assert_eq!(bodies, ["<p>", "plain", "v=1", "default type"]);
    assert_eq!(
        (parts[0].id(), parts[0].media_type().unwrap().param("charset").as_deref()),
        (Some("a@b"), Some("utf-8"))
    );
    assert_eq!(parts[3].media_type().unwrap().subtype, "plain");
    assert!(
        parts[1].alternative.is_some()
            && parts[1].alternative == parts[2].alternative
            && parts[0].alternative.is_none()
    );
    assert_eq!(message.part_with_id("a@b").map(|p| p.body), Some(&b"<p>"[..]));
    assert_eq!(message.part_with_id("none"), None);
}

#[test]
fn bounds_hold() {
    let many: Vec<_> = (0..limits::BODY_PARTS).map(|_| (TEXT, "x")).collect();
    let (head, body) = multipart("mixed", "b", &many);
    let bytes = invite(&head, &body);
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.parts().last(), Some(Err(BodyError::TooMany)));
    let (head, body) = multipart("mixed", "b", &many[1..]);
    assert!(Message::parse(&invite(&head, &body)).unwrap().parts().all(|p| p.is_ok()));
    let nest = |depth: usize| {
        let mut at = (TEXT.to_owned(), "deep".to_owned());
        for level in 0..depth {
            at = multipart("mixed", &format!("b{level}x"), &[(&at.0, &at.1)]);
        }
        let bytes = invite(&at.0, &at.1);
        let message = Message::parse(&bytes).unwrap();
        message.parts().next().unwrap().map(|p| p.body.to_vec())
    };
    assert_eq!(nest(limits::MULTIPART_DEPTH), Ok(b"deep".to_vec()));
    assert_eq!(nest(limits::MULTIPART_DEPTH + 1), Err(BodyError::TooMany));
}

#[test]
fn the_session_is_found_alone_and_among_others() {
    assert_eq!(session_in("", ""), Ok(None));
    assert_eq!(session_in(SDP, "v=0"), Ok(Some("v=0".into())));
    assert_eq!(session_in(TEXT, "hi"), Err(Unsupported::Type));
    assert_eq!(session_in("", "hi"), Err(Unsupported::Type), "no Content-Type");
    assert_eq!(session_in(&format!("{TEXT}Content-Disposition: x;handling=optional\r\n"), "hi"), Ok(None));
    assert_eq!(session_in(&format!("{SDP}Content-Disposition: early-session\r\n"), "v=0"), Err(Unsupported::Type));
    let (head, body) = multipart("mixed", "b", &[(OPTIONAL, "\u{1}"), (SDP, "v=0"), (SDP, "v=1")]);
    assert_eq!(session_in(&head, &body), Ok(Some("v=0".into())));
    let (head, body) = multipart("mixed", "b", &[(SDP, "v=0"), (TEXT, "required")]);
    assert_eq!(session_in(&head, &body), Err(Unsupported::Type));
    let optional = format!("{head}Content-Disposition: session;handling=optional\r\n");
    assert_eq!(session_in(&optional, &body), Ok(Some("v=0".into())), "the whole may be left out, and so may its parts");
}

#[test]
fn of_alternatives_the_last_one_that_is_understood_counts() {
    let choose = |parts: &[(&str, &str)]| {
        let (head, body) = multipart("alternative", "b", parts);
        session_in(&head, &body)
    };
    assert_eq!(choose(&[(SDP, "v=0"), (TEXT, "richer")]), Ok(Some("v=0".into())));
    assert_eq!(choose(&[(TEXT, "poorer"), (SDP, "v=0")]), Ok(Some("v=0".into())));
    assert_eq!(choose(&[(SDP, "v=0"), (SDP, "v=1")]), Ok(Some("v=1".into())));
    assert_eq!(
        choose(&[(TEXT, "a"), (OPTIONAL, "b")]),
        Err(Unsupported::Type),
        "handling inside a choice does not count"
    );
    let (inner, text) = multipart("alternative", "in", &[(TEXT, "a"), (TEXT, "b")]);
    let (head, body) = multipart("mixed", "b", &[(&inner, &text), (SDP, "v=0")]);
    assert_eq!(session_in(&head, &body), Err(Unsupported::Type), "a choice that nothing meets");
}

#[test]
fn packed_and_broken_bodies_are_refused_with_their_own_answer() {
    assert_eq!(session_in(&format!("{SDP}e: gzip\r\n"), "v=0"), Err(Unsupported::Encoding));
    assert_eq!(session_in(&format!("{SDP}Content-Encoding: identity\r\n"), "v=0"), Ok(Some("v=0".into())));
    let (head, body) = multipart("mixed", "b", &[(&format!("{SDP}Content-Transfer-Encoding: base64\r\n"), "dj0w")]);
    assert_eq!(session_in(&head, &body), Err(Unsupported::Encoding));
    assert_eq!(
        session_in("Content-Type: multipart/mixed\r\n", "--b"),
        Err(Unsupported::Malformed(BodyError::Boundary))
    );
    let none = session_in("Content-Type: multipart/mixed;boundary=c\r\n", "--b");
    assert_eq!(none, Err(Unsupported::Malformed(BodyError::NoDelimiter)));
    assert_eq!(Unsupported::Type.answer().0, 415);
    assert_eq!(Unsupported::Encoding.answer(), (415, &[(Name::AcceptEncoding, "identity")][..]));
    let bytes = invite("Content-Type: text/plain\r\nContent-Encoding: gzip\r\n", "x");
    assert!(is_packed(&Message::parse(&bytes).unwrap()));
}

#[test]
fn a_response_is_read_for_what_can_be_used() {
    let (head, body) = multipart("mixed", "b", &[(TEXT, "required, unknown"), (SDP, "v=0")]);
    let bytes = format!("SIP/2.0 200 OK\r\n{head}\r\n{body}");
    assert_eq!(session_of_response(&Message::parse(bytes.as_bytes()).unwrap()), Some(&b"v=0"[..]));
    let bare = Message::parse(b"SIP/2.0 200 OK\r\n\r\nv=0").unwrap();
    assert_eq!(session_of_response(&bare), Some(&b"v=0"[..]));
    let text = Message::parse(b"SIP/2.0 200 OK\r\nContent-Type: text/plain\r\n\r\nv=0").unwrap();
    assert_eq!(session_of_response(&text), None);
}

proptest! {
    #[test]
    fn a_written_multipart_reads_back(
        bodies in prop::collection::vec(prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "(--seed|\r\n|=1|-){0,8}".prop_map(String::into_bytes),
        ], 1..6),
        seed in prop_oneof![Just("seed"), Just("")],
    ) {
        let parts: Vec<_> = bodies.iter().map(|body| NewPart {
            content_type: "application/octet-stream",
            headers: &[("Content-ID", "<x@y>\r\n\r\nEvil")],
            body,
        }).collect();
        let mut body = Vec::new();
        let content_type = write_multipart(&mut body, "mixed", seed, &parts);
        let mut out = Vec::new();
        Writer::response(&mut out, 200, "OK").finish(Some(&content_type), &body);
        let message = Message::parse(&out).unwrap();
        let read: Vec<_> = message.parts().map(Result::unwrap).collect();
        prop_assert_eq!(read.iter().map(|p| p.body).collect::<Vec<_>>(), bodies.iter().map(|b| &b[..]).collect::<Vec<_>>());
        prop_assert!(read.iter().all(|p| p.is("application", "octet-stream") && p.content_id.is_some_and(|id| id.contains("Evil"))));
    }

    #[test]
    fn any_bytes_are_taken_without_panic(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(vec![&b"--b"[..], b"\r\n", b"--", b"Content-Type: multipart/mixed;boundary=b", b"\r\n\r\n", b"\n", b":"]).prop_map(<[u8]>::to_vec),
            prop::collection::vec(any::<u8>(), 0..5),
        ], 0..30),
    ) {
        let mut bytes = b"INVITE sip:a SIP/2.0\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n".to_vec();
        bytes.extend(pieces.concat());
        let Ok(message) = Message::parse(&bytes) else { return Ok(()) };
        let parts = message.parts().count();
        prop_assert!(parts <= limits::BODY_PARTS + 1);
        let _ = (session(&message), session_of_response(&message));
    }
}
