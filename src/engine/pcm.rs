//! PCM of a call for the application: two bounded rings, lock-free where the stage holds them, and a descriptor to poll.

use super::net::batch::EventFd;
use super::{Error, ErrorKind};
use crate::base::limits;
use crate::media::io::{Sink, Source};
use rtrb::{Consumer, Producer, RingBuffer};
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Rates that a port may have, in Hz; the stage converts to the rate of the call.
pub const RATES_HZ: [u32; 6] = [8000, 16_000, 24_000, 32_000, 44_100, 48_000];

/// Mono 16-bit audio into and out of one call, at a rate of the application's choice and in chunks of any size. Every function may
/// be called from any thread and none waits.
pub struct PcmPort {
    rate_hz: u32,
    to_call: Mutex<ToCall>,
    from_call: Mutex<Consumer<i16>>,
    shared: Arc<Shared>,
    /// Runs when the port is dropped.
    closed: Option<Box<dyn FnOnce() + Send + Sync>>,
}

/// The application's end of the ring into the call.
struct ToCall {
    ring: Producer<i16>,
    /// Samples ever written.
    written: u64,
    /// Value of `written` where the current utterance began.
    utterance: u64,
}

/// What both ends see.
struct Shared {
    /// Samples that make the descriptor readable: 20 ms.
    threshold: usize,
    /// Samples that the stage took from the ring, played or discarded.
    taken: AtomicU64,
    /// The stage discards up to this count of `written`.
    discard: AtomicU64,
    /// The queue into the call ran dry and stayed so for half a second of the call.
    paused: AtomicBool,
    /// Samples heard that found no room.
    dropped: AtomicU64,
    /// The call's end of the port is gone.
    ended: AtomicBool,
    /// `readable` is set, or about to be.
    signalled: AtomicBool,
    readable: EventFd,
}

impl Shared {
    fn signal(&self) {
        if !self.signalled.swap(true, Ordering::SeqCst) {
            self.readable.set();
        }
    }
}

/// The stage's end of the ring into the call.
struct PortSource {
    rate_hz: u32,
    ring: Consumer<i16>,
    /// Samples taken.
    taken: u64,
    /// Samples asked for in vain since the last that came.
    dry: u32,
    shared: Arc<Shared>,
}

/// The stage's end of the ring out of the call.
struct PortSink {
    rate_hz: u32,
    ring: Producer<i16>,
    shared: Arc<Shared>,
}

/// The ends of a port that a session holds: what to play and who listens.
pub type Ends = (Box<dyn Source>, Box<dyn Sink>);

/// Makes a port with its two ends for a session: the source to play, the sink to listen. `closed` runs when the port is dropped.
///
/// # Errors
/// `Invalid` for a rate that is not in [`RATES_HZ`]; `NoMemory` when the system gives no descriptor.
pub fn port(rate_hz: u32, closed: Option<Box<dyn FnOnce() + Send + Sync>>) -> Result<(PcmPort, Ends), Error> {
    if !RATES_HZ.contains(&rate_hz) {
        let message = format!("{rate_hz} Hz is no rate of a PCM port; choose one of {RATES_HZ:?}");
        return Err(Error::new(ErrorKind::Invalid, message));
    }
    let readable = EventFd::new().map_err(|e| {
        Error::new(ErrorKind::NoMemory, format!("no descriptor for a PCM port: {e}; raise the limit of open files"))
    })?;
    let seconds = |d: std::time::Duration| d.as_secs() as usize * rate_hz as usize;
    let (playing, played) = RingBuffer::new(seconds(limits::PCM_PLAY_RING));
    let (hearing, heard) = RingBuffer::new(seconds(limits::PCM_HEAR_RING));
    let shared = Arc::new(Shared {
        threshold: rate_hz as usize / 50,
        taken: AtomicU64::new(0),
        discard: AtomicU64::new(0),
        paused: AtomicBool::new(false),
        dropped: AtomicU64::new(0),
        ended: AtomicBool::new(false),
        signalled: AtomicBool::new(false),
        readable,
    });
    let port = PcmPort {
        rate_hz,
        to_call: Mutex::new(ToCall { ring: playing, written: 0, utterance: 0 }),
        from_call: Mutex::new(heard),
        shared: Arc::clone(&shared),
        closed,
    };
    let source = PortSource { rate_hz, ring: played, taken: 0, dry: 0, shared: Arc::clone(&shared) };
    let sink = PortSink { rate_hz, ring: hearing, shared };
    Ok((port, (Box::new(source), Box::new(sink))))
}

