//! Digits out and in as named events. RFC 4733 s2.5.1, s2.5.2.

use crate::base::{Duration, Instant, limits};
use crate::rtp::{TelephoneEvent, timestamp_diff};
use std::collections::VecDeque;

/// How often the last report of an event is sent. RFC 4733 s2.5.1.4.
const END_REPORTS: u8 = 3;
/// Silence between two digits; Q.24 (quoted in RFC 4733 s3.1) asks for 40 ms at least.
const GAP_MS: u32 = 60;
/// Length of a `,`.
const PAUSE_MS: u32 = 500;
/// Power of the tone, -dBm0.
const VOLUME: u8 = 10;
/// An event without reports for so long has ended: its end was lost. More than three intervals of the 50 ms of s2.5.1.2.
const LAPSED: Duration = Duration::from_millis(200);

/// After so long without reports of it an event that was told is no measure for those that come: the peer may have set its clock
/// back.
const FORGOTTEN: Duration = Duration::from_secs(2);

/// What a frame carries.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Sound as usual.
    Audio,
    /// This report instead of sound.
    Event {
        /// First report of the event.
        marker: bool,
        /// Its start, the same in all its reports.
        timestamp: u32,
        /// The report.
        report: TelephoneEvent,
    },
    /// The tones themselves, where the peer takes no events.
    Tone {
        /// Event code of the digit.
        code: u8,
        /// It begins with this frame.
        first: bool,
    },
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// The key is down.
    Tone {
        code: u8,
        start: u32,
        length: u32,
        done: u32,
    },
    /// The last report is repeated.
    Ending {
        code: u8,
        start: u32,
        length: u32,
        left: u8,
        gap: u32,
    },
    /// Sound flows until the next digit.
    Gap {
        ticks: u32,
    },
}

/// Sends queued digits, one frame at a time.
#[derive(Debug)]
pub(super) struct DtmfSender {
    queue: VecDeque<(char, u32)>,
    state: State,
}

impl DtmfSender {
    pub(super) const fn new() -> Self {
        DtmfSender { queue: VecDeque::new(), state: State::Idle }
    }

    /// Queues digits of `duration_ms` each; what is no digit or finds no room is left out.
    pub(super) fn queue(&mut self, digits: &str, duration_ms: u16) {
        let room = limits::DTMF_QUEUE.saturating_sub(self.queue.len());
        let length = u32::from(duration_ms.clamp(40, 5000));
        let digits = digits.chars().filter(|digit| *digit == ',' || TelephoneEvent::code(*digit).is_some());
        self.queue.extend(digits.take(room).map(|digit| (digit, length)));
    }

    /// Whether anything is queued or under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.queue.is_empty() || self.state != State::Idle
    }

    /// What the frame that starts at `timestamp` and is `ticks` long carries. `events` says whether the peer takes events.
    pub(super) fn frame(&mut self, timestamp: u32, ticks: u32, clock_rate_hz: u32, events: bool) -> Frame {
        let per_ms = clock_rate_hz / 1000;
        if let State::Gap { ticks: left } = self.state {
            self.state = match left.checked_sub(ticks) {
                None | Some(0) => State::Idle,
                Some(ticks) => State::Gap { ticks },
            };
            return Frame::Audio;
        }
        if self.state == State::Idle {
            match self.queue.pop_front() {
                None => return Frame::Audio,
                Some((digit, length_ms)) => match TelephoneEvent::code(digit) {
                    None => {
                        self.state = State::Gap { ticks: PAUSE_MS.saturating_mul(per_ms) };
                        return self.frame(timestamp, ticks, clock_rate_hz, events);
                    }
                    Some(code) => {
                        let length = length_ms.saturating_mul(per_ms);
                        self.state = State::Tone { code, start: timestamp, length, done: 0 };
                    }
                },
            }
        }
        match self.state {
            State::Tone { code, start, length, done } => {
                let now_done = done.saturating_add(ticks).min(length);
                let ended = now_done >= length;
                self.state = match (ended, events) {
                    (false, _) => State::Tone { code, start, length, done: now_done },
                    (true, true) => State::Ending {
                        code,
                        start,
                        length,
                        left: END_REPORTS.saturating_sub(1),
                        gap: GAP_MS.saturating_mul(per_ms),
                    },
                    (true, false) => State::Gap { ticks: GAP_MS.saturating_mul(per_ms) },
                };
                if events {
                    Frame::Event { marker: done == 0, timestamp: start, report: report(code, now_done, ended) }
                } else {
                    Frame::Tone { code, first: done == 0 }
                }
            }
            State::Ending { code, start, length, left, gap } => {
                let (left, gap) = (left.saturating_sub(1), gap.saturating_sub(ticks));
                self.state = match (left, gap) {
                    (0, 0) => State::Idle,
                    (0, ticks) => State::Gap { ticks },
                    _ => State::Ending { code, start, length, left, gap },
                };
                Frame::Event { marker: false, timestamp: start, report: report(code, length, true) }
            }
            State::Idle | State::Gap { .. } => Frame::Audio,
        }
    }
}

