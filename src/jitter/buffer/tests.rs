//! The buffer on networks of every kind, in virtual time.

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
