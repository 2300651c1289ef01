//! Hold, silence, the end of a session, memory, determinism.

use super::*;

#[test]
fn on_hold_nothing_is_sent_and_nothing_times_out() {
    let mut pair = Pair::talking(1, Network::default(), Codec::Pcmu);
    pair.run_ms(1000);
    let held = StreamParams { direction: Direction::Inactive, ..params(ADDRESSES[B], Codec::Pcmu) };
    pair.configure(A, held);
    pair.configure(B, StreamParams { direction: Direction::Inactive, ..params(ADDRESSES[A], Codec::Pcmu) });
    let sent = pair.ends[A].sent;
    pair.run_ms(20_000);
    assert_eq!(pair.ends[A].sent, sent);
    assert!(!pair.take(A).contains(&MediaEventKind::RtpTimeout));
    pair.configure(A, params(ADDRESSES[B], Codec::Pcmu));
    pair.configure(B, params(ADDRESSES[A], Codec::Pcmu));
    pair.run_ms(2000);
    assert_eq!(pair.ends[A].sent, sent + 100);
    assert!(!pair.take(A).contains(&MediaEventKind::RtpTimeout));
    let quality = pair.close(B);
    assert_eq!((quality.lost, quality.late, quality.loss_pct), (0, 0, 0.0));
}

#[test]
fn a_source_waits_while_the_call_is_on_hold() {
    let mut pair = Pair::talking(2, Network::default(), Codec::Pcmu);
    pair.play(A, 9, ToneSource::new(8000, 400.0, Some(1000)));
    pair.run_ms(500);
    pair.configure(A, StreamParams { direction: Direction::RecvOnly, ..params(ADDRESSES[B], Codec::Pcmu) });
    pair.run_ms(5000);
    assert!(!pair.take(A).iter().any(|event| matches!(event, MediaEventKind::PlayDone { .. })));
    pair.configure(A, params(ADDRESSES[B], Codec::Pcmu));
    pair.run_ms(520);
    assert!(pair.take(A).contains(&MediaEventKind::PlayDone { token: 9, interrupted: false, played_ms: 1000 }));
}

#[test]
fn a_peer_that_vanishes_is_told_once_per_silence() {
    let mut pair = Pair::talking(3, Network::default(), Codec::Pcmu);
    pair.run_ms(1000);
    assert_eq!(pair.take(B), [MediaEventKind::Started]);
    pair.network.loss = 1.0;
    pair.run_ms(4900);
    assert_eq!(pair.take(B), []);
    pair.run_ms(10_000);
    assert_eq!(pair.take(B), [MediaEventKind::RtpTimeout]);
    pair.network.loss = 0.0;
    pair.run_ms(1000);
    pair.network.loss = 1.0;
    pair.run_ms(6000);
    assert_eq!(pair.take(B), [MediaEventKind::RtpTimeout]);
}

#[test]
fn a_peer_that_never_speaks_is_told_too() {
    let mut pair = Pair::new(4, Network::default());
    pair.configure(A, params(ADDRESSES[B], Codec::Pcmu));
    pair.run_ms(6000);
    assert!(pair.take(A).contains(&MediaEventKind::RtpTimeout));
    let quality = pair.close(A);
    assert_eq!((quality.mos, quality.received), (1.0, 0));
}

#[test]
fn stopping_a_play_says_how_much_was_heard() {
    let mut pair = Pair::talking(5, Network::default(), Codec::Pcmu);
    pair.play(A, 1, ToneSource::new(8000, 400.0, None));
    pair.play(A, 2, ToneSource::new(8000, 500.0, None));
    pair.run_ms(400);
    let session = pair.ends[A].session;
    pair.order(A, MediaOrder::StopPlay { session, token: Some(1) });
    let done = |token, played_ms| MediaEventKind::PlayDone { token, interrupted: true, played_ms };
    assert_eq!(pair.take(A).last(), Some(&done(1, 400)));
    pair.run_ms(100);
    pair.order(A, MediaOrder::StopPlay { session, token: None });
    assert_eq!(pair.take(A), [done(2, 500)]);
    pair.order(A, MediaOrder::StopPlay { session, token: None });
    assert_eq!(pair.take(A), []);
}

