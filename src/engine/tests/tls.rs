//! Calls over TLS and WebSockets, and what goes wrong with certificates. RFC 5922, RFC 7118.

use super::calls::{Phone, talk};
use super::*;
use crate::base::Protocol;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An authority and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("authority {}", NUMBER.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Pem {
        Pem::Text(self.0.pem())
    }

    fn certificate(&self, names: &[&str]) -> TlsCertificate {
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        TlsCertificate { chain: Pem::Text(certificate.pem()), key: Pem::Text(key.serialize_pem()) }
    }

    /// Shows a certificate for 127.0.0.1 and trusts the authority.
    fn config(&self, signalling_threads: usize) -> EngineConfig {
        let profile = TlsProfile { roots: Some(self.pem()), ..TlsProfile::default() };
        let tls = TlsConfig {
            certificates: vec![self.certificate(&["127.0.0.1", "localhost"])],
            profiles: vec![profile],
            ..TlsConfig::default()
        };
        #[cfg(feature = "ws")]
        let protocols = ["udp", "tcp", "tls", "ws", "wss"];
        #[cfg(not(feature = "ws"))]
        let protocols = ["udp", "tcp", "tls"];
        let listen = protocols.iter().map(|protocol| format!("{protocol}://127.0.0.1:0")).collect();
        EngineConfig { signalling_threads, listen, tls, media_threads: 1, ..EngineConfig::default() }
    }
}

/// A call whose callee hangs up: requests go both ways over the one connection.
fn a_call(protocol: Protocol, shards: usize) {
    let authority = Authority::new();
    let (mut alice, mut bob) = (Phone::new(authority.config(shards)), Phone::new(authority.config(shards)));
    let (ours, theirs) = talk(&mut alice, &mut bob, protocol);
    let (here, there) = (alice.engine.call_security(ours).unwrap(), bob.engine.call_security(theirs).unwrap());
    if protocol.is_secure() {
        let here = here.unwrap();
        assert!(here.verified && here.names.contains(&"127.0.0.1".to_owned()), "{here:?}");
        assert_eq!(here.version, "TLSv1.3");
        // Nobody asked the client for a certificate.
        let there = there.unwrap();
        assert!(!there.verified && there.names.is_empty() && there.suite == here.suite, "{there:?}");
    } else {
        assert!(here.is_none() && there.is_none());
    }
    bob.engine.hangup(theirs, 0).unwrap();
    assert_eq!(alice.ended(ours).0.status, 200);
    assert_eq!(bob.ended(theirs).0.status, 200);
    for phone in [alice, bob] {
        phone.engine.shutdown(Duration::from_secs(5)).unwrap();
        assert_eq!(phone.engine.counters().panics, 0);
    }
}

#[test]
fn tls() {
    a_call(Protocol::Tls, 1);
    a_call(Protocol::Tls, 3);
}

#[cfg(feature = "ws")]
#[test]
fn websockets() {
    a_call(Protocol::Ws, 1);
    a_call(Protocol::Ws, 3);
}

#[cfg(feature = "ws")]
#[test]
fn secure_websockets() {
    a_call(Protocol::Wss, 1);
    a_call(Protocol::Wss, 3);
}

#[test]
fn a_reload_changes_new_connections_and_drops_no_call() {
    let (old, new) = (Authority::new(), Authority::new());
    let (mut alice, mut bob) = (Phone::new(old.config(1)), Phone::new(old.config(1)));
    let (ours, theirs) = talk(&mut alice, &mut bob, Protocol::Tls);
    let mut settings = old.config(1).tls;
    settings.certificates = vec![new.certificate(&["127.0.0.1"])];
    bob.engine.tls_reload(Some(&settings)).unwrap();
    // Who trusts only the old authority does not get in any more; who is in, stays.
    let mut carol = Phone::new(old.config(1));
    let refused = carol.dial(&bob, Protocol::Tls);
    let (outcome, _) = carol.ended(refused);
    assert!(outcome.reason.contains("unknown issuer"), "{outcome:?}");
    let mut dave = Phone::new(new.config(1));
    let (again, other) = talk(&mut dave, &mut bob, Protocol::Tls);
    assert_eq!(alice.engine.state(ours), CallState::Answered);
    for (phone, call) in [(&mut alice, ours), (&mut dave, again)] {
        phone.engine.hangup(call, 0).unwrap();
        assert_eq!(phone.ended(call).0.status, 200);
    }
    bob.ended(theirs);
    let _ = other;
    // Settings that cannot be used change nothing.
    settings.certificates[0].key = new.certificate(&["x"]).key;
    let error = bob.engine.tls_reload(Some(&settings)).unwrap_err();
    assert!(error.message.contains("does not belong"), "{}", error.message);
    bob.engine.tls_reload(None).unwrap();
}

#[test]
fn handshakes_that_never_end_delay_nobody() {
    let authority = Authority::new();
    let (mut alice, mut bob) = (Phone::new(authority.config(1)), Phone::new(authority.config(1)));
    let listener = bob.engine.listeners().into_iter().find(|l| l.protocol == Protocol::Tls).unwrap();
    // Silent ones, and some that begin with half a ClientHello.
    let mut stuck: Vec<TcpStream> = (0..20).map(|_| TcpStream::connect(listener.local).unwrap()).collect();
    for stream in stuck.iter_mut().skip(10) {
        stream.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]).unwrap();
    }
    let (ours, theirs) = talk(&mut alice, &mut bob, Protocol::Tls);
    alice.engine.hangup(ours, 0).unwrap();
    assert_eq!((alice.ended(ours).0.status, bob.ended(theirs).0.status), (200, 200));
    // What is no TLS is told so, and closed.
    let mut plain = TcpStream::connect(listener.local).unwrap();
    plain.write_all(b"OPTIONS sip:x SIP/2.0\r\n\r\n").unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).unwrap();
    assert_eq!(answer.first(), Some(&0x15), "an alert");
}
