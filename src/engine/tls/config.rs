//! TLS settings of an engine: certificates, trust, profiles. RFC 5922 s7, RFC 5280.

use super::super::Error;
use std::fmt;
use std::path::PathBuf;

/// TLS of one engine. The default is a client that trusts what the system trusts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// What we show as a server; the first is the default, the others are chosen by the name that the client asks for (SNI). Needed to
    /// listen on `tls://` and `wss://`.
    pub certificates: Vec<TlsCertificate>,
    /// Whether clients must show a certificate.
    pub client_auth: ClientAuth,
    /// Authorities that clients' certificates are checked against; needed unless `client_auth` is off.
    pub client_ca: Option<Pem>,
    /// Oldest version that clients may use.
    pub min_version: TlsVersion,
    /// How servers are verified, by the name of the profile; accounts choose one. Without one named "" the default trusts what the
    /// system trusts.
    pub profiles: Vec<TlsProfile>,
    /// Where session keys are written for debugging (the format of SSLKEYLOGFILE); whoever reads the file can read the traffic.
    pub key_log: Option<PathBuf>,
}

/// A certificate with its chain and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsCertificate {
    /// The certificate, then intermediate ones.
    pub chain: Pem,
    /// Its key (PKCS #8, PKCS #1 or SEC 1).
    pub key: Pem,
}

/// PEM: a file that is read again by a reload, or the text itself.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// Path of a file.
    File(PathBuf),
    /// The text.
    Text(String),
}

impl From<&str> for Pem {
    /// The text itself where it begins as one, else a path.
    fn from(value: &str) -> Self {
        if value.trim_start().starts_with("-----BEGIN") { Pem::Text(value.to_owned()) } else { Pem::File(value.into()) }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pem::File(path) => write!(f, "{}", path.display()),
            // It may be a key.
            Pem::Text(_) => f.write_str("PEM"),
        }
    }
}

/// Whether clients must show a certificate (mTLS).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum ClientAuth {
    /// They are not asked.
    #[default]
    Off = 0,
    /// They are asked; one that is shown must be good.
    Optional = 1,
    /// No connection without.
    Required = 2,
}

/// Oldest TLS version to speak.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum TlsVersion {
    /// TLS 1.2 and 1.3.
    #[default]
    Tls12 = 0,
    /// TLS 1.3 only.
    Tls13 = 1,
}

/// How servers are verified, and what we show them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsProfile {
    /// Name; empty for the default of accounts that name none.
    pub name: String,
    /// Authorities to trust; `None` trusts what the system trusts.
    pub roots: Option<Pem>,
    /// SHA-256 of the server's public key (SubjectPublicKeyInfo): one of them must match. Empty: none needed. See [`pin`].
    pub pins: Vec<[u8; 32]>,
    /// What we show where the server asks.
    pub certificate: Option<TlsCertificate>,
    /// Oldest version to speak.
    pub min_version: TlsVersion,
    /// False takes any certificate: whoever sits in between reads all. Pins are still checked; with them a self-signed certificate is
    /// safe.
    pub verify: bool,
}

impl Default for TlsProfile {
    fn default() -> Self {
        TlsProfile {
            name: String::new(),
            roots: None,
            pins: Vec::new(),
            certificate: None,
            min_version: TlsVersion::default(),
            verify: true,
        }
    }
}

/// How a connection is protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    /// `TLSv1.3` or `TLSv1.2`.
    pub version: String,
    /// Cipher suite, as `TLS13_AES_256_GCM_SHA384`.
    pub suite: String,
    /// Domains of the peer's certificate (RFC 5922 s7.1); empty where it showed none.
    pub names: Vec<String>,
    /// The peer's certificate was verified.
    pub verified: bool,
}

/// Reads a pin: 32 bytes in hexadecimal (colons allowed) or base64, with or without `sha256/` before it.
pub fn pin(text: &str) -> Result<[u8; 32], Error> {
    let bare = text.trim();
    let bare = bare.strip_prefix("sha256/").or_else(|| bare.strip_prefix("sha256:")).unwrap_or(bare);
    let digits: Vec<u8> = bare.bytes().filter(|b| *b != b':').collect();
    let bytes = if digits.len() == 64 { from_hex(&digits) } else { from_base64(bare.as_bytes()) };
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| {
        Error::invalid(format!(
            "{text:?} is no pin: give the SHA-256 of the server's public key, 64 hexadecimal digits or base64 (openssl x509 -pubkey \
             -noout -in cert.pem | openssl pkey -pubin -outform der | openssl dgst -sha256 -hex)"
        ))
    })
}

fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    use crate::base::text::hex;
    digits.chunks(2).map(|pair| Some((hex(*pair.first()?)? << 4) | hex(*pair.get(1)?)?)).collect()
}

fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text.iter().filter(|b| **b != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = ((bits << 6) | u32::from(value)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_in_hexadecimal_and_base64() {
        let bytes: [u8; 32] = std::array::from_fn(|i| i as u8 * 7);
        let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
        assert_eq!(pin(&hex.concat()).unwrap(), bytes);
        assert_eq!(pin(&format!("sha256:{}", hex.join(":"))).unwrap(), bytes);
        assert_eq!(pin("sha256/AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk=").unwrap(), bytes);
        for bad in ["", "sha256/", "00", "zz", "AAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0t"] {
            assert!(pin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_never_shown() {
        let text = Pem::from("-----BEGIN PRIVATE KEY-----\nsecret\n");
        assert!(matches!(text, Pem::Text(_)) && !format!("{text:?}").contains("secret"));
        assert_eq!(Pem::from("key.pem"), Pem::File("key.pem".into()));
    }
}
