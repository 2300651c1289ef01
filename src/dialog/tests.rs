use super::*;

const INVITE: &str = "INVITE sip:bob@192.0.2.4 SIP/2.0\r\n\
Via: SIP/2.0/UDP bigbox3.site3.atlanta.com;branch=z9hG4bK77ef4c2312983.1\r\n\
Record-Route: <sip:p2.example.com;lr>, <sip:p1.example.com;lr>\r\n\
Max-Forwards: 69\r\n\
To: Bob <sip:bob@biloxi.com>\r\n\
From: \"Alice\" <sip:alice@atlanta.com>;tag=1928301774\r\n\
Call-ID: a84b4c76e66710\r\n\
CSeq: 314159 INVITE\r\n\
Contact: <sip:alice@pc33.atlanta.com>\r\n\
Content-Length: 0\r\n\r\n";

const OK: &str = "SIP/2.0 200 OK\r\n\
Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\n\
Record-Route: <sip:p2.example.com;lr>\r\n\
Record-Route: <sip:p1.example.com;lr>\r\n\
To: Bob <sip:bob@biloxi.com>;tag=b\r\n\
From: <sip:alice@atlanta.com>;tag=a\r\n\
Call-ID: c\r\n\
CSeq: 1 INVITE\r\n\
Contact: <sip:bob@192.0.2.4;transport=tcp>\r\n\
Content-Length: 0\r\n\r\n";

fn print(dialog: &Dialog, method: &str, cseq: u32) -> String {
    let mut out = Vec::new();
    let head = Head {
        method,
        cseq,
        via: "SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bKb",
        contact: Some("<sip:me@192.0.2.1>"),
    };
    dialog.write(&mut out, &head).finish(None, b"");
    String::from_utf8(out).unwrap()
}

fn initial() -> Dialog {
    Dialog::initial("c", "a", "sip:alice@atlanta.com", "Bob <sip:bob@biloxi.com>", &["sip:proxy;lr".into()], 0)
}

#[test]
fn a_uas_keeps_the_route_set_in_order_and_the_contact_as_target() {
    let message = Message::parse(INVITE.as_bytes()).unwrap();
    let dialog = Dialog::uas(&check::request(&message).unwrap(), "ours");
    assert_eq!(dialog.routes(), &["<sip:p2.example.com;lr>".into(), "<sip:p1.example.com;lr>".into()]);
    assert_eq!(dialog.target(), "sip:alice@pc33.atlanta.com");
    assert_eq!(dialog.next_hop(), "sip:p2.example.com;lr");
    assert_eq!((dialog.local(), dialog.remote()), ("Bob <sip:bob@biloxi.com>", "\"Alice\" <sip:alice@atlanta.com>"));
    assert!(dialog.matches("a84b4c76e66710", "ours", "1928301774"));
}

#[test]
fn a_uac_reverses_the_route_set() {
    let dialog = initial().uac(&Message::parse(OK.as_bytes()).unwrap()).unwrap();
    assert_eq!(dialog.next_hop(), "sip:p1.example.com;lr");
    assert_eq!(dialog.target(), "sip:bob@192.0.2.4;transport=tcp");
    assert_eq!(dialog.remote_tag(), "b");
}

#[test]
fn an_initial_request_has_no_to_tag_and_the_preloaded_route() {
    let text = print(&initial(), "INVITE", 1);
    assert!(text.starts_with(
        "INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP [2001:db8::1]:5060;rport;branch=z9hG4bKb\r\n"
    ));
    assert!(text.contains("\r\nRoute: <sip:proxy;lr>\r\n"), "{text}");
    assert!(text.contains("\r\nTo: Bob <sip:bob@biloxi.com>\r\n"), "{text}");
    assert!(text.contains("\r\nFrom: <sip:alice@atlanta.com>;tag=a\r\n"), "{text}");
}

#[test]
fn a_strict_router_becomes_the_request_uri_and_the_target_the_last_route() {
    let mut dialog = initial();
    dialog.routes = vec!["<sip:strict.example.com>".into(), "<sip:p1.example.com;lr>".into()];
    let text = print(&dialog, "BYE", 2);
    assert!(text.starts_with("BYE sip:strict.example.com SIP/2.0\r\n"), "{text}");
    let routes: Vec<&str> = text.lines().filter(|l| l.starts_with("Route")).collect();
    assert_eq!(routes, ["Route: <sip:p1.example.com;lr>", "Route: <sip:bob@biloxi.com>"]);
}

#[test]
fn a_lower_or_equal_cseq_is_out_of_order() {
    let message = Message::parse(INVITE.as_bytes()).unwrap();
    let mut dialog = Dialog::uas(&check::request(&message).unwrap(), "ours");
    assert_eq!(dialog.receive(314_159), Err(OutOfOrder));
    assert_eq!(dialog.receive(314_160), Ok(()));
    assert_eq!(dialog.receive(314_160), Err(OutOfOrder));
}
