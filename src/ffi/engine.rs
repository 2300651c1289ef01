//! The engine: made, found by its number, freed. Rules 1, 2, 5 of the C ABI.

use super::config::{engine_config, read, sipw_config};
use super::error::sipw_status;
use super::event::release;
use super::guard;
use super::string::{c_text, put, put_sized, wanted};
use crate::base::Duration;
use crate::engine::{Engine, Error, ErrorKind, PcmPort};
use arc_swap::ArcSwapOption;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Opaque engine: one per process is usual, several are allowed. A freed one, or a pointer that is none, is refused with a status and
/// never followed.
pub struct sipw_engine {
    _opaque: [u8; 0],
}

/// What stands behind a `sipw_engine *`.
pub(super) struct Shared {
    serial: u64,
    engine: Engine,
    pulls: bool,
    /// What `sipw_listen_addresses` gives.
    listeners: CString,
    pub(super) ports: Mutex<BTreeMap<u64, Arc<PcmPort>>>,
}

impl Shared {
    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether the application pulls its events.
    pub(super) fn pulls(&self) -> bool {
        self.pulls
    }

    /// Names this engine among all of the process, of all times.
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }
}

/// Engines alive. A handle is `serial << 12 | slot << 4 | TAG`: a number, not an address.
static SLOTS: [ArcSwapOption<Shared>; SLOT_COUNT] = [const { ArcSwapOption::const_empty() }; SLOT_COUNT];
static NEXT: AtomicUsize = AtomicUsize::new(1);
const SLOT_COUNT: usize = crate::base::limits::ENGINES;
const TAG: usize = 0xA;

/// Finds an engine by its handle. Takes no lock.
pub(super) fn find(handle: *mut sipw_engine) -> Result<Arc<Shared>, Error> {
    let number = handle.addr();
    if number == 0 {
        return Err(Error::new(ErrorKind::Invalid, "the engine is NULL; make one with sipw_engine_new()"));
    }
    let (serial, slot) = (number >> 12, number >> 4 & 0xff);
    let known = number & 0xf == TAG && serial != 0 && serial < NEXT.load(Ordering::Acquire);
    let Some(place) = SLOTS.get(slot).filter(|_| known) else {
        return Err(Error::new(ErrorKind::Invalid, "this is no engine; pass what sipw_engine_new() gave"));
    };
    place
        .load_full()
        .filter(|shared| shared.serial == serial as u64)
        .ok_or_else(|| Error::new(ErrorKind::Gone, "this engine was freed"))
}

/// Gives an engine a slot and a handle.
fn settle(engine: Engine, pulls: bool) -> Result<*mut sipw_engine, Error> {
    let serial = NEXT.fetch_add(1, Ordering::AcqRel);
    let listeners: Vec<String> =
        engine.listeners().iter().map(|at| format!("{}://{}", at.protocol.param(), at.local)).collect();
    let shared = Arc::new(Shared {
        serial: serial as u64,
        engine,
        pulls,
        listeners: c_text(&listeners.join(",")),
        ports: Mutex::default(),
    });
    let free =
        |slot: &ArcSwapOption<Shared>| slot.compare_and_swap(&None::<Arc<Shared>>, Some(shared.clone())).is_none();
    match SLOTS.iter().position(free) {
        Some(slot) => Ok(std::ptr::without_provenance_mut(serial << 12 | slot << 4 | TAG)),
        None => Err(Error::new(ErrorKind::Full, format!("{SLOT_COUNT} engines live; free one first"))),
    }
}

fn unsettle(handle: *mut sipw_engine) {
    if let Some(slot) = SLOTS.get(handle.addr() >> 4 & 0xff) {
        slot.store(None);
    }
}

/// Holds back the first event until the application has its engine pointer.
#[derive(Default)]
pub(super) struct Gate(OnceLock<()>);

impl Gate {
    pub(super) fn pass(&self) {
        self.0.wait();
    }

    fn open(&self) {
        let _ = self.0.set(());
    }
}

/// Version of the library that is loaded; compare it with SIPW_VERSION_NUM of the header.
///
/// @return major << 16 | minor << 8 | patch. From any thread, never blocks.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_version() -> u32 {
    const fn number(text: &str) -> u32 {
        let bytes = text.as_bytes();
        let (mut n, mut i) = (0, 0);
        while i < bytes.len() {
            n = n * 10 + (bytes[i] - b'0') as u32;
            i += 1;
        }
        n
    }
    const VERSION: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | number(env!("CARGO_PKG_VERSION_PATCH"));
    VERSION
}

/// Makes an engine: binds its sockets and starts its threads. `*out` is written before the first callback.
///
/// @param cfg  set up with sipw_config_init(); NULL: all defaults. Nothing in it is needed after the call.
/// @param out  where the engine goes; free it with sipw_engine_free()
/// @return SIPW_E_INVAL for a bad value, SIPW_E_IO for a port in use, SIPW_E_UNSUPPORTED for a transport that is not built in,
///         SIPW_E_FULL for too many engines. From any thread; blocks only for the system's own calls.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_engine_new(cfg: *const sipw_config, out: *mut *mut sipw_engine) -> sipw_status {
    guard::status(|| {
        wanted(out, "out")?;
        // SAFETY: the caller promises a struct of the size it says, or NULL; a default one is all zero.
        let cfg = match unsafe { read(cfg, "sipw_config") }? {
            Some(cfg) => cfg,
            // SAFETY: as above: zero is valid, and means the defaults.
            None => unsafe { std::mem::zeroed() },
        };
        let gate = Arc::new(Gate::default());
        // SAFETY: the caller promises that the texts are readable.
        let (config, pulls) = unsafe { engine_config(&cfg, &gate) }?;
        let made = Engine::new(config).and_then(|engine| settle(engine, pulls));
        if let Ok(handle) = made {
            // SAFETY: checked for NULL; the caller promises room for a pointer.
            unsafe { put(out, handle) };
        }
        gate.open();
        made.map(drop)
    })
}

