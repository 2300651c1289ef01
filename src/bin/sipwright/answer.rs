//! `answer`: takes calls until SIGTERM, or a number of them.

use crate::args::AnswerArgs;
use crate::call::{Leg, hang_up_due, live};
use crate::exit::{Exit, Trouble};
use crate::screen::Screen;
use crate::session::{Next, Session, Wish, secret_file};
use sipwright::base::id::CallId;
use sipwright::engine::{AuthConfig, Delivered, Delivery, Event, EventKind, RequestAnswer};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// Where a phone listens when nothing is said. RFC 3261 s19.1.2.
const WELL_KNOWN: &[&str] = &["udp://0.0.0.0:5060", "tcp://0.0.0.0:5060"];

pub fn run(args: AnswerArgs) -> Result<Exit, Trouble> {
    args.media.check()?;
    let registers = args.common.user.is_some() && !args.no_register;
    let wish = Wish {
        register: registers.then_some(3600),
        listen: if registers { &[] } else { WELL_KNOWN },
        codecs: args.media.codec.clone(),
        rtp_timeout: args.media.rtp_timeout,
        methods: args.take.clone(),
        auth: auth(&args)?,
        ..Wish::default()
    };
    // A load driver measures the stack: nothing to print, so each call is served on its own signalling thread.
    let plain = args.media.no_media && args.common.quiet && !args.common.json;
    if plain && args.ring.is_zero() && args.take.is_empty() && args.media.duration.is_none() {
        inline(&args, wish)
    } else {
        queued(&args, wish)
    }
}

/// Whom callers must prove to be: the users of the file.
fn auth(args: &AnswerArgs) -> Result<Option<AuthConfig>, Trouble> {
    let (Some(realm), Some(path)) = (&args.auth_realm, &args.auth_users) else { return Ok(None) };
    let text = secret_file("--auth-users", path, &mut Screen::new(&args.common))?;
    let bad = || Trouble::usage(format!("--auth-users {}: write USER:PASSWORD in each line", path.display()));
    let mut config = AuthConfig::realm(realm);
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (user, password) = line.split_once(':').ok_or_else(bad)?;
        config = config.user(user, password);
    }
    Ok(Some(config))
}

/// 180, then 200 (or the refusal), inside the engine's own callback.
fn inline(args: &AnswerArgs, mut wish: Wish) -> Result<Exit, Trouble> {
    let (finished, done) = crossbeam_channel::bounded(1);
    let (taken, ended) = (AtomicU32::new(0), AtomicU32::new(0));
    let (limit, reject, options) = (args.max_calls.unwrap_or(u32::MAX), args.reject, args.media.options());
    let engine = Arc::clone(&wish.engine);
    wish.delivery = Delivery::Inline(Box::new(move |delivered: &Delivered| {
        // The first call may come before the program has its engine in hand.
        let engine = engine.wait();
        let call = delivered.event.call;
        // A call that is gone already needs nothing more, so no result here matters.
        match &delivered.event.kind {
            EventKind::CallIncoming { .. } if limit != u32::MAX && taken.fetch_add(1, Ordering::Relaxed) >= limit => {
                let _ = engine.hangup(call, 486);
            }
            EventKind::CallIncoming { .. } => {
                if let Some(status) = reject {
                    let _ = engine.hangup(call, status);
                } else {
                    let _ = engine.ring(call, 180, false);
                    let _ = engine.answer(call, options.clone());
                }
            }
            EventKind::CallEnded { .. } if ended.fetch_add(1, Ordering::Relaxed) + 1 == limit => {
                let _ = finished.try_send(());
            }
            _ => {}
        }
    }));
    let session = Session::start(&args.common, wish)?;
    session.wait_signal(&done);
    session.finish();
    Ok(Exit::Ok)
}

