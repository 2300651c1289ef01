//! Digest client: which challenge is answered, and how. RFC 7616 s3.4, RFC 8760 s2.3, RFC 3261 s22.2, s22.3.

use super::digest::{Algorithm, Qop, Response, Secret};
use crate::base::{Rng, limits};
use crate::message::{Challenge, Message, Name};
use smallvec::SmallVec;
use std::fmt;
use std::fmt::Write;
use std::net::SocketAddr;

/// Nonces kept per account; the oldest goes first.
const NONCES: usize = 8;

/// What an account proves itself with.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
    /// Realm that they are for; empty takes the realm of the first challenge, and stays with it once it worked.
    pub realm: String,
    /// Which challenges they answer.
    pub policy: DigestPolicy,
}

/// Which challenges an account answers, and for whom. The default takes the topmost that is understood, as RFC 8760 s2.4 has it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct DigestPolicy {
    /// Of several challenges of one realm take the strongest instead of the topmost: SHA-512-256, SHA-256, MD5.
    pub strongest: bool,
    /// A floor: no challenge with MD5 is answered. RFC 8760 s3.
    pub no_md5: bool,
    /// Answer challenges to requests inside dialogs that the peer started, too. Without it a caller can't have our digest for a nonce of
    /// its choice.
    pub as_callee: bool,
}

impl DigestPolicy {
    /// Whether a challenge with `new` is taken instead of one above it with `old`.
    fn prefers(self, new: Algorithm, old: Algorithm) -> bool {
        self.strongest && new.strength() > old.strength()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}

/// Where a request goes: who gets to see its credentials.
#[derive(Copy, Clone, Debug)]
pub struct Scope<'a> {
    /// Method.
    pub method: &'a str,
    /// Request-URI.
    pub uri: &'a str,
    /// Host of the Request-URI: who may ask with a 401.
    pub host: &'a str,
    /// Next hop: who may ask with a 407.
    pub next_hop: SocketAddr,
    /// Body, for `auth-int`.
    pub body: &'a [u8],
}

/// The nonces of one account.
#[derive(Clone, Debug, Default)]
pub struct DigestCache {
    nonces: Vec<Nonce>,
}

#[derive(Clone)]
struct Nonce {
    proxy: bool,
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// The challenge named its algorithm, so the answer does.
    named: bool,
    qop: Option<Qop>,
    nc: u32,
    cnonce: String,
    /// Who asked: credentials go unasked only there.
    host: String,
    next_hop: SocketAddr,
    /// A request with it was accepted.
    proven: bool,
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nonce").field("realm", &self.realm).field("nc", &self.nc).finish_non_exhaustive()
    }
}

/// How often one request was challenged, and with what it answered.
#[derive(Clone, Debug, Default)]
pub struct Rounds {
    realms: SmallVec<[Round; 1]>,
}

#[derive(Clone, Debug)]
struct Round {
    proxy: bool,
    realm: String,
    /// The nonce that the last try carried.
    sent: Option<String>,
    rounds: u8,
}

/// What a 401 or 407 leads to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Challenged {
    /// Send the request again, with [`DigestCache::authorize`].
    Answer,
    /// The end: no credentials for the realm, no algorithm in common, or the credentials were refused.
    Refused,
}

impl DigestCache {
    /// No nonce yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the challenges of a 401 or 407 to the request of `rounds`.
    pub fn challenged(
        &mut self,
        rounds: &mut Rounds,
        credentials: &Credentials,
        scope: &Scope<'_>,
        response: &Message<'_>,
        rng: &mut Rng,
    ) -> Challenged {
        let mut best: SmallVec<[(Nonce, bool); 2]> = SmallVec::new();
        for (proxy, challenge) in response.challenges() {
            let Some((nonce, stale)) = read(proxy, &challenge, scope) else { continue };
            let first = best.iter().map(|(other, _)| other).find(|other| other.proxy == proxy);
            if (credentials.policy.no_md5 && nonce.algorithm.is_weak()) || !self.accepts(credentials, &nonce, first) {
                continue;
            }
            match best.iter_mut().find(|(other, _)| (other.proxy, &other.realm) == (proxy, &nonce.realm)) {
                Some(other) if credentials.policy.prefers(nonce.algorithm, other.0.algorithm) => {
                    *other = (nonce, stale)
                }
                Some(_) => {}
                None => best.push((nonce, stale)),
            }
        }
        if best.is_empty() || !best.iter().all(|(nonce, stale)| rounds.may_answer(nonce, *stale)) {
            return Challenged::Refused;
        }
        for (mut nonce, _) in best {
            nonce.cnonce = rng.token::<16>().map(char::from).iter().collect();
            self.keep(nonce);
        }
        Challenged::Answer
    }

