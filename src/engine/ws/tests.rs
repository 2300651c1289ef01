//! The layer against itself and against bytes that no honest peer sends.

use super::*;

const OFFER: &str = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n";
const OPTIONS: &str = "OPTIONS sip:a SIP/2.0\r\n\r\n";

fn open() -> Layer {
    let mut server = Layer::server();
    server.receive(OFFER.as_bytes());
    assert_eq!(server.next(), Ok(None));
    let answer = String::from_utf8(server.output()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101") && answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("sec-websocket-protocol: sip"), "{answer}");
    server
}

/// A frame as a client masks it.
fn frame(head: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![head];
    match payload.len() {
        short @ 0..126 => out.push(0x80 | short as u8),
        long => {
            out.push(0x80 | 126);
            out.extend((long as u16).to_be_bytes());
        }
    }
    let mask = [1, 2, 3, 4];
    out.extend(mask);
    out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    out
}

#[test]
fn client_and_server_exchange_messages() {
    let (mut client, mut server) = (Layer::client(false, "b.example:8080", "ws").unwrap(), Layer::server());
    let request = client.output();
    let text = String::from_utf8(request.clone()).unwrap();
    assert!(text.starts_with("GET /ws HTTP/1.1\r\n") && text.contains("b.example:8080"), "{text}");
    server.receive(&request);
    assert_eq!(server.next(), Ok(None));
    client.receive(&server.output());
    assert_eq!(client.next(), Ok(None));
    assert!(!client.is_handshaking() && !server.is_handshaking());
    for message in [Bytes::from(OPTIONS), Bytes::from_static(b"OPTIONS sip:\xff SIP/2.0\r\n\r\n")] {
        assert!(client.send(message.clone()));
        server.receive(&client.output());
        assert_eq!(server.next(), Ok(Some(message.clone())));
        assert!(server.send(message.clone()));
        client.receive(&server.output());
        assert_eq!(client.next(), Ok(Some(message)));
    }
    client.close();
    server.receive(&client.output());
    assert!(server.next().unwrap_err().contains("closed"));
}

#[test]
fn without_the_subprotocol_there_is_no_connection() {
    for offer in ["", "Sec-WebSocket-Protocol: chat, xmpp\r\n"] {
        let mut server = Layer::server();
        server.receive(OFFER.replace("Sec-WebSocket-Protocol: sip\r\n", offer).as_bytes());
        assert!(server.next().is_err());
        assert!(String::from_utf8(server.output()).unwrap().starts_with("HTTP/1.1 400"));
    }
    let mut server = Layer::server();
    server.receive(OFFER.replace(": sip", ": chat, SIP").as_bytes());
    assert_eq!(server.next(), Ok(None));
    assert!(!server.is_handshaking());
}

#[test]
fn what_is_no_upgrade_is_refused() {
    for noise in
        ["INVITE sip:a SIP/2.0\r\n\r\n", "POST / HTTP/1.1\r\n\r\n", "\0\0\0\0\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"]
    {
        let mut server = Layer::server();
        server.receive(noise.as_bytes());
        assert!(server.next().is_err(), "{noise:?}");
    }
    let mut server = Layer::server();
    server.receive(b"GET / HTTP/1.1\r\n");
    let mut outcome = Ok(None);
    for n in 0..100_000 {
        server.receive(format!("X-{n}: y\r\n").as_bytes());
        outcome = server.next();
        if outcome.is_err() {
            break;
        }
    }
    assert!(outcome.is_err(), "an endless request is given up");
}

#[test]
fn fragments_with_a_ping_between_them_are_one_message() {
    let mut server = open();
    server.receive(&frame(0x01, b"OPTIONS sip:a"));
    assert_eq!(server.next(), Ok(None));
    server.receive(&frame(0x89, b"are you there"));
    assert_eq!(server.next(), Ok(None));
    assert_eq!(server.output(), [&[0x8a, 13][..], b"are you there"].concat(), "a pong, unmasked");
    server.receive(&frame(0x80, b" SIP/2.0\r\n\r\n"));
    assert_eq!(server.next(), Ok(Some(Bytes::from(OPTIONS))));
}

#[test]
fn frames_byte_by_byte_and_two_at_once() {
    let mut server = open();
    let one = frame(0x81, OPTIONS.as_bytes());
    let mut seen = 0;
    for byte in &one {
        server.receive(&[*byte]);
        seen += usize::from(server.next().unwrap().is_some());
    }
    assert_eq!(seen, 1);
    server.receive(&[one.clone(), one].concat());
    assert_eq!(server.next(), Ok(Some(Bytes::from(OPTIONS))));
    assert_eq!(server.next(), Ok(Some(Bytes::from(OPTIONS))));
    assert_eq!(server.next(), Ok(None));
}

#[test]
fn what_breaks_the_protocol_ends_the_connection_with_nothing_held() {
    let unmasked = [&[0x81, 5][..], b"hello"].concat();
    let huge = [&[0x81, 0xff][..], &(1u64 << 63).to_be_bytes(), &[0; 4]].concat();
    let large = [&[0x82, 0xff][..], &(1u64 << 31).to_be_bytes(), &[0; 4]].concat();
    let long_ping = frame(0x89, &[b'x'; 126]);
    let cut_ping = frame(0x09, b"x");
    let reserved = frame(0xc1, b"x");
    let stray = frame(0x80, b"x");
    for bytes in [unmasked, huge, large, long_ping, cut_ping, reserved, stray, frame(0x83, b"x"), frame(0x81, b"\xff")]
    {
        let mut server = open();
        server.receive(&bytes);
        assert!(server.next().is_err(), "{:02x?}", &bytes[..bytes.len().min(16)]);
        assert!(!server.send(Bytes::from(OPTIONS)));
    }
}

#[test]
fn fragments_do_not_add_up_beyond_the_largest_message() {
    let mut server = open();
    server.receive(&frame(0x02, &[b'x'; 60_000]));
    assert_eq!(server.next(), Ok(None));
    server.receive(&frame(0x00, &[b'x'; 60_000]));
    assert!(server.next().is_err());
}

#[test]
fn a_server_that_answers_otherwise_is_told_apart() {
    let refused = |answer: &str| {
        let mut client = Layer::client(true, "b.example", "/").unwrap();
        client.receive(answer.as_bytes());
        client.next().unwrap_err()
    };
    assert!(refused("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").contains("404"));
    assert!(refused("SIP/2.0 400 Bad\r\n\r\n").contains("failed"));
}
