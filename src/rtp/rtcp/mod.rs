//! RTCP: compound packets and their parts. RFC 3550 s6.1, s6.4 - s6.7, A.2.

mod app;
mod bye;
mod report;
mod sdes;

pub use app::App;
pub use bye::Bye;
pub use report::{ReceiverReport, ReportBlock, SenderInfo, SenderReport};
pub use sdes::{Sdes, SdesChunk, SdesItem};

use super::wire::u16_at;

/// Packet types. RFC 3550 s12.1.
const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const APP: u8 = 204;

/// Why bytes are not a compound packet. The peer's fault; counted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompoundError {
    /// Version is not 2 somewhere.
    Version,
    /// The first packet is no report. RFC 3550 A.2.
    FirstNotReport,
    /// The lengths of the parts do not add up to the datagram.
    Length,
    /// Padding on another part than the last, or a wrong count.
    Padding,
}

/// One part of a compound packet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part<'a> {
    /// Sender report.
    Sender(SenderReport<'a>),
    /// Receiver report.
    Receiver(ReceiverReport<'a>),
    /// Source description.
    Sdes(Sdes<'a>),
    /// Goodbye.
    Bye(Bye<'a>),
    /// Application-defined.
    App(App<'a>),
    /// A type that we do not know, or a known one whose body is broken: passed over. RFC 3550 A.2.
    Other {
        /// Packet type.
        packet_type: u8,
        /// The five bits of count or subtype.
        count: u8,
        /// Body after the common header.
        body: &'a [u8],
    },
}

/// A checked compound packet. RFC 3550 s6.1.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Compound<'a>(&'a [u8]);

impl<'a> Compound<'a> {
    /// Checks the frame of the whole datagram. RFC 3550 A.2. `first_report` asks that the first part be SR or RR, as s6.1 does;
    /// reduced-size RTCP (RFC 5506) goes without.
    pub fn parse(bytes: &'a [u8], first_report: bool) -> Result<Compound<'a>, CompoundError> {
        let mut rest = bytes;
        let mut first = true;
        loop {
            let frame = Frame::split(rest)?;
            if first && first_report && !matches!(frame.packet_type, SR | RR) {
                return Err(CompoundError::FirstNotReport);
            }
            if frame.padded && !frame.rest.is_empty() {
                return Err(CompoundError::Padding);
            }
            first = false;
            rest = frame.rest;
            if rest.is_empty() {
                return Ok(Compound(bytes));
            }
        }
    }

    /// The parts in order.
    pub fn parts(&self) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let frame = Frame::split(rest).ok()?;
            rest = frame.rest;
            Some(frame.part())
        })
    }
}

/// One framed part: common header read, padding off.
struct Frame<'a> {
    packet_type: u8,
    count: u8,
    padded: bool,
    body: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Frame<'a> {
    fn split(bytes: &'a [u8]) -> Result<Frame<'a>, CompoundError> {
        let words = u16_at(bytes, 2).ok_or(CompoundError::Length)?;
        let first = bytes.first().copied().unwrap_or(0);
        if first >> 6 != 2 {
            return Err(CompoundError::Version);
        }
        let length = usize::from(words).saturating_add(1).saturating_mul(4);
        let (packet, rest) = bytes.split_at_checked(length).ok_or(CompoundError::Length)?;
        let body = packet.get(4..).unwrap_or(&[]);
        let padded = first & 0x20 != 0;
        let body = if padded {
            let count = usize::from(body.last().copied().unwrap_or(0));
            let kept = body.len().checked_sub(count).filter(|_| count > 0 && count & 3 == 0);
            body.get(..kept.ok_or(CompoundError::Padding)?).unwrap_or(&[])
        } else {
            body
        };
        Ok(Frame { packet_type: packet.get(1).copied().unwrap_or(0), count: first & 0x1f, padded, body, rest })
    }

    fn part(&self) -> Part<'a> {
        let known = match self.packet_type {
            SR => SenderReport::parse(self.count, self.body).map(Part::Sender),
            RR => ReceiverReport::parse(self.count, self.body).map(Part::Receiver),
            SDES => Sdes::parse(self.count, self.body).map(Part::Sdes),
            BYE => Bye::parse(self.count, self.body).map(Part::Bye),
            APP => App::parse(self.count, self.body).map(Part::App),
            _ => None,
        };
        known.unwrap_or(Part::Other { packet_type: self.packet_type, count: self.count, body: self.body })
    }
}

/// Writes the common header, runs `body`, pads to a word with zeros and sets the length.
fn write_part(out: &mut Vec<u8>, packet_type: u8, count: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | (count & 0x1f), packet_type, 0, 0]);
    body(out);
    while out.len().wrapping_sub(start) & 3 != 0 {
        out.push(0);
    }
    let words = out.len().wrapping_sub(start).wrapping_sub(4) / 4;
    let length = u16::try_from(words).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(field) = out.get_mut(start.saturating_add(2)..start.saturating_add(4)) {
        field.copy_from_slice(&length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compound() -> Vec<u8> {
        let mut out = Vec::new();
        let block = ReportBlock {
            ssrc: 2,
            fraction_lost: 25,
            cumulative_lost: -3,
            highest_sequence: 70_000,
            jitter: 9,
            last_sr: 4,
            delay_since_last_sr: 65_536,
        };
        let info = SenderInfo { ntp: 5 << 32 | 6, rtp: 7, packets: 8, octets: 9 };
        SenderReport::write(&mut out, 1, &info, &[block]);
        Sdes::write_cname(&mut out, 1, "user@host");
        App::write(&mut out, 1, 3, *b"test", &[1, 2, 3, 4]);
        Bye::write(&mut out, &[1], Some("done"));
        out
    }

    #[test]
    fn a_compound_packet_round_trips() {
        let bytes = compound();
        let parts: Vec<Part> = Compound::parse(&bytes, true).unwrap().parts().collect();
        let [Part::Sender(sr), Part::Sdes(sdes), Part::App(app), Part::Bye(bye)] = &parts[..] else {
            panic!("{parts:?}");
        };
        assert_eq!((sr.ssrc, sr.info.ntp, sr.info.rtp, sr.info.packets, sr.info.octets), (1, 5 << 32 | 6, 7, 8, 9));
        let block = sr.blocks().next().unwrap();
        assert_eq!((block.ssrc, block.fraction_lost, block.cumulative_lost), (2, 25, -3));
        assert_eq!((block.highest_sequence, block.jitter), (70_000, 9));
        assert_eq!((block.last_sr, block.delay_since_last_sr), (4, 65_536));
        let chunk = sdes.chunks().next().unwrap();
        assert_eq!((chunk.ssrc, chunk.cname()), (1, Some("user@host")));
        assert_eq!((app.subtype, app.ssrc, app.name, app.data), (3, 1, *b"test", &[1, 2, 3, 4][..]));
        assert_eq!(bye.sources().collect::<Vec<_>>(), [1]);
        assert_eq!(bye.reason(), Some("done"));
    }

    #[test]
    fn the_frame_must_add_up() {
        let bytes = compound();
        assert_eq!(Compound::parse(&bytes[..bytes.len() - 1], true), Err(CompoundError::Length));
        assert_eq!(Compound::parse(&[], true), Err(CompoundError::Length));
        let mut wrong = bytes.clone();
        wrong[0] = 0x41;
        assert_eq!(Compound::parse(&wrong, true), Err(CompoundError::Version));
        let mut padded_first = bytes.clone();
        padded_first[0] |= 0x20;
        assert_eq!(Compound::parse(&padded_first, true), Err(CompoundError::Padding));
    }

    #[test]
    fn the_first_part_is_a_report_unless_reduced() {
        let mut bytes = Vec::new();
        Bye::write(&mut bytes, &[7], None);
        assert_eq!(Compound::parse(&bytes, true), Err(CompoundError::FirstNotReport));
        assert!(Compound::parse(&bytes, false).is_ok());
    }

    #[test]
    fn an_unknown_or_broken_part_is_passed_over() {
        let mut bytes = Vec::new();
        ReceiverReport::write(&mut bytes, 1, &[]);
        write_part(&mut bytes, 207, 2, |b| b.extend([1, 2, 3, 4]));
        bytes.extend([0x9f, SR, 0, 1, 0, 0, 0, 1]);
        let parts: Vec<Part> = Compound::parse(&bytes, true).unwrap().parts().collect();
        assert!(matches!(parts[1], Part::Other { packet_type: 207, count: 2, body: [1, 2, 3, 4] }));
        assert!(matches!(parts[2], Part::Other { packet_type: SR, count: 31, .. }));
    }

    /// Reads everything that a part can give.
    fn exercise(bytes: &[u8]) -> usize {
        let Ok(compound) = Compound::parse(bytes, false) else { return 0 };
        compound
            .parts()
            .map(|part| match part {
                Part::Sender(sr) => sr.blocks().count(),
                Part::Receiver(rr) => rr.blocks().count(),
                Part::Sdes(sdes) => sdes.chunks().map(|c| c.items().count() + c.cname().map_or(0, str::len)).sum(),
                Part::Bye(bye) => bye.sources().count() + bye.reason().map_or(0, str::len),
                Part::App(app) => app.data.len(),
                Part::Other { body, .. } => body.len(),
            })
            .sum()
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            exercise(&bytes);
        }

        #[test]
        fn a_damaged_compound_is_read_or_refused(at in 0usize..200, value: u8, cut in 0usize..200) {
            let mut bytes = compound();
            let length = bytes.len();
            bytes[at % length] = value;
            bytes.truncate(length - cut % length);
            exercise(&bytes);
        }
    }
}
