//! Accounts, and requests outside of calls. RFC 3261 s10 (REGISTER), s11 (OPTIONS); RFC 3428 (MESSAGE).

use super::call::sipw_header;
use super::config::{Sized32, codecs, init, list, read};
use super::engine::{find, sipw_engine};
use super::error::sipw_status;
use super::guard;
use super::string::{announced, optional, owned, required, slice};
use crate::base::id::{AccountId, RequestId};
use crate::base::limits;
use crate::engine::{AccountConfig, Error, ErrorKind, KeepAliveMode, RequestOptions, Sender};
use bytes::Bytes;
use std::ffi::{c_char, c_void};

/** An account: an id, never a pointer, never used twice; a stale one gives SIPW_E_GONE. 0 is none. */
pub type sipw_account = u64;
/** A request that is no call, of yours or of a peer: an id as ::sipw_account. */
pub type sipw_request = u64;

/// Whether an account registers; values of sipw_account_options::registration.
#[repr(C)]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum sipw_registration {
    /// With a non-empty password.
    SIPW_REGISTRATION_AUTO = 0,
    /// At once, and keep registered.
    SIPW_REGISTRATION_YES = 1,
    /// Not.
    SIPW_REGISTRATION_NO = 2,
}

/// Whether the flow of an account's registration is kept alive, by STUN on UDP and CRLF on streams (RFC 5626 s4.4); values of
/// sipw_account_options::keep_alive.
#[repr(C)]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum sipw_keep_alive {
    /// Offered (RFC 6223), and done where the registrar or proxy says that it wants it.
    SIPW_KEEP_ALIVE_NEGOTIATED = 0,
    /// Always: you know that the next hop answers STUN.
    SIPW_KEEP_ALIVE_ALWAYS = 1,
    /// Never.
    SIPW_KEEP_ALIVE_NEVER = 2,
}

/// Options of an account. Set up with sipw_account_options_init(); 0 and NULL are the defaults everywhere.
#[repr(C)]
pub struct sipw_account_options {
    /// Set by sipw_account_options_init().
    pub size: u32,
    /// One of ::sipw_registration.
    pub registration: u32,
    /// Digest user name. NULL: the user part of the account's URI.
    pub auth_user: *const c_char,
    /// Realm that the password is for. NULL: the first that the account's registrar or proxy asks for.
    pub realm: *const c_char,
    /// URI of the registrar. NULL: the domain of the account.
    pub registrar: *const c_char,
    /// URI of the proxy that every request goes through. NULL: none.
    pub proxy: *const c_char,
    /// Codecs in order of preference, "PCMU,PCMA,G722". NULL: the engine's.
    pub codecs: *const c_char,
    /// Seconds of registration to ask for, 60 to 86,400. 0: 3,600.
    pub expires_s: u32,
    /// TLS profile of its connections, one of sipw_tls_config::profiles. NULL: the engine's default.
    pub tls_profile: *const c_char,
    /// Path that its WebSocket connections ask for, "/ws". NULL: "/".
    pub ws_path: *const c_char,
    /// One of ::sipw_keep_alive.
    pub keep_alive: u32,
    /// Longest time between two keep-alives, seconds. 0: what the peer recommends, else 29 on UDP and 120 on streams.
    pub keep_alive_s: u32,
    /// Pre-loaded routes of every request behind the proxy, topmost first: "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>" (RFC 3261
    /// s8.1.2). NULL: none.
    pub routes: *const c_char,
}

// SAFETY: integers and raw pointers.
unsafe impl Sized32 for sipw_account_options {}

/// Sets a struct to its defaults; use the macro sipw_account_options_init(). Does nothing with NULL.
///
/// @param options  the struct
/// @param size     its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_account_options_init_sized(options: *mut sipw_account_options, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(options, size) }
}

/// Adds an account. It registers when there is a password; SIPW_EV_REGISTERED or SIPW_EV_REGISTER_FAILED tells. Dialling does not wait.
///
/// @param uri       who we are, "sip:alice@example.com" or "Alice <sip:alice@example.com>"
/// @param password  for digest authentication; NULL or "": none
/// @param user      comes back in the account's events and as the first sipw_event::user of its incoming calls
/// @param out       where the id goes, written before the account's first event; may be NULL
/// @return SIPW_E_INVAL for a bad URI, SIPW_E_FULL, SIPW_E_DRAINING. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_account_add(
    eng: *mut sipw_engine,
    uri: *const c_char,
    password: *const c_char,
    user: *mut c_void,
    out: *mut sipw_account,
) -> sipw_status {
    // SAFETY: the same promises; no options.
    unsafe { sipw_account_add_options(eng, uri, password, std::ptr::null(), user, out) }
}

