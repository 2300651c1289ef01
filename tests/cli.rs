//! The command line program as a user runs it: one process answers, another calls, on loopback.

#![allow(clippy::disallowed_methods, reason = "a test of the real world")]

use serde_json::Value;
use sipwright::dsp::{Tone, tone_level};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// What nothing here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program, running; its lines are read as they come. It is killed at the end of the test if it is still there.
struct Program {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
    said: Vec<String>,
}

impl Program {
    fn start(arguments: &[&str]) -> Program {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sipwright"))
            .args(arguments)
            .env_remove("SIP_PASSWORD")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = |stream: Box<dyn std::io::Read + Send>| {
            let (tell, told) = channel();
            std::thread::spawn(move || {
                BufReader::new(stream).lines().map_while(Result::ok).try_for_each(|l| tell.send(l))
            });
            told
        };
        let out = lines(Box::new(child.stdout.take().unwrap()));
        let err = lines(Box::new(child.stderr.take().unwrap()));
        Program { child, out, err, said: vec![] }
    }

    /// `answer` on a free port, and the URI that reaches it.
    fn answer(arguments: &[&str]) -> (Program, String) {
        let mut program = Program::start(&[&["answer", "--listen", "udp://127.0.0.1:0"], arguments].concat());
        let line = program.progress("listening on udp://");
        let address = line.rsplit("udp://").next().unwrap().to_owned();
        (program, format!("sip:test@{address}"))
    }

    /// Waits for a line on stderr that holds `text`.
    fn progress(&mut self, text: &str) -> String {
        loop {
            let line = self.err.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("no {text:?}: {e}; {:?}", self.said));
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits for an event of that type.
    fn event(&mut self, kind: &str) -> Value {
        loop {
            let line = self.out.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("no {kind}: {e}; {:?}", self.said));
            self.said.push(line.clone());
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["type"] == kind {
                return event;
            }
        }
    }

    /// Waits for its end: exit code, rest of stdout, rest of stderr.
    fn end(mut self) -> (i32, Vec<String>, Vec<String>) {
        let rest = |lines: &Receiver<String>| {
            let mut all = vec![];
            while let Ok(line) = lines.recv_timeout(PATIENCE) {
                all.push(line);
            }
            all
        };
        let (out, err) = (rest(&self.out), rest(&self.err));
        let status = self.child.wait().unwrap();
        (status.code().unwrap_or(-1), out, err)
    }

