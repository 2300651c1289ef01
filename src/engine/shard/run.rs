//! The loop of a signalling thread.

use super::inbox::Inbox;
use super::refusal::Refusals;
use super::resolve::Lookups;
use super::stream::{self, Streams};
use super::{SHARD, Shard, with};
use crate::agent::io::AgentConfig;
use crate::agent::{Agent, Traffic};
use crate::base::Duration;
use crate::base::Rng;
use crate::base::limits;
use crate::base::{Instant, Protocol};
use crate::engine::dns::{Backend, Dns};
use crate::engine::media::Workers;
use crate::engine::net::batch::{RecvBatch, Undelivered, take_error};
use crate::engine::net::listen::ShardSockets;
use crate::engine::net::local::Routes;
use crate::engine::net::udp::{SendQueue, Socket};
use crate::engine::shared::Shared;
use std::collections::{BTreeMap, VecDeque};
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::AsFd;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::runtime::Runtime;
use tokio::time::{Instant as Tick, Sleep, sleep_until};

/// Longest sleep: tokio's clock stands still during suspend, ours does not.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
/// Batches from one socket before timers, commands and the other sockets get their turn.
const BATCHES: usize = 4;
/// Pause before a full socket is tried again.
const FULL_PAUSE: Duration = Duration::from_millis(1);
/// ICMP errors taken per turn.
const ICMP_ERRORS: usize = 64;

/// What a shard is made from.
pub(crate) struct Setup {
    pub(crate) shared: Arc<Shared>,
    pub(crate) config: AgentConfig,
    pub(crate) sockets: ShardSockets,
    pub(crate) workers: Arc<Workers>,
    pub(crate) runtime: Runtime,
    pub(crate) dns: Dns,
    pub(crate) backend: Backend,
}

/// The body of a signalling thread.
pub(crate) fn run(setup: Setup) {
    let Setup { shared, config, sockets, workers, runtime, dns, backend } = setup;
    // Draws of its own: the agent's stay what they are.
    let mut seed = config.seed;
    seed.iter_mut().for_each(|byte| *byte ^= 0x5a);
    let rng = Rng::new(seed);
    let me = config.shard;
    runtime.block_on(async {
        let udp: io::Result<Vec<Arc<Socket>>> = sockets.udp.into_iter().map(|s| Socket::new(s).map(Arc::new)).collect();
        let listen =
            |(protocol, socket)| tokio::net::TcpListener::from_std(socket).map(|listener| (protocol, listener));
        let accepting: io::Result<Vec<_>> = sockets.streams.into_iter().map(listen).collect();
        // Registering a bound socket with epoll fails only without memory; then the shard runs without its listeners.
        let (udp, accepting) = (udp.unwrap_or_default(), accepting.unwrap_or_default());
        let shard = Shard {
            me,
            shared: shared.clone(),
            agent: Agent::new(config.clone()),
            routes: Routes::new(config.listeners.clone()),
            config,
            generation: 0,
            wants: Vec::new(),
            soon: VecDeque::new(),
            sends: udp.iter().cloned().map(SendQueue::new).collect(),
            refused: Vec::new(),
            refusals: Refusals::default(),
            streams: Streams::default(),
            lookups: Lookups::new(dns, backend, rng),
            workers,
            sessions: BTreeMap::new(),
            held: BTreeMap::new(),
            touched: 0,
            overloaded: false,
            draining: false,
            told_idle: false,
            stopped: false,
            meter: super::load::Meter::new(shared.clock.now()),
            reported: Instant::ZERO,
            past: Traffic::default(),
            #[cfg(test)]
            panic_next: false,
        };
        SHARD.set(Some(shard));
        for (protocol, listener) in accepting {
            tokio::spawn(stream::accept(me, protocol, listener));
        }
        // As a task of its own, and not as the future of block_on, so that readiness costs no wake-up of the runtime by itself.
        while tokio::spawn(drive(shared.clone(), me, udp.clone())).await.is_err() {
            // A defect of the driver's own.
            with(|shard| {
                shard.recover();
                shard.settle();
            });
        }
        // Connections say good-bye when their sockets are dropped.
        SHARD.set(None);
    });
    // A name server that does not answer holds up a look-up thread, not the end of the engine.
    runtime.shutdown_timeout(Duration::from_millis(100));
}

