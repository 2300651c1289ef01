//! RFC 4320: what a non-INVITE transaction must not send, and what comes too late.

use super::*;

fn options() -> String {
    request("OPTIONS", BRANCH, "")
}

/// s4.1: no provisional response other than 100, at any time, on any transport.
#[test]
fn no_provisional_response_but_100() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        for at_ms in [0, 3499, 3500, 10_000, 31_999] {
            let mut rig = Rig::new(protocol);
            let id = rig.serve(&options(), None);
            rig.until(at_ms);
            for code in [101, 180, 183, 199] {
                rig.respond(id, code, "OPTIONS");
            }
            assert_eq!(rig.seen(), [], "{protocol:?} at {at_ms} ms");
        }
    }
}

/// s4.1: over UDP no 100 before the client's timer E reaches T2, then exactly one without being asked.
#[test]
fn a_100_waits_for_t2_over_udp() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&options(), Some(&response(100, "OPTIONS", BRANCH)));
    rig.respond(id, 100, "OPTIONS");
    rig.received(&options());
    assert_eq!(rig.until(31_999), list(&[(3500, "100")]));
}

/// s4.2: no 408, to nobody, at any time; and it ends the transaction as any final response does.
#[test]
fn no_408_at_any_time() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        for at_ms in [0, 3600, 31_999] {
            let mut rig = Rig::new(protocol);
            let id = rig.serve(&options(), None);
            rig.until(at_ms);
            rig.respond(id, 408, "OPTIONS");
            rig.respond(id, 200, "OPTIONS");
            rig.received(&options());
            let sent: Vec<_> = rig.until(100_000).into_iter().filter(|(_, what)| what != "over").collect();
            assert_eq!(sent, [], "{protocol:?} at {at_ms} ms");
            assert!(rig.table.is_empty());
        }
    }
}

/// s4.2: a final response may go out until the client has given up at 64*T1, and none after.
#[test]
fn a_late_final_response_is_not_sent() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&options(), None);
    rig.until(31_999);
    rig.respond(id, 200, "OPTIONS");
    assert_eq!(rig.seen(), list(&[(31_999, "200")]));

    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&options(), Some(&response(100, "OPTIONS", BRANCH)));
    assert_eq!(rig.until(32_000), list(&[(3500, "100"), (32_000, "over")]));
    rig.respond(id, 200, "OPTIONS");
    assert_eq!(rig.seen(), []);
    assert!(rig.table.is_empty());
}

/// The other end of s4.2: what comes after timer F belongs to nothing.
#[test]
fn a_late_response_is_a_stray_for_the_client() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.send(Method::Options);
    rig.until(32_000);
    assert_eq!(rig.answered(200, "OPTIONS"), OnResponse::Stray);
    assert_eq!(rig.seen(), []);
}
