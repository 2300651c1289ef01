//! The story of a run: who sent what to whom, and what the applications heard. Two runs of one seed tell the same story.

use super::HostId;
use crate::base::Instant;
use std::fmt::Write;
use std::net::SocketAddr;

/// Lines of text, and a digest over all of them. Only the first `keep` lines are stored.
#[derive(Debug)]
pub struct Ladder {
    lines: Vec<String>,
    keep: usize,
    digest: u64,
    count: u64,
}

impl Ladder {
    pub(super) fn new(keep: usize) -> Self {
        Ladder { lines: Vec::new(), keep, digest: 0xcbf2_9ce4_8422_2325, count: 0 }
    }

    pub(super) fn message(&mut self, now: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8], fate: &str) {
        let first_line = bytes.split(|b| *b == b'\r').next().unwrap_or_default();
        let text = match bytes {
            _ if crate::stun::is_stun(bytes) => "STUN".into(),
            _ => String::from_utf8_lossy(first_line),
        };
        self.line(now, format_args!("{from} -> {to} {text}{fate}"));
    }

    pub(super) fn event(&mut self, now: Instant, host: HostId, event: &crate::agent::io::Event) {
        let kind = &event.kind;
        self.line(now, format_args!("host {} {:?} {kind:?}", host.0, event.call));
    }

    fn line(&mut self, now: Instant, args: std::fmt::Arguments<'_>) {
        let mut line = String::new();
        let ms = now.as_micros() / 1000;
        let _ = write!(line, "{ms:>9} {args}");
        // FNV-1a: equal stories have equal digests, and the digest costs nothing to keep.
        for byte in line.bytes().chain([b'\n']) {
            self.digest = (self.digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        self.count += 1;
        if self.lines.len() < self.keep {
            self.lines.push(line);
        }
    }

    /// The stored lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Digest over every line, stored or not.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        self.digest
    }

    /// How many lines there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }
}
