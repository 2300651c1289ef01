//! Events as C sees them. Rule 7 of the C ABI: one explicit struct with a union, owned by the library, never `sizeof`ed by the caller.

use super::call::sipw_call;
use super::engine::{Shared, find, sipw_engine};
use super::error::sipw_status;
use super::guard;
use super::media::sipw_quality;
use super::string::{put, wanted};
use super::{account::sipw_account, account::sipw_request};
use crate::base::Duration;
use crate::engine::{Delivered, Error, ErrorKind, EventKind, Outcome};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;

/// What happened; values of sipw_event::type. The numbers never change; ignore the ones you do not know.
#[repr(C)]
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum sipw_event_type {
    /// The account is registered, or refreshed: `u.registered`. RFC 3261 s10.
    SIPW_EV_REGISTERED = 1,
    /// Registration failed; it is tried again after a while unless the account is removed: `u.outcome`.
    SIPW_EV_REGISTER_FAILED = 2,
    /// The account is gone; the last event of the account.
    SIPW_EV_ACCOUNT_REMOVED = 3,
    /// The flow that the account registered over has failed (no answer to keep-alives, another address, a closed connection); it registers
    /// anew: `u.trouble`. RFC 5626 s4.4, s4.5.
    SIPW_EV_FLOW_FAILED = 4,
    /// Somebody calls: `u.incoming`. Ring, answer or hang up.
    SIPW_EV_CALL_INCOMING = 16,
    /// A provisional response of a call we dialled: `u.outcome`.
    SIPW_EV_CALL_PROGRESS = 17,
    /// The call is up: `u.answered`.
    SIPW_EV_CALL_ANSWERED = 18,
    /// The call is over, status 200 after a normal end: `u.outcome`; the last event of the call.
    SIPW_EV_CALL_ENDED = 19,
    /// The peer put us on hold: `u.hold`. RFC 3264 s8.4.
    SIPW_EV_CALL_HELD = 20,
    /// The peer took us off hold: `u.hold`.
    SIPW_EV_CALL_RESUMED = 21,
    /// Our sipw_hold() or sipw_resume() is done: `u.hold`.
    SIPW_EV_HOLD_DONE = 22,
    /// A key of the peer: `u.dtmf`. RFC 4733.
    SIPW_EV_DTMF = 32,
    /// A play ended: `u.play`.
    SIPW_EV_PLAY_DONE = 33,
    /// Figures of the call's media, at intervals: `u.quality`.
    SIPW_EV_QUALITY = 34,
    /// All digits of sipw_send_dtmf() are sent.
    SIPW_EV_DTMF_SENT = 35,
    /// The first audio of the peer arrived.
    SIPW_EV_MEDIA_STARTED = 36,
    /// Media of the call could not be made or broke: `u.trouble`.
    SIPW_EV_MEDIA_FAILED = 37,
    /// No RTP came for the configured time; told once per silence.
    SIPW_EV_RTP_TIMEOUT = 38,
    /// A MESSAGE arrived and was answered 200: `u.message`. RFC 3428.
    SIPW_EV_MESSAGE = 48,
    /// A request of ours has its final status, or one of a peer has its answer (by_peer is false then, and local says that the library
    /// answered in your place): `u.outcome`; the last event of the request.
    SIPW_EV_REQUEST_DONE = 49,
    /// A request whose method you take (sipw_sip_config::methods): `u.request`. Answer it with sipw_request_answer().
    SIPW_EV_REQUEST = 50,
    /// A provisional response to a request of ours: `u.outcome`.
    SIPW_EV_REQUEST_PROGRESS = 51,
    /// Something of the engine itself failed (a listener, a recording); the engine lives on: `u.trouble`.
    SIPW_EV_TROUBLE = 64,
    /// Something newer than this library's header; look at the message behind it.
    SIPW_EV_OTHER = 127,
}

/// SIPW_EV_REGISTERED.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_registered {
    /// Seconds granted by the registrar.
    pub expires_s: u32,
}

