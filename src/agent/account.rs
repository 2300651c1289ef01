//! Accounts: who we are to a domain, and how an account is found for a request. RFC 3261 s8.1.1, s10.2.

use super::io::{AccountConfig, AccountView};
use crate::auth::{Credentials, DigestCache};
use crate::base::Flow;
use crate::base::id::AccountId;
use crate::base::media::Codec;
use crate::dialog::Dialog;
use crate::message::{NameAddr, Uri};
use crate::usage::register::Registration;
use std::collections::BTreeMap;

/// One account, owned by this shard or seen from another.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) config: AccountConfig,
    pub(super) user: String,
    pub(super) domain: String,
    pub(super) service_route: Vec<String>,
    pub(super) digest: DigestCache,
    /// Only on the owning shard.
    pub(super) registration: Option<Registering>,
    pub(super) removing: bool,
}

/// The registration of an account with the ground of its requests.
#[derive(Debug)]
pub(super) struct Registering {
    pub(super) machine: Registration,
    pub(super) dialog: Dialog,
    /// Seconds that the REGISTER under way asked for.
    pub(super) asked_s: u32,
    /// The contact that it named.
    pub(super) contact: String,
    /// Whether its requests offer keep-alives.
    pub(super) offers_keep: bool,
    /// The flow that the last REGISTER went over.
    pub(super) flow: Option<Flow>,
}

impl Account {
    pub(super) fn new(config: AccountConfig) -> Self {
        let (user, domain) = user_and_domain(&config.aor);
        Account {
            config,
            user,
            domain,
            service_route: Vec::new(),
            digest: DigestCache::default(),
            registration: None,
            removing: false,
        }
    }

    /// Who calls when no account is named. RFC 3261 s8.1.1.3, RFC 3323 s4.1.1.3.
    pub(super) fn nobody() -> Self {
        Account::new(AccountConfig::default())
    }

    /// What answers challenges for this account; none without a password.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        if self.config.password.is_empty() {
            return None;
        }
        let user = if self.config.auth_user.is_empty() { &self.user } else { &self.config.auth_user };
        Some(Credentials {
            user: user.clone(),
            password: self.config.password.clone(),
            realm: self.config.realm.clone(),
            policy: self.config.digest,
        })
    }

    /// The pre-loaded routes of a request: the proxy and what follows it, else the Service-Route (RFC 3608 s5).
    pub(super) fn routes(&self) -> Vec<String> {
        let own = self.register_routes();
        if own.is_empty() { self.service_route.clone() } else { own }
    }

    /// The pre-loaded routes of a REGISTER: never the Service-Route (RFC 3608 s5.3).
    pub(super) fn register_routes(&self) -> Vec<String> {
        let proxy = Some(&self.config.proxy).filter(|proxy| !proxy.is_empty());
        proxy.map(|proxy| loose(proxy)).into_iter().chain(self.config.routes.iter().cloned()).collect()
    }

    /// Where REGISTER goes: the Request-URI, without user (RFC 3261 s10.2).
    pub(super) fn registrar(&self) -> String {
        if !self.config.registrar.is_empty() {
            return self.config.registrar.clone();
        }
        let scheme = if self.config.aor.contains("sips:") { "sips" } else { "sip" };
        let address = NameAddr::parse(&self.config.aor);
        let uri = address.as_ref().map_or(self.config.aor.as_str(), |a| a.uri);
        match Uri::parse(uri) {
            Ok(uri) => {
                let host = if uri.host.contains(':') { format!("[{}]", uri.host) } else { uri.host.to_owned() };
                let port = uri.port.map(|p| format!(":{p}")).unwrap_or_default();
                let transport = uri.params.value("transport").map(|t| format!(";transport={t}")).unwrap_or_default();
                format!("{scheme}:{host}{port}{transport}")
            }
            Err(_) => format!("{scheme}:{}", self.domain),
        }
    }

    /// A target of the application as a URI: what it says, or a user of our domain.
    pub(super) fn target(&self, target: &str) -> String {
        let target = target.trim();
        let scheme = target.split_once(':').map(|(scheme, _)| scheme.trim_start_matches('<'));
        let known = scheme.is_some_and(|s| {
            let s = s.rsplit('<').next().unwrap_or(s);
            ["sip", "sips", "tel", "urn"].iter().any(|k| s.eq_ignore_ascii_case(k))
        });
        if known {
            return target.to_owned();
        }
        if target.contains('@') {
            return format!("sip:{target}");
        }
        format!("sip:{target}@{}", self.host_of_domain())
    }

    fn host_of_domain(&self) -> &str {
        &self.domain
    }
}

fn loose(uri: &str) -> String {
    let uri = uri.trim().trim_start_matches('<').trim_end_matches('>');
    let uri = if uri.contains(':') && ["sip:", "sips:"].iter().any(|s| uri.to_ascii_lowercase().starts_with(s)) {
        uri.to_owned()
    } else {
        format!("sip:{uri}")
    };
    let has_lr = Uri::parse(&uri).is_ok_and(|u| u.is_lr());
    if has_lr { format!("<{uri}>") } else { format!("<{uri};lr>") }
}

