//! One RTP session of a call: a stream each way, reports, and what the call is told of it. RFC 3550.

use super::dtmf::Received;
use super::io::{MediaEventKind, MediaOrder, Quality};
use super::listen::Listen;
use super::output::Outbox;
use super::policy::SourcePolicy;
use super::quality::{Impairments, burst_ratio, mos};
use super::receive::{Outcome, ReceiveStream};
use super::report::{Membership, Reporter};
use super::send::{SendStream, Way};
use super::transform::PacketTransform;
use crate::base::id::{CallId, NodeId};
use crate::base::media::StreamParams;
use crate::base::{Duration, Instant, Rng, WallClock, limits};
use crate::rtp::rtcp::{Bye, Compound, Part, ReceiverReport, Sdes, SenderReport};
use crate::rtp::{Packet, is_rtcp};
use std::net::SocketAddr;

/// Beats of 10 ms after which sinks get their 20 ms.
const SINK_BEATS: u32 = 2;
/// Sound of ours that may wait for the other side, in sink turns; more is a mistake and dropped.
const OURS_TURNS: usize = 8;

/// Buffers that the sessions of a stage share while they work.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    read: Vec<i16>,
    ours: Vec<i16>,
    theirs: Vec<i16>,
}

/// What a session is made with.
pub(super) struct Opening {
    pub(super) id: NodeId,
    pub(super) call: CallId,
    pub(super) cname: String,
    pub(super) rtp_timeout: Option<Duration>,
    pub(super) quality_interval: Option<Duration>,
}

/// One session.
pub(super) struct Session {
    open: Opening,
    params: Option<StreamParams>,
    send: SendStream,
    receive: ReceiveStream,
    rtp_policy: SourcePolicy,
    rtcp_policy: SourcePolicy,
    reporter: Reporter,
    transform: Option<Box<dyn PacketTransform>>,
    listens: Vec<Listen>,
    /// Our sound that the sinks have not got yet.
    ours: Vec<i16>,
    beats: u32,
    started: bool,
    rejected: u64,
    /// Since when something should be heard; `None` while it should not.
    expecting_since: Option<Instant>,
    timeout_told: bool,
    next_quality: Option<Instant>,
}

impl Session {
    pub(super) fn new(open: Opening, rng: &mut Rng, now: Instant) -> Self {
        Session {
            params: None,
            send: SendStream::new(rng),
            receive: ReceiveStream::new(),
            rtp_policy: SourcePolicy::default(),
            rtcp_policy: SourcePolicy::default(),
            reporter: Reporter::new(rng.fork()),
            transform: None,
            listens: Vec::new(),
            ours: Vec::new(),
            beats: 0,
            started: false,
            rejected: 0,
            expecting_since: None,
            timeout_told: false,
            next_quality: open.quality_interval.map(|interval| now + interval),
            open,
        }
    }

    pub(super) fn set_transform(&mut self, transform: Option<Box<dyn PacketTransform>>) {
        self.transform = transform;
    }

    pub(super) fn tell(&self, kind: MediaEventKind, out: &mut Outbox) {
        out.event(self.open.id, self.open.call, kind);
    }

    /// Any order but `Open` and `Close`.
    pub(super) fn order(&mut self, order: MediaOrder, now: Instant, out: &mut Outbox) {
        match order {
            MediaOrder::Configure { params, .. } => self.configure(params, now),
            MediaOrder::Play { token, source, .. } => {
                let (send, mut way) = self.sending(out);
                send.play(token, source, &mut way);
            }
            MediaOrder::StopPlay { token, .. } => {
                let (send, mut way) = self.sending(out);
                send.stop(token, &mut way);
            }
            MediaOrder::Listen { token, sink, .. } => {
                if self.listens.len() < limits::SINKS_PER_SESSION {
                    self.listens.push(Listen::new(token, sink));
                } else {
                    tracing::warn!(session = ?self.open.id, "no room for another listener; stop one first");
                }
            }
            MediaOrder::StopListen { token, .. } => {
                self.listens.retain(|listen| token.is_some_and(|token| token != listen.token));
            }
            MediaOrder::SendDtmf { digits, duration_ms, .. } => self.send.dtmf(&digits, duration_ms),
            MediaOrder::Open { .. } | MediaOrder::Close { .. } => {}
        }
    }

