//! Any order of events: no panic, no timer after the end, and nothing left 64*T1 after the last word.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Client(u8, bool),
    Response(u8, u16, bool),
    Request(u8, u8),
    Respond(usize, u16),
    Cancel(usize),
    Forget(usize),
    Fail(usize),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let code = prop::sample::select(vec![100u16, 180, 183, 200, 202, 302, 401, 408, 486, 487, 503, 603]);
    prop_oneof![
        (0u8..6, any::<bool>()).prop_map(|(b, i)| Step::Client(b, i)),
        (0u8..6, code.clone(), any::<bool>()).prop_map(|(b, c, i)| Step::Response(b, c, i)),
        (0u8..6, 0u8..4).prop_map(|(b, m)| Step::Request(b, m)),
        (any::<usize>(), code).prop_map(|(n, c)| Step::Respond(n, c)),
        any::<usize>().prop_map(Step::Cancel),
        any::<usize>().prop_map(Step::Forget),
        any::<usize>().prop_map(Step::Fail),
        (0u64..40_000).prop_map(Step::Pass),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_order_of_events_ends_empty(steps in prop::collection::vec(step(), 1..80), reliable in any::<bool>()) {
        let mut rig = Rig::new(if reliable { Protocol::Tcp } else { Protocol::Udp });
        let mut ids: Vec<TransactionId> = Vec::new();
        let mut servers: Vec<TransactionId> = Vec::new();
        let mut ended: Vec<TransactionId> = Vec::new();
        for step in steps {
            match step {
                Step::Client(b, invite) => {
                    let method = if invite { Method::Invite } else { Method::Options };
                    let bytes = Bytes::from(request(method.as_str(), &format!("z9hG4bK{b}"), ""));
                    ids.extend(rig.table.new_client(method, bytes, rig.flow, rig.now, &mut rig.out));
                }
                Step::Response(b, code, invite) => {
                    let text = response(code, if invite { "INVITE" } else { "OPTIONS" }, &format!("z9hG4bK{b}"));
                    let message = Message::parse(text.as_bytes()).unwrap();
                    let response = check::response(&message).unwrap();
                    if let OnResponse::ToUser(id) = rig.table.on_response(&response, rig.now, &mut rig.out) {
                        prop_assert!(!ended.contains(&id));
                    }
                }
                Step::Request(b, m) => {
                    let method = ["INVITE", "ACK", "CANCEL", "BYE"][usize::from(m)];
                    let text = request(method, &format!("z9hG4bK{b}"), "");
                    let message = Message::parse(text.as_bytes()).unwrap();
                    let request = check::request(&message).unwrap();
                    let seen = rig.table.on_request(&request, rig.flow, rig.now, &mut rig.out);
                    if matches!(seen, OnRequest::New | OnRequest::Cancel(_)) {
                        let trying = Some(Bytes::from(response(100, method, "z9hG4bK")));
                        let new = rig.table.new_server(&request, rig.flow, trying, rig.now);
                        prop_assert_eq!(new.is_none(), method == "ACK");
                        servers.extend(new);
                        ids.extend(new);
                    }
                }
                Step::Respond(n, code) if !servers.is_empty() => {
                    let id = servers[n % servers.len()];
                    rig.table.respond(id, code, Bytes::from(response(code, "INVITE", "x")), rig.now, &mut rig.out);
                }
                Step::Cancel(n) if !ids.is_empty() => {
                    rig.table.cancel(ids[n % ids.len()], rig.now, &mut rig.out);
                }
                Step::Forget(n) if !ids.is_empty() => {
                    let id = ids[n % ids.len()];
                    if !servers.contains(&id) {
                        rig.table.forget_client(id);
                    }
                }
                Step::Fail(n) if !ids.is_empty() => rig.fail(ids[n % ids.len()]),
                Step::Pass(ms) => {
                    let end = rig.now + Duration::from_millis(ms);
                    while let Some(at) = rig.table.next_timeout().filter(|at| *at <= end) {
                        rig.now = at;
                        rig.table.handle_timeout(at, &mut rig.out);
                        prop_assert!(rig.table.next_timeout().is_none_or(|next| next > at));
                    }
                    rig.now = end;
                }
                _ => {}
            }
            for action in rig.out.drain(..) {
                match action {
                    Action::Terminated(id) => {
                        prop_assert!(!ended.contains(&id) && !rig.table.contains(id));
                        ended.push(id);
                    }
                    Action::Timeout(id) | Action::TransportError(id) => prop_assert!(!ended.contains(&id)),
                    Action::Transmit(_) => {}
                }
            }
        }
        // Everybody says the last word.
        for id in &ids {
            rig.table.respond(*id, 486, Bytes::from_static(b"SIP/2.0 486 X\r\n\r\n"), rig.now, &mut rig.out);
            if !servers.contains(id) {
                rig.table.forget_client(*id);
            }
        }
        let end = rig.now + Duration::from_secs(32);
        while let Some(at) = rig.table.next_timeout().filter(|at| *at <= end) {
            rig.table.handle_timeout(at, &mut rig.out);
        }
        prop_assert!(rig.table.is_empty(), "{} left", rig.table.len());
        prop_assert_eq!(rig.table.next_timeout(), None);
        prop_assert!(rig.table.clients_on(&rig.flow).is_empty());
    }
}
