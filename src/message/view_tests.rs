//! What a message shows, and that it prints to itself.

use super::*;
use crate::base::limits;
use proptest::prelude::*;

const INVITE: &[u8] = b"INVITE sip:bob@biloxi.example;transport=tcp SIP/2.0\r\n\
v: SIP/2.0/UDP a.example;branch=z9hG4bK2, SIP/2.0/TCP b.example;branch=z9hG4bK1\r\n\
VIA : SIP/2.0/TLS c.example;branch=z9hG4bK0\r\n\
Max-Forwards: 70\r\n\
f: \"J\xfcrgen\" <sip:j@a.example>;tag=1\r\n\
To: <sip:bob@biloxi.example>\r\n\
i: 1@a\r\n\
CSeq: 7 INVITE\r\n\
Contact: \"A, B\" <sip:a,b@c>;expires=60 ,\r\n <sip:d@e>\r\n\
Route: <sip:p1;lr>\r\n\
route: <sip:p2;lr>\r\n\
Supported: \r\n\
X-Odd: \xff\r\n\
x-thing: one\r\n\
X-Thing: two\r\n\
Expires: 60\r\n\
Content-Type: text/plain\r\n\
l: 2\r\n\
\r\n\
hi and more";

#[test]
fn headers_are_read_by_name_in_any_form() {
    let m = Message::parse(INVITE).unwrap();
    assert_eq!(m.defect(), None);
    assert_eq!(
        (m.method(), m.request_uri(), m.status()),
        (Some(Method::Invite), Some("sip:bob@biloxi.example;transport=tcp"), None)
    );
    assert_eq!(m.via().unwrap().branch(), Some("z9hG4bK2"));
    let hosts: Vec<_> = m.vias().map(|via| via.unwrap().host).collect();
    assert_eq!(hosts, ["a.example", "b.example", "c.example"]);
    assert_eq!(m.from().unwrap().tag(), Some("1"));
    assert_eq!(m.from().unwrap().display_name(), "J\u{fffd}rgen");
    assert_eq!(m.header(Name::From), None, "not UTF-8");
    assert_eq!(
        (m.call_id(), m.cseq().unwrap().number, m.max_forwards(), m.expires()),
        (Some("1@a"), 7, Some(70), Some(60))
    );
    let contacts: Vec<_> = m.contacts().map(|c| c.unwrap()).collect();
    assert_eq!(
        (contacts.len(), contacts[0].uri, contacts[0].param("expires"), contacts[1].uri),
        (2, "sip:a,b@c", Some("60"), "sip:d@e")
    );
    assert_eq!(m.routes().map(|r| r.unwrap().uri).collect::<Vec<_>>(), ["sip:p1;lr", "sip:p2;lr"]);
    assert_eq!(m.record_routes().count(), 0);
    assert_eq!((m.header(Name::Supported), m.list(Name::Supported).count()), (Some(""), 0));
    assert_eq!(
        (m.named("X-THING"), m.named("x-odd"), m.named("L"), m.named("none")),
        (Some("one"), None, Some("2"), None)
    );
    assert_eq!((m.content_type(), m.content_length(), m.body()), (Some("text/plain"), Some(2), &b"hi"[..]));
    assert_eq!(m.headers().count(), 17);
    assert!(m.raw().ends_with(b"\r\n\r\nhi"));
}

#[test]
fn what_is_missing_says_so() {
    let m = Message::parse(b"SIP/2.0 200 OK\r\nCSeq: x\r\n\r\n").unwrap();
    assert_eq!((m.status(), m.reason(), m.is_request()), (Some(200), "OK", false));
    assert_eq!(m.via(), Err(HeaderError::Missing));
    assert_eq!(m.to(), Err(HeaderError::Missing));
    assert!(m.cseq().is_err() && m.call_id().is_none() && m.content_length().is_none());
}

