//! One call at a time, every way it can go.

use crate::support::{Pair, at, seconds};
use sipwright::agent::io::{Command, EventKind};
use sipwright::sim::{Conditions, World};

#[test]
fn a_call_is_made_answered_and_hung_up() {
    for shards in [(1, 1), (1, 3), (3, 1), (3, 3)] {
        let mut p = Pair::new(1, Conditions::GOOD, shards);
        let (ours, _) = p.up("sip:bob@192.0.2.2");
        assert!(!p.world.tables(p.b).is_empty());
        p.hangup(p.a, ours);
        let outcome = p.ended(p.b);
        assert_eq!((outcome.status, outcome.by_peer), (200, true));
        p.all_is_gone();
    }
}

#[test]
fn a_call_survives_a_bad_network() {
    for seed in 0..50 {
        let mut p = Pair::new(seed, Conditions::BAD, (1, 3));
        let (_, theirs) = p.up("sip:bob@192.0.2.2");
        p.hangup(p.b, theirs);
        assert_eq!(p.ended(p.a).status, 200);
        p.all_is_gone();
    }
}

#[test]
fn a_call_over_tcp_with_messages_cut_anywhere() {
    for seed in 0..20 {
        let mut p = Pair::new(seed, Conditions::BAD, (3, 3));
        let (ours, _) = p.up("sip:bob@192.0.2.2;transport=tcp");
        p.hangup(p.a, ours);
        assert_eq!(p.ended(p.b).status, 200);
        p.all_is_gone();
    }
}

#[test]
fn a_call_over_ipv6() {
    let mut p = Pair::on(1, Conditions::GOOD, (1, 1), ("2001:db8::1", "2001:db8::2"));
    let (_, theirs) = p.up("sip:bob@[2001:db8::2]");
    p.hangup(p.b, theirs);
    assert_eq!(p.ended(p.a).status, 200);
    p.all_is_gone();
}

#[test]
fn a_name_is_resolved_and_the_second_address_tried_when_the_first_is_silent() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 1));
    p.world.name("example.net", &["192.0.2.99".parse().unwrap(), "192.0.2.2".parse().unwrap()]);
    p.dial("sip:bob@example.net");
    let theirs = p.incoming();
    p.answer(theirs);
    p.answered(p.a);
    p.hangup(p.b, theirs);
    p.ended(p.a);
    p.all_is_gone();
}

#[test]
fn a_name_that_does_not_exist_ends_the_call_with_a_reason() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 1));
    p.dial("sip:bob@nowhere.example");
    let outcome = p.ended(p.a);
    assert!(outcome.local && outcome.reason.contains("nowhere.example"), "{outcome:?}");
    p.all_is_gone();
}

#[test]
fn nobody_there_ends_the_call_after_timer_b() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 1));
    p.dial("sip:bob@192.0.2.99");
    assert_eq!(p.ended(p.a).status, 408);
    assert_eq!(p.world.now().as_micros() / 1000, 32_000);
    p.all_is_gone();
}

#[test]
fn a_refused_call_brings_the_status() {
    for status in [486, 603, 404, 480] {
        let mut p = Pair::new(7, Conditions::BAD, (1, 1));
        p.dial("sip:bob@192.0.2.2");
        let theirs = p.incoming();
        p.world.command(p.b, Command::Ring { call: theirs, status: 180, early_media: false });
        p.world.command_in(seconds(1), p.b, Command::Hangup { call: theirs, status });
        let outcome = p.ended(p.a);
        assert_eq!((outcome.status, outcome.by_peer), (status, true));
        p.all_is_gone();
    }
}

#[test]
fn a_cancelled_call_ends_on_both_sides() {
    for seed in 0..30 {
        let mut p = Pair::new(seed, Conditions::BAD, (3, 3));
        let ours = p.dial("sip:bob@192.0.2.2");
        let theirs = p.incoming();
        p.world.command(p.b, Command::Ring { call: theirs, status: 180, early_media: false });
        p.world.command_in(seconds(2), p.a, Command::Hangup { call: ours, status: 0 });
        let mut ends = Vec::new();
        while ends.len() < 2 {
            let (host, event) = p.world.next_event().expect("both ends hear of it");
            if let EventKind::CallEnded { outcome, .. } = event.kind {
                ends.push((host, outcome.status));
            }
        }
        assert_eq!(ends.iter().find(|(h, _)| *h == p.b).map(|(_, s)| *s), Some(487), "seed {seed}");
        p.all_is_gone();
    }
}

