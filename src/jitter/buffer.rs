//! The buffer: packets in by sequence number, out by timestamp against the clock. RFC 3550 s5.1, s6.4.4.
//!
//! The cursor is the timestamp that is wanted next. The delay is what lies between the cursor and the newest audio that could have
//! come; `delay::DelayEstimator` says what it should be. A missing packet is waited for as long as the delay is short of
//! that, so the buffer grows exactly when and where a hole is; it shrinks where the player can shorten sound without being heard
//! (see `shorten`). All memory is kept: slots are reused, and so are their buffers.

use super::delay::DelayEstimator;
use crate::base::{Instant, limits::JITTER_MAX};
use crate::rtp::{SequenceExtender, timestamp_diff};

/// Slots: half a second of packets of 5 ms, with some to spare. A power of two, 128 because the window of seen packets is a `u128`.
const SLOTS: usize = 128;
/// A hole this long is no jitter: the sender has paused, the next packet starts anew.
const DRY_MS: i64 = 500;
/// So many late packets in a row, over so much time, say that the sender's clock has changed.
const LATE_RUN: u32 = 5;
const LATE_RUN_MS: i64 = 100;

/// An audio packet that has arrived.
#[derive(Copy, Clone, Debug)]
pub struct Arrival<'a> {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// RTP marker: the first packet after a silence.
    pub marker: bool,
    /// RTP payload type.
    pub payload_type: u8,
    /// Length of the audio in clock ticks.
    pub ticks: u16,
    /// The audio, encoded.
    pub payload: &'a [u8],
}

/// What became of an arrived packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Put {
    /// It will be played.
    Stored,
    /// Its time had passed.
    Late,
    /// It had been received before.
    Duplicate,
}

/// What is to be played now.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Get<'a> {
    /// Decode this.
    Packet {
        /// RTP payload type.
        payload_type: u8,
        /// Length in clock ticks.
        ticks: u16,
        /// The audio, encoded.
        payload: &'a [u8],
    },
    /// A packet is missing: cover so many clock ticks.
    Conceal {
        /// Never more than asked for.
        ticks: u32,
    },
    /// Nothing is missing, there is no sound: so many ticks of silence.
    Silence {
        /// Never more than asked for.
        ticks: u32,
    },
}

/// What the buffer has seen. Event packets count nowhere but in `received`.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets received, each once.
    pub received: u64,
    /// Packets whose time had passed.
    pub late: u64,
    /// Packets received again.
    pub duplicate: u64,
    /// Audio packets played.
    pub played: u64,
    /// Audio packets that were missing when their time came, network loss and late ones.
    pub missing: u64,
    /// Runs of missing packets.
    pub bursts: u64,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Kind {
    Empty,
    Audio,
    /// An event packet: takes a sequence number, holds no audio.
    Other,
}

#[derive(Copy, Clone, Debug)]
struct Slot {
    sequence: u64,
    timestamp: i64,
    ticks: u16,
    buffer: u16,
    payload_type: u8,
    kind: Kind,
}

const EMPTY: Slot = Slot { sequence: 0, timestamp: 0, ticks: 0, buffer: 0, payload_type: 0, kind: Kind::Empty };

/// A jitter buffer for one source.
#[derive(Clone, Debug)]
pub struct JitterBuffer {
    clock_rate_hz: u32,
    slots: Box<[Slot; SLOTS]>,
    pool: Vec<Vec<u8>>,
    free: Vec<u16>,
    /// The buffer that the last `get` lent out; free again at the next one.
    lent: Option<u16>,
    sequence: SequenceExtender,
    /// Bit n: the packet n before the highest has been received.
    seen: u128,
    timestamp: Option<i64>,
    delay: DelayEstimator,
    play: Option<Play>,
    late_run: u32,
    late_since: i64,
    counters: Counters,
    /// `limits::JITTER_MAX` in ticks.
    most: i64,
}

/// Where playing stands.
#[derive(Copy, Clone, Debug)]
struct Play {
    cursor: i64,
    next_sequence: u64,
    /// Event packets passed since the last audio packet.
    others: u64,
    /// End of the last packet played.
    last_end: Option<i64>,
    /// Waiting for the delay to build up.
    priming: bool,
    /// Since when nothing was there, as a cursor.
    dry_since: Option<i64>,
}

