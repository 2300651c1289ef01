//! The engine as its owner sees it: commands in, events out.

use super::check;
use super::config::{Delivered, EngineConfig};
use super::counters::Counters;
use super::handles::{CallState, Object};
use super::shard::inbox::Inbound;
use super::shared::{Phase, Shared};
use super::start::{self, Threads};
use super::stats::{ShardStats, Stats};
use super::tls::{TlsConfig, TlsInfo};
use super::{Error, ErrorKind};
use crate::agent::io::{AccountConfig, AccountView, CallMedia, CallOptions, Command, Listener};
use crate::auth::{UserSecret, check_user};
use crate::base::id::{self, AccountId, CallId, Origin};
use crate::base::media::Codec;
use crate::base::{Duration, limits};
use crate::media::io::Quality;
use std::os::fd::RawFd;
use std::sync::Arc;

/// How long a look at the engine waits for busy signalling threads.
const REPORT_WAIT: Duration = Duration::from_millis(100);

/// One SIP engine. A cheap handle: clones are the same engine, which shuts down when the last one is dropped.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Owner>);

/// What the handles own: dropping it ends the threads.
pub(super) struct Owner {
    pub(super) shared: Arc<Shared>,
    pub(super) listeners: Vec<Listener>,
    pub(super) threads: Arc<Threads>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("number", &self.shared().number.get()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts an engine: binds its sockets and starts its threads.
    ///
    /// # Errors
    /// `Invalid` for a bad listen URI or port range, `Io` for a port in use, `Unsupported` for a transport that is not built in.
    pub fn new(config: EngineConfig) -> Result<Engine, Error> {
        start::start(config).map(|owner| Engine(Arc::new(owner)))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// Which engine of the process this is; its ids carry it.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.shared().number.get()
    }

    /// Where it listens, with the real ports.
    #[must_use]
    pub fn listeners(&self) -> Vec<Listener> {
        self.0.listeners.clone()
    }

    /// Makes an account; with `register` it registers and keeps registered.
    ///
    /// # Errors
    /// `Invalid` for a text that cannot stand in a header, `Full` above the limit of accounts or when too many events wait.
    pub fn add_account(&self, config: AccountConfig, user: usize) -> Result<AccountId, Error> {
        self.add_account_then(config, user, |_| ())
    }

    /// The same; `announce` runs before any event of the account can.
    pub(crate) fn add_account_then(
        &self,
        config: AccountConfig,
        user: usize,
        announce: impl FnOnce(AccountId),
    ) -> Result<AccountId, Error> {
        self.accepts_new()?;
        check::account(&config)?;
        let serial = self.shared().next_serial();
        let shards = self.shared().inboxes.len() as u64;
        let shard = u8::try_from(serial % shards).unwrap_or(0);
        let account = AccountId::new(self.shared().number.get(), shard, Origin::Application, serial);
        let object = Object::with_account(account.raw(), user, CallState::Ended, Some(config.clone()));
        self.insert(object)?;
        announce(account);
        // The other shards know of it before anything can be dialled in its name.
        let tell_others = |config: Option<&AccountConfig>| {
            for other in (0..shards).filter_map(|n| u8::try_from(n).ok()).filter(|n| *n != shard) {
                let view = AccountView { id: account, config: config.cloned(), service_route: Vec::new() };
                self.shared().send(other, Inbound::AccountView(Box::new(view)));
            }
        };
        tell_others(Some(&config));
        let born = self.born(account.raw(), shard, Command::AddAccount { account, config: Box::new(config) });
        if born.is_err() {
            tell_others(None);
        }
        born.map(|()| account)
    }

    /// Unregisters and forgets an account; ends with `AccountRemoved`.
    ///
    /// # Errors
    /// `Gone`, `Invalid`.
    pub fn remove_account(&self, account: AccountId) -> Result<(), Error> {
        self.object(account.raw())?;
        self.command(account.shard(), Command::RemoveAccount { account })
    }

    /// Calls somebody: a URI, or a user of the account's domain. Ends with `CallEnded`; waits for no registration.
    ///
    /// # Errors
    /// `Invalid` for a bad target or option, `Gone` for the account, `Full`, `Draining`.
    pub fn dial(&self, account: AccountId, target: &str, options: CallOptions, user: usize) -> Result<CallId, Error> {
        self.dial_then(account, target, options, user, |_| ())
    }

    /// The same; `announce` runs before any event of the call can.
    pub(crate) fn dial_then(
        &self,
        account: AccountId,
        target: &str,
        options: CallOptions,
        user: usize,
        announce: impl FnOnce(CallId),
    ) -> Result<CallId, Error> {
        self.accepts_new()?;
        self.object(account.raw())?;
        check::target(target)?;
        check::options(&options)?;
        let serial = self.shared().next_serial();
        let shard = u8::try_from(serial % self.shared().inboxes.len() as u64).unwrap_or(0);
        let call = CallId::new(self.shared().number.get(), shard, Origin::Application, serial);
        self.insert(Object::new(call.raw(), user, CallState::Calling))?;
        announce(call);
        let command = Command::Dial { call, account, target: target.to_owned(), options: Box::new(options) };
        self.born(call.raw(), shard, command)?;
        Ok(call)
    }

    /// Sends a provisional response, 101 ..= 199, to an incoming call; with `early_media` our answer goes along and audio may flow.
    ///
    /// # Errors
    /// `Gone`, `Invalid`, `Full`.
    pub fn ring(&self, call: CallId, status: u16, early_media: bool) -> Result<(), Error> {
        self.object(call.raw())?;
        if !(101..=199).contains(&status) {
            return Err(Error::invalid(format!("ring with status {status}: give 101 to 199, 180 for ringing")));
        }
        self.command(call.shard(), Command::Ring { call, status, early_media })
    }

    /// Answers an incoming call.
    ///
    /// # Errors
    /// `Gone`, `Invalid`, `Full`.
    pub fn answer(&self, call: CallId, options: CallOptions) -> Result<(), Error> {
        self.object(call.raw())?;
        check::options(&options)?;
        self.command(call.shard(), Command::Answer { call, options: Box::new(options) })
    }

    /// Ends a call in whatever state it is; `status` 0, or 300 ..= 699 for an incoming call that was not answered. Not
    /// refused for events that wait.
    ///
    /// # Errors
    /// `Gone`, `Invalid`.
    pub fn hangup(&self, call: CallId, status: u16) -> Result<(), Error> {
        self.object(call.raw())?;
        if status != 0 && !(300..=699).contains(&status) {
            return Err(Error::invalid(format!("hang up with status {status}: give 0, or 300 to 699, 486 for busy")));
        }
        self.command(call.shard(), Command::Hangup { call, status })
    }

    /// Puts the peer on hold, or resumes. Ends with `CallHoldDone`.
    ///
    /// # Errors
    /// `Gone`, `Invalid`, `Full`.
    pub fn hold(&self, call: CallId, hold: bool) -> Result<(), Error> {
        self.object(call.raw())?;
        self.command(call.shard(), Command::Hold { call, hold })
    }

    /// Sends digits `0-9*#A-D` (`,` pauses 500 ms) as RFC 4733 events of `duration_ms` each, 40 ..= 5000, or 0 for 100. Ends with
    /// `DtmfSent`.
    ///
    /// # Errors
    /// `Gone`, `Invalid`, `Full`.
    pub fn send_dtmf(&self, call: CallId, digits: &str, duration_ms: u16) -> Result<(), Error> {
        self.object(call.raw())?;
        check::digits(digits)?;
        let duration_ms = match duration_ms {
            0 => 100,
            40..=5000 => duration_ms,
            _ => return Err(Error::invalid(format!("a digit of {duration_ms} ms: give 40 to 5000, or 0 for 100"))),
        };
        let order = CallMedia::SendDtmf { digits: digits.to_ascii_uppercase(), duration_ms };
        self.command(call.shard(), Command::Media { call, order })
    }

    /// The figures of a call's media, as last told by a `Quality` event or at its end; all zero before.
    ///
    /// # Errors
    /// `Gone`, `Invalid`.
    pub fn quality(&self, call: CallId) -> Result<Quality, Error> {
        Ok(self.object(call.raw())?.quality().unwrap_or_default())
    }

    /// Where a call is, as far as its events have been delivered; `Ended` for one that is gone.
    #[must_use]
    pub fn state(&self, call: CallId) -> CallState {
        self.shared().events.table.find(call.raw()).map_or(CallState::Ended, |object| object.state())
    }

    /// The codec that a call's answer named, once `CallAnswered` was delivered.
    #[must_use]
    pub fn codec(&self, call: CallId) -> Option<Codec> {
        self.shared().events.table.find(call.raw())?.codec()
    }

    /// Changes the application's value of a call, account or request.
    ///
    /// # Errors
    /// `Gone`, `Invalid`.
    pub fn set_user(&self, id: u64, user: usize) -> Result<(), Error> {
        self.object(id).map(|object| object.set_user(user))
    }

    /// The application's value of a call, account or request.
    ///
    /// # Errors
    /// `Gone`, `Invalid`.
    pub fn user(&self, id: u64) -> Result<usize, Error> {
        self.object(id).map(|object| object.user())
    }

    /// Readable while events wait (pull delivery); owned by the engine. Level-triggered: it stays readable until `next_event` has
    /// said `None`.
    #[must_use]
    pub fn event_fd(&self) -> RawFd {
        self.shared().events.fd()
    }

    /// The next event, if one waits (pull delivery).
    #[must_use]
    pub fn next_event(&self) -> Option<Delivered> {
        let (event, eased) = self.shared().events.take();
        if eased {
            self.shared().wake_all();
        }
        event
    }

    /// Waits for the next event (pull delivery); `None` when the time ran out.
    #[must_use]
    pub fn wait_event(&self, timeout: Duration) -> Option<Delivered> {
        let end = self.shared().clock.now() + timeout;
        loop {
            if let Some(event) = self.next_event() {
                return Some(event);
            }
            let left = end.since(self.shared().clock.now());
            if left.is_zero() || !self.shared().events.wait(left) {
                return self.next_event();
            }
        }
    }

    /// Events that wait for delivery.
    #[must_use]
    pub fn events_waiting(&self) -> usize {
        self.shared().events.waiting()
    }

    /// Calls, accounts and requests whose ids are alive.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.shared().events.table.len()
    }

