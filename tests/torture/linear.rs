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

/// Does the work that the other test counts, when it is told to: `shape,size,times`, where the shape `all` is each in turn.
#[test]
fn counted_work() {
    let Ok(order) = std::env::var("SIPWRIGHT_LINEAR") else { return };
    let mut words = order.split(',');
    let mut number = || words.next().unwrap().parse::<usize>().ok();
    let (shape, size, times) = (number(), number().unwrap(), number().unwrap());
    for shape in shape.map_or(0..SHAPES.len(), |one| one..one + 1) {
        let bytes = message(shape, size);
        for _ in 0..times {
            exercise(&bytes);
        }
    }
}

fn instructions(shape: &str, size: usize, times: usize) -> Option<f64> {
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

/// What 30 KiB once cost beside 1 KiB thirty times.
fn ratio(shape: &str, idle: f64) -> f64 {
    let small = instructions(shape, 1024, 30).unwrap() - idle;
    let large = instructions(shape, 30 * 1024, 1).unwrap() - idle;
    large / small
}

#[test]
fn instructions_grow_with_the_size_and_no_faster() {
    let Some(idle) = instructions("all", 1024, 0) else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "valgrind is missing: apt-get install valgrind");
        eprintln!("left out: {} shapes (valgrind is needed to count instructions)", SHAPES.len());
        return;
    };
    // All at once, because each start of valgrind takes a second. One shape of quadratic time costs thirty times its share; one by one
    // they tell which it is.
    let all = ratio("all", idle);
    eprintln!("30 KiB once costs {all:.2} of 1 KiB thirty times");
    if all > 1.25 {
        let each = SHAPES.iter().enumerate().map(|(n, shape)| format!("{:.2} {shape:?}", ratio(&n.to_string(), idle)));
        panic!("{:#?}", each.collect::<Vec<_>>());
    }
}
