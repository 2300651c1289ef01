//! Structs that C fills. Rule 8 of the C ABI: they start with `size`, only grow at the end, and zero means the default.

use super::config_auth::{auth_config, sipw_auth_config};
use super::config_defence::{defence_config, sipw_defence_config};
use super::config_dns::{dns_config, sipw_dns_config};
use super::config_sip::{sip_config, sipw_sip_config};
use super::config_tls::{sipw_tls_config, tls_config};
use super::engine::Gate;
use super::event::{Shown, sipw_event_cb};
use super::string::{c_text, optional, owned};
use crate::base::Duration;
use crate::engine::{
    Codec, Delivered, Delivery, EngineConfig, Error, ErrorKind, LogLevel, LogRecord, SipTrace, TraceDirection,
};
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::sync::Arc;

/// "Never" for the times of ::sipw_config that say so.
pub const SIPW_NEVER: u32 = 0xFFFF_FFFF;

/// How events reach the application; values of sipw_config::delivery. The stream is the same: events of one call in order, exactly one
/// terminal event per object, none after it.
#[repr(C)]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum sipw_delivery {
    /// SIPW_DELIVERY_THREAD with on_event set, SIPW_DELIVERY_QUEUE without.
    SIPW_DELIVERY_AUTO = 0,
    /// sipw_event_fd(), sipw_next_event(), sipw_wait_event().
    SIPW_DELIVERY_QUEUE = 1,
    /// on_event runs on one thread of the engine, for one event after the other.
    SIPW_DELIVERY_THREAD = 2,
    /// on_event runs on the call's signalling thread: the fastest way. It must not block; with several signalling threads, events of
    /// different calls run at the same time. Commands given inside take effect when it returns.
    SIPW_DELIVERY_INLINE = 3,
}

/// How much a log record matters; values of sipw_config::log_level.
#[repr(C)]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum sipw_log_level {
    /// SIPW_LOG_INFO.
    SIPW_LOG_DEFAULT = 0,
    /// Something is broken.
    SIPW_LOG_ERROR = 1,
    /// Something is odd.
    SIPW_LOG_WARN = 2,
    /// Calls.
    SIPW_LOG_INFO = 3,
    /// State changes.
    SIPW_LOG_DEBUG = 4,
    /// Packets.
    SIPW_LOG_TRACE = 5,
}

/// One log record, valid during the callback.
#[repr(C)]
pub struct sipw_log_record {
    /// Bytes the library filled.
    pub size: u32,
    /// One of ::sipw_log_level.
    pub level: u32,
    /// When, in microseconds since the engine started.
    pub time_us: u64,
    /// The part of the library that speaks.
    pub target: *const c_char,
    /// The text. Names, numbers and addresses are hidden.
    pub text: *const c_char,
}

/// Takes log records, on any thread of the library. It must not block, throw or longjmp, nor call this library.
///
/// @param record  valid until the callback returns
/// @param user    sipw_config::user
pub type sipw_log_cb = Option<unsafe extern "C" fn(record: *const sipw_log_record, user: *mut c_void)>;

/// One SIP message on the wire (of a stream, the bytes as they came), valid during the callback.
#[repr(C)]
pub struct sipw_trace {
    /// Bytes the library filled.
    pub size: u32,
    /// We sent it; else we received it.
    pub sent: bool,
    /// When, in microseconds since the engine started.
    pub time_us: u64,
    /// "udp", "tcp" ..
    pub protocol: *const c_char,
    /// Our address, "192.0.2.1:5060" or "[2001:db8::1]:5060".
    pub local: *const c_char,
    /// The peer's address.
    pub remote: *const c_char,
    /// The bytes; not NUL-terminated.
    pub data: *const c_char,
    /// How many.
    pub data_bytes: usize,
}

/// Takes every SIP message that is sent or received, on signalling threads. It must not block, throw or longjmp, nor call this library.
///
/// @param trace  valid until the callback returns
/// @param user   sipw_config::user
pub type sipw_trace_cb = Option<unsafe extern "C" fn(trace: *const sipw_trace, user: *mut c_void)>;

