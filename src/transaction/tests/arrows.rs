//! One test per arrow: figures 5 and 7 of RFC 6026 s8.4 and s8.6 (which replace those of RFC 3261), figures 6 and 8 of RFC 3261 s17.
//! A name says machine, state, event, next state.

use super::*;

/// What the user of a transaction got, and what went out, since the last look.
impl Rig {
    fn what(&mut self) -> Vec<String> {
        self.seen().into_iter().map(|(_, what)| what).collect()
    }

    fn state(&self, id: TransactionId) -> String {
        self.table.state(id)
    }

    fn pass(&mut self, ms: u64) -> Vec<String> {
        let end = self.ms() + ms;
        self.until(end).into_iter().map(|(_, what)| what).collect()
    }
}

/// A client transaction in Calling or Trying, its request out.
fn client(method: Method<'_>) -> (Rig, TransactionId) {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.send(method);
    assert_eq!(rig.what(), [method.as_str()]);
    (rig, id)
}

fn invite_client(answers: &[u16]) -> (Rig, TransactionId) {
    let (mut rig, id) = client(Method::Invite);
    for code in answers {
        rig.answered(*code, "INVITE");
    }
    rig.what();
    (rig, id)
}

fn bye_client(answers: &[u16]) -> (Rig, TransactionId) {
    let (mut rig, id) = client(Method::Bye);
    for code in answers {
        rig.answered(*code, "BYE");
    }
    rig.what();
    (rig, id)
}

fn invite_server(answers: &[u16]) -> (Rig, TransactionId) {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&request("INVITE", BRANCH, ""), Some(&response(100, "INVITE", BRANCH)));
    for code in answers {
        rig.respond(id, *code, "INVITE");
    }
    rig.what();
    (rig, id)
}

/// A BYE server transaction; a 100 is given when it may be sent.
fn bye_server(answers: &[u16]) -> (Rig, TransactionId) {
    let mut rig = Rig::new(Protocol::Udp);
    let id = rig.serve(&request("BYE", BRANCH, ""), None);
    if answers.first() == Some(&100) {
        rig.until(3500);
    }
    for code in answers {
        rig.respond(id, *code, "BYE");
    }
    rig.what();
    (rig, id)
}

// Figure 5: INVITE client.

#[test]
fn invite_client_start_invite_from_tu_calling() {
    let (rig, id) = client(Method::Invite);
    assert_eq!(rig.state(id), "Calling");
}

#[test]
fn invite_client_calling_timer_a_calling() {
    let (mut rig, id) = invite_client(&[]);
    assert_eq!(rig.pass(499), [""; 0]);
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["INVITE".to_owned()], "Calling".into()));
    // Reset to twice its length.
    assert_eq!(rig.pass(999), [""; 0]);
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["INVITE".to_owned()], "Calling".into()));
}

#[test]
fn invite_client_calling_timer_b_terminated() {
    let (mut rig, id) = invite_client(&[]);
    rig.pass(31_999);
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["timeout".to_owned(), "over".into()], "Terminated".into()));
}

#[test]
fn invite_client_calling_transport_error_terminated() {
    let (mut rig, id) = invite_client(&[]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned(), "over".into()], "Terminated".into()));
}

#[test]
fn invite_client_calling_1xx_proceeding() {
    for code in [100, 101, 180, 199] {
        let (mut rig, id) = invite_client(&[]);
        assert_eq!(rig.answered(code, "INVITE"), OnResponse::ToUser(id));
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Proceeding".into()));
    }
}

#[test]
fn invite_client_calling_2xx_accepted() {
    for code in [200, 299] {
        let (mut rig, id) = invite_client(&[]);
        assert_eq!(rig.answered(code, "INVITE"), OnResponse::ToUser(id));
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Accepted".into()));
    }
}

