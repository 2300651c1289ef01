//! Audio files: one thread of the engine reads and writes them, a `Stage` sees only the near ends of lock-free rings.

mod player;
mod recorder;
mod wav;

use crate::base::limits;
use crate::engine::{Error, ErrorKind};
use crate::media::io::{Sink, Source};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use player::Player;
use recorder::Recorder;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the thread looks at the rings while there are any.
const TICK: Duration = Duration::from_millis(100);

/// A recording that is complete: every sample written, its header final, the file closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Where it lies.
    pub path: PathBuf,
    /// Samples per second.
    pub rate_hz: u32,
    /// Frames in the file.
    pub frames: u64,
    /// Frames that could not be taken (a disk slower than the ring is long, or full); they are silence in the file, or missing at
    /// its end.
    pub dropped: u64,
    /// What the disk said when it refused, with the remedy; the file ends there.
    pub error: Option<String>,
}

/// Told once per recording, on the file thread. It must not block.
pub type RecordedCallback = Box<dyn FnOnce(Recorded) + Send>;

/// The file thread and the door to it. Dropping it completes every recording and joins the thread.
pub struct Files {
    jobs: Sender<Job>,
    open: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread is told.
enum Job {
    Play(Box<Player>),
    Record(Box<Recorder>),
    /// A ring was let go; look at once.
    Look,
    Stop,
}

impl Files {
    /// Starts the thread.
    ///
    /// # Errors
    /// `NoMemory` when the system gives no thread.
    pub fn new() -> Result<Files, Error> {
        let (jobs, inbox) = crossbeam_channel::unbounded();
        let open = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&open);
        let thread =
            std::thread::Builder::new().name("sipw-files".into()).spawn(move || run(&inbox, &count)).map_err(|e| {
                Error::new(ErrorKind::NoMemory, format!("no thread for audio files: {e}; raise the limit of processes"))
            })?;
        Ok(Files { jobs, open, thread: Some(thread) })
    }

    /// Opens a WAV file to play: PCM of 8 to 32 bits, float, A-law or mu-law, any rate, mixed down to mono. With `repeat` it starts
    /// again at its end, without a gap. Its first samples are read here, so that it plays at the next beat.
    ///
    /// # Errors
    /// `Io` when the file cannot be read, `Invalid` when it is not a WAV file, empty or truncated, `Unsupported` when its format is,
    /// `Full` when too many files are open.
    pub fn player(&self, path: &Path, repeat: bool) -> Result<Box<dyn Source>, Error> {
        self.claim()?;
        match Player::open(path, repeat) {
            Ok((player, source)) => {
                self.send(Job::Play(Box::new(player)));
                Ok(Box::new(source))
            }
            Err(error) => {
                self.open.fetch_sub(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Creates a WAV file (16-bit PCM at `rate_hz`) and gives the sink that fills it: two channels, left what we sent and right what
    /// we heard, or with `stereo` false one with their sum. When the sink is dropped, the file is completed and `done` told.
    ///
    /// The file is playable at any time: its header is brought up to date every second.
    ///
    /// # Errors
    /// `Io` when the file cannot be created, `Invalid` when it is not a regular file, `Full` when too many files are open.
    pub fn recorder(
        &self,
        path: &Path,
        rate_hz: u32,
        stereo: bool,
        done: RecordedCallback,
    ) -> Result<Box<dyn Sink>, Error> {
        self.claim()?;
        match Recorder::create(path, rate_hz, stereo, done, self.jobs.clone()) {
            Ok((recorder, sink)) => {
                self.send(Job::Record(Box::new(recorder)));
                Ok(Box::new(sink))
            }
            Err(error) => {
                self.open.fetch_sub(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Files that are open now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn claim(&self) -> Result<(), Error> {
        if self.open.fetch_add(1, Ordering::Relaxed) < limits::FILES {
            return Ok(());
        }
        self.open.fetch_sub(1, Ordering::Relaxed);
        Err(Error::new(ErrorKind::Full, format!("{} audio files are open already; end some first", limits::FILES)))
    }

    fn send(&self, job: Job) {
        // The receiver lives until the thread was joined.
        let _ = self.jobs.send(job);
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.send(Job::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").field("open", &self.open()).finish_non_exhaustive()
    }
}

/// The thread: sleeps while no file is open, else looks at every ring each tick.
fn run(inbox: &Receiver<Job>, open: &AtomicUsize) {
    let (mut players, mut recorders): (Vec<Box<Player>>, Vec<Box<Recorder>>) = (vec![], vec![]);
    loop {
        let idle = players.is_empty() && recorders.is_empty();
        let first = if idle {
            inbox.recv().unwrap_or(Job::Stop)
        } else {
            match inbox.recv_timeout(TICK) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => Job::Look,
                Err(RecvTimeoutError::Disconnected) => Job::Stop,
            }
        };
        let mut stop = false;
        for job in std::iter::once(first).chain(inbox.try_iter()) {
            match job {
                Job::Play(player) => players.push(player),
                Job::Record(recorder) => recorders.push(recorder),
                Job::Look => {}
                Job::Stop => stop = true,
            }
        }
        let before = players.len() + recorders.len();
        players.retain_mut(|player| player.fill());
        recorders.retain_mut(|recorder| recorder.drain(stop));
        open.fetch_sub(before - players.len() - recorders.len(), Ordering::Relaxed);
        if stop {
            return;
        }
    }
}

/// The name of a file in a message, first thing.
fn named(path: &Path) -> impl fmt::Display + '_ {
    path.display()
}

/// Why a file could not be opened, with the remedy.
fn open_error(path: &Path, error: &std::io::Error, writing: bool) -> Error {
    use std::io::ErrorKind as Io;
    let remedy = match (error.kind(), writing) {
        (Io::NotFound, false) => "there is no such file; check the path",
        (Io::NotFound, true) => "there is no such folder; create it first",
        (Io::PermissionDenied, false) => "permission denied; make it readable for this user",
        (Io::PermissionDenied, true) => "permission denied; make the folder writable for this user",
        (Io::IsADirectory, _) => "it is a folder; name a file in it",
        (Io::StorageFull | Io::QuotaExceeded, _) => "the disk is full; free some space",
        (Io::ReadOnlyFilesystem, _) => "the file system is read-only; choose another place",
        _ => return Error::io(format!("{}: cannot be opened: {error}; check the path and the disk", named(path))),
    };
    Error::io(format!("{}: {remedy}", named(path)))
}

#[cfg(test)]
mod tests;
