//! Figure 8 of RFC 3261 s17.2.2, as narrowed by RFC 4320 s4.

use super::*;

fn bye() -> String {
    request("BYE", BRANCH, "")
}

#[test]
fn trying_absorbs_repeats_in_silence() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.serve(&bye(), None);
    assert_eq!(rig.received(&bye()), OnRequest::Absorbed);
    assert_eq!(rig.seen(), []);
}

#[test]
fn a_final_response_completes_it_and_timer_j_ends_it() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&bye(), None);
    rig.until(100);
    rig.respond(id, 200, "BYE");
    assert_eq!(rig.received(&bye()), OnRequest::Absorbed);
    // A second final response is dropped.
    rig.respond(id, 500, "BYE");
    assert_eq!(rig.until(100_000), list(&[(100, "200"), (100, "200"), (32100, "over")]));
    assert_eq!(rig.received(&bye()), OnRequest::New);
}

#[test]
fn timer_j_is_zero_on_a_reliable_transport() {
    let mut rig = Rig::new(Protocol::Tcp);
    let id = rig.serve(&bye(), None);
    rig.respond(id, 200, "BYE");
    assert_eq!(rig.seen(), list(&[(0, "200"), (0, "over")]));
    assert!(rig.table.is_empty());
}

#[test]
fn a_100_goes_out_once_timer_e_of_the_client_is_at_t2() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let mut rig = Rig::new(protocol);
        let id = rig.serve(&bye(), Some(&response(100, "BYE", BRANCH)));
        assert_eq!(rig.until(5000), list(&[(3500, "100")]));
        assert_eq!(rig.received(&bye()), OnRequest::Absorbed);
        rig.respond(id, 100, "BYE");
        rig.respond(id, 200, "BYE");
        let seen = rig.seen();
        assert_eq!(seen[..3], list(&[(5000, "100"), (5000, "100"), (5000, "200")])[..]);
    }
}

#[test]
fn an_early_100_and_other_provisional_responses_are_not_sent() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&bye(), None);
    rig.respond(id, 100, "BYE");
    rig.respond(id, 183, "BYE");
    assert_eq!(rig.until(4000), []);
    rig.respond(id, 100, "BYE");
    assert_eq!(rig.seen(), list(&[(4000, "100")]));
    // A reliable transport takes a 100 at any time.
    let mut rig = Rig::new(Protocol::Tcp);
    let id = rig.serve(&bye(), None);
    rig.respond(id, 100, "BYE");
    assert_eq!(rig.seen(), list(&[(0, "100")]));
}

#[test]
fn a_408_is_never_sent() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&bye(), None);
    rig.respond(id, 408, "BYE");
    assert_eq!(rig.received(&bye()), OnRequest::Absorbed);
    assert_eq!(rig.until(100_000), list(&[(32000, "over")]));
}

#[test]
fn a_request_that_its_user_never_answers_expires() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&bye(), None);
    assert_eq!(rig.until(100_000), list(&[(32000, "over")]));
    rig.respond(id, 200, "BYE");
    assert_eq!(rig.seen(), []);
    assert!(rig.table.is_empty());
}

#[test]
fn a_transport_error_is_told_and_ends_no_state() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&bye(), None);
    rig.respond(id, 200, "BYE");
    rig.fail(id);
    assert_eq!(rig.received(&bye()), OnRequest::Absorbed);
    assert_eq!(rig.seen(), list(&[(0, "200"), (0, "error"), (0, "200")]));
}
