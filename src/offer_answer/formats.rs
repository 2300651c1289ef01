//! Payload types and what they stand for. RFC 3264 s5.1, s6.1, s8.3.2; RFC 3551 s6; RFC 4733 s7.1.

use crate::base::media::Codec;
use crate::sdp::Media;
use smallvec::SmallVec;

/// The payload type that we give to telephone-event while nothing else speaks against it; the custom of the field.
const TELEPHONE_EVENT: u8 = 101;

/// A format that we know.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Audio(Codec),
    TelephoneEvent,
}

/// Formats of one stream in the order of its `m=` line.
pub(super) type Formats = SmallVec<[(u8, Format); 4]>;

/// What payload type `pt` of a stream is, when we know it. A number without `a=rtpmap` stands for its static encoding, or for what
/// `ours` says it is (an answer that leaves out the mapping of a number that we defined).
fn format(media: &Media<'_>, pt: u8, ours: &[(u8, Format)]) -> Option<Format> {
    let Some(map) = media.rtpmap(pt) else {
        let known = ours.iter().find(|(n, _)| *n == pt).map(|(_, f)| *f);
        let fixed = Codec::ALL.into_iter().find(|c| c.static_payload_type() == pt).map(Format::Audio);
        return known.or(fixed);
    };
    if map.channels != 1 {
        return None;
    }
    if map.encoding.eq_ignore_ascii_case("telephone-event") {
        // All our codecs have an RTP clock of 8000 Hz, and events share the clock of the audio (RFC 4733 s2.1).
        return (map.clock_rate_hz == 8000).then_some(Format::TelephoneEvent);
    }
    let codec = Codec::from_name(map.encoding)?;
    // Some write the sample rate of G.722 in place of its clock rate (RFC 3551 s4.5.2).
    let clock = map.clock_rate_hz == codec.clock_rate_hz() || (codec == Codec::G722 && map.clock_rate_hz == 16_000);
    clock.then_some(Format::Audio(codec))
}

/// The formats of a stream that we know. With rtcp-mux 64 ..= 95 cannot be told from RTCP (RFC 5761 s4).
pub(super) fn known(media: &Media<'_>, mux: bool, ours: &[(u8, Format)]) -> Formats {
    let mut out = Formats::new();
    for pt in media.payload_types().filter(|pt| !mux || !(64..=95).contains(pt)) {
        if out.iter().any(|(n, _)| *n == pt) {
            continue;
        }
        if let Some(format) = format(media, pt, ours) {
            out.push((pt, format));
        }
    }
    out
}

/// The first number of a format.
pub(super) fn number(formats: &[(u8, Format)], format: Format) -> Option<u8> {
    formats.iter().find(|(_, f)| *f == format).map(|(pt, _)| *pt)
}

/// The numbers of one call: a number never changes its meaning in it (RFC 3264 s8.3.2).
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    ours: Formats,
    /// Bit n: the peer gave number n to something that we do not know.
    taken: u128,
}

impl Numbers {
    /// Learns from a stream of the peer that was accepted.
    pub(super) fn learn(&mut self, formats: &[(u8, Format)], foreign: u128) {
        self.taken |= foreign;
        for (pt, format) in formats {
            if number(&self.ours, *format).is_none() && !self.ours.iter().any(|(n, _)| n == pt) {
                self.ours.push((*pt, *format));
            }
        }
    }

    /// The number under which we offer a format, fixed from then on; `None` when all are in use.
    pub(super) fn offer(&mut self, format: Format) -> Option<u8> {
        if let Some(pt) = number(&self.ours, format) {
            return Some(pt);
        }
        let first = match format {
            Format::Audio(codec) => codec.static_payload_type(),
            Format::TelephoneEvent => TELEPHONE_EVENT,
        };
        let free = |pt: &u8| self.taken & bit(*pt) == 0 && !self.ours.iter().any(|(n, _)| n == pt);
        let pt = std::iter::once(first).chain(96..=127).find(free)?;
        self.ours.push((pt, format));
        Some(pt)
    }
}

/// The numbers that a stream gives to formats that we do not know.
pub(super) fn foreign(media: &Media<'_>, known: &[(u8, Format)]) -> u128 {
    let unknown = media.payload_types().filter(|pt| !known.iter().any(|(n, _)| n == pt));
    unknown.fold(0, |mask, pt| mask | bit(pt))
}

const fn bit(pt: u8) -> u128 {
    1u128.wrapping_shl(pt as u32)
}
