//! Callbacks that call back, events in order, bounds, panics by injection, shutdown in every state.

use super::calls::{Phone, talk};
use super::*;
use crate::base::Protocol;
use crate::base::id::CallId;
use crate::engine::face as face_owner;
use crate::engine::shard::inbox::Inbound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};

/// A server that answers inside its callback, hangs nothing up, and notes what it sees.
fn answering(delivery: fn(EventCallback) -> Delivery, signalling_threads: usize) -> (Engine, Arc<Mutex<Vec<Event>>>) {
    let engine: Arc<OnceLock<std::sync::Weak<face_owner::Owner>>> = Arc::default();
    let seen: Arc<Mutex<Vec<Event>>> = Arc::default();
    let (inner, notes) = (engine.clone(), seen.clone());
    let callback: EventCallback = Box::new(move |delivered| {
        notes.lock().unwrap().push(delivered.event.clone());
        let Some(engine) = inner.get().and_then(std::sync::Weak::upgrade).map(Engine) else { return };
        if matches!(delivered.event.kind, EventKind::CallIncoming { .. }) {
            let call = delivered.event.call;
            engine.ring(call, 180, false).unwrap();
            engine.answer(call, CallOptions { no_media: true, ..CallOptions::default() }).unwrap();
            assert_eq!(engine.shutdown(Duration::ZERO).unwrap_err().kind, ErrorKind::State);
        }
    });
    let server = Engine::new(EngineConfig { delivery: delivery(callback), signalling_threads, ..config() }).unwrap();
    engine.set(Arc::downgrade(&server.0)).ok().unwrap();
    (server, seen)
}

fn calls_into(delivery: fn(EventCallback) -> Delivery, signalling_threads: usize) {
    let (server, seen) = answering(delivery, signalling_threads);
    let mut alice = Phone::new(config());
    let local = server.listeners()[0].local;
    let options = || CallOptions { no_media: true, ..CallOptions::default() };
    let target = format!("sip:bob@{local}");
    let calls: Vec<CallId> =
        (0..20).map(|_| alice.engine.dial(alice.account, &target, options(), 0).unwrap()).collect();
    for _ in &calls {
        let call = alice.wait("answer", |e| matches!(e.kind, EventKind::CallAnswered { .. })).call;
        alice.engine.hangup(call, 0).unwrap();
    }
    while alice.engine.objects() > 1 {
        alice.wait("end", |e| e.kind.is_terminal());
    }
    server.shutdown(Duration::from_secs(5)).unwrap();
    let seen = seen.lock().unwrap();
    let ids: std::collections::BTreeSet<CallId> = seen.iter().map(|e| e.call).filter(|c| !c.is_none()).collect();
    assert_eq!(ids.len(), calls.len());
    for id in ids {
        let story: Vec<&EventKind> = seen.iter().filter(|e| e.call == id).map(|e| &e.kind).collect();
        assert!(matches!(story.first(), Some(EventKind::CallIncoming { .. })), "{story:?}");
        assert!(story.last().unwrap().is_terminal(), "{story:?}");
        assert_eq!(story.iter().filter(|k| k.is_terminal()).count(), 1, "{story:?}");
    }
    assert_eq!(server.counters().callback_panics, 0);
}

#[test]
fn a_callback_thread_may_call_back() {
    calls_into(Delivery::Thread, 1);
}

#[test]
fn an_inline_callback_may_call_back() {
    calls_into(Delivery::Inline, 1);
}

#[test]
fn inline_callbacks_of_three_shards_keep_each_call_in_order() {
    calls_into(Delivery::Inline, 3);
}

#[test]
fn a_panic_of_the_agent_ends_its_calls_with_events_and_the_engine_lives_on() {
    survives(|| Inbound::Panic);
}

#[test]
fn a_panic_of_the_driver_is_survived_in_the_same_way() {
    survives(|| Inbound::PanicDriver);
}

