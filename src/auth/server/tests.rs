//! The digest server against our own client and against hand-made credentials.

use super::super::client::{Challenged, Credentials, DigestCache, Rounds, Scope};
use super::*;
use crate::message::Message;

fn at(s: u64) -> Instant {
    Instant::from_micros(s * 1_000_000)
}

fn config(realm: &str) -> AuthConfig {
    AuthConfig::realm(realm).user("bob", "pw").user("carol", "other")
}

fn server(config: &AuthConfig) -> DigestServer {
    DigestServer::new(config, &mut Rng::new([1; 32]))
}

/// What a client with this user and password sends after a challenge of `server`.
fn answer(server: &mut DigestServer, (user, password): (&str, &str), now: Instant) -> String {
    let fields: String = server.challenge(false, now).iter().map(|(n, v)| format!("{}: {v}\r\n", n.as_str())).collect();
    let text = format!("SIP/2.0 {} x\r\n{fields}\r\n", server.status());
    let credentials = Credentials { user: user.into(), password: password.into(), ..Credentials::default() };
    let next_hop = "192.0.2.1:5060".parse().unwrap();
    let scope = Scope { method: "INVITE", uri: "sip:b@h", host: "h", next_hop, body: b"body" };
    let (mut cache, mut rounds) = (DigestCache::new(), Rounds::default());
    let message = Message::parse(text.as_bytes()).unwrap();
    let mut rng = Rng::new([9; 32]);
    assert_eq!(cache.challenged(&mut rounds, &credentials, &scope, &message, &mut rng), Challenged::Answer);
    cache.authorize(&mut rounds, &credentials, &scope).remove(0).1
}

fn verify(server: &mut DigestServer, value: &str, subject: Subject<'_>, now: Instant) -> Verdict {
    server.verify(&Authorization::parse(value).unwrap(), &subject, now)
}

const INVITE: Subject<'_> = Subject { method: "INVITE", uri: "sip:b@h", body: b"body" };

fn proven(user: &str) -> Verdict {
    Verdict::Proven { user: user.into() }
}

/// Credentials made by hand: what no client of ours would send.
fn by_hand(server: &mut DigestServer, algorithm: Algorithm, qop: Option<(Qop, u32, &str)>, body: &[u8]) -> String {
    let challenge = server.challenge(false, at(1)).remove(0).1;
    let nonce = crate::message::Challenge::parse(&challenge).unwrap().get("nonce").unwrap().into_owned();
    let secret = Secret::Password("pw");
    let (realm, method, uri) = ("r", "INVITE", "sip:b@h");
    let response = Response { algorithm, user: "bob", realm, secret, method, uri, body, nonce: &nonce, qop }.compute();
    let mut out = format!(
        "Digest username=\"bob\", realm=\"r\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", algorithm={}",
        algorithm.as_str()
    );
    if let Some((qop, nc, cnonce)) = qop {
        out.push_str(&format!(", qop={}, nc={nc:08x}, cnonce=\"{cnonce}\"", qop.as_str()));
    }
    out
}

#[test]
fn one_header_field_per_algorithm_best_first() {
    let mut config = config("a \"b\"");
    config.algorithms = vec![Algorithm::Sha512_256, Algorithm::Sha256, Algorithm::Md5];
    config.qop = vec![Qop::Auth, Qop::AuthInt];
    let mut server = server(&config);
    let fields = server.challenge(true, at(1));
    let nonce = crate::message::Challenge::parse(&fields[0].1).unwrap().get("nonce").unwrap().into_owned();
    let expected = ["SHA-512-256", "SHA-256", "MD5"].map(|algorithm| {
        let value = format!(
            "Digest realm=\"a \\\"b\\\"\", nonce=\"{nonce}\", qop=\"auth,auth-int\", algorithm={algorithm}, stale=true"
        );
        (Name::WwwAuthenticate, value)
    });
    assert_eq!(fields, expected);
    assert!(server.challenge(false, at(1)).iter().all(|(_, value)| !value.contains("stale")));
    assert_eq!(server.status(), 401);
    config.proxy = true;
    let mut proxy = super::super::server::DigestServer::new(&config, &mut Rng::new([1; 32]));
    assert_eq!((proxy.status(), proxy.challenge(false, at(1))[0].0), (407, Name::ProxyAuthenticate));
}

