//! A recording: the stage fills a ring, the file thread empties it into a WAV file that is playable at any time.

use super::{Job, Recorded, RecordedCallback, named, open_error};
use crate::base::limits;
use crate::engine::Error;
use crate::media::io::Sink;
use crossbeam_channel::Sender;
use rtrb::{Consumer, Producer, RingBuffer};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};

const HEADER_BYTES: u64 = 44;
/// Where the sizes in a WAV header end: no more audio than 32 bits can count, header included.
const MOST_BYTES: u64 = u32::MAX as u64 - HEADER_BYTES;

/// The file thread's end.
pub(super) struct Recorder {
    path: PathBuf,
    file: File,
    rate_hz: u32,
    channels: usize,
    ring: Consumer<i16>,
    dropped: Arc<AtomicU64>,
    /// Bytes of audio in the file.
    written: u64,
    /// Bytes of audio that the header in the file speaks of.
    announced: u64,
    bytes: Vec<u8>,
    error: Option<String>,
    done: Option<RecordedCallback>,
}

/// The stage's end.
struct FileSink {
    rate_hz: u32,
    channels: usize,
    ring: Option<Producer<i16>>,
    dropped: Arc<AtomicU64>,
    /// Frames dropped for which no silence was written yet.
    owed: usize,
    jobs: Sender<Job>,
}

impl Recorder {
    /// Creates a file with an empty recording in it.
    pub(super) fn create(
        path: &Path,
        rate_hz: u32,
        stereo: bool,
        done: RecordedCallback,
        jobs: Sender<Job>,
    ) -> Result<(Recorder, impl Sink + use<>), Error> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
            .open(path);
        let file = file.map_err(|e| open_error(path, &e, true))?;
        if !file.metadata().is_ok_and(|meta| meta.is_file()) {
            return Err(Error::invalid(format!("{}: is not a regular file; name a file to record to", named(path))));
        }
        let channels = if stereo { 2 } else { 1 };
        let (producer, ring) = RingBuffer::new(limits::RECORDER_RING.as_secs() as usize * rate_hz as usize * channels);
        let dropped = Arc::new(AtomicU64::new(0));
        let mut recorder = Recorder {
            path: path.to_owned(),
            file,
            rate_hz,
            channels,
            ring,
            dropped: Arc::clone(&dropped),
            written: 0,
            announced: 0,
            bytes: header(rate_hz, channels, 0),
            error: None,
            done: Some(done),
        };
        recorder.file.write_all(&recorder.bytes).map_err(|e| open_error(path, &e, true))?;
        Ok((recorder, FileSink { rate_hz, channels, ring: Some(producer), dropped, owed: 0, jobs }))
    }

    /// Writes what waits in the ring; false when the recording is complete. `last` completes it now.
    pub(super) fn drain(&mut self, last: bool) -> bool {
        // In this order: nothing comes after the other end is gone. The fence makes visible what it wrote before it went.
        let last = last || self.ring.is_abandoned();
        fence(Ordering::Acquire);
        let written = self.write();
        let second = u64::from(self.rate_hz) * self.channels as u64 * 2;
        if let Err(error) = written
            .and_then(|()| if last || self.written - self.announced >= second { self.announce() } else { Ok(()) })
        {
            tracing::warn!(path = %crate::base::Pii(self.path.display()), %error, "a recording could not be written further");
            self.error.get_or_insert_with(|| {
                format!("{}: the recording ends early: {error}; free space or choose another disk", self.path.display())
            });
        }
        if last {
            self.finish();
        }
        !last
    }

    /// Moves the ring's samples to the file.
    fn write(&mut self) -> io::Result<()> {
        let Ok(chunk) = self.ring.read_chunk(self.ring.slots()) else { return Ok(()) };
        let frame = self.channels as u64 * 2;
        self.bytes.clear();
        let (front, back) = chunk.as_slices();
        self.bytes.extend(front.iter().chain(back).flat_map(|s| s.to_le_bytes()));
        chunk.commit_all();
        let room = MOST_BYTES - self.written;
        let wanted = self.bytes.len() as u64;
        let result = if self.error.is_some() {
            self.bytes.clear();
            Ok(())
        } else {
            if wanted > room {
                self.bytes.truncate((room - room % frame) as usize);
            }
            self.file.write_all(&self.bytes)
        };
        if result.is_ok() {
            self.written += self.bytes.len() as u64;
            self.dropped.fetch_add((wanted - self.bytes.len() as u64) / frame, Ordering::Relaxed);
        } else {
            self.dropped.fetch_add(wanted / frame, Ordering::Relaxed);
        }
        if result.is_ok() && wanted > room && self.error.is_none() {
            return Err(io::Error::other("a WAV file holds 4 GiB"));
        }
        result
    }

    /// Brings the header up to date. The audio is in the file already, so the header never speaks of what is not there.
    fn announce(&mut self) -> io::Result<()> {
        if self.announced != self.written {
            self.file.write_all_at(&header(self.rate_hz, self.channels, self.written as u32), 0)?;
            self.announced = self.written;
        }
        Ok(())
    }

    fn finish(&mut self) {
        let Some(done) = self.done.take() else { return };
        done(Recorded {
            path: self.path.clone(),
            rate_hz: self.rate_hz,
            frames: self.announced / (self.channels as u64 * 2),
            dropped: self.dropped.load(Ordering::Relaxed),
            error: self.error.take(),
        });
    }
}

impl Sink for FileSink {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    fn write(&mut self, ours: &[i16], theirs: &[i16]) {
        let Some(ring) = &mut self.ring else { return };
        let frames = ours.len().min(theirs.len());
        let room = ring.slots() / self.channels;
        if room < frames {
            self.dropped.fetch_add(frames as u64, Ordering::Relaxed);
            self.owed += frames;
            return;
        }
        // Silence in place of what was dropped keeps the rest in time.
        let silence = self.owed.min(room - frames);
        self.owed -= silence;
        let count = (silence + frames) * self.channels;
        let Ok(chunk) = ring.write_chunk_uninit(count) else { return };
        let silence = std::iter::repeat_n(0, silence * self.channels);
        if self.channels == 2 {
            chunk.fill_from_iter(silence.chain(ours.iter().zip(theirs).flat_map(|(&us, &them)| [us, them])));
        } else {
            chunk.fill_from_iter(silence.chain(ours.iter().zip(theirs).map(|(us, &them)| us.saturating_add(them))));
        }
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        // First let go of the ring, then say so.
        self.ring = None;
        let _ = self.jobs.send(Job::Look);
    }
}

/// A canonical header for `bytes` of 16-bit PCM.
fn header(rate_hz: u32, channels: usize, bytes: u32) -> Vec<u8> {
    let block = channels as u16 * 2;
    let mut out = Vec::with_capacity(HEADER_BYTES as usize);
    out.extend(b"RIFF");
    out.extend((bytes + 36).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    out.extend((channels as u16).to_le_bytes());
    out.extend(rate_hz.to_le_bytes());
    out.extend((rate_hz * u32::from(block)).to_le_bytes());
    out.extend(block.to_le_bytes());
    out.extend(b"\x10\0data");
    out.extend(bytes.to_le_bytes());
    out
}

#[cfg(test)]
impl Recorder {
    /// Makes every further write fail: the file is open for reading only.
    pub(super) fn refuse(&mut self) {
        self.file = File::open(&self.path).unwrap();
    }
}
