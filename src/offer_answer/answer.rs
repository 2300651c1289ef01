//! What both sides agreed on, from our offer and their answer or the other way round. RFC 3264 s6.1, s7.

use super::formats::{Format, Formats, number};
use super::refused::{Refused, warn};
use super::remote::{Remote, Stream};
use super::{Agreed, LocalMedia};
use crate::base::media::{Codec, Direction, StreamParams};
use std::net::SocketAddr;

/// What we offered, as far as the answer is read against it.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    /// Place of our audio among the `m=` lines.
    pub(super) slot: usize,
    /// `m=` lines before this offer.
    pub(super) slots_before: usize,
    /// Empty when we offered no audio.
    pub(super) formats: Formats,
    pub(super) direction: Direction,
    pub(super) mux: bool,
    pub(super) ptime_ms: u8,
    pub(super) rtp: SocketAddr,
}

/// Their answer to our offer. RFC 3264 s7. `held` is what we knew of their hold before.
pub(super) fn to_ours(ours: &Ours, answer: &Remote, held: bool) -> Result<Agreed, Refused> {
    if ours.formats.is_empty() {
        return Ok(Agreed::default());
    }
    let Some(stream) = answer.streams.iter().find(|s| s.slot == ours.slot) else {
        // Port 0, or no line at all: our audio is not wanted. Anything else there is a violation.
        return answer
            .obstacles
            .iter()
            .find(|o| o.slot == ours.slot)
            .map_or(Ok(Agreed::default()), |o| Err(o.refuse()));
    };
    if !stream.is_reachable_from(ours.rtp) {
        return Err(family());
    }
    let theirs = |format| number(&stream.formats, format);
    let common = |(_, f): &&(u8, Format)| number(&ours.formats, *f).is_some();
    // The first format that they list is the one to send; all that they list may come (s7).
    let first = stream.formats.iter().filter(common).find_map(|(pt, f)| codec(*f).map(|c| (*pt, c)));
    let (send_payload_type, codec_sent) = first.ok_or_else(formats)?;
    let mut receive: Vec<(u8, Codec)> = Vec::new();
    for codec in stream.formats.iter().filter_map(|(_, f)| codec(*f)) {
        if let Some(pt) = number(&ours.formats, Format::Audio(codec))
            && !receive.iter().any(|(n, _)| *n == pt)
        {
            receive.push((pt, codec));
        }
    }
    let dtmf = number(&ours.formats, Format::TelephoneEvent);
    let dtmf = dtmf.and_then(|ours| theirs(Format::TelephoneEvent).map(|theirs| (ours, theirs)));
    let mux = ours.mux && stream.mux;
    let audio = StreamParams {
        codec: codec_sent,
        send_payload_type,
        receive,
        dtmf_send: dtmf.map(|(_, theirs)| theirs),
        dtmf_receive: dtmf.map(|(ours, _)| ours),
        ptime_ms: stream.packet_length_ms(ours.ptime_ms),
        direction: flow(ours.direction, stream),
        remote_rtp: stream.rtp,
        remote_rtcp: stream.rtcp(mux),
        rtcp_mux: mux,
        signalling_peer: None,
    };
    // To an offer that does not send, the answer cannot say whether they would listen (RFC 3264 s6.1).
    let asked = ours.direction.sends();
    let remote_hold = stream.held || if asked { !stream.direction.receives() } else { held };
    Ok(Agreed { audio: Some(audio), remote_hold })
}

/// Our side of an answer.
pub(super) struct Taken<'r> {
    pub(super) stream: &'r Stream,
    /// What we list, in our order of preference, with the offer's numbers.
    pub(super) formats: Formats,
    /// What we write: the offer's direction seen from us, cut by what we want. RFC 3264 s6.1.
    pub(super) direction: Direction,
    pub(super) audio: StreamParams,
}

/// Our answer to their offer: the first stream that we can take, the one in our old place before the others.
pub(super) fn to_theirs<'r>(
    offer: &'r Remote,
    local: &LocalMedia,
    want: Direction,
    place: Option<usize>,
) -> Result<Option<Taken<'r>>, Refused> {
    let mut obstacle = offer.obstacles.first().map(|o| o.refuse());
    let (same, other): (Vec<_>, Vec<_>) = offer.streams.iter().partition(|s| Some(s.slot) == place);
    for stream in same.into_iter().chain(other) {
        match take(stream, local, want) {
            Ok(taken) => return Ok(Some(taken)),
            Err(e) => obstacle = Some(e),
        }
    }
    // Nothing was offered that is wanted at all: that is no refusal, the answer is as empty as the offer (s6, s8.2).
    obstacle.map_or(Ok(None), Err)
}

fn take<'r>(stream: &'r Stream, local: &LocalMedia, want: Direction) -> Result<Taken<'r>, Refused> {
    if !stream.is_reachable_from(local.rtp) {
        return Err(family());
    }
    let mut list = Formats::new();
    for codec in &local.codecs {
        let format = Format::Audio(*codec);
        if let (Some(pt), None) = (number(&stream.formats, format), number(&list, format)) {
            list.push((pt, format));
        }
    }
    let receive: Vec<(u8, Codec)> = list.iter().filter_map(|(pt, f)| codec(*f).map(|c| (*pt, c))).collect();
    let (send_payload_type, codec) = *receive.first().ok_or_else(formats)?;
    let dtmf = if local.dtmf { number(&stream.formats, Format::TelephoneEvent) } else { None };
    list.extend(dtmf.map(|pt| (pt, Format::TelephoneEvent)));
    let written =
        Direction::from_flags(want.sends() && stream.direction.receives(), want.receives() && stream.direction.sends());
    let audio = StreamParams {
        codec,
        send_payload_type,
        receive,
        dtmf_send: dtmf,
        dtmf_receive: dtmf,
        ptime_ms: stream.packet_length_ms(local.ptime_ms),
        direction: flow(want, stream),
        remote_rtp: stream.rtp,
        remote_rtcp: stream.rtcp(stream.mux),
        rtcp_mux: stream.mux,
        signalling_peer: None,
    };
    Ok(Taken { stream, formats: list, direction: written, audio })
}

/// What flows: what both want, and nothing to the address 0.0.0.0 (RFC 3264 s8.4).
fn flow(ours: Direction, theirs: &Stream) -> Direction {
    let sends = ours.sends() && theirs.direction.receives() && !theirs.held;
    Direction::from_flags(sends, ours.receives() && theirs.direction.sends())
}

const fn codec(format: Format) -> Option<Codec> {
    match format {
        Format::Audio(codec) => Some(codec),
        Format::TelephoneEvent => None,
    }
}

fn family() -> Refused {
    Refused::not_acceptable(warn::ADDRESS, "the media addresses are of different IP versions")
}

fn formats() -> Refused {
    Refused::not_acceptable(warn::FORMAT, "no common codec")
}