fn survives(panic: fn() -> Inbound) {
    let (mut alice, mut bob) = (Phone::new(config()), Phone::new(config()));
    let (ours, _theirs) = talk(&mut alice, &mut bob, Protocol::Udp);
    alice.engine.shared().send(0, panic());
    let _ = alice.engine.hold(ours, true);
    let (outcome, _) = alice.ended(ours);
    assert!(outcome.local && outcome.status == 500 && outcome.reason.starts_with("internal"), "{outcome:?}");
    assert_eq!(alice.engine.counters().panics, 1);
    // The same account calls again, with ids that were never used.
    let (again, theirs) = talk(&mut alice, &mut bob, Protocol::Tcp);
    assert_ne!(again, ours);
    bob.engine.hangup(theirs, 0).unwrap();
    assert_eq!(alice.ended(again).0.status, 200);
    // And it is called: a network id of the fresh agent.
    let back = bob.dial(&alice, Protocol::Udp);
    let call = alice.incoming();
    alice.engine.hangup(call, 486).unwrap();
    assert_eq!(bob.ended(back).0.status, 486);
}

#[test]
fn users_that_came_at_run_time_are_known_after_a_panic_of_the_agent() {
    let mut bob = Phone::new(EngineConfig { auth: Some(AuthConfig::realm("home")), ..config() });
    bob.engine.set_auth_user("alice", UserSecret::Password("secret".into())).unwrap();
    let mut alice = Phone::new(config());
    let config = AccountConfig { password: "secret".into(), ..account() };
    alice.account = alice.engine.add_account(config, 1).unwrap();
    for panics in 0..2 {
        let (ours, theirs) = talk(&mut alice, &mut bob, Protocol::Udp);
        assert_eq!(bob.seen.iter().rev().find_map(|e| e.auth_user.as_deref()), Some("alice"));
        assert_eq!(bob.engine.counters().panics, panics);
        bob.engine.shared().send(0, Inbound::Panic);
        let _ = bob.engine.hold(theirs, true);
        assert_eq!(bob.ended(theirs).0.status, 500);
        bob.seen.clear();
        alice.engine.hangup(ours, 0).unwrap();
        alice.ended(ours);
    }
}

#[test]
fn a_resolver_of_the_application_that_panics_leaves_nobody_waiting() {
    let mut settings = config();
    settings.dns.callback = Some(Arc::new(|_, _| std::panic::resume_unwind(Box::new("injected"))));
    let mut alice = Phone::new(settings);
    for _ in 0..2 {
        let call = alice.engine.dial(alice.account, "sip:bob@nowhere.example", CallOptions::default(), 0).unwrap();
        let (outcome, _) = alice.ended(call);
        assert!(outcome.status == 503 && outcome.reason.contains("no answer"), "{outcome:?}");
    }
}

#[test]
fn a_panic_of_the_stage_is_told_and_the_next_call_has_sound_again() {
    let (mut alice, mut bob) = (Phone::new(config()), Phone::new(config()));
    let (ours, theirs) = talk(&mut alice, &mut bob, Protocol::Udp);
    alice.engine.0.threads.inject_media_panic();
    alice.wait("media failure", |e| {
        e.call == ours && (matches!(e.kind, EventKind::MediaFailed { .. }) || e.kind.is_terminal())
    });
    bob.engine.hangup(theirs, 0).unwrap();
    bob.ended(theirs);
    assert_eq!(alice.engine.counters().panics, 1);
    let (ours, _) = talk(&mut alice, &mut bob, Protocol::Udp);
    alice.wait("sound", |e| e.call == ours && matches!(e.kind, EventKind::MediaStarted));
}

#[test]
fn above_the_backlog_commands_and_new_calls_are_refused_and_then_taken_again() {
    let mut alice = Phone::new(config());
    let bob = Phone::new(EngineConfig { event_backlog_max: 8, ..config() });
    let options = || CallOptions { no_media: true, ..CallOptions::default() };
    let target = bob.uri(Protocol::Udp);
    for _ in 0..9 {
        alice.engine.dial(alice.account, &target, options(), 0).unwrap();
    }
    let overloaded = || bob.engine.shared().events.is_overloaded();
    let end = std::time::Instant::now() + PATIENCE;
    while !overloaded() && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    assert!(overloaded(), "the bound is reached");
    for _ in 0..20 {
        let call = alice.engine.dial(alice.account, &target, options(), 0).unwrap();
        assert_eq!(alice.ended(call).0.status, 503);
    }
    assert_eq!(bob.engine.events_waiting(), 9, "what is refused adds nothing");
    let full = bob.engine.dial(bob.account, &alice.uri(Protocol::Udp), options(), 0).unwrap_err();
    assert_eq!(full.kind, ErrorKind::Full);
    let mut waiting = Vec::new();
    while let Some(delivered) = bob.engine.next_event() {
        waiting.push(delivered.event.call);
    }
    for call in waiting {
        let _ = bob.engine.hangup(call, 486);
    }
    bob.engine.dial(bob.account, &alice.uri(Protocol::Udp), options(), 0).unwrap();
    alice.incoming();
}