#[test]
fn invite_client_calling_300_to_699_completed() {
    for code in [300, 486, 699] {
        let (mut rig, id) = invite_client(&[]);
        assert_eq!(rig.answered(code, "INVITE"), OnResponse::ToUser(id));
        assert_eq!((rig.what(), rig.state(id)), (vec!["ACK".to_owned()], "Completed".into()));
    }
}

#[test]
fn invite_client_proceeding_1xx_proceeding() {
    let (mut rig, id) = invite_client(&[100]);
    assert_eq!(rig.answered(180, "INVITE"), OnResponse::ToUser(id));
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Proceeding".into()));
    // Neither timer A nor timer B is left.
    assert_eq!((rig.pass(100_000), rig.state(id)), (vec![], "Proceeding".into()));
}

#[test]
fn invite_client_proceeding_2xx_accepted() {
    for code in [200, 299] {
        let (mut rig, id) = invite_client(&[180]);
        assert_eq!(rig.answered(code, "INVITE"), OnResponse::ToUser(id));
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Accepted".into()));
    }
}

#[test]
fn invite_client_proceeding_300_to_699_completed() {
    for code in [300, 699] {
        let (mut rig, id) = invite_client(&[180]);
        assert_eq!(rig.answered(code, "INVITE"), OnResponse::ToUser(id));
        assert_eq!((rig.what(), rig.state(id)), (vec!["ACK".to_owned()], "Completed".into()));
    }
}

/// RFC 3261 s17.1.4 holds in every state that may still send.
#[test]
fn invite_client_proceeding_transport_error_terminated() {
    let (mut rig, id) = invite_client(&[180]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned(), "over".into()], "Terminated".into()));
}

#[test]
fn invite_client_accepted_2xx_accepted() {
    let (mut rig, id) = invite_client(&[200]);
    for code in [200, 299] {
        assert_eq!(rig.answered(code, "INVITE"), OnResponse::ToUser(id));
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Accepted".into()));
    }
    // s8.4 names no other arrow: what is no 2xx is dropped.
    for code in [100, 180, 199, 300, 699] {
        assert_eq!(rig.answered(code, "INVITE"), OnResponse::Absorbed);
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Accepted".into()));
    }
}

#[test]
fn invite_client_accepted_timer_m_terminated() {
    let (mut rig, id) = invite_client(&[200]);
    assert_eq!((rig.pass(31_999), rig.state(id)), (vec![], "Accepted".into()));
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["over".to_owned()], "Terminated".into()));
}

#[test]
fn invite_client_completed_300_to_699_completed() {
    let (mut rig, id) = invite_client(&[486]);
    for code in [300, 486, 699] {
        assert_eq!(rig.answered(code, "INVITE"), OnResponse::Absorbed);
        assert_eq!((rig.what(), rig.state(id)), (vec!["ACK".to_owned()], "Completed".into()));
    }
    for code in [100, 199, 200, 299] {
        assert_eq!(rig.answered(code, "INVITE"), OnResponse::Absorbed);
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Completed".into()));
    }
}

#[test]
fn invite_client_completed_transport_error_terminated() {
    let (mut rig, id) = invite_client(&[486]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned(), "over".into()], "Terminated".into()));
}

#[test]
fn invite_client_completed_timer_d_terminated() {
    let (mut rig, id) = invite_client(&[486]);
    assert_eq!((rig.pass(31_999), rig.state(id)), (vec![], "Completed".into()));
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["over".to_owned()], "Terminated".into()));
}

// Figure 6: non-INVITE client.

#[test]
fn non_invite_client_start_request_from_tu_trying() {
    let (rig, id) = client(Method::Bye);
    assert_eq!(rig.state(id), "Trying");
}

#[test]
fn non_invite_client_trying_timer_e_trying() {
    let (mut rig, id) = bye_client(&[]);
    // MIN(2*T1, T2) and so on.
    for wait in [500, 1000, 2000, 4000, 4000] {
        assert_eq!(rig.pass(wait - 1), [""; 0]);
        assert_eq!((rig.pass(1), rig.state(id)), (vec!["BYE".to_owned()], "Trying".into()));
    }
}

