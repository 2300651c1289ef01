//! Audio of a call as the application asks for it: files to play and to record, PCM ports.

use super::handles::OpenFile;
use super::{Engine, Error, ErrorKind};
use crate::agent::io::{CallMedia, Command};
use crate::base::id::CallId;
use std::path::Path;
use std::sync::PoisonError;

impl Engine {
    /// Plays a WAV file into a call, once or over and over; gives the token that comes back in `PlayDone`. Plays mix.
    ///
    /// # Errors
    /// `Io` for a file that cannot be read or is no WAV we know, with the reason; `Gone`, `Invalid`, `Full`.
    pub fn play_file(&self, call: CallId, path: &Path, repeat: bool) -> Result<u64, Error> {
        self.object(call.raw())?;
        let _ = (path, repeat);
        Err(Error::new(ErrorKind::Unsupported, "files are not built in"))
    }

    /// Stops one play, or all plays and PCM of a call; each ends with `PlayDone`.
    ///
    /// # Errors
    /// `Gone`, `Invalid`, `Full`.
    pub fn stop_play(&self, call: CallId, token: Option<u64>) -> Result<(), Error> {
        self.object(call.raw())?;
        self.command(call.shard(), Command::Media { call, order: CallMedia::StopPlay { token } })
    }

    /// Records a call to a WAV file until it ends or `stop_record`: mono mixes both sides, stereo puts what we say left and what we
    /// hear right. The file is complete when `CallEnded` comes.
    ///
    /// # Errors
    /// `Io` for a file that cannot be made, with the reason; `Gone`, `Invalid`, `Full`.
    pub fn record_file(&self, call: CallId, path: &Path, stereo: bool) -> Result<(), Error> {
        self.object(call.raw())?;
        let _ = (path, stereo);
        Err(Error::new(ErrorKind::Unsupported, "files are not built in"))
    }

    /// Stops every recording of a call and completes its files.
    ///
    /// # Errors
    /// `Gone`, `Invalid`, `Full`.
    pub fn stop_record(&self, call: CallId) -> Result<(), Error> {
        let object = self.object(call.raw())?;
        let files: Vec<OpenFile> = object.files.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for file in files.iter().filter(|f| f.recording) {
            let order = CallMedia::StopListen { token: Some(file.token) };
            self.command(call.shard(), Command::Media { call, order })?;
        }
        Ok(())
    }
}
