//! Start, bad input, stale ids, shutdown in every state.

use super::*;
use crate::base::Protocol;
use crate::base::id::{AccountId, CallId, Origin};
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::channel;

#[test]
fn an_engine_starts_says_where_it_listens_and_joins_its_threads() {
    for signalling_threads in [0, 1, 3] {
        let engine = Engine::new(EngineConfig { signalling_threads, ..config() }).unwrap();
        let listeners = engine.listeners();
        assert_eq!(listeners.iter().map(|l| l.protocol).collect::<Vec<_>>(), [Protocol::Udp, Protocol::Tcp]);
        assert!(listeners.iter().all(|l| l.local.port() != 0));
        let weak = Arc::downgrade(engine.shared());
        engine.shutdown(Duration::from_secs(5)).unwrap();
        engine.shutdown(Duration::from_secs(5)).unwrap();
        assert!(UdpSocket::bind(listeners[0].local).is_ok(), "the port is free again");
        assert_eq!(
            engine.dial(AccountId::NONE, "sip:x@y", CallOptions::default(), 0).unwrap_err().kind,
            ErrorKind::Draining
        );
        drop(engine);
        assert!(weak.upgrade().is_none(), "nothing holds the engine");
    }
}

#[test]
fn bad_configurations_are_refused_with_a_remedy() {
    let refused = |config: EngineConfig| Engine::new(config).unwrap_err();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let uri = format!("udp://{}", taken.local_addr().unwrap());
    let error = refused(EngineConfig { listen: vec![uri.clone()], ..config() });
    assert_eq!(error.kind, ErrorKind::Io);
    assert!(error.message.contains(&uri) && error.message.contains("in use"), "{error}");
    assert_eq!(refused(EngineConfig { listen: vec!["nonsense".into()], ..config() }).kind, ErrorKind::Invalid);
    // Without a certificate, or without TLS.
    let wanted = if cfg!(feature = "tls") { ErrorKind::Invalid } else { ErrorKind::Unsupported };
    assert_eq!(refused(EngineConfig { listen: vec!["tls://127.0.0.1:0".into()], ..config() }).kind, wanted);
    assert_eq!(refused(EngineConfig { rtp_ports: 5001..=5001, ..config() }).kind, ErrorKind::Invalid);
    assert_eq!(refused(EngineConfig { signalling_threads: 65, ..config() }).kind, ErrorKind::Invalid);
    assert_eq!(refused(EngineConfig { codecs: Vec::new(), ..config() }).kind, ErrorKind::Invalid);
    assert_eq!(refused(EngineConfig { user_agent: "x\r\nVia: y".into(), ..config() }).kind, ErrorKind::Invalid);
}

#[test]
fn ids_of_other_engines_kinds_and_times_are_told_apart() {
    let (one, two) = (Engine::new(config()).unwrap(), Engine::new(config()).unwrap());
    let account = one.add_account(account(), 7).unwrap();
    assert_eq!(one.user(account.raw()).unwrap(), 7);
    assert_eq!(two.user(account.raw()).unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(two.dial(account, "sip:x@127.0.0.1", CallOptions::default(), 0).unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(one.user(0).unwrap_err().kind, ErrorKind::Invalid);
    let never = CallId::new(one.shared().number.get(), 0, Origin::Network, 99);
    assert_eq!(one.hangup(never, 0).unwrap_err().kind, ErrorKind::Gone);
    assert_eq!(one.state(never), CallState::Ended);
    let header = |value: &str| CallOptions { headers: vec![("X-A".into(), value.into())], ..CallOptions::default() };
    assert_eq!(one.dial(account, "sip:x@y", header("a\r\nb"), 0).unwrap_err().kind, ErrorKind::Invalid);
    assert_eq!(one.dial(account, "", header("a"), 0).unwrap_err().kind, ErrorKind::Invalid);
    for bad in ["sip:", "sip:x@[::1", "sip:a b@c", "<sip:x@y", "two words", "sip:x@y:port"] {
        let error = one.dial(account, bad, CallOptions::default(), 0).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Invalid, "{bad}");
        assert!(error.message.contains("sip:bob@example.com"), "{error}");
    }
    one.set_user(account.raw(), 8).unwrap();
    assert_eq!(one.user(account.raw()).unwrap(), 8);
}

#[test]
fn the_last_handle_ends_the_engine_also_inside_a_callback() {
    let (sender, receiver) = channel::<Engine>();
    let receiver = std::sync::Mutex::new(receiver);
    let (done, ended) = channel();
    let delivery = Delivery::Thread(Box::new(move |_| {
        if let Ok(engine) = receiver.lock().unwrap().recv() {
            assert_eq!(engine.shutdown(Duration::ZERO).unwrap_err().kind, ErrorKind::State);
            drop(engine);
            done.send(()).unwrap();
        }
    }));
    let engine = Engine::new(EngineConfig { delivery, ..config() }).unwrap();
    let address = engine.listeners()[0].local;
    engine.shared().events.post(trouble());
    sender.send(engine).unwrap();
    ended.recv_timeout(PATIENCE).unwrap();
    let free =
        std::iter::repeat_with(std::thread::yield_now).take(100_000_000).any(|()| UdpSocket::bind(address).is_ok());
    assert!(free, "the threads end by themselves");
}

#[test]
fn statistics_show_the_tables_of_every_signalling_thread() {
    let engine = Engine::new(EngineConfig { signalling_threads: 2, max_calls: 10, ..config() }).unwrap();
    engine.add_account(account(), 0).unwrap();
    let stats = engine.stats();
    // Every shard knows every account.
    assert_eq!((stats.tables.accounts, stats.objects, stats.calls_max), (2, 1, 10));
    engine.shutdown(Duration::from_secs(5)).unwrap();
    assert_eq!(engine.stats().tables.calls, 0, "also when the threads are gone");
}

fn trouble() -> Event {
    Event {
        time: crate::base::Instant::ZERO,
        account: AccountId::NONE,
        call: CallId::NONE,
        request: crate::base::id::RequestId::NONE,
        kind: EventKind::Trouble { reason: "a test".into() },
        message: None,
        flow: None,
        auth_user: None,
    }
}
