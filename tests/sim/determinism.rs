//! Same seed, same story; other seeds, other stories.

use crate::support::{Pair, seconds};
use sipwright::agent::io::{Command, EventKind};
use sipwright::sim::Conditions;
use std::collections::BTreeSet;

fn story(seed: u64) -> (u64, Vec<String>) {
    let mut p = Pair::new(seed, Conditions::BAD, (1, 3));
    for _ in 0..5 {
        p.dial("sip:bob@192.0.2.2");
    }
    while let Some((host, event)) = p.world.next_event() {
        match event.kind {
            EventKind::CallIncoming { .. } => p.answer(event.call),
            EventKind::CallAnswered { .. } if host == p.a => {
                p.world.command_in(seconds(1), p.a, Command::Hangup { call: event.call, status: 0 });
            }
            _ => {}
        }
    }
    (p.world.ladder().digest(), p.world.ladder().lines().to_vec())
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in 0..10 {
        let (first, second) = (story(seed), story(seed));
        assert_eq!(first.1, second.1, "seed {seed}");
        assert_eq!(first.0, second.0, "seed {seed}");
    }
}

#[test]
fn other_seeds_tell_other_stories() {
    let stories: BTreeSet<u64> = (0..100).map(|seed| story(seed).0).collect();
    assert!(stories.len() >= 99, "{} different stories", stories.len());
}
