//! Digest server: challenges that cost no state, credentials that are checked with the same work whoever they name.
//! RFC 7616 s3.3, s3.4, RFC 8760 s2.3, RFC 3261 s22.

use super::client::push_quoted;
use super::config::{AuthConfig, UserSecret};
use super::digest::{Algorithm, Qop, Response, Secret};
use super::nonce::{Nonces, same};
use crate::base::{Instant, Rng, limits};
use crate::message::{Authorization, Name, Uri};
use smallvec::SmallVec;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Challenges requests of one realm and checks their credentials.
#[derive(Debug)]
pub struct DigestServer {
    realm: String,
    algorithms: Vec<Algorithm>,
    qop: Vec<Qop>,
    proxy: bool,
    nonces: Nonces,
    users: BTreeMap<String, Hashes>,
}

/// H(user:realm:password) for each algorithm that is offered: no password is kept.
type Hashes = SmallVec<[Hash; 2]>;

struct Hash {
    of: Algorithm,
    ha1: String,
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hash(..)")
    }
}

/// The request that credentials are for.
#[derive(Copy, Clone, Debug)]
pub struct Subject<'a> {
    /// Method.
    pub method: &'a str,
    /// Request-URI as it came.
    pub uri: &'a str,
    /// Body.
    pub body: &'a [u8],
}

/// What credentials are worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They prove that the request is from this user.
    Proven {
        /// User name.
        user: String,
    },
    /// They prove it, with a nonce that is too old, used with this count already, or another shard's: challenge again with `stale`.
    Stale,
    /// They prove nothing.
    Denied,
}

impl DigestServer {
    /// A server; `rng` gives its secret.
    #[must_use]
    pub fn new(config: &AuthConfig, rng: &mut Rng) -> Self {
        let mut server = DigestServer {
            realm: config.realm.clone(),
            algorithms: config.algorithms.clone(),
            qop: config.qop.clone(),
            proxy: config.proxy,
            nonces: Nonces::new(config.nonce_lifetime, rng),
            users: BTreeMap::new(),
        };
        for (name, secret) in &config.users {
            let _ = server.set_user(name, secret);
        }
        server
    }

    /// Knows a user from now on, by this secret only. False when there is no room for one more.
    #[must_use]
    pub fn set_user(&mut self, name: &str, secret: &UserSecret) -> bool {
        if self.users.len() >= limits::AUTH_USERS && !self.users.contains_key(name) {
            return false;
        }
        let mut hashes = Hashes::new();
        for of in self.algorithms.iter().map(|algorithm| algorithm.base()) {
            if hashes.iter().all(|hash| hash.of != of)
                && let Some(ha1) = secret.ha1(of, name, &self.realm)
            {
                hashes.push(Hash { of, ha1 });
            }
        }
        self.users.insert(name.to_owned(), hashes);
        true
    }

    /// Knows whom another server knew, instead of its own users.
    pub fn take_users(&mut self, from: &mut DigestServer) {
        self.users = std::mem::take(&mut from.users);
    }

    /// Knows a user no more.
    pub fn remove_user(&mut self, name: &str) {
        self.users.remove(name);
    }

    /// Users known.
    #[must_use]
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// Nonces that are remembered: those that were used and may be used again.
    #[must_use]
    pub fn nonces(&self) -> usize {
        self.nonces.len()
    }

    /// The status that challenges: 401, or 407 of a proxy.
    #[must_use]
    pub const fn status(&self) -> u16 {
        if self.proxy { 407 } else { 401 }
    }