impl PcmPort {
    /// Samples per second, both ways.
    #[must_use]
    pub const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Takes what was heard in the call into the front of `out`, and says how many samples; 0 when none wait.
    pub fn read(&self, out: &mut [i16]) -> usize {
        let mut ring = lock(&self.from_call);
        let count = pop(&mut ring, out);
        let shared = &*self.shared;
        if ring.slots() < shared.threshold && !shared.ended.load(Ordering::SeqCst) {
            // First the descriptor, then the mark: who sets the mark sets the descriptor after it.
            shared.readable.clear();
            shared.signalled.swap(false, Ordering::SeqCst);
            if ring.slots() >= shared.threshold || shared.ended.load(Ordering::SeqCst) {
                shared.signal();
            }
        }
        count
    }

    /// Queues `pcm` to be said in the call, behind what waits already, and says how many samples found room (the queue holds 30
    /// seconds); 0 when the call ended.
    pub fn write(&self, pcm: &[i16]) -> usize {
        if self.is_ended() {
            return 0;
        }
        let mut to_call = lock(&self.to_call);
        if self.shared.paused.swap(false, Ordering::AcqRel) {
            to_call.utterance = to_call.written;
        }
        let count = pcm.len().min(to_call.ring.slots());
        let Ok(chunk) = to_call.ring.write_chunk_uninit(count) else { return 0 };
        chunk.fill_from_iter(pcm[..count].iter().copied());
        to_call.written += count as u64;
        count
    }

    /// Drops what waits to be said, at the next beat of the call, and says how many seconds of the current utterance were said. An
    /// utterance begins with the first `write` after an `interrupt`, or after half a second in which nothing was queued.
    pub fn interrupt(&self) -> f64 {
        let mut to_call = lock(&self.to_call);
        let said = self.shared.taken.load(Ordering::Acquire).saturating_sub(to_call.utterance);
        self.shared.discard.store(to_call.written, Ordering::Release);
        to_call.utterance = to_call.written;
        said as f64 / f64::from(self.rate_hz)
    }

    /// Samples that wait to be said.
    #[must_use]
    pub fn queued(&self) -> usize {
        let to_call = lock(&self.to_call);
        let taken = self.shared.taken.load(Ordering::Acquire).max(self.shared.discard.load(Ordering::Acquire));
        usize::try_from(to_call.written.saturating_sub(taken)).unwrap_or(usize::MAX)
    }

    /// Samples that wait to be read.
    #[must_use]
    pub fn available(&self) -> usize {
        lock(&self.from_call).slots()
    }

    /// Samples heard that were lost because they were not read in time (5 seconds may wait).
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }

    /// A descriptor for poll, select or epoll: readable while 20 ms or more wait to be read, and from the end of the call on. It
    /// lives as long as the port; only wait on it.
    #[must_use]
    pub fn fd(&self) -> RawFd {
        self.shared.readable.as_fd().as_raw_fd()
    }

    /// Whether the call, or its media, ended. What was heard before can still be read.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.shared.ended.load(Ordering::SeqCst)
    }
}

impl AsFd for PcmPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.readable.as_fd()
    }
}

impl Drop for PcmPort {
    fn drop(&mut self) {
        if let Some(closed) = self.closed.take() {
            closed();
        }
    }
}

impl fmt::Debug for PcmPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PcmPort")
            .field("rate_hz", &self.rate_hz)
            .field("ended", &self.is_ended())
            .finish_non_exhaustive()
    }
}