#[test]
fn right_wrong_and_for_another_request() {
    let mut server = server(&config("r \"q\""));
    let value = answer(&mut server, ("bob", "pw"), at(1));
    assert!(value.contains("algorithm=SHA-256"));
    assert_eq!(verify(&mut server, &value, Subject { method: "BYE", ..INVITE }, at(1)), Verdict::Denied);
    assert_eq!(verify(&mut server, &value, INVITE, at(2)), proven("bob"));
    let wrong = answer(&mut server, ("bob", "no"), at(1));
    assert_eq!(verify(&mut server, &wrong, INVITE, at(1)), Verdict::Denied);
    // Another user's name, known or not.
    for name in ["eve", "carol"] {
        let value = answer(&mut server, ("bob", "pw"), at(1)).replace("bob", name);
        assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Denied, "{name}");
    }
    assert_eq!(verify(&mut server, "Digest username=\"bob\"", INVITE, at(1)), Verdict::Denied);
    for (user, password) in [("bob", "pw"), ("carol", "other")] {
        let value = answer(&mut server, (user, password), at(1));
        assert_eq!(verify(&mut server, &value, INVITE, at(1)), proven(user));
    }
}

#[test]
fn each_missing_or_changed_parameter_denies() {
    for change in [
        ("username=\"bob\", ", ""),
        ("realm=\"r\", ", ""),
        ("nonce=", "nonsense="),
        ("uri=", "uro="),
        ("response=", "responsa="),
        ("response=\"", "response=\"0"),
        ("realm=\"r\"", "realm=\"s\""),
        ("algorithm=SHA-256", "algorithm=MD5"),
        ("algorithm=SHA-256", "algorithm=SHA-1"),
        (", algorithm=SHA-256", ""),
        ("qop=auth", "qop=auth-int"),
        ("qop=auth", "qop=magic"),
        ("nc=00000001", "nc=0000000g"),
        ("nc=00000001", "nc=1"),
        ("nc=00000001", "nc=00000002"),
        (", nc=00000001", ""),
        ("cnonce=\"", "cnonce=\"x"),
        ("cnonce=", "cnunce="),
    ] {
        let mut server = server(&config("r"));
        let value = answer(&mut server, ("bob", "pw"), at(1));
        let changed = value.replacen(change.0, change.1, 1);
        assert_ne!(changed, value, "{change:?}");
        assert_eq!(verify(&mut server, &changed, INVITE, at(1)), Verdict::Denied, "{change:?}");
        assert_eq!(server.nonces(), 0, "what is wrong leaves nothing: {change:?}");
        assert_eq!(verify(&mut server, &value, INVITE, at(1)), proven("bob"), "and spends nothing: {change:?}");
    }
}

#[test]
fn every_algorithm_and_qop_that_is_offered_works() {
    for algorithm in [
        Algorithm::Md5,
        Algorithm::Md5Sess,
        Algorithm::Sha256,
        Algorithm::Sha256Sess,
        Algorithm::Sha512_256,
        Algorithm::Sha512_256Sess,
    ] {
        for qop in [Qop::Auth, Qop::AuthInt] {
            let config = AuthConfig { algorithms: vec![algorithm], qop: vec![qop], ..config("r") };
            let mut server = server(&config);
            let value = answer(&mut server, ("bob", "pw"), at(1));
            let other = Subject { body: b"evil", ..INVITE };
            if qop == Qop::AuthInt {
                assert_eq!(verify(&mut server, &value, other, at(1)), Verdict::Denied, "the body is protected");
                assert_eq!(verify(&mut server, &value, INVITE, at(1)), proven("bob"), "{algorithm:?}");
            } else {
                assert_eq!(verify(&mut server, &value, other, at(1)), proven("bob"), "{algorithm:?}");
            }
        }
    }
}