    fn configure(&mut self, params: StreamParams, now: Instant) {
        self.send.configure(&params);
        self.receive.configure(&params);
        self.rtp_policy.configure(params.remote_rtp, params.signalling_peer);
        self.rtcp_policy.configure(params.remote_rtcp, params.signalling_peer);
        self.reporter.start(now);
        let receives = params.direction.receives();
        if !receives {
            self.expecting_since = None;
        } else if self.expecting_since.is_none() {
            self.expecting_since = Some(now);
            self.timeout_told = false;
        }
        self.params = Some(params);
    }

    /// A datagram from one of the two sockets.
    pub(super) fn handle(
        &mut self,
        rtcp_socket: bool,
        from: SocketAddr,
        packet: &mut [u8],
        now: Instant,
        wall: &WallClock,
        out: &mut Outbox,
    ) {
        // Before the agreement nobody can be told from anybody else: nothing is taken, nothing is counted.
        let Some(muxed) = self.params.as_ref().map(|params| params.rtcp_mux) else { return };
        let taken = if packet.len() > limits::RTP_BYTES {
            None
        } else if rtcp_socket || (muxed && is_rtcp(packet)) {
            self.handle_rtcp(muxed, from, packet, now, wall)
        } else {
            self.handle_rtp(from, packet, now, out)
        };
        if taken.is_none() {
            self.rejected = self.rejected.saturating_add(1);
        }
    }

    fn handle_rtp(&mut self, from: SocketAddr, packet: &mut [u8], now: Instant, out: &mut Outbox) -> Option<()> {
        if !self.rtp_policy.accepts(from, now) {
            return None;
        }
        let length = match &mut self.transform {
            Some(transform) => transform.unprotect_rtp(packet)?,
            None => packet.len(),
        };
        let parsed = Packet::parse(packet.get(..length)?).ok()?;
        let Outcome::Taken(digits) = self.receive.receive(&parsed, now) else { return None };
        self.rtp_policy.confirm(from, now);
        self.timeout_told = false;
        if !self.started {
            self.started = true;
            self.tell(MediaEventKind::Started, out);
        }
        digits.into_iter().flatten().for_each(|digit| self.tell(digit_event(digit), out));
        Some(())
    }

    fn handle_rtcp(
        &mut self,
        muxed: bool,
        from: SocketAddr,
        packet: &mut [u8],
        now: Instant,
        wall: &WallClock,
    ) -> Option<()> {
        let policy = if muxed { &mut self.rtp_policy } else { &mut self.rtcp_policy };
        if !policy.accepts(from, now) {
            return None;
        }
        let length = match &mut self.transform {
            Some(transform) => transform.unprotect_rtcp(packet)?,
            None => packet.len(),
        };
        let compound = Compound::parse(packet.get(..length)?, true).ok()?;
        if !muxed {
            policy.confirm(from, now);
        }
        self.reporter.count_size(length);
        for part in compound.parts() {
            match part {
                Part::Sender(report) => {
                    if self.receive.ssrc().is_none_or(|ssrc| ssrc == report.ssrc) {
                        self.reporter.sender_report(report.info.ntp, now);
                    }
                    self.blocks(report.blocks(), wall.ntp(now));
                }
                Part::Receiver(report) => self.blocks(report.blocks(), wall.ntp(now)),
                Part::Bye(bye) => {
                    bye.sources().for_each(|ssrc| self.receive.bye(ssrc));
                    let who = self.membership(now);
                    self.reporter.left(who, now);
                }
                _ => {}
            }
        }
        Some(())
    }

    fn blocks(&mut self, blocks: impl Iterator<Item = crate::rtp::rtcp::ReportBlock>, ntp: u64) {
        for block in blocks.filter(|block| block.ssrc == self.send.ssrc) {
            self.reporter.block(block, ntp);
        }
    }