impl Source for PortSource {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn read(&mut self, out: &mut [i16]) -> usize {
        let discard = self.shared.discard.load(Ordering::Acquire).saturating_sub(self.taken);
        let discard = usize::try_from(discard).unwrap_or(usize::MAX).min(self.ring.slots());
        if let Ok(chunk) = self.ring.read_chunk(discard) {
            chunk.commit_all();
        }
        let count = pop(&mut self.ring, out);
        self.taken += (discard + count) as u64;
        self.shared.taken.store(self.taken, Ordering::Release);
        if count > 0 {
            self.dry = 0;
        } else if self.dry < self.rate_hz / 2 {
            self.dry += u32::try_from(out.len()).unwrap_or(u32::MAX).min(self.rate_hz);
            if self.dry >= self.rate_hz / 2 {
                self.shared.paused.store(true, Ordering::Release);
            }
        }
        count
    }

    fn is_finished(&self) -> bool {
        self.ring.is_abandoned() && self.ring.is_empty()
    }
}

impl Sink for PortSink {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn write(&mut self, _ours: &[i16], theirs: &[i16]) {
        let count = theirs.len().min(self.ring.slots());
        if let Ok(chunk) = self.ring.write_chunk_uninit(count) {
            chunk.fill_from_iter(theirs[..count].iter().copied());
        }
        self.shared.dropped.fetch_add((theirs.len() - count) as u64, Ordering::Relaxed);
        if self.ring.buffer().capacity() - self.ring.slots() >= self.shared.threshold {
            self.shared.signal();
        }
    }
}

impl Drop for PortSink {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        // Unconditionally: a reader may be between its two looks.
        self.shared.signalled.store(true, Ordering::SeqCst);
        self.shared.readable.set();
    }
}

/// Moves what waits to the front of `out`.
fn pop(ring: &mut Consumer<i16>, out: &mut [i16]) -> usize {
    let count = out.len().min(ring.slots());
    let Ok(chunk) = ring.read_chunk(count) else { return 0 };
    let (front, back) = chunk.as_slices();
    out[..front.len()].copy_from_slice(front);
    out[front.len()..count].copy_from_slice(back);
    chunk.commit_all();
    count
}

