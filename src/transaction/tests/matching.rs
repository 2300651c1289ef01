//! RFC 3261 s17.1.3, s17.2.3, s9.2.

use super::*;

#[test]
fn a_response_matches_by_branch_and_method() {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(Method::Invite);
    assert_eq!(rig.answered(200, "CANCEL"), OnResponse::Stray);
    let other = response(200, "INVITE", "z9hG4bKother");
    let message = Message::parse(other.as_bytes()).unwrap();
    let stray = rig.table.on_response(&check::response(&message).unwrap(), rig.now, &mut rig.out);
    assert_eq!(stray, OnResponse::Stray);
    assert_eq!(rig.answered(200, "INVITE"), OnResponse::ToUser(id));
}

#[test]
fn a_branch_in_use_makes_no_second_transaction() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.send(Method::Options);
    let bytes = Bytes::from(request("OPTIONS", &BRANCH.to_uppercase(), ""));
    assert_eq!(rig.table.new_client(Method::Options, bytes, rig.flow, rig.now, &mut rig.out), None);
    let none = Bytes::from_static(b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n");
    assert_eq!(rig.table.new_client(Method::Options, none, rig.flow, rig.now, &mut rig.out), None);
    assert_eq!(rig.seen().len(), 1);
}

#[test]
fn a_request_matches_by_branch_sent_by_and_method() {
    let mut rig = Rig::new(Protocol::Udp);
    let invite = request("INVITE", BRANCH, "");
    rig.serve(&invite, None);
    assert_eq!(rig.received(&invite.replace("Max-Forwards: 70", "Max-Forwards: 69")), OnRequest::Absorbed);
    assert_eq!(rig.received(&invite.replace(BRANCH, "z9hG4bKother")), OnRequest::New);
    assert_eq!(rig.received(&invite.replace("UDP 192.0.2.1:5060", "UDP 192.0.2.1:5061")), OnRequest::New);
    assert_eq!(rig.received(&invite.replace("UDP 192.0.2.1:5060", "UDP 192.0.2.2:5060")), OnRequest::New);
    // The default port is the port.
    assert_eq!(rig.received(&invite.replace("UDP 192.0.2.1:5060", "UDP 192.0.2.1")), OnRequest::Absorbed);
    assert_eq!(rig.received(&request("MESSAGE", BRANCH, "")), OnRequest::New);
}

#[test]
fn a_cancel_finds_its_invite_and_has_a_transaction_of_its_own() {
    let mut rig = Rig::new(Protocol::Udp);
    let cancel = request("CANCEL", BRANCH, "");
    assert_eq!(rig.received(&cancel), OnRequest::New);
    let invite = rig.serve(&request("INVITE", BRANCH, ""), None);
    assert_eq!(rig.received(&cancel), OnRequest::Cancel(invite));
    let message = Message::parse(cancel.as_bytes()).unwrap();
    let id = rig.table.new_server(&check::request(&message).unwrap(), rig.flow, None, rig.now).unwrap();
    rig.respond(id, 200, "CANCEL");
    rig.respond(invite, 487, "INVITE");
    assert_eq!(rig.received(&cancel), OnRequest::Absorbed);
    assert_eq!(rig.seen(), list(&[(0, "200"), (0, "487"), (0, "200")]));
}

#[test]
fn requests_of_rfc_2543_match_by_their_headers() {
    let mut rig = Rig::new(Protocol::Udp);
    let old = |method: &str| request(method, "1", "");
    let invite = rig.serve(&old("INVITE"), None);
    assert_eq!(rig.received(&old("INVITE")), OnRequest::Absorbed);
    assert_eq!(rig.received(&old("INVITE").replace("CSeq: 7", "CSeq: 8")), OnRequest::New);
    assert_eq!(rig.received(&old("INVITE").replace("Call-ID: c1", "Call-ID: c2")), OnRequest::New);
    assert_eq!(rig.received(&old("INVITE").replace("tag=f", "tag=g")), OnRequest::New);
    assert_eq!(rig.received(&old("INVITE").replace("INVITE sip:bob", "INVITE sip:eve")), OnRequest::New);
    assert_eq!(rig.received(&old("CANCEL")), OnRequest::Cancel(invite));
    rig.respond(invite, 486, "INVITE");
    // The ACK carries the tag of the response.
    let ack = old("ACK").replace("To: <sip:bob@192.0.2.9>", "To: <sip:bob@192.0.2.9>;tag=t486");
    assert_eq!(rig.received(&ack), OnRequest::Absorbed);
    assert_eq!(rig.until(100_000), list(&[(0, "486"), (5000, "over")]));

    let bye = old("BYE").replace("To: <sip:bob@192.0.2.9>", "To: <sip:bob@192.0.2.9>;tag=x");
    rig.serve(&bye, None);
    assert_eq!(rig.received(&bye), OnRequest::Absorbed);
    assert_eq!(rig.received(&bye.replace("tag=x", "tag=y")), OnRequest::New);
}

#[test]
fn an_ack_makes_no_transaction_and_neither_does_a_repeat() {
    let mut rig = Rig::new(Protocol::Udp);
    let text = request("ACK", BRANCH, "");
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(rig.table.new_server(&check::request(&message).unwrap(), rig.flow, None, rig.now), None);
    let text = request("BYE", BRANCH, "");
    rig.serve(&text, None);
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(rig.table.new_server(&check::request(&message).unwrap(), rig.flow, None, rig.now), None);
}

