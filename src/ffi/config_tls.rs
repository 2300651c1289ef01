//! TLS settings of an engine, and their reload. RFC 5922, RFC 8446; docs/tls.md.

use super::config::{Sized32, init, read};
use super::engine::{find, sipw_engine};
use super::error::sipw_status;
use super::guard;
use super::string::{optional, owned, required, slice};
use crate::engine::{ClientAuth, Error, Pem, TlsCertificate, TlsConfig, TlsProfile, TlsVersion, tls_pin};
use std::ffi::c_char;

/// Certificates and profiles of one engine at most.
const MOST: usize = 4096;

/// A certificate with its key; each is a path, or PEM text itself.
#[repr(C)]
pub struct sipw_tls_certificate {
    /// The certificate, then intermediate ones.
    pub chain: *const c_char,
    /// Its private key, not encrypted.
    pub key: *const c_char,
}

/// How servers are verified, and what we show them.
#[repr(C)]
pub struct sipw_tls_profile {
    /// Name for sipw_account_options::tls_profile; NULL or "": the default of accounts that name none.
    pub name: *const c_char,
    /// Authorities to trust, a path or PEM text. NULL: what the system trusts.
    pub roots: *const c_char,
    /// SHA-256 of the server's public key, in hexadecimal or base64, several with commas: one must match. NULL: none needed.
    pub pins: *const c_char,
    /// What we show where the server asks; its chain NULL: nothing.
    pub certificate: sipw_tls_certificate,
    /// 12 or 0: TLS 1.2 and 1.3; 13: only 1.3.
    pub min_version: u32,
    /// Not 0: take ANY certificate, so that whoever sits in between reads all. Pins are still checked.
    pub no_verify: u32,
}

/// TLS of an engine. Set up with sipw_tls_config_init(), pointed to by sipw_config::tls; 0 and NULL are the defaults everywhere: a client
/// that trusts what the system trusts.
#[repr(C)]
pub struct sipw_tls_config {
    /// Set by sipw_tls_config_init().
    pub size: u32,
    /// Whether clients must show a certificate: 0 no, 1 if they have one, 2 yes.
    pub client_auth: u32,
    /// Oldest version of clients: 12 or 0, or 13.
    pub min_version: u32,
    /// How many certificates.
    pub certificate_count: u32,
    /// What we show as a server; the first is the default, the others are chosen by the name that the client asks for (SNI).
    pub certificates: *const sipw_tls_certificate,
    /// Authorities that clients' certificates are checked against, a path or PEM text.
    pub client_ca: *const c_char,
    /// How many profiles.
    pub profile_count: usize,
    /// How servers are verified.
    pub profiles: *const sipw_tls_profile,
    /// Path of a file that session keys are written to, for debugging (the format of SSLKEYLOGFILE). NULL: none.
    pub key_log: *const c_char,
}

// SAFETY: integers and raw pointers.
unsafe impl Sized32 for sipw_tls_config {}

/// Sets a struct to its defaults; use the macro sipw_tls_config_init(). Does nothing with NULL.
///
/// @param cfg   the struct
/// @param size  its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_tls_config_init_sized(cfg: *mut sipw_tls_config, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(cfg, size) }
}

/// Takes other TLS settings, or reads the files of the present ones again: renewed certificates serve new connections, open connections
/// and their calls go on. On an error all stays as it was.
///
/// @param cfg  set up with sipw_tls_config_init(); NULL: the present settings, their files read again
/// @return SIPW_E_IO, SIPW_E_INVAL, SIPW_E_UNSUPPORTED. From any thread; reads files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_tls_reload(eng: *mut sipw_engine, cfg: *const sipw_tls_config) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises a struct of the size it says.
        let config = if cfg.is_null() { None } else { Some(unsafe { tls_config(cfg) }?) };
        shared.engine().tls_reload(config.as_ref())
    })
}

/// # Safety
/// NULL, or a struct of the size it says whose pointers are readable.
pub(super) unsafe fn tls_config(cfg: *const sipw_tls_config) -> Result<TlsConfig, Error> {
    let mut config = TlsConfig::default();
    // SAFETY: the caller's promise, here and below.
    unsafe {
        let Some(c) = read(cfg, "sipw_tls_config")? else { return Ok(config) };
        config.client_auth = match c.client_auth {
            0 => ClientAuth::Off,
            1 => ClientAuth::Optional,
            2 => ClientAuth::Required,
            other => return Err(Error::invalid(format!("client_auth {other}: give 0, 1 or 2"))),
        };
        config.min_version = version(c.min_version)?;
        for one in slice(c.certificates, c.certificate_count as usize, MOST, "certificates")? {
            config.certificates.push(certificate(one)?);
        }
        config.client_ca = optional(c.client_ca, "client_ca")?.map(Pem::from);
        for one in slice(c.profiles, c.profile_count, MOST, "profiles")? {
            config.profiles.push(profile(one)?);
        }
        config.key_log = optional(c.key_log, "key_log")?.map(Into::into);
    }
    Ok(config)
}

/// # Safety
/// Its texts are readable.
unsafe fn profile(p: &sipw_tls_profile) -> Result<TlsProfile, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let pins = optional(p.pins, "pins")?.unwrap_or_default();
        let pins = pins.split(',').map(str::trim).filter(|pin| !pin.is_empty()).map(tls_pin);
        Ok(TlsProfile {
            name: owned(p.name, "name of a TLS profile")?,
            roots: optional(p.roots, "roots")?.map(Pem::from),
            pins: pins.collect::<Result<_, _>>()?,
            certificate: if p.certificate.chain.is_null() { None } else { Some(certificate(&p.certificate)?) },
            min_version: version(p.min_version)?,
            verify: p.no_verify == 0,
        })
    }
}

/// # Safety
/// Its texts are readable.
unsafe fn certificate(c: &sipw_tls_certificate) -> Result<TlsCertificate, Error> {
    // SAFETY: the caller's promise.
    unsafe { Ok(TlsCertificate { chain: required(c.chain, "chain")?.into(), key: required(c.key, "key")?.into() }) }
}

fn version(number: u32) -> Result<TlsVersion, Error> {
    match number {
        0 | 12 => Ok(TlsVersion::Tls12),
        13 => Ok(TlsVersion::Tls13),
        other => Err(Error::invalid(format!("min_version {other}: give 12 or 13"))),
    }
}
