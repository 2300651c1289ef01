//! A WAV file that plays: the file thread keeps a ring full, the stage empties it.

use super::wav::{Format, Wrong};
use super::{named, open_error};
use crate::base::limits;
use crate::engine::{Error, ErrorKind};
use crate::media::io::Source;
use rtrb::{Consumer, Producer, RingBuffer};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// The file thread's end.
pub(super) struct Player {
    path: PathBuf,
    file: File,
    format: Format,
    /// Bytes of audio left in this pass.
    left: u64,
    repeat: bool,
    ring: Producer<i16>,
    complete: Arc<AtomicBool>,
    bytes: Vec<u8>,
    mono: Vec<i16>,
    scratch: Vec<i16>,
}

/// The stage's end.
struct FileSource {
    rate_hz: u32,
    ring: Consumer<i16>,
    complete: Arc<AtomicBool>,
}

impl Player {
    /// Opens and checks a file, and reads its first samples.
    pub(super) fn open(path: &Path, repeat: bool) -> Result<(Player, impl Source + use<>), Error> {
        // Without O_NONBLOCK, opening a FIFO would wait for its writer.
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path);
        let mut file = file.map_err(|e| open_error(path, &e, false))?;
        let meta = file.metadata().map_err(|e| open_error(path, &e, false))?;
        if !meta.is_file() {
            return Err(Error::invalid(format!("{}: is not a regular file; name a WAV file", named(path))));
        }
        let format = Format::read(&mut file, meta.len()).map_err(|wrong| {
            let kind = match wrong {
                Wrong::Read(_) => ErrorKind::Io,
                Wrong::Unsupported(_) => ErrorKind::Unsupported,
                Wrong::NotWav(_) | Wrong::Empty | Wrong::Truncated(_) => ErrorKind::Invalid,
            };
            Error::new(kind, format!("{}: {wrong}", named(path)))
        })?;
        let (ring, consumer) = RingBuffer::new(limits::PLAYER_RING.as_secs() as usize * format.rate_hz as usize);
        let complete = Arc::new(AtomicBool::new(false));
        let source = FileSource { rate_hz: format.rate_hz, ring: consumer, complete: Arc::clone(&complete) };
        let mut player = Player {
            path: path.to_owned(),
            file,
            format,
            left: format.bytes,
            repeat,
            ring,
            complete,
            bytes: vec![],
            mono: vec![],
            scratch: vec![],
        };
        player.read_some(format.rate_hz as usize / 5).map_err(|e| open_error(path, &e, false))?;
        Ok((player, source))
    }

    /// Fills the ring when it is half empty; false when there is nothing more to do for this file.
    pub(super) fn fill(&mut self) -> bool {
        if self.ring.is_abandoned() {
            return false;
        }
        while self.ring.slots() > 0 && self.ring.slots() >= self.ring.buffer().capacity() / 2 {
            match self.read_some(self.ring.slots()) {
                Ok(true) => {}
                Ok(false) => {
                    self.complete.store(true, Ordering::Release);
                    return false;
                }
                Err(error) => {
                    tracing::warn!(path = %crate::base::Pii(self.path.display()), %error, "a playing file could not be read further");
                    self.complete.store(true, Ordering::Release);
                    return false;
                }
            }
        }
        true
    }

    /// Reads up to `frames` into the ring, which has room for them; false at the end.
    fn read_some(&mut self, frames: usize) -> std::io::Result<bool> {
        if self.left == 0 {
            if !self.repeat {
                return Ok(false);
            }
            self.left = self.format.bytes;
        }
        if self.left == self.format.bytes {
            self.file.seek(SeekFrom::Start(self.format.start))?;
        }
        let frame = self.format.frame_bytes;
        let most = frames.clamp(1, (READ_BYTES / frame).max(1)) * frame;
        self.bytes.resize(usize::try_from(self.left).unwrap_or(usize::MAX).min(most), 0);
        self.file.read_exact(&mut self.bytes)?;
        self.left -= self.bytes.len() as u64;
        self.mono.clear();
        self.format.decode(&self.bytes, &mut self.mono, &mut self.scratch);
        if let Ok(chunk) = self.ring.write_chunk_uninit(self.mono.len().min(self.ring.slots())) {
            chunk.fill_from_iter(self.mono.iter().copied());
        }
        Ok(true)
    }
}

impl Source for FileSource {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn read(&mut self, out: &mut [i16]) -> usize {
        let count = out.len().min(self.ring.slots());
        let Ok(chunk) = self.ring.read_chunk(count) else { return 0 };
        let (front, back) = chunk.as_slices();
        out[..front.len()].copy_from_slice(front);
        out[front.len()..count].copy_from_slice(back);
        chunk.commit_all();
        count
    }

    fn is_finished(&self) -> bool {
        // In this order: what was written before `complete` is visible after it.
        self.complete.load(Ordering::Acquire) && self.ring.is_empty()
    }
}
