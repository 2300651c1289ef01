#![allow(clippy::arithmetic_side_effects)]

use super::*;
use crate::base::media::Direction;

fn media(ip: &str, port: u16, codecs: &[Codec]) -> LocalMedia {
    let ip = ip.parse().unwrap();
    LocalMedia {
        rtp: SocketAddr::new(ip, port),
        rtcp: SocketAddr::new(ip, port + 1),
        codecs: codecs.to_vec(),
        dtmf: true,
        ptime_ms: 20,
    }
}

fn alice() -> LocalMedia {
    media("192.0.2.1", 4000, &Codec::ALL)
}

fn bob() -> LocalMedia {
    media("192.0.2.2", 5000, &[Codec::Pcma, Codec::Pcmu])
}

fn text(sdp: &[u8]) -> &str {
    std::str::from_utf8(sdp).unwrap()
}

fn sdp(lines: &str) -> Vec<u8> {
    let head = "v=0\no=- 1 1 IN IP4 192.0.2.2\ns=-\nc=IN IP4 192.0.2.2\nt=0 0\n";
    format!("{head}{lines}").replace('\n', "\r\n").into_bytes()
}

fn addr(s: &str) -> Option<SocketAddr> {
    Some(s.parse().unwrap())
}

/// One exchange; both must come to the same.
fn exchange(
    a: &mut Negotiation,
    am: &LocalMedia,
    ad: Direction,
    b: &mut Negotiation,
    bm: &LocalMedia,
    bd: Direction,
) -> [Agreed; 2] {
    let offer = a.offer(am, ad);
    b.remote_offer(&offer).unwrap();
    let (answer, theirs) = b.answer(bm, bd).unwrap();
    [a.remote_answer(&answer).unwrap(), theirs]
}