/// Ends an engine: hangs up, unregisters, delivers what is left to the callback, joins every thread. Ids and events of it are gone then.
///
/// @param eng       the engine; a second free of the same one gives SIPW_E_GONE
/// @param grace_ms  how long calls and registrations may take to end by themselves; what is left is cut off then
/// @return SIPW_E_STATE inside a callback of this engine: then nothing happened. From any other thread; blocks up to about grace_ms.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_engine_free(eng: *mut sipw_engine, grace_ms: u32) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        let ended = shared.engine.shutdown(Duration::from_millis(grace_ms.into()));
        if ended.as_ref().is_err_and(|error| error.kind == ErrorKind::State) {
            return ended;
        }
        release(shared.serial);
        unsettle(eng);
        ended
    })
}

/// Where the engine listens, with the real ports, in the form of sipw_config::listen.
///
/// @param out  where the text goes; it is valid until the engine is freed
/// @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_listen_addresses(eng: *mut sipw_engine, out: *mut *const c_char) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        wanted(out, "out")?;
        // SAFETY: checked for NULL; the caller promises room for a pointer.
        unsafe { put(out, shared.listeners.as_ptr()) };
        Ok(())
    })
}

/// What an engine counts about itself, since it started.
#[repr(C)]
#[derive(Copy, Clone)]
pub struct sipw_counters {
    /// Accounts, calls and requests alive now; 0 again when all have ended.
    pub objects: u64,
    /// Events that wait for delivery now.
    pub events_waiting: u64,
    /// Datagrams received on signalling sockets.
    pub datagrams_received: u64,
    /// Datagrams sent from signalling sockets.
    pub datagrams_sent: u64,
    /// Streams (TCP) opened or accepted.
    pub streams_opened: u64,
    /// Streams closed because the peer did not read, was idle, or sent nothing.
    pub streams_shed: u64,
    /// RTP and RTCP packets received.
    pub media_received: u64,
    /// RTP and RTCP packets sent.
    pub media_sent: u64,
    /// Beats of media threads that came more than one beat late: the machine is too slow for its calls.
    pub late_beats: u64,
    /// Keys that the application took too slowly and that were dropped.
    pub events_dropped: u64,
    /// Inline callbacks that ran longer than 10 ms.
    pub slow_callbacks: u64,
    /// Defects of the library that were caught. Please report them.
    pub panics: u64,
}

/// Reads the counters of an engine; use the macro sipw_engine_counters().
///
/// @param out   where they go
/// @param size  sizeof *out as the caller was compiled: nothing beyond it is written
/// @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sipw_engine_counters_sized(
    eng: *mut sipw_engine,
    out: *mut sipw_counters,
    size: usize,
) -> sipw_status {
    guard::status(|| {
        let shared = find(eng)?;
        wanted(out, "out")?;
        let counted = shared.engine.counters();
        let counters = sipw_counters {
            objects: shared.engine.objects() as u64,
            events_waiting: shared.engine.events_waiting() as u64,
            datagrams_received: counted.datagrams_received,
            datagrams_sent: counted.datagrams_sent,
            streams_opened: counted.streams_opened,
            streams_shed: counted.streams_shed,
            media_received: counted.media_received,
            media_sent: counted.media_sent,
            late_beats: counted.late_beats,
            events_dropped: counted.events_dropped,
            slow_callbacks: counted.slow_callbacks,
            panics: counted.panics,
        };
        // SAFETY: checked for NULL; the caller promises `size` writable bytes.
        unsafe { put_sized(out, &counters, size) };
        Ok(())
    })
}

/// Changes what events of an object carry as sipw_event::user.
///
/// @param id    a call, an account or a request
/// @param user  any pointer; never followed
/// @return SIPW_E_INVAL, SIPW_E_GONE. From any thread, never blocks; events already on their way may still carry the old one.
#[unsafe(no_mangle)]
pub extern "C" fn sipw_set_user(eng: *mut sipw_engine, id: u64, user: *mut c_void) -> sipw_status {
    guard::status(|| find(eng)?.engine.set_user(id, user.addr()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_engine_is_refused_and_not_followed() {
        for (number, kind) in [
            (0, ErrorKind::Invalid),
            (1, ErrorKind::Invalid),
            (usize::MAX, ErrorKind::Invalid),
            (0xdead_beef_000a, ErrorKind::Invalid),
        ] {
            assert_eq!(find(std::ptr::without_provenance_mut(number)).err().map(|e| e.kind), Some(kind));
        }
    }

    #[test]
    fn the_version_is_cargos() {
        assert_eq!(sipw_version(), 0x0000_0100, "0.1.0");
    }
}
