//! `call`: one call, or many at a rate, from dialling to the end.

use crate::args::{CallArgs, Media};
use crate::exit::{Exit, Trouble};
use crate::screen::figures;
use crate::session::{Next, Session, Wish};
use sipwright::base::id::CallId;
use sipwright::engine::{Event, EventKind, Quality};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A call that is up, or on its way.
pub struct Leg {
    /// Its number, from 1.
    pub number: u32,
    /// The peer has said something.
    heard: bool,
    /// When it was answered.
    pub answered: Option<Instant>,
    /// When it is to be hung up.
    pub hangup_at: Option<Instant>,
    /// Plays and digits that have not ended.
    busy: u32,
    /// Whether the end of plays and digits ends the call.
    ends_when_done: bool,
    /// Media failed.
    failed: bool,
}

impl Leg {
    pub fn new(number: u32, ends_when_done: bool) -> Self {
        Leg { number, heard: false, answered: None, hangup_at: None, busy: 0, ends_when_done, failed: false }
    }

    /// What both directions do with an event of a call: start audio at the answer, tell progress.
    pub fn on_event(&mut self, session: &mut Session, media: &Media, event: &Event) {
        match &event.kind {
            EventKind::CallProgress { outcome, .. } => {
                self.heard = true;
                session.screen.progress(&format!("{} {}", outcome.status, outcome.reason));
            }
            EventKind::CallAnswered { codec } => {
                self.heard = true;
                let codec = codec.map(|c| format!(" with {}", c.name())).unwrap_or_default();
                session.screen.progress(&format!("answered{codec}"));
                self.start(session, media, event.call);
            }
            EventKind::PlayDone { played_ms, interrupted: false, .. } => {
                session.screen.progress(&format!("played {:.1} s", *played_ms as f64 / 1000.0));
                self.done(event.call, session);
            }
            EventKind::DtmfSent => self.done(event.call, session),
            EventKind::Dtmf { digit, .. } => session.screen.progress(&format!("key {digit}")),
            EventKind::CallHeld(held) => {
                session.screen.progress(if *held { "held by the peer" } else { "resumed by the peer" })
            }
            EventKind::RtpTimeout => {
                self.failed |= media.rtp_timeout.is_some();
                session.screen.progress("nothing is heard any more");
            }
            EventKind::MediaFailed { reason } => {
                self.failed = true;
                session.screen.trouble(&format!("media failed: {reason}"));
            }
            _ => {}
        }
    }

    /// Starts what the command line asks for.
    fn start(&mut self, session: &mut Session, media: &Media, call: CallId) {
        let now = Instant::now();
        self.answered = Some(now);
        self.hangup_at = media.duration.map(|d| now + d);
        let engine = session.engine.clone();
        if let Some(path) = media.record_path(self.number) {
            self.tried(session, engine.record_file(call, &path, !media.mono), 0);
        }
        if let Some(path) = &media.play {
            let busy = u32::from(!media.repeat);
            self.tried(session, engine.play_file(call, path, media.repeat).map(drop), busy);
        }
        if let Some(digits) = &media.send_dtmf {
            self.tried(session, engine.send_dtmf(call, digits, 0), 1);
        }
    }

    fn tried(&mut self, session: &mut Session, result: Result<(), sipwright::engine::Error>, busy: u32) {
        match result {
            Ok(()) => self.busy += busy,
            Err(error) => {
                self.failed = true;
                session.screen.trouble(&error.message);
            }
        }
    }

    fn done(&mut self, call: CallId, session: &Session) {
        self.busy = self.busy.saturating_sub(1);
        if self.busy == 0 && self.ends_when_done && self.hangup_at.is_none() {
            // Gone already is as good.
            let _ = session.engine.hangup(call, 0);
        }
    }

    /// Tells how a call ended, and gives its exit code.
    pub fn ended(&self, session: &mut Session, media: &Media, event: &Event) -> Exit {
        let EventKind::CallEnded { outcome, quality } = &event.kind else { return Exit::Ok };
        let exit = Exit::of(outcome, self.heard);
        let Some(answered) = self.answered else {
            let exit = exit.or(Exit::NoAnswer);
            session.screen.result(&format!("not answered: {} {}", outcome.status, outcome.reason));
            return exit;
        };
        let heard = quality.as_ref().is_some_and(|q| q.received > 0);
        let exit = if self.failed || (media.record.is_some() && !heard) { Exit::NoMedia } else { exit };
        let seconds = answered.elapsed().as_secs_f64();
        let figures =
            quality.as_ref().filter(|_| !media.no_media).map(|q| format!("; {}", figures(q))).unwrap_or_default();
        let end =
            if outcome.status == 200 { String::new() } else { format!(" ({} {})", outcome.status, outcome.reason) };
        session.screen.result(&format!("call of {seconds:.1} s{end}{figures}"));
        if let Some(path) = media.record_path(self.number) {
            session.screen.progress(&format!("recorded to {}", path.display()));
        }
        exit
    }
}

