//! Printing our session descriptions. RFC 3264 s5, s6, s8; RFC 6337 s5.2.5.

use super::LocalMedia;
use super::formats::Format;
use crate::base::media::Direction;
use crate::sdp::{Writer, attribute::direction};
use std::net::IpAddr;

/// Our audio stream in one session description.
pub(super) struct Audio<'a> {
    pub(super) slot: usize,
    pub(super) profile: &'static str,
    pub(super) local: &'a LocalMedia,
    pub(super) formats: &'a [(u8, Format)],
    pub(super) direction: Direction,
    pub(super) mux: bool,
}

/// Prints a whole session description. `origin` is session id, version and address of `o=`.
pub(super) fn print(
    out: &mut Vec<u8>,
    origin: (u64, u64, IpAddr),
    ip: IpAddr,
    timing: &[(char, Box<str>)],
    slots: &[Box<str>],
    audio: Option<&Audio<'_>>,
) {
    let (session_id, version, origin_ip) = origin;
    let mut w = Writer::new(out);
    w.origin("-", session_id, version, origin_ip).begin(b's').text("-").end().connection(ip);
    if timing.is_empty() {
        w.begin(b't').text("0 0").end();
    }
    for (kind, value) in timing {
        w.line(*kind, format_args!("{value}"));
    }
    for (at, slot) in slots.iter().enumerate() {
        match audio.filter(|a| a.slot == at) {
            Some(audio) => stream(&mut w, audio),
            None => {
                w.begin(b'm').text(slot).end();
            }
        }
    }
}

fn stream(w: &mut Writer<'_>, audio: &Audio<'_>) {
    let LocalMedia { rtp, rtcp, ptime_ms, .. } = audio.local;
    w.begin(b'm').text("audio ").number(rtp.port()).text(" ").text(audio.profile);
    for (pt, _) in audio.formats {
        w.text(" ").number(*pt);
    }
    w.end();
    for (pt, format) in audio.formats {
        w.begin(b'a').text("rtpmap:").number(*pt).text(" ");
        match format {
            Format::Audio(codec) => {
                w.text(codec.name()).text("/").number(codec.clock_rate_hz()).end();
            }
            Format::TelephoneEvent => {
                w.text("telephone-event/8000").end();
                w.begin(b'a').text("fmtp:").number(*pt).text(" 0-15").end();
            }
        }
    }
    if *ptime_ms > 0 {
        w.begin(b'a').text("ptime:").number(*ptime_ms).end();
    }
    if audio.mux {
        w.begin(b'a').text("rtcp-mux").end();
    }
    // Written beside rtcp-mux too: a peer that does not share the port falls back to it (RFC 5761 s5.1.1).
    if audio.mux && rtcp == rtp {
        // There is no other port.
    } else if rtcp.ip() != rtp.ip() {
        w.begin(b'a').text("rtcp:").number(rtcp.port()).text(" ").address(rtcp.ip()).end();
    } else if rtp.port().checked_add(1) != Some(rtcp.port()) {
        w.begin(b'a').text("rtcp:").number(rtcp.port()).end();
    }
    w.begin(b'a').text(direction::name(audio.direction)).end();
}
