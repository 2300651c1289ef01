//! What the guard promises.

use super::*;
use crate::base::{Rng, WallClock};
use crate::message::{OverloadAlgorithm, OverloadFeedback, Via};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

fn at(ms: u64) -> Instant {
    Instant::from_micros(ms * 1000)
}

fn guard(config: &DefenceConfig) -> Guard {
    Guard::new(config, 1, Seeded::new(1, 2))
}

fn strict() -> Guard {
    guard(&DefenceConfig { requests: Rate { per_minute: 60, burst: 5 }, ..DefenceConfig::default() })
}

fn ip(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 | n).into()
}

#[test]
fn a_source_above_its_rate_is_dropped_then_banned_and_others_are_not() {
    let mut guard = strict();
    let passed = (0..20).filter(|_| guard.request(ip(1), Proof::Forgeable, at(0))).count();
    assert_eq!((passed, guard.counts().over_rate, guard.counts().bans), (5, 15, 1));
    assert!(guard.is_banned(ip(1), Proof::Forgeable, at(1)) && !guard.is_banned(ip(2), Proof::Forgeable, at(1)));
    assert!(guard.request(ip(2), Proof::Forgeable, at(1)));
    assert!(!guard.is_banned(ip(1), Proof::Proven, at(1)), "its streams may have nothing to do with it");
    assert!(!guard.is_banned(ip(1), Proof::Forgeable, at(60_001)), "a minute later it is over");
}

