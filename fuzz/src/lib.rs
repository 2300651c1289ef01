//! What each fuzz target does with its bytes, and what must hold. `tests/fuzz_replay.rs` runs the same functions over the corpus.
#![forbid(unsafe_code)]

use sipwright::base::limits;
use sipwright::base::media::{Codec, Direction};
use sipwright::message::{
    self, AuthParams, CSeq, Challenge, Item, Message, Name, NameAddr, Params, RAck, Typed, Uri, Via, Warning, Writer,
    check, frame,
};
use sipwright::offer_answer::{LocalMedia, Negotiation};
use sipwright::rtp::{self, Packet, TelephoneEvent};
use sipwright::sdp::Session;
use sipwright::stun;
use std::hint::black_box;
use std::net::SocketAddr;

mod agent;
mod media;

pub use agent::agent;
pub use media::{jitter, rtcp, session};

/// The body of a fuzz target.
pub type Target = fn(&[u8]);

/// All targets by name.
pub const TARGETS: [(&str, Target); 15] = [
    ("agent", agent),
    ("message", message),
    ("values", values),
    ("writer", writer),
    ("frame", frame),
    ("uri", uri),
    ("headers", headers),
    ("multipart", multipart),
    ("sdp", sdp),
    ("offer_answer", offer_answer),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("jitter", jitter),
    ("session", session),
    ("stun", stun),
];

/// A datagram on the SIP port: what is read as STUN is bounded, and what answers it reads back.
pub fn stun(data: &[u8]) {
    let Ok(message) = stun::Message::parse(data) else { return };
    assert!(stun::is_stun(data) && message.unknown.len() <= 8);
    if message.class == stun::Class::Request {
        let mapped = SocketAddr::from(([192, 0, 2, 1], 5060));
        let answer = stun::success(&message.transaction, mapped, message.fingerprint);
        let told = stun::Message::parse(&answer).expect("our answer reads back");
        assert_eq!((told.transaction, told.mapped), (message.transaction, Some(mapped)));
        let refusal = stun::unknown_attributes(&message.transaction, &message.unknown, message.fingerprint);
        assert_eq!(stun::Message::parse(&refusal).expect("our refusal reads back").error, Some(420));
        assert!(answer.len() <= 40);
    }
}

/// A SIP datagram: every typed view is read; what is printed is understood, and printing that again changes nothing.
pub fn message(data: &[u8]) {
    let Ok(message) = Message::parse(data) else { return };
    black_box((message.from().is_ok(), message.to().is_ok(), message.cseq().is_ok(), message.call_id().is_some()));
    black_box((message.via().is_ok(), message.expires(), message.max_forwards(), message.content_length()));
    for via in message.vias().flatten() {
        black_box((via.branch(), via.received(), via.rport(), via.maddr(), via.ttl(), via.transport()));
    }
    for address in message.contacts().chain(message.routes()).chain(message.record_routes()).flatten() {
        black_box((address.tag(), address.display_name().len(), address.param("expires"), address.is_star()));
        if let Ok(uri) = address.parsed_uri() {
            assert!(uri.same_as(&uri), "a URI equals itself (RFC 3261 s19.1.4)");
            black_box((uri.transport(), uri.is_lr()));
        }
    }
    for (_, challenge) in message.challenges() {
        black_box((challenge.get("realm"), challenge.get("nonce"), challenge.get("qop")));
    }
    for header in message.headers() {
        black_box((message.named(header.raw_name), message.list(header.name).count()));
    }
    let checked = check::request(&message).is_ok() || check::response(&message).is_ok();
    let verdict = message::describe(data).verdict;
    assert!(checked || verdict.is_err(), "the whole grammar is laxer than check");
    if checked && message.content_length().is_some() {
        // A datagram and a stream must not disagree on where a message ends.
        assert_eq!(frame::next(message.raw()), frame::Frame::Message { bytes: message.raw().len() });
    }
    let mut first = Vec::new();
    message.write(&mut first);
    let again = match Message::parse(&first) {
        Ok(again) => again,
        Err(error) => {
            assert!(!checked, "a checked message does not survive printing: {error}");
            return;
        }
    };
    if checked {
        let mut second = Vec::new();
        again.write(&mut second);
        assert_eq!(first, second, "printing twice differs");
        assert_eq!(message.body(), again.body());
        assert_eq!(message.header(Name::CallId), again.header(Name::CallId));
    }
}