#[test]
fn printing_makes_names_canonical_and_unfolds() {
    let m = Message::parse(INVITE).unwrap();
    let mut out = Vec::new();
    m.write(&mut out);
    assert_eq!(Message::parse(&out).unwrap(), m);
    let lines: Vec<_> = out.split(|b| *b == b'\n').collect();
    assert!(lines[1].starts_with(b"Via: SIP/2.0/UDP a.example") && lines[2].starts_with(b"Via: SIP/2.0/TLS"));
    assert_eq!(lines[8], b"Contact: \"A, B\" <sip:a,b@c>;expires=60 ,   <sip:d@e>\r");
    assert_eq!(lines[13], b"x-thing: one\r");
    assert!(out.ends_with(b"\r\n\r\nhi"));
}

#[test]
fn line_ends_of_every_kind() {
    let whole = Message::parse(b"\r\n\r\nSIP/2.0 200 OK\r\nTo: a\r\n\r\n").unwrap();
    assert_eq!(whole.raw(), b"SIP/2.0 200 OK\r\nTo: a\r\n\r\n");
    let defect = |bytes| Message::parse(bytes).map(|m| m.defect());
    assert_eq!(defect(b"SIP/2.0 200 OK\nTo: a\n\n"), Ok(Some(Defect::BareLineFeed)));
    assert_eq!(defect(b"SIP/2.0 200 OK\r\nTo: a\r\n"), Ok(Some(Defect::NoEmptyLine)));
    assert_eq!(defect(b"SIP/2.0 200 OK\r\nTo: a\r\n\r"), Ok(Some(Defect::NoEmptyLine)));
    assert_eq!(defect(b"SIP/2.0 200 OK\r\nTo: a"), Ok(Some(Defect::CutOff)));
    assert_eq!(defect(b"SIP/2.0 200 OK"), Ok(Some(Defect::CutOff)));
    assert_eq!(defect(b"SIP/2.0 200 OK\r\nTo: a\rb\r\n\r\n"), Err(ParseError::ControlCharacter));
    assert_eq!(defect(b"SIP/2.0 200 OK\r\nTo: a\0b\r\n\r\n"), Err(ParseError::ControlCharacter));
    assert_eq!(defect(b"SIP/2.0 200 OK\r\nTo: \"a\\\0b\" <sip:a>\r\n\r\n"), Ok(None));
    assert_eq!(defect(b"SIP/2.0 200 OK\r\nTo\r\n\r\n"), Ok(Some(Defect::HeaderLine)));
    assert_eq!(defect(b"SIP/2.0 200 OK\r\n To: a\r\n\r\n"), Ok(Some(Defect::HeaderLine)));
    assert_eq!(defect(b"SIP/2.0 200 OK\r\nSubject:\ta\tb\r\n\r\n"), Ok(None));
}

#[test]
fn a_harmless_defect_does_not_hide_another() {
    let m = Message::parse(b"SIP/2.0 200 \xff\r\nl: 5\r\n\r\n").unwrap();
    assert_eq!(m.defect(), Some(Defect::ShortBody));
    let mut out = Vec::new();
    m.write(&mut out);
    assert!(out.starts_with(b"SIP/2.0 200 \xff\r\n"));
}

#[test]
fn status_lines_print_in_their_one_shape() {
    for (line, want) in [
        ("SIP/2.0 100", "SIP/2.0 100 "),
        ("sip/2.0 200 Fine  by me", "SIP/2.0 200 Fine  by me"),
        ("SIP/10.0 486 Busy Here", "SIP/2.0 486 Busy Here"),
    ] {
        let text = format!("{line}\r\n\r\n");
        let mut out = Vec::new();
        Message::parse(text.as_bytes()).unwrap().write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{want}\r\n\r\n"));
    }
}

