//! `load`: calls at a rate, for a time, and what became of them. The program is the caller: its own engine dials, measures and hangs up,
//! with the events on the signalling threads themselves.

use crate::args::LoadArgs;
use crate::exit::{Exit, Trouble};
use crate::histogram::Histogram;
use crate::session::{Session, Wish};
use crossbeam_channel::{Receiver, Sender};
use serde_json::{Map, Value, json};
use sipwright::base::id::CallId;
use sipwright::dsp::Tone;
use sipwright::engine::{CallOptions, Codec, Delivered, Delivery, Engine, EventKind};
use sipwright::media::io::Source;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Calls are dialled in batches of what is due, so often.
const TICK: Duration = Duration::from_millis(1);
/// Calls dialled in one go at most, so that hang-ups get their turn.
const BATCH: u64 = 500;
/// What calls that nobody answers take to end by themselves: 64*T1 and a little.
const LAST: Duration = Duration::from_secs(40);
/// Time between two progress lines.
const PROGRESS: Duration = Duration::from_secs(1);

pub fn run(args: LoadArgs) -> Result<Exit, Trouble> {
    if !(args.rate > 0.0 && args.rate <= 1_000_000.0) {
        return Err(Trouble::usage("--rate: give more than 0 and at most 1000000 calls per second"));
    }
    let start = Instant::now();
    let (hold, held) = crossbeam_channel::unbounded();
    let mut wish = Wish::default();
    if args.media.is_some() {
        wish.codecs = vec![Codec::Pcmu, Codec::Pcma];
    }
    let score = Arc::new(Score::default());
    let (engine, counted) = (Arc::clone(&wish.engine), Arc::clone(&score));
    let (stay, media) = (args.hold, args.media.is_some());
    wish.delivery = Delivery::Inline(Box::new(move |delivered| {
        // No call is dialled before the engine is there.
        if let Some(engine) = engine.get() {
            counted.event(engine, delivered, start, stay, media, &hold);
        }
    }));
    let mut session = Session::start(&args.common, wish)?;
    session.screen.progress(&format!("{} calls/s to {} for {:?}", args.rate, args.target, args.duration));
    let options = CallOptions { no_media: !media, ring_timeout: Some(LAST), ..CallOptions::default() };
    let mut run = Run { start, attempted: 0, shown: Instant::now(), up: VecDeque::new(), stopped: false };
    run.dial(&mut session, &args, &options, &score, &held);
    let dialled_for = start.elapsed();
    run.drain(&mut session, &args, &score, &held);
    let result = Outcome::new(&run, &session, &score, dialled_for);
    session.screen.json_or(&result.json(), &result.table());
    session.finish();
    Ok(if result.failed == 0 && result.ok > 0 { Exit::Ok } else { Exit::Failed })
}

/// What the signalling threads note.
#[derive(Default)]
struct Score {
    answered: AtomicU64,
    ok: AtomicU64,
    ended: AtomicU64,
    failed: Mutex<BTreeMap<(u16, String), u64>>,
    setup: Histogram,
}