#[test]
fn a_call_cancelled_before_any_answer_is_told_at_once_and_leaves_nothing() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 1));
    let ours = p.dial("sip:bob@192.0.2.99");
    p.world.command_in(seconds(1), p.a, Command::Hangup { call: ours, status: 0 });
    assert_eq!(p.ended(p.a).status, 487);
    assert_eq!(p.world.now(), at(1));
    p.all_is_gone();
}

#[test]
fn cancel_and_answer_may_cross() {
    // The 200 and the CANCEL pass each other: the caller acknowledges and hangs up.
    for seed in 0..40 {
        let mut p = Pair::new(seed, Conditions::BAD, (1, 1));
        let ours = p.dial("sip:bob@192.0.2.2");
        let theirs = p.incoming();
        p.world.command(p.b, Command::Ring { call: theirs, status: 180, early_media: false });
        p.wait(p.a, |e| matches!(e.kind, EventKind::CallProgress { .. }).then_some(()));
        p.answer(theirs);
        p.hangup(p.a, ours);
        let mut ended = 0;
        while ended < 2 {
            let (_, event) = p.world.next_event().unwrap_or_else(|| panic!("seed {seed}"));
            ended += u8::from(matches!(event.kind, EventKind::CallEnded { .. }));
        }
        p.all_is_gone();
    }
}

#[test]
fn an_unanswered_call_meets_the_ring_limit_on_both_sides() {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host("192.0.2.1".parse().unwrap(), 1, |c| c.ring_timeout = seconds(20));
    let b = world.host("192.0.2.2".parse().unwrap(), 1, |_| {});
    let mut p = Pair::with(world, a, b);
    p.dial("sip:bob@192.0.2.2");
    let theirs = p.incoming();
    p.world.command(p.b, Command::Ring { call: theirs, status: 180, early_media: false });
    let outcome = p.ended(p.a);
    assert_eq!((outcome.status, outcome.local), (408, true));
    assert_eq!(p.world.now(), at(20));
    assert_eq!(p.ended(p.b).status, 487);
    p.all_is_gone();
}

#[test]
fn a_callee_that_never_answers_refuses_at_its_own_limit() {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host("192.0.2.1".parse().unwrap(), 1, |_| {});
    let b = world.host("192.0.2.2".parse().unwrap(), 1, |c| c.ring_timeout = seconds(10));
    let mut p = Pair::with(world, a, b);
    p.dial("sip:bob@192.0.2.2");
    let outcome = p.ended(p.a);
    assert_eq!((outcome.status, outcome.by_peer), (480, true));
    p.all_is_gone();
}

#[test]
fn a_peer_that_vanishes_after_the_invite_leaves_nothing_behind() {
    let mut p = Pair::new(3, Conditions::GOOD, (1, 1));
    let ours = p.dial("sip:bob@192.0.2.2");
    let theirs = p.incoming();
    p.answer(theirs);
    p.answered(p.a);
    p.world.conditions(Conditions { loss: 1.0, ..Conditions::GOOD });
    p.hangup(p.a, ours);
    assert_eq!(p.ended(p.a).status, 200);
    p.hangup(p.b, theirs);
    p.all_is_gone();
}

#[test]
fn a_lost_ack_ends_the_call_with_bye() {
    let mut p = Pair::new(3, Conditions::GOOD, (1, 1));
    p.dial("sip:bob@192.0.2.2");
    let theirs = p.incoming();
    p.answer(theirs);
    p.world.run(sipwright::base::Duration::from_millis(4));
    p.world.conditions(Conditions { loss: 1.0, ..Conditions::GOOD });
    let outcome = p.ended(p.b);
    assert_eq!((outcome.status, outcome.local), (408, true));
    // The network is back before the BYE is given up: the caller hears of it.
    p.world.conditions(Conditions::GOOD);
    assert_eq!(p.ended(p.a).status, 200);
    p.all_is_gone();
}

