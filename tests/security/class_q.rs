//! Class Q: amplification, forking, loops. RFC 3261 s8.2.2.2, s8.2.7; RFC 4475 s3.3.11; RFC 7339 s5.10.2.

use crate::uas::{Uas, request, source, to_tag};
use sipwright::agent::io::{Command, Input, Load};
use sipwright::base::Duration;

/// Refusals of every kind, in long and in compact form, never are more than three times the request, and leave nothing behind.
#[test]
fn refusals_are_stateless_and_at_most_three_times_the_request() {
    let mut uas = Uas::new(|_| {});
    let whole = |method: &str| request(method, 1, "");
    let mut asked = vec![
        whole("OPTIONS"),
        whole("NOTIFY"),
        whole("SUBSCRIBE"),
        whole("REGISTER"),
        whole("PUBLISH"),
        whole("FROBNICATE"),
        whole("CANCEL"),
        request("INVITE", 2, "Require: 100rel, timer, a, b, c\r\n"),
        whole("OPTIONS").replace("sip:bob@192.0.2.1 SIP", "urn:x:y SIP"),
        whole("BYE").replace("To: <sip:bob@192.0.2.1>", "To: <sip:bob@192.0.2.1>;tag=x"),
        whole("INVITE").replace("application/sdp", "text/x"),
        whole("OPTIONS").replace("SIP/2.0\r\nVia", "SIP/7.0\r\nVia"),
        whole("OPTIONS").replace("1 OPTIONS", "1 INVITE"),
    ];
    let compact: Vec<String> = asked
        .iter()
        .map(|text| {
            let mut text = text.replace("Max-Forwards: 70\r\n", "").replace("Contact: <sip:a@10.0.0.9>\r\n", "");
            for (long, short) in [("Via: ", "v:"), ("From: ", "f:"), ("To: ", "t:"), ("Call-ID: ", "i:")] {
                text = text.replace(long, short);
            }
            text
        })
        .collect();
    asked.extend(compact);
    for text in &asked {
        let answers = uas.datagram(source(1), text.as_bytes());
        assert_eq!(answers.len(), 1, "{text}");
        assert!(answers[0].len() <= 3 * text.len(), "{} for {}: {}", answers[0].len(), text.len(), answers[0]);
        assert!(!answers[0].contains("Retry-After"));
    }
    assert_eq!((uas.tables().transactions, uas.tables().calls), (0, 0));
    uas.sent.clear();
    uas.pass(Duration::from_secs(120));
    assert!(uas.sent.is_empty(), "nothing is sent again");
}

#[test]
fn a_repeat_of_a_refused_request_gets_the_same_answer_and_its_ack_nothing() {
    let mut uas = Uas::new(|c| c.max_calls = 0);
    let invite = request("INVITE", 1, "");
    let first = uas.datagram(source(1), invite.as_bytes());
    assert!(first[0].starts_with("SIP/2.0 503"), "{first:?}");
    assert_eq!(uas.datagram(source(1), invite.as_bytes()), first);
    let tag = to_tag(&first[0]).to_owned();
    let ack = request("ACK", 1, "").replace("To: <sip:bob@192.0.2.1>", &format!("To: <sip:bob@192.0.2.1>;tag={tag}"));
    assert!(uas.datagram(source(1), ack.as_bytes()).is_empty());
    assert_eq!(uas.tables().transactions, 0);
}

/// RFC 4475 s3.3.11: an endpoint takes Max-Forwards 0 as any other.
#[test]
fn an_endpoint_takes_requests_whose_max_forwards_is_zero() {
    let mut uas = Uas::new(|_| {});
    let zero = |method| request(method, 1, "").replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(uas.status(source(1), &zero("OPTIONS")), Some(200));
    uas.datagram(source(1), zero("INVITE").as_bytes());
    assert_eq!(uas.incoming(), 1);
}

/// RFC 3261 s8.2.2.2: the same request by another way.
#[test]
fn a_merged_request_gets_482() {
    let mut uas = Uas::new(|_| {});
    let invite = request("INVITE", 1, "");
    uas.datagram(source(1), invite.as_bytes());
    let other = invite.replace("branch=z9hG4bK1", "branch=z9hG4bKother");
    assert_eq!(uas.status(source(2), &other), Some(482));
    assert_eq!((uas.incoming(), uas.tables().calls), (1, 1));
}

