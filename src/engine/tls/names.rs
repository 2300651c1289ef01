//! The SIP identities of a certificate, and whether one is who we want. RFC 5922 s7.1, s7.2.
//!
//! The common name is never looked at (s7.1 allows that only without subjectAltName, and asks nobody to).

use std::net::IpAddr;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Names read from one certificate.
const NAMES: usize = 64;

/// Whom a certificate speaks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Identities {
    /// Domains, lower case.
    pub(crate) domains: Vec<String>,
    /// Addresses: only for hosts that are literals, of which RFC 5922 says nothing.
    pub(crate) addresses: Vec<IpAddr>,
}

impl Identities {
    /// Reads them. An `Err` says why the certificate must not be used.
    pub(crate) fn of(certificate: &[u8]) -> Result<Self, String> {
        let (_, certificate) =
            X509Certificate::from_der(certificate).map_err(|e| format!("it cannot be read ({e})"))?;
        let names = certificate.subject_alternative_name().map_err(|e| format!("its names cannot be read ({e})"))?;
        let names = names.map(|extension| extension.value.general_names.as_slice()).unwrap_or_default();
        let (mut uris, mut dns, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
        for name in names.iter().take(NAMES) {
            match name {
                GeneralName::URI(uri) => uris.extend(sip_domain(clean(uri)?)),
                GeneralName::DNSName(name) => dns.push(fold(clean(name)?)),
                GeneralName::IPAddress(octets) => addresses.extend(address(octets)),
                _ => {}
            }
        }
        // s7.1: DNS names count only where no sip URI is found.
        let domains = if uris.is_empty() { dns } else { uris };
        Ok(Identities { domains, addresses })
    }

    /// Whether the certificate speaks for a host. The whole name, no wildcard, no suffix (s7.2).
    pub(crate) fn include(&self, host: &str) -> bool {
        match host.parse::<IpAddr>() {
            Ok(ip) => self.addresses.contains(&ip),
            Err(_) => self.domains.iter().any(|domain| !domain.contains('*') && *domain == fold(host)),
        }
    }

    /// All of them as texts.
    pub(crate) fn all(&self) -> Vec<String> {
        self.domains.iter().cloned().chain(self.addresses.iter().map(IpAddr::to_string)).collect()
    }
}

/// A NUL or another control character in a name is an attempt to look like somebody else.
fn clean(name: &str) -> Result<&str, String> {
    match name.bytes().any(|b| b <= b' ' || b == 0x7f) {
        true => Err("one of its names holds a control character".to_owned()),
        false => Ok(name),
    }
}

/// Domains compare without case (RFC 4343); a final dot is the root that all have.
fn fold(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The domain of a `sip` URI without user.
fn sip_domain(uri: &str) -> Option<String> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("sip") || rest.contains('@') {
        return None;
    }
    let host = rest.split([';', '?', ':']).next().unwrap_or_default();
    (!host.is_empty()).then(|| fold(host))
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => <[u8; 4]>::try_from(octets).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(octets).ok().map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::string::Ia5String;
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    fn identities(sans: &[SanType], cn: &str) -> Result<Identities, String> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = sans.to_vec();
        params.distinguished_name.push(DnType::CommonName, cn);
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Identities::of(certificate.der())
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(Ia5String::try_from(name).unwrap())
    }

    fn uri(uri: &str) -> SanType {
        SanType::URI(Ia5String::try_from(uri).unwrap())
    }

    #[test]
    fn dns_names_without_case() {
        let found = identities(&[dns("SIP.Example.com"), dns("b.example")], "").unwrap();
        assert!(found.include("sip.example.COM") && found.include("b.example.") && !found.include("example.com"));
    }

    #[test]
    fn sip_uris_go_before_dns_names() {
        let found =
            identities(&[dns("dns.example"), uri("SIP:uri.example;x=y"), uri("https://web.example")], "").unwrap();
        assert!(found.include("uri.example") && !found.include("dns.example") && !found.include("web.example"));
        // A user is no domain; then DNS names count.
        let found = identities(&[dns("dns.example"), uri("sip:alice@uri.example")], "").unwrap();
        assert!(found.include("dns.example") && !found.include("uri.example"));
    }

    #[test]
    fn wildcards_match_nothing() {
        let found = identities(&[dns("*.example.com"), dns(".example.net")], "").unwrap();
        assert!(!found.include("sip.example.com") && !found.include("example.com") && !found.include("*.example.com"));
        assert!(!found.include("sip.example.net"));
    }

    #[test]
    fn the_common_name_is_not_looked_at() {
        let found = identities(&[], "sip.example.com").unwrap();
        assert!(found.all().is_empty() && !found.include("sip.example.com"));
    }

    #[test]
    fn addresses_are_for_literals_only() {
        let found = identities(&[SanType::IpAddress("192.0.2.4".parse().unwrap())], "").unwrap();
        assert!(found.include("192.0.2.4") && !found.include("192.0.2.5"));
        let found = identities(&[dns("192.0.2.4")], "").unwrap();
        assert!(!found.include("192.0.2.4"));
    }

    #[test]
    fn a_nul_spoils_the_certificate() {
        for san in [dns("sip.example.com\0.evil.example"), uri("sip:sip.example.com\0.evil.example")] {
            assert!(identities(&[san], "").unwrap_err().contains("control character"));
        }
    }
}
