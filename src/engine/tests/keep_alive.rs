//! Keep-alives on real sockets: an answer is known again on the flow that its request took, whichever thread reads it.

use super::*;
use crate::stun;
use std::net::{TcpListener, UdpSocket};

/// The 200 to a REGISTER.
fn granted(register: &str) -> String {
    let line = |name: &str| register.lines().find(|l| l.starts_with(name)).unwrap_or_default().to_owned();
    let same: Vec<String> = ["Via:", "From:", "Call-ID:", "CSeq:", "Contact:"].map(line).to_vec();
    format!(
        "SIP/2.0 200 OK\r\n{}\r\n{};tag=r\r\nExpires: 600\r\nContent-Length: 0\r\n\r\n",
        same.join("\r\n"),
        line("To:")
    )
}

fn engine(listen: &str, shards: usize) -> Engine {
    Engine::new(EngineConfig { listen: vec![listen.into()], signalling_threads: shards, ..config() }).unwrap()
}

fn register(engine: &Engine, registrar: &str) {
    let config = AccountConfig {
        registrar: registrar.into(),
        register: true,
        keep_alive: KeepAliveMode::Always,
        keep_alive_s: 1,
        ..account()
    };
    engine.add_account(config, 0).unwrap();
}

#[test]
fn stun_answers_come_home_on_a_wildcard_and_to_any_thread() {
    for shards in [1, 3] {
        let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
        peer.set_read_timeout(Some(PATIENCE)).unwrap();
        let engine = engine("udp://0.0.0.0:0", shards);
        register(&engine, &format!("sip:{}", peer.local_addr().unwrap()));
        let mut buffer = [0; 4096];
        let mut ids: Vec<stun::TransactionId> = Vec::new();
        while ids.len() < 3 {
            let (length, from) = peer.recv_from(&mut buffer).unwrap();
            let bytes = &buffer[..length];
            if !stun::is_stun(bytes) {
                peer.send_to(granted(std::str::from_utf8(bytes).unwrap()).as_bytes(), from).unwrap();
                continue;
            }
            let asked = stun::Message::parse(bytes).unwrap();
            // A repeat would mean that our answer was not known again; a slow machine repeats before it reads.
            if ids.last() != Some(&asked.transaction) {
                ids.push(asked.transaction);
            }
            peer.send_to(&stun::success(&asked.transaction, from, true), from).unwrap();
        }
        let registered = std::iter::from_fn(|| engine.next_event()).map(|d| d.event.kind);
        assert!(registered.into_iter().all(|kind| matches!(kind, EventKind::Registered { .. })), "no flow failed");
        engine.shutdown(Duration::ZERO).unwrap();
    }
}

#[test]
fn a_stream_is_pinged_and_its_end_renews_the_registration() {
    use std::io::{Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let engine = engine("tcp://127.0.0.1:0", 1);
    register(&engine, &format!("sip:{};transport=tcp", listener.local_addr().unwrap()));
    // The first connection ends after two pings were answered; the account comes again on another.
    for last in [false, true] {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (mut text, mut pongs) = (String::new(), 0);
        let mut buffer = [0; 4096];
        while pongs < 2 {
            let length = stream.read(&mut buffer).unwrap();
            assert!(length > 0, "the engine closed a good stream");
            text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
            if let Some(end) = text.strip_prefix("REGISTER").and_then(|_| text.find("\r\n\r\n")) {
                stream.write_all(granted(&text).as_bytes()).unwrap();
                text.drain(..end + 4);
            }
            while text.starts_with("\r\n\r\n") {
                text.drain(..4);
                stream.write_all(b"\r\n").unwrap();
                pongs += 1;
            }
        }
        if last {
            break;
        }
    }
    let mut failed = 0;
    while let Some(delivered) = engine.next_event() {
        failed += u32::from(matches!(delivered.event.kind, EventKind::FlowFailed { .. }));
    }
    assert_eq!(failed, 1);
    engine.shutdown(Duration::ZERO).unwrap();
}
