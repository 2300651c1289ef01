//! Two engines call each other over real sockets.

use super::*;
use crate::base::Protocol;
use crate::base::id::CallId;
use crate::dsp::{Tone, tone_level};
use crate::engine::pcm::PcmPort;
use std::os::fd::AsRawFd;

/// One side of a call, pulling its events.
pub(super) struct Phone {
    pub(super) engine: Engine,
    pub(super) account: crate::base::id::AccountId,
    pub(super) seen: Vec<Event>,
}

impl Phone {
    pub(super) fn new(config: EngineConfig) -> Self {
        let engine = Engine::new(config).unwrap();
        let account = engine.add_account(account(), 1).unwrap();
        Phone { engine, account, seen: Vec::new() }
    }

    /// Its URI over a protocol.
    pub(super) fn uri(&self, protocol: Protocol) -> String {
        let listener = self.engine.listeners().into_iter().find(|l| l.protocol == protocol).unwrap();
        format!("sip:bob@{};transport={}", listener.local, protocol.param())
    }

    pub(super) fn dial(&self, to: &Phone, protocol: Protocol) -> CallId {
        self.engine.dial(self.account, &to.uri(protocol), CallOptions::default(), 42).unwrap()
    }

    /// Takes events until one fits.
    pub(super) fn wait(&mut self, what: &str, fits: impl Fn(&Event) -> bool) -> Event {
        let end = std::time::Instant::now() + PATIENCE;
        while let Some(left) = end.checked_duration_since(std::time::Instant::now()) {
            if let Some(delivered) = self.engine.wait_event(left) {
                let event = delivered.event;
                self.seen.push(event.clone());
                if fits(&event) {
                    return event;
                }
            }
        }
        panic!("no {what}; seen: {:?}", self.seen);
    }

    pub(super) fn incoming(&mut self) -> CallId {
        self.wait("incoming call", |e| matches!(e.kind, EventKind::CallIncoming { .. })).call
    }

    pub(super) fn answered(&mut self, call: CallId) -> Option<Codec> {
        match self.wait("answer", |e| e.call == call && matches!(e.kind, EventKind::CallAnswered { .. })).kind {
            EventKind::CallAnswered { codec } => codec,
            _ => None,
        }
    }

    pub(super) fn ended(&mut self, call: CallId) -> (Outcome, Option<Quality>) {
        match self.wait("end", |e| e.call == call && e.kind.is_terminal()).kind {
            EventKind::CallEnded { outcome, quality } => (outcome, quality),
            other => panic!("{other:?}"),
        }
    }
}

/// Both up, talking.
pub(super) fn talk(alice: &mut Phone, bob: &mut Phone, protocol: Protocol) -> (CallId, CallId) {
    let ours = alice.dial(bob, protocol);
    let theirs = bob.incoming();
    bob.engine.ring(theirs, 180, false).unwrap();
    alice.wait("ringing", |e| matches!(&e.kind, EventKind::CallProgress { outcome, .. } if outcome.status == 180));
    assert_eq!(alice.engine.state(ours), CallState::Ringing);
    bob.engine.answer(theirs, CallOptions::default()).unwrap();
    assert!(alice.answered(ours).is_some() && bob.answered(theirs).is_some());
    (ours, theirs)
}

/// Listens until a tone of 440 Hz, and nothing at 1000 Hz, was heard in 20 windows of 40 ms; says in how many it was. How long that
/// takes is a matter of the machine's load.
fn hear_tone(port: &PcmPort) -> Result<(), String> {
    const WINDOW: usize = 640;
    let (mut heard, mut clean, mut levels) = (Vec::new(), 0, Vec::new());
    let end = std::time::Instant::now() + PATIENCE;
    while clean < 20 && std::time::Instant::now() < end {
        let mut chunk = [0; 960];
        match port.read(&mut chunk) {
            0 => drop(super::wait_readable(port.fd().as_raw_fd())),
            count => heard.extend_from_slice(&chunk[..count]),
        }
        while heard.len() >= WINDOW {
            let (at, beside) =
                (tone_level(&heard[..WINDOW], 16_000, 440.0), tone_level(&heard[..WINDOW], 16_000, 1000.0));
            clean += usize::from((-15.0..-9.0).contains(&at) && beside < at - 25.0);
            levels.push((at as i32, beside as i32));
            heard.drain(..WINDOW);
        }
    }
    if clean < 20 {
        Err(format!("{clean} clean windows of {}: {levels:?}, {} lost", levels.len(), port.dropped()))
    } else {
        Ok(())
    }
}

