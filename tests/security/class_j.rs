//! Class J: memory exhaustion, state without authentication. Every bound is shown to be reached.

use crate::uas::{Uas, request, source};
use sipwright::agent::io::{Input, Load};
use sipwright::base::{Duration, limits};
use sipwright::guard::{Decision, Filter, Rate};

/// A length that no machine has makes nobody reserve memory for it.
#[test]
fn a_stream_with_a_content_length_of_two_gigabytes_is_closed() {
    let mut uas = Uas::new(|_| {});
    for (n, length) in ["2147483648", "4294967296", "99999999999999999999", "70000"].into_iter().enumerate() {
        let flow = uas.stream(n as u32);
        let text = request("OPTIONS", 1, "").replace("Content-Length: 0", &format!("Content-Length: {length}"));
        uas.input(Input::StreamData { flow, bytes: text.as_bytes() });
        assert_eq!(uas.closed.last(), Some(&flow), "{length}");
    }
}

#[test]
fn a_stream_that_never_says_a_whole_message_is_closed_and_its_buffer_is_bounded() {
    let mut uas = Uas::new(|_| {});
    let flow = uas.stream(1);
    let mut given = 0;
    uas.input(Input::StreamData { flow, bytes: b"OPTIONS sip:a SIP/2.0\r\n" });
    while uas.closed.is_empty() && given < 4 * limits::STREAM_BUFFER_BYTES {
        let line = format!("X-{given}: {}\r\n", "x".repeat(1000));
        given += line.len();
        uas.input(Input::StreamData { flow, bytes: line.as_bytes() });
    }
    assert!(!uas.closed.is_empty() && given <= limits::STREAM_BUFFER_BYTES + 2000, "{given}");
}

#[test]
fn streams_that_say_nothing_are_bounded_and_closed() {
    let mut uas = Uas::new(|_| {});
    for n in 0..limits::STREAMS as u32 + 100 {
        uas.stream(n);
    }
    assert_eq!((uas.tables().streams, uas.closed.len()), (limits::STREAMS, 100), "the bound is reached");
    uas.closed.clear();
    uas.pass(limits::STREAM_FIRST_MESSAGE + Duration::from_secs(1));
    assert_eq!(uas.closed.len(), limits::STREAMS);
}

#[test]
fn half_open_calls_are_bounded_and_all_is_freed() {
    const CALLS: usize = 500;
    let mut uas = Uas::new(|c| c.max_calls = CALLS);
    for n in 0..20_000 {
        uas.datagram(source(n % 1000), request("INVITE", n, "").as_bytes());
    }
    // The last 5 % are for those who are known.
    assert_eq!((uas.tables().calls, uas.incoming()), (475, 475), "the bound is reached");
    assert_eq!(uas.counts().refused_full, 19_525);
    assert!(uas.tables().transactions <= CALLS);
    let friend = uas.stream(5000);
    uas.agent.befriend(&friend, uas.now);
    for n in 0..100 {
        uas.datagram(source(5000), request("INVITE", 30_000 + n, "").as_bytes());
    }
    assert_eq!(uas.tables().calls, CALLS);
    uas.pass(Duration::from_secs(300));
    assert!(uas.tables().is_empty(), "{:?}", uas.tables());
}

#[test]
fn options_fill_no_table() {
    let mut uas = Uas::new(|_| {});
    for n in 0..20_000 {
        assert_eq!(uas.status(source(n % 1000), &request("OPTIONS", n, "")), Some(200));
    }
    assert_eq!((uas.tables().transactions, uas.tables().timers), (0, 0));
}

#[test]
fn garbage_is_answered_up_to_a_rate_then_dropped_then_its_source_is_banned_and_others_are_served() {
    let mut uas = Uas::new(|_| {});
    let bad = request("OPTIONS", 1, "").replace("1 OPTIONS", "1 INVITE");
    let answered = (0..1000).filter(|_| uas.status(source(1), &bad).is_some()).count();
    assert_eq!(answered, 60);
    let counts = uas.counts();
    assert_eq!((counts.malformed, counts.bans), (61, 1), "{counts:?}");
    assert_eq!(counts.banned, 1000 - 121);
    assert_eq!(uas.status(source(1), &request("OPTIONS", 2, "")), None);
    assert_eq!(uas.status(source(2), &request("OPTIONS", 3, "")), Some(200));
    uas.pass(Duration::from_secs(61));
    assert_eq!(uas.status(source(1), &request("OPTIONS", 4, "")), Some(200), "a minute later");
}