/// What an engine is made from. Set up with sipw_config_init(); 0 and NULL are the defaults everywhere.
#[repr(C)]
pub struct sipw_config {
    /// Set by sipw_config_init(): the library touches nothing beyond it.
    pub size: u32,
    /// User-Agent and Server header; NULL: sipwright and its version; "": none.
    pub user_agent: *const c_char,
    /// "udp://0.0.0.0:5060,tcp://[::]:5060"; port 0 takes a free one. NULL: ephemeral UDP and TCP.
    pub listen: *const c_char,
    /// NULL: queue mode, use sipw_event_fd() and sipw_next_event().
    pub on_event: sipw_event_cb,
    /// Given to every callback of this struct.
    pub user: *mut c_void,
    /// 0: one, which reads, runs and sends; more for capacity.
    pub signalling_threads: u32,
    /// 0: one per core.
    pub media_threads: u32,
    /// Calls at once; above it 503. The last 5 % of 100 or more are kept for sources that calls have come up with before. 0: 100,000 per signalling thread.
    pub max_calls: u32,
    /// One of ::sipw_delivery.
    pub delivery: u32,
    /// The IP address that the world sees of us, in Contact, Via and SDP. NULL: the one on the route to each peer.
    pub public_address: *const c_char,
    /// Codecs in order of preference, "PCMU,PCMA,G722". NULL: all.
    pub codecs: *const c_char,
    /// How long a call may ring, both ways. 0: 180,000.
    pub ring_timeout_ms: u32,
    /// Silence after which SIPW_EV_RTP_TIMEOUT comes. 0: 30,000; SIPW_NEVER: none.
    pub rtp_timeout_ms: u32,
    /// Not 0: such a silence ends the call.
    pub rtp_timeout_hangup: u32,
    /// How often SIPW_EV_QUALITY comes. 0: every 5,000; SIPW_NEVER: figures come only with the end of a call.
    pub quality_interval_ms: u32,
    /// Lowest port for RTP. 0: 16384.
    pub rtp_port_min: u16,
    /// Highest port for RTP and RTCP. 0: 32767.
    pub rtp_port_max: u16,
    /// Events that may wait before new calls get 503 and commands SIPW_E_FULL. 0: 65,536.
    pub event_backlog_max: u32,
    /// Not 0: events do not keep the SIP message behind them, which saves a copy.
    pub no_messages: u32,
    /// Requests larger than this go over TCP instead of UDP. RFC 3261 s18.1.1. 0: 1300; SIPW_NEVER: no limit.
    pub udp_size_limit_bytes: u32,
    /// Timer T1 of RFC 3261 s17. 0: 500.
    pub t1_ms: u32,
    /// Timer T2. 0: 4,000.
    pub t2_ms: u32,
    /// Timer T4. 0: 5,000.
    pub t4_ms: u32,
    /// Takes log records; NULL: none are made. Nothing is ever printed by the library.
    pub on_log: sipw_log_cb,
    /// Takes every SIP message on the wire; NULL: none.
    pub on_trace: sipw_trace_cb,
    /// The least important ::sipw_log_level that on_log gets.
    pub log_level: u32,
    /// What of the SIP layer you take into your own hands. NULL: nothing.
    pub sip: *const sipw_sip_config,
    /// Rates and bans per source, refusals under load, the filter of incoming requests. NULL: the defaults.
    pub defence: *const sipw_defence_config,
    /// TLS; NULL: a client that trusts what the system trusts.
    pub tls: *const sipw_tls_config,
    /// Name servers, hosts file, failover. NULL: the defaults.
    pub dns: *const sipw_dns_config,
    /// Whom requests of the network must prove to come from. NULL: nobody is asked.
    pub auth: *const sipw_auth_config,
}

/// Sets a struct to its defaults; use the macro sipw_config_init(). Does nothing with NULL.
///
/// @param cfg   the struct
/// @param size  its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_config_init_sized(cfg: *mut sipw_config, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(cfg, size) }
}

/// A struct that C fills: plain data whose first field is `size: u32` and for which every bit pattern is valid.
///
/// # Safety
/// Implement it only for `repr(C)` structs of integers, raw pointers and optional function pointers.
pub(super) unsafe trait Sized32: Sized {}
// SAFETY: integers, raw pointers and optional function pointers.
unsafe impl Sized32 for sipw_config {}

/// Structs of C are never longer than this.
const STRUCT_BYTES: usize = 4096;