#[test]
fn closing_tells_the_rest_and_leaves_nothing() {
    let mut pair = Pair::talking(6, Network::default(), Codec::Pcmu);
    pair.play(A, 1, ToneSource::new(8000, 400.0, None));
    pair.run_ms(1000);
    pair.take(A);
    pair.close(A);
    let events = pair.take(A);
    assert!(matches!(events[0], MediaEventKind::PlayDone { token: 1, interrupted: true, played_ms: 1000 }));
    assert!(matches!(events[1], MediaEventKind::Quality { last: true, .. }));
    assert_eq!(events.len(), 2);
    let end = &mut pair.ends[A];
    assert!(end.closed && end.stage.is_empty());
    assert_eq!((end.stage.sessions(), end.stage.next_timeout()), (0, None));
    // Orders and packets for what is gone are nothing.
    let session = end.session;
    pair.order(A, MediaOrder::Close { session });
    pair.send_dtmf(A, "1", 100);
    pair.run_ms(100);
    assert_eq!(pair.take(A), []);
}

#[test]
fn orders_before_the_agreement_wait_for_it() {
    let mut pair = Pair::new(7, Network::default());
    pair.play(A, 1, ToneSource::new(8000, 400.0, Some(100)));
    pair.send_dtmf(A, "5", 100);
    pair.run_ms(1000);
    assert_eq!(pair.take(A), []);
    pair.configure(A, params(ADDRESSES[B], Codec::Pcmu));
    pair.configure(B, params(ADDRESSES[A], Codec::Pcmu));
    pair.run_ms(1000);
    assert_eq!(pair.digits(B), "5");
    assert!(pair.take(A).iter().any(|event| matches!(event, MediaEventKind::PlayDone { .. })));
}

#[test]
fn more_sources_than_there_is_room_for_are_done_at_once() {
    let mut pair = Pair::talking(8, Network::default(), Codec::Pcmu);
    for token in 0..=crate::base::limits::SOURCES_PER_SESSION as u64 {
        pair.play(A, token, ToneSource::new(8000, 400.0, None));
    }
    let last = crate::base::limits::SOURCES_PER_SESSION as u64;
    assert_eq!(pair.take(A), [MediaEventKind::PlayDone { token: last, interrupted: true, played_ms: 0 }]);
}

#[test]
fn a_late_driver_catches_up_and_a_stalled_one_moves_on() {
    let mut pair = Pair::talking(9, Network::default(), Codec::Pcmu);
    pair.run_ms(1000);
    let sent = pair.ends[A].sent;
    // 60 ms late: three packets at once.
    let now = pair.now + Duration::from_millis(60);
    pair.ends[A].stage.beat(now);
    pair.now = now;
    pair.drain(A);
    assert_eq!(pair.ends[A].sent, sent + 3);
    // Two seconds late: no more than 100 ms are made up for, and the timestamps go on with the clock.
    pair.record = true;
    pair.run_ms(20);
    pair.now += Duration::from_secs(2);
    let now = pair.now;
    pair.ends[A].stage.beat(now);
    pair.drain(A);
    pair.record = false;
    let mut packets = std::mem::take(&mut pair.ends[A].packets);
    packets.retain(|packet| !crate::rtp::is_rtcp(packet));
    let timestamps: Vec<u32> =
        packets.iter().map(|p| crate::rtp::Packet::parse(p).unwrap()).map(|p| p.timestamp).collect();
    let gaps: Vec<u32> = timestamps.windows(2).map(|pair| pair[1].wrapping_sub(pair[0])).collect();
    let gap = gaps.iter().position(|gap| *gap > 160).unwrap();
    assert_eq!(gaps.len() - gap, 5, "{gaps:?}");
    let gap = gaps[gap];
    assert!((1900 * 8..=1940 * 8).contains(&gap), "{gap}");
}

#[test]
fn the_same_seed_sends_the_same_bytes_and_another_does_not() {
    let run = |seed| {
        let mut pair =
            Pair::talking(seed, Network { loss: 0.1, delay_ms: 20, jitter_ms: 30, duplicate: 0.1 }, Codec::G722);
        pair.record = true;
        pair.play(A, 1, ToneSource::new(44_100, 400.0, None));
        pair.send_dtmf(B, "123", 80);
        pair.run_ms(20_000);
        pair.close(A);
        pair.close(B);
        let packets = [A, B].map(|index| std::mem::take(&mut pair.ends[index].packets));
        let events = [A, B].map(|index| pair.take(index));
        (packets, events)
    };
    let (first, again, other) = (run(1), run(1), run(2));
    assert!(first == again);
    assert!(first.0 != other.0);
}
