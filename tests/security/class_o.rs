//! Class O: registration hijack, identity spoofing, MESSAGE and NOTIFY that nobody asked for.

use crate::uas::{Uas, request, source};
use sipwright::agent::io::EventKind;
use sipwright::message::{Message, Name};

/// kamailio ES2020-01: a header removed or looked for by one spelling must not hide in another.
#[test]
fn a_header_is_the_same_in_every_spelling() {
    for line in [
        "P-Asserted-Identity: <sip:boss@example.com>",
        "P-Asserted-Identity : <sip:boss@example.com>",
        "P-Asserted-Identity\t: <sip:boss@example.com>",
        "p-asserted-IDENTITY:<sip:boss@example.com>",
        "P-Asserted-Identity:\r\n <sip:boss@example.com>",
        "P-Asserted-Identity   :\r\n\t<sip:boss@example.com>",
    ] {
        let text = request("OPTIONS", 1, &format!("{line}\r\n"));
        let message = Message::parse(text.as_bytes()).unwrap();
        assert_eq!(message.list(Name::PAssertedIdentity).count(), 1, "{line:?}");
        assert_eq!(message.named("P-Asserted-Identity").map(str::trim), Some("<sip:boss@example.com>"), "{line:?}");
    }
    for (long, short) in [("From", "f"), ("To", "t"), ("Call-ID", "i"), ("Via", "v")] {
        let plain = request("OPTIONS", 1, "");
        for spelling in
            [format!("\r\n{short}: "), format!("\r\n{short} : "), format!("\r\n{} :\r\n ", long.to_lowercase())]
        {
            let text = plain.replace(&format!("\r\n{long}: "), &spelling);
            let mut uas = Uas::new(|_| {});
            assert_eq!(uas.status(source(1), &text), Some(200), "{text}");
        }
    }
}

/// asterisk 67360eb6: what a display name says is shown to people.
#[test]
fn display_names_come_without_control_characters_and_the_message_has_the_bytes() {
    let mut uas = Uas::new(|c| c.raw_messages = true);
    let odd = "From: \"Al\u{1b}[31mice\u{7}\\\"\u{202e}\" <sip:a@example.com>";
    let text = request("INVITE", 1, "").replace("From: <sip:a@example.com>", odd);
    uas.datagram(source(1), text.as_bytes());
    let event = uas.events.iter().find(|e| matches!(e.kind, EventKind::CallIncoming { .. })).expect("a call");
    let EventKind::CallIncoming { from_display, .. } = &event.kind else { unreachable!() };
    assert!(!from_display.chars().any(char::is_control), "{from_display:?}");
    let raw = event.message.as_ref().expect("the message");
    assert!(raw.windows(4).any(|w| w == b"\x1b[31"));
}

#[test]
fn a_notify_that_nobody_subscribed_to_is_refused_and_told_to_nobody() {
    let mut uas = Uas::new(|_| {});
    let alone = request("NOTIFY", 1, "Event: message-summary\r\nSubscription-State: active\r\n");
    assert!(matches!(uas.status(source(1), &alone), Some(405 | 481 | 489)));
    let forged = alone.replace("To: <sip:bob@192.0.2.1>", "To: <sip:bob@192.0.2.1>;tag=guess");
    assert_eq!(uas.status(source(1), &forged), Some(481));
    assert!(uas.events.is_empty());
    assert_eq!(uas.tables().transactions, 0);
}

#[test]
fn a_register_of_a_stranger_binds_nothing() {
    let mut uas = Uas::new(|_| {});
    assert!(matches!(uas.status(source(1), &request("REGISTER", 1, "")), Some(401 | 403 | 405)));
    assert!(uas.events.is_empty());
}
