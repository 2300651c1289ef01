//! Targets of the media floors.

use sipwright::base::id::{CallId, NodeId, Origin};
use sipwright::base::media::{Codec, Direction, StreamParams};
use sipwright::base::{Duration, Instant, WallClock, limits};
use sipwright::jitter::{Arrival, Get, JitterBuffer};
use sipwright::media::io::{MediaOrder, Sink};
use sipwright::media::{Stage, StageOutput};
use sipwright::rtp::rtcp::{Compound, Part, ReceiverReport, Sdes, SenderReport};
use std::hint::black_box;
use std::net::SocketAddr;

/// A compound packet: every part is read; reports and names are understood again when written.
pub fn rtcp(data: &[u8]) {
    let Ok(compound) = Compound::parse(data, false) else { return };
    for part in compound.parts() {
        let mut again = Vec::new();
        match &part {
            Part::Sender(report) => {
                let blocks: Vec<_> = report.blocks().collect();
                SenderReport::write(&mut again, report.ssrc, &report.info, &blocks);
                let back = Compound::parse(&again, true).expect("what is written is whole");
                let Some(Part::Sender(same)) = back.parts().next() else { panic!("a report is a report") };
                assert_eq!((same.ssrc, same.info), (report.ssrc, report.info));
                assert!(same.blocks().eq(blocks));
            }
            Part::Receiver(report) => {
                let blocks: Vec<_> = report.blocks().collect();
                ReceiverReport::write(&mut again, report.ssrc, &blocks);
                let back = Compound::parse(&again, true).expect("what is written is whole");
                let Some(Part::Receiver(same)) = back.parts().next() else { panic!("a report is a report") };
                assert!(same.ssrc == report.ssrc && same.blocks().eq(blocks));
            }
            Part::Sdes(sdes) => {
                for chunk in sdes.chunks() {
                    black_box(chunk.items().map(|item| item.text.len()).sum::<usize>());
                    if let Some(cname) = chunk.cname() {
                        again.clear();
                        Sdes::write_cname(&mut again, chunk.ssrc, cname);
                        let back = Compound::parse(&again, false).expect("what is written is whole");
                        let Some(Part::Sdes(same)) = back.parts().next() else { panic!("a name is a name") };
                        assert_eq!(same.chunks().next().and_then(|chunk| chunk.cname()), Some(cname));
                    }
                }
            }
            Part::Bye(bye) => {
                black_box((bye.sources().count(), bye.reason()));
            }
            Part::App(app) => {
                black_box((app.name, app.data.len()));
            }
            _ => {}
        }
    }
}

/// Arrivals and gets in any order, five bytes each: what is given out is never more than asked for, and its bytes are those put in.
pub fn jitter(data: &[u8]) {
    let mut buffer = JitterBuffer::new(8000);
    let mut now = Instant::ZERO;
    let mut pending = 0u32;
    for step in data.chunks_exact(5) {
        let [act, a, b, c, d] = step else { return };
        now += Duration::from_millis(u64::from(*act & 0x3f));
        let sequence = u16::from_be_bytes([*a, *b]);
        match act >> 6 {
            0 => {
                match buffer.get(pending, 80, now) {
                    Get::Packet { ticks, payload, payload_type } => {
                        assert!(payload.iter().all(|byte| *byte == payload_type));
                        pending = (pending + u32::from(ticks)).min(4000);
                    }
                    Get::Conceal { ticks } | Get::Silence { ticks } => {
                        assert!(ticks <= 80);
                        pending += ticks;
                    }
                }
                pending = pending.saturating_sub(80);
                black_box((buffer.surplus_ticks(pending, now), buffer.delay_ticks(pending, now)));
                let most = limits::JITTER_MAX.as_millis() as i64 * 8;
                assert!((1..=most).contains(&buffer.target_ticks()));
            }
            1 => {
                buffer.put_other(sequence);
            }
            2 => buffer.skip(u32::from(sequence)),
            _ => {
                let payload = [*d & 0x7f; 32];
                let arrival = Arrival {
                    sequence,
                    timestamp: u32::from(sequence).wrapping_mul(160).wrapping_add(u32::from(*c) * 40),
                    marker: *d & 0x80 != 0,
                    payload_type: *d & 0x7f,
                    ticks: u16::from(*c),
                    payload: &payload,
                };
                buffer.put(&arrival, now);
            }
        }
    }
}

struct Ear;

impl Sink for Ear {
    fn rate_hz(&self) -> u32 {
        16_000
    }
    fn write(&mut self, ours: &[i16], theirs: &[i16]) {
        assert_eq!(ours.len(), theirs.len());
    }
}

