//! Calls: dial, ring, answer, hold, hang up. RFC 3261 s13-15, RFC 3264 s8.4.

use super::account::{id as account_id, sipw_account};
use super::config::{Sized32, codecs, init, list, read};
use super::engine::{find, sipw_engine};
use super::error::sipw_status;
use super::guard;
use super::media::sipw_quality;
use super::string::{announced, optional, owned, put, put_sized, required, slice, wanted};
use crate::base::id::CallId;
use crate::base::{Duration, limits};
use crate::engine::{CallOptions, CallState, Error, ErrorKind};
use bytes::Bytes;
use std::ffi::{c_char, c_void};

/** A call: an id, never a pointer, never used twice; a stale one gives SIPW_E_GONE, never a crash. 0 is none. */
pub type sipw_call = u64;

/// Where a call is, as far as its events have been delivered.
#[repr(C)]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum sipw_call_phase {
    /// We dialled; nothing has come back.
    SIPW_CALL_CALLING = 1,
    /// Somebody calls us; not answered yet.
    SIPW_CALL_INCOMING = 2,
    /// The peer rings.
    SIPW_CALL_RINGING = 3,
    /// The call is up.
    SIPW_CALL_ANSWERED = 4,
    /// The call is up, and one side holds the other.
    SIPW_CALL_HELD = 5,
    /// The call is over.
    SIPW_CALL_ENDED = 6,
}

/// One header of yours.
#[repr(C)]
pub struct sipw_header {
    /// Name, "X-Account".
    pub name: *const c_char,
    /// Value; no CR, LF or other control character.
    pub value: *const c_char,
}

/// Options of a dial or an answer. Set up with sipw_call_options_init(); 0 and NULL are the defaults everywhere.
#[repr(C)]
pub struct sipw_call_options {
    /// Set by sipw_call_options_init().
    pub size: u32,
    /// Not 0: negotiate, but open no socket and send no RTP (load drivers, signalling-only servers).
    pub no_media: u32,
    /// More headers of the INVITE or the 200.
    pub headers: *const sipw_header,
    /// How many.
    pub headers_count: usize,
    /// Codecs in order of preference, "PCMU,PCMA,G722". NULL: the account's.
    pub codecs: *const c_char,
    /// Dial: From instead of the account's URI. NULL: the account's.
    pub from: *const c_char,
    /// Your own SDP instead of ours: then media is yours. NULL: ours.
    pub sdp: *const c_char,
    /// Its length.
    pub sdp_bytes: usize,
    /// Dial: how long it may ring. 0: the engine's.
    pub ring_timeout_ms: u32,
    /// Dial: pre-loaded route set, topmost first, "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>" (RFC 3261 s8.1.2). NULL: the
    /// account's.
    pub routes: *const c_char,
}

// SAFETY: integers and raw pointers.
unsafe impl Sized32 for sipw_call_options {}

/// Sets a struct to its defaults; use the macro sipw_call_options_init(). Does nothing with NULL.
///
/// @param options  the struct
/// @param size     its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_call_options_init_sized(options: *mut sipw_call_options, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(options, size) }
}

/// Calls somebody. SIPW_EV_CALL_PROGRESS and SIPW_EV_CALL_ANSWERED tell how it goes, SIPW_EV_CALL_ENDED always comes last. A URI with a
/// host goes to that host, not to the registrar, unless the account has a proxy. Waits for no registration.
///
/// @param acc   who calls
/// @param uri   whom: a SIP URI, or a user of the account's domain
/// @param user  comes back in the call's events
/// @param out   where the id goes, written before the call's first event; may be NULL
/// @return SIPW_E_INVAL for a bad URI, SIPW_E_GONE for the account, SIPW_E_FULL, SIPW_E_DRAINING. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_dial(
    eng: *mut sipw_engine,
    acc: sipw_account,
    uri: *const c_char,
    user: *mut c_void,
    out: *mut sipw_call,
) -> sipw_status {
    // SAFETY: the same promises; no options.
    unsafe { sipw_dial_options(eng, acc, uri, std::ptr::null(), user, out) }
}

/// Calls somebody with options; else as sipw_dial().
///
/// @param acc      who calls
/// @param uri      whom
/// @param options  set up with sipw_call_options_init(); NULL: all defaults
/// @param user     comes back in the call's events
/// @param out      where the id goes, written before the call's first event; may be NULL
/// @return SIPW_E_INVAL for a bad value, else as sipw_dial(). From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_dial_options(
    eng: *mut sipw_engine,
    acc: sipw_account,
    uri: *const c_char,
    options: *const sipw_call_options,
    user: *mut c_void,
    out: *mut sipw_call,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises readable texts and a struct of the size it says.
        let (uri, options) = unsafe { (required(uri, "uri")?, call_options(options)?) };
        let acc = account_id(acc)?;
        let make = |tell: &dyn Fn(u64)| {
            shared.engine().dial_then(acc, uri, options, user.addr(), |call: CallId| tell(call.raw()))
        };
        // SAFETY: the caller promises room for an id, or NULL.
        unsafe { announced(out, make) }
    })
}

/// Tells the caller that it rings: a provisional response without media.
///
/// @param status  101 to 199; 0: 180
/// @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_ring(eng: *mut sipw_engine, call: sipw_call, status: u16) -> sipw_status {
    guard::status(|| find(eng)?.engine().ring(id(call)?, if status == 0 { 180 } else { status }, false))
}