/// Adds an account with options; else as sipw_account_add().
///
/// @param uri       who we are
/// @param password  for digest authentication; NULL or "": none
/// @param options   set up with sipw_account_options_init(); NULL: all defaults
/// @param user      comes back in events
/// @param out       where the id goes, written before the account's first event; may be NULL
/// @return SIPW_E_INVAL for a bad value, SIPW_E_FULL, SIPW_E_DRAINING. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_account_add_options(
    eng: *mut sipw_engine,
    uri: *const c_char,
    password: *const c_char,
    options: *const sipw_account_options,
    user: *mut c_void,
    out: *mut sipw_account,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises readable texts and a struct of the size it says.
        let config = unsafe { account(uri, password, options) }?;
        // SAFETY: the caller promises room for an id, or NULL.
        unsafe { announced(out, |tell| shared.engine().add_account_then(config, user.addr(), |id| tell(id.raw()))) }
    })
}

/// # Safety
/// The texts are readable, and the struct is of the size it says.
unsafe fn account(
    uri: *const c_char,
    password: *const c_char,
    options: *const sipw_account_options,
) -> Result<AccountConfig, Error> {
    const DEFAULT_EXPIRES_S: u32 = 3600;
    // SAFETY: the caller's promise.
    unsafe {
        let password = owned(password, "password")?;
        let mut config = AccountConfig {
            aor: required(uri, "uri")?.to_owned(),
            auth_user: String::new(),
            register: !password.is_empty(),
            password,
            realm: String::new(),
            registrar: String::new(),
            proxy: String::new(),
            expires_s: DEFAULT_EXPIRES_S,
            codecs: Vec::new(),
            ..AccountConfig::default()
        };
        let Some(options) = read(options, "sipw_account_options")? else { return Ok(config) };
        config.auth_user = owned(options.auth_user, "auth_user")?;
        config.realm = owned(options.realm, "realm")?;
        config.registrar = owned(options.registrar, "registrar")?;
        config.proxy = owned(options.proxy, "proxy")?;
        config.tls_profile = owned(options.tls_profile, "tls_profile")?;
        config.ws_path = owned(options.ws_path, "ws_path")?;
        config.codecs = codecs(options.codecs)?;
        config.keep_alive = match options.keep_alive {
            0 => KeepAliveMode::Negotiated,
            1 => KeepAliveMode::Always,
            2 => KeepAliveMode::Never,
            other => return Err(invalid(format!("keep_alive {other} is none of SIPW_KEEP_ALIVE_*"))),
        };
        config.keep_alive_s = options.keep_alive_s;
        config.routes = list(optional(options.routes, "routes")?.unwrap_or_default());
        match options.registration {
            0 => {}
            1 => config.register = true,
            2 => config.register = false,
            other => return Err(invalid(format!("registration {other} is none of SIPW_REGISTRATION_*"))),
        }
        match options.expires_s {
            0 => {}
            60..=86_400 => config.expires_s = options.expires_s,
            other => return Err(invalid(format!("expires_s {other}: give 60 to 86400, or 0 for 3600"))),
        }
        Ok(config)
    }
}

/// Unregisters and forgets an account; ends with SIPW_EV_ACCOUNT_REMOVED. Its calls go on.
///
/// @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_account_remove(eng: *mut sipw_engine, acc: sipw_account) -> sipw_status {
    guard::status(|| find(eng)?.engine().remove_account(id(acc)?))
}

/// Sends a text (or anything else) outside of calls. RFC 3428. Ends with SIPW_EV_REQUEST_DONE.
///
/// @param acc           who sends
/// @param uri           to whom: a SIP URI, or a user of the account's domain
/// @param content_type  NULL: "text/plain"
/// @param body          the text; need not end with NUL
/// @param body_bytes    its length, at most 32,767
/// @param user          comes back in the event
/// @param out           where the id goes, written before the event; may be NULL
/// @return SIPW_E_INVAL for a bad URI, SIPW_E_GONE for the account, SIPW_E_FULL, SIPW_E_DRAINING. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_send_message(
    eng: *mut sipw_engine,
    acc: sipw_account,
    uri: *const c_char,
    content_type: *const c_char,
    body: *const c_char,
    body_bytes: usize,
    user: *mut c_void,
    out: *mut sipw_request,
) -> sipw_status {
    guard::status(|| {
        // SAFETY: the caller promises readable texts and `body_bytes` readable bytes.
        let request = unsafe {
            Request {
                method: "MESSAGE",
                uri: required(uri, "uri")?,
                content_type: optional(content_type, "content_type")?.unwrap_or("text/plain"),
                body: slice(body.cast(), body_bytes, limits::MESSAGE_BYTES, "body")?,
                headers: Vec::new(),
            }
        };
        // SAFETY: the caller promises room for an id, or NULL.
        unsafe { send(eng, acc, request, user, out) }
    })
}

