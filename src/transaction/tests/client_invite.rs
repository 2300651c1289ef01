//! Figure 5 of RFC 6026 s8.4.

use super::*;

#[test]
fn calling_repeats_by_timer_a_and_ends_by_timer_b() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.send(Method::Invite);
    let mut expected = at(&[0, 500, 1500, 3500, 7500, 15500, 31500], "INVITE");
    expected.extend(list(&[(32000, "timeout"), (32000, "over")]));
    assert_eq!(rig.until(100_000), expected);
    assert!(rig.table.is_empty());
}

#[test]
fn calling_on_a_reliable_transport_has_no_timer_a() {
    let mut rig = Rig::new(Protocol::Tcp);
    rig.send(Method::Invite);
    assert_eq!(rig.until(100_000), list(&[(0, "INVITE"), (32000, "timeout"), (32000, "over")]));
}

#[test]
fn calling_transport_error_ends_it() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Invite);
    rig.fail(id);
    assert_eq!(rig.seen(), list(&[(0, "INVITE"), (0, "error"), (0, "over")]));
    assert!(rig.table.is_empty() && rig.table.next_timeout().is_none());
}

#[test]
fn calling_to_proceeding_stops_the_repeats() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Invite);
    rig.until(600);
    assert_eq!(rig.answered(100, "INVITE"), OnResponse::ToUser(id));
    assert_eq!(rig.answered(180, "INVITE"), OnResponse::ToUser(id));
    assert_eq!(rig.until(1_000_000), []);
    assert_eq!(rig.table.len(), 1);
}

#[test]
fn a_2xx_leads_to_accepted_from_calling_and_from_proceeding() {
    for ringing in [false, true] {
        let mut rig = Rig::new(Protocol::Udp);
        let id = rig.send(Method::Invite);
        rig.seen();
        if ringing {
            rig.answered(180, "INVITE");
        }
        for _ in 0..3 {
            assert_eq!(rig.answered(200, "INVITE"), OnResponse::ToUser(id));
        }
        // Neither a late 1xx nor a 3xx-6xx of another branch comes through, and no ACK is made here.
        assert_eq!(rig.answered(180, "INVITE"), OnResponse::Absorbed);
        assert_eq!(rig.answered(486, "INVITE"), OnResponse::Absorbed);
        assert_eq!(rig.until(31_999), []);
        assert_eq!(rig.answered(200, "INVITE"), OnResponse::ToUser(id));
        assert_eq!(rig.until(32_000), list(&[(32000, "over")]));
        assert_eq!(rig.answered(200, "INVITE"), OnResponse::Stray);
    }
}

#[test]
fn a_non_2xx_is_acknowledged_from_calling_and_from_proceeding() {
    for ringing in [false, true] {
        let mut rig = Rig::new(Protocol::Udp);
        let id = rig.send(Method::Invite);
        rig.seen();
        if ringing {
            rig.answered(180, "INVITE");
        }
        assert_eq!(rig.answered(486, "INVITE"), OnResponse::ToUser(id));
        assert_eq!(rig.seen(), list(&[(0, "ACK")]));
        rig.until(1000);
        assert_eq!(rig.answered(486, "INVITE"), OnResponse::Absorbed);
        assert_eq!(rig.seen(), list(&[(1000, "ACK")]));
        assert_eq!(rig.answered(200, "INVITE"), OnResponse::Absorbed);
        assert_eq!(rig.until(100_000), list(&[(32000, "over")]));
        assert!(rig.table.is_empty());
    }
}

#[test]
fn timer_d_is_zero_on_a_reliable_transport() {
    let mut rig = Rig::new(Protocol::Tcp);
    rig.send(Method::Invite);
    rig.answered(486, "INVITE");
    assert_eq!(rig.seen(), list(&[(0, "INVITE"), (0, "ACK"), (0, "over")]));
    assert!(rig.table.is_empty() && rig.table.next_timeout().is_none());
}

#[test]
fn timer_d_is_32_s_even_where_t1_is_small() {
    let mut rig = Rig::new(Protocol::Udp);
    let timers = Timers { t1: Duration::from_millis(10), ..Timers::default() };
    rig.table = Transactions::new(timers, Seeded::default());
    rig.send(Method::Invite);
    rig.answered(404, "INVITE");
    assert_eq!(rig.until(100_000).last(), Some(&(32000, "over".to_owned())));
}

#[test]
fn completed_transport_error_ends_it() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Invite);
    rig.answered(486, "INVITE");
    rig.seen();
    rig.fail(id);
    assert_eq!(rig.seen(), list(&[(0, "error"), (0, "over")]));
}

#[test]
fn accepted_survives_a_transport_error() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Invite);
    rig.answered(200, "INVITE");
    rig.seen();
    rig.fail(id);
    assert_eq!(rig.seen(), []);
    assert_eq!(rig.answered(200, "INVITE"), OnResponse::ToUser(id));
}

#[test]
fn the_ack_is_made_from_the_request_and_the_to_of_the_response() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.send(Method::Invite);
    rig.answered(486, "INVITE");
    let Some(Action::Transmit(ack)) = rig.out.last() else { panic!() };
    let expected = "ACK sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKtest\r\n\
         Max-Forwards: 70\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nFrom: \"A\" <sip:alice@192.0.2.1>;tag=f\r\n\
         To: <sip:bob@192.0.2.9>;tag=t486\r\nCall-ID: c1\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(std::str::from_utf8(&ack.bytes).unwrap(), expected);
}

#[test]
fn a_cancel_waits_for_a_provisional_response_and_ends_the_invite_after_64_t1() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Invite);
    assert!(!rig.table.cancel(id, rig.now, &mut rig.out));
    rig.answered(180, "INVITE");
    rig.until(1000);
    assert!(rig.table.cancel(id, rig.now, &mut rig.out));
    let Some(Action::Transmit(cancel)) = rig.out.last() else { panic!() };
    let expected = "CANCEL sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKtest\r\n\
         Max-Forwards: 70\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\nFrom: \"A\" <sip:alice@192.0.2.1>;tag=f\r\n\
         To: <sip:bob@192.0.2.9>\r\nCall-ID: c1\r\nCSeq: 7 CANCEL\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(std::str::from_utf8(&cancel.bytes).unwrap(), expected);
    rig.seen();
    // The CANCEL's own transaction tells its user nothing.
    assert_eq!(rig.answered(200, "CANCEL"), OnResponse::Absorbed);
    assert_eq!(rig.until(100_000), list(&[(33000, "timeout"), (33000, "over")]));
    assert!(rig.table.is_empty());
}

#[test]
fn a_cancelled_invite_ends_with_its_487() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Invite);
    rig.answered(180, "INVITE");
    rig.table.cancel(id, rig.now, &mut rig.out);
    assert_eq!(rig.answered(487, "INVITE"), OnResponse::ToUser(id));
    assert_eq!(rig.seen(), list(&[(0, "INVITE"), (0, "CANCEL"), (0, "ACK")]));
}

#[test]
fn a_forgotten_invite_is_silent_but_still_acknowledges() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Invite);
    rig.answered(486, "INVITE");
    rig.table.forget_client(id);
    rig.seen();
    rig.answered(486, "INVITE");
    assert_eq!(rig.until(100_000), list(&[(0, "ACK")]));
    assert!(rig.table.is_empty());

    let id = rig.send(Method::Invite);
    rig.table.forget_client(id);
    assert_eq!(rig.answered(200, "INVITE"), OnResponse::Stray);
    assert!(rig.table.is_empty());
}