/// One header value, read as everything it could be; the two ways to read an address agree.
pub fn values(data: &[u8]) {
    let bytes_first = NameAddr::parse_bytes(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert_eq!(NameAddr::parse(text), bytes_first);
    if let Ok(address) = bytes_first {
        black_box((address.tag(), address.params.check().is_ok(), address.params.iter().count()));
        assert!(!address.display_name().contains(char::is_control), "control characters in a display name");
    }
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(uri.as_str(), text);
        assert!(uri.same_as(&uri), "a URI equals itself (RFC 3261 s19.1.4)");
        black_box((uri.ip(), uri.transport(), uri.is_lr()));
    }
    if let Ok(via) = Via::parse(text) {
        black_box((via.branch(), via.received(), via.rport(), via.maddr(), via.ttl(), via.transport()));
    }
    black_box((
        CSeq::parse(text).is_ok(),
        RAck::parse(text).is_ok(),
        Warning::parse(text).is_ok(),
        Params::new(text).is_ok(),
    ));
    black_box((Item::token(text).is_ok(), Item::seconds(text).is_ok(), Item::media_type(text).is_ok()));
    black_box((Challenge::parse_all(text).count(), AuthParams::new(text).iter().count(), message::unquote(text).len()));
    if let Ok(unix) = message::parse_date(text) {
        let mut printed = Vec::new();
        message::write_date(unix, &mut printed);
        assert_eq!(std::str::from_utf8(&printed).map(message::parse_date), Ok(Ok(unix)));
    }
}

/// Two URIs, on a line each: equality is the same both ways, and a URI equals itself and what it prints.
pub fn uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let all: Vec<Uri<'_>> = text.lines().take(2).filter_map(|line| Uri::parse(line).ok()).collect();
    for uri in &all {
        let printed = uri.to_string();
        let again = Uri::parse(&printed).expect("what was printed");
        assert!(uri.same_as(uri) && uri.same_as(&again));
        black_box((uri.ip(), uri.transport(), uri.is_lr(), uri.user_text(), uri.urn(), uri.header("Replaces")));
        black_box(uri.header_fields().count());
    }
    if let [a, b] = all[..] {
        assert_eq!(a.same_as(&b), b.same_as(&a), "equality depends on the order");
    }
}

/// A value of each header: what reads, prints what reads as the same, in one line.
pub fn headers(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let names: Vec<Name> = Name::known().collect();
    let name = names[usize::from(*first) % names.len()];
    let Ok(text) = std::str::from_utf8(rest) else { return };
    for value in Typed::parse_all(name, text).flatten() {
        let printed = value.to_string();
        assert!(!printed.contains(['\r', '\n', '\0']), "{name}: the line ends in {printed:?}");
        let again = Typed::parse(name, &printed).unwrap_or_else(|e| panic!("{name}: {e}: {printed:?}"));
        assert_eq!(again.to_string(), printed, "{name}: printing twice differs");
        if !text.contains(['\r', '\n', '\0']) {
            assert_eq!(again, value, "{name}: {printed:?}");
        }
    }
}

/// A body with its Content-Type on the first line: no more parts than allowed, none with bytes that did not come.
pub fn multipart(data: &[u8]) {
    let (head, body) = data.split_at(data.iter().position(|b| *b == b'\n').unwrap_or(data.len()));
    let mut bytes = Vec::new();
    let mut w = Writer::request(&mut bytes, "INVITE", "sip:a@b");
    w.header(Name::ContentType, head);
    w.finish(None, body.get(1..).unwrap_or_default());
    let Ok(message) = Message::parse(&bytes) else { return };
    let mut count = 0;
    for part in message.parts().flatten() {
        assert!(part.body.len() <= message.body().len());
        black_box((part.media_type().is_ok(), part.purpose(), part.is_optional(), part.id(), part.is_plain()));
        count += 1;
    }
    assert!(count <= limits::BODY_PARTS);
    if let Ok(Some(sdp)) = message::body::session(&message) {
        assert!(message::body::session_of_response(&message).is_some() && sdp.len() <= message.body().len());
    }
}

/// Text of an application, printed: whatever it is, it never becomes a line of its own.
pub fn writer(data: &[u8]) {
    let mut parts = data.split(|b| *b == b'|');
    let mut part = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut out = Vec::new();
    let mut w = Writer::request(&mut out, &part(), &part());
    w.header(Name::Subject, part()).header_fmt(Name::To, format_args!("<{}>", part())).named(&part(), &part());
    let body = part();
    w.finish(Some(&part()), body.as_bytes());
    let head = out.strip_suffix(body.as_bytes()).expect("the body comes last");
    assert!(head.ends_with(b"\r\n\r\n"));
    assert_eq!(head.iter().filter(|b| **b == b'\n').count(), 7, "a line was added");
    assert_eq!(head.iter().filter(|b| **b == b'\r').count(), 7);
}

/// The bytes of a stream: no frame reaches beyond what came, none is empty, and a prefix never yields another first frame.
pub fn frame(data: &[u8]) {
    let (mut rest, mut frames) = (data, 0usize);
    while let frame::Frame::Message { bytes } | frame::Frame::KeepAlive { bytes } = frame::next(rest) {
        assert!(bytes > 0 && bytes <= rest.len(), "{bytes} of {}", rest.len());
        let (one, after) = rest.split_at(bytes);
        if let frame::Frame::Message { .. } = frame::next(rest) {
            assert!(
                matches!(frame::next(one), frame::Frame::Message { bytes: same } if same == bytes),
                "cut off, it is another frame"
            );
        }
        rest = after;
        frames += 1;
    }
    black_box(frames);
}

