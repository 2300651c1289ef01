//! Calls with real audio through the stage, in virtual time.

#![allow(clippy::disallowed_types, reason = "a sink is Send, and the test keeps an ear to it")]

use crate::support::{A, B, Pair, seconds};
use sipwright::agent::io::{CallMedia, Command, EventKind};
use sipwright::base::id::CallId;
use sipwright::base::media::Codec;
use sipwright::dsp::{Tone, tone_level};
use sipwright::media::io::{Quality, Sink, Source};
use sipwright::sim::{Conditions, HostId, World};
use std::sync::{Arc, Mutex};

const RATE_HZ: u32 = 16_000;
const TONE_HZ: f64 = 440.0;

/// A tone of so many samples.
struct ToneSource(Tone, usize);

impl Source for ToneSource {
    fn rate_hz(&self) -> u32 {
        RATE_HZ
    }
    fn read(&mut self, out: &mut [i16]) -> usize {
        let count = out.len().min(self.1);
        out[..count].copy_from_slice(&self.0.samples(count));
        self.1 -= count;
        count
    }
    fn is_finished(&self) -> bool {
        self.1 == 0
    }
}

/// Keeps what the other side said.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<Vec<i16>>>);

impl Sink for Ear {
    fn rate_hz(&self) -> u32 {
        RATE_HZ
    }
    fn write(&mut self, ours: &[i16], theirs: &[i16]) {
        assert_eq!(ours.len(), theirs.len());
        self.0.lock().unwrap().extend_from_slice(theirs);
    }
}

impl Ear {
    /// Level of the tone in the middle second of the loudest stretch, dBFS.
    fn tone(&self) -> f64 {
        let heard = self.0.lock().unwrap();
        let window = RATE_HZ as usize / 2;
        heard.chunks_exact(window).map(|w| tone_level(w, RATE_HZ, TONE_HZ)).fold(f64::MIN, f64::max)
    }
}

fn pair(seed: u64, conditions: Conditions, codec: Codec) -> Pair {
    let mut world = World::new(seed, conditions);
    let a = world.host_with_media(A.parse().unwrap(), 1, |c| c.codecs = vec![codec]);
    let b = world.host_with_media(B.parse().unwrap(), 3, |c| {
        c.codecs = Codec::ALL.to_vec();
        c.rtp_timeout = Some(seconds(5));
    });
    Pair::with(world, a, b)
}

fn play(p: &mut Pair, host: HostId, call: CallId, time_s: usize) {
    let source = Box::new(ToneSource(Tone::new(RATE_HZ, TONE_HZ, -12.0), time_s * RATE_HZ as usize));
    p.world.command(host, Command::Media { call, order: CallMedia::Play { token: 7, source } });
}

fn listen(p: &mut Pair, host: HostId, call: CallId) -> Ear {
    let ear = Ear::default();
    let order = CallMedia::Listen { token: 1, sink: Box::new(ear.clone()) };
    p.world.command(host, Command::Media { call, order });
    ear
}

fn last_quality(p: &mut Pair, host: HostId) -> Quality {
    p.wait(host, |e| match &e.kind {
        EventKind::CallEnded { quality, .. } => Some(quality.expect("a call with media ends with figures")),
        _ => None,
    })
}

#[test]
fn a_tone_crosses_in_every_codec_both_ways() {
    for codec in Codec::ALL {
        let mut p = pair(1, Conditions::GOOD, codec);
        let (ours, theirs) = p.up("sip:bob@192.0.2.2");
        let (a, b) = (p.a, p.b);
        let (ear_a, ear_b) = (listen(&mut p, a, ours), listen(&mut p, b, theirs));
        play(&mut p, a, ours, 2);
        play(&mut p, b, theirs, 2);
        for _ in 0..2 {
            p.wait_any(|e| matches!(e.kind, EventKind::PlayDone { token: 7, interrupted: false, .. }).then_some(()));
        }
        p.world.run(seconds(1));
        for ear in [&ear_a, &ear_b] {
            let level = ear.tone();
            assert!((-13.5..-10.5).contains(&level), "{codec:?}: {level} dBFS");
        }
        p.hangup(a, ours);
        let quality = last_quality(&mut p, b);
        assert_eq!((quality.lost, quality.late, quality.rejected), (0, 0, 0), "{quality:?}");
        assert!(quality.received > 100 && quality.mos > 4.0, "{quality:?}");
        p.all_is_gone();
    }
}