/// A forged INVITE is answered a bounded number of times: RFC 3261 s13.3.1.4, s17.2.1.
#[test]
fn a_call_that_nobody_confirms_ends_after_a_bounded_number_of_repeats() {
    let mut uas = Uas::new(|_| {});
    uas.datagram(source(1), request("INVITE", 1, "").as_bytes());
    let call = uas.events[0].call;
    uas.sent.clear();
    uas.command(Command::Answer { call, options: Box::default() });
    uas.pass(Duration::from_secs(200));
    let oks = uas.answers().iter().filter(|a| a.starts_with("SIP/2.0 200")).count();
    assert!((2..=11).contains(&oks), "{oks} times 200 in 64*T1");
    assert!(uas.tables().is_empty(), "{:?}", uas.tables());
}

#[test]
fn a_draining_agent_refuses_new_work_and_serves_the_old() {
    let mut uas = Uas::new(|_| {});
    uas.datagram(source(1), request("INVITE", 1, "").as_bytes());
    uas.command(Command::Shutdown);
    for (method, n) in [("OPTIONS", 2), ("INVITE", 3), ("MESSAGE", 4)] {
        let answers = uas.datagram(source(1), request(method, n, "").as_bytes());
        assert!(answers[0].starts_with("SIP/2.0 503") && !answers[0].contains("Retry-After"), "{answers:?}");
    }
    assert_eq!(uas.counts().refused_closing, 3);
}

fn overloaded() -> Uas {
    let mut uas = Uas::new(|_| {});
    uas.datagram(source(1), request("INVITE", 1, "").as_bytes());
    for _ in 0..200 {
        uas.now += Duration::from_millis(10);
        uas.input(Input::Load(Load { delay: Duration::from_millis(210), fill_percent: 0 }));
    }
    uas
}

#[test]
fn under_load_new_work_gets_503_without_retry_after_and_calls_go_on() {
    let mut uas = overloaded();
    let mut refused = 0;
    for n in 100..300 {
        let answers = uas.datagram(source(2), request("INVITE", n, "").as_bytes());
        if answers.first().is_some_and(|a| a.starts_with("SIP/2.0 503")) {
            assert!(!answers[0].contains("Retry-After"), "{answers:?}");
            refused += 1;
        }
    }
    assert!(refused > 150 && uas.counts().refused_load == refused, "{refused} of 200");
    assert!(uas.counts().loss_percent > 80);
    // CANCEL of the call that is up: 200 to it, 487 to the INVITE.
    let answers = uas.datagram(source(1), request("CANCEL", 1, "").as_bytes());
    assert!(answers.iter().any(|a| a.starts_with("SIP/2.0 200")), "{answers:?}");
    assert!(answers.iter().any(|a| a.starts_with("SIP/2.0 487")), "{answers:?}");
    // An emergency goes first (RFC 5031).
    let before = uas.incoming();
    for n in 500..520 {
        let call = request("INVITE", n, "").replace("sip:bob@192.0.2.1 SIP", "sip:sos@192.0.2.1 SIP");
        uas.datagram(source(3), call.as_bytes());
    }
    assert_eq!(uas.incoming() - before, 20);
}

/// RFC 7339 s5.1, s5.2: the top Via of every response tells, and only those who asked.
#[test]
fn participants_are_told_and_others_are_not() {
    let mut calm = Uas::new(|_| {});
    let offer = |n| request("OPTIONS", n, "").replace(";rport", ";rport;oc;oc-algo=\"loss,rate\"");
    let told = calm.datagram(source(1), offer(1).as_bytes());
    assert!(told[0].contains(";oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq="), "{}", told[0]);
    assert!(!calm.datagram(source(1), request("OPTIONS", 2, "").as_bytes())[0].contains("oc"));
    let mut uas = overloaded();
    let told = uas.datagram(source(1), offer(3).as_bytes());
    let percent = uas.counts().loss_percent;
    assert!(told[0].contains(&format!(";oc={percent};oc-algo=\"loss\";oc-validity=500;oc-seq=")), "{}", told[0]);
    assert_eq!(told[0].matches("oc-algo").count(), 1);
}