#[test]
fn shutdown_in_every_state_delivers_one_end_per_call() {
    for state in ["calling", "ringing", "incoming", "up"] {
        let (mut alice, mut bob) = (Phone::new(config()), Phone::new(config()));
        let (ending, call) = match state {
            "up" => {
                let (ours, _) = talk(&mut alice, &mut bob, Protocol::Udp);
                (&mut alice, ours)
            }
            "incoming" => {
                alice.dial(&bob, Protocol::Udp);
                let theirs = bob.incoming();
                (&mut bob, theirs)
            }
            "ringing" => {
                let ours = alice.dial(&bob, Protocol::Udp);
                let theirs = bob.incoming();
                bob.engine.ring(theirs, 180, false).unwrap();
                alice.wait("ringing", |e| matches!(e.kind, EventKind::CallProgress { .. }));
                (&mut alice, ours)
            }
            _ => {
                // A socket that never answers.
                let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
                let target = format!("sip:x@{}", silent.local_addr().unwrap());
                let ours = alice.engine.dial(alice.account, &target, CallOptions::default(), 0).unwrap();
                (&mut alice, ours)
            }
        };
        let grace = if state == "calling" { Duration::from_millis(50) } else { Duration::from_secs(5) };
        ending.engine.shutdown(grace).unwrap();
        let rest: Vec<Event> = std::iter::from_fn(|| ending.engine.next_event()).map(|d| d.event).collect();
        let ends = rest.iter().filter(|e| e.call == call && e.kind.is_terminal()).count();
        assert_eq!(ends, 1, "{state}: {rest:?}");
        assert_eq!(ending.engine.objects(), 0, "{state}");
    }
}

#[test]
fn noise_from_the_network_harms_nobody() {
    let (mut alice, mut bob) = (Phone::new(config()), Phone::new(config()));
    let local = bob.engine.listeners()[0].local;
    let noise = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for size in [0, 1, 2, 3, 20, 1400, 9000] {
        noise.send_to(&vec![0xAB; size], local).unwrap();
        noise.send_to(&vec![b'\n'; size], local).unwrap();
    }
    noise.send_to(b"INVITE sip:x SIP/2.0\r\nVia: nonsense\r\n\r\n", local).unwrap();
    let (ours, _) = talk(&mut alice, &mut bob, Protocol::Udp);
    alice.engine.hangup(ours, 0).unwrap();
    alice.ended(ours);
    assert_eq!(bob.engine.counters().panics, 0);
    assert!(bob.engine.counters().datagrams_received >= 15);
}

