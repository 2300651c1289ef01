//! Every branch of RFC 3263 s4.1 and s4.2 by a table; what strangers' records can do.

use super::zone::Zone;
use super::{Answer, Hop, Kind, Lookup, Means, NoAnswer, Query, Question, Record};
use crate::base::{Protocol, Rng, limits};
use crate::message::Uri;
use proptest::prelude::*;

const ALL: [Protocol; 5] = [Protocol::Udp, Protocol::Tcp, Protocol::Tls, Protocol::Ws, Protocol::Wss];

fn means(protocols: &[Protocol]) -> Means {
    Means { protocols: protocols.to_vec(), v4: true, v6: true }
}

fn query(uri: &str) -> Query {
    Query::new(1, &Uri::parse(uri).unwrap()).unwrap()
}

/// Answers a look-up from a zone; the questions that it took.
fn run(lookup: &mut Lookup, mut answer: impl FnMut(&Question) -> Answer) -> Vec<String> {
    let mut asked = Vec::new();
    while let Some(question) = lookup.next_question() {
        asked.push(question.to_string());
        assert!(asked.len() < 1000, "it never ends");
        let answer = answer(&question);
        lookup.answer(&question, answer);
    }
    asked
}

fn shown(lookup: &Lookup) -> String {
    match lookup.outcome().expect("an outcome") {
        Ok(hops) => hops.iter().map(|hop| format!("{} {}", hop.protocol, hop.remote)).collect::<Vec<_>>().join(", "),
        Err(error) => format!("error: {error}"),
    }
}

fn with(uri: &str, zone: &str, protocols: &[Protocol]) -> (String, Vec<String>) {
    let zone = Zone::parse(zone).unwrap();
    let mut lookup = Lookup::new(&query(uri), means(protocols), Rng::new([1; 32]), true);
    let asked = run(&mut lookup, |question| zone.answer(question));
    (shown(&lookup), asked)
}

fn targets(uri: &str, zone: &str) -> String {
    with(uri, zone, &ALL).0
}

const ZONE: &str = "
    full.example NAPTR 50 50 s SIPS+D2T \"\" _sips._tcp.full.example
    full.example NAPTR 90 50 s SIP+D2T \"\" _sip._tcp.full.example
    full.example NAPTR 100 10 s SIP+D2U \"\" _sip._udp.full.example
    full.example NAPTR 100 20 s SIP+D2W \"\" _ws.full.example
    full.example NAPTR 100 30 s SIPS+D2W \"\" _wss.full.example
    full.example NAPTR 1 1 s SIP+D2S \"\" _sip._sctp.full.example
    full.example NAPTR 1 1 u E2U+sip \"!^.*$!sip:evil@evil.example!\" .
    full.example NAPTR 1 1 s SIP+D2U \"!.*!_sip._udp.evil.example!\" .
    full.example NAPTR 1 1 a SIP+D2U \"\" evil.example
    _sips._tcp.full.example SRV 0 0 5061 a.example
    _sip._tcp.full.example SRV 0 0 5070 a.example
    _sip._udp.full.example SRV 0 0 5080 a.example
    _sip._udp.full.example SRV 1 0 5080 b.example
    _ws.full.example SRV 0 0 8080 a.example
    _wss.full.example SRV 0 0 8443 a.example
    _sip._ws.full.example SRV 0 0 81 a.example
    full.example A 192.0.2.99
    a.example A 192.0.2.1
    b.example A 192.0.2.2
    srv.example A 192.0.2.99
    _sip._tcp.srv.example SRV 0 0 5070 a.example
    _sips._tcp.srv.example SRV 0 0 5071 a.example
    plain.example A 192.0.2.3
    plain.example AAAA 2001:db8::3
    plain.example A 192.0.2.4
    evil.example A 203.0.113.66
    half.example NAPTR 1 1 s SIP+D2T \"\" _missing.half.example
    half.example A 192.0.2.5
    sctp.example NAPTR 1 1 s SIP+D2S \"\" _sip._sctp.sctp.example
    sctp.example A 192.0.2.6
    no.example SRV 0 0 0 .
    _sip._udp.no.example SRV 0 0 0 .
    _sip._tcp.no.example SRV 0 0 0 .
    _sips._tcp.no.example SRV 0 0 0 .
    no.example A 192.0.2.7
    noudp.example A 192.0.2.8
    _sip._udp.noudp.example SRV 0 0 0 .
    alias.example CNAME plain.example
    _sip._tcp.salias.example CNAME _sip._tcp.srv.example
    l1.example CNAME l2.example
    l2.example CNAME l1.example
    dead.example FAULT servfail
    naptrdead.example FAULT timeout
    _sip._udp.naptrdead.example SRV 0 0 5060 a.example
    literal.example A 192.0.2.9
    _sip._udp.literal.example SRV 0 0 5060 192.0.2.77