/// SIPW_EV_REGISTER_FAILED, CALL_PROGRESS, CALL_ENDED, REQUEST_DONE, REQUEST_PROGRESS.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_outcome {
    /// SIP status; 200 when a call ended normally. RFC 3261 s21.
    pub status: u16,
    /// Reason phrase, or what happened here and what to do; never NULL.
    pub reason: *const c_char,
    /// The status was made here (timeout, transport, our own hang-up), not by the peer.
    pub local: bool,
    /// The peer, not we, ended the call.
    pub by_peer: bool,
    /// CALL_PROGRESS: early media flows.
    pub early_media: bool,
    /// REQUEST_DONE, REQUEST_PROGRESS: the request; else 0.
    pub request: sipw_request,
    /// CALL_ENDED: the last figures of the call's media, or NULL.
    pub quality: *const sipw_quality,
}

/// SIPW_EV_CALL_INCOMING.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_incoming {
    /// From as URI.
    pub from: *const c_char,
    /// Display name of From without control characters; "" when there is none.
    pub from_display: *const c_char,
    /// To as URI.
    pub to: *const c_char,
}

/// SIPW_EV_CALL_ANSWERED.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_answered {
    /// Codec agreed on ("PCMU"), or NULL when media is not ours.
    pub codec: *const c_char,
}

/// SIPW_EV_CALL_HELD, CALL_RESUMED, HOLD_DONE.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_hold {
    /// HELD, RESUMED: the peer holds us. HOLD_DONE: we hold the peer.
    pub held: bool,
    /// HOLD_DONE: it worked.
    pub ok: bool,
}

/// SIPW_EV_DTMF.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_dtmf {
    /// One of 0-9 * # A-D.
    pub digit: c_char,
    /// How long it was pressed.
    pub duration_ms: u32,
}

/// SIPW_EV_PLAY_DONE.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_play {
    /// From sipw_play_file().
    pub token: u64,
    /// It was stopped before its end.
    pub interrupted: bool,
    /// How much of it went out.
    pub played_ms: u64,
}

/// SIPW_EV_MESSAGE.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_message {
    /// From as URI.
    pub from: *const c_char,
    /// Content-Type, "text/plain".
    pub content_type: *const c_char,
    /// Body; a NUL follows it that is not counted.
    pub body: *const c_char,
    /// Length of the body.
    pub body_bytes: usize,
}

/// SIPW_EV_REQUEST. sipw_event::call is the call inside whose dialog it came, or 0; the whole request is behind the event.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_request {
    /// For sipw_request_answer().
    pub request: sipw_request,
    /// Method.
    pub method: *const c_char,
    /// Request-URI.
    pub uri: *const c_char,
    /// From as URI.
    pub from: *const c_char,
    /// To as URI.
    pub to: *const c_char,
    /// Content-Type; "" when there is no body.
    pub content_type: *const c_char,
    /// Body; a NUL follows it that is not counted.
    pub body: *const c_char,
    /// Length of the body.
    pub body_bytes: usize,
}

/// SIPW_EV_MEDIA_FAILED, FLOW_FAILED, TROUBLE.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_ev_trouble {
    /// Cause and remedy; never NULL.
    pub reason: *const c_char,
}

/// The part of an event that depends on its type; only the member named there may be read.
#[repr(C)]
pub union sipw_event_data {
    /// REGISTER_FAILED, CALL_PROGRESS, CALL_ENDED, REQUEST_DONE, REQUEST_PROGRESS.
    pub outcome: sipw_ev_outcome,
    /// DTMF.
    pub dtmf: sipw_ev_dtmf,
    /// PLAY_DONE.
    pub play: sipw_ev_play,
    /// QUALITY.
    pub quality: sipw_quality,
    /// REGISTERED.
    pub registered: sipw_ev_registered,
    /// CALL_INCOMING.
    pub incoming: sipw_ev_incoming,
    /// CALL_ANSWERED.
    pub answered: sipw_ev_answered,
    /// CALL_HELD, CALL_RESUMED, HOLD_DONE.
    pub hold: sipw_ev_hold,
    /// MESSAGE.
    pub message: sipw_ev_message,
    /// REQUEST.
    pub request: sipw_ev_request,
    /// MEDIA_FAILED, FLOW_FAILED, TROUBLE.
    pub trouble: sipw_ev_trouble,
    /// Room for what comes.
    pub reserved: [u64; 16],
}

