//! Requests that are no calls, sent and answered by the application with headers and bodies of its own. RFC 3261 s8.1, s8.2, s12.2.

use super::account::sipw_request;
use super::call::sipw_header;
use super::config::{Sized32, init, list, read};
use super::engine::{find, sipw_engine};
use super::error::sipw_status;
use super::guard;
use super::string::{announced, optional, owned, required, slice};
use crate::base::id::{AccountId, CallId, RequestId};
use crate::base::limits;
use crate::engine::{Error, ErrorKind, RequestAnswer, RequestOptions, Sender};
use bytes::Bytes;
use std::ffi::{c_char, c_void};

/// What a request or an answer of yours carries. Set up with sipw_request_options_init(); 0 and NULL are the defaults everywhere. Via,
/// From, To, Call-ID, CSeq, Max-Forwards and Content-Length are the library's.
#[repr(C)]
pub struct sipw_request_options {
    /// Set by sipw_request_options_init().
    pub size: u32,
    /// Headers; a Contact among them stands instead of the library's.
    pub headers: *const sipw_header,
    /// How many.
    pub headers_count: usize,
    /// Content-Type of the body; NULL without one.
    pub content_type: *const c_char,
    /// Body: bytes, need not end with NUL.
    pub body: *const c_char,
    /// Its length, at most 32,767.
    pub body_bytes: usize,
    /// Requests outside of calls: pre-loaded route set, topmost first, "<sip:p1.example.com;lr>, <sip:p2.example.com;lr>" (RFC 3261
    /// s8.1.2). NULL: the account's.
    pub routes: *const c_char,
}

// SAFETY: integers and raw pointers.
unsafe impl Sized32 for sipw_request_options {}

/// Sets a struct to its defaults; use the macro sipw_request_options_init(). Does nothing with NULL.
///
/// @param options  the struct
/// @param size     its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_request_options_init_sized(options: *mut sipw_request_options, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(options, size) }
}

/// Sends any request that has no function of its own, with headers and a body of yours, outside of dialogs or inside the one of a call.
/// SIPW_EV_REQUEST_PROGRESS tells provisional responses, SIPW_EV_REQUEST_DONE the final one; the whole response is behind each event
/// (sipw_event_message()). A challenge is answered with the account's password.
///
/// @param from     an account (outside of dialogs), or a call: then the request has its dialog's route set, CSeq and target
/// @param method   "SUBSCRIBE", "REFER", "INFO", "PUBLISH", one of yours ..; INVITE, ACK, BYE, CANCEL belong to sipw_dial(), sipw_hangup()
/// @param uri      to whom: a SIP URI, or a user of the account's domain; NULL inside a call
/// @param options  set up with sipw_request_options_init(); NULL: no headers, no body
/// @param user     comes back in the request's events
/// @param out      where the id goes, written before the first event; may be NULL
/// @return SIPW_E_INVAL for a bad value or a method that is not sent this way, SIPW_E_GONE for the account or call, SIPW_E_FULL,
///         SIPW_E_DRAINING. A call that has no dialog yet ends the request with status 481. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_request_send(
    eng: *mut sipw_engine,
    from: u64,
    method: *const c_char,
    uri: *const c_char,
    options: *const sipw_request_options,
    user: *mut c_void,
    out: *mut sipw_request,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises readable texts and a struct of the size it says.
        let request = unsafe {
            let given = parts(options)?;
            RequestOptions {
                method: required(method, "method")?.to_owned(),
                target: owned(uri, "uri")?,
                content_type: given.content_type,
                body: given.body,
                headers: given.headers,
                routes: given.routes,
            }
        };
        let sender = sender(from)?;
        let make = |tell: &dyn Fn(u64)| {
            let told = |request: RequestId| tell(request.raw());
            shared.engine().send_request_then(sender, request, user.addr(), told)
        };
        // SAFETY: the caller promises room for an id, or NULL.
        unsafe { announced(out, make) }
    })
}

/// Answers a request of SIPW_EV_REQUEST; SIPW_EV_REQUEST_DONE tells that it is over. The first answer counts. A request that is not
/// answered within 48 times T1 (24 s) is answered 500 by the library.
///
/// @param request  from sipw_ev_request::request
/// @param status   200 to 699, but not 408 (RFC 4320 s4.2)
/// @param reason   reason phrase; NULL: the RFC's
/// @param options  headers and body, set up with sipw_request_options_init(); NULL: none
/// @return SIPW_E_INVAL for a bad value, SIPW_E_GONE when it is over, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_request_answer(
    eng: *mut sipw_engine,
    request: sipw_request,
    status: u16,
    reason: *const c_char,
    options: *const sipw_request_options,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises readable texts and a struct of the size it says.
        let answer = unsafe {
            let given = parts(options)?;
            if !given.routes.is_empty() {
                return Err(invalid("an answer goes back the way the request came; leave routes NULL".to_owned()));
            }
            RequestAnswer {
                status,
                reason: owned(reason, "reason")?,
                content_type: given.content_type,
                body: given.body,
                headers: given.headers,
            }
        };
        let id = RequestId::from_raw(request)
            .ok_or_else(|| invalid(format!("{request:#x} is no request; pass sipw_ev_request::request")))?;
        shared.engine().answer_request(id, answer)
    })
}

#[derive(Default)]
struct Parts {
    headers: Vec<(String, String)>,
    content_type: String,
    body: Bytes,
    routes: Vec<String>,
}

/// # Safety
/// `options` is NULL or a struct of the size it says, whose texts are readable.
unsafe fn parts(options: *const sipw_request_options) -> Result<Parts, Error> {
    // SAFETY: the caller's promise.
    unsafe {
        let Some(options) = read(options, "sipw_request_options")? else { return Ok(Parts::default()) };
        let body: &[u8] = slice(options.body.cast(), options.body_bytes, limits::MESSAGE_BYTES, "body")?;
        Ok(Parts {
            headers: super::call::headers(options.headers, options.headers_count)?,
            content_type: owned(options.content_type, "content_type")?,
            body: Bytes::copy_from_slice(body),
            routes: list(optional(options.routes, "routes")?.unwrap_or_default()),
        })
    }
}

fn sender(from: u64) -> Result<Sender, Error> {
    let account = AccountId::from_raw(from).map(Sender::Account);
    account.or_else(|| CallId::from_raw(from).map(Sender::Call)).ok_or_else(|| {
        invalid(format!("{from:#x} is neither account nor call; pass what sipw_account_add() or sipw_dial() gave"))
    })
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
