//! Media of a call: play, record, digits, PCM, figures. PCM never rides on the event queue (rule 10 of the C ABI).

use super::call::{id, sipw_call};
use super::config::{Sized32, init, read};
use super::engine::{Shared, find, sipw_engine};
use super::error::sipw_status;
use super::guard;
use super::string::{announced, put, required, slice, slice_mut, wanted};
use crate::base::id::{Kind, Origin, engine as engine_of, kind, pack, shard};
use crate::base::limits;
use crate::engine::{Error, ErrorKind, PcmPort, Quality};
use std::ffi::{c_char, c_int};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};

/** A PCM port of a call: an id as ::sipw_call. 0 is none. */
pub type sipw_pcm = u64;

/// Figures of a call's audio, since its start. RFC 3550 s6.4, A.3, A.8; ITU-T G.107.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_quality {
    /// What we hear, by the E-model: 1 (bad) to 4.5; 0: not known yet.
    pub mos: f32,
    /// Loss of what we hear with what came too late, percent.
    pub loss_pct: f32,
    /// Interarrival jitter of what we hear.
    pub jitter_ms: f32,
    /// Round trip by RTCP; 0: not known.
    pub rtt_ms: f32,
    /// R factor, 0 to 100.
    pub r_factor: f32,
    /// Delay of the jitter buffer.
    pub buffer_ms: f32,
    /// Loss that the peer reports of what we send, percent.
    pub remote_loss_pct: f32,
    /// Jitter that the peer reports.
    pub remote_jitter_ms: f32,
    /// RTP packets sent.
    pub sent: u64,
    /// RTP packets received, without duplicates.
    pub received: u64,
    /// Packets expected that never came.
    pub lost: u64,
    /// Packets that came too late to be played.
    pub late: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets refused for their source or form.
    pub rejected: u64,
}

impl From<&Quality> for sipw_quality {
    fn from(q: &Quality) -> Self {
        sipw_quality {
            mos: q.mos,
            loss_pct: q.loss_pct,
            jitter_ms: q.jitter_ms,
            rtt_ms: q.rtt_ms,
            r_factor: q.r_factor,
            buffer_ms: q.buffer_ms,
            remote_loss_pct: q.remote_loss_pct,
            remote_jitter_ms: q.remote_jitter_ms,
            sent: q.sent,
            received: q.received,
            lost: q.lost,
            late: q.late,
            duplicate: q.duplicate,
            rejected: q.rejected,
        }
    }
}

/// Options of a recording. Set up with sipw_record_options_init(); 0 is the default everywhere.
#[repr(C)]
pub struct sipw_record_options {
    /// Set by sipw_record_options_init().
    pub size: u32,
    /// 2: left what we send, right what we hear; 1: both mixed. 0: 2.
    pub channels: u32,
}

// SAFETY: integers.
unsafe impl Sized32 for sipw_record_options {}

/// Sets a struct to its defaults; use the macro sipw_record_options_init(). Does nothing with NULL.
///
/// @param options  the struct
/// @param size     its sizeof as the caller was compiled: nothing beyond it is written
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_record_options_init_sized(options: *mut sipw_record_options, size: usize) {
    // SAFETY: the caller promises `size` writable bytes.
    unsafe { init(options, size) }
}

/// Plays a WAV file (PCM, any rate and channels) into a call; several at once are mixed. Ends with SIPW_EV_PLAY_DONE.
///
/// @param path   the file; opened before the call returns, read by threads of the library
/// @param token  where the play's number goes, for the event and sipw_stop_play(); written before the event; may be NULL
/// @return SIPW_E_IO for a file that can't be read, SIPW_E_INVAL or SIPW_E_UNSUPPORTED for one that is no WAV we know, SIPW_E_GONE,
///         SIPW_E_FULL. From any thread; blocks only for opening the file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_play_file(
    eng: *mut sipw_engine,
    call: sipw_call,
    path: *const c_char,
    token: *mut u64,
) -> sipw_status {
    // SAFETY: the same promises.
    guard::status(|| unsafe { play(eng, call, path, false, token) })
}

/// Plays a WAV file again and again until sipw_stop_play() or the end of the call; else as sipw_play_file().
///
/// @param path   the file
/// @param token  where the play's number goes; may be NULL
/// @return as sipw_play_file(). From any thread; blocks only for opening the file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_play_loop(
    eng: *mut sipw_engine,
    call: sipw_call,
    path: *const c_char,
    token: *mut u64,
) -> sipw_status {
    // SAFETY: the same promises.
    guard::status(|| unsafe { play(eng, call, path, true, token) })
}