/// One event. Owned by the library and read-only; it and all it points to are valid until the callback returns, or until the same
/// thread's next sipw_next_event() or sipw_wait_event() on the same engine. Never take its sizeof: newer libraries have more fields.
#[repr(C)]
pub struct sipw_event {
    /// Bytes the library filled: fields past it do not exist.
    pub size: u32,
    /// One of ::sipw_event_type; ignore the ones you do not know.
    pub r#type: u32,
    /// When, in microseconds since the engine started; monotonic.
    pub time_us: u64,
    /// Account concerned, or 0.
    pub account: sipw_account,
    /// Call concerned, or 0.
    pub call: sipw_call,
    /// What you passed when the call, account or request was made, or with sipw_set_user(). An incoming call starts with its account's.
    pub user: *mut c_void,
    /// The rest, by type.
    pub u: sipw_event_data,
    /// The SIP message behind the event, or NULL; see sipw_event_message().
    pub message: *const c_char,
    /// Length of the message; 0 when there is none.
    pub message_bytes: usize,
    /// The user that the request behind the event proved to come from; NULL where nobody was asked. See sipw_config::auth.
    pub auth_user: *const c_char,
}

/// Takes events, one at a time, on the one callback thread of the engine (or inline, see ::sipw_delivery). It may call any function of
/// this library but sipw_engine_free(). It must not throw or longjmp. Inline, it must not block.
///
/// @param ev    the event, valid until the callback returns
/// @param user  sipw_config::user
pub type sipw_event_cb = Option<unsafe extern "C" fn(ev: *const sipw_event, user: *mut c_void)>;

/// What the pointers of an event point to. Moving it moves no byte of it.
#[derive(Default)]
struct Kept {
    texts: SmallVec<[Vec<u8>; 3]>,
    quality: Option<Box<sipw_quality>>,
}

/// An event as C sees it, for as long as the engine's own lives.
pub(super) struct Shown<'a> {
    event: sipw_event,
    _kept: Kept,
    _delivered: PhantomData<&'a Delivered>,
}

impl<'a> Shown<'a> {
    pub(super) fn new(delivered: &'a Delivered) -> Self {
        let (event, kept) = show(delivered);
        Shown { event, _kept: kept, _delivered: PhantomData }
    }

    pub(super) fn as_ptr(&self) -> *const sipw_event {
        &raw const self.event
    }
}

/// An event that the application pulled, with all that its pointers point to.
struct Held {
    event: sipw_event,
    _kept: Kept,
    /// Owns the SIP message.
    _delivered: Delivered,
}

impl Held {
    fn new(delivered: Delivered) -> Box<Self> {
        let (event, kept) = show(&delivered);
        Box::new(Held { event, _kept: kept, _delivered: delivered })
    }
}

fn show(delivered: &Delivered) -> (sipw_event, Kept) {
    let event = &delivered.event;
    let mut kept = Kept::default();
    let (kind, u) = kept.read(&event.kind, event.request.raw());
    let auth_user = event.auth_user.as_ref().map_or(std::ptr::null(), |user| kept.keep(user));
    let shown = sipw_event {
        size: size_of::<sipw_event>() as u32,
        r#type: kind as u32,
        time_us: event.time.as_micros(),
        account: event.account.raw(),
        call: event.call.raw(),
        user: std::ptr::without_provenance_mut(delivered.user),
        u,
        message: event.message.as_ref().map_or(std::ptr::null(), |message| message.as_ptr().cast()),
        message_bytes: event.message.as_ref().map_or(0, bytes::Bytes::len),
        auth_user,
    };
    (shown, kept)
}

