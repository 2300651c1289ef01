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