/// With media, events or progress: from the queue.
fn queued(args: &AnswerArgs, wish: Wish) -> Result<Exit, Trouble> {
    let mut session = Session::start(&args.common, wish)?;
    session.tell_listeners();
    let mut desk = Desk { args, legs: BTreeMap::new(), ringing: BTreeMap::new(), taken: 0, ended: 0, exit: Exit::Ok };
    let mut stopping = false;
    while !(stopping && desk.legs.is_empty()) && args.max_calls.is_none_or(|limit| desk.ended < limit) {
        let due = [hang_up_due(&session, &mut desk.legs), desk.answer_due(&mut session)].into_iter().flatten().min();
        match session.next(due) {
            Next::Event(delivered) => {
                desk.on_event(&mut session, &delivered.event);
                if desk.exit != Exit::Ok && desk.legs.is_empty() {
                    break;
                }
            }
            Next::Signal => {
                stopping = true;
                desk.legs.keys().for_each(|call| drop(session.engine.hangup(*call, 0)));
            }
            Next::Nothing => live(&mut session, &desk.legs),
        }
    }
    session.finish();
    Ok(desk.exit)
}

/// The calls that are being taken.
struct Desk<'a> {
    args: &'a AnswerArgs,
    legs: BTreeMap<CallId, Leg>,
    /// When to answer those that ring.
    ringing: BTreeMap<CallId, Instant>,
    taken: u32,
    ended: u32,
    exit: Exit,
}

impl Desk<'_> {
    fn on_event(&mut self, session: &mut Session, event: &Event) {
        match &event.kind {
            EventKind::Registered { expires_s } => session.screen.progress(&format!("registered for {expires_s} s")),
            EventKind::RegisterFailed(outcome) => {
                session.screen.trouble(&format!("not registered: {} {}", outcome.status, outcome.reason));
                self.exit = Exit::of(outcome, !outcome.local).or(Exit::Failed);
            }
            EventKind::CallIncoming { from, .. } => self.incoming(session, event.call, from),
            EventKind::CallEnded { .. } => {
                self.ringing.remove(&event.call);
                if let Some(leg) = self.legs.remove(&event.call) {
                    // How a call ends is the caller's matter: no exit code of ours.
                    leg.ended(session, &self.args.media, event);
                    self.ended += 1;
                }
            }
            EventKind::MessageReceived { from, body, .. } => {
                session.screen.result(&format!("message from {from}: {}", String::from_utf8_lossy(body)));
            }
            EventKind::Request { method, from, body, .. } => {
                session.screen.result(&format!("{method} from {from}: {}", String::from_utf8_lossy(body)));
                // One that has ended already needs no answer.
                let _ = session
                    .engine
                    .answer_request(event.request, RequestAnswer { status: 200, ..RequestAnswer::default() });
            }
            EventKind::Trouble { reason } => session.screen.trouble(reason),
            _ => {
                if let Some(leg) = self.legs.get_mut(&event.call) {
                    leg.on_event(session, &self.args.media, event);
                }
            }
        }
    }

    fn incoming(&mut self, session: &mut Session, call: CallId, from: &str) {
        if self.args.max_calls.is_some_and(|limit| self.taken >= limit) {
            let _ = session.engine.hangup(call, 486);
            return;
        }
        self.taken += 1;
        self.legs.insert(call, Leg::new(self.taken, false));
        session.screen.progress(&format!("call from {from}"));
        if let Some(status) = self.args.reject {
            let _ = session.engine.hangup(call, status);
            return;
        }
        let _ = session.engine.ring(call, 180, false);
        self.ringing.insert(call, Instant::now() + self.args.ring);
    }

    /// Answers those that rang long enough; the next such time.
    fn answer_due(&mut self, session: &mut Session) -> Option<Instant> {
        let now = Instant::now();
        let due: Vec<CallId> = self.ringing.iter().filter(|(_, at)| **at <= now).map(|(call, _)| *call).collect();
        for call in due {
            self.ringing.remove(&call);
            if let Err(error) = session.engine.answer(call, self.args.media.options()) {
                session.screen.progress(&error.message);
            }
        }
        self.ringing.values().min().copied()
    }
}