impl Score {
    fn event(
        &self,
        engine: &Engine,
        delivered: &Delivered,
        start: Instant,
        stay: Duration,
        media: bool,
        hold: &Sender<(CallId, Instant)>,
    ) {
        let call = delivered.event.call;
        // A call that is gone already needs nothing more, so no result here matters.
        match &delivered.event.kind {
            EventKind::CallAnswered { .. } => {
                let now = Instant::now();
                let dialled = Duration::from_micros(delivered.user as u64);
                self.setup.add(now.duration_since(start).saturating_sub(dialled));
                self.answered.fetch_add(1, Ordering::Relaxed);
                if media {
                    let _ = engine.play_source(call, Box::new(Beep(Tone::new(8000, 440.0, -20.0))));
                }
                if stay.is_zero() {
                    let _ = engine.hangup(call, 0);
                } else {
                    let _ = hold.send((call, now + stay));
                }
            }
            // Nobody is expected to call a load generator.
            EventKind::CallIncoming { .. } => drop(engine.hangup(call, 486)),
            EventKind::CallEnded { outcome, .. } if delivered.user != 0 => {
                if outcome.status == 200 {
                    self.ok.fetch_add(1, Ordering::Relaxed);
                } else {
                    self.fail(outcome.status, &outcome.reason);
                }
                self.ended.fetch_add(1, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    fn fail(&self, status: u16, reason: &str) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        // Reasons that the peer makes up are not kept without bound.
        let known = failed.len() < 64 || failed.contains_key(&(status, reason.to_owned()));
        let reason = if known { reason } else { "other reasons" };
        *failed.entry((status, reason.to_owned())).or_default() += 1;
    }
}

/// A tone without end.
struct Beep(Tone);

impl Source for Beep {
    fn rate_hz(&self) -> u32 {
        8000
    }

    fn read(&mut self, out: &mut [i16]) -> usize {
        out.fill(0);
        self.0.mix(out);
        out.len()
    }

    fn is_finished(&self) -> bool {
        false
    }
}

/// The course of the run, on the main thread.
struct Run {
    start: Instant,
    attempted: u64,
    shown: Instant,
    /// Calls that are up, with the time of their end: all are held as long, so they end in the order of their answers.
    up: VecDeque<(CallId, Instant)>,
    stopped: bool,
}

impl Run {
    /// Dials what is due, until the time is over.
    fn dial(
        &mut self,
        session: &mut Session,
        args: &LoadArgs,
        options: &CallOptions,
        score: &Score,
        held: &Receiver<(CallId, Instant)>,
    ) {
        loop {
            let elapsed = self.start.elapsed().min(args.duration);
            let due = (elapsed.as_secs_f64() * args.rate).floor() as u64;
            // The first call goes at once, the last before the end.
            let due = (due + 1).min((args.duration.as_secs_f64() * args.rate).round().max(1.0) as u64);
            for _ in 0..due.saturating_sub(self.attempted).min(BATCH) {
                self.attempted += 1;
                let dialled = (self.start.elapsed().as_micros() as usize).max(1);
                if let Err(error) = session.engine.dial(session.account, &args.target, options.clone(), dialled) {
                    score.fail(503, &error.message);
                    score.ended.fetch_add(1, Ordering::Relaxed);
                }
            }
            self.turn(session, score, held);
            if self.stopped || elapsed >= args.duration && self.attempted >= due {
                return;
            }
            if self.attempted >= due {
                std::thread::sleep(TICK);
            }
        }
    }

    /// Waits for the calls that are under way.
    fn drain(&mut self, session: &mut Session, args: &LoadArgs, score: &Score, held: &Receiver<(CallId, Instant)>) {
        let end = Instant::now() + args.hold + LAST;
        while !self.stopped && score.ended.load(Ordering::Relaxed) < self.attempted && Instant::now() < end {
            self.turn(session, score, held);
            std::thread::sleep(TICK);
        }
    }

    /// Hangs up what was held long enough, shows progress, looks for a signal.
    fn turn(&mut self, session: &mut Session, score: &Score, held: &Receiver<(CallId, Instant)>) {
        self.up.extend(held.try_iter());
        let now = Instant::now();
        while let Some((call, _)) = self.up.front().copied().filter(|(_, end)| *end <= now) {
            self.up.pop_front();
            // Gone already is as good.
            let _ = session.engine.hangup(call, 0);
        }
        if session.screen.is_live() && now.duration_since(self.shown) >= PROGRESS {
            self.shown = now;
            let (answered, ended) = (score.answered.load(Ordering::Relaxed), score.ended.load(Ordering::Relaxed));
            let ok = score.ok.load(Ordering::Relaxed);
            session.screen.status(&format!(
                "{:>5} s  attempted {}  under way {}  answered {answered}  ok {ok}  failed {}",
                self.start.elapsed().as_secs(),
                self.attempted,
                self.attempted.saturating_sub(ended),
                ended.saturating_sub(ok),
            ));
        }
        self.stopped |= session.is_signalled();
    }
}

/// What came of it.
struct Outcome {
    attempted: u64,
    ok: u64,
    failed: u64,
    failures: BTreeMap<(u16, String), u64>,
    retransmissions: u64,
    seconds: f64,
    setup_ms: [f64; 4],
    cpu_us: Option<f64>,
}

impl Outcome {
    fn new(run: &Run, session: &Session, score: &Score, dialled_for: Duration) -> Outcome {
        let ok = score.ok.load(Ordering::Relaxed);
        let mut failures = score.failed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let unfinished = run.attempted.saturating_sub(score.ended.load(Ordering::Relaxed));
        if unfinished > 0 {
            failures.insert((0, "not ended".to_owned()), unfinished);
        }
        let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
        Outcome {
            attempted: run.attempted,
            ok,
            failed: run.attempted.saturating_sub(ok),
            failures,
            retransmissions: session.engine.stats().traffic.retransmissions_sent,
            seconds: dialled_for.as_secs_f64(),
            setup_ms: [0.5, 0.95, 0.99, 1.0].map(|share| ms(score.setup.quantile(share))),
            cpu_us: cpu_time().map(|cpu| cpu.as_secs_f64() * 1e6 / run.attempted.max(1) as f64),
        }
    }

    fn json(&self) -> Value {
        let round = |x: f64| (x * 1000.0).round() / 1000.0;
        let mut failures = Map::new();
        for ((status, reason), count) in &self.failures {
            failures.insert(format!("{status} {reason}"), (*count).into());
        }
        let [p50, p95, p99, max] = self.setup_ms.map(round);
        json!({
            "type": "load", "attempted": self.attempted, "ok": self.ok, "failed": self.failed, "failures": failures,
            "retransmissions": self.retransmissions, "seconds": round(self.seconds),
            "rate": round(self.attempted as f64 / self.seconds.max(1e-9)),
            "setup_ms": { "p50": p50, "p95": p95, "p99": p99, "max": max },
            "cpu_us_per_call": self.cpu_us.map(round),
        })
    }

    fn table(&self) -> String {
        let [p50, p95, p99, max] = self.setup_ms;
        let mut lines = vec![
            format!("attempted        {} in {:.1} s", self.attempted, self.seconds),
            format!("ok               {}", self.ok),
            format!("failed           {}", self.failed),
        ];
        for ((status, reason), count) in &self.failures {
            lines.push(format!("  {count} x {status} {reason}"));
        }
        lines.push(format!("retransmissions  {}", self.retransmissions));
        lines.push(format!("setup            p50 {p50:.2} ms, p95 {p95:.2} ms, p99 {p99:.2} ms, max {max:.2} ms"));
        match self.cpu_us {
            Some(us) => lines.push(format!("CPU per call     {us:.0} us")),
            None => lines.push("CPU per call     unknown on this system".to_owned()),
        }
        lines.join("\n")
    }
}

/// Processor time of this process so far.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    // Fields 14 and 15 (utime, stime), counted behind the name, which is in brackets; in ticks of 10 ms.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_millis(ticks * 10))
}