#[test]
fn bans_grow_to_their_cap_and_are_forgiven() {
    let config = DefenceConfig { malformed: Rate { per_minute: 60, burst: 1 }, ..DefenceConfig::default() };
    let mut guard = guard(&config);
    let mut now = 0;
    let mut lengths = Vec::new();
    for _ in 0..9 {
        while !guard.is_banned(ip(1), Proof::Forgeable, at(now)) {
            guard.malformed(ip(1), Proof::Forgeable, at(now));
        }
        let start = now;
        while guard.is_banned(ip(1), Proof::Forgeable, at(now)) {
            now += 1000;
        }
        lengths.push((now - start) / 1000);
    }
    assert_eq!(lengths, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
    now += 3_700_000;
    while !guard.is_banned(ip(1), Proof::Forgeable, at(now)) {
        guard.malformed(ip(1), Proof::Forgeable, at(now));
    }
    assert!(!guard.is_banned(ip(1), Proof::Forgeable, at(now + 60_000)), "the first ban again");
}

#[test]
fn nobody_is_looked_up_while_nobody_is_banned_and_zero_bans_nobody() {
    let mut guard = guard(&DefenceConfig { ban: Duration::ZERO, ..DefenceConfig::default() });
    for _ in 0..1000 {
        guard.malformed(ip(1), Proof::Forgeable, at(0));
    }
    assert_eq!((guard.counts().bans, guard.counts().malformed), (0, 940));
    assert!(!guard.is_banned(ip(1), Proof::Forgeable, at(1)));
}

#[test]
fn who_is_on_the_list_is_never_limited() {
    let allow = vec!["10.0.0.0/30".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    let mut guard =
        guard(&DefenceConfig { allow, requests: Rate { per_minute: 1, burst: 1 }, ..DefenceConfig::default() });
    let v6: IpAddr = "2001:db8::9".parse().unwrap();
    for source in [ip(1), v6] {
        assert!((0..1000).all(|_| guard.request(source, Proof::Forgeable, at(0))));
        assert!((0..1000).all(|_| guard.malformed(source, Proof::Forgeable, at(0))));
        assert!(!guard.is_banned(source, Proof::Forgeable, at(0)));
    }
    assert!((0..9).any(|_| !guard.request(ip(4), Proof::Forgeable, at(0))));
}

#[test]
fn forged_datagrams_cannot_ban_a_friend_but_its_own_wrong_passwords_can() {
    let mut guard = strict();
    guard.befriend(ip(1), at(0));
    for _ in 0..10_000 {
        guard.malformed(ip(1), Proof::Forgeable, at(1));
        guard.request(ip(1), Proof::Forgeable, at(1));
        guard.auth_failed(ip(1), Proof::Forgeable, at(1));
    }
    assert!(!guard.is_banned(ip(1), Proof::Forgeable, at(1)) && guard.counts().bans == 0);
    for _ in 0..100 {
        guard.auth_failed(ip(1), Proof::Proven, at(1));
    }
    assert!(guard.is_banned(ip(1), Proof::Forgeable, at(1)) && guard.is_banned(ip(1), Proof::Proven, at(1)));
}

#[test]
fn a_friend_has_ten_times_a_strangers_rate() {
    let mut guard = strict();
    guard.befriend(ip(1), at(0));
    let passed =
        |guard: &mut Guard, source| (0..200).filter(|_| guard.request(source, Proof::Forgeable, at(0))).count();
    assert_eq!((passed(&mut guard, ip(1)), passed(&mut guard, ip(2))), (50, 5));
}

#[test]
fn a_million_forged_sources_neither_grow_the_table_nor_push_out_a_friend() {
    let mut guard = strict();
    let friends: Vec<IpAddr> = (0..500).map(|n| ip(0x00ff_0000 | n)).collect();
    for friend in &friends {
        guard.befriend(*friend, at(0));
    }
    for n in 0..1_000_000u32 {
        guard.request(ip(n), Proof::Forgeable, at(1 + u64::from(n) / 1000));
    }
    let counts = guard.counts();
    assert_eq!(counts.sources, limits::GUARD_SOURCES as u64, "the bound is reached");
    assert!(counts.evicted > 900_000);
    assert_eq!(counts.friends, 500);
    assert!(friends.iter().all(|friend| guard.trusts(*friend, at(2000))));
    // An hour later nothing but friends is left.
    let mut now = at(2000);
    while let Some(due) = guard.next_timeout() {
        now = due;
        guard.handle_timeout(now);
    }
    assert_eq!((guard.counts().sources, guard.counts().friends), (500, 500));
    assert!(now < at(4_000_000));
}

#[test]
fn friends_make_place_for_friends_and_strangers_always_find_one() {
    let mut guard = strict();
    for n in 0..200_000u32 {
        guard.befriend(ip(n), at(u64::from(n)));
    }
    let counts = guard.counts();
    assert!(counts.friends <= limits::GUARD_SOURCES as u64 * 6 / 8 && counts.friends > 40_000, "{counts:?}");
    assert!(guard.request(ip(0x00aa_0001), Proof::Forgeable, at(300_000)));
    assert!(guard.trusts(ip(199_999), at(300_000)) && !guard.trusts(ip(0), at(300_000)));
    assert!(!guard.trusts(ip(199_999), at(300_000 + 25 * 3_600_000)), "a day later");
}

#[test]
fn a_host_cannot_hide_in_its_own_ipv6_network() {
    let mut guard = strict();
    let source = |n: u128| IpAddr::from(Ipv6Addr::from_bits((0x2001_0db8 << 96) | n));
    let passed = (0..100).filter(|n| guard.request(source(*n), Proof::Forgeable, at(0))).count();
    assert_eq!(passed, 5);
}

#[test]
fn a_filter_that_panics_refuses_and_odd_answers_are_made_good() {
    let text = "INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n\
        CSeq: 1 INVITE\r\nP-Asserted-Identity : <sip:x@h>\r\nX-Own: 1\r\nx-OWN: 2\r\nContent-Length: 0\r\n\r\n";
    let message = crate::message::Message::parse(text.as_bytes()).unwrap();
    let request = crate::message::check::request(&message).unwrap();
    let flow = crate::base::Flow::udp("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
    let view = Incoming::new(&request, flow, false);
    assert_eq!((view.method, view.uri, view.from, view.to), ("INVITE", "sip:b@h", "sip:a@h", "sip:b@h"));
    assert_eq!(view.header("from").count(), 1);
    assert_eq!(view.header("p-asserted-identity").collect::<Vec<_>>(), ["<sip:x@h>"]);
    assert_eq!(view.header("X-own").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(view.header("X-Other").count(), 0);
    assert!(view.raw().starts_with(b"INVITE"));
    let asked = |decision: Decision| Filter::new(move |_| decision.clone()).ask(&view);
    assert_eq!(asked(Decision::Drop), Decision::Drop);
    let reject = |status, reason: &str| Decision::Reject { status, reason: reason.into() };
    assert_eq!(asked(reject(603, "No")), reject(603, "No"));
    assert_eq!(asked(reject(200, "a\r\nb")), reject(403, ""));
    let panics = Filter::new(|_| std::panic::resume_unwind(Box::new("a test")));
    assert_eq!(panics.ask(&view), Decision::Failed);
}

/// A shard that serves `capacity` requests a second and gets `offered`: the share of capacity used after it settled.
fn goodput(offered: f64, capacity: f64, refusal_cost: f64) -> (f64, f64) {
    let mut admission = Admission::new(Duration::from_millis(100));
    let mut rng = Rng::new([3; 32]);
    let (mut queue, mut served, mut now) = (0.0f64, 0.0f64, 0u64);
    let mut longest = 0.0f64;
    for tick in 0..3000 {
        now += 10;
        let arrived = offered * 0.01;
        let admitted = (0..1000).filter(|_| admission.admits(Priority::Ordinary, rng.u64())).count() as f64 / 1000.0;
        let work = arrived * admitted + arrived * (1.0 - admitted) * refusal_cost;
        queue += work;
        let done = queue.min(capacity * 0.01);
        queue -= done;
        if tick >= 500 {
            served += done * (arrived * admitted / work);
            longest = longest.max(queue / capacity);
        }
        let delay = Duration::from_secs_f64(queue / capacity);
        admission.measured(Load { delay, fill_percent: 0 }, at(now));
    }
    (served / (capacity * 25.0), longest)
}

#[test]
fn at_three_times_the_capacity_the_shard_stays_busy_with_work_that_counts() {
    for (times, least) in [(0.5, 0.49), (0.95, 0.94), (1.5, 0.9), (3.0, 0.85)] {
        let (good, longest) = goodput(5000.0 * times, 5000.0, 0.04);
        assert!(good >= least, "{times} times: goodput {good:.3}");
        assert!(longest < 0.5, "{times} times: {longest:.3} s in the queue");
    }
}

#[test]
fn load_that_ends_is_forgotten_within_five_seconds() {
    let mut admission = Admission::new(Duration::from_millis(100));
    for ms in (0..2000).step_by(10) {
        admission.measured(Load { delay: Duration::from_secs(1), fill_percent: 100 }, at(ms));
    }
    assert!(admission.percent() > 90 && !admission.admits(Priority::Ordinary, 0));
    assert!(!admission.admits(Priority::High, 0), "beyond control nothing is let by");
    for ms in (2000..5000).step_by(10) {
        admission.measured(Load::default(), at(ms));
    }
    assert_eq!(admission.percent(), 0);
    assert!(admission.admits(Priority::Ordinary, 0));
}

#[test]
fn a_full_buffer_counts_as_load_and_priority_and_participants_are_let_by() {
    let mut admission = Admission::new(Duration::from_millis(100));
    for ms in (0..300).step_by(10) {
        admission.measured(Load { delay: Duration::ZERO, fill_percent: 80 }, at(ms));
    }
    assert!(admission.percent() > 20);
    assert!(!admission.admits(Priority::Ordinary, 0));
    assert!(admission.admits(Priority::Participant, 0) && admission.admits(Priority::High, 0));
    let mut off = Admission::new(Duration::ZERO);
    off.measured(Load { delay: Duration::from_secs(9), fill_percent: 100 }, at(0));
    off.measured(Load { delay: Duration::from_secs(9), fill_percent: 100 }, at(900));
    assert_eq!(off.percent(), 0);
}

#[test]
fn a_repeat_gets_the_same_verdict() {
    let mut admission = Admission::new(Duration::from_millis(100));
    for ms in (0..100).step_by(10) {
        admission.measured(Load { delay: Duration::from_millis(200), fill_percent: 0 }, at(ms));
    }
    let percent = admission.percent();
    assert!((5..60).contains(&percent), "{percent}");
    let mut rng = Rng::new([9; 32]);
    let refused = (0..10_000).filter(|_| !admission.admits(Priority::Ordinary, rng.u64())).count();
    assert!((refused as i64 / 100 - i64::from(percent)).abs() <= 2, "{refused} of 10000 at {percent} %");
    assert_eq!(admission.admits(Priority::Ordinary, 7), admission.admits(Priority::Ordinary, 7));
}

fn overloaded() -> Admission {
    let mut admission = Admission::new(Duration::from_millis(100));
    for ms in (0..150).step_by(10) {
        admission.measured(Load { delay: Duration::from_millis(200), fill_percent: 0 }, at(ms));
    }
    admission
}

fn participants() -> Participants {
    Participants::new(WallClock::new(1_767_225_600_000_000), Seeded::new(1, 2))
}

fn peer(n: u32) -> SocketAddr {
    SocketAddr::new(ip(n), 5060)
}

const LOSS: &str = "SIP/2.0/UDP h;branch=z9hG4bK1;oc;oc-algo=\"loss\"";
const RATE: &str = "SIP/2.0/UDP h;branch=z9hG4bK1;oc;oc-algo=\"rate,loss\"";

#[test]
fn a_participant_hears_that_there_is_no_overload_and_others_hear_nothing() {
    let idle = Admission::new(Duration::from_millis(100));
    let mut server = participants();
    let mut told = |via: &str| server.feedback(&Via::parse(via).unwrap(), peer(1), &idle, at(0));
    assert_eq!(told("SIP/2.0/UDP h;branch=z9hG4bK1"), None);
    let calm = told(LOSS).unwrap();
    assert_eq!((calm.value, calm.validity_ms, calm.algorithm), (0, 0, OverloadAlgorithm::Loss));
    let calm = told(RATE).unwrap();
    assert_eq!((calm.value, calm.validity_ms, calm.algorithm), (0, 0, OverloadAlgorithm::Rate));
}

#[test]
fn under_load_a_participant_gets_a_percentage_with_a_growing_sequence() {
    let mut admission = overloaded();
    let mut server = participants();
    let via = Via::parse(LOSS).unwrap();
    let first = server.feedback(&via, peer(1), &admission, at(150)).unwrap();
    assert_eq!((first.value, first.validity_ms), (admission.percent(), 500));
    admission.measured(Load { delay: Duration::from_secs(1), fill_percent: 0 }, at(160));
    let second = server.feedback(&via, peer(1), &admission, at(160)).unwrap();
    assert!(second.sequence > first.sequence && second.value > first.value);
    assert!(server.is_empty(), "loss needs no memory");
}

#[test]
fn under_load_a_participant_that_wants_a_rate_gets_less_and_less_until_it_fits() {
    let admission = overloaded();
    let mut server = participants();
    let via = Via::parse(RATE).unwrap();
    let mut rates = Vec::new();
    for ms in (0..2000).step_by(10) {
        let told = server.feedback(&via, peer(1), &admission, at(150 + ms)).unwrap();
        if told.algorithm == OverloadAlgorithm::Rate && rates.last() != Some(&told.value) {
            rates.push(told.value);
        }
    }
    assert!(rates.len() >= 3 && rates[0] < 100 && rates.windows(2).all(|w| w[1] < w[0]), "{rates:?}");
}

#[test]
fn the_table_of_participants_is_bounded_and_the_bound_is_reached() {
    let admission = overloaded();
    let mut server = participants();
    let via = Via::parse(RATE).unwrap();
    for n in 0..5000 {
        let told = server.feedback(&via, peer(n), &admission, at(150)).unwrap();
        assert!(told.validity_ms > 0);
    }
    assert_eq!(server.len(), limits::OVERLOAD_PEERS);
    server.feedback(&via, peer(9999), &admission, at(3_700_000)).unwrap();
    assert_eq!(server.len(), 1, "the silent ones made room");
}

fn asks(value: u32, algorithm: OverloadAlgorithm, sequence: u64) -> OverloadFeedback {
    OverloadFeedback { value, algorithm, validity_ms: 500, sequence }
}

#[test]
fn a_client_leaves_out_the_percentage_that_was_asked_for() {
    let mut client = Throttle::new(Seeded::new(1, 2));
    let mut rng = Rng::new([5; 32]);
    client.told(peer(1), asks(50, OverloadAlgorithm::Loss, 1000), at(0));
    let sent = (0..2000).filter(|_| client.allows(peer(1), Priority::Ordinary, at(100), &mut rng)).count();
    assert!((900..1100).contains(&sent), "{sent} of 2000");
    assert!(client.allows(peer(2), Priority::Ordinary, at(100), &mut rng), "another server");
    assert!(client.allows(peer(1), Priority::Ordinary, at(500), &mut rng), "not valid any more");
    assert!(client.is_empty());
}

#[test]
fn the_share_of_requests_in_dialogs_counts_and_they_are_not_held_back() {
    let mut client = Throttle::new(Seeded::new(1, 2));
    let mut rng = Rng::new([5; 32]);
    client.told(peer(1), asks(30, OverloadAlgorithm::Loss, 1000), at(0));
    let mut sent = 0;
    for _ in 0..2000 {
        client.sends_in_dialog(peer(1), at(1));
        sent += usize::from(client.allows(peer(1), Priority::Ordinary, at(1), &mut rng));
    }
    // 30 % of all is 60 % of half of them.
    assert!((700..900).contains(&sent), "{sent} of 2000");
    assert!((0..100).all(|_| client.allows(peer(1), Priority::High, at(1), &mut rng)), "emergencies go first");
}

#[test]
fn a_client_keeps_to_the_rate_that_was_asked_for() {
    let mut client = Throttle::new(Seeded::new(1, 2));
    let mut rng = Rng::new([5; 32]);
    let mut sent = 0;
    for ms in 0..10_000u64 {
        if ms % 400 == 0 {
            client.told(peer(1), asks(20, OverloadAlgorithm::Rate, 1000 + ms), at(ms));
        }
        sent += usize::from(client.allows(peer(1), Priority::Ordinary, at(ms), &mut rng));
    }
    assert!((195..=210).contains(&sent), "{sent} in 10 s at 20 per second");
    client.told(peer(1), asks(0, OverloadAlgorithm::Rate, 90_000), at(10_000));
    assert!(!client.allows(peer(1), Priority::High, at(10_001), &mut rng), "a rate of nothing is nothing");
}

#[test]
fn late_responses_change_nothing_and_the_end_ends_it() {
    let mut client = Throttle::new(Seeded::new(1, 2));
    let mut rng = Rng::new([5; 32]);
    client.told(peer(1), asks(100, OverloadAlgorithm::Loss, 1000), at(0));
    client.told(peer(1), asks(0, OverloadAlgorithm::Loss, 999), at(1));
    assert!(!client.allows(peer(1), Priority::Ordinary, at(2), &mut rng));
    client.told(peer(1), OverloadFeedback { validity_ms: 0, ..asks(0, OverloadAlgorithm::Loss, 1001) }, at(3));
    assert!(client.is_empty() && client.allows(peer(1), Priority::Ordinary, at(4), &mut rng));
    for n in 0..5000 {
        client.told(peer(n), asks(1, OverloadAlgorithm::Loss, 1), at(5));
    }
    assert_eq!(client.len(), limits::OVERLOAD_PEERS, "the bound is reached");
}
