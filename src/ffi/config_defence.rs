//! How an engine defends itself, and the filter of incoming requests. RFC 7339; docs/security.md.

use super::config::{SIPW_NEVER, Sized32, User, init, list, read};
use super::error::sipw_status;
use super::guard;
use super::string::{c_text, optional, put, required, slice_mut, wanted};
use crate::base::{Duration, limits};
use crate::engine::{Decision, DefenceConfig, Error, ErrorKind, Filter, Incoming, Network, Rate};
use std::ffi::{c_char, c_void};

/// A verdict of ::sipw_filter_cb: the request goes on.
pub const SIPW_FILTER_ACCEPT: i32 = 0;
/// A verdict of ::sipw_filter_cb: the request is dropped without a word.
pub const SIPW_FILTER_DROP: i32 = -1;

/// A new request, valid during the filter.
#[repr(C)]
pub struct sipw_incoming {
    /// Bytes the library filled.
    pub size: u32,
    /// Not 0: it belongs to a dialog that is there.
    pub in_dialog: u32,
    /// "INVITE".
    pub method: *const c_char,
    /// Request-URI as it came.
    pub uri: *const c_char,
    /// URI of From.
    pub from: *const c_char,
    /// URI of To.
    pub to: *const c_char,
    /// "udp", "tcp" ..
    pub protocol: *const c_char,
    /// Our address, "192.0.2.1:5060".
    pub local: *const c_char,
    /// The address of the source, "192.0.2.2:5060".
    pub source: *const c_char,
    /// The whole message; not NUL-terminated.
    pub message: *const c_char,
    /// How many bytes.
    pub message_bytes: usize,
    /// For sipw_incoming_header().
    pub handle: *const c_void,
}

/// Asked about each new request but ACK and CANCEL, on the signalling thread that has it: it must be quick and must not block, throw or
/// longjmp, nor call this library but for sipw_incoming_header(). With several signalling threads it runs on each of them.
///
/// @param request  valid until the callback returns
/// @param reason   where a reason phrase for a refusal may go; the text is copied when the callback returns
/// @param user     sipw_defence_config::filter_user
/// @return SIPW_FILTER_ACCEPT, SIPW_FILTER_DROP, or a status of 300 to 699 to refuse with
pub type sipw_filter_cb =
    Option<unsafe extern "C" fn(request: *const sipw_incoming, reason: *mut *const c_char, user: *mut c_void) -> i32>;

/// How an engine defends itself. Set up with sipw_defence_config_init(), pointed to by sipw_config::defence; 0 and NULL are the defaults
/// everywhere. A source is an IPv4 address, or the /64 of an IPv6 one.
#[repr(C)]
pub struct sipw_defence_config {
    /// Set by sipw_defence_config_init().
    pub size: u32,
    /// New requests outside of dialogs that one source may send in a minute; more are dropped, twice the burst brings a ban. 0: no limit.
    pub requests_per_minute: u32,
    /// How many of them at once. 0: as many as in a minute.
    pub requests_burst: u32,
    /// Wrong credentials of one source in a minute; more bring a ban. 0: 20; SIPW_NEVER: no limit.
    pub auth_failures_per_minute: u32,
    /// Malformed messages of one source in a minute; more go unanswered, twice as many bring a ban. 0: 60; SIPW_NEVER: no limit.
    pub malformed_per_minute: u32,
    /// The first ban of a source; each further one is twice as long. 0: 60,000; SIPW_NEVER: bans nobody.
    pub ban_ms: u32,
    /// The longest ban. 0: 3,600,000.
    pub ban_max_ms: u32,
    /// Not 0: drop requests of scanners (friendly-scanner, sipvicious, sipcli ..) without a word.
    pub drop_scanners: u32,
    /// Who is never limited: "192.0.2.7,10.0.0.0/8,2001:db8::/32". NULL: nobody.
    pub allow: *const c_char,
    /// How long messages may wait before new work is refused with 503. 0: 100; SIPW_NEVER: nothing is refused because of load.
    pub overload_delay_ms: u32,
    /// Not 0: offer overload control to next hops and heed it. RFC 7339.
    pub overload_control: u32,
    /// Asked about each new request; NULL: nobody is.
    pub filter: sipw_filter_cb,
    /// Given to the filter.
    pub filter_user: *mut c_void,
}

// SAFETY: integers, raw pointers and optional function pointers.
unsafe impl Sized32 for sipw_defence_config {}

/// Sets a struct to its defaults; use the macro sipw_defence_config_init(). Does nothing with NULL.
///
/// @param cfg   the struct
/// @param size  its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_defence_config_init_sized(cfg: *mut sipw_defence_config, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(cfg, size) }
}

