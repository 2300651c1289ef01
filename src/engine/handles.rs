//! The handle table: ids to objects. Reading takes no lock: a lookup is a few atomic loads, from any thread, also inside callbacks.
//!
//! A lookup hashes the id into a window of neighbouring slots, in each segment that exists. Segments double in size and are made
//! when a window of all earlier ones is full, so nothing ever moves and no reader can miss an entry that stays.

use super::events::Pending;
use crate::agent::io::{AccountConfig, Event, EventKind};
use crate::base::Flow;
use crate::base::id;
use crate::base::media::Codec;
use crate::media::io::Quality;
use arc_swap::ArcSwapOption;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Slots that one id may take in a segment.
const WINDOW: usize = 16;
/// Slots of the first segment; each next one has twice as many.
const FIRST_SEGMENT: usize = 512;
/// Segments at most: 16 million slots.
const SEGMENTS: usize = 15;

/// Where a call is, as far as its events have been delivered.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum CallState {
    /// We dialled; nothing has come back.
    Calling = 1,
    /// Somebody calls us; not answered yet.
    Incoming = 2,
    /// The peer rings.
    Ringing = 3,
    /// The call is up.
    Answered = 4,
    /// The call is up, and one side holds the other.
    Held = 5,
    /// The call is over, or never was.
    Ended = 6,
}

impl CallState {
    const fn from_number(n: u8) -> Self {
        match n {
            1 => CallState::Calling,
            2 => CallState::Incoming,
            3 => CallState::Ringing,
            4 => CallState::Answered,
            5 => CallState::Held,
            _ => CallState::Ended,
        }
    }
}

/// One call, account or request, as the application's side sees it.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) id: u64,
    user: AtomicUsize,
    state: AtomicU8,
    quality: ArcSwapOption<Quality>,
    pending: Mutex<Pending>,
    /// Sinks and sources that the engine itself runs for this call.
    files: Mutex<Vec<OpenFile>>,
    /// Of an account: what it was made from, to make it again in a fresh agent.
    pub(crate) account: Option<AccountConfig>,
    /// Codec agreed on.
    codec: AtomicU8,
    /// The secured flow of its signalling.
    secured: ArcSwapOption<Flow>,
}

/// What the engine itself runs in a call's media.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// A file is played.
    Play,
    /// A file is recorded.
    Record,
    /// A PCM port.
    Port,
}

/// A file or port of a call.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct OpenFile {
    pub(crate) token: u64,
    pub(crate) purpose: Use,
}

impl Object {
    pub(crate) fn new(id: u64, user: usize, state: CallState) -> Arc<Self> {
        Self::with_account(id, user, state, None)
    }

    pub(crate) fn with_account(id: u64, user: usize, state: CallState, account: Option<AccountConfig>) -> Arc<Self> {
        Arc::new(Object {
            id,
            user: AtomicUsize::new(user),
            state: AtomicU8::new(state as u8),
            quality: ArcSwapOption::empty(),
            pending: Mutex::default(),
            files: Mutex::default(),
            account,
            codec: AtomicU8::new(0),
            secured: ArcSwapOption::empty(),
        })
    }

    pub(crate) fn user(&self) -> usize {
        self.user.load(Ordering::Acquire)
    }

    pub(crate) fn set_user(&self, user: usize) {
        self.user.store(user, Ordering::Release);
    }

    pub(crate) fn state(&self) -> CallState {
        CallState::from_number(self.state.load(Ordering::Acquire))
    }

    pub(crate) fn codec(&self) -> Option<Codec> {
        Codec::ALL.get(usize::from(self.codec.load(Ordering::Acquire)).checked_sub(1)?).copied()
    }

    /// The flow of its signalling, where that is secured.
    pub(crate) fn secured(&self) -> Option<Flow> {
        self.secured.load().as_deref().copied()
    }

    pub(crate) fn quality(&self) -> Option<Quality> {
        self.quality.load().as_deref().copied()
    }

    /// Its open files. Never held while user code runs.
    pub(crate) fn files(&self) -> MutexGuard<'_, Vec<OpenFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The waiting list. Never held while user code runs.
    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the mirror up to an event that is being delivered.
    pub(crate) fn mirror(&self, event: &Event) {
        if let Some(flow) = event.flow.filter(|flow| flow.protocol.is_secure() && self.secured() != Some(*flow)) {
            self.secured.store(Some(Arc::new(flow)));
        }
        let state = match &event.kind {
            EventKind::CallIncoming { .. } => CallState::Incoming,
            EventKind::CallProgress { .. } => CallState::Ringing,
            EventKind::CallAnswered { codec } => {
                let number = codec.and_then(|c| Codec::ALL.iter().position(|one| *one == c)).map_or(0, |n| n + 1);
                self.codec.store(u8::try_from(number).unwrap_or(0), Ordering::Release);
                CallState::Answered
            }
            EventKind::CallHeld(held) | EventKind::CallHoldDone { held, .. } => {
                if *held {
                    CallState::Held
                } else {
                    CallState::Answered
                }
            }
            EventKind::CallEnded { quality, .. } => {
                if let Some(quality) = quality {
                    self.quality.store(Some(Arc::new(*quality)));
                }
                CallState::Ended
            }
            EventKind::Quality(quality) => {
                self.quality.store(Some(Arc::new(*quality)));
                return;
            }
            _ => return,
        };
        self.state.store(state as u8, Ordering::Release);
    }
}