#[test]
fn what_is_not_offered_is_not_taken() {
    let strong = AuthConfig { algorithms: vec![Algorithm::Sha256], ..config("r") };
    let mut server = server(&strong);
    let value = by_hand(&mut server, Algorithm::Md5, Some((Qop::Auth, 1, "c")), b"body");
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Denied, "MD5 is off");
    let value = by_hand(&mut server, Algorithm::Sha256, Some((Qop::AuthInt, 1, "c")), b"body");
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Denied, "auth-int was not offered");
    let value = by_hand(&mut server, Algorithm::Sha256Sess, Some((Qop::Auth, 1, "c")), b"body");
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Denied, "-sess was not offered");
    let value = by_hand(&mut server, Algorithm::Sha256, Some((Qop::Auth, 1, "c")), b"body");
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), proven("bob"));
}

#[test]
fn a_client_without_qop_is_borne_once_per_nonce_where_auth_is_offered() {
    let mut server = server(&AuthConfig { algorithms: vec![Algorithm::Md5, Algorithm::Md5Sess], ..config("r") });
    let value = by_hand(&mut server, Algorithm::Md5, None, b"");
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), proven("bob"));
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Stale);
    // An old client names no algorithm either.
    let value = by_hand(&mut server, Algorithm::Md5, None, b"").replace(", algorithm=MD5", "");
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), proven("bob"));
    let value = by_hand(&mut server, Algorithm::Md5Sess, None, b"");
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Denied, "-sess needs a cnonce");
    let strict = AuthConfig { algorithms: vec![Algorithm::Md5], qop: vec![Qop::AuthInt], ..config("r") };
    let mut server = super::DigestServer::new(&strict, &mut Rng::new([1; 32]));
    let value = by_hand(&mut server, Algorithm::Md5, None, b"body");
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Denied, "a body must be protected");
}

#[test]
fn a_replay_and_an_old_nonce_are_stale() {
    let mut server = server(&config("r"));
    let value = answer(&mut server, ("bob", "pw"), at(1));
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), proven("bob"));
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Stale);
    let value = answer(&mut server, ("bob", "pw"), at(1));
    assert_eq!(verify(&mut server, &value, INVITE, at(302)), Verdict::Stale);
    assert_eq!(server.nonces(), 1);
}

#[test]
fn a_nonce_of_another_server_or_shard_is_stale() {
    let mut one = server(&config("r"));
    let mut other = DigestServer::new(&config("r"), &mut Rng::new([2; 32]));
    let value = answer(&mut other, ("bob", "pw"), at(1));
    assert_eq!(verify(&mut one, &value, INVITE, at(1)), Verdict::Stale);
    // Only who knows the password hears that it is stale.
    let value = answer(&mut other, ("bob", "no"), at(1));
    assert_eq!(verify(&mut one, &value, INVITE, at(1)), Verdict::Denied);
}

#[test]
fn the_uri_must_speak_of_the_same_user_or_host() {
    for (asked, good) in [
        ("sip:b@h", true),
        ("sip:b@192.0.2.9:5070;transport=tcp", true),
        ("sips:b@h", true),
        ("sip:eve@h", false),
        ("sip:h", false),
        ("not a uri", false),
    ] {
        let mut server = server(&config("r"));
        let value = answer(&mut server, ("bob", "pw"), at(1));
        let verdict = verify(&mut server, &value, Subject { uri: asked, ..INVITE }, at(1));
        assert_eq!(verdict == proven("bob"), good, "{asked}");
    }
    assert!(
        same_resource("sip:example.com", "sip:EXAMPLE.com:5060") && !same_resource("sip:example.com", "sip:other.com")
    );
    assert!(same_resource("nonsense", "nonsense") && !same_resource("nonsense", "sip:a@b"));
}

#[test]
fn users_come_change_and_go() {
    let mut server = server(&config("r"));
    assert_eq!(server.users(), 2);
    assert!(server.set_user("bob", &UserSecret::Password("new".into())));
    let value = answer(&mut server, ("bob", "pw"), at(1));
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Denied);
    let value = answer(&mut server, ("bob", "new"), at(1));
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), proven("bob"));
    server.remove_user("bob");
    let value = answer(&mut server, ("bob", "new"), at(1));
    assert_eq!((verify(&mut server, &value, INVITE, at(1)), server.users()), (Verdict::Denied, 1));
}