impl Kept {
    fn read(&mut self, kind: &EventKind, request: u64) -> (sipw_event_type, sipw_event_data) {
        use sipw_event_type as T;
        match kind {
            EventKind::Registered { expires_s } => {
                let registered = sipw_ev_registered { expires_s: *expires_s };
                (T::SIPW_EV_REGISTERED, sipw_event_data { registered })
            }
            EventKind::RegisterFailed(outcome) => (T::SIPW_EV_REGISTER_FAILED, self.outcome(outcome, false, request)),
            EventKind::FlowFailed { reason } => (T::SIPW_EV_FLOW_FAILED, self.trouble(reason)),
            EventKind::AccountRemoved => (T::SIPW_EV_ACCOUNT_REMOVED, NOTHING),
            EventKind::CallIncoming { from, from_display, to } => {
                let [from, from_display, to] = [from, from_display, to].map(|text| self.keep(text));
                (T::SIPW_EV_CALL_INCOMING, sipw_event_data { incoming: sipw_ev_incoming { from, from_display, to } })
            }
            EventKind::CallProgress { outcome, early_media } => {
                (T::SIPW_EV_CALL_PROGRESS, self.outcome(outcome, *early_media, request))
            }
            EventKind::CallAnswered { codec } => {
                let codec = codec.map_or(std::ptr::null(), |codec| self.keep(codec.name()));
                (T::SIPW_EV_CALL_ANSWERED, sipw_event_data { answered: sipw_ev_answered { codec } })
            }
            EventKind::CallHeld(held) => {
                let kind = if *held { T::SIPW_EV_CALL_HELD } else { T::SIPW_EV_CALL_RESUMED };
                (kind, sipw_event_data { hold: sipw_ev_hold { held: *held, ok: true } })
            }
            EventKind::CallHoldDone { held, ok } => {
                (T::SIPW_EV_HOLD_DONE, sipw_event_data { hold: sipw_ev_hold { held: *held, ok: *ok } })
            }
            EventKind::CallEnded { outcome, quality } => {
                self.quality = quality.as_ref().map(|figures| Box::new(figures.into()));
                (T::SIPW_EV_CALL_ENDED, self.outcome(outcome, false, request))
            }
            EventKind::Dtmf { digit, duration_ms } => {
                let dtmf = sipw_ev_dtmf { digit: *digit as u8 as c_char, duration_ms: *duration_ms };
                (T::SIPW_EV_DTMF, sipw_event_data { dtmf })
            }
            EventKind::DtmfSent => (T::SIPW_EV_DTMF_SENT, NOTHING),
            EventKind::PlayDone { token, interrupted, played_ms } => {
                let play = sipw_ev_play { token: *token, interrupted: *interrupted, played_ms: *played_ms };
                (T::SIPW_EV_PLAY_DONE, sipw_event_data { play })
            }
            EventKind::MediaStarted => (T::SIPW_EV_MEDIA_STARTED, NOTHING),
            EventKind::MediaFailed { reason } => (T::SIPW_EV_MEDIA_FAILED, self.trouble(reason)),
            EventKind::RtpTimeout => (T::SIPW_EV_RTP_TIMEOUT, NOTHING),
            EventKind::Quality(quality) => (T::SIPW_EV_QUALITY, sipw_event_data { quality: quality.into() }),
            EventKind::MessageReceived { from, content_type, body } => {
                let [from, content_type] = [from, content_type].map(|text| self.keep(text));
                let message = sipw_ev_message { from, content_type, body: self.bytes(body), body_bytes: body.len() };
                (T::SIPW_EV_MESSAGE, sipw_event_data { message })
            }
            EventKind::Request { method, uri, from, to, content_type, body } => {
                let [method, uri, from, to, content_type] =
                    [method, uri, from, to, content_type].map(|text| self.keep(text));
                let (body, body_bytes) = (self.bytes(body), body.len());
                let request = sipw_ev_request { request, method, uri, from, to, content_type, body, body_bytes };
                (T::SIPW_EV_REQUEST, sipw_event_data { request })
            }
            EventKind::RequestProgress(outcome) => (T::SIPW_EV_REQUEST_PROGRESS, self.outcome(outcome, false, request)),
            EventKind::RequestDone(outcome) => (T::SIPW_EV_REQUEST_DONE, self.outcome(outcome, false, request)),
            EventKind::Trouble { reason } => (T::SIPW_EV_TROUBLE, self.trouble(reason)),
            #[allow(unreachable_patterns, reason = "the kinds grow; an older C layer tells of a newer kind too")]
            _ => (T::SIPW_EV_OTHER, NOTHING),
        }
    }

