//! The corpus of the fuzz targets, replayed: what once broke something, what the targets found interesting, and the seeds of other
//! projects' fuzzers. Runs the very functions of `fuzz/src/lib.rs`.

#![allow(clippy::disallowed_methods, reason = "a budget of real time")]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;
mod support;

use std::path::{Path, PathBuf};
use std::time::Instant;

/// No input of the corpus may take longer than this, by far: the slowest takes a few milliseconds.
const LIMIT_S: f32 = 5.0;

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

/// Runs a target over files; the names of those that made it panic or that took too long.
fn broken(target: fn(&[u8]), files: &[PathBuf]) -> Vec<String> {
    let mut bad = Vec::new();
    for path in files {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let start = Instant::now();
        if std::panic::catch_unwind(|| target(&bytes)).is_err() {
            bad.push(format!("{}: panicked", path.display()));
        } else if start.elapsed().as_secs_f32() > LIMIT_S {
            bad.push(format!("{}: slower than {LIMIT_S} s", path.display()));
        }
    }
    bad
}

/// `fuzz/corpus/TARGET` and, where the big corpus is, the foreign seeds that suit the target.
fn replay(name: &str, foreign: &[&str]) {
    let target = fuzz::TARGETS.iter().find(|(n, _)| *n == name).expect("a target").1;
    let mut own = Vec::new();
    files(&support::root().join("fuzz/corpus").join(name), &mut own);
    assert!(!own.is_empty(), "fuzz/corpus/{name} is empty");
    let seeds =
        std::env::var_os("SIPWRIGHT_CORPUS").map_or_else(|| support::root().join("../shared/corpus"), PathBuf::from);
    let mut all = own;
    if seeds.is_dir() {
        for set in foreign {
            let before = all.len();
            files(&seeds.join(set), &mut all);
            assert!(all.len() > before, "{set} is empty");
        }
    } else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "the corpus is missing: set SIPWRIGHT_CORPUS");
        eprintln!("left out: {} (set SIPWRIGHT_CORPUS to the corpus directory)", foreign.join(", "));
    }
    all.sort();
    eprintln!("{name}: {} inputs", all.len());
    let bad = broken(target, &all);
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn agent_corpus() {
    replay("agent", &[]);
}

#[test]
fn message_corpus() {
    replay(
        "message",
        &[
            "fuzz-seeds/belle-sip-afl/sip",
            "fuzz-seeds/profuzzbench-sip",
            "fuzz-seeds/sipgo",
            "rfc4475-torture/raw",
            "sip-from-pcaps",
        ],
    );
}

#[test]
fn values_corpus() {
    replay("values", &["fuzz-seeds/sipgo"]);
}

#[test]
fn uri_corpus() {
    replay("uri", &["fuzz-seeds/sipgo"]);
}

#[test]
fn headers_corpus() {
    replay("headers", &["fuzz-seeds/sipgo"]);
}

#[test]
fn multipart_corpus() {
    replay("multipart", &["fuzz-seeds/sipgo"]);
}

#[test]
fn writer_corpus() {
    replay("writer", &["fuzz-seeds/sipgo"]);
}

#[test]
fn frame_corpus() {
    replay(
        "frame",
        &["fuzz-seeds/belle-sip-afl/sip", "fuzz-seeds/profuzzbench-sip", "rfc4475-torture/raw", "sip-from-pcaps"],
    );
}

#[test]
fn sdp_corpus() {
    replay("sdp", &["fuzz-seeds/webrtc", "fuzz-seeds/sdp-types", "sdp", "rfc-sdp"]);
}

#[test]
fn offer_answer_corpus() {
    replay("offer_answer", &["fuzz-seeds/webrtc", "fuzz-seeds/sdp-types", "sdp", "rfc-sdp"]);
}

#[test]
fn rtp_corpus() {
    replay(
        "rtp",
        &["fuzz-seeds/pion-rtcp", "fuzz-seeds/rtcp-types", "fuzz-seeds/webrtc", "fuzz-seeds/libsrtp", "media-packets"],
    );
}

#[test]
fn rtcp_corpus() {
    replay(
        "rtcp",
        &["fuzz-seeds/pion-rtcp", "fuzz-seeds/rtcp-types", "fuzz-seeds/webrtc/rtcp-corpus", "media-packets"],
    );
}

#[test]
fn jitter_corpus() {
    replay("jitter", &["fuzz-seeds/webrtc/rtp-corpus", "fuzz-seeds/libsrtp"]);
}

#[test]
fn session_corpus() {
    replay("session", &["fuzz-seeds/webrtc", "fuzz-seeds/libsrtp", "fuzz-seeds/rtcp-types", "media-packets"]);
}

#[test]
fn stun_corpus() {
    replay("stun", &["crypto-vectors/rfc5769", "fuzz-seeds/pion-rtcp"]);
}

#[test]
fn every_target_has_its_file_and_a_planted_fault_is_found() {
    for (name, _) in fuzz::TARGETS {
        let text = support::read(format!("fuzz/fuzz_targets/{name}.rs"));
        assert!(text.contains(&format!("::{name}(data)")), "fuzz_targets/{name}.rs runs something else");
    }
    let this = [support::root().join("Cargo.toml")];
    assert_eq!(broken(|data| assert!(data.is_empty(), "planted"), &this).len(), 1);
    assert_eq!(broken(|_| (), &this).len(), 0);
}