#[test]
fn non_invite_client_trying_timer_f_terminated() {
    let (mut rig, id) = bye_client(&[]);
    rig.pass(31_999);
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["timeout".to_owned(), "over".into()], "Terminated".into()));
}

#[test]
fn non_invite_client_trying_transport_error_terminated() {
    let (mut rig, id) = bye_client(&[]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned(), "over".into()], "Terminated".into()));
}

#[test]
fn non_invite_client_trying_1xx_proceeding() {
    for code in [100, 199] {
        let (mut rig, id) = bye_client(&[]);
        assert_eq!(rig.answered(code, "BYE"), OnResponse::ToUser(id));
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Proceeding".into()));
    }
}

#[test]
fn non_invite_client_trying_200_to_699_completed() {
    for code in [200, 300, 699] {
        let (mut rig, id) = bye_client(&[]);
        assert_eq!(rig.answered(code, "BYE"), OnResponse::ToUser(id));
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Completed".into()));
    }
}

#[test]
fn non_invite_client_proceeding_timer_e_proceeding() {
    let (mut rig, id) = bye_client(&[100]);
    // The one that runs, then T2 each.
    for wait in [500, 4000, 4000] {
        assert_eq!(rig.pass(wait - 1), [""; 0]);
        assert_eq!((rig.pass(1), rig.state(id)), (vec!["BYE".to_owned()], "Proceeding".into()));
    }
}

#[test]
fn non_invite_client_proceeding_timer_f_terminated() {
    let (mut rig, id) = bye_client(&[100]);
    rig.pass(31_999);
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["timeout".to_owned(), "over".into()], "Terminated".into()));
}

#[test]
fn non_invite_client_proceeding_transport_error_terminated() {
    let (mut rig, id) = bye_client(&[100]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned(), "over".into()], "Terminated".into()));
}

#[test]
fn non_invite_client_proceeding_1xx_proceeding() {
    let (mut rig, id) = bye_client(&[100]);
    assert_eq!(rig.answered(199, "BYE"), OnResponse::ToUser(id));
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Proceeding".into()));
}

#[test]
fn non_invite_client_proceeding_200_to_699_completed() {
    for code in [200, 699] {
        let (mut rig, id) = bye_client(&[100]);
        assert_eq!(rig.answered(code, "BYE"), OnResponse::ToUser(id));
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Completed".into()));
    }
}

#[test]
fn non_invite_client_completed_timer_k_terminated() {
    let (mut rig, id) = bye_client(&[200]);
    for code in [100, 200, 500] {
        assert_eq!(rig.answered(code, "BYE"), OnResponse::Absorbed);
    }
    assert_eq!((rig.pass(4999), rig.state(id)), (vec![], "Completed".into()));
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["over".to_owned()], "Terminated".into()));
}

// Figure 7: INVITE server.

#[test]
fn invite_server_start_invite_proceeding() {
    let (mut rig, id) = invite_server(&[]);
    assert_eq!(rig.state(id), "Proceeding");
    assert_eq!(rig.pass(199), [""; 0]);
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["100".to_owned()], "Proceeding".into()));
}

#[test]
fn invite_server_proceeding_invite_proceeding() {
    let (mut rig, id) = invite_server(&[180]);
    assert_eq!(rig.received(&request("INVITE", BRANCH, "")), OnRequest::Absorbed);
    assert_eq!((rig.what(), rig.state(id)), (vec!["180".to_owned()], "Proceeding".into()));
}

#[test]
fn invite_server_proceeding_101_to_199_from_tu_proceeding() {
    let (mut rig, id) = invite_server(&[]);
    for code in [101, 180, 199] {
        rig.respond(id, code, "INVITE");
        assert_eq!((rig.what(), rig.state(id)), (vec![code.to_string()], "Proceeding".into()));
    }
}