/// Zeroes a caller's struct of `size` bytes and notes its size.
///
/// # Safety
/// `at` is NULL or points to `size` writable bytes.
pub(super) unsafe fn init<T: Sized32>(at: *mut T, size: usize) {
    if at.is_null() || !(4..=STRUCT_BYTES).contains(&size) {
        return;
    }
    // SAFETY: the caller's promise; 4 <= size.
    unsafe {
        at.cast::<u8>().write_bytes(0, size);
        at.cast::<u32>().write_unaligned(size as u32);
    }
}

/// Copies a caller's struct, which may be shorter (an older program: the rest is default) or longer (a newer one: what we do not know must
/// be default) than ours.
///
/// # Safety
/// `at` is NULL or points to readable memory of as many bytes as its first four say.
pub(super) unsafe fn read<T: Sized32>(at: *const T, what: &str) -> Result<Option<T>, Error> {
    if at.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise: at least `size` is there.
    let size = unsafe { at.cast::<u32>().read_unaligned() } as usize;
    if !(size_of::<*const u8>()..=STRUCT_BYTES).contains(&size) {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("{what} has size {size}; set it up with {what}_init() before filling it"),
        ));
    }
    let known = size.min(size_of::<T>());
    let mut copy = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` bytes are readable at `at` and fit into the copy.
    unsafe { at.cast::<u8>().copy_to_nonoverlapping(copy.as_mut_ptr().cast(), known) };
    // SAFETY: `size` bytes are readable.
    let unknown = unsafe { std::slice::from_raw_parts(at.cast::<u8>().add(known), size - known) };
    if unknown.iter().any(|byte| *byte != 0) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("{what} sets fields that this library ({}) does not know; update it", env!("CARGO_PKG_VERSION")),
        ));
    }
    // SAFETY: `Sized32` says that every bit pattern is valid.
    Ok(Some(unsafe { copy.assume_init() }))
}

/// A pointer of the application that goes back to its callbacks.
#[derive(Copy, Clone)]
pub(super) struct User(pub(super) *mut c_void);

// SAFETY: the library never follows it; the application owns it and knows that callbacks run on other threads.
unsafe impl Send for User {}
// SAFETY: as above.
unsafe impl Sync for User {}

impl User {
    /// As a method, so that closures capture the whole value and not the bare pointer.
    pub(super) fn get(self) -> *mut c_void {
        self.0
    }
}

/// Checks a configuration and says whether its events are pulled.
///
/// # Safety
/// The texts that `c` points to are readable.
pub(super) unsafe fn engine_config(c: &sipw_config, gate: &Arc<Gate>) -> Result<(EngineConfig, bool), Error> {
    let mut config = EngineConfig::default();
    // SAFETY: the caller's promise.
    unsafe {
        if let Some(text) = optional(c.user_agent, "user_agent")? {
            config.user_agent = text.to_owned();
        }
        config.listen = list(&owned(c.listen, "listen")?);
        if let Some(text) = optional(c.public_address, "public_address")? {
            let address = text.parse().map_err(|_| invalid(format!("public_address {text:?} is no IP address")))?;
            config.public_address = Some(address);
        }
        config.codecs = match codecs(c.codecs)? {
            none if none.is_empty() => config.codecs,
            some => some,
        };
    }
    // SAFETY: the caller's promise.
    config.sip = unsafe { sip_config(c.sip) }?;
    // SAFETY: the caller's promise.
    config.defence = unsafe { defence_config(c.defence) }?;
    // SAFETY: the caller's promise.
    config.tls = unsafe { tls_config(c.tls) }?;
    // SAFETY: as above.
    config.dns = unsafe { dns_config(c.dns) }?;
    // SAFETY: the caller's promise.
    config.auth = unsafe { auth_config(c.auth) }?;
    config.signalling_threads = c.signalling_threads as usize;
    config.media_threads = c.media_threads as usize;
    config.max_calls = c.max_calls as usize;
    config.event_backlog_max = c.event_backlog_max as usize;
    config.raw_messages = c.no_messages == 0;
    config.rtp_timeout_hangup = c.rtp_timeout_hangup != 0;
    set_ms(&mut config.ring_timeout, c.ring_timeout_ms);
    set_ms(&mut config.timers.t1, c.t1_ms);
    set_ms(&mut config.timers.t2, c.t2_ms);
    set_ms(&mut config.timers.t4, c.t4_ms);
    set_optional_ms(&mut config.rtp_timeout, c.rtp_timeout_ms);
    set_optional_ms(&mut config.quality_interval, c.quality_interval_ms);
    match c.udp_size_limit_bytes {
        0 => {}
        SIPW_NEVER => config.udp_size_limit = 0,
        bytes => config.udp_size_limit = bytes as usize,
    }
    let (low, high) = config.rtp_ports.into_inner();
    let or = |port, otherwise| if port == 0 { otherwise } else { port };
    config.rtp_ports = or(c.rtp_port_min, low)..=or(c.rtp_port_max, high);
    config.log_level = level(c.log_level)?;
    let user = User(c.user);
    if let Some(call) = c.on_log {
        // SAFETY: a callback that keeps the contract of `sipw_log_cb`.
        config.log = Some(Box::new(move |record| unsafe { log(call, user.get(), record) }));
    }
    if let Some(call) = c.on_trace {
        // SAFETY: a callback that keeps the contract of `sipw_trace_cb`.
        config.trace = Some(Box::new(move |message| unsafe { trace(call, user.get(), message) }));
    }
    config.delivery = delivery(c, gate)?;
    let pulls = matches!(config.delivery, Delivery::Queue);
    Ok((config, pulls))
}

fn delivery(c: &sipw_config, gate: &Arc<Gate>) -> Result<Delivery, Error> {
    let wanted = match (c.delivery, c.on_event.is_some()) {
        (0, false) => sipw_delivery::SIPW_DELIVERY_QUEUE as u32,
        (0, true) => sipw_delivery::SIPW_DELIVERY_THREAD as u32,
        (number, _) => number,
    };
    const QUEUE: u32 = sipw_delivery::SIPW_DELIVERY_QUEUE as u32;
    const THREAD: u32 = sipw_delivery::SIPW_DELIVERY_THREAD as u32;
    const INLINE: u32 = sipw_delivery::SIPW_DELIVERY_INLINE as u32;
    match (wanted, c.on_event) {
        (QUEUE, None) => Ok(Delivery::Queue),
        (QUEUE, Some(_)) => Err(invalid("delivery is QUEUE but on_event is set; leave one of them 0".into())),
        (THREAD | INLINE, None) => Err(invalid("this delivery needs on_event; set it, or leave delivery 0".into())),
        (THREAD | INLINE, Some(call)) => {
            let (user, gate) = (User(c.user), gate.clone());
            let callback = Box::new(move |delivered: &Delivered| {
                // The application has its engine pointer before its first event.
                gate.pass();
                let shown = Shown::new(delivered);
                // SAFETY: the event lives until the callback returns; the callback keeps the contract of `sipw_event_cb`.
                unsafe { call(shown.as_ptr(), user.get()) };
            });
            Ok(if wanted == THREAD { Delivery::Thread(callback) } else { Delivery::Inline(callback) })
        }
        (other, _) => Err(invalid(format!("delivery {other} is none of SIPW_DELIVERY_*"))),
    }
}

fn level(number: u32) -> Result<LogLevel, Error> {
    match number {
        0 | 3 => Ok(LogLevel::Info),
        1 => Ok(LogLevel::Error),
        2 => Ok(LogLevel::Warn),
        4 => Ok(LogLevel::Debug),
        5 => Ok(LogLevel::Trace),
        other => Err(invalid(format!("log_level {other} is none of SIPW_LOG_*"))),
    }
}

/// # Safety
/// `call` keeps the contract of `sipw_log_cb`.
unsafe fn log(
    call: unsafe extern "C" fn(*const sipw_log_record, *mut c_void),
    user: *mut c_void,
    record: &LogRecord<'_>,
) {
    let (target, text) = (c_text(record.target), c_text(record.message));
    let record = sipw_log_record {
        size: size_of::<sipw_log_record>() as u32,
        level: record.level as u32,
        time_us: record.time.as_micros(),
        target: target.as_ptr(),
        text: text.as_ptr(),
    };
    // SAFETY: the record and its texts live until the callback returns.
    unsafe { call(&raw const record, user) };
}

/// # Safety
/// `call` keeps the contract of `sipw_trace_cb`.
unsafe fn trace(call: unsafe extern "C" fn(*const sipw_trace, *mut c_void), user: *mut c_void, message: &SipTrace<'_>) {
    let protocol = c_text(message.flow.protocol.param());
    let (local, remote) = (c_text(&message.flow.local.to_string()), c_text(&message.flow.remote.to_string()));
    let trace = sipw_trace {
        size: size_of::<sipw_trace>() as u32,
        sent: message.direction == TraceDirection::Sent,
        time_us: message.time_us,
        protocol: protocol.as_ptr(),
        local: local.as_ptr(),
        remote: remote.as_ptr(),
        data: message.bytes.as_ptr().cast(),
        data_bytes: message.bytes.len(),
    };
    // SAFETY: the struct, its texts and bytes live until the callback returns.
    unsafe { call(&raw const trace, user) };
}

/// Codecs named in a comma list; NULL is none.
///
/// # Safety
/// `names` is NULL or readable text.
pub(super) unsafe fn codecs(names: *const c_char) -> Result<Vec<Codec>, Error> {
    // SAFETY: the caller's promise.
    let names = unsafe { owned(names, "codecs") }?;
    let known = || Codec::ALL.map(Codec::name).join(", ");
    let one = |name: &String| {
        Codec::from_name(name).ok_or_else(|| invalid(format!("codec {name:?} is not known; there are {}", known())))
    };
    list(&names).iter().map(one).collect()
}

pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn set_ms(time: &mut Duration, ms: u32) {
    if ms != 0 {
        *time = Duration::from_millis(ms.into());
    }
}

fn set_optional_ms(time: &mut Option<Duration>, ms: u32) {
    match ms {
        0 => {}
        SIPW_NEVER => *time = None,
        ms => *time = Some(Duration::from_millis(ms.into())),
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C, align(8))]
    struct Longer {
        bytes: [u8; size_of::<sipw_config>() + 8],
    }

    #[test]
    fn a_short_struct_is_never_written_past_its_end() {
        let mut memory = Longer { bytes: [0xaa; _] };
        // SAFETY: 48 bytes of a larger block.
        unsafe { init(memory.bytes.as_mut_ptr().cast::<sipw_config>(), 48) };
        assert_eq!(memory.bytes[..8], [48, 0, 0, 0, 0, 0, 0, 0]);
        assert!(memory.bytes[8..48].iter().all(|b| *b == 0) && memory.bytes[48..].iter().all(|b| *b == 0xaa));
        // SAFETY: the struct says how long it is.
        let config = unsafe { read(memory.bytes.as_ptr().cast::<sipw_config>(), "sipw_config") }.unwrap().unwrap();
        assert_eq!((config.size, config.log_level, config.t1_ms), (48, 0, 0));
    }

    #[test]
    fn unknown_fields_of_a_longer_struct_must_be_default() {
        let mut memory = Longer { bytes: [0; _] };
        let at = memory.bytes.as_mut_ptr().cast::<sipw_config>();
        // SAFETY: the whole block.
        unsafe {
            init(at, size_of::<Longer>());
            assert!(read(at, "sipw_config").unwrap().is_some());
            at.cast::<u8>().add(size_of::<Longer>() - 1).write(1);
            assert_eq!(read(at, "sipw_config").err().unwrap().kind, ErrorKind::Unsupported);
        }
    }

    #[test]
    fn a_struct_that_was_not_set_up_is_refused() {
        for size in [0u32, 3, 5000, u32::MAX] {
            let memory = Longer { bytes: [0; _] };
            let at = memory.bytes.as_ptr().cast_mut().cast::<sipw_config>();
            // SAFETY: only the size is read when it is wrong.
            unsafe {
                at.cast::<u32>().write(size);
                let error = read(at, "sipw_config").err().unwrap();
                assert!(error.message.contains("sipw_config_init()"), "{error}");
            }
        }
    }

    #[test]
    fn codecs_are_named() {
        // SAFETY: literal text.
        unsafe {
            assert_eq!(codecs(c"pcma, G722".as_ptr()).unwrap(), [Codec::Pcma, Codec::G722]);
            assert!(codecs(c"opus9".as_ptr()).unwrap_err().message.contains("PCMU"));
            assert!(codecs(std::ptr::null()).unwrap().is_empty());
        }
    }
}
