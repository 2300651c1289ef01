//! Two stages that talk over a network in virtual time.

mod audio;
mod dtmf;
mod hostile;
mod lifecycle;
mod reports;

use super::io::{Direction, MediaEvent, MediaEventKind, MediaOrder, Quality, Sink, Source, StreamParams};
use super::{Stage, StageOutput};
use crate::base::id::{CallId, NodeId, Origin};
use crate::base::media::Codec;
use crate::base::{Duration, Instant, Rng, WallClock};
use crate::dsp::Tone;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::mpsc;

/// What the network does to each packet.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Network {
    pub(super) loss: f64,
    pub(super) duplicate: f64,
    pub(super) delay_ms: u64,
    pub(super) jitter_ms: u32,
}

/// One of the two ends.
pub(super) struct End {
    pub(super) stage: Stage,
    pub(super) session: NodeId,
    pub(super) rtp: SocketAddr,
    pub(super) rtcp: SocketAddr,
    pub(super) events: Vec<MediaEventKind>,
    pub(super) sent: u64,
    pub(super) closed: bool,
    /// Every packet that left, when `record` is on.
    pub(super) packets: Vec<Vec<u8>>,
}

/// Two ends and the network between them.
pub(super) struct Pair {
    pub(super) ends: [End; 2],
    pub(super) now: Instant,
    pub(super) network: Network,
    pub(super) record: bool,
    /// RTP packets that the network lost, by receiver.
    pub(super) lost: [u64; 2],
    pub(super) duplicated: [u64; 2],
    rng: Rng,
    under_way: BTreeMap<(Instant, u64), (usize, bool, Vec<u8>)>,
    serial: u64,
}

pub(super) fn params(remote: &str, codec: Codec) -> StreamParams {
    let remote: SocketAddr = remote.parse().unwrap();
    StreamParams {
        codec,
        send_payload_type: codec.static_payload_type(),
        receive: Codec::ALL.iter().map(|codec| (codec.static_payload_type(), *codec)).collect(),
        dtmf_send: Some(101),
        dtmf_receive: Some(101),
        ptime_ms: 20,
        direction: Direction::SendRecv,
        remote_rtp: Some(remote),
        remote_rtcp: Some(SocketAddr::new(remote.ip(), remote.port() + 1)),
        rtcp_mux: false,
        signalling_peer: None,
    }
}

pub(super) const A: usize = 0;
pub(super) const B: usize = 1;
const ADDRESSES: [&str; 2] = ["192.0.2.1:4000", "192.0.2.2:5000"];

impl Pair {
    pub(super) fn new(seed: u8, network: Network) -> Self {
        let ends = [0u8, 1].map(|index| {
            let rtp: SocketAddr = ADDRESSES[usize::from(index)].parse().unwrap();
            let rtcp = SocketAddr::new(rtp.ip(), rtp.port() + 1);
            End {
                stage: Stage::new([seed ^ (index << 7); 32], WallClock::new(1_700_000_000_000_000 + u64::from(index))),
                session: NodeId::new(1, index, Origin::Network, 1),
                rtp,
                rtcp,
                events: vec![],
                sent: 0,
                closed: false,
                packets: vec![],
            }
        });
        let mut pair = Pair {
            ends,
            now: Instant::from_micros(1_000_000),
            network,
            record: false,
            lost: [0; 2],
            duplicated: [0; 2],
            rng: Rng::new([seed; 32]),
            under_way: BTreeMap::new(),
            serial: 0,
        };
        for index in [A, B] {
            let now = pair.now;
            let end = &mut pair.ends[index];
            let order = MediaOrder::Open {
                session: end.session,
                call: CallId::new(1, index as u8, Origin::Network, 1),
                local: end.rtp.ip(),
                cname: format!("cname-{index}"),
                rtp_timeout: Some(Duration::from_secs(5)),
                quality_interval: None,
            };
            end.stage.open(order, end.rtp, end.rtcp, now);
            pair.drain(index);
            assert_eq!(
                pair.take(index),
                [MediaEventKind::Ready { rtp: pair.ends[index].rtp, rtcp: pair.ends[index].rtcp }]
            );
        }
        pair
    }

    /// A pair that talks `codec` both ways.
    pub(super) fn talking(seed: u8, network: Network, codec: Codec) -> Self {
        let mut pair = Pair::new(seed, network);
        pair.configure(A, params(ADDRESSES[B], codec));
        pair.configure(B, params(ADDRESSES[A], codec));
        pair
    }

    pub(super) fn configure(&mut self, index: usize, params: StreamParams) {
        let session = self.ends[index].session;
        self.order(index, MediaOrder::Configure { session, params });
    }

    pub(super) fn order(&mut self, index: usize, order: MediaOrder) {
        self.ends[index].stage.order(order, self.now);
        self.drain(index);
    }

    pub(super) fn play(&mut self, index: usize, token: u64, source: impl Source + 'static) {
        let session = self.ends[index].session;
        self.order(index, MediaOrder::Play { session, token, source: Box::new(source) });
    }

    pub(super) fn listen(&mut self, index: usize, rate_hz: u32) -> Ear {
        let (sender, receiver) = mpsc::channel();
        let session = self.ends[index].session;
        self.order(index, MediaOrder::Listen { session, token: 1, sink: Box::new(Wire { rate_hz, sender }) });
        Ear(receiver)
    }