#[test]
fn invite_server_proceeding_transport_error_proceeding() {
    let (mut rig, id) = invite_server(&[180]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned()], "Proceeding".into()));
}

#[test]
fn invite_server_proceeding_2xx_from_tu_accepted() {
    for code in [200, 299] {
        let (mut rig, id) = invite_server(&[]);
        rig.respond(id, code, "INVITE");
        assert_eq!((rig.what(), rig.state(id)), (vec![code.to_string()], "Accepted".into()));
    }
}

#[test]
fn invite_server_proceeding_300_to_699_from_tu_completed() {
    for code in [300, 699] {
        let (mut rig, id) = invite_server(&[]);
        rig.respond(id, code, "INVITE");
        assert_eq!((rig.what(), rig.state(id)), (vec![code.to_string()], "Completed".into()));
    }
}

#[test]
fn invite_server_accepted_invite_accepted() {
    let (mut rig, id) = invite_server(&[200]);
    assert_eq!(rig.received(&request("INVITE", BRANCH, "")), OnRequest::Absorbed);
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Accepted".into()));
}

#[test]
fn invite_server_accepted_ack_to_tu_accepted() {
    let (mut rig, id) = invite_server(&[200]);
    assert_eq!(rig.received(&request("ACK", BRANCH, "")), OnRequest::AckFor2xx(id));
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Accepted".into()));
}

#[test]
fn invite_server_accepted_2xx_from_tu_accepted() {
    let (mut rig, id) = invite_server(&[200]);
    for code in [200, 299] {
        rig.respond(id, code, "INVITE");
        assert_eq!((rig.what(), rig.state(id)), (vec![code.to_string()], "Accepted".into()));
    }
    for code in [100, 199, 300, 699] {
        rig.respond(id, code, "INVITE");
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Accepted".into()));
    }
}

#[test]
fn invite_server_accepted_transport_error_accepted() {
    let (mut rig, id) = invite_server(&[200]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned()], "Accepted".into()));
}

#[test]
fn invite_server_accepted_timer_l_terminated() {
    let (mut rig, id) = invite_server(&[200]);
    assert_eq!((rig.pass(31_999), rig.state(id)), (vec![], "Accepted".into()));
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["over".to_owned()], "Terminated".into()));
}

#[test]
fn invite_server_completed_invite_completed() {
    let (mut rig, id) = invite_server(&[486]);
    assert_eq!(rig.received(&request("INVITE", BRANCH, "")), OnRequest::Absorbed);
    assert_eq!((rig.what(), rig.state(id)), (vec!["486".to_owned()], "Completed".into()));
}

#[test]
fn invite_server_completed_timer_g_completed() {
    let (mut rig, id) = invite_server(&[486]);
    for wait in [500, 1000, 2000, 4000, 4000] {
        assert_eq!(rig.pass(wait - 1), [""; 0]);
        assert_eq!((rig.pass(1), rig.state(id)), (vec!["486".to_owned()], "Completed".into()));
    }
}

#[test]
fn invite_server_completed_transport_error_completed() {
    let (mut rig, id) = invite_server(&[486]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned()], "Completed".into()));
}

#[test]
fn invite_server_completed_timer_h_terminated() {
    let (mut rig, id) = invite_server(&[486]);
    rig.pass(31_999);
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["timeout".to_owned(), "over".into()], "Terminated".into()));
}

#[test]
fn invite_server_completed_ack_confirmed() {
    let (mut rig, id) = invite_server(&[486]);
    assert_eq!(rig.received(&request("ACK", BRANCH, "")), OnRequest::Absorbed);
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Confirmed".into()));
    // Timers G and H are off; more ACKs and INVITEs are absorbed, a transport error concerns nobody.
    assert_eq!(rig.received(&request("ACK", BRANCH, "")), OnRequest::Absorbed);
    assert_eq!(rig.received(&request("INVITE", BRANCH, "")), OnRequest::Absorbed);
    rig.fail(id);
    assert_eq!((rig.pass(4999), rig.state(id)), (vec![], "Confirmed".into()));
}