/// Reads a header of the request that a filter is asked about; only inside the filter. Names match in any case and in compact form, with
/// or without white space before the colon.
///
/// @param request  what the filter was given
/// @param name     "P-Asserted-Identity"
/// @param index    0 for the first value of that name
/// @param out      where the value goes, NUL-terminated, cut to out_bytes; may be NULL with out_bytes 0
/// @param length   its whole length
/// @return SIPW_E_INVAL for no such value. Never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_incoming_header(
    request: *const sipw_incoming,
    name: *const c_char,
    index: u32,
    out: *mut c_char,
    out_bytes: usize,
    length: *mut usize,
) -> sipw_status {
    guard::status(|| {
        wanted(request.cast_mut(), "request")?;
        wanted(length, "length")?;
        // SAFETY: the caller promises readable text, room for `out_bytes`, and what the filter was given, whose handle lives meanwhile.
        let (name, out, incoming) = unsafe {
            let handle = (*request).handle.cast::<Incoming<'_>>();
            wanted(handle.cast_mut(), "handle")?;
            let out = slice_mut(out.cast::<u8>(), out_bytes, limits::MESSAGE_BYTES, "out")?;
            (required(name, "name")?, out, &*handle)
        };
        let value = incoming.header(name).nth(index as usize);
        let value = value.ok_or_else(|| Error::new(ErrorKind::Invalid, format!("no value {index} of {name:?}")))?;
        if let Some((last, room)) = out.split_last_mut() {
            let whole = value.len().min(room.len());
            room[..whole].copy_from_slice(&value.as_bytes()[..whole]);
            *room.get_mut(whole).unwrap_or(last) = 0;
        }
        // SAFETY: checked for NULL; the caller promises room for a number.
        unsafe { put(length, value.len()) };
        Ok(())
    })
}

/// # Safety
/// `cfg` is NULL or a struct of the size it says, whose texts are readable and whose filter keeps its contract.
pub(super) unsafe fn defence_config(cfg: *const sipw_defence_config) -> Result<DefenceConfig, Error> {
    let mut config = DefenceConfig::default();
    // SAFETY: the caller's promise.
    let Some(c) = (unsafe { read(cfg, "sipw_defence_config") })? else { return Ok(config) };
    let burst = if c.requests_burst == 0 { c.requests_per_minute } else { c.requests_burst };
    config.requests = Rate { per_minute: c.requests_per_minute, burst };
    rate(&mut config.auth_failures, c.auth_failures_per_minute);
    rate(&mut config.malformed, c.malformed_per_minute);
    time(&mut config.ban, c.ban_ms);
    time(&mut config.ban_max, c.ban_max_ms);
    time(&mut config.overload_delay, c.overload_delay_ms);
    config.drop_scanners = c.drop_scanners != 0;
    config.overload_control = c.overload_control != 0;
    // SAFETY: the caller's promise.
    let allow = unsafe { optional(c.allow, "allow") }?.unwrap_or_default();
    let wrong = |why: String| Error::new(ErrorKind::Invalid, format!("allow: {why}"));
    config.allow = list(allow).iter().map(|text| text.parse::<Network>().map_err(wrong)).collect::<Result<_, _>>()?;
    if let Some(call) = c.filter {
        let user = User(c.filter_user);
        // SAFETY: a callback that keeps the contract of `sipw_filter_cb`.
        config.filter = Some(Filter::new(move |request| unsafe { ask(call, user.get(), request) }));
    }
    Ok(config)
}

fn rate(rate: &mut Rate, per_minute: u32) {
    match per_minute {
        0 => {}
        SIPW_NEVER => *rate = Rate::NONE,
        per_minute => *rate = Rate { per_minute, burst: per_minute },
    }
}

fn time(time: &mut Duration, ms: u32) {
    match ms {
        0 => {}
        SIPW_NEVER => *time = Duration::ZERO,
        ms => *time = Duration::from_millis(ms.into()),
    }
}

