//! What the user sees: results on stdout, progress and the live line on stderr.

use crate::args::Common;
use crate::events_json;
use sipwright::engine::{Event, Quality, Stats};
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Time between two drawings of the live line.
const REDRAW: Duration = Duration::from_millis(250);

/// The two streams.
#[derive(Debug)]
pub struct Screen {
    json: bool,
    quiet: bool,
    live: bool,
    /// A live line stands at the cursor.
    drawn: bool,
    /// When it is worth drawing again.
    redraw: Instant,
}

impl Screen {
    pub fn new(common: &Common) -> Self {
        let live =
            !common.quiet && std::io::stderr().is_terminal() && std::env::var_os("TERM").is_some_and(|t| t != "dumb");
        Screen { json: common.json, quiet: common.quiet, live, drawn: false, redraw: Instant::now() }
    }

    /// Whether somebody looks at a live line.
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// An event, as a line of JSON when asked for.
    pub fn event(&mut self, event: &Event) {
        if self.json {
            self.clear();
            line(&mut std::io::stdout(), &events_json::event(event).to_string());
        }
    }

    /// The result, which stdout is for; with `--json` the events are the result and this goes to stderr.
    pub fn result(&mut self, text: &str) {
        self.clear();
        if !self.json {
            line(&mut std::io::stdout(), text);
        } else if !self.quiet {
            line(&mut std::io::stderr(), text);
        }
    }

    /// Progress.
    pub fn progress(&mut self, text: &str) {
        if !self.quiet {
            self.clear();
            line(&mut std::io::stderr(), text);
        }
    }

    /// Something went wrong; shown also when quiet.
    pub fn trouble(&mut self, text: &str) {
        self.clear();
        line(&mut std::io::stderr(), text);
    }

    /// Draws the live line of a call anew.
    pub fn live(&mut self, elapsed: Duration, quality: &Quality) {
        let now = Instant::now();
        if self.live && now >= self.redraw {
            self.redraw = now + REDRAW;
            let seconds = elapsed.as_secs();
            let mut err = std::io::stderr();
            let _ = write!(err, "\r\x1b[K{:02}:{:02}  {}", seconds / 60, seconds % 60, figures(quality));
            let _ = err.flush();
            self.drawn = true;
        }
    }

    /// Counts and tables: one line of JSON, or a name and a number per line.
    pub fn stats(&mut self, stats: &Stats) {
        self.clear();
        line(&mut std::io::stdout(), &shown(stats, self.json));
    }

    /// Draws a line that the next one replaces, where somebody looks at it.
    pub fn status(&mut self, text: &str) {
        if self.live {
            let mut err = std::io::stderr();
            let _ = write!(err, "\r\x1b[K{text}");
            let _ = err.flush();
            self.drawn = true;
        }
    }

    /// The result: JSON when asked for, else the text.
    pub fn json_or(&mut self, json: &serde_json::Value, text: &str) {
        self.clear();
        let json = self.json.then(|| json.to_string());
        line(&mut std::io::stdout(), json.as_deref().unwrap_or(text));
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.drawn) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// `sent 250, received 248, loss 0.8 %, jitter 1.2 ms, MOS 4.35`.
pub fn figures(q: &Quality) -> String {
    let mos = if q.mos > 0.0 { format!("{:.2}", q.mos) } else { "unknown".into() };
    format!(
        "sent {}, received {}, loss {:.1} %, jitter {:.1} ms, MOS {mos}",
        q.sent, q.received, q.loss_pct, q.jitter_ms
    )
}

/// The figures of an engine as text.
pub fn shown(stats: &Stats, json: bool) -> String {
    let list = stats.list();
    if json {
        return events_json::stats(&list).to_string();
    }
    let width = list.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let lines: Vec<String> = list.iter().map(|(name, value)| format!("{name:<width$} {value}")).collect();
    lines.join("\n")
}

/// Whether the terminal can draw more than ASCII.
pub fn is_unicode() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()))
        .is_some_and(|v| v.to_ascii_uppercase().replace('-', "").contains("UTF8"))
}

/// A line in one write. A reader that has gone is no failure of the call.
fn line(out: &mut impl Write, text: &str) {
    let _ = out.write_all(format!("{text}\n").as_bytes());
    let _ = out.flush();
}