";

#[test]
fn each_branch_of_transport_and_port_selection() {
    let table = [
        // s4.1: TARGET is numeric, or the URI names port or transport.
        ("sip:192.0.2.1", "udp 192.0.2.1:5060"),
        ("sip:[2001:db8::9]", "udp [2001:db8::9]:5060"),
        ("sips:192.0.2.1", "tls 192.0.2.1:5061"),
        ("sip:192.0.2.1:5099", "udp 192.0.2.1:5099"),
        ("sip:192.0.2.1;transport=tcp", "tcp 192.0.2.1:5060"),
        ("sip:192.0.2.1;transport=ws", "ws 192.0.2.1:80"),
        ("sips:192.0.2.1;transport=ws", "wss 192.0.2.1:443"),
        ("sip:full.example:5099", "udp 192.0.2.99:5099"),
        ("sips:full.example:5099", "tls 192.0.2.99:5099"),
        ("sip:full.example:5060", "udp 192.0.2.99:5060"),
        ("sip:full.example:5099;transport=tcp", "tcp 192.0.2.99:5099"),
        // s4.2: a transport without a port is an SRV query for it.
        ("sip:full.example;transport=tcp", "tcp 192.0.2.1:5070"),
        ("sip:full.example;transport=udp", "udp 192.0.2.1:5080, udp 192.0.2.2:5080"),
        ("sip:full.example;transport=tls", "tls 192.0.2.1:5061"),
        ("sips:full.example;transport=tcp", "tls 192.0.2.1:5061"),
        ("sip:full.example;transport=ws", "ws 192.0.2.1:81"),
        ("sip:plain.example;transport=tcp", "tcp [2001:db8::3]:5060, tcp 192.0.2.3:5060, tcp 192.0.2.4:5060"),
        ("sips:plain.example;transport=ws", "wss [2001:db8::3]:443, wss 192.0.2.3:443, wss 192.0.2.4:443"),
        // s4.1: NAPTR by order and preference; SIPS services serve sip URIs too; sips takes nothing else.
        (
            "sip:full.example",
            "tls 192.0.2.1:5061, tcp 192.0.2.1:5070, udp 192.0.2.1:5080, udp 192.0.2.2:5080, ws 192.0.2.1:8080, wss 192.0.2.1:8443",
        ),
        ("sips:full.example", "tls 192.0.2.1:5061, wss 192.0.2.1:8443"),
        // s4.1: no NAPTR: SRV for each transport of ours.
        ("sip:srv.example", "tcp 192.0.2.1:5070, tls 192.0.2.1:5071"),
        ("sips:srv.example", "tls 192.0.2.1:5071"),
        // s4.2: no SRV: addresses and the default port.
        ("sip:plain.example", "udp [2001:db8::3]:5060, udp 192.0.2.3:5060, udp 192.0.2.4:5060"),
        ("sips:plain.example", "tls [2001:db8::3]:5061, tls 192.0.2.3:5061, tls 192.0.2.4:5061"),
        ("sip:half.example", "tcp 192.0.2.5:5060"),
        ("sip:sctp.example", "udp 192.0.2.6:5060"),
        // RFC 2782: the target ".".
        ("sip:noudp.example", "tcp 192.0.2.8:5060"),
        (
            "sip:no.example",
            "error: no.example says in its SRV records (target \".\") that it offers no SIP; ask its owner",
        ),
        // Aliases.
        ("sip:alias.example:5060", "udp [2001:db8::3]:5060, udp 192.0.2.3:5060, udp 192.0.2.4:5060"),
        ("sip:salias.example;transport=tcp", "tcp 192.0.2.1:5070"),
        (
            "sip:l1.example:1",
            "error: cannot resolve l1.example: AAAA l2.example: its aliases (CNAME) do not end; check the name server",
        ),
        // maddr stands for the host (RFC 3261 s19.1.1).
        ("sip:nobody.example;maddr=192.0.2.42", "udp 192.0.2.42:5060"),
        ("sip:nobody.example;maddr=srv.example", "tcp 192.0.2.1:5070, tls 192.0.2.1:5071"),
        // What strangers write.
        ("sip:literal.example", "udp 192.0.2.77:5060"),
        ("sip:naptrdead.example", "udp 192.0.2.1:5060"),
        ("sip:gone.example", "error: cannot resolve gone.example: no such name; check the spelling"),
        ("sip:example", "error: cannot resolve example: it has no address; check its DNS records"),
        (
            "sip:dead.example:5060",
            "error: cannot resolve dead.example: AAAA dead.example: servfail; check the name server",
        ),
        ("sip:a..b", "error: \"a..b\" is no host name (RFC 1035 s2.3.4); check the URI"),
    ];
    for (uri, wanted) in table {
        assert_eq!(targets(uri, ZONE), wanted, "{uri}");
    }
}

