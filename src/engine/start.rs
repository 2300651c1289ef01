//! From a configuration to running threads, and back.

use super::clock::Clock;
use super::config::EngineConfig;
use super::counters::Live;
use super::dns::Names;
use super::events::{Events, Role};
use super::face::Owner;
use super::media::{Ports, Worker, Workers};
use super::net::{batch, listen};
use super::shard::inbox::Inbound;
use super::shard::{self, Setup};
use super::shared::{EngineNumber, Phase, Shared, StreamSettings};
use super::tls::Live as Tls;
use super::{Error, ErrorKind, log};
use crate::agent::io::AgentConfig;
use crate::base::{Duration, limits};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

/// Time to say good-bye when the last handle is dropped without `shutdown`.
const DROP_GRACE: Duration = Duration::from_millis(500);
/// Media workers at most.
const WORKERS: usize = 256;
/// Look-up threads per shard.
const LOOKUP_THREADS: usize = 4;

/// The threads of one engine.
#[derive(Default)]
pub(super) struct Threads {
    running: Mutex<Running>,
}

#[derive(Default)]
struct Running {
    shards: Vec<JoinHandle<()>>,
    media: Vec<JoinHandle<()>>,
    callback: Option<JoinHandle<()>>,
    workers: Option<Arc<Workers>>,
}

/// Binds the sockets and starts the threads.
pub(super) fn start(config: EngineConfig) -> Result<Owner, Error> {
    let shards = config.signalling_threads.max(1);
    if shards > limits::SHARDS {
        return Err(Error::invalid(format!("{shards} signalling threads: the most is {}", limits::SHARDS)));
    }
    let media_threads = match config.media_threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        given => given,
    };
    if media_threads > WORKERS {
        return Err(Error::invalid(format!("{media_threads} media threads: the most is {WORKERS}")));
    }
    super::check::text("user agent", &config.user_agent)?;
    super::check::methods(&config.sip.methods)?;
    if config.codecs.is_empty() {
        return Err(Error::invalid("no codecs: name at least one, such as PCMU"));
    }
    let ports = Ports::new(config.rtp_ports.clone()).ok_or_else(|| {
        let (low, high) = (config.rtp_ports.start(), config.rtp_ports.end());
        Error::invalid(format!(
            "RTP ports {low}-{high} hold no pair of an even and the next port; give a range such as 16384-32767"
        ))
    })?;
    let names = Names::new(&config.dns)?;
    if let Some(auth) = &config.auth {
        auth.check().map_err(Error::invalid)?;
    }
    let clock = Clock::start();
    let dispatch = config.log.map(|callback| log::dispatcher(callback, config.log_level, clock));
    let load = || Tls::new(&config.tls);
    let tls = match &dispatch {
        Some(dispatch) => tracing::dispatcher::with_default(dispatch, load),
        None => load(),
    }?;
    let bound = listen::bind(&config.listen, shards, tls.has_certificate())?;
    let number = EngineNumber::take()?;
    let backlog = match config.event_backlog_max {
        0 => limits::EVENT_BACKLOG,
        given => given,
    };
    let per_shard = match config.max_calls {
        0 => limits::CALLS,
        given => given.div_ceil(shards),
    };
    let template = AgentConfig {
        engine: number.get(),
        shard: 0,
        shards: u8::try_from(shards).unwrap_or(1),
        first_serial: 1,
        seed: [0; 32],
        wall: clock.wall(),
        user_agent: config.user_agent,
        listeners: bound.listeners.clone(),
        public_address: config.public_address,
        timers: config.timers,
        max_calls: per_shard,
        ring_timeout: config.ring_timeout,
        rtp_timeout: config.rtp_timeout,
        rtp_timeout_hangup: config.rtp_timeout_hangup,
        quality_interval: config.quality_interval,
        codecs: config.codecs,
        raw_messages: config.raw_messages,
        udp_size_limit: config.udp_size_limit,
        failover: config.dns.failover,
        sip: config.sip,
        defence: config.defence,
        auth: config.auth.map(Box::new),
    };
    let events = Events::new(config.delivery, backlog, clock, Arc::<Live>::default()).map_err(|e| no_resource(&e))?;
    let asks_credentials = template.auth.is_some();
    let streams = StreamSettings::new(tls, config.max_streams_per_source);
    let shared = Arc::new(Shared::new(
        number,
        clock,
        events,
        shards,
        per_shard.saturating_mul(shards),
        config.trace,
        dispatch,
        streams,
        asks_credentials,
    ));
    let workers = Arc::new(Workers::new(media_threads).map_err(|e| no_resource(&e))?);
    let owner = Owner { shared, listeners: bound.listeners, threads: Arc::default() };
    // From here on, dropping the owner ends what has been started.
    owner
        .threads
        .launch(&owner.shared, &workers, ports, template, bound.shards, &names)
        .map_err(|e| no_resource(&e))?;
    Ok(owner)
}