#[test]
fn the_trace_shows_both_ways_and_the_log_comes_when_asked_for() {
    let (sender, traced) = channel();
    let sender = Mutex::new(sender);
    let lines = Arc::new(AtomicUsize::new(0));
    let count = lines.clone();
    let trace: SipTraceCallback = Box::new(move |t| {
        let line = String::from_utf8_lossy(t.bytes).lines().next().unwrap_or_default().to_owned();
        let _ = sender.lock().unwrap().send((t.direction, line));
    });
    let log: LogCallback = Box::new(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    let options = || CallOptions { no_media: true, ..CallOptions::default() };
    let mut alice =
        Phone::new(EngineConfig { trace: Some(trace), log: Some(log), log_level: LogLevel::Trace, ..config() });
    let mut bob = Phone::new(config());
    let ours = alice.engine.dial(alice.account, &bob.uri(Protocol::Udp), options(), 0).unwrap();
    let theirs = bob.incoming();
    bob.engine.hangup(theirs, 486).unwrap();
    assert_eq!(alice.ended(ours).0.status, 486);
    alice.engine.shutdown(Duration::from_secs(5)).unwrap();
    let seen: Vec<(TraceDirection, String)> = traced.try_iter().collect();
    let has = |direction, start: &str| seen.iter().any(|(d, line)| *d == direction && line.starts_with(start));
    assert!(has(TraceDirection::Sent, "INVITE ") && has(TraceDirection::Sent, "ACK "), "{seen:?}");
    assert!(has(TraceDirection::Received, "SIP/2.0 486"), "{seen:?}");
}

#[test]
fn a_slow_inline_callback_is_counted() {
    let (done, ended) = channel();
    let slow: EventCallback = Box::new(move |_| {
        std::thread::sleep(Duration::from_millis(15));
        let _ = done.send(());
    });
    let bob = Engine::new(EngineConfig { delivery: Delivery::Inline(slow), ..config() }).unwrap();
    let alice = Phone::new(config());
    let target = format!("sip:bob@{}", bob.listeners()[0].local);
    alice.engine.dial(alice.account, &target, CallOptions::default(), 0).unwrap();
    ended.recv_timeout(PATIENCE).unwrap();
    bob.shutdown(Duration::from_secs(5)).unwrap();
    assert!(bob.counters().slow_callbacks >= 1);
}

#[test]
fn a_flood_of_datagrams_starves_neither_streams_nor_timers_nor_commands() {
    let (mut alice, mut bob) = (Phone::new(config()), Phone::new(config()));
    let local = bob.engine.listeners()[0].local;
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let flood = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            // Bounded, so that a slow machine is not kept from other work.
            let mut left = 100_000;
            while !over.load(Ordering::Relaxed) && left > 0 {
                left -= 1;
                let _ = flood.send_to(b"OPTIONS sip:flood SIP/2.0\r\n\r\n", local);
            }
        });
        let (ours, theirs) = talk(&mut alice, &mut bob, Protocol::Tcp);
        bob.engine.hangup(theirs, 0).unwrap();
        let ended = alice.ended(ours).0.status;
        over.store(true, Ordering::Relaxed);
        assert_eq!(ended, 200);
    });
    assert!(bob.engine.counters().datagrams_received > 0);
}

#[test]
fn the_trace_of_a_stream_shows_whole_messages_however_they_are_cut() {
    use std::io::{Read, Write};
    let (sender, traced) = channel();
    let sender = Mutex::new(sender);
    let trace: SipTraceCallback = Box::new(move |t| {
        let _ = sender.lock().unwrap().send((t.direction, t.bytes.to_vec()));
    });
    let bob = Engine::new(EngineConfig { trace: Some(trace), ..config() }).unwrap();
    let address = bob.listeners().into_iter().find(|l| l.protocol == Protocol::Tcp).unwrap().local;
    let request = |n: u32| {
        format!(
            "OPTIONS sip:bob@{address} SIP/2.0\r\nVia: SIP/2.0/TCP {address};branch=z9hG4bKcut{n}\r\nMax-Forwards: 70\r\n\
             From: <sip:s@s>;tag=1\r\nTo: <sip:bob@{address}>\r\nCall-ID: cut{n}\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        )
    };
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    let all = format!("{}\r\n\r\n{}{}", request(1), request(2), request(3));
    let (front, back) = all.split_at(all.len() - 100);
    stream.write_all(front.as_bytes()).unwrap();
    let mut answers = String::new();
    let mut chunk = [0; 4096];
    let mut read_until = |stream: &mut std::net::TcpStream, count: usize| {
        while answers.matches("SIP/2.0 200").count() < count {
            let n = stream.read(&mut chunk).unwrap();
            assert!(n > 0);
            answers.push_str(std::str::from_utf8(&chunk[..n]).unwrap());
        }
    };
    read_until(&mut stream, 2);
    stream.write_all(back.as_bytes()).unwrap();
    read_until(&mut stream, 3);
    bob.shutdown(Duration::from_secs(5)).unwrap();
    let received: Vec<Vec<u8>> =
        traced.try_iter().filter(|(d, _)| *d == TraceDirection::Received).map(|(_, bytes)| bytes).collect();
    assert_eq!(received, [request(1), request(2), request(3)].map(String::into_bytes));
}
