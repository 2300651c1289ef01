//! Ten thousand calls at 20 % loss: every call has exactly one outcome, and nothing is left.

use crate::support::{Pair, at, seconds};
use sipwright::agent::io::{CallOptions, Command, EventKind};
use sipwright::base::Duration;
use sipwright::sim::Conditions;
use std::collections::BTreeMap;

const CALLS: u64 = 10_000;

#[test]
fn ten_thousand_calls_at_20_percent_loss_end_with_one_outcome_each() {
    let mut p = Pair::new(42, Conditions::BAD, (1, 3));
    let mut ends: BTreeMap<_, u32> = BTreeMap::new();
    for i in 0..CALLS {
        let after = Duration::from_millis(i * 5);
        let call = p.world.dial_in(after, p.a, p.alice, "sip:bob@192.0.2.2", CallOptions::default());
        ends.insert(call, 0);
    }
    let (mut up, mut heard_by_b, mut ended_at_b, mut looked) = (0_u64, 0_u64, 0_u64, false);
    while let Some((host, event)) = p.world.next_event() {
        if !looked && p.world.now() > at(25) {
            looked = true;
            for host in [p.a, p.b] {
                let tables = p.world.tables(host);
                assert!(tables.calls > 100 && tables.transactions > 100 && tables.timers > 0, "{tables:?}");
            }
        }
        match event.kind {
            EventKind::CallIncoming { .. } => {
                heard_by_b += 1;
                // A third rings, a third is refused now and then, the rest is answered at once.
                let call = event.call;
                match heard_by_b % 3 {
                    0 => p.world.command(p.b, Command::Ring { call, status: 180, early_media: false }),
                    1 if heard_by_b % 10 == 1 => p.world.command(p.b, Command::Hangup { call, status: 486 }),
                    _ => {}
                }
                let options = Box::new(CallOptions::default());
                p.world.command_in(Duration::from_millis(700), p.b, Command::Answer { call, options });
            }
            EventKind::CallAnswered { .. } if host == p.a => {
                up += 1;
                p.world.command_in(seconds(3), p.a, Command::Hangup { call: event.call, status: 0 });
            }
            EventKind::CallEnded { .. } if host == p.a => *ends.get_mut(&event.call).expect("a call that we made") += 1,
            EventKind::CallEnded { .. } => ended_at_b += 1,
            _ => {}
        }
    }
    assert!(looked);
    assert!(ends.values().all(|n| *n == 1), "every call has exactly one outcome");
    assert_eq!(heard_by_b, ended_at_b, "what B heard of, it heard the end of");
    // One INVITE is repeated seven times in 32 s: at 20 % loss each way practically all arrive.
    assert!(up > CALLS * 96 / 100 - CALLS / 10, "{up} of {CALLS} came up");
    p.all_is_gone();
    assert!(p.world.messages() > CALLS * 7, "{} messages were looked at", p.world.messages());
    let tables = p.world.tables(p.a);
    assert_eq!((tables.calls, tables.transactions, tables.timers), (0, 0, 0));
}