    /// The credentials for a request, as headers: those that were asked for where it goes. The first request of an account has none.
    pub fn authorize(
        &mut self,
        rounds: &mut Rounds,
        credentials: &Credentials,
        scope: &Scope<'_>,
    ) -> Vec<(Name, String)> {
        let mut headers = Vec::new();
        for nonce in &mut self.nonces {
            let asked = if nonce.proxy {
                nonce.next_hop == scope.next_hop
            } else {
                nonce.host.eq_ignore_ascii_case(scope.host)
            };
            if !asked || (!credentials.realm.is_empty() && credentials.realm != nonce.realm) {
                continue;
            }
            nonce.nc = nonce.nc.saturating_add(1);
            rounds.of(nonce).sent = Some(nonce.nonce.clone());
            let name = if nonce.proxy { Name::ProxyAuthorization } else { Name::Authorization };
            headers.push((name, nonce.value(credentials, scope)));
        }
        headers
    }

    /// The request of `rounds` got past authentication: from now on its realms are the ones of this account.
    pub fn accepted(&mut self, rounds: &Rounds) {
        for nonce in &mut self.nonces {
            nonce.proven |= rounds
                .realms
                .iter()
                .any(|round| (round.proxy, &round.realm) == (nonce.proxy, &nonce.realm) && round.sent.is_some());
        }
    }

    /// Takes `nextnonce` of a 2xx. RFC 7616 s3.5.
    pub fn next_nonce(&mut self, rounds: &Rounds, response: &Message<'_>) {
        let Some(value) = response.header(Name::AuthenticationInfo) else { return };
        let Some(next) = crate::message::AuthParams::new(value).get("nextnonce") else { return };
        for nonce in self.nonces.iter_mut().filter(|nonce| !nonce.proxy) {
            if rounds.realms.iter().any(|round| round.sent.as_ref() == Some(&nonce.nonce)) {
                nonce.nonce = next.clone().into_owned();
                nonce.nc = 0;
            }
        }
    }

    /// Whether the credentials may answer a challenge of this realm. Without a configured realm: the one that worked before, else the
    /// first of the response of that kind.
    fn accepts(&self, credentials: &Credentials, nonce: &Nonce, first: Option<&Nonce>) -> bool {
        if !credentials.realm.is_empty() {
            return credentials.realm == nonce.realm;
        }
        let mut proven = self.nonces.iter().filter(|n| n.proven && n.proxy == nonce.proxy).peekable();
        if proven.peek().is_some() {
            return proven.any(|n| n.realm == nonce.realm);
        }
        first.is_none_or(|first| first.realm == nonce.realm)
    }

    fn keep(&mut self, mut nonce: Nonce) {
        if let Some(at) = self.nonces.iter().position(|n| (n.proxy, &n.realm) == (nonce.proxy, &nonce.realm)) {
            let old = self.nonces.remove(at);
            nonce.proven = old.proven;
            // Servers may give one nonce to several requests: its count goes on.
            if old.nonce == nonce.nonce {
                nonce.nc = old.nc;
                nonce.cnonce = old.cnonce;
            }
        }
        if self.nonces.len() >= NONCES {
            self.nonces.remove(0);
        }
        self.nonces.push(nonce);
    }
}

impl Rounds {
    fn of(&mut self, nonce: &Nonce) -> &mut Round {
        let known = self.realms.iter().position(|r| (r.proxy, &r.realm) == (nonce.proxy, &nonce.realm));
        let at = known.unwrap_or_else(|| {
            self.realms.push(Round { proxy: nonce.proxy, realm: nonce.realm.clone(), sent: None, rounds: 0 });
            self.realms.len().saturating_sub(1)
        });
        #[allow(clippy::indexing_slicing, reason = "found or pushed just now")]
        &mut self.realms[at]
    }

