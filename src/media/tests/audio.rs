//! Sound in is sound out.

use super::*;
use crate::dsp::{level_dbfs, tone_level};

/// Level of what is not the tone, in dB under the tone.
fn purity(pcm: &[i16], rate: u32, hz: f64) -> f64 {
    let whole = pcm.len() - pcm.len() % rate as usize;
    tone_level(&pcm[..whole], rate, hz) - level_dbfs(&pcm[..whole])
}

#[test]
fn a_tone_is_heard_at_the_other_end_with_each_codec_and_rate() {
    for (codec, source, sink) in [
        (Codec::Pcmu, 8000, 8000),
        (Codec::Pcma, 44_100, 48_000),
        (Codec::G722, 16_000, 16_000),
        (Codec::G722, 48_000, 24_000),
    ] {
        let mut pair = Pair::talking(1, Network { delay_ms: 30, ..Network::default() }, codec);
        pair.play(A, 7, ToneSource::new(source, 1000.0, Some(5000)));
        let (at_a, at_b) = (pair.listen(A, sink), pair.listen(B, sink));
        pair.run_ms(6000);
        let second = sink as usize;
        let (_, theirs) = at_b.heard();
        assert_eq!(theirs.len(), 6 * second);
        let middle = &theirs[second..5 * second];
        let level = tone_level(middle, sink, 1000.0);
        assert!((-10.5..-9.5).contains(&level), "{codec:?} {level}");
        assert!(purity(middle, sink, 1000.0) > -0.05, "{codec:?}");
        assert!(level_dbfs(&theirs[5 * second + second / 2..]) < -60.0);
        let (ours, silence) = at_a.heard();
        assert!((-10.5..-9.5).contains(&tone_level(&ours[second..5 * second], sink, 1000.0)));
        assert!(level_dbfs(&silence) < -60.0);
        let events = pair.take(A);
        assert!(events.contains(&MediaEventKind::PlayDone {
            token: 7,
            interrupted: false,
            played_ms: events_ms(&events)
        }));
        assert!((5000..=5003).contains(&events_ms(&events)));
        let quality = pair.close(B);
        assert_eq!((quality.lost, quality.late, quality.duplicate, quality.rejected), (0, 0, 0, 0));
        assert!(quality.mos > 4.2, "{quality:?}");
    }
}

fn events_ms(events: &[MediaEventKind]) -> u64 {
    let ms = |event: &MediaEventKind| match event {
        MediaEventKind::PlayDone { played_ms, .. } => Some(*played_ms),
        _ => None,
    };
    events.iter().find_map(ms).unwrap()
}

#[test]
fn both_directions_of_a_sink_are_in_step() {
    let mut pair = Pair::talking(2, Network::default(), Codec::Pcmu);
    let ear = pair.listen(A, 8000);
    pair.play(A, 1, ToneSource::new(8000, 440.0, None));
    pair.play(B, 1, ToneSource::new(8000, 440.0, None));
    pair.run_ms(2000);
    let (ours, theirs) = ear.heard();
    let onset = |pcm: &[i16]| pcm.iter().position(|s| s.abs() > 1000).unwrap() as i64;
    let apart = onset(&theirs) - onset(&ours);
    // The jitter buffer's 10 to 30 ms, and nothing else.
    assert!((0..=240 + 160).contains(&apart), "{apart}");
}

