//! The call flow as a ladder, from the engine's SIP trace: we on the left, each peer in a column of its own.

use sipwright::engine::{SipTrace, TraceDirection};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Messages that are kept; later ones are counted.
const KEPT: usize = 10_000;
/// Width between two columns.
const GAP: usize = 34;

/// Takes traced messages on the engine's threads and draws them at the end.
#[derive(Clone, Debug, Default)]
pub struct Ladder(Arc<Mutex<Rungs>>);

#[derive(Debug, Default)]
struct Rungs {
    kept: Vec<Rung>,
    left_out: u64,
}

#[derive(Debug)]
struct Rung {
    time_us: u64,
    sent: bool,
    local: SocketAddr,
    remote: SocketAddr,
    label: String,
    /// Tells repeats.
    bytes: Vec<u8>,
}

impl Ladder {
    /// Takes one traced message.
    pub fn take(&self, trace: &SipTrace<'_>) {
        let Some(label) = label(trace.bytes) else { return };
        let mut rungs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if rungs.kept.len() >= KEPT {
            rungs.left_out += 1;
            return;
        }
        rungs.kept.push(Rung {
            time_us: trace.time_us,
            sent: trace.direction == TraceDirection::Sent,
            local: trace.flow.local,
            remote: trace.flow.remote,
            label,
            bytes: trace.bytes.to_vec(),
        });
    }

    /// The picture; empty when nothing was traced.
    pub fn draw(&self, unicode: bool) -> String {
        let mut rungs = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rungs.kept.sort_by_key(|rung| rung.time_us);
        let Some(first) = rungs.kept.first() else { return String::new() };
        let (start, us) = (first.time_us, first.local);
        let mut peers: Vec<SocketAddr> = vec![];
        for rung in &rungs.kept {
            if !peers.contains(&rung.remote) {
                peers.push(rung.remote);
            }
        }
        let ink = if unicode { Ink::UNICODE } else { Ink::ASCII };
        let mut out = heading(us, &peers);
        for (n, rung) in rungs.kept.iter().enumerate() {
            let again =
                rungs.kept[..n].iter().any(|r| r.sent == rung.sent && r.remote == rung.remote && r.bytes == rung.bytes);
            let label = if again { format!("{} (again)", rung.label) } else { rung.label.clone() };
            let column = peers.iter().position(|p| *p == rung.remote).unwrap_or(0);
            let time = (rung.time_us - start) as f64 / 1e6;
            let _ = writeln!(out, "{time:8.3} s  {}", ink.rung(peers.len(), column, rung.sent, &label));
        }
        if rungs.left_out > 0 {
            let _ = writeln!(out, "{} more messages are left out", rungs.left_out);
        }
        out
    }
}

/// Names over the columns.
fn heading(us: SocketAddr, peers: &[SocketAddr]) -> String {
    let mut line = format!("{:12}{us}", "");
    for (n, peer) in peers.iter().enumerate() {
        let name = peer.to_string();
        let at = 12 + (n + 1) * (GAP + 1);
        // Centred under the column as far as the name before leaves room.
        let at = at.saturating_sub(name.len() / 2).max(line.chars().count() + 2);
        let pad = at - line.chars().count();
        let _ = write!(line, "{:pad$}{name}", "");
    }
    line.push('\n');
    line
}

/// What lines are made of.
struct Ink {
    pole: char,
    dash: char,
    left: char,
    right: char,
}

impl Ink {
    const UNICODE: Ink = Ink { pole: '│', dash: '─', left: '◀', right: '▶' };
    const ASCII: Ink = Ink { pole: '|', dash: '-', left: '<', right: '>' };

