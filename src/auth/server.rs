//! Digest server: nonces that age, are never replayed, and cost no state until they are used. RFC 7616 s3.3, s5.4, s5.5; RFC 8760 s2.4.

use super::client::push_quoted;
use super::digest::{Algorithm, Qop, Response};
use crate::base::text::decimal;
use crate::base::{Duration, Instant, Rng, limits};
use crate::message::Authorization;
use std::collections::BTreeMap;

/// How long a nonce is good for.
const LIFETIME: Duration = Duration::from_secs(300);

/// Challenges requests of one realm and checks their credentials.
#[derive(Debug)]
pub struct DigestServer {
    realm: String,
    shard: u8,
    key: [u8; 32],
    serial: u64,
    /// The highest nonce count of each nonce in use. Nonces before `floor` are forgotten: stale.
    used: BTreeMap<(u64, u64), u32>,
    floor: (u64, u64),
}

/// What credentials are worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They prove that the request is from this user.
    Proven {
        /// User name.
        user: String,
    },
    /// They prove it, with a nonce that is too old (or another shard's): challenge again with `stale`.
    Stale,
    /// They prove nothing.
    Denied,
}

impl DigestServer {
    /// A server of `realm`; `rng` gives its secret.
    #[must_use]
    pub fn new(realm: &str, shard: u8, rng: &mut Rng) -> Self {
        let mut key = [0; 32];
        rng.fill(&mut key);
        DigestServer { realm: realm.to_owned(), shard, key, serial: 0, used: BTreeMap::new(), floor: (0, 0) }
    }

    /// Two values of WWW-Authenticate or Proxy-Authenticate, the better first: SHA-256, then MD5 for old clients. RFC 8760 s2.4.
    pub fn challenge(&mut self, stale: bool, now: Instant) -> [String; 2] {
        self.serial = self.serial.wrapping_add(1);
        let nonce = self.nonce(now.as_micros(), self.serial, self.shard);
        [Algorithm::Sha256, Algorithm::Md5].map(|algorithm| {
            let mut out = String::from("Digest realm=");
            push_quoted(&mut out, &self.realm);
            let stale = if stale { ", stale=true" } else { "" };
            out.push_str(&format!(
                ", nonce=\"{nonce}\", qop=\"auth,auth-int\", algorithm={}{stale}",
                algorithm.as_str()
            ));
            out
        })
    }

    /// Checks credentials of a request with this method and body. `password` looks a user up; an unknown one costs the same work.
    pub fn verify(
        &mut self,
        authorization: &Authorization<'_>,
        method: &str,
        body: &[u8],
        password: impl FnOnce(&str) -> Option<String>,
        now: Instant,
    ) -> Verdict {
        let get = |name| authorization.params.get(name);
        let (Some(user), Some(realm), Some(nonce), Some(uri), Some(response)) =
            (get("username"), get("realm"), get("nonce"), get("uri"), get("response"))
        else {
            return Verdict::Denied;
        };
        let algorithm = get("algorithm").map_or(Some(Algorithm::Md5), |token| Algorithm::from_token(&token));
        let Some(algorithm) = algorithm.filter(|_| realm == self.realm) else { return Verdict::Denied };
        let cnonce = get("cnonce");
        let qop = match get("qop") {
            None => None,
            Some(token) => {
                let nc = get("nc").and_then(|nc| u32::from_str_radix(&nc, 16).ok());
                let (Some(qop), Some(nc), Some(cnonce)) = (Qop::from_token(&token), nc, cnonce.as_deref()) else {
                    return Verdict::Denied;
                };
                Some((qop, nc, cnonce))
            }
        };
        let known = password(&user);
        let expected = Response {
            algorithm,
            user: &user,
            realm: &realm,
            password: known.as_deref().unwrap_or("-"),
            method,
            uri: &uri,
            body,
            nonce: &nonce,
            qop,
        }
        .compute();
        if !same(expected.as_bytes(), response.as_bytes()) || known.is_none() {
            return Verdict::Denied;
        }
        // Without a count every use of a nonce would look alike: such a nonce is good once.
        let count = qop.map_or(u32::MAX, |(_, nc, _)| nc);
        match self.fresh(&nonce, now) {
            Some(id) if self.used.get(&id).is_none_or(|last| count > *last) => {
                self.remember(id, count, now);
                Verdict::Proven { user: user.into_owned() }
            }
            _ => Verdict::Stale,
        }
    }

    /// time-serial-shard-proof, all of it in the clear but the proof.
    fn nonce(&self, time_us: u64, serial: u64, shard: u8) -> String {
        let open = format!("{time_us}-{serial}-{shard}");
        let proof = Algorithm::Sha256.hash(&[&self.key, open.as_bytes()]);
        format!("{open}-{}", proof.get(..32).unwrap_or_default())
    }

