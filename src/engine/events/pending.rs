//! The waiting list of one object: in order, bounded, without loss of what matters.
//!
//! The terminal event has its room from birth. What the application's own commands lead to (`PlayDone`, `DtmfSent`, ..) is bounded by
//! the commands, which are refused while too much waits. What the network can cause without end is bounded here: figures replace
//! older figures, and on a full list an event replaces the youngest of its kind, so that the newest state is told.

use crate::agent::io::{Event, EventKind};
use crate::base::limits;
use std::collections::VecDeque;
use std::mem::discriminant;

/// What waits for delivery.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    events: VecDeque<Event>,
    terminal: Option<Box<Event>>,
    /// The object stands in the ready queue.
    pub(crate) queued: bool,
    /// The terminal event was posted: nothing more is taken.
    pub(crate) ended: bool,
}

/// What became of an event.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// One more waits.
    Waits,
    /// It took the place of an older one.
    Replaced,
    /// The list was full of keys; it was dropped and must be counted.
    Dropped,
    /// The object had ended.
    Ended,
}

impl Pending {
    /// Takes one event.
    pub(crate) fn add(&mut self, event: Event) -> Added {
        if self.ended {
            return Added::Ended;
        }
        if event.kind.is_terminal() {
            self.ended = true;
            self.terminal = Some(Box::new(event));
            return Added::Waits;
        }
        let full = self.events.len() >= limits::PENDING_EVENTS;
        let replaces = match event.kind {
            EventKind::Quality(_) => true,
            EventKind::CallIncoming { .. }
            | EventKind::CallAnswered { .. }
            | EventKind::CallHoldDone { .. }
            | EventKind::DtmfSent
            | EventKind::PlayDone { .. }
            | EventKind::MessageReceived { .. }
            | EventKind::Request { .. } => false,
            EventKind::Dtmf { .. } if full => return Added::Dropped,
            _ => full,
        };
        if replaces {
            let kind = discriminant(&event.kind);
            if let Some(older) = self.events.iter_mut().rev().find(|e| discriminant(&e.kind) == kind) {
                *older = event;
                return Added::Replaced;
            }
        }
        self.events.push_back(event);
        Added::Waits
    }

    /// The next event, and whether more wait.
    pub(crate) fn take(&mut self) -> (Option<Event>, bool) {
        let event = self.events.pop_front().or_else(|| self.terminal.take().map(|boxed| *boxed));
        if self.events.is_empty() {
            self.events.shrink_to(4);
        }
        (event, !self.events.is_empty() || self.terminal.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::io::Outcome;
    use crate::base::Instant;
    use crate::base::id::{AccountId, CallId, RequestId};
    use crate::media::io::Quality;

    fn event(kind: EventKind) -> Event {
        Event {
            time: Instant::ZERO,
            account: AccountId::NONE,
            call: CallId::NONE,
            request: RequestId::NONE,
            kind,
            message: None,
            flow: None,
            auth_user: None,
        }
    }

    fn progress(status: u16) -> Event {
        event(EventKind::CallProgress { outcome: Outcome { status, ..Outcome::default() }, early_media: false })
    }

    fn drain(pending: &mut Pending) -> Vec<EventKind> {
        std::iter::from_fn(|| pending.take().0).map(|e| e.kind).collect()
    }

    #[test]
    fn figures_replace_figures() {
        let mut pending = Pending::default();
        for received in 1..=1000 {
            pending.add(event(EventKind::Quality(Quality { received, ..Quality::default() })));
        }
        let all = drain(&mut pending);
        assert!(matches!(all[..], [EventKind::Quality(Quality { received: 1000, .. })]));
    }

    #[test]
    fn a_flood_of_progress_is_bounded_and_the_last_one_survives() {
        let mut pending = Pending::default();
        for n in 0..10_000u16 {
            pending.add(progress(n));
        }
        let all = drain(&mut pending);
        assert_eq!(all.len(), limits::PENDING_EVENTS, "the bound is reached and kept");
        assert!(matches!(all.last(), Some(EventKind::CallProgress { outcome, .. }) if outcome.status == 9_999));
    }

    #[test]
    fn keys_beyond_the_bound_are_dropped_youngest_first() {
        let mut pending = Pending::default();
        let key = |n: u32| event(EventKind::Dtmf { digit: '1', duration_ms: n });
        for n in 0..limits::PENDING_EVENTS as u32 {
            assert_eq!(pending.add(key(n)), Added::Waits);
        }
        assert_eq!(pending.add(key(99)), Added::Dropped);
        assert!(matches!(drain(&mut pending)[0], EventKind::Dtmf { duration_ms: 0, .. }));
    }

    #[test]
    fn the_terminal_event_always_has_room_comes_last_and_nothing_follows() {
        let mut pending = Pending::default();
        for _ in 0..100 {
            pending.add(progress(180));
        }
        let ended = || event(EventKind::CallEnded { outcome: Outcome::default(), quality: None });
        assert_eq!(pending.add(ended()), Added::Waits);
        assert_eq!(pending.add(ended()), Added::Ended);
        assert_eq!(pending.add(progress(183)), Added::Ended);
        let all = drain(&mut pending);
        assert_eq!(all.iter().filter(|k| k.is_terminal()).count(), 1);
        assert!(all.last().is_some_and(EventKind::is_terminal));
    }
}