/// Asks a peer what it can do, or whether it is there. RFC 3261 s11. Ends with SIPW_EV_REQUEST_DONE.
///
/// @param acc   who asks
/// @param uri   whom: a SIP URI, or a user of the account's domain
/// @param user  comes back in the event
/// @param out   where the id goes, written before the event; may be NULL
/// @return as sipw_send_message(). From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_send_options(
    eng: *mut sipw_engine,
    acc: sipw_account,
    uri: *const c_char,
    user: *mut c_void,
    out: *mut sipw_request,
) -> sipw_status {
    guard::status(|| {
        // SAFETY: the caller promises a readable text.
        let uri = unsafe { required(uri, "uri") }?;
        let request = Request { method: "OPTIONS", uri, content_type: "", body: &[], headers: Vec::new() };
        // SAFETY: the caller promises room for an id, or NULL.
        unsafe { send(eng, acc, request, user, out) }
    })
}

/// Sends a request outside of calls, with headers and a body of yours; sipw_request_send() can do more. Ends with SIPW_EV_REQUEST_DONE.
///
/// @param acc            who sends
/// @param method         "MESSAGE", "OPTIONS", "INFO", "PUBLISH" or a method of yours
/// @param uri            to whom: a SIP URI, or a user of the account's domain
/// @param headers        more headers; may be NULL
/// @param headers_count  how many
/// @param content_type   of the body; NULL or "" without one
/// @param body           bytes; may be NULL
/// @param body_bytes     how many, at most 32,767
/// @param user           comes back in the event
/// @param out            where the id goes, written before the event; may be NULL
/// @return SIPW_E_INVAL for a bad value or a method that belongs to calls, else as sipw_send_message(). From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_send_request(
    eng: *mut sipw_engine,
    acc: sipw_account,
    method: *const c_char,
    uri: *const c_char,
    headers: *const sipw_header,
    headers_count: usize,
    content_type: *const c_char,
    body: *const c_char,
    body_bytes: usize,
    user: *mut c_void,
    out: *mut sipw_request,
) -> sipw_status {
    guard::status(|| {
        // SAFETY: the caller promises readable texts, `headers_count` headers and `body_bytes` bytes.
        let request = unsafe {
            Request {
                method: required(method, "method")?,
                uri: required(uri, "uri")?,
                content_type: optional(content_type, "content_type")?.unwrap_or_default(),
                body: slice(body.cast(), body_bytes, limits::MESSAGE_BYTES, "body")?,
                headers: super::call::headers(headers, headers_count)?,
            }
        };
        // SAFETY: the caller promises room for an id, or NULL.
        unsafe { send(eng, acc, request, user, out) }
    })
}

struct Request<'a> {
    method: &'a str,
    uri: &'a str,
    content_type: &'a str,
    body: &'a [u8],
    headers: Vec<(String, String)>,
}

/// # Safety
/// `out` is NULL or has room for an id.
unsafe fn send(
    eng: *mut sipw_engine,
    acc: sipw_account,
    r: Request<'_>,
    user: *mut c_void,
    out: *mut sipw_request,
) -> Result<(), Error> {
    let shared = find(eng)?;
    let acc = id(acc)?;
    let options = RequestOptions {
        method: r.method.to_owned(),
        target: r.uri.to_owned(),
        content_type: r.content_type.to_owned(),
        body: Bytes::copy_from_slice(r.body),
        headers: r.headers,
        routes: Vec::new(),
    };
    let make = |tell: &dyn Fn(u64)| {
        let told = |request: RequestId| tell(request.raw());
        shared.engine().send_request_then(Sender::Account(acc), options, user.addr(), told)
    };
    // SAFETY: the caller's promise.
    unsafe { announced(out, make) }
}

pub(super) fn id(raw: sipw_account) -> Result<AccountId, Error> {
    AccountId::from_raw(raw)
        .ok_or_else(|| invalid(format!("{raw:#x} is no account; pass what sipw_account_add() gave")))
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