/// The usual level of a tone: the median over windows of 40 ms, so that a machine under load, whose jitter buffer stretches time now
/// and then, changes nothing.
fn level(samples: &[i16], rate_hz: u32, hz: f64) -> f64 {
    let window = rate_hz as usize / 25;
    let mut levels: Vec<f64> = samples.chunks_exact(window).map(|w| tone_level(w, rate_hz, hz)).collect();
    levels.sort_by(f64::total_cmp);
    levels[levels.len() / 2]
}

fn a_call_with_sound(protocol: Protocol, signalling_threads: usize, ip: &str) {
    let listen = || vec![format!("udp://{ip}:0"), format!("tcp://{ip}:0")];
    let phone = || Phone::new(EngineConfig { signalling_threads, listen: listen(), ..config() });
    let (mut alice, mut bob) = (phone(), phone());
    let (ours, theirs) = talk(&mut alice, &mut bob, protocol);
    assert_eq!((alice.engine.state(ours), bob.engine.state(theirs)), (CallState::Answered, CallState::Answered));
    let (mouth, ear) = (bob.engine.pcm(theirs, 16_000).unwrap(), alice.engine.pcm(ours, 16_000).unwrap());
    let tone = Tone::new(16_000, 440.0, -12.0).samples(16_000 * 25);
    assert_eq!(mouth.write(&tone), tone.len());
    if let Err(why) = hear_tone(&ear) {
        alice.engine.hangup(ours, 0).unwrap();
        panic!("{why}; {:?}; {:?}", alice.ended(ours).1, bob.ended(theirs).1);
    }
    alice.engine.hangup(ours, 0).unwrap();
    let (outcome, quality) = alice.ended(ours);
    assert_eq!((outcome.status, outcome.by_peer), (200, false), "{outcome:?}");
    assert!(quality.is_some_and(|q| q.received > 20 && q.sent > 20), "{quality:?}");
    let (outcome, _) = bob.ended(theirs);
    assert_eq!((outcome.status, outcome.by_peer), (200, true), "{outcome:?}");
    assert!(ear.is_ended());
    assert_eq!(alice.engine.hangup(ours, 0).unwrap_err().kind, ErrorKind::Gone);
    assert_eq!(alice.engine.state(ours), CallState::Ended);
    for phone in [alice, bob] {
        assert!(phone.seen.iter().all(|e| !matches!(e.kind, EventKind::PlayDone { .. })), "a port is no play");
        phone.engine.shutdown(Duration::from_secs(5)).unwrap();
        let counters = phone.engine.counters();
        assert_eq!((counters.panics, counters.callback_panics, counters.reroute_dropped), (0, 0, 0));
    }
}

#[test]
fn udp_one_shard() {
    a_call_with_sound(Protocol::Udp, 1, "127.0.0.1");
}

#[test]
fn udp_three_shards() {
    a_call_with_sound(Protocol::Udp, 3, "127.0.0.1");
}

#[test]
fn tcp_one_shard() {
    a_call_with_sound(Protocol::Tcp, 1, "127.0.0.1");
}

#[test]
fn tcp_three_shards() {
    a_call_with_sound(Protocol::Tcp, 3, "127.0.0.1");
}

#[test]
fn ipv6_over_udp_and_tcp() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    a_call_with_sound(Protocol::Udp, 1, "[::1]");
    a_call_with_sound(Protocol::Tcp, 1, "[::1]");
}