    /// One line: poles, and an arrow from us to the column or back, through the poles between.
    fn rung(&self, columns: usize, column: usize, sent: bool, label: &str) -> String {
        let width = (column + 1) * (GAP + 1) - 1;
        let label: String = label.chars().take(width.saturating_sub(6)).collect();
        let dashes = width - label.chars().count() - 3;
        let before = dashes / 2;
        let line = |n: usize| self.dash.to_string().repeat(n);
        let mut out = String::from(self.pole);
        if sent {
            let _ = write!(out, "{} {label} {}{}", line(before), line(dashes - before), self.right);
        } else {
            let _ = write!(out, "{}{} {label} {}", self.left, line(before), line(dashes - before));
        }
        out.push(self.pole);
        for _ in column + 1..columns {
            let _ = write!(out, "{:GAP$}{}", "", self.pole);
        }
        out
    }
}

/// `INVITE (SDP)`, `200 OK (INVITE)`; `None` for what is no SIP message, such as a keep-alive.
fn label(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let first = text.lines().next()?.trim();
    let header = |names: [&str; 2]| {
        text.lines().skip(1).take_while(|l| !l.is_empty()).find_map(|l| {
            let (name, value) = l.split_once(':')?;
            names.iter().any(|n| name.trim().eq_ignore_ascii_case(n)).then(|| value.trim().to_owned())
        })
    };
    let sdp = header(["Content-Type", "c"]).is_some_and(|t| t.to_ascii_lowercase().starts_with("application/sdp"));
    let body = if sdp { " (SDP)" } else { "" };
    if let Some(status) = first.strip_prefix("SIP/2.0 ") {
        let method =
            header(["CSeq", "CSeq"]).and_then(|c| c.split_whitespace().nth(1).map(str::to_owned)).unwrap_or_default();
        return Some(format!("{status} ({method}){body}"));
    }
    let (method, rest) = first.split_once(' ')?;
    rest.ends_with("SIP/2.0").then(|| format!("{method}{body}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sipwright::base::Flow;

    fn trace(ladder: &Ladder, time_us: u64, sent: bool, peer: &str, bytes: &str) {
        ladder.take(&SipTrace {
            direction: if sent { TraceDirection::Sent } else { TraceDirection::Received },
            flow: Flow::udp("127.0.0.1:5060".parse().unwrap(), peer.parse().unwrap()),
            time_us,
            bytes: bytes.as_bytes(),
        });
    }

    #[test]
    fn a_call_is_drawn() {
        let ladder = Ladder::default();
        let invite = "INVITE sip:b@b SIP/2.0\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n";
        trace(&ladder, 1_000_000, true, "127.0.0.1:5070", invite);
        trace(&ladder, 1_500_000, true, "127.0.0.1:5070", invite);
        trace(&ladder, 1_501_000, false, "127.0.0.1:5070", "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n");
        trace(&ladder, 1_600_000, true, "127.0.0.1:5070", "\r\n\r\n");
        trace(&ladder, 1_700_000, false, "10.0.0.1:5060", "BYE sip:a@a SIP/2.0\r\nCSeq: 2 BYE\r\n\r\n");
        let drawn = ladder.draw(false);
        let lines: Vec<&str> = drawn.lines().collect();
        assert_eq!(lines.len(), 5, "{drawn}");
        assert!(lines[0].contains("127.0.0.1:5060") && lines[0].contains("10.0.0.1:5060"));
        assert!(
            lines[1].starts_with("   0.000 s  |--") && lines[1].contains("- INVITE (SDP) -") && lines[1].contains(">|")
        );
        assert!(lines[2].contains("INVITE (SDP) (again)"));
        assert!(lines[3].contains("|<-") && lines[3].contains("200 OK (INVITE)"));
        assert!(lines[4].contains("BYE") && lines[4].ends_with("-|"));
        let widths: Vec<usize> = lines[1..].iter().map(|l| l.chars().count()).collect();
        assert!(widths.iter().all(|w| *w == widths[0]), "{drawn}");
        assert!(ladder.draw(true).contains('▶'));
    }

    #[test]
    fn nothing_traced_draws_nothing() {
        assert_eq!(Ladder::default().draw(true), "");
    }
}
