//! Class K: TLS that does not prove what it should. Certificates for another name, by nobody, too old, with tricks in their names;
//! connections reused for another domain. RFC 5922 s7, RFC 5923 s9.
#![allow(clippy::disallowed_methods, reason = "real sockets")]

use rcgen::string::Ia5String;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use sipwright::base::Duration;
use sipwright::base::id::AccountId;
use sipwright::engine::{
    AccountConfig, CallOptions, ClientAuth, Delivered, Engine, EngineConfig, EventKind, Pem, TlsCertificate, TlsConfig,
    TlsProfile, TlsVersion, tls_pin,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// An authority of our own.
struct Authority {
    params: CertificateParams,
    key: KeyPair,
    pem: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { params, key, pem }
    }

    fn sign(&self, make: impl FnOnce(&mut CertificateParams)) -> (TlsCertificate, String) {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        make(&mut params);
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&self.params, &self.key);
        let pem = params.signed_by(&key, &issuer).unwrap().pem();
        (TlsCertificate { chain: Pem::Text(pem.clone()), key: Pem::Text(key.serialize_pem()) }, pem)
    }

    fn named(&self, names: &[SanType]) -> TlsCertificate {
        self.sign(|params| params.subject_alt_names = names.to_vec()).0
    }

    fn profile(&self) -> TlsProfile {
        TlsProfile { roots: Some(Pem::Text(self.pem.clone())), ..TlsProfile::default() }
    }
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(Ia5String::try_from(name).unwrap())
}

fn uri(uri: &str) -> SanType {
    SanType::URI(Ia5String::try_from(uri).unwrap())
}

struct Phone {
    engine: Engine,
    account: AccountId,
}

impl Phone {
    fn new(listen: &str, tls: TlsConfig, profile: &str) -> Self {
        let config = EngineConfig { listen: vec![listen.into()], media_threads: 1, tls, ..EngineConfig::default() };
        let engine = Engine::new(config).unwrap();
        let account = AccountConfig {
            aor: "sip:alice@localhost".into(),
            tls_profile: profile.into(),
            ..AccountConfig::default()
        };
        let account = engine.add_account(account, 0).unwrap();
        Phone { engine, account }
    }

    fn server(certificate: TlsCertificate) -> Self {
        let tls = TlsConfig { certificates: vec![certificate], ..TlsConfig::default() };
        Phone::new("tls://127.0.0.1:0", tls, "")
    }

    fn client(profile: TlsProfile) -> Self {
        Phone::new("tcp://127.0.0.1:0", TlsConfig { profiles: vec![profile], ..TlsConfig::default() }, "")
    }

    fn port(&self) -> u16 {
        self.engine.listeners()[0].local.port()
    }

    fn wait(&self, fits: impl Fn(&EventKind) -> bool) -> Delivered {
        let end = std::time::Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while let Some(left) = end.checked_duration_since(std::time::Instant::now()) {
            let Some(delivered) = self.engine.wait_event(left) else { continue };
            if fits(&delivered.event.kind) {
                return delivered;
            }
            seen.push(delivered.event.kind);
        }
        panic!("seen: {seen:?}");
    }

    /// Calls and hangs up; the reason where that fails.
    fn call(&self, server: &Phone, uri: &str) -> Result<(), String> {
        let call = self.engine.dial(self.account, uri, CallOptions::default(), 0).unwrap();
        let (end, turn) = (std::time::Instant::now() + PATIENCE, Duration::from_millis(10));
        loop {
            assert!(std::time::Instant::now() < end, "neither answered nor ended");
            match self.engine.wait_event(turn).map(|told| told.event.kind) {
                Some(EventKind::CallEnded { outcome, .. }) => return Err(outcome.reason),
                Some(EventKind::CallAnswered { .. }) => break,
                _ => {}
            }
            if let Some(told) = server.engine.wait_event(turn)
                && matches!(told.event.kind, EventKind::CallIncoming { .. })
            {
                server.engine.answer(told.event.call, CallOptions::default()).unwrap();
            }
        }
        self.engine.hangup(call, 0).unwrap();
        self.wait(|kind| matches!(kind, EventKind::CallEnded { .. }));
        server.wait(|kind| matches!(kind, EventKind::CallEnded { .. }));
        Ok(())
    }
}

