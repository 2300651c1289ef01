//! What an agent counts of its traffic.

use crate::support::Pair;
use sipwright::base::Protocol;
use sipwright::sim::Conditions;

#[test]
fn messages_and_bytes_are_counted_by_protocol_and_repeats_apart() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 1));
    let (ours, _) = p.up("sip:bob@192.0.2.2");
    p.hangup(p.a, ours);
    p.ended(p.b);
    p.all_is_gone();
    let (a, b) = (p.world.traffic(p.a), p.world.traffic(p.b));
    let (ours, theirs) = (*a.of(Protocol::Udp), *b.of(Protocol::Udp));
    // INVITE, ACK, BYE there; 200, 200 back (the 100 of a call that is answered at once is not due).
    assert_eq!((ours.messages_sent, ours.messages_received), (3, 2));
    assert_eq!((ours.messages_sent, ours.bytes_sent), (theirs.messages_received, theirs.bytes_received));
    assert_eq!((theirs.messages_sent, theirs.bytes_sent), (ours.messages_received, ours.bytes_received));
    assert_eq!((a.retransmissions_sent, b.retransmissions_sent, a.timeouts, b.unreadable), (0, 0, 0, 0));
    // Nobody there: the INVITE goes seven times (timer A) and runs into timer B.
    p.dial("sip:bob@192.0.2.99");
    p.ended(p.a);
    let a = p.world.traffic(p.a);
    assert_eq!((a.retransmissions_sent, a.timeouts), (6, 1));
}

#[test]
fn what_a_bad_network_repeats_is_counted_at_both_ends() {
    let mut p = Pair::new(3, Conditions::BAD, (1, 1));
    for _ in 0..40 {
        let (ours, _) = p.up("sip:bob@192.0.2.2");
        p.hangup(p.a, ours);
        p.ended(p.b);
    }
    p.all_is_gone();
    let (a, b) = (p.world.traffic(p.a), p.world.traffic(p.b));
    assert!(a.retransmissions_sent > 10 && b.retransmissions_sent > 2, "{a:?} {b:?}");
    assert!(a.retransmissions_received > 2 && b.retransmissions_received > 5, "{a:?} {b:?}");
}

#[test]
fn streams_are_counted_where_they_are_at_home() {
    let mut p = Pair::new(1, Conditions::GOOD, (3, 3));
    let (ours, _) = p.up("sip:bob@192.0.2.2;transport=tcp");
    for host in [p.a, p.b] {
        let carried = *p.world.traffic(host).of(Protocol::Tcp);
        assert_eq!((carried.streams, carried.messages_sent > 0), (1, true));
    }
    p.hangup(p.a, ours);
    p.ended(p.b);
    p.all_is_gone();
}
