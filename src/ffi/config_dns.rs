//! How an engine looks names up, and what follows a target that fails. RFC 3263, RFC 8305 s5.

use super::config::{SIPW_NEVER, Sized32, init, list, read};
use super::string::{optional, owned};
use crate::base::Duration;
use crate::engine::{DnsConfig, Error, ErrorKind, HostsFile};
use std::ffi::c_char;

/// How names are looked up. Set up with sipw_dns_config_init(), pointed to by sipw_config::dns; 0 and NULL are the defaults everywhere.
#[repr(C)]
pub struct sipw_dns_config {
    /// Set by sipw_dns_config_init().
    pub size: u32,
    /// An attempt with one name server takes no longer. 0: 2,000.
    pub timeout_ms: u32,
    /// Attempts per question. 0: 3.
    pub attempts: u32,
    /// Answers are remembered no longer than this, whatever their TTL. 0: a day; SIPW_NEVER: not at all.
    pub cache_max_ms: u32,
    /// Over UDP a target that answers nothing is given up after this while there are others. 0: 4,000; SIPW_NEVER: each gets 64*T1.
    pub try_timeout_ms: u32,
    /// A target that failed stands behind the others for this long. 0: 30,000; SIPW_NEVER: it does not.
    pub penalty_ms: u32,
    /// The longest Retry-After of a 503 that is kept. 0: 300,000.
    pub penalty_max_ms: u32,
    /// A connection that is not open after this is joined by one to the next address. 0: 250; SIPW_NEVER: one at a time.
    pub attempt_delay_ms: u32,
    /// Name servers, "192.0.2.53,[2001:db8::53]:5353". NULL: those of the system. Built without DNS: SIPW_E_UNSUPPORTED.
    pub servers: *const c_char,
    /// A file of names and addresses. NULL: that of the system; "": none.
    pub hosts_file: *const c_char,
}
// SAFETY: integers and raw pointers.
unsafe impl Sized32 for sipw_dns_config {}

/// Sets a struct to its defaults; use the macro sipw_dns_config_init(). Does nothing with NULL.
///
/// @param cfg   the struct
/// @param size  its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_dns_config_init_sized(cfg: *mut sipw_dns_config, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(cfg, size) }
}

/// Checks a DNS configuration; NULL is the default one.
///
/// # Safety
/// `at` is NULL or set up by `sipw_dns_config_init`, and the texts that it points to are readable.
pub(super) unsafe fn dns_config(at: *const sipw_dns_config) -> Result<DnsConfig, Error> {
    let mut config = DnsConfig::default();
    // SAFETY: the caller's promise.
    let Some(c) = (unsafe { read(at, "sipw_dns_config") })? else { return Ok(config) };
    // SAFETY: the caller's promise.
    let (servers, hosts) = unsafe { (owned(c.servers, "servers")?, optional(c.hosts_file, "hosts_file")?) };
    for text in list(&servers) {
        let server = DnsConfig::server(&text).ok_or_else(|| {
            let message = format!("servers: {text:?} is no address; give 192.0.2.53 or [2001:db8::53]:5353");
            Error::new(ErrorKind::Invalid, message)
        })?;
        config.servers.push(server);
    }
    match hosts {
        None => {}
        Some("") => config.hosts = HostsFile::Nothing,
        Some(path) => config.hosts = HostsFile::File(path.into()),
    }
    if c.attempts != 0 {
        config.attempts = c.attempts as usize;
    }
    let set = |value: &mut Duration, ms: u32| match ms {
        0 => {}
        SIPW_NEVER => *value = Duration::ZERO,
        ms => *value = Duration::from_millis(u64::from(ms)),
    };
    set(&mut config.timeout, c.timeout_ms);
    set(&mut config.cache_max, c.cache_max_ms);
    set(&mut config.failover.try_timeout, c.try_timeout_ms);
    set(&mut config.failover.penalty, c.penalty_ms);
    set(&mut config.failover.penalty_max, c.penalty_max_ms);
    set(&mut config.failover.attempt_delay, c.attempt_delay_ms);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(tweak: impl FnOnce(&mut sipw_dns_config)) -> Result<DnsConfig, Error> {
        let mut c = std::mem::MaybeUninit::<sipw_dns_config>::uninit();
        // SAFETY: set up by the function for it, filled with literals.
        unsafe {
            sipw_dns_config_init_sized(c.as_mut_ptr(), size_of::<sipw_dns_config>());
            let mut c = c.assume_init();
            tweak(&mut c);
            dns_config(&raw const c)
        }
    }

    #[test]
    fn zero_is_the_default_and_servers_are_read() {
        let (zero, usual) = (made(|_| {}).unwrap(), DnsConfig::default());
        assert_eq!((zero.failover, zero.timeout, zero.hosts), (usual.failover, usual.timeout, usual.hosts));
        let set = made(|c| {
            c.servers = c"192.0.2.53, [2001:db8::53]:5353".as_ptr();
            c.hosts_file = c"".as_ptr();
            c.try_timeout_ms = SIPW_NEVER;
        });
        let set = set.unwrap();
        assert_eq!(set.servers, ["192.0.2.53:53".parse().unwrap(), "[2001:db8::53]:5353".parse().unwrap()]);
        assert_eq!((set.hosts, set.failover.try_timeout), (HostsFile::Nothing, Duration::ZERO));
        assert!(made(|c| c.servers = c"nonsense".as_ptr()).unwrap_err().message.contains("192.0.2.53"));
    }
}