fn report(code: u8, duration: u32, end: bool) -> TelephoneEvent {
    TelephoneEvent { event: code, end, volume: VOLUME, duration: u16::try_from(duration).unwrap_or(u16::MAX) }
}

/// Frequencies of a digit's two tones, by event code. ITU-T Q.23.
pub(super) const fn tones_hz(code: u8) -> (f64, f64) {
    let (row, column) = match code {
        0 => (3, 1),
        1..=9 => ((code.wrapping_sub(1)) / 3, (code.wrapping_sub(1)) % 3),
        10 => (3, 0),
        11 => (3, 2),
        _ => (code.wrapping_sub(12), 3),
    };
    let low = match row {
        0 => 697.0,
        1 => 770.0,
        2 => 852.0,
        _ => 941.0,
    };
    let high = match column {
        0 => 1209.0,
        1 => 1336.0,
        2 => 1477.0,
        _ => 1633.0,
    };
    (low, high)
}

/// A digit that was received.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Received {
    pub(super) digit: char,
    pub(super) duration_ms: u32,
}

#[derive(Copy, Clone, Debug)]
struct Current {
    event: TelephoneEvent,
    timestamp: u32,
    /// Ticks of segments that ended before this one. RFC 4733 s2.5.2.3.
    earlier: u32,
    last: Instant,
}

/// Receives events: each is told once, whichever of its packets arrive.
#[derive(Debug, Default)]
pub(super) struct DtmfReceiver {
    current: Option<Current>,
    /// Start of the last event told, and when a report of it was last seen: what is not after it was told or is of no use.
    told: Option<(u32, Instant)>,
}

impl DtmfReceiver {
    /// Takes a report; gives the digit when the event is over, and with it one that ended unseen.
    pub(super) fn receive(
        &mut self,
        timestamp: u32,
        event: TelephoneEvent,
        clock_rate_hz: u32,
        now: Instant,
    ) -> [Option<Received>; 2] {
        if let Some((told, seen)) = &mut self.told
            && now.since(*seen) < FORGOTTEN
        {
            let offset = timestamp_diff(timestamp, *told);
            if offset == 0 {
                *seen = now;
            }
            if offset <= 0 {
                return [None, None];
            }
        }
        let mut before = None;
        let mut earlier = 0;
        if let Some(current) = &mut self.current {
            let offset = timestamp_diff(timestamp, current.timestamp);
            if offset < 0 {
                return [None, None];
            }
            if offset == 0 {
                current.last = now;
                if event.duration >= current.event.duration || event.end {
                    current.event = TelephoneEvent { event: current.event.event, ..event };
                }
                let over = event.end;
                return [None, if over { self.finish(clock_rate_hz) } else { None }];
            }
            let segment = current.event.duration == u16::MAX
                && !current.event.end
                && current.event.event == event.event
                && offset == i32::from(u16::MAX);
            if segment {
                earlier = current.earlier.saturating_add(u32::from(u16::MAX));
            } else {
                before = self.finish(clock_rate_hz);
            }
        }
        self.current = Some(Current { event, timestamp, earlier, last: now });
        [before, if event.end { self.finish(clock_rate_hz) } else { None }]
    }

    /// Gives an event whose end was lost, once no more reports of it come.
    pub(super) fn lapsed(&mut self, clock_rate_hz: u32, now: Instant) -> Option<Received> {
        let current = self.current?;
        (now.since(current.last) >= LAPSED).then(|| self.finish(clock_rate_hz)).flatten()
    }

    /// Gives what is under way; the session ends.
    pub(super) fn finish(&mut self, clock_rate_hz: u32) -> Option<Received> {
        let current = self.current.take()?;
        self.told = Some((current.timestamp, current.last));
        let ticks = current.earlier.saturating_add(u32::from(current.event.duration));
        let duration_ms = ticks.saturating_mul(1000).checked_div(clock_rate_hz).unwrap_or(0);
        current.event.digit().map(|digit| Received { digit, duration_ms })
    }

