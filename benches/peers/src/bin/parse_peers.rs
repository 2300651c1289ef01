//! `parse_peers PEER FILE parse|full N`: the peers' side of `benches/parse`, with the same two tasks and the same output.
//!
//! `parse` is the crate's own message parse as shipped; `full` also reads From, To, CSeq, top Via and Contact as typed values and prints
//! the message back.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

type Task = fn(&[u8]) -> Option<usize>;

/// The two crates share their ancestry, and so their names.
macro_rules! tasks {
    ($name:ident, $message:path, $($import:path),+) => {
        mod $name {
            $(use $import as _;)+
            use std::hint::black_box;

            pub fn parse(bytes: &[u8]) -> Option<usize> {
                let message = <$message>::try_from(bytes).ok()?;
                Some(usize::from(black_box(&message).is_request()))
            }

            pub fn full(bytes: &[u8]) -> Option<usize> {
                let message = <$message>::try_from(bytes).ok()?;
                let typed = (
                    message.from_header().ok()?.typed().ok()?,
                    message.to_header().ok()?.typed().ok()?,
                    message.cseq_header().ok()?.typed().ok()?,
                    message.via_header().ok()?.typed().ok()?,
                    message.contact_header().ok()?.typed().ok()?,
                );
                black_box(&typed);
                Some(message.to_string().len())
            }
        }
    };
}
tasks!(rsip_tasks, rsip::SipMessage, rsip::headers::ToTypedHeader, rsip::message::HeadersExt);
tasks!(rsipstack_tasks, rsipstack::sip::SipMessage, rsipstack::sip::prelude::HeadersExt, rsipstack::sip::prelude::ToTypedHeader);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, peer, file, mode, n] = &arguments[..] else { return ExitCode::from(2) };
    let task: Task = match (peer.as_str(), mode.as_str()) {
        ("rsip", "parse") => rsip_tasks::parse,
        ("rsip", "full") => rsip_tasks::full,
        ("rsipstack", "parse") => rsipstack_tasks::parse,
        ("rsipstack", "full") => rsipstack_tasks::full,
        _ => return ExitCode::from(2),
    };
    let (Ok(bytes), Ok(n)) = (std::fs::read(file), n.parse::<u32>()) else { return ExitCode::from(2) };
    let mut sum = 0usize;
    let start = Instant::now();
    for _ in 0..n {
        let Some(value) = task(black_box(&bytes)) else {
            eprintln!("{peer} does not parse {file}");
            return ExitCode::FAILURE;
        };
        sum = sum.wrapping_add(value);
    }
    println!("{peer} {mode} {:.1} ns sum {sum}", start.elapsed().as_nanos() as f64 / f64::from(n.max(1)));
    ExitCode::SUCCESS
}