    /// The challenges: a header field for each algorithm, the most preferred first. RFC 8760 s2.3.
    pub fn challenge(&mut self, stale: bool, now: Instant) -> Vec<(Name, String)> {
        let name = if self.proxy { Name::ProxyAuthenticate } else { Name::WwwAuthenticate };
        let nonce = self.nonces.mint(now);
        let stale = if stale { ", stale=true" } else { "" };
        let one = |algorithm: &Algorithm| {
            let mut out = String::with_capacity(192);
            out.push_str("Digest realm=");
            push_quoted(&mut out, &self.realm);
            let _ = write!(out, ", nonce=\"{nonce}\", qop=\"");
            for (i, qop) in self.qop.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                out.push_str(qop.as_str());
            }
            // Writing into a String cannot fail.
            let _ = write!(out, "\", algorithm={}{stale}", algorithm.as_str());
            (name, out)
        };
        self.algorithms.iter().map(one).collect()
    }

    /// The credentials of a request that answer this server: the first of its realm. More are not looked at, so that a request costs one
    /// check at most.
    #[must_use]
    pub fn find<'a>(&self, all: impl Iterator<Item = (bool, Authorization<'a>)>) -> Option<Authorization<'a>> {
        let mine = |proxy: bool, credentials: &Authorization<'_>| {
            proxy == self.proxy && credentials.is_digest() && credentials.get("realm").is_some_and(|r| r == self.realm)
        };
        all.into_iter().find(|(proxy, credentials)| mine(*proxy, credentials)).map(|(_, credentials)| credentials)
    }

    /// Checks credentials of a request. An unknown user costs the same work as a wrong password.
    pub fn verify(&mut self, credentials: &Authorization<'_>, subject: &Subject<'_>, now: Instant) -> Verdict {
        let get = |name| credentials.params.get(name);
        let (Some(user), Some(realm), Some(nonce), Some(uri), Some(response)) =
            (get("username"), get("realm"), get("nonce"), get("uri"), get("response"))
        else {
            return Verdict::Denied;
        };
        let algorithm = get("algorithm").map_or(Some(Algorithm::Md5), |token| Algorithm::from_token(&token));
        let offered = algorithm.filter(|algorithm| self.algorithms.contains(algorithm) && realm == self.realm);
        let Some(algorithm) = offered else { return Verdict::Denied };
        let cnonce = get("cnonce");
        let qop = match get("qop") {
            // A client of RFC 2069: RFC 3261 s22.4 has servers bear it. It never protects a body, and -sess needs a cnonce.
            None if self.qop.contains(&Qop::Auth) && !algorithm.is_session() => None,
            None => return Verdict::Denied,
            Some(token) => {
                let qop = Qop::from_token(&token).filter(|qop| self.qop.contains(qop));
                let nc = get("nc").filter(|nc| nc.len() == 8).and_then(|nc| u32::from_str_radix(&nc, 16).ok());
                let (Some(qop), Some(nc), Some(cnonce)) = (qop, nc, cnonce.as_deref()) else {
                    return Verdict::Denied;
                };
                Some((qop, nc, cnonce))
            }
        };
        let base = algorithm.base();
        let known = self.users.get(user.as_ref()).and_then(|hashes| hashes.iter().find(|hash| hash.of == base));
        let nobody = NOBODY.get(..algorithm.hash_len()).unwrap_or(NOBODY);
        let expected = Response {
            algorithm,
            user: &user,
            realm: &realm,
            secret: Secret::Ha1(known.map_or(nobody, |hash| &hash.ha1)),
            method: subject.method,
            uri: &uri,
            body: subject.body,
            nonce: &nonce,
            qop,
        }
        .compute();
        let right = same(expected.as_bytes(), response.as_bytes());
        if !right || known.is_none() || !same_resource(&uri, subject.uri) {
            return Verdict::Denied;
        }
        // Without a count every use of a nonce would look alike: such a nonce is good once.
        let count = qop.map_or(u32::MAX, |(_, nc, _)| nc);
        match self.nonces.spend(&nonce, count, now) {
            true => Verdict::Proven { user: user.into_owned() },
            false => Verdict::Stale,
        }
    }
}

/// What stands for the HA1 of a user that is not known: no hash is it.
const NOBODY: &str = "----------------------------------------------------------------";

/// Whether the `uri` of credentials speaks of what the request asks for. Proxies may rewrite the host on the way to the user (RFC 3261
/// s16.5, s22.4 item 6), never the user: so the same user is enough, and without one the host must be the same.
fn same_resource(signed: &str, asked: &str) -> bool {
    if signed == asked {
        return true;
    }
    let (Ok(signed), Ok(asked)) = (Uri::parse(signed), Uri::parse(asked)) else { return false };
    match (signed.user, asked.user) {
        (Some(a), Some(b)) => a == b,
        (None, None) => signed.host.eq_ignore_ascii_case(asked.host),
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests;