/// A live session. The data is a row of acts: one byte says which and how much time passes, one how many bytes go with it. Whatever
/// comes, packets go to the peer's addresses only, and the figures add up at the end.
pub fn session(data: &[u8]) {
    let peer: SocketAddr = ([192, 0, 2, 1], 4000).into();
    let peer_rtcp: SocketAddr = ([192, 0, 2, 1], 4001).into();
    let stranger: SocketAddr = ([203, 0, 113, 1], 4000).into();
    let here: SocketAddr = ([192, 0, 2, 2], 5000).into();
    let session = NodeId::new(1, 0, Origin::Network, 1);
    let mut now = Instant::from_micros(1_000_000);
    let mut stage = Stage::new([7; 32], WallClock::new(1_700_000_000_000_000));
    let open = MediaOrder::Open {
        session,
        call: CallId::new(1, 0, Origin::Network, 1),
        local: here.ip(),
        cname: "fuzz".to_owned(),
        rtp_timeout: Some(Duration::from_secs(2)),
        quality_interval: Some(Duration::from_secs(1)),
    };
    stage.open(open, here, here, now);
    let params = |codec: Codec, direction, muxed| StreamParams {
        codec,
        send_payload_type: codec.static_payload_type(),
        receive: vec![(0, Codec::Pcmu), (8, Codec::Pcma), (9, Codec::G722)],
        dtmf_send: Some(101),
        dtmf_receive: Some(101),
        ptime_ms: 20,
        direction,
        remote_rtp: Some(peer),
        remote_rtcp: Some(if muxed { peer } else { peer_rtcp }),
        rtcp_mux: muxed,
        signalling_peer: None,
    };
    stage.order(MediaOrder::Configure { session, params: params(Codec::Pcmu, Direction::SendRecv, false) }, now);
    stage.order(MediaOrder::Listen { session, token: 1, sink: Box::new(Ear) }, now);
    let mut rest = data;
    while let [act, length, tail @ ..] = rest {
        let (bytes, tail) = tail.split_at(usize::from(*length).min(tail.len()));
        rest = tail;
        now += Duration::from_millis(u64::from(act >> 4) * 5);
        stage.beat(now);
        let mut packet = bytes.to_vec();
        match act & 0x0f {
            0..=6 => stage.handle(session, false, peer, &mut packet, now),
            7..=9 => stage.handle(session, true, peer_rtcp, &mut packet, now),
            10 => stage.handle(session, false, stranger, &mut packet, now),
            11 => {
                let digits = String::from_utf8_lossy(bytes).into_owned();
                stage.order(MediaOrder::SendDtmf { session, digits, duration_ms: u16::from(*length) * 16 }, now);
            }
            12 => {
                let first = bytes.first().copied().unwrap_or(0);
                let codec = Codec::ALL[usize::from(first) % Codec::ALL.len()];
                let direction = Direction::from_flags(first & 8 != 0, first & 16 != 0);
                stage.order(MediaOrder::Configure { session, params: params(codec, direction, first & 32 != 0) }, now);
            }
            13 => now += Duration::from_millis(u64::from(*length) * 20),
            14 => stage.order(MediaOrder::StopListen { session, token: None }, now),
            _ => stage.order(MediaOrder::Listen { session, token: 1, sink: Box::new(Ear) }, now),
        }
        check(&mut stage, peer, peer_rtcp);
    }
    stage.order(MediaOrder::Close { session }, now);
    check(&mut stage, peer, peer_rtcp);
    assert!(stage.is_empty() && stage.next_timeout().is_none());
}

fn check(stage: &mut Stage, peer: SocketAddr, peer_rtcp: SocketAddr) {
    use sipwright::media::io::MediaEventKind::Quality;
    while let Some(output) = stage.poll_output() {
        match output {
            StageOutput::Rtp { to, packet, .. } => {
                assert!(to == peer && !stage.bytes(packet).is_empty());
            }
            StageOutput::Rtcp { to, packet, .. } => {
                assert_eq!(to, peer_rtcp);
                assert!(Compound::parse(stage.bytes(packet), true).is_ok());
            }
            StageOutput::Event(event) => {
                if let Quality { quality, .. } = event.kind {
                    assert!((1.0..=4.5).contains(&quality.mos) && (0.0..=100.0).contains(&quality.loss_pct));
                    assert!(quality.late <= quality.received, "{quality:?}");
                }
            }
            _ => {}
        }
    }
}