/// # Safety
/// `call` keeps the contract of `sipw_filter_cb`.
unsafe fn ask(
    call: unsafe extern "C" fn(*const sipw_incoming, *mut *const c_char, *mut c_void) -> i32,
    user: *mut c_void,
    request: &Incoming<'_>,
) -> Decision {
    let (method, uri, from) = (c_text(request.method), c_text(request.uri), c_text(request.from));
    let (to, protocol) = (c_text(request.to), c_text(request.flow.protocol.param()));
    let (local, source) = (c_text(&request.flow.local.to_string()), c_text(&request.flow.remote.to_string()));
    let shown = sipw_incoming {
        size: size_of::<sipw_incoming>() as u32,
        in_dialog: request.in_dialog.into(),
        method: method.as_ptr(),
        uri: uri.as_ptr(),
        from: from.as_ptr(),
        to: to.as_ptr(),
        protocol: protocol.as_ptr(),
        local: local.as_ptr(),
        source: source.as_ptr(),
        message: request.raw().as_ptr().cast(),
        message_bytes: request.raw().len(),
        handle: (&raw const *request).cast(),
    };
    let mut reason = std::ptr::null();
    // SAFETY: the struct, its texts and bytes live until the callback returns.
    match unsafe { call(&raw const shown, &raw mut reason, user) } {
        SIPW_FILTER_ACCEPT => Decision::Accept,
        SIPW_FILTER_DROP => Decision::Drop,
        status => {
            // SAFETY: the callback's promise: NULL or readable text.
            let reason = unsafe { optional(reason, "reason") }.ok().flatten().unwrap_or_default().to_owned();
            match u16::try_from(status) {
                Ok(status) => Decision::Reject { status, reason },
                Err(_) => Decision::Failed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(tweak: impl FnOnce(&mut sipw_defence_config)) -> Result<DefenceConfig, Error> {
        // SAFETY: zero is valid; the texts are literals.
        unsafe {
            let mut c: sipw_defence_config = std::mem::zeroed();
            init(&raw mut c, size_of::<sipw_defence_config>());
            tweak(&mut c);
            defence_config(&raw const c)
        }
    }

    #[test]
    fn zero_is_the_default_and_never_is_off() {
        let (zero, usual) = (made(|_| {}).unwrap(), DefenceConfig::default());
        assert_eq!((zero.requests, zero.malformed, zero.ban), (Rate::NONE, usual.malformed, usual.ban));
        let off = made(|c| {
            (c.malformed_per_minute, c.auth_failures_per_minute) = (SIPW_NEVER, SIPW_NEVER);
            (c.ban_ms, c.overload_delay_ms) = (SIPW_NEVER, SIPW_NEVER);
        });
        let off = off.unwrap();
        assert_eq!((off.malformed, off.auth_failures, off.ban), (Rate::NONE, Rate::NONE, Duration::ZERO));
        assert!(off.overload_delay.is_zero());
    }

    #[test]
    fn networks_are_read_and_refused() {
        let allow = made(|c| c.allow = c"192.0.2.7, 2001:db8::/32".as_ptr()).unwrap().allow;
        assert!(allow.len() == 2 && allow[0].contains("192.0.2.7".parse().unwrap()));
        assert!(made(|c| c.allow = c"nonsense".as_ptr()).unwrap_err().message.contains("192.0.2.0/24"));
    }

    unsafe extern "C" fn filter(request: *const sipw_incoming, reason: *mut *const c_char, user: *mut c_void) -> i32 {
        // SAFETY: what `ask` gives.
        unsafe {
            let (mut value, mut length) = ([0 as c_char; 6], 0usize);
            let got = sipw_incoming_header(request, c"user-agent".as_ptr(), 0, value.as_mut_ptr(), 6, &raw mut length);
            assert_eq!((got, length), (0, 8));
            assert_eq!(std::ffi::CStr::from_ptr(value.as_ptr()), c"longi");
            let none = sipw_incoming_header(request, c"X".as_ptr(), 0, std::ptr::null_mut(), 0, &raw mut length);
            assert_ne!(none, 0);
            *reason = c"Not Here".as_ptr();
        }
        user.addr() as i32
    }

    #[test]
    fn a_filter_sees_headers_and_its_verdict_is_kept() {
        let text = "OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n\
            Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nUser-Agent : longish1\r\nContent-Length: 0\r\n\r\n";
        let message = crate::message::Message::parse(text.as_bytes()).unwrap();
        let request = crate::message::check::request(&message).unwrap();
        let flow = crate::base::Flow::udp("192.0.2.1:5060".parse().unwrap(), "192.0.2.2:5060".parse().unwrap());
        let view = Incoming::new(&request, flow, false);
        let verdict = |code: i32| {
            let config = made(|c| {
                c.filter = Some(filter);
                c.filter_user = std::ptr::without_provenance_mut(code as u32 as usize);
            });
            config.unwrap().filter.unwrap().ask(&view)
        };
        assert_eq!(verdict(SIPW_FILTER_ACCEPT), Decision::Accept);
        assert_eq!(verdict(SIPW_FILTER_DROP), Decision::Drop);
        assert_eq!(verdict(404), Decision::Reject { status: 404, reason: "Not Here".into() });
        assert_eq!(verdict(-5), Decision::Failed);
    }
}