#[derive(Debug, Default)]
struct Slot {
    /// 0 is free.
    key: AtomicU64,
    object: ArcSwapOption<Object>,
}

/// All live objects of one engine.
#[derive(Debug)]
pub(crate) struct Table {
    segments: [OnceLock<Box<[Slot]>>; SEGMENTS],
    live: AtomicUsize,
}

impl Table {
    pub(crate) fn new() -> Self {
        Table { segments: [const { OnceLock::new() }; SEGMENTS], live: AtomicUsize::new(0) }
    }

    /// Adds an object; false when the table is full.
    pub(crate) fn insert(&self, object: Arc<Object>) -> bool {
        for (number, segment) in self.segments.iter().enumerate() {
            let slots = segment.get_or_init(|| (0..FIRST_SEGMENT << number).map(|_| Slot::default()).collect());
            for slot in window(slots, object.id) {
                if slot.key.compare_exchange(0, object.id, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                    slot.object.store(Some(object));
                    self.live.fetch_add(1, Ordering::Relaxed);
                    return true;
                }
            }
        }
        false
    }

    /// Finds an object.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<Object>> {
        let slot = self.slot(id)?;
        // The slot may have been freed and taken again between the two loads; the object itself says whose it is.
        slot.object.load_full().filter(|object| object.id == id)
    }

    /// Takes an object out; its id is gone from now on.
    pub(crate) fn remove(&self, id: u64) {
        let Some(slot) = self.slot(id) else { return };
        if slot.object.swap(None).is_some() {
            self.live.fetch_sub(1, Ordering::Relaxed);
            slot.key.store(0, Ordering::Release);
        }
    }

    /// Every live object that `wanted` says yes to, by its id.
    pub(crate) fn collect(&self, wanted: impl Fn(u64) -> bool) -> Vec<Arc<Object>> {
        let mut found: Vec<Arc<Object>> = self
            .segments
            .iter()
            .filter_map(OnceLock::get)
            .flat_map(|slots| slots.iter())
            .filter(|slot| {
                let key = slot.key.load(Ordering::Acquire);
                key != 0 && wanted(key)
            })
            .filter_map(|slot| slot.object.load_full())
            .filter(|object| wanted(object.id))
            .collect();
        found.sort_by_key(|object| object.id);
        found
    }

    /// Live objects.
    pub(crate) fn len(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    fn slot(&self, id: u64) -> Option<&Slot> {
        id::kind(id)?;
        self.segments
            .iter()
            .map_while(OnceLock::get)
            .flat_map(|slots| window(slots, id))
            .find(|slot| slot.key.load(Ordering::Acquire) == id)
    }
}

/// The slots of `slots` that `id` may take.
fn window(slots: &[Slot], id: u64) -> impl Iterator<Item = &Slot> {
    // Ids are counted, not chosen by a peer: a multiplicative hash spreads them evenly.
    let hash = id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    let start = usize::try_from(hash).unwrap_or(0);
    (start..start + WINDOW).filter_map(|n| slots.get(n % slots.len().max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::{CallId, Origin};

    fn call(serial: u64) -> Arc<Object> {
        Object::new(CallId::new(1, 0, Origin::Application, serial).raw(), serial as usize, CallState::Calling)
    }

    #[test]
    fn many_objects_are_found_until_removed_and_never_after() {
        let table = Table::new();
        for serial in 1..=20_000 {
            assert!(table.insert(call(serial)));
        }
        assert_eq!(table.len(), 20_000);
        for serial in 1..=20_000 {
            let id = call(serial).id;
            assert_eq!(table.find(id).unwrap().user(), serial as usize);
            if serial % 2 == 0 {
                table.remove(id);
                table.remove(id);
                assert!(table.find(id).is_none());
            }
        }
        assert_eq!(table.len(), 10_000);
        assert_eq!(table.collect(|_| true).len(), 10_000);
        assert!(table.find(0).is_none() && table.find(u64::MAX).is_none());
    }

    #[test]
    fn freed_slots_are_used_again() {
        let table = Table::new();
        for serial in 1..=100_000 {
            let object = call(serial);
            let id = object.id;
            assert!(table.insert(object));
            table.remove(id);
        }
        assert!(table.segments[1].get().is_none(), "one slot at a time needs one segment");
    }

    #[test]
    fn readers_on_other_threads_see_an_object_or_nothing() {
        let table = Table::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for serial in 1..=5_000 {
                    let object = call(serial);
                    let id = object.id;
                    table.insert(object);
                    if serial > 8 {
                        table.remove(call(serial - 8).id);
                    }
                    assert!(table.find(id).is_some());
                }
            });
            scope.spawn(|| {
                for serial in 1..=5_000 {
                    if let Some(object) = table.find(call(serial).id) {
                        assert_eq!(object.user(), serial as usize);
                    }
                }
            });
        });
        assert_eq!(table.len(), 8);
    }
}