/// User part, and host with port, of an address of record.
fn user_and_domain(aor: &str) -> (String, String) {
    let uri = NameAddr::parse(aor).map_or(aor, |a| a.uri);
    match Uri::parse(uri) {
        Ok(uri) => {
            let host = if uri.host.contains(':') { format!("[{}]", uri.host) } else { uri.host.to_owned() };
            let domain = uri.port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
            (uri.user.unwrap_or_default().to_owned(), domain)
        }
        Err(_) => (String::new(), aor.to_owned()),
    }
}

/// All accounts that this shard knows.
#[derive(Debug, Default)]
pub(super) struct Accounts(BTreeMap<AccountId, Account>);

impl Accounts {
    pub(super) fn insert(&mut self, id: AccountId, config: AccountConfig) {
        self.0.insert(id, Account::new(config));
    }

    pub(super) fn remove(&mut self, id: AccountId) -> Option<Account> {
        self.0.remove(&id)
    }

    pub(super) fn find(&self, id: AccountId) -> Option<&Account> {
        self.0.get(&id)
    }

    pub(super) fn find_mut(&mut self, id: AccountId) -> Option<&mut Account> {
        self.0.get_mut(&id)
    }

    pub(super) fn ids(&self) -> Vec<AccountId> {
        self.0.keys().copied().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a registration is under way, or a binding is to be ended.
    pub(super) fn is_busy(&self) -> bool {
        self.0.values().any(|a| a.registration.as_ref().is_some_and(|r| r.machine.is_busy()))
    }

    /// Takes what another shard says of its account.
    pub(super) fn view(&mut self, view: AccountView) {
        match view.config {
            None => {
                self.0.remove(&view.id);
            }
            Some(config) => {
                let account = self.0.entry(view.id).or_insert_with(|| Account::new(config));
                account.service_route = view.service_route;
            }
        }
    }

    /// The account that a request of the network is for: by the user of the Request-URI (our Contact carries it), then by the address in
    /// To; the only account when there is one; none else.
    pub(super) fn for_request(&self, user: Option<&str>, to: &str) -> AccountId {
        let by_user = self.0.iter().find(|(_, a)| user.is_some_and(|u| !u.is_empty() && a.user == u));
        let by_to = || {
            let (user, domain) = user_and_domain(to);
            self.0.iter().find(|(_, a)| a.user == user && a.domain.eq_ignore_ascii_case(&domain))
        };
        let only = || if self.0.len() == 1 { self.0.iter().next() } else { None };
        by_user.or_else(by_to).or_else(only).map_or(AccountId::NONE, |(id, _)| *id)
    }

    /// The codecs of an account, where it names any.
    pub(super) fn codecs(&self, id: AccountId) -> Option<&[Codec]> {
        self.find(id).map(|a| a.config.codecs.as_slice()).filter(|c| !c.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::id::Origin;

    fn account(aor: &str) -> Account {
        Account::new(AccountConfig { aor: aor.into(), ..AccountConfig::default() })
    }

    #[test]
    fn targets_become_uris() {
        let a = account("\"Alice\" <sip:alice@example.com:5070;transport=tcp>");
        assert_eq!(a.target("bob"), "sip:bob@example.com:5070");
        assert_eq!(a.target("bob@example.net"), "sip:bob@example.net");
        assert_eq!(a.target("sips:bob@example.net"), "sips:bob@example.net");
        assert_eq!(a.target("tel:+15551234"), "tel:+15551234");
        assert_eq!(a.registrar(), "sip:example.com:5070;transport=tcp");
        assert_eq!((a.user.as_str(), a.domain.as_str()), ("alice", "example.com:5070"));
    }

    #[test]
    fn a_proxy_becomes_a_loose_route() {
        let mut a = account("sip:alice@example.com");
        a.config.proxy = "proxy.example.com:5080;transport=tcp".into();
        assert_eq!(a.routes(), ["<sip:proxy.example.com:5080;transport=tcp;lr>"]);
        assert_eq!(loose("<sip:p;lr>"), "<sip:p;lr>");
    }

    #[test]
    fn requests_find_their_account() {
        let mut all = Accounts::default();
        let id = |n| AccountId::new(0, 0, Origin::Application, n);
        let user = |uri| Uri::parse(uri).unwrap().user;
        all.insert(id(1), account("sip:alice@example.com").config);
        assert_eq!(all.for_request(user("sip:192.0.2.1"), "sip:who@where"), id(1));
        all.insert(id(2), account("sip:bob@example.com").config);
        assert_eq!(all.for_request(user("sip:bob@192.0.2.1"), "sip:x@y"), id(2));
        assert_eq!(all.for_request(user("sip:192.0.2.1"), "sip:alice@EXAMPLE.com"), id(1));
        assert_eq!(all.for_request(user("sip:192.0.2.1"), "sip:who@where"), AccountId::NONE);
    }
}
