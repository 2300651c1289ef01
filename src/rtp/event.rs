//! telephone-event payloads. RFC 4733 s2.3, s3.2.

use super::wire::u16_at;

/// Length of one event report.
pub const EVENT_BYTES: usize = 4;

/// One report of a named event.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// Event code; 0 ..= 15 are the DTMF digits.
    pub event: u8,
    /// The event has ended.
    pub end: bool,
    /// Power level, 0 ..= 63, in -dBm0.
    pub volume: u8,
    /// Time since the packet's timestamp, in clock ticks.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads the first report of a payload. RFC 4733 s2.3.
    #[must_use]
    pub fn parse(payload: &[u8]) -> Option<Self> {
        let duration = u16_at(payload, 2)?;
        let flags = payload.get(1).copied()?;
        Some(TelephoneEvent {
            event: payload.first().copied()?,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration,
        })
    }

    /// Appends the four bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[self.event, (self.volume & 0x3f) | if self.end { 0x80 } else { 0 }]);
        out.extend_from_slice(&self.duration.to_be_bytes());
    }

    /// The DTMF digit of the event. RFC 4733 s3.2 table 3.
    #[must_use]
    pub const fn digit(&self) -> Option<char> {
        match self.event {
            0..=9 => Some((b'0'.wrapping_add(self.event)) as char),
            10 => Some('*'),
            11 => Some('#'),
            12..=15 => Some((b'A'.wrapping_add(self.event.wrapping_sub(12))) as char),
            _ => None,
        }
    }

    /// The event code of a DTMF digit, in any case.
    #[must_use]
    pub const fn code(digit: char) -> Option<u8> {
        match digit {
            '0'..='9' => Some((digit as u8).wrapping_sub(b'0')),
            '*' => Some(10),
            '#' => Some(11),
            'A'..='D' => Some((digit as u8).wrapping_sub(b'A').wrapping_add(12)),
            'a'..='d' => Some((digit as u8).wrapping_sub(b'a').wrapping_add(12)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixteen_digits_have_their_codes() {
        for (code, digit) in "0123456789*#ABCD".chars().enumerate() {
            assert_eq!(TelephoneEvent::code(digit), Some(code as u8));
            let event = TelephoneEvent { event: code as u8, end: false, volume: 10, duration: 1 };
            assert_eq!(event.digit(), Some(digit));
        }
        assert_eq!(TelephoneEvent::code('d'), Some(15));
        assert_eq!(TelephoneEvent::code('E'), None);
        assert_eq!(TelephoneEvent { event: 16, end: true, volume: 0, duration: 0 }.digit(), None);
    }

    #[test]
    fn a_report_round_trips() {
        let event = TelephoneEvent { event: 11, end: true, volume: 10, duration: 960 };
        let mut bytes = Vec::new();
        event.write(&mut bytes);
        assert_eq!(bytes, [11, 0x8a, 0x03, 0xc0]);
        assert_eq!(TelephoneEvent::parse(&bytes), Some(event));
        assert_eq!(TelephoneEvent::parse(&bytes[..3]), None);
    }
}
