//! `a=rtpmap:0 PCMU/8000`. RFC 8866 s6.6.

use super::payload_type;
use crate::base::scan::find_byte;
use crate::base::text::decimal;

/// What a payload type stands for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RtpMap<'a> {
    /// 0 ..= 127.
    pub payload_type: u8,
    /// Encoding name; compared without case.
    pub encoding: &'a str,
    /// Ticks per second of the RTP timestamp.
    pub clock_rate_hz: u32,
    /// Encoding parameter: channels of audio; 1 when not written.
    pub channels: u8,
}

impl<'a> RtpMap<'a> {
    /// Reads the attribute's value. A clock rate that is missing (some old devices) counts as 8000.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let space = value.bytes().position(|b| b.is_ascii_whitespace())?;
        let (number, encoding) = value.split_at_checked(space)?;
        let payload_type = payload_type(number)?;
        let mut rest = Some(encoding);
        let mut parts = std::iter::from_fn(|| {
            let text = rest.take()?;
            let (part, behind) = match find_byte(text.as_bytes(), b'/') {
                Some(at) => (text.get(..at)?, Some(text.get(at.saturating_add(1)..)?)),
                None => (text, None),
            };
            rest = behind;
            Some(part.trim_ascii())
        });
        let encoding = parts.next().filter(|name| !name.is_empty())?;
        let number = |text: &str| decimal(text.as_bytes());
        let clock_rate_hz = match parts.next() {
            Some(rate) => number(rate).and_then(|n| u32::try_from(n).ok()).filter(|rate| *rate > 0)?,
            None => 8000,
        };
        let channels = match parts.next() {
            Some(channels) => number(channels).and_then(|n| u8::try_from(n).ok()).filter(|n| *n > 0)?,
            None => 1,
        };
        Some(RtpMap { payload_type, encoding, clock_rate_hz, channels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_formed_and_odd() {
        let map = |s| RtpMap::parse(s).map(|m| (m.payload_type, m.encoding, m.clock_rate_hz, m.channels));
        assert_eq!(map("0 PCMU/8000"), Some((0, "PCMU", 8000, 1)));
        assert_eq!(map("111 opus/48000/2"), Some((111, "opus", 48000, 2)));
        assert_eq!(map("8  PCMA/8000 "), Some((8, "PCMA", 8000, 1)));
        assert_eq!(map("0 PCMU"), Some((0, "PCMU", 8000, 1)));
        for broken in
            ["", "0", "0 ", "128 X/8000", "-1 X/8000", "96 X/4294967296", "96 X/0", "96 /8000", "96 X/8000/999"]
        {
            assert_eq!(map(broken), None, "{broken}");
        }
    }
}