    /// The source has changed: its timestamps have nothing to do with those before.
    pub(super) fn forget(&mut self) {
        self.told = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(sender: &mut DtmfSender, count: u32) -> Vec<Frame> {
        (0..count).map(|i| sender.frame(1000 + i * 160, 160, 8000, true)).collect()
    }

    fn event(marker: bool, timestamp: u32, code: u8, duration: u16, end: bool) -> Frame {
        Frame::Event { marker, timestamp, report: TelephoneEvent { event: code, end, volume: VOLUME, duration } }
    }

    #[test]
    fn a_digit_is_reported_from_start_to_three_ends() {
        let mut s = DtmfSender::new();
        s.queue("5", 90);
        let sent = frames(&mut s, 9);
        let expected = [
            event(true, 1000, 5, 160, false),
            event(false, 1000, 5, 320, false),
            event(false, 1000, 5, 480, false),
            event(false, 1000, 5, 640, false),
            event(false, 1000, 5, 720, true),
            event(false, 1000, 5, 720, true),
            event(false, 1000, 5, 720, true),
            Frame::Audio,
            Frame::Audio,
        ];
        assert_eq!(sent, expected);
        assert!(!s.is_busy());
    }

    #[test]
    fn digits_have_a_gap_between_them_and_a_comma_is_half_a_second() {
        let mut s = DtmfSender::new();
        s.queue("1,2x", 40);
        let sent = frames(&mut s, 60);
        let starts: Vec<usize> =
            (0..sent.len()).filter(|i| matches!(sent[*i], Frame::Event { marker: true, .. })).collect();
        // 40 ms of tone, 60 ms of gap, 500 ms of pause.
        assert_eq!(starts, [0, 30]);
        let mut s = DtmfSender::new();
        s.queue("12", 40);
        let sent = frames(&mut s, 20);
        assert_eq!(sent.iter().position(|f| *f == event(true, 1000 + 5 * 160, 2, 160, false)), Some(5));
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut s = DtmfSender::new();
        s.queue(&"1".repeat(1000), 100);
        assert_eq!(s.queue.len(), limits::DTMF_QUEUE);
    }

    #[test]
    fn without_events_the_tones_are_sounded() {
        let mut s = DtmfSender::new();
        s.queue("#", 60);
        let sent: Vec<Frame> = (0..4).map(|i| s.frame(i * 160, 160, 8000, false)).collect();
        let tone = |first| Frame::Tone { code: 11, first };
        assert_eq!(sent, [tone(true), tone(false), tone(false), Frame::Audio]);
        assert_eq!(tones_hz(11), (941.0, 1477.0));
        assert_eq!(
            (tones_hz(0), tones_hz(1), tones_hz(6), tones_hz(15)),
            ((941.0, 1336.0), (697.0, 1209.0), (770.0, 1477.0), (941.0, 1633.0))
        );
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn rx(code: u8, duration: u16, end: bool) -> TelephoneEvent {
        TelephoneEvent { event: code, end, volume: 0, duration }
    }

    #[test]
    fn any_packet_of_an_event_is_enough_and_none_tells_it_twice() {
        let told = Some(Received { digit: '7', duration_ms: 100 });
        // Only one of the end packets.
        let mut r = DtmfReceiver::default();
        assert_eq!(r.receive(500, rx(7, 800, true), 8000, at(0)), [None, told]);
        assert_eq!(r.receive(500, rx(7, 800, true), 8000, at(20)), [None, None]);
        assert_eq!(r.receive(500, rx(7, 640, false), 8000, at(30)), [None, None]);
        // All of them.
        let mut r = DtmfReceiver::default();
        assert_eq!(r.receive(500, rx(7, 160, false), 8000, at(0)), [None, None]);
        assert_eq!(r.receive(500, rx(7, 800, true), 8000, at(100)), [None, told]);
        assert_eq!(r.lapsed(8000, at(900)), None);
        // The end is lost.
        let mut r = DtmfReceiver::default();
        assert_eq!(r.receive(500, rx(7, 800, false), 8000, at(0)), [None, None]);
        assert_eq!(r.lapsed(8000, at(199)), None);
        assert_eq!(r.lapsed(8000, at(200)), told);
        assert_eq!(r.receive(500, rx(7, 960, true), 8000, at(210)), [None, None]);
        // The end is lost and the next event follows.
        let mut r = DtmfReceiver::default();
        r.receive(500, rx(7, 800, false), 8000, at(0));
        let eight = Some(Received { digit: '8', duration_ms: 20 });
        assert_eq!(r.receive(2000, rx(8, 160, true), 8000, at(150)), [told, eight]);
    }

    #[test]
    fn a_peer_that_sets_its_clock_back_is_heard_again() {
        let mut r = DtmfReceiver::default();
        r.receive(90_000, rx(1, 800, true), 8000, at(0));
        assert_eq!(r.receive(500, rx(2, 800, true), 8000, at(1000)), [None, None]);
        let two = Some(Received { digit: '2', duration_ms: 100 });
        assert_eq!(r.receive(700, rx(2, 800, true), 8000, at(2100)), [None, two]);
    }

    #[test]
    fn a_long_event_is_the_sum_of_its_segments() {
        let mut r = DtmfReceiver::default();
        r.receive(500, rx(1, u16::MAX, false), 8000, at(0));
        r.receive(500 + 65_535, rx(1, 160, false), 8000, at(20));
        let got = r.receive(500 + 65_535, rx(1, 8000, true), 8000, at(1000));
        assert_eq!(got[1], Some(Received { digit: '1', duration_ms: (65_535 + 8000) / 8 }));
    }

    #[test]
    fn an_event_that_is_no_digit_is_not_told() {
        let mut r = DtmfReceiver::default();
        assert_eq!(r.receive(1, rx(36, 800, true), 8000, at(0)), [None, None]);
    }
}