    /// Counts a challenge. The same nonce again, and not for being stale, means that the credentials are wrong.
    fn may_answer(&mut self, nonce: &Nonce, stale: bool) -> bool {
        let all = self.realms.iter().fold(0u8, |sum, round| sum.saturating_add(round.rounds));
        let round = self.of(nonce);
        if (round.sent.as_ref() == Some(&nonce.nonce) && !stale)
            || round.rounds >= limits::AUTH_ROUNDS
            || all >= limits::AUTH_ROUNDS.saturating_mul(2)
        {
            return false;
        }
        round.rounds = round.rounds.saturating_add(1);
        true
    }
}

impl Nonce {
    fn value(&self, credentials: &Credentials, scope: &Scope<'_>) -> String {
        let response = Response {
            algorithm: self.algorithm,
            user: &credentials.user,
            realm: &self.realm,
            secret: Secret::Password(&credentials.password),
            method: scope.method,
            uri: scope.uri,
            body: scope.body,
            nonce: &self.nonce,
            qop: self.qop.map(|qop| (qop, self.nc, self.cnonce.as_str())),
        };
        let mut out = String::with_capacity(256);
        out.push_str("Digest username=");
        push_quoted(&mut out, &credentials.user);
        for (name, value) in [("realm", self.realm.as_str()), ("nonce", &self.nonce), ("uri", scope.uri)] {
            let _ = write!(out, ", {name}=");
            push_quoted(&mut out, value);
        }
        // Writing into a String cannot fail.
        let _ = write!(out, ", response=\"{}\"", response.compute());
        if self.named {
            let _ = write!(out, ", algorithm={}", self.algorithm.as_str());
        }
        if let Some(qop) = self.qop {
            let _ = write!(out, ", cnonce=\"{}\", qop={}, nc={:08x}", self.cnonce, qop.as_str(), self.nc);
        }
        if let Some(opaque) = &self.opaque {
            out.push_str(", opaque=");
            push_quoted(&mut out, opaque);
        }
        out
    }
}

/// Reads a challenge that we can answer, and whether it says `stale`.
fn read(proxy: bool, challenge: &Challenge<'_>, scope: &Scope<'_>) -> Option<(Nonce, bool)> {
    if !challenge.is_digest() {
        return None;
    }
    let named = challenge.get("algorithm");
    let algorithm = match &named {
        Some(token) => Algorithm::from_token(token)?,
        None => Algorithm::Md5,
    };
    let qop = match challenge.get("qop") {
        None => None,
        Some(list) => {
            let mut offered = list.split(',').filter_map(|token| Qop::from_token(token.trim()));
            let first = offered.next()?;
            Some(if offered.any(|qop| qop == Qop::Auth) { Qop::Auth } else { first })
        }
    };
    let nonce = Nonce {
        proxy,
        realm: challenge.get("realm")?.into_owned(),
        nonce: challenge.get("nonce")?.into_owned(),
        opaque: challenge.get("opaque").map(|opaque| opaque.into_owned()),
        algorithm,
        named: named.is_some(),
        qop,
        nc: 0,
        cnonce: String::new(),
        host: scope.host.to_owned(),
        next_hop: scope.next_hop,
        proven: false,
    };
    Some((nonce, challenge.get("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"))))
}