/// Draws the live line when exactly one call is up.
pub fn live(session: &mut Session, legs: &BTreeMap<CallId, Leg>) {
    let mut up = legs.iter().filter_map(|(call, leg)| Some((call, leg.answered?)));
    if let (Some((call, answered)), None) = (up.next(), up.next()) {
        let quality: Quality = session.engine.quality(*call).unwrap_or_default();
        session.screen.live(answered.elapsed(), &quality);
    }
}

/// Hangs up the calls whose time is over; the next such time.
pub fn hang_up_due(session: &Session, legs: &mut BTreeMap<CallId, Leg>) -> Option<Instant> {
    let now = Instant::now();
    for (call, leg) in legs.iter_mut() {
        if leg.hangup_at.is_some_and(|at| at <= now) {
            leg.hangup_at = None;
            let _ = session.engine.hangup(*call, 0);
        }
    }
    legs.values().filter_map(|leg| leg.hangup_at).min()
}

pub fn run(args: CallArgs) -> Result<Exit, Trouble> {
    args.media.check()?;
    if !(args.rate > 0.0 && args.rate <= 100_000.0) {
        return Err(Trouble::usage("--rate: give more than 0 and at most 100000 calls per second"));
    }
    let register = args.register.then_some(3600);
    let mut session = Session::start(
        &args.common,
        Wish { register, codecs: args.media.codec.clone(), rtp_timeout: args.media.rtp_timeout, ..Wish::default() },
    )?;
    let result = calls(&mut session, &args);
    session.finish();
    result
}

fn calls(session: &mut Session, args: &CallArgs) -> Result<Exit, Trouble> {
    if args.register {
        wait_registered(session)?;
    }
    let mut options = args.media.options();
    options.ring_timeout = Some(args.ring_timeout);
    let ends_when_done = args.media.play.is_some() || args.media.send_dtmf.is_some();
    let gap = Duration::from_secs_f64(1.0 / args.rate);
    let mut legs: BTreeMap<CallId, Leg> = BTreeMap::new();
    let (mut dialled, mut next_dial, mut stopping, mut exit) = (0, Instant::now(), false, Exit::Ok);
    if args.max_calls == 1 {
        session.screen.progress(&format!("calling {}", args.target));
    }
    loop {
        while dialled < args.max_calls && !stopping && next_dial <= Instant::now() {
            let call = session.engine.dial(session.account, &args.target, options.clone(), 0)?;
            dialled += 1;
            next_dial += gap;
            legs.insert(call, Leg::new(dialled, ends_when_done));
        }
        if legs.is_empty() && (stopping || dialled == args.max_calls) {
            return Ok(exit);
        }
        let due = hang_up_due(session, &mut legs);
        let dial = (dialled < args.max_calls && !stopping).then_some(next_dial);
        match session.next(due.into_iter().chain(dial).min()) {
            Next::Event(delivered) => {
                let event = &delivered.event;
                if event.kind.is_terminal() {
                    if let Some(leg) = legs.remove(&event.call) {
                        exit = exit.or(leg.ended(session, &args.media, event));
                    }
                } else if let Some(leg) = legs.get_mut(&event.call) {
                    leg.on_event(session, &args.media, event);
                }
            }
            Next::Signal => {
                stopping = true;
                session.screen.progress("hanging up");
                legs.keys().for_each(|call| drop(session.engine.hangup(*call, 0)));
            }
            Next::Nothing => live(session, &legs),
        }
    }
}

fn wait_registered(session: &mut Session) -> Result<(), Trouble> {
    loop {
        match session.next(None) {
            Next::Event(delivered) => match &delivered.event.kind {
                EventKind::Registered { .. } => return Ok(()),
                EventKind::RegisterFailed(outcome) => {
                    let message = format!("not registered: {} {}", outcome.status, outcome.reason);
                    return Err(Trouble { exit: Exit::of(outcome, !outcome.local).or(Exit::Failed), message });
                }
                _ => {}
            },
            Next::Signal => return Err(Trouble { exit: Exit::NoAnswer, message: "interrupted".into() }),
            Next::Nothing => {}
        }
    }
}