    pub(super) fn send_dtmf(&mut self, index: usize, digits: &str, duration_ms: u16) {
        let session = self.ends[index].session;
        self.order(index, MediaOrder::SendDtmf { session, digits: digits.to_owned(), duration_ms });
    }

    /// Closes an end and gives its last figures.
    pub(super) fn close(&mut self, index: usize) -> Quality {
        let session = self.ends[index].session;
        self.order(index, MediaOrder::Close { session });
        let last = self.ends[index].events.iter().rev().find_map(|event| match event {
            MediaEventKind::Quality { quality, last: true } => Some(*quality),
            _ => None,
        });
        last.unwrap()
    }

    /// Lets time pass: packets arrive when they are due, stages beat every 10 ms.
    pub(super) fn run_ms(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            let arrival = self.under_way.keys().next().map(|(at, _)| *at);
            let beats = [A, B].map(|index| self.ends[index].stage.next_timeout());
            let Some(next) = beats.into_iter().flatten().chain(arrival).min().filter(|at| *at <= end) else { break };
            self.now = self.now.max(next);
            while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= next) {
                let (to, rtcp, mut bytes) = entry.remove();
                let from = &self.ends[1 - to];
                let from = if rtcp { from.rtcp } else { from.rtp };
                let end = &mut self.ends[to];
                end.stage.handle(end.session, rtcp, from, &mut bytes, self.now);
                self.drain(to);
            }
            for index in [A, B] {
                if beats[index].is_some_and(|at| at <= next) {
                    self.ends[index].stage.beat(self.now);
                    self.drain(index);
                }
            }
        }
        self.now = end;
    }

    /// Events of an end since the last call.
    pub(super) fn take(&mut self, index: usize) -> Vec<MediaEventKind> {
        std::mem::take(&mut self.ends[index].events)
    }

    pub(super) fn digits(&mut self, index: usize) -> String {
        let digit = |event| match event {
            MediaEventKind::Dtmf { digit, .. } => Some(digit),
            _ => None,
        };
        self.take(index).into_iter().filter_map(digit).collect()
    }

    fn drain(&mut self, index: usize) {
        while let Some(output) = self.ends[index].stage.poll_output() {
            let (rtcp, to, packet) = match output {
                StageOutput::Rtp { to, packet, .. } => (false, to, packet),
                StageOutput::Rtcp { to, packet, .. } => (true, to, packet),
                StageOutput::Event(MediaEvent { kind, .. }) => {
                    self.ends[index].events.push(kind);
                    continue;
                }
                StageOutput::Closed { .. } => {
                    self.ends[index].closed = true;
                    continue;
                }
            };
            let peer = &self.ends[1 - index];
            assert_eq!(to, if rtcp { peer.rtcp } else { peer.rtp });
            let bytes = self.ends[index].stage.bytes(packet).to_vec();
            self.ends[index].sent += u64::from(!rtcp);
            if self.record {
                self.ends[index].packets.push(bytes.clone());
            }
            self.transmit(1 - index, rtcp, bytes);
        }
    }

    /// Puts a packet on the network.
    fn transmit(&mut self, to: usize, rtcp: bool, bytes: Vec<u8>) {
        if !rtcp && self.rng.chance(self.network.loss) {
            self.lost[to] += 1;
            return;
        }
        let copies = 1 + u64::from(!rtcp && self.rng.chance(self.network.duplicate));
        self.duplicated[to] += copies - 1;
        for _ in 0..copies {
            let jitter = u64::from(self.rng.below(self.network.jitter_ms * 1000 + 1));
            let at = self.now + Duration::from_micros(self.network.delay_ms * 1000 + jitter);
            self.serial += 1;
            self.under_way.insert((at, self.serial), (to, rtcp, bytes.clone()));
        }
    }
}

/// Plays a tone, for so many milliseconds or for ever.
pub(super) struct ToneSource {
    rate_hz: u32,
    tone: Tone,
    left: Option<usize>,
}

impl ToneSource {
    pub(super) fn new(rate_hz: u32, hz: f64, ms: Option<usize>) -> Self {
        let left = ms.map(|ms| ms * rate_hz as usize / 1000);
        ToneSource { rate_hz, tone: Tone::new(rate_hz, hz, -10.0), left }
    }
}

impl Source for ToneSource {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }
    fn read(&mut self, out: &mut [i16]) -> usize {
        let count = self.left.map_or(out.len(), |left| left.min(out.len()));
        out[..count].fill(0);
        self.tone.mix(&mut out[..count]);
        self.left = self.left.map(|left| left - count);
        count
    }
    fn is_finished(&self) -> bool {
        self.left == Some(0)
    }
}

struct Wire {
    rate_hz: u32,
    sender: mpsc::Sender<(Vec<i16>, Vec<i16>)>,
}

impl Sink for Wire {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }
    fn write(&mut self, ours: &[i16], theirs: &[i16]) {
        self.sender.send((ours.to_vec(), theirs.to_vec())).unwrap();
    }
}

/// What a sink was given.
pub(super) struct Ear(mpsc::Receiver<(Vec<i16>, Vec<i16>)>);

impl Ear {
    /// (ours, theirs) since the last call.
    pub(super) fn heard(&self) -> (Vec<i16>, Vec<i16>) {
        let (mut ours, mut theirs) = (vec![], vec![]);
        for (a, b) in self.0.try_iter() {
            assert_eq!(a.len(), b.len());
            ours.extend(a);
            theirs.extend(b);
        }
        (ours, theirs)
    }
}
