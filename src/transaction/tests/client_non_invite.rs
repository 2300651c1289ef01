//! Figure 6 of RFC 3261 s17.1.2.

use super::*;

#[test]
fn trying_repeats_by_timer_e_up_to_t2_and_ends_by_timer_f() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.send(Method::Bye);
    let times = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
    let mut expected = at(&times, "BYE");
    expected.extend(list(&[(32000, "timeout"), (32000, "over")]));
    assert_eq!(rig.until(100_000), expected);
    assert!(rig.table.is_empty());
}

#[test]
fn trying_on_a_reliable_transport_has_no_timer_e() {
    let mut rig = Rig::new(Protocol::Tls);
    rig.send(Method::Bye);
    assert_eq!(rig.until(100_000), list(&[(0, "BYE"), (32000, "timeout"), (32000, "over")]));
}

#[test]
fn a_transport_error_ends_trying_and_proceeding() {
    for proceeding in [false, true] {
        let mut rig = Rig::new(Protocol::Udp);
        let id = rig.send(Method::Bye);
        if proceeding {
            rig.answered(100, "BYE");
        }
        rig.fail(id);
        assert_eq!(rig.seen(), list(&[(0, "BYE"), (0, "error"), (0, "over")]));
    }
}

#[test]
fn proceeding_goes_on_repeating_with_t2() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Bye);
    rig.until(100);
    assert_eq!(rig.answered(100, "BYE"), OnResponse::ToUser(id));
    assert_eq!(rig.answered(100, "BYE"), OnResponse::ToUser(id));
    let mut expected = at(&[500, 4500, 8500, 12500, 16500, 20500, 24500, 28500], "BYE");
    expected.extend(list(&[(32000, "timeout"), (32000, "over")]));
    assert_eq!(rig.until(100_000), expected);
}

#[test]
fn a_final_response_completes_it_from_trying_and_from_proceeding() {
    for proceeding in [false, true] {
        let mut rig = Rig::new(Protocol::Udp);
        let id = rig.send(Method::Bye);
        rig.until(10);
        if proceeding {
            rig.answered(100, "BYE");
        }
        assert_eq!(rig.answered(200, "BYE"), OnResponse::ToUser(id));
        assert_eq!(rig.answered(200, "BYE"), OnResponse::Absorbed);
        // Timer K.
        assert_eq!(rig.until(100_000), list(&[(5010, "over")]));
        assert_eq!(rig.answered(200, "BYE"), OnResponse::Stray);
    }
}

#[test]
fn timer_k_is_zero_on_a_reliable_transport() {
    let mut rig = Rig::new(Protocol::Tcp);
    let id = rig.send(Method::Bye);
    assert_eq!(rig.answered(500, "BYE"), OnResponse::ToUser(id));
    assert_eq!(rig.seen(), list(&[(0, "BYE"), (0, "over")]));
    assert!(rig.table.is_empty());
}

#[test]
fn completed_takes_no_transport_error() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Bye);
    rig.answered(200, "BYE");
    rig.fail(id);
    assert_eq!(rig.seen(), list(&[(0, "BYE")]));
}
