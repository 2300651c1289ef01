//! Digits arrive once each, whatever the network does. RFC 4733.

use super::*;
use crate::dsp::tone_level;

#[test]
fn digits_arrive_with_their_length() {
    let mut pair = Pair::talking(1, Network { delay_ms: 20, ..Network::default() }, Codec::Pcmu);
    pair.send_dtmf(A, "159*0#AD", 100);
    pair.run_ms(3000);
    assert_eq!(pair.take(A).iter().filter(|event| **event == MediaEventKind::DtmfSent).count(), 1);
    let told: Vec<_> = pair.take(B).into_iter().filter(|event| matches!(event, MediaEventKind::Dtmf { .. })).collect();
    let expected: Vec<_> = "159*0#AD".chars().map(|digit| MediaEventKind::Dtmf { digit, duration_ms: 100 }).collect();
    assert_eq!(told, expected);
    let quality = pair.close(B);
    assert_eq!((quality.lost, quality.loss_pct), (0, 0.0));
}

#[test]
fn at_twenty_percent_loss_each_digit_is_told_exactly_once() {
    for seed in 0..40 {
        let network = Network { loss: 0.2, duplicate: 0.1, delay_ms: 30, jitter_ms: 30 };
        let mut pair = Pair::talking(seed, network, Codec::Pcmu);
        pair.run_ms(200);
        pair.send_dtmf(A, "1122334455,667788990*#", 100);
        pair.run_ms(6500);
        assert_eq!(pair.digits(B), "1122334455667788990*#", "seed {seed}");
    }
}

#[test]
fn events_are_not_loss_and_sound_goes_on_after_them() {
    let mut pair = Pair::talking(2, Network::default(), Codec::G722);
    let ear = pair.listen(B, 16_000);
    pair.play(A, 1, ToneSource::new(16_000, 500.0, None));
    pair.run_ms(1000);
    pair.send_dtmf(A, "5", 1000);
    pair.run_ms(2000);
    let (_, theirs) = ear.heard();
    assert!(tone_level(&theirs[24_000..32_000], 16_000, 500.0) < -40.0, "silence while the key is down");
    assert!((-10.5..-9.5).contains(&tone_level(&theirs[40_000..], 16_000, 500.0)));
    let quality = pair.close(B);
    assert_eq!((quality.lost, quality.late, quality.loss_pct), (0, 0, 0.0));
}

#[test]
fn without_telephone_event_the_tones_are_sounded() {
    let mut pair = Pair::new(3, Network::default());
    let silent = |codec, remote| StreamParams { dtmf_send: None, dtmf_receive: None, ..params(remote, codec) };
    pair.configure(A, silent(Codec::Pcma, ADDRESSES[B]));
    pair.configure(B, silent(Codec::Pcma, ADDRESSES[A]));
    let ear = pair.listen(B, 8000);
    pair.run_ms(100);
    ear.heard();
    pair.send_dtmf(A, "6", 500);
    pair.run_ms(600);
    let (_, theirs) = ear.heard();
    for hz in [770.0, 1477.0] {
        let level = tone_level(&theirs[800..3600], 8000, hz);
        assert!((-10.0..-8.0).contains(&level), "{hz} {level}");
    }
    assert!(pair.take(A).contains(&MediaEventKind::DtmfSent));
}

#[test]
fn a_digit_in_progress_at_the_end_is_told() {
    let mut pair = Pair::talking(4, Network::default(), Codec::Pcmu);
    pair.send_dtmf(A, "9", 5000);
    pair.run_ms(1000);
    pair.close(B);
    assert_eq!(pair.digits(B), "9");
}

#[test]
fn an_end_that_comes_again_after_the_senders_rtcp_bye_is_not_another_digit() {
    // PJSIP says BYE first, and repeats the end of the event after it.
    let mut pair = Pair::talking(5, Network::default(), Codec::Pcmu);
    pair.record = true;
    pair.send_dtmf(A, "9", 100);
    pair.run_ms(300);
    let end = pair.ends[A].packets.iter().rfind(|packet| packet[1] & 0x7f == 101).unwrap().clone();
    pair.close(A);
    pair.run_ms(30);
    pair.transmit(B, false, end);
    pair.run_ms(50);
    assert_eq!(pair.digits(B), "9");
}