impl JitterBuffer {
    /// An empty buffer for timestamps of this rate.
    #[must_use]
    pub fn new(clock_rate_hz: u32) -> Self {
        JitterBuffer {
            clock_rate_hz,
            slots: Box::new([EMPTY; SLOTS]),
            pool: Vec::new(),
            free: Vec::new(),
            lent: None,
            sequence: SequenceExtender::default(),
            seen: 0,
            timestamp: None,
            delay: DelayEstimator::new(clock_rate_hz),
            play: None,
            late_run: 0,
            late_since: 0,
            counters: Counters::default(),
            most: i64::from(clock_rate_hz / 1000).saturating_mul(JITTER_MAX.as_millis() as i64),
        }
    }

    /// Forgets the source and what is buffered of it; counters and memory stay.
    pub fn reset(&mut self) {
        self.clear();
        self.sequence = SequenceExtender::default();
        self.seen = 0;
        self.timestamp = None;
        self.delay = DelayEstimator::new(self.clock_rate_hz);
        self.play = None;
        self.late_run = 0;
    }

    /// What has been seen so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Takes an audio packet.
    pub fn put(&mut self, packet: &Arrival<'_>, now: Instant) -> Put {
        let Some(sequence) = self.admit(packet.sequence) else {
            return Put::Duplicate;
        };
        let timestamp = self.extend_timestamp(packet.timestamp);
        let arrival = self.ticks_at(now);
        let transit = arrival.wrapping_sub(timestamp);
        let dry = self.play.is_some_and(|p| p.priming && p.dry_since.is_some());
        if dry {
            self.restart(sequence, timestamp, packet.ticks, arrival);
        }
        self.delay.observe(transit, arrival);
        let Some(play) = &mut self.play else {
            self.play = Some(Play::at(sequence, timestamp));
            self.store(sequence, timestamp, packet);
            return Put::Stored;
        };
        if play.priming && sequence.saturating_add(SLOTS as u64) > play.next_sequence {
            // Reordered among the very first: playing has not begun, so it can still begin earlier.
            play.next_sequence = play.next_sequence.min(sequence);
            play.cursor = play.cursor.min(timestamp);
        }
        let ahead = timestamp.wrapping_sub(play.cursor);
        let past = sequence < play.next_sequence || ahead.wrapping_add(i64::from(packet.ticks)) <= 0;
        if past && !self.sender_moved(packet.marker, arrival) {
            self.counters.late = self.counters.late.wrapping_add(1);
            return Put::Late;
        }
        let most = self.most;
        if past || ahead > most.saturating_mul(2) {
            self.restart(sequence, timestamp, packet.ticks, arrival);
        } else if ahead > most {
            self.drop_before(timestamp.saturating_sub(most));
        }
        self.late_run = 0;
        self.store(sequence, timestamp, packet);
        Put::Stored
    }

    /// Takes note of a packet without audio (an event): its number is not missing.
    pub fn put_other(&mut self, sequence: u16) -> Put {
        let Some(sequence) = self.admit(sequence) else {
            return Put::Duplicate;
        };
        if let Some(play) = &self.play
            && sequence >= play.next_sequence
        {
            self.make_room(sequence);
            let slot = Slot { sequence, kind: Kind::Other, ..EMPTY };
            self.set(sequence, slot);
        }
        Put::Stored
    }