#[test]
fn what_we_cannot_speak_is_passed_over() {
    use Protocol::{Tcp, Tls, Udp, Ws};
    let table: [(&str, &[Protocol], &str); 8] = [
        ("sip:full.example", &[Udp, Tcp], "tcp 192.0.2.1:5070, udp 192.0.2.1:5080, udp 192.0.2.2:5080"),
        ("sip:srv.example", &[Udp, Tcp], "tcp 192.0.2.1:5070"),
        ("sip:srv.example", &[Tls, Udp, Tcp], "tls 192.0.2.1:5071, tcp 192.0.2.1:5070"),
        ("sip:plain.example:5060", &[Tcp], "tcp [2001:db8::3]:5060, tcp 192.0.2.3:5060, tcp 192.0.2.4:5060"),
        ("sip:half.example", &[Ws], "ws 192.0.2.5:80"),
        (
            "sips:full.example",
            &[Udp, Tcp],
            "error: tls cannot be used here, only udp, tcp; change the URI, or listen on tls://",
        ),
        (
            "sip:full.example;transport=ws",
            &[Udp],
            "error: ws cannot be used here, only udp; change the URI, or listen on ws://",
        ),
        ("sip:192.0.2.1", &[], "error: udp cannot be used here, only nothing; change the URI, or listen on udp://"),
    ];
    for (uri, protocols, wanted) in table {
        assert_eq!(with(uri, ZONE, protocols).0, wanted, "{uri} {protocols:?}");
    }
}

#[test]
fn no_question_is_asked_that_is_not_needed_or_twice() {
    let asked = |uri: &str, protocols: &[Protocol]| with(uri, ZONE, protocols).1;
    let udp = [Protocol::Udp];
    assert_eq!(asked("sip:192.0.2.1", &ALL), Vec::<String>::new());
    assert_eq!(asked("sip:plain.example:5060", &udp), ["AAAA plain.example", "A plain.example"]);
    assert_eq!(
        asked("sip:plain.example;transport=udp", &udp),
        ["SRV _sip._udp.plain.example", "AAAA plain.example", "A plain.example"]
    );
    assert_eq!(asked("sip:plain.example", &udp)[0], "NAPTR plain.example");
    let all = asked("sip:full.example", &ALL);
    assert_eq!(all.iter().filter(|q| *q == "A a.example").count(), 1, "{all:?}");
    assert!(!all.iter().any(|q| q.contains("evil")), "{all:?}");
    let mut v4 =
        Lookup::new(&query("sip:plain.example:1"), Means { v6: false, ..means(&ALL) }, Rng::new([1; 32]), false);
    assert_eq!(v4.next_question().unwrap().kind, Kind::A);
    assert_eq!(v4.next_question(), None);
}

#[test]
fn a_look_up_says_what_it_did_when_asked_to() {
    let zone = Zone::parse(ZONE).unwrap();
    let mut lookup = Lookup::new(&query("sip:full.example"), means(&ALL), Rng::new([1; 32]), true);
    run(&mut lookup, |question| zone.answer(question));
    let text: Vec<String> = lookup.steps().iter().map(|s| format!("{}: {}", s.rule, s.text)).collect();
    let has = |part: &str| assert!(text.iter().any(|line| line.contains(part)), "{part}: {text:#?}");
    has("RFC 3263 s4.1: no transport and no port");
    has("regular expression");
    has("its flag is not s");
    has("DNS: full.example: NAPTR 50 50 \"s\" \"SIPS+D2T\"");
    has("RFC 2782: order by priority");
    has("RFC 7984 s3.1");
    let mut quiet = Lookup::new(&query("sip:full.example"), means(&ALL), Rng::new([1; 32]), false);
    run(&mut quiet, |question| zone.answer(question));
    assert!(quiet.steps().is_empty() && quiet.outcome() == lookup.outcome());
}