    /// Lets 10 ms pass.
    pub(super) fn beat(&mut self, now: Instant, wall: &WallClock, scratch: &mut Scratch, out: &mut Outbox) {
        let listening = !self.listens.is_empty();
        let mut ours = std::mem::take(&mut self.ours);
        let (send, mut way) = self.sending(out);
        send.beat(now, &mut way, &mut scratch.read, listening.then_some(&mut ours));
        self.ours = ours;
        self.receive.beat(listening, now);
        self.beats = self.beats.wrapping_add(1);
        if listening && self.beats.is_multiple_of(SINK_BEATS) {
            self.feed_sinks(scratch);
        }
        if let Some(digit) = self.receive.lapsed(now) {
            self.tell(digit_event(digit), out);
        }
        self.watch_silence(now, out);
        if self.reporter.due(self.membership(now), now) {
            self.report(now, wall, false, out);
        }
        if let Some(at) = self.next_quality.filter(|at| *at <= now) {
            let interval = self.open.quality_interval.unwrap_or(Duration::from_secs(1)).max(Duration::from_millis(10));
            // From the due time, so that intervals do not drift; from now when beats were left out.
            let next = at + interval;
            self.next_quality = Some(if next > now { next } else { now + interval });
            if self.params.is_some() {
                let quality = self.quality(now);
                self.tell(MediaEventKind::Quality { quality, last: false }, out);
            }
        }
    }

    /// The driver was late by more beats than are made up for.
    pub(super) fn skip(&mut self, beats: u32) {
        self.send.skip(beats);
        self.receive.skip(beats);
    }

    /// Ends the session: everything open is told, then the last figures, BYE, and `Closed`.
    pub(super) fn close(mut self, now: Instant, wall: &WallClock, out: &mut Outbox) {
        if let Some(digit) = self.receive.unfinished() {
            self.tell(digit_event(digit), out);
        }
        let (send, mut way) = self.sending(out);
        send.stop(None, &mut way);
        let quality = self.quality(now);
        self.tell(MediaEventKind::Quality { quality, last: true }, out);
        // RFC 3550 s6.3.7.
        if self.send.packets() > 0 || self.reporter.has_sent() {
            self.report(now, wall, true, out);
        }
        out.closed(self.open.id);
    }