#[test]
fn a_user_with_an_ha1_needs_no_password_and_one_algorithm_is_enough() {
    let mut server = server(&config("r"));
    let ha1 = Secret::Password("hidden").ha1(Algorithm::Md5, "dave", "r").into_owned();
    assert!(server.set_user("dave", &UserSecret::from_ha1(&format!("MD5={}", ha1.to_uppercase())).unwrap()));
    let value = by_hand(&mut server, Algorithm::Sha256, Some((Qop::Auth, 1, "c")), b"").replace("bob", "dave");
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), Verdict::Denied, "no hash of SHA-256 is known");
    let challenge = server.challenge(false, at(1)).remove(0).1;
    let nonce = crate::message::Challenge::parse(&challenge).unwrap().get("nonce").unwrap().into_owned();
    let response = Response {
        algorithm: Algorithm::Md5,
        user: "dave",
        realm: "r",
        secret: Secret::Ha1(&ha1),
        method: "INVITE",
        uri: "sip:b@h",
        body: b"",
        nonce: &nonce,
        qop: Some((Qop::Auth, 1, "c")),
    };
    let value = format!(
        "Digest username=\"dave\", realm=\"r\", nonce=\"{nonce}\", uri=\"sip:b@h\", response=\"{}\", qop=auth, nc=00000001, cnonce=\"c\"",
        response.compute()
    );
    assert_eq!(verify(&mut server, &value, INVITE, at(1)), proven("dave"));
}

#[test]
fn the_first_credentials_of_the_realm_are_looked_at() {
    let server = server(&config("r"));
    let parse = |text| Authorization::parse(text).unwrap();
    let all = [
        (true, parse("Digest realm=\"r\", username=\"proxy\"")),
        (false, parse("Basic realm=\"r\"")),
        (false, parse("Digest realm=\"s\", username=\"other\"")),
        (false, parse("Digest realm=\"r\", username=\"first\"")),
        (false, parse("Digest realm=\"r\", username=\"second\"")),
    ];
    assert_eq!(server.find(all.into_iter()).unwrap().get("username").unwrap(), "first");
    assert!(server.find(all[..3].iter().copied()).is_none());
}

#[test]
fn nothing_secret_shows() {
    let mut config = config("r");
    let ha1 = Secret::Password("pw").ha1(Algorithm::Sha256, "bob", "r").into_owned();
    config.users.insert("eve".into(), UserSecret::Ha1(vec![(Algorithm::Sha256, ha1.clone())]));
    let server = server(&config);
    let shown = format!("{server:?} {config:?} {:?} {:?}", Secret::Password("pw"), Secret::Ha1(&ha1));
    assert!(!shown.contains("pw") && !shown.contains(&ha1), "{shown}");
    assert!(shown.contains("Secret(..)") && shown.contains("Hash(..)") && shown.contains("Mac(..)"), "{shown}");
}

#[test]
fn the_table_of_users_is_bounded_and_who_is_known_can_change() {
    let mut server = DigestServer::new(&AuthConfig::realm("r").user("bob", "old"), &mut Rng::new([1; 32]));
    server.users.extend((1..limits::AUTH_USERS).map(|n| (n.to_string(), Hashes::new())));
    assert_eq!(server.users(), limits::AUTH_USERS);
    let secret = UserSecret::Password("new".into());
    let before = server.users["bob"][0].ha1.clone();
    assert!(!server.set_user("carol", &secret), "no room");
    assert!(server.set_user("bob", &secret) && server.users["bob"][0].ha1 != before);
    server.remove_user("1");
    assert!(server.set_user("carol", &secret));
    // A server that takes over knows the same users, and none of its nonces.
    let mut next = DigestServer::new(&AuthConfig::realm("r"), &mut Rng::new([2; 32]));
    next.take_users(&mut server);
    assert_eq!((next.users(), server.users()), (limits::AUTH_USERS, 0));
}