fn no_resource(error: &io::Error) -> Error {
    Error::new(
        ErrorKind::NoMemory,
        format!("the system gives no thread or descriptor: {error}; raise its limits (ulimit -n, -u)"),
    )
}

impl Threads {
    fn launch(
        &self,
        shared: &Arc<Shared>,
        workers: &Arc<Workers>,
        ports: Ports,
        template: AgentConfig,
        sockets: Vec<listen::ShardSockets>,
        names: &Names,
    ) -> io::Result<()> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.workers = Some(workers.clone());
        let ports = Arc::new(ports);
        for index in 0..workers.len() {
            let worker = Worker::new(shared.clone(), workers.clone(), index, ports.clone())?;
            let shared = shared.clone();
            let body = move || shared.run_thread(Role::Worker, || worker.run());
            running.media.push(Builder::new().name(format!("sipw-media-{index}")).spawn(body)?);
        }
        if shared.events.has_callback_thread() {
            let shared = shared.clone();
            let body = move || {
                shared.run_thread(Role::Callback, || shared.events.run_callbacks(|| shared.wake_all()));
            };
            running.callback = Some(Builder::new().name("sipw-events".into()).spawn(body)?);
        }
        for (index, sockets) in sockets.into_iter().enumerate() {
            let mut config = template.clone();
            config.shard = u8::try_from(index).unwrap_or(0);
            batch::os_random(&mut config.seed)?;
            let name = format!("sipw-sip-{index}");
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .max_blocking_threads(LOOKUP_THREADS)
                .thread_name(format!("sipw-dns-{index}"))
                .build()?;
            let role = Role::Shard(config.shard);
            let (dns, backend) = names.of_shard(&runtime)?;
            let (whole, workers) = (shared.clone(), workers.clone());
            let setup = Setup { shared: whole, config, sockets, workers, runtime, dns, backend };
            let shared = shared.clone();
            let body = move || shared.run_thread(role, || shard::run(setup));
            running.shards.push(Builder::new().name(name).spawn(body)?);
        }
        Ok(())
    }

    /// Ends and joins every thread; a second caller waits for the first.
    pub(super) fn stop(&self, shared: &Shared, grace: Duration) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.phase() == Phase::Stopped {
            return;
        }
        shared.advance(Phase::Draining);
        if !running.shards.is_empty() {
            for inbox in &shared.inboxes {
                inbox.send(Inbound::Drain);
            }
            shared.wait_idle(grace);
        }
        // First media, so that recordings are complete before the last events; then signalling; then delivery.
        if let Some(workers) = running.workers.take() {
            workers.stop();
        }
        running.media.drain(..).for_each(|thread| drop(thread.join()));
        shared.advance(Phase::Stopped);
        shared.close_files();
        for inbox in &shared.inboxes {
            inbox.send(Inbound::Stop);
        }
        running.shards.drain(..).for_each(|thread| drop(thread.join()));
        shared.events.close();
        if let Some(callback) = running.callback.take() {
            let _ = callback.join();
        }
    }

    /// Makes every media worker's stage panic at its next beat.
    #[cfg(test)]
    pub(super) fn inject_media_panic(&self) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.workers.iter().for_each(|workers| workers.inject_panic());
    }

    /// The last handle was dropped. On a thread of the engine itself (inside a callback) nothing can be waited for: another thread
    /// does it.
    pub(super) fn abandon(self: &Arc<Self>, shared: &Arc<Shared>) {
        if shared.role().is_none() {
            return self.stop(shared, DROP_GRACE);
        }
        let (threads, shared) = (self.clone(), shared.clone());
        // Without a thread to spare the engine's threads go on until the process ends.
        let _ = Builder::new().name("sipw-end".into()).spawn(move || threads.stop(&shared, DROP_GRACE));
    }
}
