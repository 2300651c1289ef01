//! What a digest server asks for and whom it knows. RFC 7616 s3.3, RFC 8760 s2.3, RFC 3261 s22.1.

use super::digest::{Algorithm, Qop, Secret};
use crate::base::{Duration, Network, limits};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

/// What a server keeps of a user's password.
#[derive(Clone, PartialEq, Eq)]
pub enum UserSecret {
    /// The password itself.
    Password(String),
    /// H(user:realm:password) in hexadecimal, per algorithm: the password need not be known. RFC 7616 s3.4.2.
    Ha1(Vec<(Algorithm, String)>),
}

impl fmt::Debug for UserSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSecret(..)")
    }
}

impl UserSecret {
    /// Reads `SHA-256=<64 digits>, MD5=<32 digits>`.
    ///
    /// # Errors
    /// What is wrong, without a digit of it.
    pub fn from_ha1(text: &str) -> Result<Self, String> {
        let mut hashes = Vec::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, hash) = part.split_once('=').ok_or("an HA1 is written ALGORITHM=HEX, such as MD5=0123..")?;
            let algorithm = Algorithm::from_token(name.trim()).ok_or_else(|| {
                format!("{:?} is no digest algorithm; there are MD5, SHA-256, SHA-512-256", name.trim())
            })?;
            let hash = hash.trim().to_ascii_lowercase();
            if hash.len() != algorithm.hash_len() || !hash.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(format!(
                    "an HA1 of {} has {} hexadecimal digits",
                    algorithm.as_str(),
                    algorithm.hash_len()
                ));
            }
            hashes.push((algorithm.base(), hash));
        }
        if hashes.is_empty() { Err("no HA1: give ALGORITHM=HEX".into()) } else { Ok(UserSecret::Ha1(hashes)) }
    }

    /// H(user:realm:password) of one algorithm, where it can be known.
    #[must_use]
    pub(super) fn ha1(&self, algorithm: Algorithm, user: &str, realm: &str) -> Option<String> {
        match self {
            UserSecret::Password(password) => Some(Secret::Password(password).ha1(algorithm, user, realm).into_owned()),
            UserSecret::Ha1(all) => {
                all.iter().find(|(of, _)| of.base() == algorithm.base()).map(|(_, hash)| hash.to_ascii_lowercase())
            }
        }
    }
}

/// What the user of From must have to do with the user that proved itself.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum FromPolicy {
    /// Nothing: the application sees both and decides.
    #[default]
    Report,
    /// The user part of From must be the user name, else 403.
    Match,
}

/// Whom a digest server lets in, and how it asks. An empty realm asks nobody.
#[derive(Clone)]
pub struct AuthConfig {
    /// Realm of the challenges: what users see, and what their HA1 is made of.
    pub realm: String,
    /// Algorithms in order of preference: one challenge each, in this order (RFC 8760 s2.3). Credentials of others are refused.
    pub algorithms: Vec<Algorithm>,
    /// Qualities of protection offered. Without [`Qop::Auth`] every request must protect its body.
    pub qop: Vec<Qop>,
    /// How long a nonce is good for.
    pub nonce_lifetime: Duration,
    /// Methods that are challenged; empty for all. ACK and CANCEL never are (RFC 3261 s22.1).
    pub methods: Vec<String>,
    /// Sources that need no credentials.
    pub trusted: Vec<Network>,
    /// Ask as a proxy does: 407 and Proxy-Authenticate (RFC 3261 s22.3).
    pub proxy: bool,
    /// What From must say.
    pub from: FromPolicy,
    /// User name to secret.
    pub users: BTreeMap<String, UserSecret>,
}

impl fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthConfig")
            .field("realm", &self.realm)
            .field("algorithms", &self.algorithms)
            .field("users", &self.users.len())
            .finish_non_exhaustive()
    }
}

impl Default for AuthConfig {
    /// SHA-256, then MD5 for old clients; `auth`; nonces of five minutes; every method, every source; nobody known.
    fn default() -> Self {
        AuthConfig {
            realm: String::new(),
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            qop: vec![Qop::Auth],
            nonce_lifetime: Duration::from_secs(300),
            methods: Vec::new(),
            trusted: Vec::new(),
            proxy: false,
            from: FromPolicy::Report,
            users: BTreeMap::new(),
        }
    }
}

impl AuthConfig {
    /// Asks everybody for credentials of `realm`, with the defaults.
    #[must_use]
    pub fn realm(realm: &str) -> Self {
        AuthConfig { realm: realm.to_owned(), ..AuthConfig::default() }
    }

    /// The same, and this user with this password.
    #[must_use]
    pub fn user(mut self, name: &str, password: &str) -> Self {
        self.users.insert(name.to_owned(), UserSecret::Password(password.to_owned()));
        self
    }

