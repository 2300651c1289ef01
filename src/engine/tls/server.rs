//! The server's side: certificates by name, clients' certificates. RFC 6066 s3 (SNI), RFC 5922 s7.4.

use super::names::Identities;
use super::{ClientAuth, TlsConfig, TlsVersion, load};
use crate::engine::Error;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoClientAuth, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{KeyLog, ServerConfig, SupportedProtocolVersion};
use std::sync::Arc;

/// The protocol versions from the oldest on.
pub(super) fn versions(min: TlsVersion) -> &'static [&'static SupportedProtocolVersion] {
    static BOTH: [&SupportedProtocolVersion; 2] = [&rustls::version::TLS13, &rustls::version::TLS12];
    let newest = if min == TlsVersion::Tls13 { 1 } else { BOTH.len() };
    BOTH.get(..newest).unwrap_or_default()
}

/// The settings of accepted connections; none without a certificate.
pub(super) fn load(
    config: &TlsConfig,
    provider: &Arc<CryptoProvider>,
    key_log: Arc<dyn KeyLog>,
) -> Result<Option<Arc<ServerConfig>>, Error> {
    if config.certificates.is_empty() {
        return Ok(None);
    }
    let keys = config.certificates.iter().map(|c| load::certified(c, provider)).collect::<Result<Vec<_>, _>>()?;
    let verifier = match (config.client_auth, &config.client_ca) {
        (ClientAuth::Off, _) => Arc::new(NoClientAuth),
        (_, None) => {
            return Err(Error::invalid("client certificates are asked for without authorities: set the client CA"));
        }
        (auth, Some(ca)) => {
            let roots = load::roots(ca, "client CA")?;
            let builder = WebPkiClientVerifier::builder_with_provider(roots, provider.clone());
            let builder = if auth == ClientAuth::Optional { builder.allow_unauthenticated() } else { builder };
            builder.build().map_err(|e| Error::invalid(format!("the client CA cannot be used: {e}")))?
        }
    };
    let mut server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions(config.min_version))
        .map_err(|e| Error::invalid(format!("TLS cannot be set up: {e}")))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(ByName::new(keys)));
    server.key_log = key_log;
    Ok(Some(Arc::new(server)))
}

/// Certificates with the names that they serve; the first is for everybody else.
#[derive(Debug)]
struct ByName(Vec<(Vec<String>, Arc<CertifiedKey>)>);

impl ByName {
    fn new(keys: Vec<Arc<CertifiedKey>>) -> Self {
        let names = |key: &CertifiedKey| {
            let certificate = key.cert.first().map(|der| Identities::of(der));
            certificate.and_then(Result::ok).map(|found| found.domains).unwrap_or_default()
        };
        ByName(keys.into_iter().map(|key| (names(&key), key)).collect())
    }

    fn choose(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let name = name.map(str::to_ascii_lowercase);
        let serves = |pattern: &String, name: &String| match pattern.strip_prefix("*.") {
            // Which of our own to show is our choice; whether it convinces is the client's.
            Some(rest) => name.split_once('.').is_some_and(|(_, tail)| tail == rest),
            None => pattern == name,
        };
        let found = name.and_then(|name| self.0.iter().find(|(names, _)| names.iter().any(|own| serves(own, &name))));
        found.or_else(|| self.0.first()).map(|(_, key)| key.clone())
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.choose(hello.server_name())
    }
}
