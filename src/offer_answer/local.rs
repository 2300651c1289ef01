//! Printing our session descriptions. RFC 3264 s5, s6, s8; RFC 6337 s5.2.5.

use super::LocalMedia;
use super::formats::Format;
use crate::base::media::{Codec, Direction};
use crate::sdp::{Writer, attribute::direction};
use std::fmt::Write as _;
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
    w.origin("-", session_id, version, origin_ip).line('s', format_args!("-")).connection(ip);
    if timing.is_empty() {
        w.line('t', format_args!("0 0"));
    }
    for (kind, value) in timing {
        w.line(*kind, format_args!("{value}"));
    }
    for (at, slot) in slots.iter().enumerate() {
        match audio.filter(|a| a.slot == at) {
            Some(audio) => stream(&mut w, audio),
            None => {
                w.line('m', format_args!("{slot}"));
            }
        }
    }
}

fn stream(w: &mut Writer<'_>, audio: &Audio<'_>) {
    let LocalMedia { rtp, rtcp, ptime_ms, .. } = audio.local;
    let mut line = format!("audio {} {}", rtp.port(), audio.profile);
    for (pt, _) in audio.formats {
        // Writing into a String cannot fail.
        let _ = write!(line, " {pt}");
    }
    w.line('m', format_args!("{line}"));
    for (pt, format) in audio.formats {
        match format {
            Format::Audio(codec) => codec_lines(w, *pt, *codec),
            Format::TelephoneEvent => {
                w.attribute("rtpmap", Some(format_args!("{pt} telephone-event/8000")));
                w.attribute("fmtp", Some(format_args!("{pt} 0-15")));
            }
        }
    }
    if *ptime_ms > 0 {
        w.attribute("ptime", Some(format_args!("{ptime_ms}")));
    }
    if audio.mux {
        w.attribute("rtcp-mux", None);
    }
    // Written beside rtcp-mux too: a peer that does not share the port falls back to it (RFC 5761 s5.1.1).
    if audio.mux && rtcp == rtp {
        // There is no other port.
    } else if rtcp.ip() != rtp.ip() {
        let ip = rtcp.ip().to_canonical();
        let kind = if ip.is_ipv4() { "IP4" } else { "IP6" };
        w.attribute("rtcp", Some(format_args!("{} IN {kind} {ip}", rtcp.port())));
    } else if rtp.port().checked_add(1) != Some(rtcp.port()) {
        w.attribute("rtcp", Some(format_args!("{}", rtcp.port())));
    }
    w.attribute(direction::name(audio.direction), None);
}

fn codec_lines(w: &mut Writer<'_>, pt: u8, codec: Codec) {
    w.attribute("rtpmap", Some(format_args!("{pt} {}/{}", codec.name(), codec.clock_rate_hz())));
}