#[test]
fn every_digit_arrives_once_through_20_percent_loss() {
    for seed in 0..10 {
        let mut p = pair(seed, Conditions::BAD, Codec::Pcmu);
        let (ours, _) = p.up("sip:bob@192.0.2.2");
        let (a, b) = (p.a, p.b);
        let digits = "0123456789*#ABCD";
        let order = CallMedia::SendDtmf { digits: digits.into(), duration_ms: 100 };
        p.world.command(a, Command::Media { call: ours, order });
        let mut heard = String::new();
        while heard.len() < digits.len() {
            let digit = p.wait(b, |e| match e.kind {
                EventKind::Dtmf { digit, .. } => Some(digit),
                _ => None,
            });
            heard.push(digit);
        }
        assert_eq!(heard, digits, "seed {seed}");
        p.hangup(a, ours);
        let quality = last_quality(&mut p, b);
        // Lost digits are no lost audio: they do not count into the figures of what was heard.
        assert!(quality.lost > 0, "{quality:?}");
        p.all_is_gone();
    }
}

#[test]
fn hold_silences_and_resume_brings_the_tone_back() {
    let mut p = pair(2, Conditions::GOOD, Codec::G722);
    let (ours, theirs) = p.up("sip:bob@192.0.2.2");
    let (a, b) = (p.a, p.b);
    play(&mut p, b, theirs, 60);
    p.world.command(a, Command::Hold { call: ours, hold: true });
    p.wait(a, |e| matches!(e.kind, EventKind::CallHoldDone { held: true, ok: true }).then_some(()));
    p.world.run(seconds(1));
    let ear = listen(&mut p, a, ours);
    p.world.run(seconds(2));
    assert!(ear.tone() < -60.0, "on hold the peer is silent: {} dBFS", ear.tone());
    p.world.command(a, Command::Hold { call: ours, hold: false });
    p.wait(a, |e| matches!(e.kind, EventKind::CallHoldDone { held: false, ok: true }).then_some(()));
    p.world.run(seconds(2));
    assert!(ear.tone() > -14.0, "{} dBFS", ear.tone());
    p.hangup(a, ours);
    p.ended(b);
    p.all_is_gone();
}

#[test]
fn a_peer_that_falls_silent_is_told_as_rtp_timeout() {
    let mut p = pair(3, Conditions::GOOD, Codec::Pcmu);
    let (ours, _) = p.up("sip:bob@192.0.2.2");
    let b = p.b;
    p.world.run(seconds(2));
    p.world.conditions(Conditions { loss: 1.0, ..Conditions::GOOD });
    let before = p.world.now();
    p.wait(b, |e| matches!(e.kind, EventKind::RtpTimeout).then_some(()));
    let silence = p.world.now() - before;
    assert!(silence >= seconds(4) && silence <= seconds(6), "{silence:?}");
    p.world.conditions(Conditions::GOOD);
    let a = p.a;
    p.hangup(a, ours);
    p.ended(b);
    p.all_is_gone();
}

#[test]
fn early_media_is_heard_before_the_answer() {
    let mut p = pair(4, Conditions::GOOD, Codec::Pcma);
    let ours = p.dial("sip:bob@192.0.2.2");
    let theirs = p.incoming();
    let (a, b) = (p.a, p.b);
    p.world.command(b, Command::Ring { call: theirs, status: 183, early_media: true });
    p.wait(a, |e| matches!(e.kind, EventKind::CallProgress { early_media: true, .. }).then_some(()));
    let ear = listen(&mut p, a, ours);
    play(&mut p, b, theirs, 3);
    p.world.run(seconds(3));
    assert!(ear.tone() > -14.0, "{} dBFS", ear.tone());
    p.answer(theirs);
    p.answered(a);
    p.hangup(b, theirs);
    p.ended(a);
    p.all_is_gone();
}