#[test]
fn answers_follow_a_peer_to_its_new_stream() {
    let mut rig = Rig::new(Protocol::Tcp);
    let text = request("INVITE", BRANCH, "");
    let id = rig.serve(&text, None);
    rig.flow.connection = 2;
    rig.flow.remote.set_port(40_000);
    rig.received(&text);
    rig.respond(id, 180, "INVITE");
    assert_eq!(rig.seen(), list(&[(0, "180")]));
    // Not to a stranger who knows the branch.
    rig.flow.remote.set_ip("203.0.113.1".parse().unwrap());
    rig.received(&text);
    assert_eq!(rig.table.flow(id).unwrap().connection, 2);
}

#[test]
fn the_clients_of_a_flow_are_found() {
    let mut rig = Rig::new(Protocol::Tcp);
    let other = Flow { connection: 9, ..rig.flow };
    let mut ids = Vec::new();
    for i in 0..6 {
        let flow = if i % 3 == 0 { other } else { rig.flow };
        let bytes = Bytes::from(request("OPTIONS", &format!("z9hG4bK{i}"), ""));
        ids.push(rig.table.new_client(Method::Options, bytes, flow, rig.now, &mut rig.out).unwrap());
    }
    assert_eq!(rig.table.clients_on(&rig.flow), [ids[5], ids[4], ids[2], ids[1]]);
    assert_eq!(rig.table.clients_on(&other), [ids[3], ids[0]]);
    for (gone, left) in [(4, vec![5, 2, 1]), (5, vec![2, 1]), (1, vec![2]), (2, vec![])] {
        rig.table.forget_client(ids[gone]);
        let left: Vec<TransactionId> = left.into_iter().map(|i: usize| ids[i]).collect();
        assert_eq!(rig.table.clients_on(&rig.flow), left);
    }
    assert_eq!(rig.table.clients_on(&other).len(), 2);
}

#[test]
fn an_id_is_never_used_twice() {
    let mut rig = Rig::new(Protocol::Tcp);
    let first = rig.serve(&request("BYE", BRANCH, ""), None);
    rig.respond(first, 200, "BYE");
    let second = rig.serve(&request("BYE", BRANCH, ""), None);
    assert_ne!(first, second);
    rig.respond(first, 500, "BYE");
    assert_eq!(rig.seen(), list(&[(0, "200"), (0, "over")]));
    assert!(!rig.table.contains(first) && rig.table.contains(second));
}

#[test]
fn the_table_is_bounded() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.table = Transactions::new(Timers::default(), Seeded::default()).bounded(3);
    for i in 0..3 {
        rig.serve(&request("BYE", &format!("z9hG4bK{i}"), ""), None);
    }
    let text = request("BYE", "z9hG4bKone-too-many", "");
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(rig.table.new_server(&check::request(&message).unwrap(), rig.flow, None, rig.now), None);
    // Clients have a bound of their own.
    for i in 0..4 {
        let bytes = Bytes::from(request("OPTIONS", &format!("z9hG4bK{i}"), ""));
        let id = rig.table.new_client(Method::Options, bytes, rig.flow, rig.now, &mut rig.out);
        assert_eq!(id.is_some(), i < 3);
    }
    rig.until(100_000);
    assert!(rig.table.is_empty());
}

#[test]
fn slots_of_ended_transactions_are_used_again() {
    let mut rig = Rig::new(Protocol::Tcp);
    for i in 0..1000 {
        let id = rig.serve(&request("BYE", &format!("z9hG4bK{i}"), ""), None);
        rig.respond(id, 200, "BYE");
    }
    assert_eq!(rig.table.slots(), 1);
}

#[test]
fn a_cancel_for_another_method_matches_without_effect() {
    let methods =
        ["BYE", "OPTIONS", "REGISTER", "MESSAGE", "INFO", "UPDATE", "PRACK", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH"];
    for method in methods {
        let mut rig = Rig::new(Protocol::Udp);
        let id = rig.serve(&request(method, BRANCH, ""), None);
        assert_eq!(rig.received(&request("CANCEL", BRANCH, "")), OnRequest::CancelWithoutEffect, "{method}");
        assert_eq!(rig.received(&request("CANCEL", "z9hG4bKother", "")), OnRequest::New, "{method}");
        assert_eq!(rig.table.state(id), "Trying");
        rig.respond(id, 200, method);
        assert_eq!(rig.received(&request("CANCEL", BRANCH, "")), OnRequest::CancelWithoutEffect, "after the final");
        assert_eq!(rig.seen(), list(&[(0, "200")]));
    }
}

#[test]
fn a_cancel_after_the_final_response_still_finds_its_invite() {
    for (code, state) in [(486, "Completed"), (200, "Accepted")] {
        let mut rig = Rig::new(Protocol::Udp);
        let invite = rig.serve(&request("INVITE", BRANCH, ""), None);
        rig.respond(invite, code, "INVITE");
        assert_eq!(rig.received(&request("CANCEL", BRANCH, "")), OnRequest::Cancel(invite));
        assert_eq!(rig.table.state(invite), state);
    }
}

#[test]
fn a_stray_ack_matches_nothing_and_leaves_nothing() {
    let mut rig = Rig::new(Protocol::Udp);
    rig.serve(&request("BYE", BRANCH, ""), None);
    // Not even a transaction of another method with its branch.
    assert_eq!(rig.received(&request("ACK", BRANCH, "")), OnRequest::New);
    assert_eq!(rig.received(&request("ACK", "z9hG4bKnone", "")), OnRequest::New);
    assert_eq!((rig.seen(), rig.table.len()), (vec![], 1));
}

#[test]
fn a_response_that_matches_nothing_changes_nothing() {
    let mut rig = Rig::new(Protocol::Udp);
    assert_eq!(rig.answered(200, "INVITE"), OnResponse::Stray);
    assert_eq!(rig.answered(486, "INVITE"), OnResponse::Stray);
    assert_eq!(rig.answered(180, "BYE"), OnResponse::Stray);
    assert!(rig.seen().is_empty() && rig.table.is_empty());
}
