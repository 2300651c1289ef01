//! `parse FILE parse|typed|full N`: reads the SIP message in FILE N times and prints what one reading cost.
//!
//! `parse` frames and indexes; `typed` also reads From, To, CSeq, top Via and Contact; `full` also prints the message back.

use sipwright::message::Message;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

fn parse(bytes: &[u8]) -> Option<usize> {
    let message = Message::parse(bytes).ok()?;
    Some(black_box(&message).body().len())
}

fn typed(bytes: &[u8]) -> Option<Message<'_>> {
    let message = Message::parse(bytes).ok()?;
    let typed = (message.from().ok()?, message.to().ok()?, message.cseq().ok()?, message.via().ok()?, message.contacts().next());
    black_box(&typed);
    Some(message)
}

fn full(bytes: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let message = typed(bytes)?;
    out.clear();
    message.write(out);
    Some(out.len())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, mode, n] = &arguments[..] else { return ExitCode::from(2) };
    let (Ok(bytes), Ok(n)) = (std::fs::read(file), n.parse::<u32>()) else { return ExitCode::from(2) };
    let mut out = Vec::with_capacity(4096);
    let mut once = || match mode.as_str() {
        "parse" => parse(black_box(&bytes)),
        "typed" => typed(black_box(&bytes)).map(|message| message.body().len()),
        _ => full(black_box(&bytes), &mut out),
    };
    let mut sum = 0usize;
    let start = Instant::now();
    for _ in 0..n {
        let Some(value) = once() else {
            eprintln!("{file} is not well-formed");
            return ExitCode::FAILURE;
        };
        sum = sum.wrapping_add(value);
    }
    println!("sipwright {mode} {:.1} ns sum {sum}", start.elapsed().as_nanos() as f64 / f64::from(n.max(1)));
    ExitCode::SUCCESS
}