#[test]
fn loss_jitter_reordering_and_duplicates_leave_a_tone_and_exact_counters() {
    let network = Network { loss: 0.03, duplicate: 0.05, delay_ms: 40, jitter_ms: 50 };
    let mut pair = Pair::talking(3, network, Codec::Pcmu);
    pair.play(A, 1, ToneSource::new(8000, 600.0, None));
    let ear = pair.listen(B, 8000);
    pair.run_ms(30_000);
    // The last packets must arrive whole for expected to be what was sent.
    pair.network = Network::default();
    pair.run_ms(200);
    let sent = pair.ends[A].sent;
    let in_flight = pair.under_way.values().filter(|(to, rtcp, _)| *to == B && !rtcp).count() as u64;
    let quality = pair.close(B);
    assert_eq!(quality.received, sent - pair.lost[B] - in_flight);
    assert_eq!(quality.lost, pair.lost[B], "{quality:?}");
    assert_eq!(quality.duplicate, pair.duplicated[B]);
    assert!(quality.late < 15, "{quality:?}");
    assert!((2.0..4.5).contains(&quality.loss_pct), "{quality:?}");
    assert!((5.0..30.0).contains(&quality.jitter_ms), "{quality:?}");
    let (_, theirs) = ear.heard();
    let second = 8000;
    let mut weakest = f64::MAX;
    for piece in theirs[second..].chunks_exact(second / 10) {
        weakest = weakest.min(level_dbfs(piece));
    }
    assert!(weakest > -16.0, "a hole of {weakest} dB");
    let mean = theirs[second..].chunks_exact(400).map(|p| tone_level(p, 8000, 600.0) - level_dbfs(p)).sum::<f64>()
        / ((theirs.len() - second) / 400) as f64;
    assert!(mean > -0.6, "{mean}");
}

#[test]
fn the_figures_fall_with_loss() {
    let mut last = 5.0;
    for loss in [0.0, 0.02, 0.05, 0.1, 0.2] {
        let mut pair = Pair::talking(4, Network { loss, delay_ms: 20, ..Network::default() }, Codec::Pcmu);
        pair.run_ms(60_000);
        let quality = pair.close(B);
        assert!((f64::from(quality.loss_pct) - loss * 100.0).abs() < 2.0, "{quality:?}");
        assert!(quality.mos < last - if loss > 0.0 { 0.15 } else { 0.0 }, "{loss} {last} {quality:?}");
        last = quality.mos;
    }
}

#[test]
fn nothing_is_decoded_without_a_listener_and_all_is_counted() {
    let mut pair = Pair::talking(5, Network { loss: 0.05, ..Network::default() }, Codec::G722);
    pair.run_ms(10_000);
    let ear = pair.listen(B, 16_000);
    pair.play(A, 1, ToneSource::new(16_000, 500.0, None));
    pair.run_ms(3000);
    let (_, theirs) = ear.heard();
    let piece = &theirs[16_000..];
    assert!(purity(piece, 16_000, 500.0) > -1.0, "{}", purity(piece, 16_000, 500.0));
    let quality = pair.close(B);
    assert_eq!(quality.lost, pair.lost[B]);
    assert!((3.0..7.0).contains(&quality.loss_pct), "{quality:?}");
}

#[test]
fn the_codec_may_change_in_mid_call() {
    let mut pair = Pair::talking(6, Network::default(), Codec::Pcmu);
    let ear = pair.listen(B, 16_000);
    pair.play(A, 1, ToneSource::new(16_000, 500.0, None));
    pair.run_ms(2000);
    pair.configure(A, params(ADDRESSES[B], Codec::G722));
    pair.run_ms(2000);
    let (_, theirs) = ear.heard();
    assert_eq!(theirs.len(), 4 * 16_000);
    for second in [1, 3] {
        let piece = &theirs[second * 16_000..][..16_000];
        assert!((-10.5..-9.5).contains(&tone_level(piece, 16_000, 500.0)), "{second}");
    }
    assert_eq!(pair.close(B).lost, 0);
}

#[test]
fn every_ptime_is_sent_at_its_pace() {
    for ptime_ms in [10u8, 20, 30, 40, 60] {
        let mut pair = Pair::new(7, Network::default());
        pair.configure(A, StreamParams { ptime_ms, ..params(ADDRESSES[B], Codec::Pcmu) });
        pair.configure(B, params(ADDRESSES[A], Codec::Pcmu));
        let (at_a, at_b) = (pair.listen(A, 8000), pair.listen(B, 8000));
        pair.play(A, 1, ToneSource::new(8000, 500.0, None));
        pair.run_ms(6000);
        assert_eq!(pair.ends[A].sent, 6000 / u64::from(ptime_ms));
        for pcm in [at_a.heard().0, at_b.heard().1] {
            assert!(purity(&pcm[8000..], 8000, 500.0) > -0.05, "{ptime_ms}");
        }
        assert_eq!(pair.close(B).lost, 0);
    }
}