    /// What to play next. `pending` ticks were given out but not played yet; `want` ticks are needed at least.
    pub fn get(&mut self, pending: u32, want: u32, now: Instant) -> Get<'_> {
        if let Some(lent) = self.lent.take() {
            self.free.push(lent);
        }
        if let Some(slot) = self.take_next() {
            return self.lend(&slot);
        }
        let (Some(mut play), Some(delay)) = (self.play, self.delay_ticks(pending, now)) else {
            return Get::Silence { ticks: want };
        };
        let target = self.delay.target();
        if play.priming {
            if delay < target || play.dry_since.is_some() {
                return Get::Silence { ticks: want };
            }
            play.priming = false;
        }
        let next = self.next_audio(&mut play);
        let step = i64::from(want);
        let (got, lent) = match next {
            Some(slot) if slot.timestamp <= play.cursor => {
                self.count_gap(&play, slot.sequence, slot.timestamp, slot.ticks);
                self.counters.played = self.counters.played.wrapping_add(1);
                play.next_sequence = slot.sequence.saturating_add(1);
                play.cursor = slot.timestamp.saturating_add(i64::from(slot.ticks));
                play.last_end = Some(play.cursor);
                play.dry_since = None;
                (None, Some(slot))
            }
            Some(slot) => {
                let gap = slot.timestamp.saturating_sub(play.cursor);
                let missing = slot.sequence.saturating_sub(play.next_sequence);
                let ticks = gap.min(step);
                if missing == 0 || play.others > 0 {
                    // The sender made the pause; it is the best place to set the delay right.
                    let surplus = delay.saturating_sub(target);
                    play.cursor = play.cursor.saturating_add(if surplus < 0 { 0 } else { ticks.max(gap.min(surplus)) });
                    (Some(Get::Silence { ticks: ticks as u32 }), None)
                } else {
                    if delay >= target {
                        play.cursor = play.cursor.saturating_add(ticks);
                    }
                    (Some(Get::Conceal { ticks: ticks as u32 }), None)
                }
            }
            None => {
                if delay >= target {
                    play.cursor = play.cursor.saturating_add(step);
                }
                let since = *play.dry_since.get_or_insert(play.cursor);
                if play.cursor.saturating_sub(since) >= self.ms(DRY_MS) {
                    play.priming = true;
                }
                match play.others {
                    0 => (Some(Get::Conceal { ticks: want }), None),
                    _ => (Some(Get::Silence { ticks: want }), None),
                }
            }
        };
        self.play = Some(play);
        if let Some(got) = got {
            return got;
        }
        match lent {
            Some(slot) => self.lend(&slot),
            None => Get::Silence { ticks: want },
        }
    }

    /// The common case of `get`: the next packet is there and its time has come.
    fn take_next(&mut self) -> Option<Slot> {
        let play = self.play.as_mut().filter(|play| !play.priming)?;
        let slot = *self.slots.get(Self::index(play.next_sequence))?;
        let ready = slot.kind == Kind::Audio && slot.sequence == play.next_sequence && slot.timestamp <= play.cursor;
        if !ready {
            return None;
        }
        play.next_sequence = slot.sequence.wrapping_add(1);
        play.cursor = slot.timestamp.wrapping_add(i64::from(slot.ticks));
        play.last_end = Some(play.cursor);
        play.dry_since = None;
        play.others = 0;
        self.counters.played = self.counters.played.wrapping_add(1);
        Some(slot)
    }

    /// The player was held up for so many ticks: what should have been played in them is dropped as late.
    pub fn skip(&mut self, ticks: u32) {
        if let Some(play) = self.play.filter(|play| !play.priming) {
            self.drop_before(play.cursor.saturating_add(i64::from(ticks)));
        }
    }

    /// The delay now, in ticks: how far the sound played lies behind the newest that a packet without any jitter would bring.
    #[must_use]
    pub fn delay_ticks(&self, pending: u32, now: Instant) -> Option<i64> {
        let play = self.play.as_ref()?;
        let newest = self.ticks_at(now).saturating_sub(self.delay.base()?);
        Some(newest.saturating_sub(play.cursor).saturating_add(i64::from(pending)))
    }

    /// The delay that would do, in ticks.
    #[must_use]
    pub const fn target_ticks(&self) -> i64 {
        self.delay.target()
    }

    /// Ticks by which the delay is longer than it need be; the player may shorten sound by so much. 0 while starting.
    #[must_use]
    pub fn surplus_ticks(&self, pending: u32, now: Instant) -> u32 {
        if self.play.is_none_or(|play| play.priming) {
            return 0;
        }
        let surplus = self.delay_ticks(pending, now).unwrap_or(0).saturating_sub(self.delay.target());
        u32::try_from(surplus.max(0)).unwrap_or(u32::MAX)
    }

    /// Gives the number its cycles and remembers it; `None` for a duplicate.
    fn admit(&mut self, sequence: u16) -> Option<u64> {
        let before = self.sequence.highest();
        let extended = self.sequence.extend(sequence);
        if before.is_some_and(|before| before.wrapping_add(1) == extended) {
            // The common case: the next one.
            self.seen = (self.seen << 1) | 1;
            self.counters.received = self.counters.received.wrapping_add(1);
            return Some(extended);
        }
        let highest = self.sequence.highest().unwrap_or(extended);
        if let Some(before) = before {
            let ahead = u32::try_from(highest.saturating_sub(before)).unwrap_or(u32::MAX);
            self.seen = self.seen.checked_shl(ahead).unwrap_or(0);
        }
        let back = u32::try_from(highest.saturating_sub(extended)).unwrap_or(u32::MAX);
        // What is further back than the window cannot be told from new; it is late in any case.
        if let Some(bit) = 1u128.checked_shl(back) {
            if self.seen & bit != 0 {
                self.counters.duplicate = self.counters.duplicate.wrapping_add(1);
                return None;
            }
            self.seen |= bit;
        }
        self.counters.received = self.counters.received.wrapping_add(1);
        Some(extended)
    }

    fn extend_timestamp(&mut self, timestamp: u32) -> i64 {
        let extended = match self.timestamp {
            None => i64::from(timestamp),
            Some(last) => last.wrapping_add(i64::from(timestamp_diff(timestamp, last as u32))),
        };
        self.timestamp = Some(extended);
        extended
    }

    fn ticks_at(&self, now: Instant) -> i64 {
        // Saturates after 70 years at 8000 Hz.
        (now.as_micros().saturating_mul(u64::from(self.clock_rate_hz)) / 1_000_000) as i64
    }

    fn ms(&self, ms: i64) -> i64 {
        i64::from(self.clock_rate_hz / 1000).saturating_mul(ms)
    }

    /// Whether a packet behind the cursor means that the sender's clock was set back or stood still, not that the packet is late.
    fn sender_moved(&mut self, marker: bool, arrival: i64) -> bool {
        if self.late_run == 0 {
            self.late_since = arrival;
        }
        self.late_run = self.late_run.saturating_add(1);
        let lasted = arrival.saturating_sub(self.late_since) >= self.ms(LATE_RUN_MS);
        (self.late_run >= LATE_RUN && lasted) || (marker && self.is_empty())
    }

    fn is_empty(&self) -> bool {
        let (Some(play), Some(highest)) = (self.play, self.sequence.highest()) else { return true };
        (play.next_sequence..=highest).take(SLOTS).all(|s| self.slot(s).is_none_or(|slot| slot.kind != Kind::Audio))
    }

    /// Starts playing anew at this packet.
    fn restart(&mut self, sequence: u64, timestamp: i64, ticks: u16, arrival: i64) {
        if let Some(play) = self.play {
            self.count_gap(&play, sequence, timestamp, ticks);
        }
        self.clear();
        self.play = Some(Play::at(sequence, timestamp));
        self.late_run = 0;
        let transit = arrival.saturating_sub(timestamp);
        let base = self.delay.base().unwrap_or(transit);
        if transit.saturating_sub(base).abs() > self.most {
            self.delay.rebase(transit, arrival);
        }
    }

    fn clear(&mut self) {
        for index in 0..SLOTS as u64 {
            self.vacate(index);
        }
        if let Some(lent) = self.lent.take() {
            self.free.push(lent);
        }
    }

    /// Drops the oldest audio so that the buffer holds no more than its bound.
    fn drop_before(&mut self, cursor: i64) {
        let Some(mut play) = self.play else { return };
        while let Some(slot) = self.next_audio(&mut play)
            && slot.timestamp < cursor
        {
            self.vacate(slot.sequence);
            self.counters.late = self.counters.late.wrapping_add(1);
            self.counters.missing = self.counters.missing.wrapping_add(1);
            play.next_sequence = slot.sequence.saturating_add(1);
        }
        play.cursor = cursor;
        self.play = Some(play);
    }

    /// The first audio packet at or after the next number; event packets before it are passed and counted.
    fn next_audio(&mut self, play: &mut Play) -> Option<Slot> {
        let highest = self.sequence.highest()?;
        let mut at = play.next_sequence;
        play.others = 0;
        for _ in 0..SLOTS {
            if at > highest {
                return None;
            }
            match self.slot(at) {
                Some(slot) if slot.kind == Kind::Audio => return Some(slot),
                Some(_) => play.others = play.others.saturating_add(1),
                None => {}
            }
            at = at.saturating_add(1);
        }
        None
    }

    /// Counts what is missing between the last packet played and this one. Missing numbers among events are taken for events.
    fn count_gap(&mut self, play: &Play, sequence: u64, timestamp: i64, ticks: u16) {
        let missing = sequence.saturating_sub(play.next_sequence);
        let gap = play.last_end.map_or(0, |end| timestamp.saturating_sub(end));
        if missing == 0 || play.others > 0 || gap <= 0 {
            return;
        }
        let ticks = i64::from(ticks.max(1));
        let packets = gap.saturating_add(ticks).saturating_sub(1).checked_div(ticks).unwrap_or(0);
        let lost = missing.min(u64::try_from(packets).unwrap_or(0));
        self.counters.missing = self.counters.missing.saturating_add(lost);
        self.counters.bursts = self.counters.bursts.wrapping_add(1);
    }

    fn index(sequence: u64) -> usize {
        sequence as usize & (SLOTS.wrapping_sub(1))
    }

    fn slot(&self, sequence: u64) -> Option<Slot> {
        let slot = self.slots.get(Self::index(sequence))?;
        (slot.kind != Kind::Empty && slot.sequence == sequence).then_some(*slot)
    }

    fn set(&mut self, sequence: u64, slot: Slot) {
        self.vacate(sequence);
        if let Some(place) = self.slots.get_mut(Self::index(sequence)) {
            *place = slot;
        }
    }

    /// Frees the slot that `sequence` falls on.
    fn vacate(&mut self, sequence: u64) {
        if let Some(slot) = self.slots.get_mut(Self::index(sequence)) {
            if slot.kind == Kind::Audio {
                self.free.push(slot.buffer);
            }
            slot.kind = Kind::Empty;
        }
    }

    /// Moves the next number on so that `sequence` has a slot of its own; what is passed over is left to be overwritten.
    fn make_room(&mut self, sequence: u64) {
        let least = sequence.saturating_sub(SLOTS as u64).saturating_add(1);
        let Some(play) = self.play.as_mut().filter(|play| play.next_sequence < least) else { return };
        play.next_sequence = least;
    }

    fn store(&mut self, sequence: u64, timestamp: i64, packet: &Arrival<'_>) {
        self.make_room(sequence);
        let buffer = match self.free.pop() {
            Some(buffer) => buffer,
            None => {
                self.pool.push(Vec::new());
                u16::try_from(self.pool.len().saturating_sub(1)).unwrap_or(0)
            }
        };
        if let Some(bytes) = self.pool.get_mut(usize::from(buffer)) {
            bytes.clear();
            bytes.extend_from_slice(packet.payload);
        }
        let slot = Slot {
            sequence,
            timestamp,
            ticks: packet.ticks,
            buffer,
            payload_type: packet.payload_type,
            kind: Kind::Audio,
        };
        self.set(sequence, slot);
    }

    /// Gives a slot's packet out; its buffer is free again at the next `get`.
    fn lend(&mut self, slot: &Slot) -> Get<'_> {
        if let Some(place) = self.slots.get_mut(Self::index(slot.sequence)) {
            place.kind = Kind::Empty;
        }
        self.lent = Some(slot.buffer);
        let payload = self.pool.get(usize::from(slot.buffer)).map_or(&[][..], Vec::as_slice);
        Get::Packet { payload_type: slot.payload_type, ticks: slot.ticks, payload }
    }
}

impl Play {
    const fn at(sequence: u64, timestamp: i64) -> Self {
        Play { cursor: timestamp, next_sequence: sequence, others: 0, last_end: None, priming: true, dry_since: None }
    }
}

#[cfg(test)]
mod tests;