    fn outcome(&mut self, outcome: &Outcome, early_media: bool, request: u64) -> sipw_event_data {
        let reason = self.keep(&outcome.reason);
        let quality = self.quality.as_deref().map_or(std::ptr::null(), |figures| &raw const *figures);
        let Outcome { status, local, by_peer, .. } = *outcome;
        sipw_event_data { outcome: sipw_ev_outcome { status, reason, local, by_peer, early_media, request, quality } }
    }

    fn trouble(&mut self, reason: &str) -> sipw_event_data {
        sipw_event_data { trouble: sipw_ev_trouble { reason: self.keep(reason) } }
    }

    /// Keeps a text as long as the event; an inner NUL would cut it off, so it becomes a space.
    fn keep(&mut self, text: &str) -> *const c_char {
        if text.contains('\0') { self.bytes(text.replace('\0', " ").as_bytes()) } else { self.bytes(text.as_bytes()) }
    }

    /// Keeps bytes and a NUL as long as the event.
    fn bytes(&mut self, bytes: &[u8]) -> *const c_char {
        let mut copy = Vec::with_capacity(bytes.len() + 1);
        copy.extend_from_slice(bytes);
        copy.push(0);
        let pointer = copy.as_ptr().cast();
        self.texts.push(copy);
        pointer
    }
}

const NOTHING: sipw_event_data = sipw_event_data { reserved: [0; 16] };

thread_local! {
    /// The event that this thread pulled last, per engine: two pulling threads never free each other's.
    static PULLED: RefCell<Vec<(u64, Box<Held>)>> = const { RefCell::new(Vec::new()) };
}

/// Lets go of what this thread pulled from an engine.
pub(super) fn release(engine: u64) {
    let _ = PULLED.try_with(|pulled| pulled.borrow_mut().retain(|(owner, _)| *owner != engine));
}

fn pull(engine: *mut sipw_engine, next: impl FnOnce(&Shared) -> Option<Delivered>) -> Result<*const sipw_event, Error> {
    let shared = find(engine)?;
    if !shared.pulls() {
        return Err(Error::new(ErrorKind::State, "this engine delivers by callback; make it without on_event to pull"));
    }
    release(shared.serial());
    let Some(delivered) = next(&shared) else { return Ok(std::ptr::null()) };
    let held = Held::new(delivered);
    let event = &raw const held.event;
    PULLED.with(|pulled| pulled.borrow_mut().push((shared.serial(), held)));
    Ok(event)
}

/// A descriptor that is readable while events wait (level-triggered): add it to poll, epoll, GLib, libuv or asio, and call
/// sipw_next_event() until it gives NULL. It is owned by the engine: do not read or close it.
///
/// @return the descriptor; -1 on failure, and when the engine delivers by callback. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_event_fd(eng: *mut sipw_engine) -> c_int {
    guard::value(-1, || {
        let shared = find(eng)?;
        if shared.pulls() {
            Ok(shared.engine().event_fd())
        } else {
            Err(Error::new(ErrorKind::State, "this engine delivers by callback; make it without on_event to poll"))
        }
    })
}

/// Takes the next event, if one waits.
///
/// @return the event, valid until this thread's next call of sipw_next_event() or sipw_wait_event() on this engine; NULL when none waits
///         and on failure (sipw_last_error() tells them apart). From any thread, several may pull; never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_next_event(eng: *mut sipw_engine) -> *const sipw_event {
    guard::value(std::ptr::null(), || pull(eng, |shared| shared.engine().next_event()))
}

