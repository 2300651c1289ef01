//! One simulated host: its shards, its media, its ports.

use crate::agent::io::Command;
use crate::agent::{Agent, Tables};
use crate::base::id::NodeId;
use crate::base::{Instant, WallClock};
use crate::media::io::{MediaEvent, MediaEventKind, MediaOrder, Quality};
use crate::media::{Stage, StageOutput};
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

pub(super) struct Host {
    pub(super) ip: IpAddr,
    pub(super) agents: Vec<Agent>,
    pub(super) media: MediaPart,
}

/// What media a host has.
pub(super) enum Media {
    /// Sessions open and close, but no packet is sent: for thousands of calls.
    Answering,
    /// The real thing.
    Stage(Box<Stage>),
}

impl Media {
    pub(super) fn stage(seed: [u8; 32], wall: WallClock) -> Self {
        Media::Stage(Box::new(Stage::new(seed, wall)))
    }
}

/// What comes out of a host's media.
pub(super) enum FromMedia {
    Packet { from: SocketAddr, to: SocketAddr, bytes: Bytes },
    Event(MediaEvent),
}

/// A host's media with its ports.
pub(super) struct MediaPart {
    kind: Media,
    ports: BTreeMap<u16, NodeId>,
    sessions: BTreeMap<NodeId, (SocketAddr, crate::base::id::CallId)>,
    next_port: u16,
    out: VecDeque<FromMedia>,
    next_beat: Option<Instant>,
}

/// Time between beats of a stage.
const BEAT_US: u64 = 10_000;

impl Host {
    pub(super) fn new(ip: IpAddr, agents: Vec<Agent>, media: Media) -> Self {
        let media = MediaPart {
            kind: media,
            ports: BTreeMap::new(),
            sessions: BTreeMap::new(),
            next_port: 10_000,
            out: VecDeque::new(),
            next_beat: None,
        };
        Host { ip, agents, media }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.agents.iter().filter_map(Agent::next_timeout).chain(self.media.next_timeout()).min()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        for agent in &mut self.agents {
            if agent.next_timeout().is_some_and(|at| at <= now) {
                agent.handle_timeout(now);
            }
        }
        self.media.handle_timeout(now);
    }

    pub(super) fn tables(&self) -> Tables {
        self.agents.iter().map(Agent::tables).fold(Tables::default(), Tables::plus)
    }

    pub(super) fn is_idle(&self) -> bool {
        self.agents.iter().all(Agent::is_idle) && self.media.sessions.is_empty()
    }
}

impl MediaPart {
    pub(super) fn order(&mut self, order: MediaOrder, ip: IpAddr, now: Instant) {
        match order {
            MediaOrder::Open { session, call, .. } => {
                let port = self.next_port;
                self.next_port = if port >= 60_000 { 10_000 } else { port + 2 };
                let (rtp, rtcp) = (SocketAddr::new(ip, port), SocketAddr::new(ip, port + 1));
                self.ports.insert(port, session);
                self.ports.insert(port + 1, session);
                self.sessions.insert(session, (rtp, call));
                match &mut self.kind {
                    Media::Answering => {
                        let kind = MediaEventKind::Ready { rtp, rtcp };
                        self.out.push_back(FromMedia::Event(MediaEvent { session, call, kind }));
                    }
                    Media::Stage(stage) => {
                        stage.open(order, rtp, rtcp, now);
                        self.next_beat.get_or_insert(next_beat(now));
                    }
                }
            }
            MediaOrder::Close { session } if matches!(self.kind, Media::Answering) => {
                if let Some(call) = self.free(session) {
                    let kind = MediaEventKind::Quality { quality: Quality::default(), last: true };
                    self.out.push_back(FromMedia::Event(MediaEvent { session, call, kind }));
                }
            }
            order => {
                if let Media::Stage(stage) = &mut self.kind {
                    stage.order(order, now);
                }
            }
        }
    }

    fn free(&mut self, session: NodeId) -> Option<crate::base::id::CallId> {
        let (rtp, call) = self.sessions.remove(&session)?;
        self.ports.remove(&rtp.port());
        self.ports.remove(&(rtp.port() + 1));
        Some(call)
    }

    pub(super) fn packet(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8], now: Instant) {
        let Some(session) = self.ports.get(&to.port()) else { return };
        if let Media::Stage(stage) = &mut self.kind {
            stage.handle(*session, to.port() % 2 == 1, from, &mut bytes.to_vec(), now);
        }
    }

    /// The next thing that media wants done.
    pub(super) fn poll(&mut self, _now: Instant) -> Option<FromMedia> {
        if let Some(out) = self.out.pop_front() {
            return Some(out);
        }
        loop {
            let Media::Stage(stage) = &mut self.kind else { return None };
            match stage.poll_output()? {
                StageOutput::Rtp { session, to, packet } => {
                    let Some((from, _)) = self.sessions.get(&session) else { continue };
                    let bytes = Bytes::copy_from_slice(stage.bytes(packet));
                    return Some(FromMedia::Packet { from: *from, to, bytes });
                }
                StageOutput::Rtcp { session, to, packet } => {
                    let Some((rtp, _)) = self.sessions.get(&session) else { continue };
                    let from = SocketAddr::new(rtp.ip(), rtp.port() + 1);
                    let bytes = Bytes::copy_from_slice(stage.bytes(packet));
                    return Some(FromMedia::Packet { from, to, bytes });
                }
                StageOutput::Event(event) => return Some(FromMedia::Event(event)),
                StageOutput::Closed { session } => {
                    self.free(session);
                }
            }
        }
    }

    fn next_timeout(&self) -> Option<Instant> {
        match &self.kind {
            Media::Answering => None,
            Media::Stage(stage) => [self.next_beat, stage.next_timeout()].into_iter().flatten().min(),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let Media::Stage(stage) = &mut self.kind else { return };
        if self.next_beat.is_some_and(|at| at <= now) || stage.next_timeout().is_some_and(|at| at <= now) {
            stage.beat(now);
            self.next_beat = (!stage.is_empty()).then(|| next_beat(now));
        }
    }
}

fn next_beat(now: Instant) -> Instant {
    Instant::from_micros((now.as_micros() / BEAT_US + 1) * BEAT_US)
}

/// The shard that a command belongs to.
pub(super) fn shard_of(command: &Command) -> u8 {
    match command {
        Command::AddAccount { account, .. } | Command::RemoveAccount { account } => account.shard(),
        Command::Dial { call, .. }
        | Command::Ring { call, .. }
        | Command::Answer { call, .. }
        | Command::Hangup { call, .. }
        | Command::Hold { call, .. }
        | Command::Media { call, .. } => call.shard(),
        Command::Request { request, .. } | Command::AnswerRequest { request, .. } => request.shard(),
        Command::Shutdown | Command::Overloaded(_) | Command::SetAuthUser { .. } | Command::RemoveAuthUser { .. } => 0,
    }
}