/// A session description: what is printed reads back as the same value.
pub fn sdp(data: &[u8]) {
    let Ok(session) = Session::parse(data) else { return };
    for media in &session.media {
        black_box((session.connection_of(media), session.direction_of(media), session.ptime_of(media)));
        black_box((media.payload_types().count(), media.rtpmaps().count(), media.rtcp()));
    }
    let printed = session.to_vec();
    if printed.len() > limits::SDP_BYTES {
        return; // what was missing has been added
    }
    let again = Session::parse(&printed).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&printed)));
    assert_eq!(again.to_vec(), printed, "printing twice differs");
}

/// A session description of the peer as offer and as answer: our answer is one that the other side of ourselves takes.
pub fn offer_answer(data: &[u8]) {
    let local = LocalMedia {
        rtp: ([192, 0, 2, 1], 4000).into(),
        rtcp: ([192, 0, 2, 1], 4001).into(),
        codecs: Codec::ALL.to_vec(),
        dtmf: true,
        ptime_ms: 20,
    };
    let mut callee = Negotiation::new(1);
    if callee.remote_offer(data).is_ok()
        && let Ok((answer, agreed)) = callee.answer(&local, Direction::SendRecv)
    {
        let printed = Session::parse(&answer).expect("our own answer");
        let offered = Session::parse(data).expect("an offer that was taken");
        assert_eq!(printed.media.len(), offered.media.len(), "an m-line for each m-line (RFC 3264 s6)");
        if let Some(audio) = &agreed.audio {
            black_box(audio.remote_rtp);
        }
        // A second offer of the same kind in the same session.
        black_box(callee.remote_offer(data).is_ok());
        black_box(callee.answer(&local, Direction::SendOnly).is_ok());
    }
    let mut caller = Negotiation::new(2);
    caller.offer(&local, Direction::SendRecv);
    black_box(caller.remote_answer(data).is_ok());
    caller.offer(&local, Direction::SendOnly);
    black_box(caller.remote_answer(data).is_ok());
    walk(data, &local);
}

/// Several descriptions one after the other in one session, as offers, answers, previews and in glare. Each begins at a `v=0`.
fn walk(data: &[u8], local: &LocalMedia) {
    const STEPS: usize = 16;
    let starts: Vec<usize> = (0..data.len()).filter(|at| data[*at..].starts_with(b"v=0")).take(STEPS).collect();
    let mut ours = Negotiation::new(3);
    let mut last: Option<(Vec<u8>, u64)> = None;
    for (n, start) in starts.iter().enumerate() {
        let sdp = &data[*start..starts.get(n + 1).copied().unwrap_or(data.len())];
        let want = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive][n % 4];
        match sdp.len() % 4 {
            0 | 1 => {
                if ours.remote_offer(sdp).is_ok() {
                    assert_eq!(ours.remote_offer(sdp).map_err(|e| e.status), Err(500), "theirs is not answered yet");
                    black_box(ours.answer(local, want).is_ok());
                }
            }
            2 => {
                ours.offer(local, want);
                black_box(ours.remote_answer(sdp).is_ok());
            }
            _ => {
                let before = ours.agreed().cloned();
                ours.offer(local, want);
                black_box(ours.preview_answer(sdp).is_ok());
                assert_eq!(ours.remote_offer(sdp).map_err(|e| e.status), Err(491), "glare");
                ours.cancel_offer();
                assert_eq!(ours.agreed(), before.as_ref(), "a failed offer changes nothing (RFC 3264 s4)");
            }
        }
        assert!(ours.can_offer());
        if let Some(audio) = ours.agreed().and_then(|a| a.audio.as_ref()) {
            assert!(audio.receive.iter().any(|(_, codec)| *codec == audio.codec));
            assert!(audio.send_payload_type < 128 && audio.receive.iter().all(|(pt, _)| *pt < 128));
            assert!((10..=120).contains(&audio.ptime_ms) && audio.ptime_ms % 10 == 0);
            for to in audio.remote_rtp.iter().chain(&audio.remote_rtcp) {
                assert!(!to.ip().is_unspecified() && !to.ip().is_multicast() && to.port() > 0, "{to}");
            }
        }
        if let Some(sent) = ours.local_sdp() {
            let session = Session::parse(sent).expect("our own description");
            let version = session.origin.version.parse().expect("a number");
            assert_eq!(session.to_vec(), **sent);
            if let Some((before, was)) = &last {
                assert!(version > *was || before == sent, "another text under the same version (RFC 3264 s8)");
            }
            last = Some((sent.to_vec(), version));
        }
    }
}

/// A packet of a media port: RTP, RTCP compound or reduced, telephone-event.
pub fn rtp(data: &[u8]) {
    black_box(rtp::is_rtcp(data));
    if let Ok(packet) = Packet::parse(data) {
        black_box(packet.csrcs().count());
        black_box(TelephoneEvent::parse(packet.payload));
    }
    for whole in [true, false] {
        if let Ok(compound) = rtp::rtcp::Compound::parse(data, whole) {
            black_box(compound.parts().map(|part| format!("{part:?}").len()).sum::<usize>());
        }
    }
}