/// What a call to `localhost` over TLS comes to with a certificate.
fn outcome(profile: TlsProfile, certificate: TlsCertificate) -> Result<(), String> {
    let (client, server) = (Phone::client(profile), Phone::server(certificate));
    client.call(&server, &format!("sip:bob@localhost:{};transport=tls", server.port()))
}

#[test]
fn a_good_certificate_is_taken_by_dns_name_and_by_sip_uri() {
    let ca = Authority::new();
    assert_eq!(outcome(ca.profile(), ca.named(&[dns("LOCALHOST")])), Ok(()));
    assert_eq!(outcome(ca.profile(), ca.named(&[dns("other.example"), uri("sip:localhost")])), Ok(()));
}

#[test]
fn another_name_is_refused_and_the_reason_says_which() {
    let ca = Authority::new();
    let reason = outcome(ca.profile(), ca.named(&[dns("other.example")])).unwrap_err();
    assert!(reason.contains("localhost") && reason.contains("other.example"), "{reason}");
    // A sip URI goes before the DNS name (RFC 5922 s7.1).
    let reason = outcome(ca.profile(), ca.named(&[dns("localhost"), uri("sip:other.example")])).unwrap_err();
    assert!(reason.contains("another name"), "{reason}");
}

#[test]
fn a_wildcard_is_refused() {
    let ca = Authority::new();
    let reason = outcome(ca.profile(), ca.named(&[dns("*.localhost"), dns("*")])).unwrap_err();
    assert!(reason.contains("wildcards"), "{reason}");
}

#[test]
fn a_common_name_alone_is_refused() {
    let ca = Authority::new();
    let certificate = ca.sign(|params| params.distinguished_name.push(DnType::CommonName, "localhost")).0;
    let reason = outcome(ca.profile(), certificate).unwrap_err();
    assert!(reason.contains("common name"), "{reason}");
}

#[test]
fn a_nul_in_a_name_is_refused() {
    let ca = Authority::new();
    let reason = outcome(ca.profile(), ca.named(&[dns("localhost"), dns("localhost\0.evil.example")])).unwrap_err();
    assert!(reason.contains("refused"), "{reason}");
}

#[test]
fn an_unknown_authority_is_refused() {
    let reason = outcome(Authority::new().profile(), Authority::new().named(&[dns("localhost")])).unwrap_err();
    assert!(reason.contains("not trusted"), "{reason}");
}

