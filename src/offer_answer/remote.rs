//! What a session description of the peer says to us, kept without its text. RFC 3264 s5, s6, s7.

use super::formats::{self, Format, Formats};
use super::refused::{Refused, warn};
use crate::base::media::Direction;
use crate::sdp::{Media, SdpError, Session};
use smallvec::SmallVec;
use std::net::{IpAddr, SocketAddr};

/// Longest packet that we send: 120 ms of G.711 fit every path.
const PTIME_MAX_MS: u32 = 120;

/// The peer's session description.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    /// Each `m=` line as it is answered when the stream is not taken: `video 0 RTP/AVP 31`.
    pub(super) slots: Vec<Box<str>>,
    /// Audio streams that we could take.
    pub(super) streams: SmallVec<[Stream; 1]>,
    /// The `t=`, `r=` and `z=` lines, which an answer repeats; empty means `t=0 0`.
    pub(super) timing: Vec<(char, Box<str>)>,
    /// Why the other streams that are wanted cannot be taken.
    pub(super) obstacles: SmallVec<[Obstacle; 1]>,
}

/// A stream that is wanted and that we cannot take.
#[derive(Copy, Clone, Debug)]
pub(super) struct Obstacle {
    /// Place among the `m=` lines.
    pub(super) slot: usize,
    warn_code: u16,
    why: &'static str,
}

impl Obstacle {
    pub(super) fn refuse(self) -> Refused {
        Refused::not_acceptable(self.warn_code, self.why)
    }
}

/// One audio stream of the peer.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// Place among the `m=` lines.
    pub(super) slot: usize,
    /// `RTP/AVP` or `RTP/AVPF`.
    pub(super) profile: &'static str,
    /// Where RTP goes; `None` for a host name, or on hold.
    pub(super) rtp: Option<SocketAddr>,
    /// The address was 0.0.0.0.
    pub(super) held: bool,
    /// Where RTCP goes without rtcp-mux.
    pub(super) rtcp: Option<SocketAddr>,
    pub(super) mux: bool,
    /// Seen by the peer.
    pub(super) direction: Direction,
    /// Length of the packets that we send, when the peer said one.
    pub(super) ptime_ms: Option<u8>,
    pub(super) maxptime_ms: Option<u8>,
    pub(super) formats: Formats,
    /// Numbers that the peer gave to formats that we do not know.
    pub(super) foreign: u128,
}

impl Remote {
    /// Reads a session description; `ours` are the formats of our offer when it is an answer.
    pub(super) fn read(sdp: &[u8], ours: &[(u8, Format)]) -> Result<Remote, Refused> {
        let session = Session::parse(sdp).map_err(|e| refuse(&e))?;
        let mut remote = Remote {
            slots: session.media.iter().map(slot).collect(),
            streams: SmallVec::new(),
            timing: session.timing.iter().map(|(kind, value)| (*kind, Box::from(*value))).collect(),
            obstacles: SmallVec::new(),
        };
        for (slot, media) in session.media.iter().enumerate().filter(|(_, m)| m.port != 0) {
            match stream(&session, media, slot, ours) {
                Ok(stream) => remote.streams.push(stream),
                Err((warn_code, why)) => remote.obstacles.push(Obstacle { slot, warn_code, why }),
            }
        }
        Ok(remote)
    }
}

fn refuse(e: &SdpError) -> Refused {
    Refused::not_acceptable(warn::NOT_UNDERSTOOD, e.to_string())
}

/// The line that keeps the place of a stream that is not taken. RFC 3264 s6, s8.2.
fn slot(media: &Media<'_>) -> Box<str> {
    let format = media.formats.first().copied().unwrap_or("0");
    [media.kind, " 0 ", media.protocol, " ", format].concat().into()
}

fn stream<'a>(
    session: &Session<'a>,
    media: &Media<'a>,
    slot: usize,
    ours: &[(u8, Format)],
) -> Result<Stream, (u16, &'static str)> {
    if media.kind != "audio" {
        return Err((warn::MEDIA, "only audio is supported"));
    }
    let profile = match media.protocol {
        p if p.eq_ignore_ascii_case("RTP/AVP") => "RTP/AVP",
        p if p.eq_ignore_ascii_case("RTP/AVPF") => "RTP/AVPF",
        _ => return Err((warn::TRANSPORT, "only RTP/AVP and RTP/AVPF are supported")),
    };
    let connection = session.connection_of(media);
    let ip = connection.ip();
    if ip.is_some_and(is_group) {
        return Err((warn::MULTICAST, "multicast is not supported"));
    }
    let mux = media.has("rtcp-mux");
    let formats = formats::known(media, mux, ours);
    if !formats.iter().any(|(_, f)| matches!(f, Format::Audio(_))) {
        return Err((warn::FORMAT, "no common codec"));
    }
    let held = ip.is_some_and(|ip| ip.is_unspecified());
    let rtp = ip.filter(|ip| !ip.is_unspecified()).map(|ip| SocketAddr::new(ip, media.port));
    Ok(Stream {
        slot,
        profile,
        rtp,
        held,
        rtcp: rtp.and_then(|rtp| rtcp(media, rtp)),
        mux,
        direction: session.direction_of(media),
        ptime_ms: session.ptime_of(media).map(packet_length),
        maxptime_ms: session.maxptime_of(media).map(packet_length),
        foreign: formats::foreign(media, &formats),
        formats,
    })
}

/// Where RTCP goes: RFC 3605, else the next port (RFC 3264 s5.1).
fn rtcp(media: &Media<'_>, rtp: SocketAddr) -> Option<SocketAddr> {
    let Some(rtcp) = media.rtcp() else {
        return rtp.port().checked_add(1).map(|port| SocketAddr::new(rtp.ip(), port));
    };
    let ip = match rtcp.connection {
        Some(connection) => connection.ip().filter(|ip| !ip.is_unspecified() && !is_group(*ip)),
        None => Some(rtp.ip()),
    };
    ip.map(|ip| SocketAddr::new(ip, rtcp.port))
}

/// Multicast and broadcast: media sent there would flood others.
fn is_group(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    }
}

/// A multiple of 10 ms that we can send, at or below what was asked.
fn packet_length(ms: u32) -> u8 {
    let tens = ms.min(PTIME_MAX_MS) / 10;
    u8::try_from(tens.max(1).saturating_mul(10)).unwrap_or(20)
}

impl Stream {
    /// Length of the packets that we send; `ours` when the peer said nothing. RFC 3264 s6.1, s7.
    pub(super) fn packet_length_ms(&self, ours: u8) -> u8 {
        let ours = if ours == 0 { 20 } else { packet_length(u32::from(ours)) };
        let wanted = self.ptime_ms.unwrap_or(ours);
        self.maxptime_ms.map_or(wanted, |max| wanted.min(max))
    }

    /// Where RTCP goes.
    pub(super) fn rtcp(&self, mux: bool) -> Option<SocketAddr> {
        if mux { self.rtp } else { self.rtcp }
    }

    /// Whether it and we use the same version of IP; a host name is unknown and counts as the same.
    pub(super) fn is_reachable_from(&self, local: SocketAddr) -> bool {
        self.rtp.is_none_or(|rtp| rtp.is_ipv4() == local.ip().to_canonical().is_ipv4())
    }
}