#[test]
fn many_calls_over_three_shards_end_once_each_and_leave_nothing() {
    let phone = || Phone::new(EngineConfig { signalling_threads: 3, ..config() });
    let (mut alice, mut bob) = (phone(), phone());
    let options = || CallOptions { no_media: true, ..CallOptions::default() };
    let target = bob.uri(Protocol::Udp);
    const CALLS: usize = 60;
    let calls: Vec<CallId> =
        (0..CALLS).map(|n| alice.engine.dial(alice.account, &target, options(), n).unwrap()).collect();
    for _ in 0..CALLS {
        let call = bob.incoming();
        bob.engine.answer(call, options()).unwrap();
    }
    let mut up = 0;
    while up < CALLS {
        let event = alice.wait("answer", |e| matches!(e.kind, EventKind::CallAnswered { .. }));
        assert!(calls.contains(&event.call));
        alice.engine.hangup(event.call, 0).unwrap();
        up += 1;
    }
    let terminal = |seen: &[Event]| seen.iter().filter(|e| matches!(e.kind, EventKind::CallEnded { .. })).count();
    while terminal(&alice.seen) < CALLS {
        alice.wait("end", |e| e.kind.is_terminal());
    }
    while terminal(&bob.seen) < CALLS {
        bob.wait("end", |e| e.kind.is_terminal());
    }
    assert!(alice.seen.iter().chain(&bob.seen).all(|e| match &e.kind {
        EventKind::CallEnded { outcome, .. } => outcome.status == 200,
        _ => true,
    }));
    assert_eq!((alice.engine.objects(), bob.engine.objects()), (1, 1), "only the accounts are left");
}

#[test]
fn messages_and_options_are_answered() {
    let (mut alice, mut bob) = (Phone::new(config()), Phone::new(config()));
    let request = |alice: &Phone, method: &str, body: &[u8]| {
        let kind = if body.is_empty() { "" } else { "text/plain" };
        alice.engine.request(alice.account, method, &bob.uri(Protocol::Udp), kind, body, Vec::new(), 9).unwrap()
    };
    let message = request(&alice, "MESSAGE", b"hello");
    let options = request(&alice, "OPTIONS", b"");
    for _ in 0..2 {
        let done = alice.wait("final", |e| matches!(e.kind, EventKind::RequestDone(_)));
        assert!([message, options].contains(&done.request));
        assert!(matches!(done.kind, EventKind::RequestDone(Outcome { status: 200, .. })), "{done:?}");
    }
    let got = bob.wait("message", |e| matches!(e.kind, EventKind::MessageReceived { .. }));
    assert!(matches!(got.kind, EventKind::MessageReceived { body, .. } if &body[..] == b"hello"));
}

#[test]
fn nobody_there_is_told_at_once_and_names_the_cause() {
    let listen = vec!["udp://0.0.0.0:0".into(), "tcp://0.0.0.0:0".into()];
    let mut alice = Phone::new(EngineConfig { listen, ..config() });
    // A port that was just free: ICMP says so, and the call need not wait 32 s.
    let gone = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for transport in ["udp", "tcp"] {
        let target = format!("sip:x@{gone};transport={transport}");
        let call = alice.engine.dial(alice.account, &target, CallOptions::default(), 0).unwrap();
        let (outcome, _) = alice.ended(call);
        assert!(outcome.local && outcome.status >= 400, "{outcome:?}");
        let named = format!("{gone} cannot be reached over {transport}");
        assert!(outcome.reason.contains(&named), "{outcome:?}");
    }
    let call = alice.engine.dial(alice.account, "sip:x@255.255.255.255", CallOptions::default(), 0).unwrap();
    let (outcome, _) = alice.ended(call);
    assert!(outcome.reason.contains("no route to host"), "{outcome:?}");
    let call = alice.engine.dial(alice.account, "sip:x@no-such-host.invalid", CallOptions::default(), 0).unwrap();
    let (outcome, _) = alice.ended(call);
    assert!(outcome.reason.contains("cannot resolve no-such-host.invalid"), "{outcome:?}");
}

