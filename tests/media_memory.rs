//! What a media session costs in memory, counted by the allocator: nothing per packet, little per session, no growth.

use sipwright::base::id::{CallId, NodeId, Origin};
use sipwright::base::media::{Codec, Direction, StreamParams};
use sipwright::base::{Duration, Instant, WallClock};
use sipwright::media::io::{MediaOrder, Sink, Source};
use sipwright::media::{Stage, StageOutput};
use std::alloc::{GlobalAlloc, Layout, System};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

static CALLS: AtomicUsize = AtomicUsize::new(0);
static BYTES: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: everything is passed on to the system's allocator; only numbers are kept beside it.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the same.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is the same.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Noise {
    rate_hz: u32,
    state: u32,
}

impl Source for Noise {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }
    fn read(&mut self, out: &mut [i16]) -> usize {
        for sample in out.iter_mut() {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = (self.state >> 18) as i16;
        }
        out.len()
    }
    fn is_finished(&self) -> bool {
        false
    }
}

struct Ear {
    rate_hz: u32,
}

impl Sink for Ear {
    fn rate_hz(&self) -> u32 {
        self.rate_hz
    }
    fn write(&mut self, ours: &[i16], theirs: &[i16]) {
        let turn = self.rate_hz as usize / 50;
        assert_eq!((ours.len(), theirs.len()), (turn, turn));
    }
}

fn addr(end: u8, port: u16) -> SocketAddr {
    ([192, 0, 2, end], port).into()
}

fn node(index: u64) -> NodeId {
    NodeId::new(1, 0, Origin::Network, index)
}

fn open(stage: &mut Stage, index: u64, now: Instant, codec: Codec, from: SocketAddr, to: SocketAddr) {
    let session = node(index);
    let order = MediaOrder::Open {
        session,
        call: CallId::new(1, 0, Origin::Network, index),
        local: from.ip(),
        cname: "abcdefghijklmnop".to_owned(),
        rtp_timeout: None,
        quality_interval: None,
    };
    let rtcp = |rtp: SocketAddr| SocketAddr::new(rtp.ip(), rtp.port() + 1);
    stage.open(order, from, rtcp(from), now);
    let params = StreamParams {
        codec,
        send_payload_type: codec.static_payload_type(),
        receive: vec![(0, Codec::Pcmu), (8, Codec::Pcma), (9, Codec::G722)],
        dtmf_send: Some(101),
        dtmf_receive: Some(101),
        ptime_ms: 20,
        direction: Direction::SendRecv,
        remote_rtp: Some(to),
        remote_rtcp: Some(rtcp(to)),
        rtcp_mux: false,
        signalling_peer: None,
    };
    stage.order(MediaOrder::Configure { session, params }, now);
}

/// Session 2n and 2n + 1 of one stage talk to each other; every `lost`th packet is lost, packets wait a beat in `wire`.
struct Talk {
    stage: Stage,
    now: Instant,
    wire: Vec<(u64, bool, [u8; 256], usize)>,
    coming: Vec<(u64, bool, [u8; 256], usize)>,
    sent: u64,
    lost: u64,
}

impl Talk {
    fn new(sessions: u64, codec: Codec) -> Self {
        let now = Instant::from_micros(1_000_000);
        let mut stage = Stage::new([1; 32], WallClock::new(1_700_000_000_000_000));
        for index in 0..sessions {
            let port = |n: u64| 1024 + 2 * n as u16;
            open(&mut stage, index, now, codec, addr(1, port(index)), addr(1, port(index ^ 1)));
        }
        let room = 4 * sessions as usize;
        let mut talk =
            Talk { stage, now, wire: Vec::with_capacity(room), coming: Vec::with_capacity(room), sent: 0, lost: 17 };
        talk.drain();
        talk
    }

    fn beat(&mut self) {
        self.now += Duration::from_millis(10);
        std::mem::swap(&mut self.wire, &mut self.coming);
        for (to, rtcp, mut bytes, length) in self.coming.drain(..) {
            let from = addr(1, 1024 + 2 * (to ^ 1) as u16 + u16::from(rtcp));
            self.stage.handle(node(to), rtcp, from, &mut bytes[..length], self.now);
        }
        self.stage.beat(self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.stage.poll_output() {
            let (to, rtcp, packet) = match output {
                StageOutput::Rtp { to, packet, .. } => (to, false, packet),
                StageOutput::Rtcp { to, packet, .. } => (to, true, packet),
                _ => continue,
            };
            self.sent += 1;
            if !self.sent.is_multiple_of(self.lost) {
                let from = self.stage.bytes(packet);
                let mut bytes = [0; 256];
                bytes[..from.len()].copy_from_slice(from);
                self.wire.push(((u64::from(to.port()) - 1024) / 2, rtcp, bytes, from.len()));
            }
        }
    }
}

/// One test, so that no other counts along.
#[test]
fn packets_cost_no_allocation_and_sessions_little_memory() {
    // Many packets without conversion, fewer with all of it: this runs without optimisation too.
    for (codec, source_hz, sink_hz, beats) in [(Codec::Pcmu, 8000, 8000, 50_000), (Codec::G722, 44_100, 8000, 1000)] {
        let mut talk = Talk::new(2, codec);
        for session in 0..2 {
            let session = node(session);
            let source = Box::new(Noise { rate_hz: source_hz, state: 7 });
            talk.stage.order(MediaOrder::Play { session, token: 1, source }, talk.now);
            let sink = Box::new(Ear { rate_hz: sink_hz });
            talk.stage.order(MediaOrder::Listen { session, token: 1, sink }, talk.now);
        }
        for _ in 0..1_000 {
            talk.beat();
        }
        let (calls, bytes, sent) = (CALLS.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed), talk.sent);
        for _ in 0..beats {
            talk.beat();
        }
        let packets = talk.sent - sent;
        assert!(packets >= beats, "{packets}");
        // A buffer may still reach its high-water mark; nothing is taken by packet.
        let (calls, bytes) =
            (CALLS.load(Ordering::Relaxed) - calls, BYTES.load(Ordering::Relaxed).saturating_sub(bytes));
        assert!(calls <= 4 && bytes <= 2048, "{calls} allocations, {bytes} bytes in {packets} packets of {codec:?}");
    }
    // Held calls: sound is sent and received, nobody plays or listens.
    let before = BYTES.load(Ordering::Relaxed);
    let mut talk = Talk::new(1000, Codec::Pcmu);
    for _ in 0..300 {
        talk.beat();
    }
    let wires = 2 * 4 * 1000 * size_of::<(u64, bool, [u8; 256], usize)>();
    let each = (BYTES.load(Ordering::Relaxed) - before - wires) / 1000;
    eprintln!("{each} bytes per session");
    assert!(each <= 12_000, "{each} bytes per session");
}