    /// A user of the realm of `EngineConfig::auth` is known from now on, or has another secret.
    ///
    /// # Errors
    /// `Invalid` for what cannot be kept, `State` where nobody is asked, `Full`, `Draining`.
    pub fn set_auth_user(&self, user: &str, secret: UserSecret) -> Result<(), Error> {
        check_user(user, &secret).map_err(Error::invalid)?;
        self.tell_all(&Command::SetAuthUser { user: user.to_owned(), secret })
    }

    /// A user is known no more; its calls go on.
    ///
    /// # Errors
    /// `State` where nobody is asked, `Full`, `Draining`.
    pub fn remove_auth_user(&self, user: &str) -> Result<(), Error> {
        self.tell_all(&Command::RemoveAuthUser { user: user.to_owned() })
    }

    /// A command for every shard.
    fn tell_all(&self, command: &Command) -> Result<(), Error> {
        if !self.shared().asks_credentials {
            return Err(Error::state("nobody is asked for credentials here: give the engine an auth configuration"));
        }
        for shard in 0..self.shared().inboxes.len() {
            if let (Ok(shard), Some(command)) = (u8::try_from(shard), command.for_every_shard()) {
                self.command(shard, command)?;
            }
        }
        Ok(())
    }

    /// Reads the files of the TLS settings again, or takes other settings: for connections from now on. Open ones live on.
    ///
    /// # Errors
    /// `Invalid` or `Io` for what cannot be used (nothing changes then), `Unsupported` without TLS.
    pub fn tls_reload(&self, config: Option<&TlsConfig>) -> Result<(), Error> {
        self.shared().streams.tls.reload(config)
    }