#[test]
fn recordings_are_complete_when_the_end_comes() {
    let folder = std::env::temp_dir().join(format!("sipwright-engine-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (prompt, recording) = (folder.join("prompt.wav"), folder.join("recording.wav"));
    let spec =
        hound::WavSpec { channels: 1, sample_rate: 8000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(&prompt, spec).unwrap();
    for sample in Tone::new(8000, 600.0, -10.0).samples(8000) {
        writer.write_sample(sample).unwrap();
    }
    writer.finalize().unwrap();
    let (mut alice, mut bob) = (Phone::new(config()), Phone::new(config()));
    let (ours, theirs) = talk(&mut alice, &mut bob, Protocol::Udp);
    alice.engine.record_file(ours, &recording, true).unwrap();
    let token = bob.engine.play_file(theirs, &prompt, false).unwrap();
    let done = bob.wait("end of play", |e| matches!(e.kind, EventKind::PlayDone { .. }));
    assert!(matches!(done.kind, EventKind::PlayDone { token: t, interrupted: false, .. } if t == token), "{done:?}");
    bob.engine.hangup(theirs, 0).unwrap();
    alice.ended(ours);
    let reader = hound::WavReader::open(&recording).unwrap();
    let (rate, frames) = (reader.spec().sample_rate, reader.duration());
    assert!(reader.spec().channels == 2 && frames >= rate * 7 / 10, "{frames} frames at {rate} Hz");
    let heard: Vec<i16> = reader.into_samples::<i16>().map(Result::unwrap).skip(1).step_by(2).collect();
    let level = level(&heard[heard.len() / 4..heard.len() * 3 / 4], rate, 600.0);
    assert!(level > -18.0, "600 Hz at {level:.1} dBFS");
    assert_eq!(alice.engine.record_file(ours, &recording, true).unwrap_err().kind, ErrorKind::Gone);
    assert_eq!(bob.engine.play_file(ours, &prompt, true).unwrap_err().kind, ErrorKind::Invalid);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_call_without_free_rtp_ports_fails_and_names_the_range() {
    let phone = |ports| Phone::new(EngineConfig { rtp_ports: ports, ..config() });
    let (mut alice, mut bob) = (phone(22_000..=22_001), phone(22_002..=22_009));
    let (first, _) = talk(&mut alice, &mut bob, Protocol::Udp);
    let second = alice.dial(&bob, Protocol::Udp);
    let (outcome, _) = alice.ended(second);
    assert!(outcome.local && outcome.reason.contains("22000-22001"), "{outcome:?}");
    // The pair comes back with the end of its call.
    alice.engine.hangup(first, 0).unwrap();
    alice.ended(first);
    bob.wait("its end", |e| e.kind.is_terminal());
    talk(&mut alice, &mut bob, Protocol::Udp);
}

#[test]
fn a_name_goes_to_the_family_that_we_listen_on() {
    let (mut alice, mut bob) = (Phone::new(config()), Phone::new(config()));
    let port = bob.engine.listeners()[0].local.port();
    let options = || CallOptions { no_media: true, ..CallOptions::default() };
    let ours = alice.engine.dial(alice.account, &format!("sip:bob@localhost:{port}"), options(), 0).unwrap();
    let theirs = bob.incoming();
    bob.engine.answer(theirs, options()).unwrap();
    alice.answered(ours);
}

#[test]
fn a_stream_peer_that_never_reads_delays_nobody_and_is_shed() {
    use std::io::Write;
    let (mut alice, mut bob) = (Phone::new(config()), Phone::new(config()));
    let address = bob.engine.listeners().into_iter().find(|l| l.protocol == Protocol::Tcp).unwrap().local;
    let mut stuck = std::net::TcpStream::connect(address).unwrap();
    stuck.set_write_timeout(Some(PATIENCE)).unwrap();
    let mut written = 0;
    let outcome = (0..200_000).try_for_each(|n| {
        let request = format!(
            "OPTIONS sip:bob@{address} SIP/2.0\r\nVia: SIP/2.0/TCP {address};branch=z9hG4bKstuck{n}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:s@s>;tag=1\r\nTo: <sip:bob@{address}>\r\nCall-ID: stuck{n}\r\n\
             CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        written += request.len();
        if n == 2000 {
            // In the middle of it, others are served.
            let (ours, _) = talk(&mut alice, &mut bob, Protocol::Tcp);
            alice.engine.hangup(ours, 0).unwrap();
            alice.ended(ours);
        }
        stuck.write_all(request.as_bytes())
    });
    assert!(outcome.is_err(), "{written} bytes of requests were taken and no answer was read");
    let shed = || bob.engine.counters().streams_shed;
    let end = std::time::Instant::now() + PATIENCE;
    while shed() == 0 && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(shed(), 1);
}