#[test]
fn invite_server_confirmed_timer_i_terminated() {
    let (mut rig, id) = invite_server(&[486]);
    rig.received(&request("ACK", BRANCH, ""));
    rig.pass(4999);
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["over".to_owned()], "Terminated".into()));
}

// Figure 8: non-INVITE server; RFC 4320 lets no 1xx but a late 100 out, RFC 6026 s8.8 keeps the state after a transport error.

#[test]
fn non_invite_server_start_request_trying() {
    let (mut rig, id) = bye_server(&[]);
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Trying".into()));
    // A repeat has no arrow: it is dropped.
    assert_eq!(rig.received(&request("BYE", BRANCH, "")), OnRequest::Absorbed);
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Trying".into()));
}

#[test]
fn non_invite_server_trying_1xx_from_tu_proceeding() {
    let (mut rig, id) = bye_server(&[]);
    rig.until(3499);
    rig.respond(id, 100, "BYE");
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Trying".into()));
    rig.until(3500);
    rig.respond(id, 100, "BYE");
    assert_eq!((rig.what(), rig.state(id)), (vec!["100".to_owned()], "Proceeding".into()));
}

#[test]
fn non_invite_server_trying_200_to_699_from_tu_completed() {
    for code in [200, 300, 699] {
        let (mut rig, id) = bye_server(&[]);
        rig.respond(id, code, "BYE");
        assert_eq!((rig.what(), rig.state(id)), (vec![code.to_string()], "Completed".into()));
    }
}

/// Nothing was sent, so no error can concern it.
#[test]
fn non_invite_server_trying_transport_error_trying() {
    let (mut rig, id) = bye_server(&[]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Trying".into()));
}

#[test]
fn non_invite_server_proceeding_request_proceeding() {
    let (mut rig, id) = bye_server(&[100]);
    assert_eq!(rig.received(&request("BYE", BRANCH, "")), OnRequest::Absorbed);
    assert_eq!((rig.what(), rig.state(id)), (vec!["100".to_owned()], "Proceeding".into()));
}

#[test]
fn non_invite_server_proceeding_1xx_from_tu_proceeding() {
    let (mut rig, id) = bye_server(&[100]);
    rig.respond(id, 100, "BYE");
    assert_eq!((rig.what(), rig.state(id)), (vec!["100".to_owned()], "Proceeding".into()));
    rig.respond(id, 180, "BYE");
    assert_eq!((rig.what(), rig.state(id)), (vec![], "Proceeding".into()));
}

#[test]
fn non_invite_server_proceeding_200_to_699_from_tu_completed() {
    for code in [200, 699] {
        let (mut rig, id) = bye_server(&[100]);
        rig.respond(id, code, "BYE");
        assert_eq!((rig.what(), rig.state(id)), (vec![code.to_string()], "Completed".into()));
    }
}

#[test]
fn non_invite_server_proceeding_transport_error_proceeding() {
    let (mut rig, id) = bye_server(&[100]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned()], "Proceeding".into()));
}

#[test]
fn non_invite_server_completed_request_completed() {
    let (mut rig, id) = bye_server(&[200]);
    assert_eq!(rig.received(&request("BYE", BRANCH, "")), OnRequest::Absorbed);
    assert_eq!((rig.what(), rig.state(id)), (vec!["200".to_owned()], "Completed".into()));
}

/// Any other final response of the user is discarded. s17.2.2.
#[test]
fn non_invite_server_completed_200_to_699_from_tu_completed() {
    let (mut rig, id) = bye_server(&[200]);
    for code in [100, 200, 500] {
        rig.respond(id, code, "BYE");
        assert_eq!((rig.what(), rig.state(id)), (vec![], "Completed".into()));
    }
}