    /// How the signalling of a call is protected between us and the next hop; `None` where it is not, or not known yet.
    ///
    /// # Errors
    /// `Gone`, `Invalid`.
    pub fn call_security(&self, call: CallId) -> Result<Option<TlsInfo>, Error> {
        let secured = self.object(call.raw())?.secured();
        Ok(secured.and_then(|flow| self.shared().streams.protection(&flow)))
    }

    /// What the engine counts about itself.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared().counters.snapshot()
    }

    /// Counts, how full the tables are, and their bounds. On a thread of the engine's own (inside a callback) the tables are those of up to
    /// 100 ms ago; elsewhere it waits up to 100 ms for the signalling threads to tell theirs.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = self.shared();
        if shared.role().is_none() && shared.phase() != Phase::Stopped {
            let (tell, told) = crossbeam_channel::bounded(shared.inboxes.len());
            let asked = shared.inboxes.iter().filter(|inbox| inbox.send(Inbound::Report(tell.clone()))).count();
            let end = shared.clock.now() + REPORT_WAIT;
            for _ in 0..asked {
                if told.recv_timeout(end.since(shared.clock.now())).is_err() {
                    break;
                }
            }
        }
        let sum = shared.reports.iter().fold(ShardStats::default(), |sum, report| sum.plus(**report.load()));
        let mut stats = Stats::new(self.counters(), sum, shared.inboxes.len(), shared.calls_max);
        (stats.objects, stats.events_waiting) = (self.objects(), self.events_waiting());
        stats
    }

    /// Hangs up, unregisters, delivers what is left to a callback, and joins every thread. After `grace` what did not end by itself
    /// is ended here. Events that nobody pulled can still be pulled. A second call waits for the first.
    ///
    /// # Errors
    /// `State` from a thread of the engine, such as inside a callback.
    pub fn shutdown(&self, grace: Duration) -> Result<(), Error> {
        if self.shared().role().is_some() {
            return Err(Error::state(
                "shutdown inside a callback would wait for itself; call it from a thread of your own",
            ));
        }
        self.0.threads.stop(self.shared(), grace);
        Ok(())
    }

    pub(super) fn accepts_new(&self) -> Result<(), Error> {
        self.accepts()?;
        if self.shared().events.table.len() >= limits::OBJECTS {
            return Err(Error::new(ErrorKind::Full, format!("{} objects live; end some first", limits::OBJECTS)));
        }
        Ok(())
    }

    fn accepts(&self) -> Result<(), Error> {
        if self.shared().phase() != Phase::Running {
            return Err(Error::new(ErrorKind::Draining, "the engine is shutting down; make a new one"));
        }
        Ok(())
    }

    /// The live object of an id.
    pub(super) fn object(&self, id: u64) -> Result<Arc<Object>, Error> {
        if id::kind(id).is_none() {
            return Err(Error::invalid("not an id: 0, or a number that no engine gave"));
        }
        if id::engine(id) != self.shared().number.get() {
            return Err(Error::invalid(format!("id {id:#x} belongs to another engine")));
        }
        self.shared()
            .events
            .table
            .find(id)
            .ok_or_else(|| Error::new(ErrorKind::Gone, format!("id {id:#x} has ended; its last event was delivered")))
    }

    pub(super) fn insert(&self, object: Arc<Object>) -> Result<(), Error> {
        match self.shared().events.table.insert(object) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Full, "the handle table is full; end some calls first")),
        }
    }

    /// Gives the command that an id was made for; without room the id never was.
    pub(super) fn born(&self, id: u64, shard: u8, command: Command) -> Result<(), Error> {
        self.command(shard, command).inspect_err(|_| self.shared().events.table.remove(id))
    }

    pub(super) fn command(&self, shard: u8, command: Command) -> Result<(), Error> {
        let ends = matches!(command, Command::Hangup { .. } | Command::RemoveAccount { .. });
        if self.shared().phase() == Phase::Stopped {
            return self.accepts();
        }
        if !ends && self.shared().events.is_overloaded() {
            return Err(Error::new(
                ErrorKind::Full,
                format!("{} events wait; take them (next_event) faster", self.events_waiting()),
            ));
        }
        match self.shared().send(shard, Inbound::Command(command)) {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Full, "too many commands wait; the engine is overloaded, try again")),
        }
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.threads.abandon(&self.shared);
    }
}