#[test]
fn ordinary_call() {
    let (mut a, mut b) = (Negotiation::new(7), Negotiation::new(8));
    let offer = a.offer(&alice(), Direction::SendRecv);
    assert_eq!(
        text(&offer),
        "v=0\r\no=- 7 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 0 8 101\r\n\
         a=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    );
    b.remote_offer(&offer).unwrap();
    let (answer, theirs) = b.answer(&bob(), Direction::SendRecv).unwrap();
    assert!(text(&answer).contains("m=audio 5000 RTP/AVP 8 0 101\r\n"), "{}", text(&answer));
    let ours = a.remote_answer(&answer).unwrap();
    let audio = ours.audio.clone().unwrap();
    assert_eq!((audio.codec, audio.send_payload_type), (Codec::Pcma, 8));
    assert_eq!(audio.receive, [(8, Codec::Pcma), (0, Codec::Pcmu)]);
    assert_eq!((audio.dtmf_send, audio.dtmf_receive), (Some(101), Some(101)));
    assert_eq!(audio.direction, Direction::SendRecv);
    assert_eq!((audio.remote_rtp, audio.remote_rtcp), (addr("192.0.2.2:5000"), addr("192.0.2.2:5001")));
    let audio = theirs.audio.unwrap();
    assert_eq!((audio.codec, audio.remote_rtcp), (Codec::Pcma, addr("192.0.2.1:4001")));
    assert_eq!(a.agreed(), Some(&ours));
    assert!(a.can_offer() && b.can_offer());
}

/// RFC 6337 s5.3, the walk through hold of both sides.
#[test]
fn hold_and_resume() {
    use Direction::{Inactive, RecvOnly, SendOnly, SendRecv};
    let (mut a, mut b) = (Negotiation::new(1), Negotiation::new(2));
    let (am, bm) = (alice(), bob());
    let flow =
        |[x, y]: [Agreed; 2]| (x.audio.unwrap().direction, y.audio.unwrap().direction, x.remote_hold, y.remote_hold);
    assert_eq!(flow(exchange(&mut a, &am, SendRecv, &mut b, &bm, SendRecv)), (SendRecv, SendRecv, false, false));
    assert_eq!(flow(exchange(&mut a, &am, SendOnly, &mut b, &bm, SendRecv)), (SendOnly, RecvOnly, false, true));
    assert_eq!(flow(exchange(&mut b, &bm, SendOnly, &mut a, &am, SendOnly)), (Inactive, Inactive, true, true));
    assert_eq!(flow(exchange(&mut a, &am, SendRecv, &mut b, &bm, SendOnly)), (RecvOnly, SendOnly, true, false));
    assert_eq!(flow(exchange(&mut b, &bm, SendRecv, &mut a, &am, SendRecv)), (SendRecv, SendRecv, false, false));
}

/// RFC 3264 s8.4, RFC 6337 s5.4: the direction in the answer follows the attribute, but nothing is sent.
#[test]
fn hold_by_the_zero_address() {
    let mut b = Negotiation::new(1);
    b.remote_offer(
        b"v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
    )
    .unwrap();
    let (answer, agreed) = b.answer(&alice(), Direction::SendRecv).unwrap();
    assert!(text(&answer).contains("a=sendrecv"));
    let audio = agreed.audio.unwrap();
    assert!(agreed.remote_hold);
    assert_eq!((audio.direction, audio.remote_rtp, audio.remote_rtcp), (Direction::RecvOnly, None, None));
}

#[test]
fn streams_that_we_do_not_take_keep_their_place() {
    let mut b = Negotiation::new(1);
    let offer = sdp(
        "m=video 6000 RTP/AVP 31 32\nm=audio 4000 RTP/SAVP 0\nm=audio 4002 RTP/AVP 3 8\nm=image 5000 udptl t38\nm=audio 4004 RTP/AVP 0\n",
    );
    b.remote_offer(&offer).unwrap();
    let (answer, agreed) = b.answer(&alice(), Direction::SendRecv).unwrap();
    let lines: Vec<_> = text(&answer).lines().filter(|l| l.starts_with("m=")).collect();
    let want = [
        "m=video 0 RTP/AVP 31",
        "m=audio 0 RTP/SAVP 0",
        "m=audio 4000 RTP/AVP 8",
        "m=image 0 udptl t38",
        "m=audio 0 RTP/AVP 0",
    ];
    assert_eq!(lines, want);
    assert_eq!(agreed.audio.unwrap().remote_rtp, addr("192.0.2.2:4002"));
    // Our own offer afterwards keeps every slot. RFC 3264 s8.
    let offer = b.offer(&alice(), Direction::SendRecv);
    let lines: Vec<_> = text(&offer).lines().filter(|l| l.starts_with("m=")).collect();
    assert_eq!((lines[0], lines[2], lines.len()), (want[0], "m=audio 4000 RTP/AVP 9 0 8 101", 5));
}

#[test]
fn nothing_in_common_is_488_with_the_reason() {
    let cases = [
        ("m=audio 4000 RTP/AVP 3 18\n", 305),
        ("m=audio 4000 RTP/AVP 101\na=rtpmap:101 telephone-event/8000\n", 305),
        ("m=audio 4000 RTP/AVP 0\na=rtpmap:0 opus/48000/2\n", 305),
        ("m=audio 4000 RTP/SAVP 0\n", 302),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 0\n", 302),
        ("m=video 4000 RTP/AVP 31\n", 304),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 224.1.1.1/127\n", 330),
        ("m=audio 4000 RTP/AVP 0\nc=IN IP4 255.255.255.255\n", 330),
        ("m=audio 4294967296 RTP/AVP 0\n", 307),
    ];
    for (lines, code) in cases {
        let mut b = Negotiation::new(1);
        let refused = b.remote_offer(&sdp(lines)).unwrap_err();
        assert_eq!((refused.status, refused.warn_code), (488, code), "{lines}");
        assert!(refused.warning_header("192.0.2.1").unwrap().starts_with(&format!("{code} 192.0.2.1 \"")));
        assert!(b.can_offer());
    }
    let mut b = Negotiation::new(1);
    b.remote_offer(&sdp("m=audio 4000 RTP/AVP 9\n")).unwrap();
    assert_eq!(b.answer(&bob(), Direction::SendRecv).unwrap_err().warn_code, 305);
    b.remote_offer(&sdp("m=audio 4000 RTP/AVP 0\nc=IN IP6 2001:db8::1\n")).unwrap();
    assert_eq!(b.answer(&bob(), Direction::SendRecv).unwrap_err().warn_code, 301);
    assert!(b.can_offer() && b.agreed().is_none() && b.local_sdp().is_none());
}

/// RFC 3264 s5: an offer that wants nothing is answered with nothing, not refused.
#[test]
fn an_offer_without_wanted_streams_is_answered() {
    for (lines, answered) in [("", ""), ("m=audio 0 RTP/AVP 0\n", "m=audio 0 RTP/AVP 0\r\n")] {
        let mut b = Negotiation::new(1);
        b.remote_offer(&sdp(lines)).unwrap();
        let (answer, agreed) = b.answer(&bob(), Direction::SendRecv).unwrap();
        assert!(text(&answer).ends_with(&format!("t=0 0\r\n{answered}")));
        assert_eq!(agreed, Agreed::default());
        // The slot is used again for ours. RFC 3264 s8.1.
        let offer = b.offer(&bob(), Direction::SendRecv);
        assert_eq!(text(&offer).matches("m=").count(), 1);
        assert!(text(&offer).contains("m=audio 5000 RTP/AVP 8 0 101"));
    }
}

/// RFC 3264 s6.1: our preference, the offer's numbers.
#[test]
fn dynamic_numbers_of_the_offer_are_used() {
    let mut b = Negotiation::new(1);
    b.remote_offer(&sdp(
        "m=audio 4000 RTP/AVP 111 101 97 96 100 0\na=rtpmap:111 opus/48000/2\na=rtpmap:101 speex/8000\na=rtpmap:97 pcma/8000/1\n\
         a=rtpmap:96 PCMU/8000\na=rtpmap:100 Telephone-Event/8000\n",
    ))
    .unwrap();
    let (answer, agreed) = b.answer(&bob(), Direction::SendRecv).unwrap();
    assert!(
        text(&answer).contains("m=audio 5000 RTP/AVP 97 96 100\r\na=rtpmap:97 PCMA/8000\r\na=rtpmap:96 PCMU/8000\r\n")
    );
    let audio = agreed.audio.unwrap();
    assert_eq!((audio.codec, audio.send_payload_type, audio.dtmf_send), (Codec::Pcma, 97, Some(100)));
    assert_eq!(audio.receive, [(97, Codec::Pcma), (96, Codec::Pcmu)]);
    // A number never changes its meaning: 101 is speex, 97 PCMA. RFC 3264 s8.3.2.
    let offer = b.offer(&alice(), Direction::SendRecv);
    assert!(text(&offer).contains("m=audio 4000 RTP/AVP 9 96 97 100\r\n"), "{}", text(&offer));
}

#[test]
fn a_number_taken_by_the_peer_is_not_ours() {
    let mut b = Negotiation::new(1);
    b.remote_offer(&sdp("m=audio 4000 RTP/AVP 0 101 96\na=rtpmap:101 speex/8000\na=rtpmap:96 iLBC/8000\n")).unwrap();
    b.answer(&bob(), Direction::SendRecv).unwrap();
    assert!(text(&b.offer(&bob(), Direction::SendRecv)).contains("m=audio 5000 RTP/AVP 8 0 97\r\n"));
}

/// RFC 3264 s5.1, s7: their numbers to send, ours to receive.
#[test]
fn an_answer_with_other_numbers() {
    let mut a = Negotiation::new(1);
    a.offer(&alice(), Direction::SendRecv);
    let agreed = a
        .remote_answer(&sdp(
            "m=audio 5000 RTP/AVP 96 0 97\na=rtpmap:96 G722/8000\na=rtpmap:97 telephone-event/8000\na=ptime:30\n",
        ))
        .unwrap();
    let audio = agreed.audio.unwrap();
    assert_eq!((audio.codec, audio.send_payload_type, audio.ptime_ms), (Codec::G722, 96, 30));
    assert_eq!(audio.receive, [(9, Codec::G722), (0, Codec::Pcmu)]);
    assert_eq!((audio.dtmf_send, audio.dtmf_receive), (Some(97), Some(101)));
}

#[test]
fn an_answer_that_leaves_out_the_mapping_of_our_number() {
    let mut a = Negotiation::new(1);
    a.offer(&alice(), Direction::SendRecv);
    let audio = a.remote_answer(&sdp("m=audio 5000 RTP/AVP 0 101\n")).unwrap().audio.unwrap();
    assert_eq!(audio.dtmf_send, Some(101));
}

#[test]
fn answers_that_refuse_and_answers_that_are_wrong() {
    for lines in ["m=audio 0 RTP/AVP 0\n", ""] {
        let mut a = Negotiation::new(1);
        a.offer(&alice(), Direction::SendRecv);
        assert_eq!(a.remote_answer(&sdp(lines)).unwrap(), Agreed::default());
    }
    for lines in [
        "m=audio 5000 RTP/AVP 18\n",
        "m=audio 5000 RTP/SAVP 0\n",
        "m=video 5000 RTP/AVP 31\n",
        "m=audio 70000 RTP/AVP 0\n",
        "m=audio 5000 RTP/AVP 0\nc=IN IP6 2001:db8::1\n",
    ] {
        let mut a = Negotiation::new(1);
        a.offer(&alice(), Direction::SendRecv);
        assert_eq!(a.remote_answer(&sdp(lines)).unwrap_err().status, 488, "{lines}");
        assert!(a.can_offer() && a.agreed().is_none());
    }
}

/// RFC 3264 s4, RFC 3261 s14.2.
#[test]
fn one_exchange_at_a_time() {
    let (mut a, mut b) = (Negotiation::new(1), Negotiation::new(2));
    let from_b = b.offer(&bob(), Direction::SendRecv);
    a.offer(&alice(), Direction::SendRecv);
    let glare = a.remote_offer(&from_b).unwrap_err();
    assert_eq!((glare.status, glare.retry_after, glare.warning_header("x")), (491, false, None));
    assert!(a.has_offer_pending());
    a.cancel_offer();
    a.remote_offer(&from_b).unwrap();
    let overtaken = a.remote_offer(&from_b).unwrap_err();
    assert_eq!((overtaken.status, overtaken.retry_after), (500, true));
    assert_eq!(a.remote_answer(&from_b).unwrap_err().status, 500);
    assert!(a.has_remote_offer());
    a.reject_offer();
    assert!(a.can_offer());
    assert_eq!(a.answer(&alice(), Direction::SendRecv).unwrap_err().status, 500);
    assert_eq!(Negotiation::new(3).remote_answer(&from_b).unwrap_err().status, 500);
}

/// RFC 3264 s8: the version rises by one when the text changes, and only then; RFC 6337 s5.2.5: nothing else of `o=` changes.
#[test]
fn the_version_follows_the_text() {
    let origin = |sdp: &[u8]| text(sdp).lines().nth(1).unwrap().to_string();
    let (mut a, mut b) = (Negotiation::new(7), Negotiation::new(8));
    exchange(&mut a, &alice(), Direction::SendRecv, &mut b, &bob(), Direction::SendRecv);
    let first = a.local_sdp().unwrap().clone();
    let [x, _] = exchange(&mut a, &alice(), Direction::SendRecv, &mut b, &bob(), Direction::SendRecv);
    assert_eq!((a.local_sdp(), a.agreed()), (Some(&first), Some(&x)));
    let moved = media("198.51.100.7", 4000, &Codec::ALL);
    let offer = a.offer(&moved, Direction::SendRecv);
    assert_eq!(origin(&offer), "o=- 7 2 IN IP4 192.0.2.1");
    assert!(text(&offer).contains("c=IN IP4 198.51.100.7"));
    a.cancel_offer();
    assert_eq!(origin(&a.offer(&moved, Direction::SendRecv)), "o=- 7 2 IN IP4 192.0.2.1");
    a.cancel_offer();
    assert_eq!(origin(&a.offer(&alice(), Direction::SendRecv)), "o=- 7 3 IN IP4 192.0.2.1");
    assert_eq!(origin(b.local_sdp().unwrap()), "o=- 8 1 IN IP4 192.0.2.2");
    assert!(
        text(&Negotiation::new(u64::MAX).offer(&alice(), Direction::SendRecv)).contains("o=- 9223372036854775807 1 ")
    );
}

/// RFC 3264 s4: a rejected offer leaves the session as it was.
#[test]
fn a_failed_offer_changes_nothing() {
    let (mut a, mut b) = (Negotiation::new(1), Negotiation::new(2));
    let [before, _] = exchange(&mut a, &alice(), Direction::SendRecv, &mut b, &bob(), Direction::SendRecv);
    a.offer(&alice(), Direction::Inactive);
    assert_eq!(a.agreed(), Some(&before));
    a.cancel_offer();
    assert_eq!(a.agreed(), Some(&before));
    a.remote_offer(&sdp("m=audio 5000 RTP/AVP 0\na=inactive\n")).unwrap();
    assert_eq!(a.agreed(), Some(&before));
    a.reject_offer();
    assert!(a.remote_offer(&sdp("m=audio 5000 RTP/AVP 18\n")).is_err());
    assert_eq!(a.agreed(), Some(&before));
}

/// RFC 6337 s3.1.1: an answer in an unreliable 18x is a preview.
#[test]
fn a_preview_leaves_the_offer_open() {
    let (mut a, mut b) = (Negotiation::new(1), Negotiation::new(2));
    let offer = a.offer(&alice(), Direction::SendRecv);
    b.remote_offer(&offer).unwrap();
    let (answer, _) = b.answer(&bob(), Direction::SendRecv).unwrap();
    assert!(a.preview_answer(b"junk").is_err());
    let preview = a.preview_answer(&answer).unwrap();
    assert_eq!(a.agreed(), Some(&preview));
    assert_eq!(a.remote_offer(&answer).unwrap_err().status, 491);
    let mut without = a.clone();
    assert_eq!(without.confirm_preview(), Some(preview.clone()));
    assert!(without.can_offer() && without.agreed() == Some(&preview));
    let mut failed = a.clone();
    failed.cancel_offer();
    assert_eq!(failed.agreed(), None);
    assert_eq!(failed.confirm_preview(), None);
    assert_eq!(a.remote_answer(&answer).unwrap(), preview);
    assert!(a.can_offer());
    // The same again, in a 200 after a reliable 183.
    assert_eq!(a.remote_answer(&answer).unwrap(), preview);
    assert!(a.preview_answer(&answer).is_err());
}

/// RFC 3261 s13.2.1: the offer in the 2xx, the answer in the ACK.
#[test]
fn late_offer() {
    let (mut uas, mut uac) = (Negotiation::new(1), Negotiation::new(2));
    let [x, y] = exchange(&mut uas, &bob(), Direction::SendRecv, &mut uac, &alice(), Direction::SendRecv);
    // The answerer's preference decides.
    assert_eq!((x.audio.unwrap().codec, y.audio.unwrap().codec), (Codec::Pcmu, Codec::Pcmu));
}

#[test]
fn ipv6_and_rtcp_elsewhere() {
    let mut odd = media("2001:db8::1", 4000, &[Codec::Pcmu]);
    odd.rtcp = "[2001:db8::2]:4711".parse().unwrap();
    let (mut a, mut b) = (Negotiation::new(1), Negotiation::new(2));
    let [_, y] = exchange(
        &mut a,
        &odd,
        Direction::SendRecv,
        &mut b,
        &media("2001:db8::9", 5000, &Codec::ALL),
        Direction::SendRecv,
    );
    assert!(text(a.local_sdp().unwrap()).contains("c=IN IP6 2001:db8::1\r\n"));
    assert!(text(a.local_sdp().unwrap()).contains("a=rtcp:4711 IN IP6 2001:db8::2\r\n"));
    assert_eq!(y.audio.unwrap().remote_rtcp, addr("[2001:db8::2]:4711"));
    odd.rtcp = "[2001:db8::1]:4711".parse().unwrap();
    let [_, y] = exchange(
        &mut a,
        &odd,
        Direction::SendRecv,
        &mut b,
        &media("2001:db8::9", 5000, &Codec::ALL),
        Direction::SendRecv,
    );
    assert!(text(a.local_sdp().unwrap()).contains("a=rtcp:4711\r\n"));
    assert_eq!(y.audio.unwrap().remote_rtcp, addr("[2001:db8::1]:4711"));
}

/// RFC 5761 s5.1.1: both, or none; s4: payload types 64 ..= 95 are not to be used then.
#[test]
fn rtcp_mux_needs_both() {
    let (mut a, mut b) = (Negotiation::new(1), Negotiation::new(2));
    a.set_rtcp_mux(true);
    let [x, y] = exchange(&mut a, &alice(), Direction::SendRecv, &mut b, &bob(), Direction::SendRecv);
    let (x, y) = (x.audio.unwrap(), y.audio.unwrap());
    assert!(x.rtcp_mux && y.rtcp_mux);
    assert_eq!((x.remote_rtcp, y.remote_rtcp), (x.remote_rtp, y.remote_rtp));
    // Once agreed, the other side's offers ask for it too.
    let [x, _] = exchange(&mut b, &bob(), Direction::SendRecv, &mut a, &alice(), Direction::SendRecv);
    assert!(x.audio.unwrap().rtcp_mux);
    a.offer(&alice(), Direction::SendRecv);
    let x = a.remote_answer(&sdp("m=audio 5000 RTP/AVP 0\n")).unwrap().audio.unwrap();
    assert_eq!((x.rtcp_mux, x.remote_rtcp), (false, addr("192.0.2.2:5001")));
    a.set_rtcp_mux(false);
    a.offer(&alice(), Direction::SendRecv);
    let x = a.remote_answer(&sdp("m=audio 5000 RTP/AVP 0\na=rtcp-mux\n")).unwrap().audio.unwrap();
    assert!(!x.rtcp_mux);
    let lines = "m=audio 4 RTP/AVP 72 0\na=rtpmap:72 PCMA/8000\n";
    for (more, want) in [("a=rtcp-mux\n", vec![(0, Codec::Pcmu)]), ("", vec![(72, Codec::Pcma), (0, Codec::Pcmu)])] {
        let mut b = Negotiation::new(1);
        b.remote_offer(&sdp(&format!("{lines}{more}"))).unwrap();
        assert_eq!(b.answer(&bob(), Direction::SendRecv).unwrap().1.audio.unwrap().receive, want);
    }
}

#[test]
fn avpf_is_answered_as_avpf() {
    let mut b = Negotiation::new(1);
    b.remote_offer(&sdp("m=audio 4000 RTP/AVPF 0\na=rtcp-fb:* nack\n")).unwrap();
    let (answer, _) = b.answer(&bob(), Direction::SendRecv).unwrap();
    assert!(text(&answer).contains("m=audio 5000 RTP/AVPF 0\r\n") && !text(&answer).contains("rtcp-fb"));
    assert!(text(&b.offer(&bob(), Direction::SendRecv)).contains("m=audio 5000 RTP/AVPF 8 0 101\r\n"));
}

#[test]
fn packet_lengths() {
    let sent = |lines: &str, ours: u8| {
        let mut b = Negotiation::new(1);
        b.remote_offer(&sdp(&format!("m=audio 4000 RTP/AVP 0\n{lines}"))).unwrap();
        let local = LocalMedia { ptime_ms: ours, ..bob() };
        b.answer(&local, Direction::SendRecv).unwrap().1.audio.unwrap().ptime_ms
    };
    assert_eq!((sent("", 0), sent("", 30), sent("", 255)), (20, 30, 120));
    assert_eq!((sent("a=ptime:40\n", 20), sent("a=ptime:25\n", 20), sent("a=ptime:1\n", 20)), (40, 20, 10));
    assert_eq!(
        (sent("a=ptime:0\n", 20), sent("a=ptime:4294967296\n", 20), sent("a=ptime:4294967295\n", 20)),
        (20, 20, 120)
    );
    assert_eq!((sent("a=ptime:60\na=maxptime:40\n", 20), sent("a=maxptime:10\n", 20)), (40, 10));
}

/// RFC 3264 s6: the time of the answer is that of the offer.
#[test]
fn the_time_is_repeated() {
    let mut b = Negotiation::new(1);
    let offer = String::from_utf8(sdp("m=audio 4000 RTP/AVP 0\n")).unwrap().replace("t=0 0", "t=3034423619 3042462419");
    b.remote_offer(offer.as_bytes()).unwrap();
    assert!(text(&b.answer(&bob(), Direction::SendRecv).unwrap().0).contains("\r\nt=3034423619 3042462419\r\nm="));
}

#[test]
fn odd_devices() {
    let rtp = |bytes: &[u8]| {
        let mut b = Negotiation::new(1);
        b.remote_offer(bytes).unwrap();
        b.answer(&alice(), Direction::SendRecv).unwrap().1.audio.unwrap()
    };
    // No c= at all, port 65535, G.722 with its sample rate, a host name.
    assert_eq!(rtp(b"v=0\no=- 1 1 IN IP4 192.0.2.7\nm=audio 4000 RTP/AVP 0\n").remote_rtp, addr("192.0.2.7:4000"));
    let last = rtp(&sdp("m=audio 65535 RTP/AVP 0\n"));
    assert_eq!((last.remote_rtp, last.remote_rtcp), (addr("192.0.2.2:65535"), None));
    assert_eq!(rtp(&sdp("m=audio 4000 RTP/AVP 9\na=rtpmap:9 G722/16000\n")).codec, Codec::G722);
    assert_eq!(rtp(&sdp("m=audio 4000 rtp/avp 0\nc=IN IP4 phone.example.com\n")).remote_rtp, None);
    assert_eq!(rtp(&sdp("m=audio 4000 RTP/AVP 0 0 0\n")).receive, [(0, Codec::Pcmu)]);
}

#[test]
fn without_codecs_or_digits() {
    let mut a = Negotiation::new(1);
    let mute = LocalMedia { codecs: Vec::new(), ..alice() };
    assert!(text(&a.offer(&mute, Direction::SendRecv)).ends_with("m=audio 0 RTP/AVP 0\r\n"));
    assert_eq!(a.remote_answer(&sdp("m=audio 4000 RTP/AVP 0\n")).unwrap(), Agreed::default());
    let plain = LocalMedia { dtmf: false, codecs: vec![Codec::Pcmu; 3], ..alice() };
    let (mut a, mut b) = (Negotiation::new(1), Negotiation::new(2));
    let [x, y] = exchange(&mut a, &plain, Direction::SendRecv, &mut b, &bob(), Direction::SendRecv);
    assert_eq!((x.audio.unwrap().dtmf_send, y.audio.unwrap().dtmf_receive), (None, None));
    assert!(text(a.local_sdp().unwrap()).contains("m=audio 4000 RTP/AVP 0\r\n"));
}

#[test]
fn a_call_with_the_applications_own_sdp() {
    let (mut a, mut b) = (Negotiation::new(1), Negotiation::new(2));
    b.set_raw(true);
    let offer = a.offer_raw("their own".into());
    assert_eq!(a.remote_offer(b"x").unwrap_err().status, 491);
    assert!(a.has_offer_pending());
    b.remote_offer(&offer).unwrap();
    assert_eq!(b.remote_offer(&offer).unwrap_err().status, 500);
    assert!(b.answer(&bob(), Direction::SendRecv).is_err());
    let answer = b.answer_raw("as they like".into()).unwrap();
    assert!(b.answer_raw("twice".into()).is_err());
    assert_eq!(a.remote_answer(&answer).unwrap(), Agreed::default());
    assert!(a.agreed().is_none() && b.agreed().is_none() && a.can_offer() && b.can_offer());
    // A normal offer can also be answered with the application's own text.
    let mut c = Negotiation::new(3);
    c.remote_offer(&sdp("m=audio 4000 RTP/AVP 0\n")).unwrap();
    c.answer_raw("v=0".into()).unwrap();
    assert!(c.agreed().is_none());
}

/// Random walks of two sides through offers, answers, rejections, glare and hostile text.
mod walk {
    use super::*;
    use proptest::prelude::*;

    /// What one side says of itself.
    #[derive(Clone, Debug)]
    struct Side {
        codecs: Vec<Codec>,
        direction: Direction,
        port: u16,
        dtmf: bool,
        ptime_ms: u8,
        mux: bool,
    }

    #[derive(Clone, Debug)]
    enum Step {
        Exchange { from_a: bool, offerer: Side, answerer: Side, preview: bool },
        Rejected { from_a: bool, offerer: Side },
        Glare { a: Side, b: Side },
        HostileOffer { to_a: bool, answerer: Side, damage: (usize, usize) },
        HostileAnswer { from_a: bool, offerer: Side, answerer: Side, damage: (usize, usize) },
        MoreStreams { to_a: bool, answerer: Side, before: u8, after: u8 },
    }

    fn direction() -> impl Strategy<Value = Direction> {
        prop_oneof![
            4 => Just(Direction::SendRecv), 1 => Just(Direction::SendOnly),
            1 => Just(Direction::RecvOnly), 1 => Just(Direction::Inactive)
        ]
    }

    fn side() -> impl Strategy<Value = Side> {
        // PCMU is always there, so that two sides have something in common.
        let codecs = prop_oneof![
            Just(vec![Codec::Pcmu]),
            Just(vec![Codec::Pcma, Codec::Pcmu]),
            Just(vec![Codec::Pcmu, Codec::G722]),
            Just(Codec::ALL.to_vec()),
        ];
        let ptime = prop_oneof![Just(0), Just(20), Just(60)];
        (codecs, direction(), 1u16..60_000, any::<bool>(), ptime, any::<bool>()).prop_map(
            |(codecs, direction, port, dtmf, ptime_ms, mux)| Side { codecs, direction, port, dtmf, ptime_ms, mux },
        )
    }

    fn step() -> impl Strategy<Value = Step> {
        let damage = || (any::<usize>(), any::<usize>());
        prop_oneof![
            4 => (any::<bool>(), side(), side(), any::<bool>()).prop_map(|(from_a, offerer, answerer, preview)|
                Step::Exchange { from_a, offerer, answerer, preview }),
            1 => (any::<bool>(), side()).prop_map(|(from_a, offerer)| Step::Rejected { from_a, offerer }),
            1 => (side(), side()).prop_map(|(a, b)| Step::Glare { a, b }),
            2 => (any::<bool>(), side(), damage()).prop_map(|(to_a, answerer, damage)| Step::HostileOffer { to_a, answerer, damage }),
            2 => (any::<bool>(), side(), side(), damage()).prop_map(|(from_a, offerer, answerer, damage)|
                Step::HostileAnswer { from_a, offerer, answerer, damage }),
            1 => (any::<bool>(), side(), 0u8..4, 0u8..4).prop_map(|(to_a, answerer, before, after)|
                Step::MoreStreams { to_a, answerer, before, after }),
        ]
    }

    fn local(side: &Side, ip: &str) -> LocalMedia {
        LocalMedia { dtmf: side.dtmf, ptime_ms: side.ptime_ms, ..media(ip, side.port, &side.codecs) }
    }

    fn hurt(sdp: &[u8], (at, how): (usize, usize)) -> Vec<u8> {
        let mut lines: Vec<String> = text(sdp).split_inclusive('\n').map(String::from).collect();
        let at = at % lines.len();
        let worse = match how % 9 {
            0 => lines[at].repeat(40),
            1 => String::new(),
            2 => lines[at].replace(|c: char| c.is_ascii_digit(), "4294967296"),
            3 => lines[at].replace("RTP/AVP", "RTP/SAVP"),
            4 => lines[at].replace("192.0.2", "239.0.2"),
            5 => lines[at].replace("sendrecv", "inactive").replace("c=IN IP4 192.0.2", "c=IN IP4 0.0.0.0 x"),
            6 => lines[at].replace(' ', "\0"),
            7 => lines[at].replace('0', "9").replace('8', "101"),
            _ => lines[at].chars().rev().collect(),
        };
        lines[at] = worse;
        lines.concat().into_bytes()
    }

    struct World {
        sides: [Negotiation; 2],
        sent: [Option<(Vec<u8>, u64)>; 2],
    }

    impl World {
        fn new() -> Self {
            World { sides: [Negotiation::new(1), Negotiation::new(2)], sent: [None, None] }
        }

        const IP: [&str; 2] = ["192.0.2.1", "192.0.2.2"];

        fn offer(&mut self, from: usize, side: &Side) -> bytes::Bytes {
            self.sides[from].set_rtcp_mux(side.mux);
            let slots = self.sides[from].local_sdp().map_or(0, |s| text(s).matches("\r\nm=").count());
            let offer = self.sides[from].offer(&local(side, Self::IP[from]), side.direction);
            // RFC 3264 s8: streams never vanish. (A hostile offer with fewer is an exception that its sender made.)
            assert!(text(&offer).matches("\r\nm=").count() >= slots.max(1));
            self.versions(from, &offer);
            offer
        }

        /// RFC 3264 s8: another text has the next version, the same text the same.
        fn versions(&mut self, from: usize, sdp: &[u8]) {
            let origin = text(sdp).lines().nth(1).unwrap().to_string();
            let version: u64 = origin.split(' ').nth(2).unwrap().parse().unwrap();
            if let Some((before, last)) = &self.sent[from] {
                assert_eq!(version, last + u64::from(before != sdp));
            }
            self.sent[from] = Some((sdp.to_vec(), version));
        }

        fn answer(&mut self, from: usize, side: &Side) -> Option<(bytes::Bytes, Agreed)> {
            let result = self.sides[from].answer(&local(side, Self::IP[from]), side.direction).ok()?;
            self.versions(from, &result.0);
            Some(result)
        }

        fn run(&mut self, step: &Step) {
            match step {
                Step::Exchange { from_a, offerer, answerer, preview } => {
                    let (x, y) = if *from_a { (0, 1) } else { (1, 0) };
                    let offer = self.offer(x, offerer);
                    self.sides[y].remote_offer(&offer).unwrap();
                    let (answer, theirs) = self.answer(y, answerer).unwrap();
                    if *preview {
                        self.sides[x].preview_answer(&answer).unwrap();
                    }
                    let ours = self.sides[x].remote_answer(&answer).unwrap();
                    same(&ours, offerer, Self::IP[x], &theirs, answerer, Self::IP[y]);
                    same(&theirs, answerer, Self::IP[y], &ours, offerer, Self::IP[x]);
                    assert_eq!((self.sides[x].agreed(), self.sides[y].agreed()), (Some(&ours), Some(&theirs)));
                }
                Step::Rejected { from_a, offerer } => {
                    let (x, y) = if *from_a { (0, 1) } else { (1, 0) };
                    let before = [0, 1].map(|i| self.sides[i].agreed().cloned());
                    let offer = self.offer(x, offerer);
                    self.sides[y].remote_offer(&offer).unwrap();
                    assert_eq!(self.sides[y].remote_offer(&offer).unwrap_err().status, 500);
                    self.sides[y].reject_offer();
                    self.sides[x].cancel_offer();
                    assert_eq!(before, [0, 1].map(|i| self.sides[i].agreed().cloned()));
                }
                Step::Glare { a, b } => {
                    let (from_a, from_b) = (self.offer(0, a), self.offer(1, b));
                    assert_eq!(self.sides[0].remote_offer(&from_b).unwrap_err().status, 491);
                    assert_eq!(self.sides[1].remote_offer(&from_a).unwrap_err().status, 491);
                    self.sides.iter_mut().for_each(Negotiation::cancel_offer);
                }
                Step::HostileOffer { to_a, answerer, damage } => {
                    let y = usize::from(!to_a);
                    let text = hurt(
                        &sdp("m=audio 4000 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\na=sendrecv\n"),
                        *damage,
                    );
                    if self.sides[y].remote_offer(&text).is_ok() {
                        self.answer(y, answerer);
                    }
                    assert!(self.sides[y].can_offer());
                }
                Step::HostileAnswer { from_a, offerer, answerer, damage } => {
                    let (x, y) = if *from_a { (0, 1) } else { (1, 0) };
                    let offer = self.offer(x, offerer);
                    self.sides[y].remote_offer(&offer).unwrap();
                    let (answer, _) = self.answer(y, answerer).unwrap();
                    let before = self.sides[x].agreed().cloned();
                    match self.sides[x].remote_answer(&hurt(&answer, *damage)) {
                        Ok(agreed) => assert_eq!(self.sides[x].agreed(), Some(&agreed)),
                        Err(e) => assert_eq!((e.status, self.sides[x].agreed()), (488, before.as_ref())),
                    }
                    assert!(self.sides[x].can_offer());
                }
                Step::MoreStreams { to_a, answerer, before, after } => {
                    let y = usize::from(!to_a);
                    let video = "m=video 6000 RTP/AVP 31\n";
                    let lines =
                        [&video.repeat((*before).into()), "m=audio 4000 RTP/AVP 0\n", &video.repeat((*after).into())];
                    self.sides[y].remote_offer(&sdp(&lines.concat())).unwrap();
                    let (answer, _) = self.answer(y, answerer).unwrap();
                    assert_eq!(text(&answer).matches("\r\nm=").count(), usize::from(before + after) + 1);
                }
            }
        }
    }

    /// What `x` agreed on fits what `y` agreed on, seen from `x`.
    fn same(x: &Agreed, xs: &Side, x_ip: &str, y: &Agreed, ys: &Side, y_ip: &str) {
        let (a, b) = (x.audio.as_ref().unwrap(), y.audio.as_ref().unwrap());
        assert!(b.receive.contains(&(a.send_payload_type, a.codec)));
        assert_eq!(a.codec, b.codec);
        assert!(a.receive.iter().all(|(_, codec)| b.receive.iter().any(|(_, other)| codec == other)));
        assert_eq!(a.direction, b.direction.reversed());
        assert_eq!(a.direction.sends(), xs.direction.sends() && ys.direction.receives());
        assert_eq!(a.remote_rtp, Some(SocketAddr::new(y_ip.parse().unwrap(), ys.port)));
        assert_eq!(b.remote_rtp, Some(SocketAddr::new(x_ip.parse().unwrap(), xs.port)));
        assert_eq!((a.dtmf_send, a.rtcp_mux), (b.dtmf_receive, b.rtcp_mux));
        assert_eq!(a.dtmf_send.is_some(), xs.dtmf && ys.dtmf);
        assert!(a.ptime_ms >= 10 && a.ptime_ms % 10 == 0);
        if xs.direction.sends() {
            assert_eq!(x.remote_hold, !ys.direction.receives());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn both_ends_agree_whatever_came_before(steps in proptest::collection::vec(step(), 1..12)) {
            let mut world = World::new();
            for step in &steps {
                world.run(step);
            }
        }
    }
}