/// # Safety
/// `path` is readable text, `token` is NULL or has room for a number.
unsafe fn play(
    eng: *mut sipw_engine,
    call: sipw_call,
    path: *const c_char,
    repeat: bool,
    token: *mut u64,
) -> Result<(), Error> {
    let shared = find(eng)?;
    // SAFETY: the caller's promise.
    let path = unsafe { required(path, "path") }?;
    let call = id(call)?;
    // SAFETY: the caller's promise.
    unsafe { announced(token, |tell| shared.engine().play_file_then(call, Path::new(path), repeat, tell)) }
}

/// Stops a play, or all of a call; each ends with SIPW_EV_PLAY_DONE and interrupted set.
///
/// @param token  from sipw_play_file(); 0: all
/// @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_stop_play(eng: *mut sipw_engine, call: sipw_call, token: u64) -> sipw_status {
    guard::status(|| find(eng)?.engine().stop_play(id(call)?, (token != 0).then_some(token)))
}

/// Records a call into a WAV file: stereo, left what we send, right what we hear. It ends with sipw_stop_record() or the call; the file is
/// whole when SIPW_EV_CALL_ENDED is delivered. A disk that fills up is told by SIPW_EV_TROUBLE.
///
/// @param path  the file; it is made anew
/// @return SIPW_E_IO for a file that can't be made, SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread; blocks only for making the
///         file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_record_file(eng: *mut sipw_engine, call: sipw_call, path: *const c_char) -> sipw_status {
    // SAFETY: the same promises; no options.
    unsafe { sipw_record_file_options(eng, call, path, std::ptr::null()) }
}

/// Records a call with options; else as sipw_record_file().
///
/// @param path     the file; it is made anew
/// @param options  set up with sipw_record_options_init(); NULL: all defaults
/// @return as sipw_record_file(). From any thread; blocks only for making the file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_record_file_options(
    eng: *mut sipw_engine,
    call: sipw_call,
    path: *const c_char,
    options: *const sipw_record_options,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises readable text and a struct of the size it says.
        let (path, options) = unsafe { (required(path, "path")?, read(options, "sipw_record_options")?) };
        let stereo = match options.map_or(0, |o| o.channels) {
            0 | 2 => true,
            1 => false,
            other => return Err(Error::new(ErrorKind::Invalid, format!("{other} channels: give 1, 2, or 0 for 2"))),
        };
        shared.engine().record_file(id(call)?, Path::new(path), stereo)
    })
}

/// Ends all recordings of a call.
///
/// @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_stop_record(eng: *mut sipw_engine, call: sipw_call) -> sipw_status {
    guard::status(|| find(eng)?.engine().stop_record(id(call)?))
}

/// Sends keys, 100 ms each, as RFC 4733 events. Ends with SIPW_EV_DTMF_SENT.
///
/// @param digits  0-9 * # A-D, and a comma for a pause of 500 ms; up to 256
/// @return SIPW_E_INVAL, SIPW_E_GONE, SIPW_E_FULL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_send_dtmf(eng: *mut sipw_engine, call: sipw_call, digits: *const c_char) -> sipw_status {
    // SAFETY: the same promise.
    unsafe { sipw_send_dtmf_timed(eng, call, digits, 0) }
}

/// Sends keys of a given length; else as sipw_send_dtmf().
///
/// @param digits       the keys
/// @param duration_ms  length of each, 40 to 5,000; 0: 100
/// @return as sipw_send_dtmf(). From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_send_dtmf_timed(
    eng: *mut sipw_engine,
    call: sipw_call,
    digits: *const c_char,
    duration_ms: u16,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        // SAFETY: the caller promises readable text.
        let digits = unsafe { required(digits, "digits") }?;
        shared.engine().send_dtmf(id(call)?, digits, duration_ms)
    })
}

/// Opens a two-way port for a call's audio as 16-bit mono PCM: read what we hear, write what we send. It lives until sipw_pcm_close() or
/// the end of the engine; close it after the call too.
///
/// @param rate_hz  8000, 16000, 24000, 32000, 44100 or 48000; converted to and from the call's own rate
/// @param out      where the id goes
/// @return SIPW_E_INVAL for a bad rate, SIPW_E_GONE, SIPW_E_FULL, SIPW_E_NOMEM. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_pcm_open(
    eng: *mut sipw_engine,
    call: sipw_call,
    rate_hz: u32,
    out: *mut sipw_pcm,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        wanted(out, "out")?;
        let call = id(call)?;
        if lock(&shared).len() >= PORTS {
            return Err(Error::new(
                ErrorKind::Full,
                format!("{PORTS} PCM ports are open; close some with sipw_pcm_close()"),
            ));
        }
        let port = Arc::new(shared.engine().pcm(call, rate_hz)?);
        let serial = NEXT.fetch_add(1, Ordering::Relaxed);
        let number = pack(Kind::Node, engine_of(call.raw()), shard(call.raw()), Origin::Application, serial);
        lock(&shared).insert(number, port);
        // SAFETY: checked for NULL; the caller promises room for an id.
        unsafe { put(out, number) };
        Ok(())
    })
}