#[test]
fn non_invite_server_completed_transport_error_completed() {
    let (mut rig, id) = bye_server(&[200]);
    rig.fail(id);
    assert_eq!((rig.what(), rig.state(id)), (vec!["error".to_owned()], "Completed".into()));
}

#[test]
fn non_invite_server_completed_timer_j_terminated() {
    let (mut rig, id) = bye_server(&[200]);
    assert_eq!((rig.pass(31_999), rig.state(id)), (vec![], "Completed".into()));
    assert_eq!((rig.pass(1), rig.state(id)), (vec!["over".to_owned()], "Terminated".into()));
}

/// Timers D, I, J and K are zero on reliable transports, A, E and G never run. RFC 3261 table 4; L and M run everywhere (RFC 6026 s7.1).
#[test]
fn reliable_transports_set_the_zero_timers() {
    let over = |id: TransactionId, rig: &Rig| rig.state(id) == "Terminated";
    for protocol in [Protocol::Tcp, Protocol::Tls, Protocol::Ws, Protocol::Wss] {
        let mut rig = Rig::new(protocol);
        let id = rig.send(Method::Invite);
        rig.answered(486, "INVITE");
        assert!(over(id, &rig), "timer D");
        let id = rig.send(Method::Bye);
        rig.answered(200, "BYE");
        assert!(over(id, &rig), "timer K");
        let id = rig.serve(&request("BYE", BRANCH, ""), None);
        rig.respond(id, 200, "BYE");
        assert!(over(id, &rig), "timer J");
        let id = rig.serve(&request("INVITE", BRANCH, ""), None);
        rig.respond(id, 486, "INVITE");
        rig.received(&request("ACK", BRANCH, ""));
        assert!(over(id, &rig), "timer I");
        assert!(rig.table.is_empty() && rig.table.next_timeout().is_none());
        let client = rig.send(Method::Invite);
        rig.answered(200, "INVITE");
        let server = rig.serve(&request("INVITE", BRANCH, ""), None);
        rig.respond(server, 200, "INVITE");
        rig.pass(31_999);
        assert_eq!((rig.state(client), rig.state(server)), ("Accepted".into(), "Accepted".into()));
        rig.pass(1);
        assert!(rig.table.is_empty());
    }
}

/// T1, T2 and T4 are values of the table. RFC 3261 table 4.
#[test]
fn every_timer_follows_t1_t2_and_t4() {
    let ms = Duration::from_millis;
    let timers = Timers { t1: ms(1000), t2: ms(2000), t4: ms(7000) };
    let fresh = || {
        let mut rig = Rig::new(Protocol::Udp);
        rig.table = Transactions::new(timers, Seeded::new(1, 2));
        assert_eq!(*rig.table.timers(), timers);
        rig
    };
    let mut rig = fresh();
    rig.send(Method::Invite);
    let a = rig.until(100_000);
    assert_eq!(a[..4], at(&[0, 1000, 3000, 7000], "INVITE")[..]);
    assert_eq!(a.last(), Some(&(64_000, "over".to_owned())));
    let mut rig = fresh();
    rig.send(Method::Bye);
    assert_eq!(rig.until(7000), at(&[0, 1000, 3000, 5000, 7000], "BYE"));
    rig.answered(200, "BYE");
    assert_eq!(rig.until(100_000), list(&[(14_000, "over")]), "timer K is T4");
    let mut rig = fresh();
    let id = rig.serve(&request("INVITE", BRANCH, ""), None);
    rig.respond(id, 486, "INVITE");
    assert_eq!(rig.until(5000), at(&[0, 1000, 3000, 5000], "486"));
    rig.received(&request("ACK", BRANCH, ""));
    assert_eq!(rig.until(100_000), list(&[(12_000, "over")]), "timer I is T4");
    let mut rig = fresh();
    rig.serve(&request("BYE", BRANCH, ""), Some(&response(100, "BYE", BRANCH)));
    assert_eq!(rig.until(1000), list(&[(1000, "100")]), "timer E of the client is at T2 after T1");
}