/// Appends a quoted-string. RFC 3261 s25.1.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Authorization;

    const HOP: &str = "192.0.2.9:5060";

    fn credentials(realm: &str) -> Credentials {
        Credentials { user: "alice".into(), password: "secret".into(), realm: realm.into(), ..Credentials::default() }
    }

    fn scope<'a>(host: &'a str) -> Scope<'a> {
        Scope { method: "REGISTER", uri: "sip:example.com", host, next_hop: HOP.parse().unwrap(), body: b"" }
    }

    fn response(headers: &str) -> Vec<u8> {
        format!("SIP/2.0 401 Unauthorized\r\n{headers}\r\n\r\n").into_bytes()
    }

    struct Client {
        cache: DigestCache,
        rounds: Rounds,
        policy: DigestPolicy,
        rng: Rng,
    }

    impl Client {
        fn new() -> Self {
            let policy = DigestPolicy::default();
            Client { cache: DigestCache::new(), rounds: Rounds::default(), policy, rng: Rng::new([3; 32]) }
        }

        fn challenged(&mut self, realm: &str, headers: &str) -> Challenged {
            let bytes = response(headers);
            let message = Message::parse(&bytes).unwrap();
            let credentials = Credentials { policy: self.policy, ..credentials(realm) };
            let scope = scope("example.com");
            self.cache.challenged(&mut self.rounds, &credentials, &scope, &message, &mut self.rng)
        }

        fn authorize(&mut self, realm: &str, host: &str) -> Vec<(Name, String)> {
            self.cache.authorize(&mut self.rounds, &credentials(realm), &scope(host))
        }
    }

    fn param(headers: &[(Name, String)], name: &str) -> String {
        Authorization::parse(&headers[0].1).unwrap().params.get(name).unwrap().into_owned()
    }

    #[test]
    fn an_answer_carries_what_the_server_checks() {
        let mut c = Client::new();
        assert!(c.authorize("", "example.com").is_empty());
        let challenge = "WWW-Authenticate: Digest realm=\"a \\\"b\\\"\", nonce=\"n1\", qop=\"auth-int,auth\", algorithm=SHA-256, opaque=\"o\"";
        assert_eq!(c.challenged("", challenge), Challenged::Answer);
        let headers = c.authorize("", "example.com");
        assert_eq!(headers[0].0, Name::Authorization);
        let get = |name| param(&headers, name);
        assert_eq!((get("realm"), get("nc"), get("qop")), ("a \"b\"".into(), "00000001".into(), "auth".into()));
        assert_eq!((get("username"), get("opaque"), get("algorithm")), ("alice".into(), "o".into(), "SHA-256".into()));
        let expected = Response {
            algorithm: Algorithm::Sha256,
            user: "alice",
            realm: "a \"b\"",
            secret: Secret::Password("secret"),
            method: "REGISTER",
            uri: "sip:example.com",
            body: b"",
            nonce: "n1",
            qop: Some((Qop::Auth, 1, &get("cnonce"))),
        };
        assert_eq!(get("response"), expected.compute());
    }

    #[test]
    fn later_requests_carry_credentials_at_once_and_count_up() {
        let mut c = Client::new();
        c.challenged("", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"");
        assert_eq!(param(&c.authorize("", "example.com"), "nc"), "00000001");
        c.rounds = Rounds::default();
        assert_eq!(param(&c.authorize("", "EXAMPLE.com"), "nc"), "00000002");
        // Nobody else gets to see them.
        assert!(c.authorize("", "attacker.example").is_empty());
    }

    fn offers(algorithms: &[&str]) -> String {
        let one =
            |a: &&str| format!("WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm={a}\r\n");
        algorithms.iter().map(one).collect()
    }

    fn chosen(policy: DigestPolicy, algorithms: &[&str]) -> Option<String> {
        let mut c = Client::new();
        c.policy = policy;
        match c.challenged("", &offers(algorithms)) {
            Challenged::Answer => Some(param(&c.authorize("", "example.com"), "algorithm")),
            Challenged::Refused => None,
        }
    }

    #[test]
    fn the_topmost_supported_challenge_is_taken() {
        let topmost = |algorithms: &[&str]| chosen(DigestPolicy::default(), algorithms).unwrap();
        assert_eq!(topmost(&["SHA-256", "MD5"]), "SHA-256");
        assert_eq!(topmost(&["MD5", "SHA-256"]), "MD5");
        assert_eq!(topmost(&["SHA-3", "SHA-512-256", "SHA-256", "MD5"]), "SHA-512-256");
    }

    #[test]
    fn the_strongest_is_taken_in_any_order_where_the_policy_says_so() {
        let policy = DigestPolicy { strongest: true, ..DigestPolicy::default() };
        for order in
            [["MD5", "SHA-256", "SHA-512-256"], ["SHA-512-256", "MD5", "SHA-256"], ["SHA-256", "SHA-512-256", "MD5"]]
        {
            assert_eq!(chosen(policy, &order).unwrap(), "SHA-512-256");
        }
        // Of two alike the topmost.
        assert_eq!(chosen(policy, &["MD5", "SHA-256-sess", "SHA-256"]).unwrap(), "SHA-256-sess");
        assert_eq!(chosen(policy, &["MD5-sess", "MD5"]).unwrap(), "MD5-sess");
    }

    #[test]
    fn below_the_floor_nothing_is_answered() {
        let policy = DigestPolicy { no_md5: true, ..DigestPolicy::default() };
        assert_eq!(chosen(policy, &["MD5", "SHA-256"]).unwrap(), "SHA-256");
        assert_eq!(chosen(policy, &["MD5", "MD5-sess"]), None);
        let mut c = Client::new();
        c.policy = policy;
        let unnamed = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
        assert_eq!(c.challenged("", unnamed), Challenged::Refused);
    }

    #[test]
    fn proxy_and_origin_challenge_at_once_and_both_are_answered() {
        let both = "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n1\", qop=\"auth\"\r\n\
                    WWW-Authenticate: Digest realm=\"s\", nonce=\"n2\", qop=\"auth\", algorithm=SHA-256";
        let mut c = Client::new();
        assert_eq!(c.challenged("", both), Challenged::Answer);
        let headers = c.authorize("", "example.com");
        let has = |name| headers.iter().any(|(n, _)| *n == name);
        assert!(headers.len() == 2 && has(Name::ProxyAuthorization) && has(Name::Authorization), "{headers:?}");
        // With a realm of its own it answers that one alone.
        let mut c = Client::new();
        assert_eq!(c.challenged("s", both), Challenged::Answer);
        let headers = c.authorize("s", "example.com");
        assert_eq!((headers.len(), headers[0].0), (1, Name::Authorization));
    }

    #[test]
    fn the_same_nonce_again_is_a_wrong_password() {
        let mut c = Client::new();
        let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"";
        assert_eq!(c.challenged("", challenge), Challenged::Answer);
        c.authorize("", "example.com");
        assert_eq!(c.challenged("", challenge), Challenged::Refused);
    }

    #[test]
    fn a_stale_nonce_is_answered_once_more_and_rounds_end() {
        let mut c = Client::new();
        assert_eq!(
            c.challenged("", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\""),
            Challenged::Answer
        );
        c.authorize("", "example.com");
        let stale = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n2\", qop=\"auth\", stale=true";
        assert_eq!(c.challenged("", stale), Challenged::Answer);
        assert_eq!(param(&c.authorize("", "example.com"), "nonce"), "n2");
        assert_eq!(c.challenged("", &stale.replace("n2", "n3")), Challenged::Refused);
    }

    #[test]
    fn one_nonce_given_to_two_requests_is_answered_by_both() {
        let mut c = Client::new();
        let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"";
        c.challenged("", challenge);
        c.authorize("", "example.com");
        c.rounds = Rounds::default();
        assert_eq!(c.challenged("", challenge), Challenged::Answer);
        assert_eq!(param(&c.authorize("", "example.com"), "nc"), "00000002");
    }

    #[test]
    fn another_realm_gets_nothing() {
        let mut c = Client::new();
        let other = "WWW-Authenticate: Digest realm=\"evil\", nonce=\"n1\", qop=\"auth\"";
        assert_eq!(c.challenged("r", other), Challenged::Refused);
        assert_eq!(
            c.challenged("", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\""),
            Challenged::Answer
        );
        c.authorize("", "example.com");
        c.cache.accepted(&c.rounds);
        c.rounds = Rounds::default();
        assert_eq!(c.challenged("", other), Challenged::Refused);
    }

    #[test]
    fn challenges_that_nobody_can_answer() {
        for challenge in [
            "WWW-Authenticate: Basic realm=\"r\"",
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-1",
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"magic\"",
            "WWW-Authenticate: Digest realm=\"r\"",
            "X: y",
        ] {
            assert_eq!(Client::new().challenged("", challenge), Challenged::Refused, "{challenge}");
        }
    }

    #[test]
    fn proxy_and_server_are_answered_apart() {
        let mut c = Client::new();
        c.challenged("", "Proxy-Authenticate: Digest realm=\"p\", nonce=\"n1\", qop=\"auth\"");
        let headers = c.authorize("", "elsewhere.example");
        assert_eq!((headers.len(), headers[0].0), (1, Name::ProxyAuthorization));
        c.challenged("", "WWW-Authenticate: Digest realm=\"s\", nonce=\"n2\"");
        let headers = c.authorize("", "example.com");
        assert_eq!(headers.len(), 2);
        assert!(!headers[1].1.contains("qop") && !headers[1].1.contains("nc="));
    }

    #[test]
    fn nextnonce_replaces_the_nonce() {
        let mut c = Client::new();
        c.challenged("", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\"");
        c.authorize("", "example.com");
        let bytes = b"SIP/2.0 200 OK\r\nAuthentication-Info: qop=auth, nextnonce=\"n9\"\r\n\r\n";
        c.cache.next_nonce(&c.rounds, &Message::parse(bytes).unwrap());
        let headers = c.authorize("", "example.com");
        assert_eq!((param(&headers, "nonce"), param(&headers, "nc")), ("n9".into(), "00000001".into()));
    }
}