/// Takes what we heard. It waits for nothing: use sipw_pcm_fd() to know when.
///
/// @param samples  where they go
/// @param count    room, in samples
/// @param got      where the number of samples taken goes; 0 when none wait
/// @return SIPW_E_GONE when the call has ended and all is read, SIPW_E_INVAL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_pcm_read(
    eng: *mut sipw_engine,
    pcm: sipw_pcm,
    samples: *mut i16,
    count: usize,
    got: *mut usize,
) -> sipw_status {
    guard::status(|| {
        let port = port(eng, pcm)?;
        wanted(got, "got")?;
        // SAFETY: the caller promises room for `count` samples that nobody else touches meanwhile.
        let samples = unsafe { slice_mut(samples, count, SAMPLES, "samples") }?;
        let ended = port.is_ended();
        let read = port.read(samples);
        if read == 0 && ended && count > 0 {
            return Err(Error::new(
                ErrorKind::Gone,
                "the call of this PCM port has ended and all is read; close the port",
            ));
        }
        // SAFETY: checked for NULL; the caller promises room for a number.
        unsafe { put(got, read) };
        Ok(())
    })
}

/// Gives samples to send. What does not fit is not taken: give it again later.
///
/// @param samples  mono, at the port's rate
/// @param count    how many
/// @param taken    where the number of samples taken goes
/// @return SIPW_E_GONE when the call has ended, SIPW_E_INVAL. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_pcm_write(
    eng: *mut sipw_engine,
    pcm: sipw_pcm,
    samples: *const i16,
    count: usize,
    taken: *mut usize,
) -> sipw_status {
    guard::status(|| {
        let port = port(eng, pcm)?;
        wanted(taken, "taken")?;
        // SAFETY: the caller promises `count` readable samples.
        let samples = unsafe { slice(samples, count, SAMPLES, "samples") }?;
        if port.is_ended() {
            return Err(Error::new(ErrorKind::Gone, "the call of this PCM port has ended; close the port"));
        }
        let written = port.write(samples);
        // SAFETY: checked for NULL; the caller promises room for a number.
        unsafe { put(taken, written) };
        Ok(())
    })
}

/// Drops what was written and not sent yet (the other side began to speak).
///
/// @param played_ms  where the length of what was sent since the last interrupt goes; may be NULL
/// @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_pcm_interrupt(eng: *mut sipw_engine, pcm: sipw_pcm, played_ms: *mut u64) -> sipw_status {
    guard::status(|| {
        let played_s = port(eng, pcm)?.interrupt();
        // SAFETY: the caller promises room for a number, or NULL.
        unsafe { put(played_ms, (played_s * 1000.0).round() as u64) };
        Ok(())
    })
}

/// A descriptor that is readable while at least 20 ms wait to be read, or the call has ended. Owned by the port: do not read or close it.
///
/// @return the descriptor, -1 on failure. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_pcm_fd(eng: *mut sipw_engine, pcm: sipw_pcm) -> c_int {
    guard::value(-1, || Ok(port(eng, pcm)?.fd()))
}

/// Closes a port and frees what it held.
///
/// @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_pcm_close(eng: *mut sipw_engine, pcm: sipw_pcm) -> sipw_status {
    guard::status(|| {
        let closed = port(eng, pcm)?;
        let shared = find(eng)?;
        lock(&shared).remove(&pcm);
        drop(closed);
        Ok(())
    })
}

/// PCM ports of one engine: as many as sessions, and their samples at once: ten minutes of 48 kHz.
const PORTS: usize = limits::SESSIONS;
const SAMPLES: usize = 48_000 * 600;
static NEXT: AtomicU64 = AtomicU64::new(1);

fn lock(shared: &Shared) -> MutexGuard<'_, std::collections::BTreeMap<u64, Arc<PcmPort>>> {
    shared.ports.lock().unwrap_or_else(PoisonError::into_inner)
}

fn port(eng: *mut sipw_engine, pcm: sipw_pcm) -> Result<Arc<PcmPort>, Error> {
    let shared = find(eng)?;
    if let Some(port) = lock(&shared).get(&pcm) {
        return Ok(port.clone());
    }
    let invalid = |what: String| Err(Error::new(ErrorKind::Invalid, what));
    match kind(pcm) {
        Some(Kind::Node) if engine_of(pcm) != shared.engine().number() => {
            invalid(format!("PCM port {pcm:#x} belongs to another engine"))
        }
        Some(Kind::Node) => Err(Error::new(ErrorKind::Gone, format!("PCM port {pcm:#x} was closed"))),
        _ => invalid(format!("{pcm:#x} is no PCM port; pass what sipw_pcm_open() gave")),
    }
}