#[test]
fn an_expired_certificate_is_refused() {
    let ca = Authority::new();
    let old = ca.sign(|params| {
        params.subject_alt_names = vec![dns("localhost")];
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let reason = outcome(ca.profile(), old.0).unwrap_err();
    assert!(reason.contains("expired"), "{reason}");
}

#[test]
fn a_pin_that_does_not_match_is_refused_and_names_the_key() {
    let ca = Authority::new();
    let certificate = ca.named(&[dns("localhost")]);
    let wrong = TlsProfile { pins: vec![[7; 32]], ..ca.profile() };
    let reason = outcome(wrong, certificate.clone()).unwrap_err();
    let key = reason.split("sha256:").nth(1).and_then(|rest| rest.split(';').next()).unwrap();
    let right = TlsProfile { pins: vec![tls_pin(key).unwrap()], ..ca.profile() };
    assert_eq!(outcome(right, certificate.clone()), Ok(()));
    // The pin alone makes a certificate of an unknown authority safe.
    let pinned = TlsProfile { pins: vec![tls_pin(key).unwrap()], verify: false, ..TlsProfile::default() };
    assert_eq!(outcome(pinned, certificate), Ok(()));
    let pinned = TlsProfile { pins: vec![[7; 32]], verify: false, ..TlsProfile::default() };
    assert!(outcome(pinned, ca.named(&[dns("localhost")])).unwrap_err().contains("pin"));
}

#[test]
fn a_connection_is_not_reused_for_another_domain() {
    let ca = Authority::new();
    let (client, server) = (Phone::client(ca.profile()), Phone::server(ca.named(&[dns("localhost")])));
    let by_name = format!("sip:bob@localhost:{};transport=tls", server.port());
    let by_address = format!("sip:bob@127.0.0.1:{};transport=tls", server.port());
    assert_eq!(client.call(&server, &by_name), Ok(()));
    let opened = client.engine.counters().streams_opened;
    assert_eq!(client.call(&server, &by_name), Ok(()));
    assert_eq!(client.engine.counters().streams_opened, opened, "the same name is served by the same connection");
    let reason = client.call(&server, &by_address).unwrap_err();
    assert!(reason.contains("another name"), "{reason}");
}

#[test]
fn clients_without_a_good_certificate_stay_out_where_one_is_required() {
    let ca = Authority::new();
    let certificates = vec![ca.named(&[dns("localhost")])];
    let client_ca = Some(Pem::Text(ca.pem.clone()));
    let tls = TlsConfig { certificates, client_auth: ClientAuth::Required, client_ca, ..TlsConfig::default() };
    let server = Phone::new("tls://127.0.0.1:0", tls, "");
    let target = format!("sip:bob@localhost:{};transport=tls", server.port());
    assert!(Phone::client(ca.profile()).call(&server, &target).is_err());
    let own = Some(ca.named(&[dns("client.example")]));
    assert_eq!(Phone::client(TlsProfile { certificate: own, ..ca.profile() }).call(&server, &target), Ok(()));
    let strange = Some(Authority::new().named(&[dns("client.example")]));
    assert!(Phone::client(TlsProfile { certificate: strange, ..ca.profile() }).call(&server, &target).is_err());
}

#[test]
fn a_reload_serves_new_connections_and_open_ones_go_on() {
    let ca = Authority::new();
    let server = Phone::server(ca.named(&[dns("localhost")]));
    let target = format!("sip:bob@localhost:{};transport=tls", server.port());
    let old = Phone::client(ca.profile());
    assert_eq!(old.call(&server, &target), Ok(()));
    let renewed = TlsConfig { certificates: vec![ca.named(&[dns("other.example")])], ..TlsConfig::default() };
    server.engine.tls_reload(Some(&renewed)).unwrap();
    assert_eq!(old.call(&server, &target), Ok(()), "over the connection that is open");
    assert!(Phone::client(ca.profile()).call(&server, &target).unwrap_err().contains("other.example"));
    let broken = TlsCertificate { chain: Pem::Text("-----BEGIN nothing".into()), key: Pem::Text(String::new()) };
    let broken = TlsConfig { certificates: vec![broken], ..TlsConfig::default() };
    assert!(server.engine.tls_reload(Some(&broken)).is_err());
    assert_eq!(old.call(&server, &target), Ok(()));
}

#[test]
fn version_1_3_can_be_demanded_and_sips_goes_over_tls() {
    let ca = Authority::new();
    let profile = TlsProfile { min_version: TlsVersion::Tls13, ..ca.profile() };
    let (client, server) = (Phone::client(profile), Phone::server(ca.named(&[dns("localhost")])));
    assert_eq!(client.call(&server, &format!("sips:bob@localhost:{}", server.port())), Ok(()));
}

#[cfg(feature = "ws")]
#[test]
fn calls_go_over_websockets_plain_and_secured() {
    let ca = Authority::new();
    let tls = TlsConfig { certificates: vec![ca.named(&[dns("localhost")])], ..TlsConfig::default() };
    let client = Phone::client(ca.profile());
    let plain = Phone::new("ws://127.0.0.1:0", TlsConfig::default(), "");
    assert_eq!(client.call(&plain, &format!("sip:bob@localhost:{};transport=ws", plain.port())), Ok(()));
    let secured = Phone::new("wss://127.0.0.1:0", tls, "");
    assert_eq!(client.call(&secured, &format!("sips:bob@localhost:{};transport=ws", secured.port())), Ok(()));
}