#[test]
fn a_thousand_srv_records_and_endless_aliases_stay_within_bounds() {
    let srv = |n: u16| Record::Srv { priority: n % 7, weight: n, port: 5060, target: format!("h{n}.example") };
    let mut lookup = Lookup::new(&query("sip:x.example;transport=udp"), means(&ALL), Rng::new([2; 32]), false);
    let asked = run(&mut lookup, |question| match question.kind {
        Kind::Srv => Ok((0..10_000).map(srv).collect()),
        Kind::A => Ok((0..1000u32).map(|n| Record::A((0x0A00_0000 + n).into())).collect()),
        _ => Err(NoAnswer::NoRecord),
    });
    assert_eq!(lookup.outcome().unwrap().as_ref().unwrap().len(), limits::TARGETS);
    assert_eq!(asked.len(), 1 + 2 * limits::TARGETS);

    let mut n = 0;
    let mut lookup = Lookup::new(&query("sip:x.example:5060"), means(&ALL), Rng::new([2; 32]), false);
    let asked = run(&mut lookup, |_| {
        n += 1;
        Ok(vec![Record::Cname(format!("n{n}.example"))])
    });
    assert_eq!(asked.len(), 2 * (limits::DNS_ALIASES + 1));
    assert!(shown(&lookup).contains("do not end"));
}

#[test]
fn answers_to_other_questions_and_repeats_change_nothing() {
    let mut lookup = Lookup::new(&query("sip:plain.example:5060"), means(&ALL), Rng::new([2; 32]), false);
    let stray = Question { kind: Kind::A, name: "evil.example".into() };
    lookup.answer(&stray, Ok(vec![Record::A([203, 0, 113, 66].into())]));
    let a = Question { kind: Kind::A, name: "plain.example".into() };
    lookup.answer(&a, Ok(vec![Record::A([192, 0, 2, 3].into())]));
    lookup.answer(&a, Ok(vec![Record::A([203, 0, 113, 66].into())]));
    assert_eq!(lookup.outcome(), None);
    lookup.answer(&Question { kind: Kind::Aaaa, ..a }, Err(NoAnswer::NoRecord));
    assert_eq!(shown(&lookup), "udp 192.0.2.3:5060");
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![Just(".".to_owned()), "[abc]{1,2}(\\.[ab])?", "\\PC{0,20}", Just("x.example".to_owned())]
}

fn any_record() -> impl Strategy<Value = Record> {
    let services = prop_oneof![Just("SIP+D2U"), Just("SIP+D2T"), Just("sips+d2t"), Just("SIP+D2W"), Just("x")];
    prop_oneof![
        (any::<u16>(), any::<u16>(), "[sSaAuU]?", services, "!?", any_name()).prop_map(
            |(order, preference, flags, services, regexp, replacement)| Record::Naptr {
                order,
                preference,
                flags,
                services: services.into(),
                regexp,
                replacement
            }
        ),
        (any::<u16>(), any::<u16>(), any::<u16>(), any_name())
            .prop_map(|(priority, weight, port, target)| Record::Srv { priority, weight, port, target }),
        any::<[u8; 4]>().prop_map(|ip| Record::A(ip.into())),
        any::<[u8; 16]>().prop_map(|ip| Record::Aaaa(ip.into())),
        any_name().prop_map(Record::Cname),
    ]
}

proptest! {
    #[test]
    fn any_answers_lead_to_a_bounded_end_and_the_same_seed_to_the_same(
        seed in any::<[u8; 32]>(),
        uri in prop_oneof![
            Just("sip:x.example"), Just("sips:x.example"), Just("sip:x.example;transport=tcp"), Just("sip:x.example:99")
        ],
        answers in prop::collection::vec(prop::collection::vec(any_record(), 0..30), 1..20),
    ) {
        let once = || {
            let mut lookup = Lookup::new(&query(uri), means(&ALL), Rng::new(seed), false);
            let mut next = answers.iter().cycle();
            let asked = run(&mut lookup, |_| match next.next() {
                Some(records) if !records.is_empty() => Ok(records.clone()),
                _ => Err(NoAnswer::NoName),
            });
            (lookup.outcome().cloned().expect("an end"), asked)
        };
        let (outcome, asked) = once();
        prop_assert_eq!(once(), (outcome.clone(), asked));
        let hops: Vec<Hop> = outcome.unwrap_or_default();
        prop_assert!(hops.len() <= limits::TARGETS);
        if uri.starts_with("sips") {
            prop_assert!(hops.iter().all(|hop| hop.protocol.is_secure()));
        }
    }
}