#[test]
fn a_source_above_its_rate_is_dropped_and_a_caller_elsewhere_comes_through() {
    let mut uas = Uas::new(|c| c.defence.requests = Rate { per_minute: 60, burst: 10 });
    let answered = (0..1000).filter(|n| uas.status(source(1), &request("OPTIONS", *n, "")).is_some()).count();
    assert_eq!((answered, uas.counts().bans), (10, 1));
    uas.datagram(source(2), request("INVITE", 5000, "").as_bytes());
    assert_eq!(uas.incoming(), 1);
}

#[test]
fn a_banned_stream_is_closed() {
    let mut uas = Uas::new(|c| c.defence.requests = Rate { per_minute: 60, burst: 10 });
    let flow = uas.stream(1);
    for n in 0..100 {
        let text = request("OPTIONS", n, "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
        uas.input(Input::StreamData { flow, bytes: text.as_bytes() });
    }
    assert!(uas.closed.contains(&flow) && uas.counts().bans == 1, "{:?}", uas.counts());
}

#[test]
fn scanners_are_dropped_on_request_only() {
    let scan = request("OPTIONS", 1, "User-Agent: friendly-scanner\r\n");
    let mut usual = Uas::new(|_| {});
    assert_eq!(usual.status(source(1), &scan), Some(200));
    let mut silent = Uas::new(|c| c.defence.drop_scanners = true);
    assert_eq!(silent.status(source(1), &scan), None);
    assert_eq!(silent.counts().scanners, 1);
    assert_eq!(silent.status(source(1), &request("OPTIONS", 2, "User-Agent: phone\r\n")), Some(200));
}

#[test]
fn a_filter_accepts_drops_and_refuses_and_its_failure_costs_one_request() {
    let mut uas = Uas::new(|c| {
        c.defence.filter = Some(Filter::new(|request| match request.header("X-Wish").next() {
            Some("drop") => Decision::Drop,
            Some("refuse") => Decision::Reject { status: 403, reason: "Not You".into() },
            Some("panic") => std::panic::resume_unwind(Box::new("a test")),
            _ => Decision::Accept,
        }));
    });
    let wish = |n, what: &str| request("OPTIONS", n, &format!("X-Wish: {what}\r\n"));
    assert_eq!(uas.status(source(1), &wish(1, "none")), Some(200));
    assert_eq!(uas.status(source(1), &wish(2, "drop")), None);
    assert!(uas.datagram(source(1), wish(3, "refuse").as_bytes())[0].starts_with("SIP/2.0 403 Not You\r\n"));
    assert_eq!(uas.status(source(1), &wish(4, "panic")), Some(500));
    let counts = uas.counts();
    assert_eq!((counts.filter_dropped, counts.filter_rejected, counts.filter_failures), (1, 1, 1));
    assert_eq!(uas.tables().transactions, 0);
}

#[test]
fn under_a_flood_strangers_are_refused_first() {
    let mut uas = Uas::new(|_| {});
    let friend = uas.stream(7);
    uas.agent.befriend(&friend, uas.now);
    for _ in 0..100 {
        uas.now += Duration::from_millis(10);
        uas.input(Input::Load(Load { delay: Duration::from_millis(90), fill_percent: 0 }));
    }
    let mut refused = |from, n| {
        let asked = n..n + 100;
        asked.filter(|n| uas.status(source(from), &request("OPTIONS", *n, "")) == Some(503)).count()
    };
    assert_eq!(refused(7, 1000), 0);
    assert!(refused(8, 2000) > 50);
}

#[test]
fn load_that_ends_leaves_no_trace() {
    let mut uas = Uas::new(|_| {});
    for delay in [500, 0] {
        for _ in 0..300 {
            uas.now += Duration::from_millis(10);
            uas.input(Input::Load(Load { delay: Duration::from_millis(delay), fill_percent: 0 }));
        }
    }
    assert_eq!(uas.counts().loss_percent, 0);
    assert_eq!(uas.status(source(1), &request("OPTIONS", 1, "")), Some(200));
}