    /// The id of a nonce of ours that is still good.
    fn fresh(&self, nonce: &str, now: Instant) -> Option<(u64, u64)> {
        let mut parts = nonce.split('-');
        let time_us = decimal(parts.next()?.as_bytes())?;
        let serial = decimal(parts.next()?.as_bytes())?;
        let age = now.since(Instant::from_micros(time_us));
        let ours = same(self.nonce(time_us, serial, self.shard).as_bytes(), nonce.as_bytes());
        (ours && age <= LIFETIME && (time_us, serial) >= self.floor).then_some((time_us, serial))
    }

    fn remember(&mut self, id: (u64, u64), count: u32, now: Instant) {
        self.used.insert(id, count);
        while let Some((oldest, _)) = self.used.first_key_value() {
            let (time_us, serial) = *oldest;
            let old = now.since(Instant::from_micros(time_us)) > LIFETIME;
            if !old && self.used.len() <= limits::SERVER_NONCES {
                break;
            }
            self.floor = (time_us, serial.saturating_add(1));
            self.used.pop_first();
        }
    }
}

/// Compares without telling by its time where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |diff, (x, y)| diff | (x ^ y)) == 0
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests {
    use super::super::client::{Challenged, Credentials, DigestCache, Rounds, Scope};
    use super::*;
    use crate::message::Message;

    fn at(s: u64) -> Instant {
        Instant::from_micros(s * 1_000_000)
    }

    /// A client's answer to a challenge of `server`.
    fn answer(server: &mut DigestServer, password: &str, now: Instant) -> String {
        let mut rng = Rng::new([9; 32]);
        let challenge = server.challenge(false, now);
        let text = format!(
            "SIP/2.0 401 x\r\nWWW-Authenticate: {}\r\nWWW-Authenticate: {}\r\n\r\n",
            challenge[1], challenge[0]
        );
        let credentials = Credentials { user: "bob".into(), password: password.into(), realm: String::new() };
        let next_hop = "192.0.2.1:5060".parse().unwrap();
        let scope = Scope { method: "INVITE", uri: "sip:b", host: "b", next_hop, body: b"body" };
        let (mut cache, mut rounds) = (DigestCache::new(), Rounds::default());
        let message = Message::parse(text.as_bytes()).unwrap();
        assert_eq!(cache.challenged(&mut rounds, &credentials, &scope, &message, &mut rng), Challenged::Answer);
        cache.authorize(&mut rounds, &credentials, &scope).remove(0).1
    }

    fn verify(server: &mut DigestServer, value: &str, method: &str, now: Instant) -> Verdict {
        let authorization = Authorization::parse(value).unwrap();
        server.verify(&authorization, method, b"body", |user| (user == "bob").then(|| "pw".to_owned()), now)
    }

    #[test]
    fn right_wrong_and_for_another_method() {
        let mut server = DigestServer::new("r \"q\"", 1, &mut Rng::new([1; 32]));
        let value = answer(&mut server, "pw", at(1));
        assert!(value.contains("algorithm=SHA-256"));
        assert_eq!(verify(&mut server, &value, "BYE", at(1)), Verdict::Denied);
        assert_eq!(verify(&mut server, &value, "INVITE", at(2)), Verdict::Proven { user: "bob".into() });
        let wrong = answer(&mut server, "no", at(1));
        assert_eq!(verify(&mut server, &wrong, "INVITE", at(1)), Verdict::Denied);
        assert_eq!(verify(&mut server, &value.replace("bob", "eve"), "INVITE", at(1)), Verdict::Denied);
        assert_eq!(verify(&mut server, "Digest username=\"bob\"", "INVITE", at(1)), Verdict::Denied);
    }

    #[test]
    fn a_replay_and_an_old_nonce_are_stale() {
        let mut server = DigestServer::new("r", 1, &mut Rng::new([1; 32]));
        let value = answer(&mut server, "pw", at(1));
        assert!(matches!(verify(&mut server, &value, "INVITE", at(1)), Verdict::Proven { .. }));
        assert_eq!(verify(&mut server, &value, "INVITE", at(1)), Verdict::Stale);
        let value = answer(&mut server, "pw", at(1));
        assert_eq!(verify(&mut server, &value, "INVITE", at(400)), Verdict::Stale);
    }

    #[test]
    fn a_nonce_of_another_server_or_shard_is_stale() {
        let mut server = DigestServer::new("r", 1, &mut Rng::new([1; 32]));
        let mut other = DigestServer::new("r", 2, &mut Rng::new([1; 32]));
        let value = answer(&mut other, "pw", at(1));
        assert_eq!(verify(&mut server, &value, "INVITE", at(1)), Verdict::Stale);
    }

    #[test]
    fn used_nonces_are_bounded() {
        let mut server = DigestServer::new("r", 1, &mut Rng::new([1; 32]));
        for serial in 0..limits::SERVER_NONCES as u64 + 10 {
            server.remember((0, serial), 1, at(0));
        }
        assert_eq!(server.used.len(), limits::SERVER_NONCES);
        assert_eq!(server.floor, (0, 10));
    }
}