/// Locks between threads of the application; the stage never does.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn readable(port: &PcmPort) -> bool {
        port.shared.readable.wait(Duration::ZERO)
    }

    #[test]
    fn samples_go_through_both_ways_in_any_chunks() {
        let (port, (mut source, mut sink)) = port(16_000, None).unwrap();
        assert_eq!((source.rate_hz(), sink.rate_hz(), port.rate_hz()), (16_000, 16_000, 16_000));
        let sent: Vec<i16> = (0..1000).collect();
        for piece in sent.chunks(77) {
            assert_eq!(port.write(piece), piece.len());
        }
        assert_eq!(port.queued(), 1000);
        let mut said = vec![0; 1200];
        assert_eq!(source.read(&mut said), 1000);
        assert_eq!(said[..1000], sent);
        assert_eq!(source.read(&mut said), 0);
        assert!(!source.is_finished());

        sink.write(&[9; 320], &[3; 320]);
        sink.write(&[9; 320], &[4; 320]);
        let mut heard = [0; 500];
        assert_eq!((port.available(), port.read(&mut heard)), (640, 500));
        assert_eq!((heard[319], heard[320]), (3, 4));
        assert_eq!(port.read(&mut heard), 140);
    }

    #[test]
    fn the_descriptor_is_readable_while_twenty_milliseconds_wait() {
        let (port, (_source, mut sink)) = port(8000, None).unwrap();
        assert!(!readable(&port));
        sink.write(&[0; 80], &[1; 80]);
        assert!(!readable(&port));
        sink.write(&[0; 80], &[1; 80]);
        assert!(readable(&port));
        sink.write(&[0; 160], &[1; 160]);
        assert_eq!(port.read(&mut [0; 160]), 160);
        assert!(readable(&port), "another 20 ms wait");
        assert_eq!(port.read(&mut [0; 160]), 160);
        assert!(!readable(&port));
        sink.write(&[0; 160], &[1; 160]);
        assert!(readable(&port));
    }

    #[test]
    fn the_end_makes_the_descriptor_readable_for_good() {
        let (port, (source, mut sink)) = port(8000, None).unwrap();
        sink.write(&[0; 80], &[7; 80]);
        drop((source, sink));
        assert!(port.is_ended() && readable(&port));
        let mut heard = [0; 160];
        assert_eq!((port.read(&mut heard), heard[79]), (80, 7));
        assert_eq!(port.read(&mut heard), 0);
        assert!(readable(&port));
        assert_eq!(port.write(&[1; 10]), 0);
    }

    #[test]
    fn interrupt_drops_the_rest_and_tells_what_was_said() {
        let (port, (mut source, _sink)) = port(8000, None).unwrap();
        port.write(&[1; 8000]);
        for _ in 0..10 {
            assert_eq!(source.read(&mut [0; 160]), 160);
        }
        assert!((port.interrupt() - 0.2).abs() < 1e-9);
        assert_eq!(port.queued(), 0);
        // What is written after the interrupt is said, what was before is not.
        port.write(&[2; 100]);
        let mut said = [0; 160];
        assert_eq!((source.read(&mut said), said[0], said[99]), (100, 2, 2));
        assert!((port.interrupt() - 100.0 / 8000.0).abs() < 1e-9);
        assert!(port.interrupt().abs() < 1e-9);
    }

    #[test]
    fn a_short_gap_stays_in_the_utterance_and_a_long_one_ends_it() {
        let (port, (mut source, _sink)) = port(8000, None).unwrap();
        let mut beat = |beats| {
            (0..beats).for_each(|_| {
                source.read(&mut [0; 160]);
            })
        };
        port.write(&[1; 1600]);
        beat(20);
        port.write(&[1; 1600]);
        beat(10 + 25);
        port.write(&[1; 320]);
        beat(1);
        assert!((port.interrupt() - 0.02).abs() < 1e-9);
        port.write(&[1; 1600]);
        beat(20);
        port.write(&[1; 1600]);
        beat(100);
        // Nothing new was begun: the last utterance was said whole.
        assert!((port.interrupt() - 0.4).abs() < 1e-9);
    }

    #[test]
    fn bounds_are_told_and_counted() {
        let (port, (_source, mut sink)) = port(8000, None).unwrap();
        let bound = 8000 * limits::PCM_PLAY_RING.as_secs() as usize;
        assert_eq!(port.write(&vec![1; bound + 5]), bound);
        assert_eq!(port.write(&[1]), 0);
        for _ in 0..limits::PCM_HEAR_RING.as_secs() * 50 + 2 {
            sink.write(&[0; 160], &[1; 160]);
        }
        assert_eq!(port.dropped(), 320);
    }

    #[test]
    fn a_dropped_port_finishes_its_source_and_says_so() {
        let (tell, told) = std::sync::mpsc::channel();
        let tell = Mutex::new(tell);
        let closed = move || tell.lock().unwrap().send(()).unwrap();
        let (port, (mut source, mut sink)) = port(8000, Some(Box::new(closed))).unwrap();
        port.write(&[1; 10]);
        drop(port);
        told.try_recv().unwrap();
        assert!(!source.is_finished());
        assert_eq!(source.read(&mut [0; 160]), 10);
        assert!(source.is_finished());
        sink.write(&[0; 160], &[0; 160]);
    }

    #[test]
    fn an_odd_rate_is_refused_by_name() {
        let error = port(11_025, None).err().unwrap();
        assert!(error.message.contains("11025") && error.message.contains("44100"), "{}", error.message);
    }

    #[test]
    fn a_waiting_reader_misses_nothing() {
        let (port, (_source, mut sink)) = port(8000, None).unwrap();
        let writer = std::thread::spawn(move || {
            for i in 0..20_000i16 {
                sink.write(&[0; 80], &[i; 80]);
                if i % 100 == 0 {
                    std::thread::yield_now();
                }
            }
        });
        let (mut total, mut chunk) = (0u64, [0; 160]);
        loop {
            assert!(port.shared.readable.wait(Duration::from_secs(30)), "a wake-up was lost");
            let got = port.read(&mut chunk);
            total += got as u64;
            if got == 0 && port.is_ended() && port.available() == 0 {
                break;
            }
        }
        writer.join().unwrap();
        assert_eq!(total + port.dropped(), 20_000 * 80);
    }
}
