//! The client's side: who is trusted for which name. RFC 5922 s7.3, RFC 5280 s6, RFC 7469 s2.4 (what a pin is).

use super::names::Identities;
use super::server::versions;
use super::{TlsConfig, TlsProfile, load};
use crate::engine::Error;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, KeyLog, OtherError, RootCertStore, SignatureScheme,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};

/// One profile, ready for connections.
pub(super) struct Profile {
    pub(super) config: Arc<ClientConfig>,
    /// Names of certificates are proven.
    pub(super) verifies: bool,
    /// We have a certificate to show.
    pub(super) shows: bool,
}

/// The profiles of a configuration, and a default one.
pub(super) fn load(
    config: &TlsConfig,
    provider: &Arc<CryptoProvider>,
    key_log: &Arc<dyn KeyLog>,
) -> Result<BTreeMap<String, Profile>, Error> {
    let mut all = BTreeMap::new();
    let default = TlsProfile::default();
    let missing = Some(&default).filter(|_| !config.profiles.iter().any(|profile| profile.name.is_empty()));
    for profile in config.profiles.iter().chain(missing) {
        if all.insert(profile.name.clone(), load_one(profile, provider, key_log.clone())?).is_some() {
            return Err(Error::invalid(format!("two TLS profiles have the name {:?}", profile.name)));
        }
    }
    Ok(all)
}

fn load_one(profile: &TlsProfile, provider: &Arc<CryptoProvider>, key_log: Arc<dyn KeyLog>) -> Result<Profile, Error> {
    let bad = |e: rustls::Error| Error::invalid(format!("TLS profile {:?} cannot be used: {e}", profile.name));
    if !profile.verify && profile.pins.is_empty() {
        tracing::warn!(
            profile = profile.name,
            "TLS certificates are NOT VERIFIED under this profile: whoever sits in between reads and changes all; set verify, or pins"
        );
    }
    let trust = match (&profile.roots, profile.verify) {
        (_, false) => Trust::Anybody,
        (Some(pem), true) => Trust::Roots(load::roots(pem, "trust roots")?),
        (None, true) => match rustls_platform_verifier::Verifier::new(provider.clone()) {
            Ok(system) => Trust::System(Arc::new(system)),
            // A machine without trust store: it matters when a connection is made, not before.
            Err(e) => {
                Trust::Nobody(format!("this system has no trusted authorities ({e}): name a file of trust roots"))
            }
        },
    };
    let verifier = Verifier { trust, pins: profile.pins.clone(), provider: provider.clone() };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions(profile.min_version))
        .map_err(bad)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut client = match &profile.certificate {
        Some(own) => {
            let key = load::certified(own, provider)?;
            builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)))
        }
        None => builder.with_no_client_auth(),
    };
    client.key_log = key_log;
    Ok(Profile { config: Arc::new(client), verifies: profile.verify, shows: profile.certificate.is_some() })
}

/// Who may sign.
enum Trust {
    Roots(Arc<RootCertStore>),
    System(Arc<rustls_platform_verifier::Verifier>),
    Anybody,
    Nobody(String),
}

/// Chain (RFC 5280), then name (RFC 5922), then pin.
struct Verifier {
    trust: Trust,
    pins: Vec<[u8; 32]>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Verifier")
    }
}

/// Why a certificate is refused, in words.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

fn refuse(why: String) -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(Refusal(why)))))
}

impl Verifier {
    fn chain(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        match &self.trust {
            Trust::Anybody => Ok(()),
            Trust::Nobody(why) => Err(refuse(why.clone())),
            Trust::Roots(roots) => {
                let parsed = ParsedCertificate::try_from(certificate)?;
                let algorithms = self.provider.signature_verification_algorithms.all;
                verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)
            }
            Trust::System(system) => match system.verify_server_cert(certificate, intermediates, name, ocsp, now) {
                // There the chain comes first and is good; names follow RFC 5922, which `name` below does.
                Err(rustls::Error::InvalidCertificate(
                    CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
                )) if cfg!(target_os = "linux") => Ok(()),
                outcome => outcome.map(drop),
            },
        }
    }

    fn name(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), rustls::Error> {
        if matches!(self.trust, Trust::Anybody) {
            return Ok(());
        }
        let name = name.to_str();
        let found = Identities::of(certificate)
            .map_err(|why| refuse(format!("the certificate of {name} is refused: {why}; it may be an attack")))?;
        if found.include(&name) {
            return Ok(());
        }
        let names = match found.all() {
            names if names.is_empty() => "none (a common name alone does not count)".to_owned(),
            names => names.join(", "),
        };
        let wildcard = if names.contains('*') { "; wildcards do not count in SIP (RFC 5922 s7.2)" } else { "" };
        Err(refuse(format!(
            "the certificate is for another name: wanted {name}, it has {names}{wildcard}; call the name that it has, or get one with \
             {name} in its subjectAltName"
        )))
    }

    fn pin(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        if self.pins.is_empty() {
            return Ok(());
        }
        let (_, parsed) = X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let key: [u8; 32] = Sha256::digest(parsed.public_key().raw).into();
        if self.pins.contains(&key) {
            return Ok(());
        }
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Err(refuse(format!(
            "the server's public key matches no pin: it is sha256:{hex}; if the server changed its key, add this pin, else it may be an \
             attack"
        )))
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.chain(certificate, intermediates, name, ocsp, now)?;
        self.name(certificate, name)?;
        self.pin(certificate)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