    /// The sending stream and its way.
    fn sending<'a>(&'a mut self, out: &'a mut Outbox) -> (&'a mut SendStream, Way<'a>) {
        let sends = self.params.as_ref().is_some_and(|params| params.direction.sends());
        let way = Way {
            session: self.open.id,
            call: self.open.call,
            to: self.rtp_policy.destination().filter(|_| sends),
            transform: &mut self.transform,
            out,
        };
        (&mut self.send, way)
    }

    /// Gives the sinks 20 ms of both directions.
    fn feed_sinks(&mut self, scratch: &mut Scratch) {
        let ours_hz = self.send.rate_hz();
        let turn = (ours_hz / 100).saturating_mul(SINK_BEATS) as usize;
        let excess = self.ours.len().saturating_sub(turn.saturating_mul(OURS_TURNS));
        self.ours.drain(..excess);
        scratch.ours.clear();
        scratch.ours.extend(self.ours.drain(..turn.min(self.ours.len())));
        scratch.ours.resize(turn, 0);
        scratch.theirs.clear();
        self.receive.take(&mut scratch.theirs);
        let theirs_hz = self.receive.rate_hz();
        scratch.theirs.resize((theirs_hz / 100).saturating_mul(SINK_BEATS) as usize, 0);
        if self.params.as_ref().is_some_and(|params| !params.direction.receives()) {
            scratch.theirs.fill(0);
        }
        for listen in &mut self.listens {
            listen.write((&scratch.ours, ours_hz), (&scratch.theirs, theirs_hz));
        }
    }

    /// Tells once when nothing was heard for too long, unless the direction says that nothing is to be heard.
    fn watch_silence(&mut self, now: Instant, out: &mut Outbox) {
        let (Some(limit), Some(since)) = (self.open.rtp_timeout, self.expecting_since) else { return };
        let heard = self.receive.last_heard().map_or(since, |at| at.max(since));
        if !self.timeout_told && now.since(heard) >= limit {
            self.timeout_told = true;
            self.tell(MediaEventKind::RtpTimeout, out);
        }
    }

    fn membership(&self, now: Instant) -> Membership {
        // RFC 3550 s6.3.5, s6.3.8: who sent nothing for two intervals is no sender.
        let window = self.reporter.interval().saturating_mul(2);
        let peer = self.receive.ssrc().is_some();
        Membership {
            peer,
            peer_sends: peer && self.receive.last_heard().is_some_and(|at| now.since(at) <= window),
            we_send: self.send.last_sent().is_some_and(|at| now.since(at) <= window),
        }
    }

    /// Sends a compound packet: SR or RR, SDES, and BYE at the end. RFC 3550 s6.1.
    fn report(&mut self, now: Instant, wall: &WallClock, bye: bool, out: &mut Outbox) {
        let who = self.membership(now);
        let muxed = self.params.as_ref().is_some_and(|params| params.rtcp_mux);
        let policy = if muxed { &self.rtp_policy } else { &self.rtcp_policy };
        let (last_sr, delay) = self.reporter.last_sr(now);
        let block = self.receive.report(last_sr, delay);
        let blocks = block.as_slice();
        let info = who.we_send.then(|| self.send.info(wall.ntp(now), now));
        let (ssrc, cname) = (self.send.ssrc, &self.open.cname);
        let write = |packet: &mut Vec<u8>| {
            match &info {
                Some(info) => SenderReport::write(packet, ssrc, info, blocks),
                None => ReceiverReport::write(packet, ssrc, blocks),
            }
            Sdes::write_cname(packet, ssrc, cname);
            if bye {
                Bye::write(packet, &[ssrc], None);
            }
        };
        let sent = policy
            .destination()
            .and_then(|to| out.rtcp(self.open.id, to, muxed, self.transform.as_mut(), write))
            .unwrap_or(0);
        self.reporter.sent(sent, who, now);
    }

    /// The figures so far.
    fn quality(&self, now: Instant) -> Quality {
        let counters = self.receive.counters();
        let audio = counters.played.saturating_add(counters.missing);
        let loss_pct = percent(counters.missing, audio);
        let rtt_ms = self.reporter.rtt().map_or(0.0, |rtt| rtt.as_secs_f32() * 1000.0);
        let buffer_ms = self.receive.buffer_ms(now);
        let ptime_ms = self.params.as_ref().map_or(20.0, |params| f32::from(params.ptime_ms));
        let r_factor = if counters.received == 0 {
            0.0
        } else {
            Impairments {
                codec: self.receive.codec(),
                delay_ms: buffer_ms + rtt_ms / 2.0 + ptime_ms,
                loss_pct,
                burst_ratio: burst_ratio(counters.missing, counters.bursts, audio),
            }
            .r_factor()
        };
        let heard = self.reporter.heard();
        let first = u32::from(self.send.first_sequence());
        let remote_expected =
            heard.map_or(0, |block| u64::from(block.highest_sequence.wrapping_sub(first)).saturating_add(1));
        let remote_lost = heard.map_or(0, |block| u64::try_from(block.cumulative_lost).unwrap_or(0));
        Quality {
            mos: mos(r_factor),
            r_factor,
            loss_pct,
            jitter_ms: self.receive.jitter_ms(),
            rtt_ms,
            buffer_ms,
            remote_loss_pct: percent(remote_lost, remote_expected.min(self.send.packets())),
            remote_jitter_ms: heard.map_or(0.0, |block| block.jitter as f32 / 8.0),
            sent: self.send.packets(),
            received: counters.received,
            lost: self.receive.expected().saturating_sub(counters.received),
            late: counters.late,
            duplicate: counters.duplicate,
            rejected: self.rejected,
            at: now,
        }
    }
}

fn digit_event(digit: Received) -> MediaEventKind {
    MediaEventKind::Dtmf { digit: digit.digit, duration_ms: digit.duration_ms }
}

fn percent(part: u64, whole: u64) -> f32 {
    if whole == 0 { 0.0 } else { (100.0 * part as f64 / whole as f64).min(100.0) as f32 }
}
