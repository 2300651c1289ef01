//! Time grows with the size of a message and no faster: counted in instructions by valgrind, so that a busy machine changes nothing.
//! Security class H: 1 KiB thirty times must cost as much as 30 KiB once.

use super::exercise;
use std::process::Command;

const HEAD: &str = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n\
    Call-ID: 1\r\nCSeq: 1 INVITE\r\n";

/// Adversarial headers: a start, a piece that is repeated, an end.
const SHAPES: [(&str, &str, &str); 12] = [
    ("Contact: <sip:a>", ", <sip:a>", ""),
    ("Contact: \"", "\\\"", "\" <sip:a>"),
    ("Contact: ", ",", ""),
    ("Contact: <sip:a>", ";a=\"b;c\"", ""),
    ("Contact: <sip:a>", ";", ""),
    ("Subject: x", "\r\n y", ""),
    ("", "x\r\n", ""),
    ("", "a:b\r\n", ""),
    ("Retry-After: 1 ", "(", ""),
    ("WWW-Authenticate: Digest a=b", ", Digest a=b", ""),
    ("Contact: <sip:a?", "a=b&", "a=b>"),
    ("Contact: ", "<\"", ""),
];

fn message(shape: usize, size: usize) -> Vec<u8> {
    let (start, piece, end) = SHAPES[shape];
    let mut text = format!("{HEAD}{start}");
    while text.len() < size {
        text.push_str(piece);
    }
    text.push_str(end);
    text.push_str("\r\n\r\n");
    text.into_bytes()
}

/// Does the work that the other test counts, when it is told to.
#[test]
fn counted_work() {
    let Ok(order) = std::env::var("SIPWRIGHT_LINEAR") else { return };
    let numbers: Vec<usize> = order.split(',').map(|n| n.parse().unwrap()).collect();
    let bytes = message(numbers[0], numbers[1]);
    for _ in 0..numbers[2] {
        exercise(&bytes);
    }
}

fn instructions(shape: usize, size: usize, times: usize) -> Option<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "linear::counted_work", "--test-threads=1"])
        .env("SIPWRIGHT_LINEAR", format!("{shape},{size},{times}"))
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| line.contains("Collected"))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn instructions_grow_with_the_size_and_no_faster() {
    let Some(idle) = instructions(0, 1024, 0) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "valgrind is missing: apt-get install valgrind");
        eprintln!("left out: {} shapes (valgrind is needed to count instructions)", SHAPES.len());
        return;
    };
    for (shape, text) in SHAPES.iter().enumerate() {
        let small = instructions(shape, 1024, 30).unwrap() - idle;
        let large = instructions(shape, 30 * 1024, 1).unwrap() - idle;
        eprintln!("{:.2} {text:?}", large / small);
        assert!(large < small * 1.5, "{text:?}: {small} instructions for 30 of 1 KiB, {large} for one of 30 KiB");
    }
}