/// Waits for the next event.
///
/// @param timeout_ms  how long at most; 0 does not wait
/// @return as sipw_next_event(); NULL when the time ran out. Blocks up to timeout_ms.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_wait_event(eng: *mut sipw_engine, timeout_ms: u32) -> *const sipw_event {
    guard::value(std::ptr::null(), || {
        pull(eng, |shared| shared.engine().wait_event(Duration::from_millis(timeout_ms.into())))
    })
}

/// The SIP message behind an event, as it was on the wire.
///
/// @param ev       an event that is still valid
/// @param message  where its first byte goes; the text is not NUL-terminated and valid as long as the event
/// @param bytes    where its length goes
/// @return SIPW_E_STATE when no message is behind it (or sipw_config::no_messages is set), SIPW_E_INVAL for NULL. From any thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_event_message(
    ev: *const sipw_event,
    message: *mut *const c_char,
    bytes: *mut usize,
) -> sipw_status {
    guard::status(|| {
        wanted(ev.cast_mut(), "the event")?;
        wanted(message, "message")?;
        wanted(bytes, "bytes")?;
        // SAFETY: not NULL; the caller promises an event of this library that is still valid.
        let (text, length) = unsafe { ((*ev).message, (*ev).message_bytes) };
        if text.is_null() {
            return Err(Error::new(ErrorKind::State, "no SIP message is behind this event"));
        }
        // SAFETY: not NULL; the caller promises room for a pointer and a length.
        unsafe {
            put(message, text);
            put(bytes, length);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Instant;
    use crate::base::id::{AccountId, CallId, Origin, RequestId};
    use crate::engine::{Event, Quality};
    use bytes::Bytes;
    use std::ffi::CStr;

    fn held(kind: EventKind) -> Box<Held> {
        let event = Event {
            time: Instant::from_micros(7),
            account: AccountId::NONE,
            call: CallId::new(1, 0, Origin::Network, 9),
            request: RequestId::NONE,
            kind,
            message: Some(Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n")),
            flow: None,
            auth_user: None,
        };
        Held::new(Delivered { event, user: 42 })
    }

    fn text<'a>(pointer: *const c_char) -> &'a str {
        // SAFETY: the pointers under test are NUL-terminated and their event lives.
        unsafe { CStr::from_ptr(pointer) }.to_str().unwrap()
    }

    #[test]
    fn an_outcome_carries_its_reason_figures_and_message() {
        let outcome = Outcome { status: 486, reason: "Busy Here".into(), local: false, by_peer: true };
        let held = held(EventKind::CallEnded { outcome, quality: Some(Quality { mos: 4.25, ..Quality::default() }) });
        let event = &held.event;
        assert_eq!((event.r#type, event.time_us, event.user.addr()), (19, 7, 42));
        assert_eq!(event.size as usize, size_of::<sipw_event>());
        // SAFETY: CALL_ENDED fills `outcome`.
        let outcome = unsafe { event.u.outcome };
        assert_eq!((outcome.status, text(outcome.reason), outcome.by_peer), (486, "Busy Here", true));
        // SAFETY: the figures live in the event.
        assert!((unsafe { (*outcome.quality).mos } - 4.25).abs() < 1e-6);
        let (mut message, mut bytes) = (std::ptr::null(), 0);
        // SAFETY: all three are valid.
        assert_eq!(unsafe { sipw_event_message(&raw const held.event, &raw mut message, &raw mut bytes) }, 0);
        assert_eq!(bytes, 18);
    }

    #[test]
    fn a_body_may_hold_nul_and_ends_with_one() {
        let body = Bytes::from_static(b"a\0b");
        let held = held(EventKind::MessageReceived { from: "sip:a@b".into(), content_type: "x/y".into(), body });
        // SAFETY: MESSAGE fills `message`.
        let message = unsafe { held.event.u.message };
        assert_eq!((text(message.from), text(message.content_type), message.body_bytes), ("sip:a@b", "x/y", 3));
        // SAFETY: the body and its NUL live in the event.
        assert_eq!(unsafe { std::slice::from_raw_parts(message.body.cast::<u8>(), 4) }, b"a\0b\0");
    }

    #[test]
    fn the_union_fits_its_room() {
        assert_eq!(size_of::<sipw_event_data>(), 128);
    }
}