#[test]
fn bounds() {
    let head = "SIP/2.0 200 OK\r\n";
    let many = |n| format!("{head}{}\r\n", "a: b\r\n".repeat(n));
    assert!(Message::parse(many(limits::HEADER_FIELDS).as_bytes()).is_ok());
    assert_eq!(Message::parse(many(limits::HEADER_FIELDS + 1).as_bytes()), Err(ParseError::TooManyHeaders));
    let long = format!("{head}a: {}\r\n\r\n", "x".repeat(limits::HEADER_BLOCK_BYTES));
    assert_eq!(Message::parse(long.as_bytes()), Err(ParseError::HeaderBlockTooLarge));
    let body = format!("{head}\r\n{}", "x".repeat(limits::MESSAGE_BYTES));
    assert_eq!(Message::parse(body.as_bytes()), Err(ParseError::TooLarge));
    assert_eq!(Message::parse(b"\r\n\r\n"), Err(ParseError::Empty));
}

#[test]
fn challenges_of_both_kinds() {
    let m = Message::parse(
        b"SIP/2.0 407 x\r\nProxy-Authenticate: Digest realm=\"p\", nonce=\"1\"\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"2\", \
        Digest realm=\"b\", nonce=\"3\"\r\nWWW-Authenticate: =\r\n\r\n",
    )
    .unwrap();
    let seen: Vec<_> = m.challenges().map(|(proxy, c)| (proxy, c.get("realm").unwrap().into_owned())).collect();
    assert_eq!(seen, [(false, "a".into()), (false, "b".into()), (true, "p".into())]);
}

/// Header lines of many shapes: folded, compact, unknown, of foreign bytes.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![
        prop::sample::select(Name::known().map(|n| n.as_str().to_owned()).collect::<Vec<_>>()),
        "[A-Za-z0-9.!%*_+`'~-]{1,12}",
        prop::sample::select(vec!["v".to_owned(), "M".to_owned(), "via".to_owned(), "CALL-ID".to_owned()]),
    ];
    let piece = prop_oneof![
        "[ -~]{0,20}".prop_map(String::into_bytes),
        prop::collection::vec(0x80u8..=0xff, 0..4),
        Just(b"\r\n ".to_vec()),
        Just(b"\r\n\t ".to_vec()),
        Just(b"\\\0".to_vec()),
    ];
    (name, " {0,2}", prop::collection::vec(piece, 0..5))
        .prop_filter("Content-Length frames", |(name, ..)| Name::parse(name.as_bytes()) != Name::ContentLength)
        .prop_map(|(name, gap, pieces)| {
            [name.as_bytes(), gap.as_bytes(), b":", gap.as_bytes(), &pieces.concat(), b"\r\n"].concat()
        })
}

proptest! {
    #[test]
    fn what_parses_prints_to_itself(
        start in prop::sample::select(vec!["INVITE sip:a@b SIP/2.0", "SIP/2.0 180 Ringing", "X~ tel:+1 SIP/2.0", "SIP/2.0 100 "]),
        lines in prop::collection::vec(line(), 0..12),
        body in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let bytes = [start.as_bytes(), b"\r\n", &lines.concat(), b"\r\n", &body].concat();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!(message.defect(), None);
        let mut printed = Vec::new();
        message.write(&mut printed);
        let again = Message::parse(&printed).unwrap();
        prop_assert_eq!(&again, &message);
        // Printed once, it is in the shape we print: nothing changes any more.
        let mut twice = Vec::new();
        again.write(&mut twice);
        prop_assert_eq!(twice, printed);
    }

    #[test]
    fn any_bytes_are_taken_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = crate::message::describe(&bytes);
        let _ = crate::message::frame::next(&bytes);
    }

    #[test]
    fn a_damaged_message_is_taken_without_panic(at in 0..INVITE.len(), byte: u8, cut in 0..INVITE.len()) {
        let mut bytes = INVITE.to_vec();
        bytes[at] = byte;
        bytes.truncate(cut);
        let _ = crate::message::describe(&bytes);
        let _ = crate::message::frame::next(&bytes);
    }
}
