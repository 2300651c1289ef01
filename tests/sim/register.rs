//! Registration against scripted registrars: digest, refusals, intervals, back-off, unregistering.

use crate::support::{B, seconds};
use sipwright::agent::io::{AccountConfig, Command, Event, EventKind, Outcome};
use sipwright::auth::{AuthConfig, DigestServer, Subject, Verdict};
use sipwright::base::Rng;
use sipwright::base::id::AccountId;
use sipwright::message::{Message, Name, Writer, check};
use sipwright::sim::{Conditions, HostId, World};
use std::cell::RefCell;
use std::rc::Rc;

/// What a registrar saw: (Expires, answered status).
type Log = Rc<RefCell<Vec<(u32, u16)>>>;

struct Case {
    world: World,
    a: HostId,
    account: AccountId,
    log: Log,
}

/// How the registrar behaves towards a request that proved itself.
type Rule = fn(n: usize, expires: u32) -> (u16, Vec<(Name, String)>);

fn grant(_: usize, _: u32) -> (u16, Vec<(Name, String)>) {
    (200, Vec::new())
}

impl Case {
    fn new(seed: u64, conditions: Conditions, password: &str, rule: Rule) -> Self {
        let mut world = World::new(seed, conditions);
        let log: Log = Rc::default();
        let seen = Rc::clone(&log);
        let users = AuthConfig::realm("example.net").user("alice", "secret");
        let mut digest = DigestServer::new(&users, &mut Rng::new([9; 32]));
        world.scripted(B.parse().unwrap(), move |bytes, _, now| {
            let message = Message::parse(bytes).unwrap();
            let request = check::request(&message).unwrap();
            assert_eq!(request.method.as_str(), "REGISTER");
            let method = request.method.as_str();
            let proven = request.authorizations().next().map(|(_, authorization)| {
                let subject = Subject { method, uri: request.uri, body: request.body() };
                digest.verify(&authorization, &subject, now)
            });
            let expires = request.expires().unwrap_or(0);
            let (status, headers) = match proven {
                Some(Verdict::Proven { .. }) => rule(seen.borrow().len(), expires),
                other => {
                    let stale = matches!(other, Some(Verdict::Stale));
                    let challenges = digest.challenge(stale, now);
                    (401, challenges)
                }
            };
            seen.borrow_mut().push((expires, status));
            let mut out = Vec::new();
            let mut w = Writer::response(&mut out, status, sipwright::message::reason_phrase(status));
            w.copy(&message, Name::Via).copy(&message, Name::From);
            w.header_fmt(Name::To, format_args!("{};tag=registrar", message.header(Name::To).unwrap()));
            w.copy(&message, Name::CallId).copy(&message, Name::CSeq);
            for (name, value) in headers {
                w.header(name, value);
            }
            if status == 200 && expires > 0 {
                let contact = message.header(Name::Contact).unwrap();
                w.header_fmt(
                    Name::Contact,
                    format_args!("<sip:other@192.0.2.77>;expires=11, {contact};expires={expires}"),
                );
            }
            w.finish(None, b"");
            vec![out]
        });
        let a = world.host("192.0.2.1".parse().unwrap(), 1, |_| {});
        world.name("example.net", &[B.parse().unwrap()]);
        let account = world.account_with(
            a,
            AccountConfig {
                aor: "sip:alice@example.net".into(),
                password: password.into(),
                register: true,
                expires_s: 600,
                ..AccountConfig::default()
            },
        );
        Case { world, a, account, log }
    }

    fn next(&mut self) -> Event {
        self.world.next_event().expect("something is told").1
    }

    fn registered(&mut self) -> u32 {
        match self.next().kind {
            EventKind::Registered { expires_s } => expires_s,
            other => panic!("{other:?}"),
        }
    }

    fn failed(&mut self) -> Outcome {
        match self.next().kind {
            EventKind::RegisterFailed(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn registers_with_digest_and_refreshes_without_a_new_challenge() {
    for seed in 0..10 {
        let mut case = Case::new(seed, Conditions::BAD, "secret", grant);
        assert_eq!(case.registered(), 600);
        let first = case.world.now();
        assert_eq!(case.registered(), 600);
        let refreshed = case.world.now() - first;
        assert!(refreshed >= seconds(440) && refreshed < seconds(490), "{refreshed:?}");
        // The refresh carries credentials at once (s22.2): it is never challenged.
        let log = case.log.borrow();
        let challenged = log.iter().filter(|(_, status)| *status == 401).count();
        let after = log.iter().rev().take(1).all(|(_, status)| *status == 200);
        assert!(challenged >= 1 && after, "{log:?}");
    }
}

#[test]
fn a_wrong_password_fails_once_and_is_tried_again_much_later() {
    let mut case = Case::new(1, Conditions::GOOD, "wrong", grant);
    let outcome = case.failed();
    assert_eq!((outcome.status, outcome.by_peer), (401, true));
    assert!(outcome.reason.contains("password"), "{}", outcome.reason);
    let tries = case.log.borrow().len();
    assert!(tries <= 3, "{tries} requests: credentials must not be hammered");
    case.failed();
    assert!(case.world.now().as_micros() >= 15_000_000);
}

#[test]
fn a_registrar_that_wants_longer_intervals_gets_them() {
    let mut case = Case::new(1, Conditions::GOOD, "secret", |_, expires| {
        if expires < 1800 { (423, vec![(Name::MinExpires, "1800".into())]) } else { (200, Vec::new()) }
    });
    assert_eq!(case.registered(), 1800);
}

#[test]
fn removing_the_account_ends_the_binding() {
    let mut case = Case::new(1, Conditions::BAD, "secret", grant);
    case.registered();
    let account = case.account;
    case.world.command(case.a, Command::RemoveAccount { account });
    assert!(matches!(case.next().kind, EventKind::AccountRemoved));
    assert_eq!(case.log.borrow().last().map(|(expires, _)| *expires), Some(0));
    case.world.run(seconds(60));
    assert!(case.world.is_idle(case.a));
}

#[test]
fn a_registrar_that_is_away_is_tried_again() {
    let mut case = Case::new(1, Conditions { loss: 1.0, ..Conditions::GOOD }, "secret", grant);
    let outcome = case.failed();
    assert_eq!((outcome.status, outcome.local), (408, true));
    case.world.conditions(Conditions::GOOD);
    assert_eq!(case.registered(), 600);
}

#[test]
fn shutdown_unregisters() {
    let mut case = Case::new(1, Conditions::GOOD, "secret", grant);
    case.registered();
    case.world.command(case.a, Command::Shutdown);
    case.world.run(seconds(5));
    assert!(case.world.is_idle(case.a));
    assert_eq!(case.log.borrow().last().map(|(expires, _)| *expires), Some(0));
}