    /// Says what cannot be, and what to do.
    ///
    /// # Errors
    /// Cause and remedy.
    pub fn check(&self) -> Result<(), String> {
        let printable = |text: &str| !text.chars().any(char::is_control) && text.len() <= limits::API_STRING_BYTES;
        if self.realm.is_empty() || !printable(&self.realm) {
            return Err("a realm is a text without control characters, such as example.com".into());
        }
        if self.algorithms.is_empty() || self.qop.is_empty() {
            return Err("no digest algorithm or qop: leave them at their defaults or name at least one each".into());
        }
        if self.algorithms.len() > limits::AUTH_ALGORITHMS {
            return Err(format!(
                "{} digest algorithms: the most is {}",
                self.algorithms.len(),
                limits::AUTH_ALGORITHMS
            ));
        }
        let hour = Duration::from_secs(24 * 3600);
        if self.nonce_lifetime < Duration::from_secs(1) || self.nonce_lifetime > hour {
            return Err("a nonce lives for 1 s to 24 h; 300 s is usual".into());
        }
        self.users.iter().try_for_each(|(name, secret)| check_user(name, secret))?;
        match self.users.len() > limits::AUTH_USERS {
            true => Err(format!("{} users: the most is {}", self.users.len(), limits::AUTH_USERS)),
            false => Ok(()),
        }
    }

    /// Whether requests of this method are challenged.
    #[must_use]
    pub fn wants(&self, method: &str) -> bool {
        self.methods.is_empty() || self.methods.iter().any(|one| one == method)
    }

    /// Whether a source needs no credentials.
    #[must_use]
    pub fn trusts(&self, source: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(source))
    }
}

/// Whether a user name and secret can be kept.
///
/// # Errors
/// Cause and remedy.
pub fn check_user(name: &str, secret: &UserSecret) -> Result<(), String> {
    let printable = |text: &str| !text.chars().any(char::is_control) && text.len() <= limits::API_STRING_BYTES;
    if name.is_empty() || name.contains(':') || !printable(name) {
        return Err("a user name is not empty and has neither colon nor control characters".into());
    }
    match secret {
        UserSecret::Password(password) if password.is_empty() || !printable(password) => {
            Err("a password is not empty and has no control characters".into())
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_said() {
        let good = AuthConfig::realm("r").user("u", "p");
        assert_eq!(good.check(), Ok(()));
        let bad = |change: fn(&mut AuthConfig)| {
            let mut config = AuthConfig::realm("r").user("u", "p");
            change(&mut config);
            config.check().is_err()
        };
        assert!(bad(|c| c.realm.clear()));
        assert!(bad(|c| c.realm = "a\r\nb".into()));
        assert!(bad(|c| c.algorithms.clear()));
        assert!(bad(|c| c.algorithms = vec![Algorithm::Md5; 7]));
        assert!(!bad(|c| c.algorithms = vec![Algorithm::Md5; 6]));
        assert!(bad(|c| c.qop.clear()));
        assert!(bad(|c| c.nonce_lifetime = Duration::from_millis(999)));
        assert!(!bad(|c| c.nonce_lifetime = Duration::from_secs(1)));
        assert!(!bad(|c| c.nonce_lifetime = Duration::from_secs(24 * 3600)));
        assert!(bad(|c| c.nonce_lifetime = Duration::from_secs(24 * 3600 + 1)));
        for name in ["", "a:b", "a\nb"] {
            assert!(check_user(name, &UserSecret::Password("p".into())).is_err(), "{name:?}");
        }
        for password in ["", "p\0"] {
            assert!(check_user("u", &UserSecret::Password(password.into())).is_err(), "{password:?}");
        }
        let long = "x".repeat(limits::API_STRING_BYTES + 1);
        assert!(check_user(&long, &UserSecret::Password("p".into())).is_err());
        assert!(check_user("u", &UserSecret::Password(long)).is_err());
        let full = "x".repeat(limits::API_STRING_BYTES);
        assert!(check_user(&full, &UserSecret::Password(full.clone())).is_ok());
    }

    #[test]
    fn an_ha1_is_read_by_algorithm() {
        let md5 = "A".repeat(32);
        let sha = "0".repeat(64);
        let UserSecret::Ha1(all) = UserSecret::from_ha1(&format!("md5={md5}, SHA-512-256-sess = {sha} ,")).unwrap()
        else {
            panic!()
        };
        assert_eq!(all, [(Algorithm::Md5, md5.to_lowercase()), (Algorithm::Sha512_256, sha.clone())]);
        for wrong in
            ["", ",", "MD5", &format!("MD5={sha}"), &format!("SHA-1={sha}"), &format!("MD5={}", "g".repeat(32))]
        {
            let told = UserSecret::from_ha1(wrong).unwrap_err();
            assert!(!told.contains("000") && !told.contains("ggg"), "{told}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let config = AuthConfig::realm("r").user("u", "hunter2");
        let shown =
            format!("{config:?} {:?} {:?}", config.users, UserSecret::Ha1(vec![(Algorithm::Md5, "beef".into())]));
        assert!(!shown.contains("hunter2") && !shown.contains("beef"), "{shown}");
        assert!(shown.contains("realm") && shown.contains("users: 1"), "{shown}");
    }

    #[test]
    fn methods_and_sources() {
        let all = AuthConfig::realm("r");
        assert!(all.wants("INVITE") && all.wants("X") && !all.trusts("192.0.2.1".parse().unwrap()));
        let trusted = vec!["192.0.2.0/30".parse().unwrap()];
        let some = AuthConfig { methods: vec!["REGISTER".into()], trusted, ..AuthConfig::realm("r") };
        assert!(some.wants("REGISTER") && !some.wants("INVITE"));
        assert!(some.trusts("192.0.2.3".parse().unwrap()) && !some.trusts("192.0.2.4".parse().unwrap()));
    }
}