async fn drive(shared: Arc<Shared>, me: u8, udp: Vec<Arc<Socket>>) {
    let mut batch = RecvBatch::new(limits::MESSAGE_BYTES);
    let inbox: &Inbox = shared.inbox(me);
    let mut alarm = pin!(sleep_until(Tick::now() + LONGEST_SLEEP));
    let mut armed = Tick::now() + LONGEST_SLEEP;
    loop {
        // The borrow ends with the closure: other tasks of this thread run only at an await.
        let Some((more, stopped, deadline)) = with(|shard| {
            let more = shard.inbox();
            shard.timers();
            shard.flush();
            (more || !inbox.is_empty(), shard.stopped, shard.deadline())
        }) else {
            return;
        };
        if stopped {
            return;
        }
        // A timer that was armed for earlier fires for nothing now and then; moving it each time would cost more.
        if deadline < armed || armed <= Tick::now() {
            armed = deadline;
            alarm.as_mut().reset(deadline);
        }
        let mut woken = pin!(inbox.woken());
        let flooded = poll_fn(|cx| {
            let mut progress = more;
            let mut flooded = more;
            progress |= woken.as_mut().poll(cx).is_ready();
            progress |= alarm_rang(alarm.as_mut(), cx);
            for socket in &udp {
                let batches = read(socket, &mut batch, cx);
                progress |= batches > 0;
                flooded |= batches == BATCHES;
            }
            if progress { Poll::Ready(flooded) } else { Poll::Pending }
        })
        .await;
        if flooded {
            // Streams get their turn though datagrams or commands never end.
            tokio::task::yield_now().await;
        }
    }
}

fn alarm_rang(alarm: Pin<&mut Sleep>, cx: &mut Context<'_>) -> bool {
    alarm.poll(cx).is_ready()
}

/// Reads up to [`BATCHES`] batches of a socket, as long as it is readable; says how many.
fn read(socket: &Socket, batch: &mut RecvBatch, cx: &mut Context<'_>) -> usize {
    for done in 0..BATCHES {
        let Poll::Ready(Ok(mut ready)) = socket.fd.poll_read_ready(cx) else { return done };
        match socket.receive(batch) {
            Ok(count) => {
                if count < crate::engine::net::batch::BATCH {
                    ready.clear_ready();
                }
                with(|shard| shard.datagrams(socket, batch, count));
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => {
                // Readable without a datagram: an ICMP error. A send may have taken it from the socket, its queue still has it.
                with(|shard| shard.icmp(socket));
                if e.kind() == io::ErrorKind::WouldBlock {
                    ready.clear_ready();
                }
            }
        }
        with(Shard::flush);
    }
    BATCHES
}

impl Shard {
    /// Takes the ICMP errors of a socket: datagrams that came to nobody.
    fn icmp(&mut self, socket: &Socket) {
        for _ in 0..ICMP_ERRORS {
            let Some(Undelivered { to, from, error }) = take_error(socket.as_fd()) else { return };
            let now = self.now();
            let from = from.or_else(|| self.routes.local(Protocol::Udp, to, now).ok());
            self.transmit_failed(socket.flow(to, from), &error);
        }
    }

    /// After a task of its own ran the agent: sends and wakes; the loop is woken for a timer that is now earlier, or for commands
    /// given inside a callback.
    pub(super) fn after_task(&mut self) {
        self.flush();
        // The loop looks at the deadline again when it is woken; armed, this costs nothing.
        self.shared.inbox(self.me).wake();
    }

    fn deadline(&self) -> Tick {
        let now = self.now();
        let until = self.agent.next_timeout().map_or(LONGEST_SLEEP, |at| at.since(now).min(LONGEST_SLEEP));
        Tick::now() + if self.is_blocked() { until.min(FULL_PAUSE) } else { until }
    }
}