    fn terminate(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn run(arguments: &[&str]) -> (i32, Vec<String>, Vec<String>) {
    Program::start(arguments).end()
}

fn call(target: &str, arguments: &[&str]) -> (i32, Vec<String>, Vec<String>) {
    run(&[&["call", target, "--listen", "udp://127.0.0.1:0"], arguments].concat())
}

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sipwright-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    /// A WAV file with a tone.
    fn tone(&self, name: &str, hz: f64, seconds: u32) -> String {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(self.path(name), spec).unwrap();
        for sample in Tone::new(8000, hz, -12.0).samples(8000 * seconds as usize) {
            writer.write_sample(sample).unwrap();
        }
        writer.finalize().unwrap();
        self.path(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One channel of a stereo recording.
fn channel_of(path: &str, channel: usize) -> (u32, Vec<i16>) {
    let mut reader = hound::WavReader::open(Path::new(path)).unwrap();
    let spec = reader.spec();
    assert_eq!((spec.channels, spec.bits_per_sample), (2, 16));
    let all: Vec<i16> = reader.samples().map(Result::unwrap).collect();
    (spec.sample_rate, all.chunks_exact(2).map(|frame| frame[channel]).collect())
}

/// Asserts that a channel holds the tone, and the other one nowhere. A machine that is busy with other tests may tear holes into
/// it, so the best 100 ms count.
fn assert_tone(path: &str, channel: usize, hz: f64, not: f64) {
    let (rate, samples) = channel_of(path, channel);
    let loudest =
        |hz| samples.chunks_exact(rate as usize / 10).map(|part| tone_level(part, rate, hz)).fold(-120.0, f64::max);
    let (level, other) = (loudest(hz), loudest(not));
    assert!(
        level > -14.0 && other < level - 20.0,
        "{path}, channel {channel}: {hz} Hz {level:.1} dB, {not} Hz {other:.1} dB"
    );
}

fn types(lines: &[String]) -> Vec<String> {
    let kind = |line: &String| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned();
    lines.iter().map(kind).collect()
}

#[test]
fn a_call_has_sound_both_ways_and_ends_with_its_figures() {
    for codec in ["PCMU", "PCMA", "G722"] {
        let folder = Folder::new(codec);
        let (there, here) = (folder.path("there.wav"), folder.path("here.wav"));
        let high = folder.tone("high.wav", 1300.0, 5);
        let low = folder.tone("low.wav", 500.0, 5);
        let (answering, target) =
            Program::answer(&["--max-calls", "1", "--play", &high, "--record", &there, "--codec", codec]);
        let (exit, out, err) =
            call(&target, &["--play", &low, "--record", &here, "--duration", "2", "--codec", codec, "--json"]);
        assert_eq!(exit, 0, "{out:?} {err:?}");
        let events: Vec<Value> = out.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        let answered = events.iter().find(|e| e["type"] == "call_answered").unwrap();
        assert_eq!(answered["codec"], codec);
        let ended = events.iter().find(|e| e["type"] == "call_ended").unwrap();
        assert_eq!((&ended["status"], &ended["by_peer"]), (&Value::from(200), &Value::from(false)));
        assert!(ended["quality"]["received"].as_u64().unwrap() > 10, "{ended}");
        assert!(ended["quality"]["mos"].as_f64().unwrap() >= 1.0, "{ended}");
        let (exit, out, err) = answering.end();
        assert_eq!(exit, 0, "{err:?}");
        assert!(out.iter().any(|l| l.starts_with("call of") && l.contains("MOS")), "{out:?}");
        assert_tone(&here, 0, 500.0, 1300.0);
        assert_tone(&here, 1, 1300.0, 500.0);
        assert_tone(&there, 0, 1300.0, 500.0);
        assert_tone(&there, 1, 500.0, 1300.0);
    }
}

#[test]
fn a_call_ends_when_all_has_been_played() {
    let folder = Folder::new("played");
    let (answering, target) = Program::answer(&["--max-calls", "1", "--json"]);
    let (exit, out, err) = call(&target, &["--play", &folder.tone("short.wav", 700.0, 1)]);
    assert_eq!(exit, 0, "{out:?} {err:?}");
    assert!(err.iter().any(|l| l.starts_with("played 1.0 s")), "{err:?}");
    let (exit, out, _) = answering.end();
    assert_eq!((exit, types(&out).iter().filter(|t| *t == "call_ended").count()), (0, 1));
}

#[test]
fn keys_arrive() {
    let (mut answering, target) = Program::answer(&["--max-calls", "1", "--json"]);
    let (exit, _, err) = call(&target, &["--send-dtmf", "42#"]);
    assert_eq!(exit, 0, "{err:?}");
    for key in ["4", "2", "#"] {
        assert_eq!(answering.event("dtmf")["digit"], key);
    }
    assert_eq!(answering.end().0, 0);
}

#[test]
fn refusals_have_their_exit_codes() {
    for (status, exit) in [("486", 10), ("603", 11), ("480", 12), ("404", 13), ("403", 14), ("488", 21), ("500", 1)] {
        let (answering, target) = Program::answer(&["--max-calls", "1", "--reject", status]);
        let (code, out, err) = call(&target, &[]);
        assert_eq!(code, exit, "{status}: {out:?} {err:?}");
        assert!(out.iter().any(|l| l.starts_with(&format!("not answered: {status}"))), "{out:?}");
        assert_eq!(answering.end().0, 0);
    }
}

#[test]
fn nobody_answers() {
    let (answering, target) = Program::answer(&["--max-calls", "1", "--ring", "60"]);
    let (exit, out, err) = call(&target, &["--ring-timeout", "1"]);
    assert_eq!(exit, 12, "{out:?} {err:?}");
    assert!(err.iter().any(|l| l.starts_with("180")), "{err:?}");
    assert_eq!(answering.end().0, 0);
}

#[test]
fn nobody_is_there() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (exit, out, err) = run(&["call", &format!("sip:test@{closed};transport=tcp"), "--listen", "tcp://127.0.0.1:0"]);
    assert_eq!(exit, 20, "{out:?} {err:?}");
}

#[test]
fn a_call_over_tcp_and_ipv6() {
    for listen in ["tcp://127.0.0.1:0", "udp://[::1]:0"] {
        let mut answering = Program::start(&["answer", "--listen", listen, "--max-calls", "1", "--no-media"]);
        let line = answering.progress("listening on");
        let (protocol, address) = line.rsplit("listening on ").next().unwrap().split_once("://").unwrap();
        let target = format!("sip:test@{address};transport={protocol}");
        let (exit, _, err) = run(&["call", &target, "--listen", listen, "--no-media", "--duration", "0.1"]);
        assert_eq!(exit, 0, "{listen}: {err:?}");
        assert_eq!(answering.end().0, 0);
    }
}

#[test]
fn sigterm_hangs_up() {
    let (mut answering, target) = Program::answer(&["--max-calls", "1", "--json"]);
    let mut calling = Program::start(&["call", &target, "--listen", "udp://127.0.0.1:0", "--json"]);
    calling.event("call_answered");
    calling.terminate();
    assert_eq!(answering.event("call_ended")["by_peer"], true);
    assert_eq!(calling.event("call_ended")["status"], 200);
    assert_eq!((calling.end().0, answering.end().0), (0, 0));

    let (mut answering, target) = Program::answer(&["--ring", "60", "--json"]);
    let mut calling = Program::start(&["call", &target, "--listen", "udp://127.0.0.1:0", "--json"]);
    calling.event("call_progress");
    calling.terminate();
    answering.event("call_ended");
    assert_eq!(calling.end().0, 12);
    answering.terminate();
    assert_eq!(answering.end().0, 0);
}

#[test]
fn a_peer_that_vanishes_ends_the_call_and_its_recording_is_playable() {
    let folder = Folder::new("vanishes");
    let there = folder.path("there.wav");
    let (mut answering, target) = Program::answer(&["--record", &there, "--json"]);
    let tone = folder.tone("tone.wav", 900.0, 2);
    let mut calling = Program::start(&[
        "call",
        &target,
        "--listen",
        "udp://127.0.0.1:0",
        "--rtp-timeout",
        "1",
        "--duration",
        "60",
        "--play",
        &tone,
        "--json",
    ]);
    calling.event("play_done");
    answering.child.kill().unwrap();
    answering.child.wait().unwrap();
    calling.event("rtp_timeout");
    calling.event("call_ended");
    assert_eq!(calling.end().0, 21);
    assert_tone(&there, 1, 900.0, 500.0);
}

#[test]
fn the_inline_answerer_serves_load_drivers() {
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let listen = format!("udp://127.0.0.1:{port}");
    let answering = Program::start(&["answer", "--no-media", "--quiet", "--listen", &listen]);
    // It says nothing, so it is asked until it answers.
    let target = format!("sip:test@127.0.0.1:{port}");
    let up = (0..100).any(|_| run(&["ping", &target, "--listen", "udp://127.0.0.1:0"]).0 == 0);
    assert!(up);
    let (exit, out, err) =
        call(&target, &["--no-media", "--max-calls", "50", "--rate", "200", "--duration", "0.05", "--json"]);
    assert_eq!(exit, 0, "{err:?}");
    assert_eq!(types(&out).iter().filter(|t| *t == "call_ended").count(), 50);
    answering.terminate();
    let (exit, out, err) = answering.end();
    assert_eq!((exit, out.len(), err.len()), (0, 0, 0), "{out:?} {err:?}");
}

#[test]
fn a_load_is_made_and_told() {
    let (answering, target) = Program::answer(&["--no-media", "--json"]);
    let load = |more: &[&str]| run(&[&["load", &target, "--listen", "udp://127.0.0.1:0"], more].concat());
    let (exit, out, err) = load(&["--rate", "50", "--duration", "1", "--hold", "0.1", "--json"]);
    assert_eq!((exit, out.len()), (0, 1), "{out:?} {err:?}");
    let told: Value = serde_json::from_str(&out[0]).unwrap();
    assert_eq!((&told["attempted"], &told["ok"], &told["failed"]), (&50.into(), &50.into(), &0.into()), "{told}");
    let ms = |name: &str| told["setup_ms"][name].as_f64().unwrap();
    assert!(0.0 < ms("p50") && ms("p50") <= ms("p95") && ms("p99") <= ms("max"), "{told}");
    assert!(told["cpu_us_per_call"].as_f64().unwrap() >= 0.0, "{told}");
    let (exit, out, err) = load(&["--rate", "20", "--duration", "0.5", "--hold", "0.2", "--media", "g711"]);
    assert_eq!(exit, 0, "{out:?} {err:?}");
    assert!(out[0].starts_with("attempted        10 in") && out[1] == "ok               10", "{out:?}");
    answering.terminate();
    let (exit, out, _) = answering.end();
    assert_eq!((exit, types(&out).iter().filter(|t| *t == "call_ended").count()), (0, 60));

    let (answering, target) = Program::answer(&["--reject", "486"]);
    let (exit, out, _) =
        run(&["load", &target, "--listen", "udp://127.0.0.1:0", "--rate", "100", "--duration", "0.05"]);
    assert_eq!(exit, 1);
    assert!(out.iter().any(|l| l == "  5 x 486 Busy Here"), "{out:?}");
    answering.terminate();
    assert_eq!(answering.end().0, 0);
}

#[test]
fn pings_and_messages_are_answered() {
    let (mut answering, target) = Program::answer(&["--json"]);
    let (exit, out, err) = run(&["ping", &target, "--listen", "udp://127.0.0.1:0"]);
    assert_eq!(exit, 0, "{err:?}");
    assert!(out[0].starts_with("200 OK from sip:test@127.0.0.1:"), "{out:?}");
    let (exit, out, err) = run(&["message", &target, "Grüße", "--listen", "udp://127.0.0.1:0"]);
    assert_eq!((exit, out[0].as_str()), (0, "200 OK"), "{err:?}");
    let message = answering.event("message");
    assert_eq!((&message["body"], &message["content_type"]), (&"Grüße".into(), &"text/plain".into()));
}

#[test]
fn any_request_is_sent_and_its_response_shown() {
    let (mut answering, target) = Program::answer(&["--json", "--take", "SUBSCRIBE", "--take", "BREW"]);
    let listen = ["--listen", "udp://127.0.0.1:0"];
    let send = |more: &[&str]| run(&[&["request"], more, &listen[..]].concat());
    let (exit, out, err) = send(&["BREW", &target, "--header", "X-Cup: 2", "--body", "tea"]);
    assert_eq!((exit, out[0].as_str()), (0, "SIP/2.0 200 OK"), "{err:?}");
    let event = answering.event("request");
    assert_eq!((&event["method"], &event["body"]), (&"BREW".into(), &"tea".into()));
    assert!(event["message"].as_str().unwrap().contains("X-Cup: 2\r\n"), "{event}");
    let (exit, out, _) = send(&["PUBLISH", &target, "--json"]);
    assert_eq!((exit, types(&out)[0].as_str()), (1, "request_done"));
    assert!(out[0].contains("405 Method Not Allowed") && out[0].contains("MESSAGE, SUBSCRIBE, BREW"), "{out:?}");
    let (exit, _, err) = send(&["BYE", &target]);
    assert!(exit == 2 && err.iter().any(|l| l.contains("use hangup")), "{exit} {err:?}");
    answering.terminate();
    assert_eq!(answering.end().0, 0);
}

#[test]
fn the_ladder_shows_the_call() {
    let (answering, target) = Program::answer(&["--max-calls", "1", "--no-media"]);
    let (exit, out, err) = call(&target, &["--no-media", "--duration", "0.1", "--ladder", "--quiet"]);
    assert_eq!(exit, 0, "{err:?}");
    let at = |text: &str| out.iter().position(|l| l.contains(text)).unwrap_or_else(|| panic!("no {text}: {out:#?}"));
    let order = ["INVITE (SDP)", "180 Ringing (INVITE)", "200 OK (INVITE) (SDP)", "ACK", "BYE", "200 OK (BYE)"].map(at);
    assert!(order.is_sorted(), "{out:#?}");
    assert_eq!(answering.end().0, 0);
}

#[test]
fn mistakes_are_named() {
    let folder = Folder::new("mistakes");
    std::fs::write(folder.0.join("text.wav"), "no audio").unwrap();
    for (arguments, text) in [
        (&["call", "sip:a@127.0.0.1", "--play", &folder.path("none.wav")][..], "there is no such file"),
        (&["call", "sip:a@127.0.0.1", "--play", &folder.path("text.wav")], "is not a WAV file"),
        (&["call", "sip:a@127.0.0.1", "--record", &folder.path("no/r.wav")], "create it first"),
        (&["call", "sip:a@127.0.0.1", "--user", "alice"], "has no domain"),
        (&["call", "sip:a@127.0.0.1", "--listen", "carrier-pigeon://here"], "carrier-pigeon"),
        (&["call", "", "--listen", "udp://127.0.0.1:0"], "target"),
        (&["register"], "--user"),
        (&["call", "sip:a@127.0.0.1", "--password-file", &folder.path("none")], "--password-file"),
        (&["inspect", &folder.path("none.txt")], "none.txt"),
    ] {
        let (exit, _, err) = run(arguments);
        assert_eq!(exit, 2, "{arguments:?}: {err:?}");
        assert!(err.iter().any(|l| l.contains(text)), "{arguments:?}: {err:?}");
    }
}

#[test]
fn a_port_in_use_is_named() {
    let held = UdpSocket::bind("127.0.0.1:0").unwrap();
    let listen = format!("udp://{}", held.local_addr().unwrap());
    let (exit, _, err) = run(&["answer", "--listen", &listen]);
    assert_eq!(exit, 20, "{err:?}");
    assert!(err.iter().any(|l| l.contains(&held.local_addr().unwrap().port().to_string())), "{err:?}");
}

#[test]
fn a_password_that_others_can_read_is_warned_of() {
    let folder = Folder::new("password");
    std::fs::write(folder.0.join("secret"), "x\n").unwrap();
    let mode = Command::new("chmod").args(["644", &folder.path("secret")]).status().unwrap();
    assert!(mode.success());
    let (answering, target) = Program::answer(&["--max-calls", "1", "--no-media"]);
    let (exit, _, err) = call(
        &target,
        &["--no-media", "--duration", "0", "--user", "sip:a@a.example", "--password-file", &folder.path("secret")],
    );
    assert_eq!(exit, 0, "{err:?}");
    assert!(err.iter().any(|l| l.contains("chmod 600")), "{err:?}");
    assert_eq!(answering.end().0, 0);
}

#[test]
fn inspect_tells_good_from_bad() {
    let folder = Folder::new("inspect");
    let good = "OPTIONS sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a:5070;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
                From: <sip:a@a.example>;tag=1\r\nTo: <sip:bob@b.example>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\
                Content-Length: 0\r\n\r\n";
    std::fs::write(folder.0.join("good.sip"), good).unwrap();
    std::fs::write(folder.0.join("bad.sip"), good.replace("CSeq: 1 OPTIONS\r\n", "")).unwrap();
    let json = |out: &[String]| serde_json::from_str::<Value>(&out.join("\n")).unwrap();
    let (exit, out, _) = run(&["inspect", &folder.path("good.sip")]);
    assert_eq!((exit, &json(&out)["start"]["method"]), (0, &"OPTIONS".into()));
    let (exit, out, _) = run(&["inspect", &folder.path("bad.sip")]);
    assert_eq!((exit, &json(&out)["verdict"]["well_formed"]), (3, &false.into()));
}

#[test]
fn the_version_is_that_of_the_crate() {
    let (exit, out, _) = run(&["version"]);
    assert_eq!((exit, out), (0, vec![format!("sipwright {}", env!("CARGO_PKG_VERSION"))]));
}
