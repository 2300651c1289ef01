//! Audio of a call as the application asks for it: files to play and to record, PCM ports.

use super::files::{Files, Recorded};
use super::handles::{Object, OpenFile, Use};
use super::pcm::{self, PcmPort};
use super::shard::inbox::Inbound;
use super::shared::Shared;
use super::{Engine, Error};
use crate::agent::io::{CallMedia, Command, Event, EventKind};
use crate::base::id::{AccountId, CallId, RequestId};
use crate::base::media::Codec;
use crate::media::io::Source;
use std::path::Path;
use std::sync::Arc;

/// Rate of a recording that begins before the codec is known.
const RECORD_HZ: u32 = 16_000;

impl Engine {
    /// Plays a WAV file into a call, once or over and over; gives the token that comes back in `PlayDone`. Plays mix.
    ///
    /// # Errors
    /// `Io` for a file that cannot be read, `Invalid` or `Unsupported` for one that is no WAV we know, with the reason; `Gone`, `Full`.
    pub fn play_file(&self, call: CallId, path: &Path, repeat: bool) -> Result<u64, Error> {
        self.play_file_then(call, path, repeat, |_| ())
    }

    /// The same; `announce` runs before `PlayDone` can.
    pub(crate) fn play_file_then(
        &self,
        call: CallId,
        path: &Path,
        repeat: bool,
        announce: impl FnOnce(u64),
    ) -> Result<u64, Error> {
        let object = self.object(call.raw())?;
        let source = self.files()?.player(path, repeat)?;
        let token = self.open_file(&object, Use::Play);
        announce(token);
        self.media(&object, call, token, CallMedia::Play { token, source })?;
        Ok(token)
    }

    /// Plays what a source of the application gives, read on a media thread: it must not block. Gives the token that comes back in
    /// `PlayDone`.
    ///
    /// # Errors
    /// `Gone`, `Invalid`, `Full`.
    pub fn play_source(&self, call: CallId, source: Box<dyn Source>) -> Result<u64, Error> {
        let object = self.object(call.raw())?;
        let token = self.open_file(&object, Use::Play);
        self.media(&object, call, token, CallMedia::Play { token, source })?;
        Ok(token)
    }

    /// Stops one play, or all file plays of a call; each ends with `PlayDone`.
    ///
    /// # Errors
    /// `Gone`, `Invalid`, `Full`.
    pub fn stop_play(&self, call: CallId, token: Option<u64>) -> Result<(), Error> {
        let object = self.object(call.raw())?;
        let tokens = match token {
            Some(token) => vec![token],
            None => tokens(&object, Use::Play),
        };
        tokens.into_iter().try_for_each(|token| {
            self.command(call.shard(), Command::Media { call, order: CallMedia::StopPlay { token: Some(token) } })
        })
    }

    /// Records a call to a WAV file until it ends or `stop_record`: mono mixes both sides, stereo puts what we say left and what we
    /// hear right. The file is complete when `CallEnded` comes; a disk that fails is told as `Trouble` of the call.
    ///
    /// # Errors
    /// `Io` for a file that cannot be made, with the reason; `Gone`, `Invalid`, `Full`.
    pub fn record_file(&self, call: CallId, path: &Path, stereo: bool) -> Result<(), Error> {
        let object = self.object(call.raw())?;
        let token = self.open_file(&object, Use::Record);
        let rate_hz = object.codec().map_or(RECORD_HZ, Codec::sample_rate_hz);
        let (shared, ended) = (self.shared().clone(), object.clone());
        let done = Box::new(move |recorded: Recorded| recording_done(&shared, &ended, call, token, recorded));
        let sink = self.files().and_then(|files| files.recorder(path, rate_hz, stereo, done));
        let sink = sink.inspect_err(|_| forget(&object, token))?;
        // If the order is refused the sink is dropped, and the file thread tells that the recording is done.
        self.command(call.shard(), Command::Media { call, order: CallMedia::Listen { token, sink } })
    }

    /// Stops every recording of a call and completes its files.
    ///
    /// # Errors
    /// `Gone`, `Invalid`, `Full`.
    pub fn stop_record(&self, call: CallId) -> Result<(), Error> {
        let object = self.object(call.raw())?;
        tokens(&object, Use::Record).into_iter().try_for_each(|token| {
            self.command(call.shard(), Command::Media { call, order: CallMedia::StopListen { token: Some(token) } })
        })
    }

    /// Opens a PCM port on a call: what the peer says comes out, what is written is said to the peer, at `rate_hz` (one of
    /// [`pcm::RATES_HZ`]). It may be opened at any time of the call, and ends with it. Dropping the port closes it.
    ///
    /// # Errors
    /// `Invalid` for another rate, `Gone`, `Full`, `NoMemory`.
    pub fn pcm(&self, call: CallId, rate_hz: u32) -> Result<PcmPort, Error> {
        let object = self.object(call.raw())?;
        let token = self.open_file(&object, Use::Port);
        let shared = self.shared().clone();
        let closed = Box::new(move || {
            for order in [CallMedia::StopPlay { token: Some(token) }, CallMedia::StopListen { token: Some(token) }] {
                // An engine or a call that has ended has closed it already.
                let _ = shared.send(call.shard(), Inbound::Command(Command::Media { call, order }));
            }
        });
        let (port, (source, sink)) = pcm::port(rate_hz, Some(closed)).inspect_err(|_| forget(&object, token))?;
        self.media(&object, call, token, CallMedia::Play { token, source })?;
        self.media(&object, call, token, CallMedia::Listen { token, sink })?;
        Ok(port)
    }

    fn media(&self, object: &Object, call: CallId, token: u64, order: CallMedia) -> Result<(), Error> {
        self.command(call.shard(), Command::Media { call, order }).inspect_err(|_| forget(object, token))
    }

    fn files(&self) -> Result<Arc<Files>, Error> {
        self.shared().files()
    }

    fn open_file(&self, object: &Object, purpose: Use) -> u64 {
        let token = self.shared().next_serial();
        object.files().push(OpenFile { token, purpose });
        token
    }
}

fn tokens(object: &Object, purpose: Use) -> Vec<u64> {
    object.files().iter().filter(|file| file.purpose == purpose).map(|file| file.token).collect()
}

fn forget(object: &Object, token: u64) {
    object.files().retain(|file| file.token != token);
}

/// On the file thread: the file is complete. The end of the call may have waited for it.
fn recording_done(shared: &Shared, object: &Object, call: CallId, token: u64, recorded: Recorded) {
    let path = recorded.path.display();
    let trouble = match (recorded.error, recorded.dropped) {
        (Some(error), _) => Some(format!("the recording {path} is cut short: {error}")),
        (None, 1..) => Some(format!(
            "the recording {path} has {} samples of silence where the disk was too slow",
            recorded.dropped
        )),
        (None, 0) => None,
    };
    if let Some(reason) = trouble {
        let event = Event {
            time: shared.clock.now(),
            account: AccountId::NONE,
            call,
            request: RequestId::NONE,
            kind: EventKind::Trouble { reason },
            message: None,
            flow: None,
            auth_user: None,
        };
        shared.send(call.shard(), Inbound::Event(event));
    }
    forget(object, token);
    shared.send(call.shard(), Inbound::FilesClosed(call));
}
