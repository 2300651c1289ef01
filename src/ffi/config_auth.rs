//! Credentials that the peers of an engine must show, and the users it knows. RFC 3261 s22, RFC 7616, RFC 8760; docs/authentication.md.

use super::config::{Sized32, init, read};
use super::engine::{find, sipw_engine};
use super::error::sipw_status;
use super::guard;
use super::string::{optional, required};
use crate::base::Duration;
use crate::engine::{Algorithm, AuthConfig, Error, FromPolicy, Network, Qop, UserSecret};
use std::ffi::c_char;

/// Digest authentication of requests from the network. Set up with sipw_auth_config_init(), pointed to by sipw_config::auth. Requests
/// outside of dialogs are answered 401 without keeping anything of them (RFC 3261 s8.2.7) until they prove who they come from; the user
/// then stands on their events (sipw_event::auth_user). Users come by sipw_auth_user_set().
#[repr(C)]
pub struct sipw_auth_config {
    /// Set by sipw_auth_config_init().
    pub size: u32,
    /// Not 0: ask as a proxy does, with 407.
    pub proxy: u32,
    /// Not 0: the user of From must be the one that proved itself, else 403.
    pub match_from: u32,
    /// How long a nonce is good for, 1 to 86,400. 0: 300.
    pub nonce_lifetime_s: u32,
    /// Realm, "example.com". Needed.
    pub realm: *const c_char,
    /// Algorithms, best first, with commas: "SHA-512-256,SHA-256,MD5". NULL: "SHA-256,MD5".
    pub algorithms: *const c_char,
    /// "auth", "auth-int" or "auth,auth-int". NULL: "auth".
    pub qop: *const c_char,
    /// Methods that are asked, with commas. NULL: all but ACK and CANCEL, which never are.
    pub methods: *const c_char,
    /// Sources that need no credentials: "192.0.2.7,10.0.0.0/8". NULL: none.
    pub trusted: *const c_char,
}

// SAFETY: integers and raw pointers.
unsafe impl Sized32 for sipw_auth_config {}

/// Sets a struct to its defaults; use the macro sipw_auth_config_init(). Does nothing with NULL.
///
/// @param cfg   the struct
/// @param size  its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_auth_config_init_sized(cfg: *mut sipw_auth_config, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(cfg, size) }
}

/// A user of the realm is known from now on, or has another secret. Give either the password or its hash.
///
/// @param user      user name, without colon
/// @param password  the password; NULL with ha1
/// @param ha1       H(user:realm:password) per algorithm, "SHA-256=0123..,MD5=4567.."; NULL with password. RFC 7616 s3.4.2
/// @return SIPW_E_INVAL, SIPW_E_STATE without sipw_config::auth. From any thread; never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_auth_user_set(
    eng: *mut sipw_engine,
    user: *const c_char,
    password: *const c_char,
    ha1: *const c_char,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises readable text.
        let (user, password, ha1) =
            unsafe { (required(user, "user")?, optional(password, "password")?, optional(ha1, "ha1")?) };
        let secret = match (password, ha1) {
            (Some(password), None) => UserSecret::Password(password.to_owned()),
            (None, Some(ha1)) => UserSecret::from_ha1(ha1).map_err(Error::invalid)?,
            _ => return Err(Error::invalid("give a password or an HA1, and not both")),
        };
        shared.engine().set_auth_user(user, secret)
    })
}

/// A user is known no more. Calls that are up go on.
///
/// @return SIPW_E_INVAL, SIPW_E_STATE without sipw_config::auth. From any thread; never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_auth_user_remove(eng: *mut sipw_engine, user: *const c_char) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises readable text.
        let user = unsafe { required(user, "user")? };
        shared.engine().remove_auth_user(user)
    })
}

/// # Safety
/// NULL, or a struct of the size it says whose pointers are readable.
pub(super) unsafe fn auth_config(cfg: *const sipw_auth_config) -> Result<Option<AuthConfig>, Error> {
    // SAFETY: the caller's promise, here and below.
    unsafe {
        let Some(c) = read(cfg, "sipw_auth_config")? else { return Ok(None) };
        let mut config = AuthConfig::realm(required(c.realm, "realm")?);
        if let Some(names) = optional(c.algorithms, "algorithms")? {
            config.algorithms = items(names, |name| {
                let why = || Error::invalid(format!("{name:?} is no digest algorithm: MD5, SHA-256, SHA-512-256"));
                Algorithm::from_token(name).ok_or_else(why)
            })?;
        }
        if let Some(names) = optional(c.qop, "qop")? {
            config.qop = items(names, |name| {
                Qop::from_token(name).ok_or_else(|| Error::invalid(format!("{name:?} is no qop: auth, auth-int")))
            })?;
        }
        config.methods = items(optional(c.methods, "methods")?.unwrap_or_default(), |name| Ok(name.to_owned()))?;
        config.trusted = items(optional(c.trusted, "trusted")?.unwrap_or_default(), |text| {
            text.parse::<Network>().map_err(Error::invalid)
        })?;
        config.proxy = c.proxy != 0;
        config.from = if c.match_from != 0 { FromPolicy::Match } else { FromPolicy::Report };
        if c.nonce_lifetime_s != 0 {
            config.nonce_lifetime = Duration::from_secs(c.nonce_lifetime_s.into());
        }
        Ok(Some(config))
    }
}

fn items<T>(text: &str, read: impl Fn(&str) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(read).collect()
}