/// Early media: a provisional response with our SDP; what is played now is heard before the answer.
///
/// @param status  101 to 199; 0: 183
/// @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_progress(eng: *mut sipw_engine, call: sipw_call, status: u16) -> sipw_status {
    guard::status(|| find(eng)?.engine().ring(id(call)?, if status == 0 { 183 } else { status }, true))
}

/// Answers an incoming call. SIPW_EV_CALL_ANSWERED tells when it is up.
///
/// @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_answer(eng: *mut sipw_engine, call: sipw_call) -> sipw_status {
    guard::status(|| find(eng)?.engine().answer(id(call)?, CallOptions::default()))
}

/// Answers with options; else as sipw_answer().
///
/// @param options  set up with sipw_call_options_init(); NULL: all defaults
/// @return SIPW_E_INVAL for a bad value, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_answer_options(
    eng: *mut sipw_engine,
    call: sipw_call,
    options: *const sipw_call_options,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises readable texts and a struct of the size it says.
        let options = unsafe { call_options(options) }?;
        shared.engine().answer(id(call)?, options)
    })
}

/// Ends a call in whatever state it is: refuses, cancels or hangs up. SIPW_EV_CALL_ENDED follows.
///
/// @param status  of an incoming call that was not answered: 300 to 699, 486 for busy; 0: as fits
/// @return SIPW_E_INVAL, SIPW_E_GONE; never SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_hangup(eng: *mut sipw_engine, call: sipw_call, status: u16) -> sipw_status {
    guard::status(|| find(eng)?.engine().hangup(id(call)?, status))
}

/// Puts the peer on hold. SIPW_EV_HOLD_DONE tells. RFC 3264 s8.4.
///
/// @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_hold(eng: *mut sipw_engine, call: sipw_call) -> sipw_status {
    guard::status(|| find(eng)?.engine().hold(id(call)?, true))
}

/// Takes the peer off hold. SIPW_EV_HOLD_DONE tells.
///
/// @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_resume(eng: *mut sipw_engine, call: sipw_call) -> sipw_status {
    guard::status(|| find(eng)?.engine().hold(id(call)?, false))
}

/// Where a call is, as far as its events have been delivered.
///
/// @param out  where one of ::sipw_call_phase goes
/// @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_call_state(eng: *mut sipw_engine, call: sipw_call, out: *mut u32) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        wanted(out, "out")?;
        let call = id(call)?;
        shared.engine().user(call.raw())?;
        let phase = match shared.engine().state(call) {
            CallState::Calling => sipw_call_phase::SIPW_CALL_CALLING,
            CallState::Incoming => sipw_call_phase::SIPW_CALL_INCOMING,
            CallState::Ringing => sipw_call_phase::SIPW_CALL_RINGING,
            CallState::Answered => sipw_call_phase::SIPW_CALL_ANSWERED,
            CallState::Held => sipw_call_phase::SIPW_CALL_HELD,
            CallState::Ended => sipw_call_phase::SIPW_CALL_ENDED,
        };
        // SAFETY: checked for NULL; the caller promises room for a number.
        unsafe { put(out, phase as u32) };
        Ok(())
    })
}

/// The figures of a call's media as the last SIPW_EV_QUALITY told them, all 0 before; use the macro sipw_call_quality().
///
/// @param out   where they go
/// @param size  sizeof *out as the caller was compiled: nothing beyond it is written
/// @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_call_quality_sized(
    eng: *mut sipw_engine,
    call: sipw_call,
    out: *mut sipw_quality,
    size: usize,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        wanted(out, "out")?;
        let figures = sipw_quality::from(&shared.engine().quality(id(call)?)?);
        // SAFETY: checked for NULL; the caller promises `size` writable bytes.
        unsafe { put_sized(out, &figures, size) };
        Ok(())
    })
}

/// # Safety
/// `options` is NULL or a struct of the size it says, whose texts are readable.
unsafe fn call_options(options: *const sipw_call_options) -> Result<CallOptions, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(options) = read(options, "sipw_call_options")? else { return Ok(CallOptions::default()) };
        let sdp: &[u8] = slice(options.sdp.cast(), options.sdp_bytes, limits::SDP_BYTES, "sdp")?;
        Ok(CallOptions {
            headers: headers(options.headers, options.headers_count)?,
            codecs: codecs(options.codecs)?,
            from: owned(options.from, "from")?,
            routes: list(optional(options.routes, "routes")?.unwrap_or_default()),
            sdp: (!sdp.is_empty()).then(|| Bytes::copy_from_slice(sdp)),
            no_media: options.no_media != 0,
            ring_timeout: match options.ring_timeout_ms {
                0 => None,
                ms => Some(Duration::from_millis(ms.into())),
            },
        })
    }
}

/// # Safety
/// `headers` is NULL or points to `count` headers whose texts are readable.
pub(super) unsafe fn headers(headers: *const sipw_header, count: usize) -> Result<Vec<(String, String)>, Error> {
    // SAFETY: the caller's promise.
    let headers = unsafe { slice(headers, count, limits::HEADER_FIELDS, "headers") }?;
    headers
        .iter()
        .map(|header| {
            // SAFETY: the caller's promise.
            unsafe { Ok((required(header.name, "header name")?.to_owned(), owned(header.value, "header value")?)) }
        })
        .collect()
}

pub(super) fn id(raw: sipw_call) -> Result<CallId, Error> {
    CallId::from_raw(raw).ok_or_else(|| {
        Error::new(ErrorKind::Invalid, format!("{raw:#x} is no call; pass sipw_event::call or what sipw_dial() gave"))
    })
}
