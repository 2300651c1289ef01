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
mod tests {
    use super::*;
    use crate::base::{Duration, Rng};
    use proptest::prelude::*;

    const PAYLOAD: [u8; 160] = [7; 160];

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms + 1000)
    }

    fn put(b: &mut JitterBuffer, index: u16, ms: u64) -> Put {
        let arrival = Arrival {
            sequence: index.wrapping_add(65_500),
            timestamp: u32::from(index).wrapping_mul(160).wrapping_add(u32::MAX - 5000),
            marker: false,
            payload_type: 0,
            ticks: 160,
            payload: &PAYLOAD,
        };
        b.put(&arrival, at(ms))
    }

    /// Plays 20 ms at a time and says what came: P(acket), C(onceal), S(ilence).
    struct Player {
        buffer: JitterBuffer,
        pending: u32,
        heard: String,
    }

    impl Player {
        fn new() -> Self {
            Player { buffer: JitterBuffer::new(8000), pending: 0, heard: String::new() }
        }

        fn beat(&mut self, ms: u64) {
            while self.pending < 80 {
                let (kind, ticks) = match self.buffer.get(self.pending, 80 - self.pending, at(ms)) {
                    Get::Packet { ticks, payload, .. } => {
                        assert_eq!(payload, PAYLOAD);
                        ('P', u32::from(ticks))
                    }
                    Get::Conceal { ticks } => ('C', ticks),
                    Get::Silence { ticks } => ('S', ticks),
                };
                self.heard.push(kind);
                self.pending += ticks;
            }
            self.pending -= 80;
        }

        /// Feeds packets by their arrival times and beats each 10 ms until `end`.
        fn run(&mut self, mut arrivals: Vec<(u64, u16)>, end: u64) {
            arrivals.sort();
            let mut arrivals = arrivals.into_iter().peekable();
            for ms in (0..end).step_by(10) {
                while let Some((at, index)) = arrivals.next_if(|(at, _)| *at <= ms) {
                    put(&mut self.buffer, index, at);
                }
                self.beat(ms);
            }
        }

        fn count(&self, kind: char) -> usize {
            self.heard.chars().filter(|c| *c == kind).count()
        }
    }

    #[test]
    fn a_clean_stream_plays_whole_after_a_short_wait() {
        let mut p = Player::new();
        p.run((0..500).map(|i| (u64::from(i) * 20, i)).collect(), 10_000);
        assert_eq!((p.count('C'), p.buffer.counters().missing), (0, 0));
        assert!(p.count('S') <= 3 && p.count('P') >= 498, "{}", p.heard);
        let delay = p.buffer.delay_ticks(p.pending, at(9990)).unwrap() / 8;
        assert!((10..=30).contains(&delay), "{delay}");
    }

    #[test]
    fn reordered_packets_are_played_in_order_and_duplicates_counted() {
        let mut p = Player::new();
        // Every fifth packet comes 15 ms after its successor.
        let mut arrivals: Vec<(u64, u16)> =
            (0..1000).map(|i| (u64::from(i) * 20 + if i % 5 == 0 && i > 0 { 35 } else { 0 }, i)).collect();
        arrivals.extend((0..1000).step_by(7).map(|i| (u64::from(i) * 20 + 36, i)));
        p.run(arrivals, 20_000);
        let c = p.buffer.counters();
        assert_eq!((c.received, c.duplicate), (1000, 143));
        assert!(c.late <= 2, "{c:?}");
        assert!(c.played >= 995, "{c:?}");
    }

    #[test]
    fn what_is_lost_is_concealed_and_counted_by_bursts() {
        let mut p = Player::new();
        p.run((0..1000).filter(|i| i % 100 != 50 && i % 100 != 51).map(|i| (u64::from(i) * 20, i)).collect(), 20_100);
        let c = p.buffer.counters();
        assert_eq!((c.received, c.played, c.missing, c.bursts, c.late), (980, 980, 20, 10, 0));
        // Each hole of 40 ms is four halves of 20 ms; the end of the stream makes some more.
        assert!((40..=60).contains(&p.count('C')), "{}", p.count('C'));
    }

    #[test]
    fn the_delay_grows_with_jitter_and_comes_down_after() {
        let mut p = Player::new();
        let mut rng = Rng::new([5; 32]);
        let spread = |i: u16, rng: &mut Rng| if i < 1500 { u64::from(rng.below(60)) } else { 0 };
        p.run((0..1500).map(|i| (u64::from(i) * 20 + spread(i, &mut rng), i)).collect(), 30_000);
        let delay = p.buffer.delay_ticks(p.pending, at(30_000)).unwrap() / 8;
        assert!((50..=100).contains(&delay), "{delay}");
        let c = p.buffer.counters();
        assert!(c.late < 15, "{c:?}");
        for i in 1500..6500u16 {
            put(&mut p.buffer, i, u64::from(i) * 20);
            p.beat(u64::from(i) * 20);
            p.beat(u64::from(i) * 20 + 10);
        }
        assert!(p.buffer.target_ticks() / 8 <= 20, "{}", p.buffer.target_ticks() / 8);
        assert!(p.buffer.surplus_ticks(p.pending, at(130_000)) > 160);
    }

    #[test]
    fn a_sender_that_pauses_its_clock_is_heard_again() {
        let mut p = Player::new();
        // Ten seconds of pause without a timestamp of its own.
        p.run((0..200).map(|i| (u64::from(i) * 20 + if i < 100 { 0 } else { 10_000 }, i)).collect(), 14_100);
        let c = p.buffer.counters();
        assert_eq!((c.played, c.missing, c.late), (200, 0, 0));
    }

    #[test]
    fn an_outage_is_loss() {
        let mut p = Player::new();
        p.run((0..500).filter(|i| !(100..250).contains(i)).map(|i| (u64::from(i) * 20, i)).collect(), 10_100);
        let c = p.buffer.counters();
        assert_eq!((c.played, c.missing, c.bursts, c.late), (350, 150, 1, 0));
    }

    #[test]
    fn a_step_in_the_network_delay_is_followed() {
        let mut p = Player::new();
        p.run((0..1000).map(|i| (u64::from(i) * 20 + if i < 300 { 0 } else { 150 }, i)).collect(), 20_200);
        let c = p.buffer.counters();
        assert!(c.late <= 10, "{c:?}");
        assert!(c.played >= 990, "{c:?}");
    }

    #[test]
    fn clocks_that_drift_apart_are_followed() {
        for ppm in [-200i64, 200] {
            let mut p = Player::new();
            let arrivals = (0..30_000u64).map(|i| ((i * 20).saturating_add_signed(i as i64 * 20 * ppm / 1_000_000), i));
            let mut delays = (i64::MAX, 0);
            let mut arrivals = arrivals.peekable();
            for ms in (0..600_000).step_by(10) {
                while let Some((at, index)) = arrivals.next_if(|(at, _)| *at <= ms) {
                    put(&mut p.buffer, index as u16, at);
                }
                if p.buffer.surplus_ticks(p.pending, at(ms)) > 160 && p.pending >= 40 {
                    p.pending -= 40;
                }
                p.beat(ms);
                if ms > 1000 {
                    let delay = p.buffer.delay_ticks(p.pending, at(ms)).unwrap() / 8;
                    delays = (delays.0.min(delay), delays.1.max(delay));
                }
            }
            let c = p.buffer.counters();
            assert_eq!((c.late, c.missing), (0, 0), "{ppm}");
            // Seen after a beat, whose 10 ms are still to sound.
            assert!(delays.0 >= -10 && delays.1 <= 60, "{ppm} {delays:?}");
        }
    }

    #[test]
    fn a_burst_after_a_stall_keeps_its_newest_half_second() {
        let mut p = Player::new();
        p.run((0..200).map(|i| (u64::from(i) * 20, i)).collect(), 4000);
        // The player stalled for 2 s; the packets wait in the socket, then all come at once.
        for i in 200..300 {
            put(&mut p.buffer, i, 6000);
        }
        p.heard.clear();
        p.run(vec![], 0);
        for i in 300..400u16 {
            let ms = u64::from(i) * 20;
            put(&mut p.buffer, i, ms);
            p.beat(ms);
            p.beat(ms + 10);
        }
        let delay = p.buffer.delay_ticks(p.pending, at(8000)).unwrap() / 8;
        assert!(delay <= 550, "{delay}");
        assert!(p.count('P') >= 95, "{}", p.heard);
    }

    #[test]
    fn events_are_neither_loss_nor_holes() {
        let mut b = Player::new();
        for i in 0..300u16 {
            let ms = u64::from(i) * 20;
            if (100..115).contains(&i) {
                if i != 107 {
                    assert_eq!(b.buffer.put_other(i.wrapping_add(65_500)), Put::Stored);
                }
            } else {
                put(&mut b.buffer, i, ms);
            }
            b.beat(ms);
            b.beat(ms + 10);
        }
        let c = b.buffer.counters();
        assert_eq!((c.missing, c.late, c.received), (0, 0, 299));
        assert_eq!(b.count('C'), 0, "{}", b.heard);
    }

    #[test]
    fn memory_does_not_grow() {
        let mut p = Player::new();
        let mut rng = Rng::new([9; 32]);
        for i in 0..50_000u32 {
            let ms = u64::from(i) * 20;
            if !rng.chance(0.1) {
                put(&mut p.buffer, i as u16, ms);
            }
            p.beat(ms);
            p.beat(ms + 10);
        }
        assert!(p.buffer.pool.len() <= 8, "{}", p.buffer.pool.len());
        assert!(p.buffer.free.len() <= 8);
    }

    proptest! {
        #[test]
        fn anything_may_come(packets in proptest::collection::vec((any::<u16>(), any::<u32>(), any::<bool>(), 0u16..3000, 0u64..200_000, 0u8..4), 0..300)) {
            let mut b = JitterBuffer::new(8000);
            let mut now = Instant::ZERO;
            for (sequence, timestamp, marker, ticks, wait, act) in packets {
                now += Duration::from_micros(wait);
                match act {
                    0 => {
                        let mut pending = 0u32;
                        for _ in 0..4 {
                            if let Get::Packet { ticks, .. } = b.get(pending, 80, now) {
                                pending += u32::from(ticks);
                            }
                        }
                    }
                    1 => { b.put_other(sequence); }
                    _ => {
                        let near = act == 2;
                        let (sequence, timestamp) = if near { (sequence % 200, timestamp % 30_000) } else { (sequence, timestamp) };
                        b.put(&Arrival { sequence, timestamp, marker, payload_type: 0, ticks, payload: &PAYLOAD }, now);
                    }
                }
                prop_assert!(b.pool.len() <= SLOTS + 1);
                let used = b.slots.iter().filter(|s| s.kind == Kind::Audio).count();
                prop_assert_eq!(used + b.free.len() + usize::from(b.lent.is_some()), b.pool.len());
            }
        }
    }
}