#[test]
fn hold_and_resume() {
    for seed in 0..20 {
        let mut p = Pair::new(seed, Conditions::BAD, (1, 3));
        let (ours, theirs) = p.up("sip:bob@192.0.2.2");
        for hold in [true, false] {
            p.world.command(p.a, Command::Hold { call: ours, hold });
            let mut seen = (false, false);
            while seen != (true, true) {
                let (host, event) = p.world.next_event().expect("hold is told to both");
                match event.kind {
                    EventKind::CallHoldDone { held, ok } if host == p.a => {
                        assert!(ok && held == hold);
                        seen.0 = true;
                    }
                    EventKind::CallHeld(held) if host == p.b => {
                        assert_eq!(held, hold);
                        seen.1 = true;
                    }
                    _ => {}
                }
            }
        }
        p.hangup(p.b, theirs);
        assert_eq!(p.ended(p.a).status, 200);
        p.all_is_gone();
    }
}

#[test]
fn a_reinvite_that_nobody_answers_leaves_nothing_when_its_call_has_ended() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 1));
    let (ours, theirs) = p.up("sip:bob@192.0.2.2");
    p.world.conditions(Conditions { loss: 1.0, ..Conditions::GOOD });
    p.world.command(p.a, Command::Hold { call: ours, hold: true });
    p.world.run(seconds(1));
    p.hangup(p.a, ours);
    p.hangup(p.b, theirs);
    p.all_is_gone();
}

#[test]
fn both_hold_at_once_and_both_succeed_after_the_glare() {
    for seed in 0..20 {
        let mut p = Pair::new(seed, Conditions::GOOD, (1, 1));
        let (ours, theirs) = p.up("sip:bob@192.0.2.2");
        p.world.command(p.a, Command::Hold { call: ours, hold: true });
        p.world.command(p.b, Command::Hold { call: theirs, hold: true });
        let mut done = 0;
        while done < 2 {
            let (_, event) = p.world.next_event().unwrap_or_else(|| panic!("seed {seed}"));
            if let EventKind::CallHoldDone { ok, .. } = event.kind {
                assert!(ok, "seed {seed}");
                done += 1;
            }
        }
        p.hangup(p.a, ours);
        p.ended(p.b);
        p.all_is_gone();
    }
}

#[test]
fn early_media_is_told_and_the_answer_stands() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 1));
    p.dial("sip:bob@192.0.2.2");
    let theirs = p.incoming();
    p.world.command(p.b, Command::Ring { call: theirs, status: 183, early_media: true });
    let early = p.wait(p.a, |e| match &e.kind {
        EventKind::CallProgress { outcome, early_media } => Some((outcome.status, *early_media)),
        _ => None,
    });
    assert_eq!(early, (183, true));
    p.answer(theirs);
    p.answered(p.a);
    p.hangup(p.b, theirs);
    p.ended(p.a);
    p.all_is_gone();
}

#[test]
fn above_max_calls_a_503_comes() {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host("192.0.2.1".parse().unwrap(), 1, |_| {});
    let b = world.host("192.0.2.2".parse().unwrap(), 1, |c| c.max_calls = 2);
    let mut p = Pair::with(world, a, b);
    for _ in 0..3 {
        p.dial("sip:bob@192.0.2.2");
    }
    assert_eq!(p.ended(p.a).status, 503);
}

#[test]
fn shutdown_hangs_up_and_refuses() {
    let mut p = Pair::new(1, Conditions::BAD, (1, 1));
    p.up("sip:bob@192.0.2.2");
    p.world.command(p.b, Command::Shutdown);
    assert_eq!(p.ended(p.a).status, 200);
    p.dial("sip:bob@192.0.2.2");
    assert_eq!(p.ended(p.a).status, 503);
    p.all_is_gone();
}
