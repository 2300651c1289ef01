//! What of the SIP layer the application takes into its own hands. RFC 3261 s8.2.1.

use super::config::{Sized32, init, list, read};
use super::string::optional;
use crate::engine::{Error, SipConfig};
use std::ffi::c_char;

/// What of the SIP layer the application takes into its own hands. Set up with sipw_sip_config_init(), pointed to by sipw_config::sip; 0
/// and NULL are the defaults everywhere.
#[repr(C)]
pub struct sipw_sip_config {
    /// Set by sipw_sip_config_init().
    pub size: u32,
    /// Methods whose requests come as SIPW_EV_REQUEST and are answered with sipw_request_answer(): "INFO,SUBSCRIBE,NOTIFY,REFER". NULL:
    /// none; they get 405 or 501. Never INVITE, ACK, BYE, CANCEL.
    pub methods: *const c_char,
    /// Not 0: answer requests over UDP to the port that they came from, also where Via does not ask for it with rport (RFC 3581).
    pub force_rport: u32,
}

// SAFETY: integers and raw pointers.
unsafe impl Sized32 for sipw_sip_config {}

/// Sets a struct to its defaults; use the macro sipw_sip_config_init(). Does nothing with NULL.
///
/// @param cfg   the struct
/// @param size  its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_sip_config_init_sized(cfg: *mut sipw_sip_config, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(cfg, size) }
}

/// # Safety
/// `cfg` is NULL or a struct of the size it says, whose texts are readable.
pub(super) unsafe fn sip_config(cfg: *const sipw_sip_config) -> Result<SipConfig, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(cfg) = read(cfg, "sipw_sip_config")? else { return Ok(SipConfig::default()) };
        Ok(SipConfig {
            methods: list(optional(cfg.methods, "methods")?.unwrap_or_default()),
            force_rport: cfg.force_rport != 0,
        })
    }
}
