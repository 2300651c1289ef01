//! Figure 7 of RFC 6026 s8.6.

use super::*;

fn invite() -> String {
    request("INVITE", BRANCH, "")
}

fn ack() -> String {
    request("ACK", BRANCH, "")
}

#[test]
fn a_100_goes_out_after_200_ms_unless_the_user_spoke() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.serve(&invite(), Some(&response(100, "INVITE", BRANCH)));
    assert_eq!(rig.until(10_000), list(&[(200, "100")]));

    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&invite(), Some(&response(100, "INVITE", BRANCH)));
    rig.until(199);
    rig.respond(id, 180, "INVITE");
    assert_eq!(rig.until(10_000), list(&[(199, "180")]));
}

#[test]
fn proceeding_answers_a_repeat_with_the_last_provisional_response() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&invite(), Some(&response(100, "INVITE", BRANCH)));
    assert_eq!(rig.received(&invite()), OnRequest::Absorbed);
    assert_eq!(rig.until(5000), list(&[(0, "100")]));
    for code in [180, 183] {
        rig.respond(id, code, "INVITE");
    }
    assert_eq!(rig.received(&invite()), OnRequest::Absorbed);
    assert_eq!(rig.seen(), list(&[(5000, "180"), (5000, "183"), (5000, "183")]));
    // No 100 was given: there is nothing to say.
    let mut rig = Rig::new(Protocol::Udp);
    rig.serve(&invite(), None);
    rig.received(&invite());
    assert_eq!(rig.until(5000), []);
}

#[test]
fn a_2xx_leads_to_accepted_which_absorbs_repeats_and_passes_acks() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let mut rig = Rig::new(protocol);
        let id = rig.serve(&invite(), None);
        rig.respond(id, 200, "INVITE");
        assert_eq!(rig.received(&invite()), OnRequest::Absorbed);
        assert_eq!(rig.seen(), list(&[(0, "200")]));
        // The user repeats the 2xx; nothing else goes out.
        rig.respond(id, 200, "INVITE");
        rig.respond(id, 180, "INVITE");
        rig.respond(id, 500, "INVITE");
        assert_eq!(rig.seen(), list(&[(0, "200")]));
        assert_eq!(rig.received(&ack()), OnRequest::AckFor2xx(id));
        assert_eq!(rig.received(&ack()), OnRequest::AckFor2xx(id));
        // Timer L, on every transport.
        assert_eq!(rig.until(100_000), list(&[(32000, "over")]));
        assert_eq!(rig.received(&ack()), OnRequest::New);
    }
}

#[test]
fn a_non_2xx_is_repeated_by_timer_g_until_timer_h() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&invite(), None);
    rig.respond(id, 486, "INVITE");
    let times = [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500];
    let mut expected = at(&times, "486");
    expected.extend(list(&[(32000, "timeout"), (32000, "over")]));
    assert_eq!(rig.until(100_000), expected);
    assert!(rig.table.is_empty());
}

#[test]
fn timer_g_does_not_run_on_a_reliable_transport() {
    let mut rig = Rig::new(Protocol::Tcp);
    let id = rig.serve(&invite(), None);
    rig.respond(id, 486, "INVITE");
    assert_eq!(rig.until(100_000), list(&[(0, "486"), (32000, "timeout"), (32000, "over")]));
}

#[test]
fn completed_answers_a_repeat_of_the_invite_and_takes_no_other_response() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&invite(), None);
    rig.respond(id, 486, "INVITE");
    assert_eq!(rig.received(&invite()), OnRequest::Absorbed);
    rig.respond(id, 200, "INVITE");
    assert_eq!(rig.seen(), list(&[(0, "486"), (0, "486")]));
}

#[test]
fn an_ack_confirms_and_timer_i_ends_it() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&invite(), None);
    rig.respond(id, 486, "INVITE");
    rig.until(100);
    assert_eq!(rig.received(&ack()), OnRequest::Absorbed);
    assert_eq!(rig.received(&ack()), OnRequest::Absorbed);
    assert_eq!(rig.received(&invite()), OnRequest::Absorbed);
    assert_eq!(rig.until(100_000), list(&[(5100, "over")]));
}

#[test]
fn timer_i_is_zero_on_a_reliable_transport() {
    let mut rig = Rig::new(Protocol::Tcp);
    let id = rig.serve(&invite(), None);
    rig.respond(id, 486, "INVITE");
    assert_eq!(rig.received(&ack()), OnRequest::Absorbed);
    assert_eq!(rig.seen(), list(&[(0, "486"), (0, "over")]));
}

#[test]
fn a_transport_error_is_told_and_ends_no_state() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&invite(), None);
    rig.fail(id);
    rig.respond(id, 180, "INVITE");
    rig.respond(id, 200, "INVITE");
    rig.fail(id);
    assert_eq!(rig.received(&invite()), OnRequest::Absorbed);
    assert_eq!(rig.seen(), list(&[(0, "error"), (0, "180"), (0, "200"), (0, "error")]));

    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&invite(), None);
    rig.respond(id, 486, "INVITE");
    rig.fail(id);
    assert_eq!(rig.received(&invite()), OnRequest::Absorbed);
    assert_eq!(rig.seen(), list(&[(0, "486"), (0, "error"), (0, "486")]));
}

#[test]
fn an_ack_before_any_final_response_is_dropped() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.serve(&invite(), None);
    assert_eq!(rig.received(&ack()), OnRequest::Absorbed);
    assert_eq!(rig.table.len(), 1);
}
