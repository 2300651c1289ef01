//! The stream that we send: sources mixed, encoded, packetised every ptime. RFC 3550 s5.1; RFC 3551 s4.1.

use super::dtmf::{DtmfSender, Frame, tones_hz};
use super::io::{MediaEventKind, Source};
use super::output::Outbox;
use super::play::Play;
use super::transform::PacketTransform;
use crate::base::id::{CallId, NodeId};
use crate::base::media::{Codec, StreamParams};
use crate::base::{Instant, Rng, limits};
use crate::codec::{Encoder, encoder};
use crate::dsp::Tone;
use crate::rtp::Header;
use crate::rtp::rtcp::SenderInfo;
use std::net::SocketAddr;

/// Level of a digit's tones where they are sounded, dBFS each.
const TONE_DBFS: f64 = -9.0;

/// Where packets of a session go and by which way.
pub(super) struct Way<'a> {
    pub(super) session: NodeId,
    pub(super) call: CallId,
    /// `None`: nothing is sent.
    pub(super) to: Option<SocketAddr>,
    pub(super) transform: &'a mut Option<Box<dyn PacketTransform>>,
    pub(super) out: &'a mut Outbox,
}

/// The stream that we send.
pub(super) struct SendStream {
    pub(super) ssrc: u32,
    sequence: u16,
    first_sequence: u16,
    timestamp: u32,
    codec: Codec,
    payload_type: u8,
    event_type: Option<u8>,
    ptime_ms: u32,
    phase_ms: u32,
    encoder: Encoder,
    /// The next packet is the first after a silence.
    talkspurt: bool,
    plays: Vec<Play>,
    dtmf: DtmfSender,
    dtmf_told: bool,
    tones: Option<(Tone, Tone)>,
    packets: u64,
    octets: u64,
    last_sent: Option<Instant>,
    /// The last frame's timestamp and time, sent or not: the RTP clock against ours.
    frame_at: Option<(u32, Instant)>,
    frame: Vec<i16>,
}

impl SendStream {
    /// A stream that has not been agreed yet: random SSRC, sequence number and timestamp.
    pub(super) fn new(rng: &mut Rng) -> Self {
        let sequence = rng.u32() as u16;
        SendStream {
            ssrc: rng.u32(),
            sequence,
            first_sequence: sequence,
            timestamp: rng.u32(),
            codec: Codec::Pcmu,
            payload_type: Codec::Pcmu.static_payload_type(),
            event_type: None,
            ptime_ms: 20,
            phase_ms: 0,
            encoder: encoder(Codec::Pcmu),
            talkspurt: true,
            plays: Vec::new(),
            dtmf: DtmfSender::new(),
            dtmf_told: true,
            tones: None,
            packets: 0,
            octets: 0,
            last_sent: None,
            frame_at: None,
            frame: Vec::new(),
        }
    }

    /// Takes what was agreed.
    pub(super) fn configure(&mut self, params: &StreamParams) {
        if self.codec != params.codec {
            self.codec = params.codec;
            self.encoder = encoder(params.codec);
            let rate = params.codec.sample_rate_hz();
            self.plays.iter_mut().for_each(|play| play.set_rate(rate));
        }
        self.payload_type = params.send_payload_type;
        self.event_type = params.dtmf_send;
        self.ptime_ms = (u32::from(params.ptime_ms) / 10).clamp(1, 12).saturating_mul(10);
    }

    /// Samples per second of what is sent.
    pub(super) const fn rate_hz(&self) -> u32 {
        self.codec.sample_rate_hz()
    }

    /// RTP packets sent.
    pub(super) const fn packets(&self) -> u64 {
        self.packets
    }

    /// Sequence number of the first packet.
    pub(super) const fn first_sequence(&self) -> u16 {
        self.first_sequence
    }

    /// When the last packet was sent.
    pub(super) const fn last_sent(&self) -> Option<Instant> {
        self.last_sent
    }

    /// For a sender report made now. RFC 3550 s6.4.1.
    pub(super) fn info(&self, ntp: u64, now: Instant) -> SenderInfo {
        let (timestamp, at) = self.frame_at.unwrap_or((self.timestamp, now));
        let ticks = now.since(at).as_micros().saturating_mul(u128::from(self.codec.clock_rate_hz())) / 1_000_000;
        SenderInfo {
            ntp,
            rtp: timestamp.wrapping_add(ticks as u32),
            packets: self.packets as u32,
            octets: self.octets as u32,
        }
    }

    /// Adds a source; one beyond the bound is done at once.
    pub(super) fn play(&mut self, token: u64, source: Box<dyn Source>, way: &mut Way<'_>) {
        let play = Play::new(token, source, self.rate_hz());
        if self.plays.len() >= limits::SOURCES_PER_SESSION {
            return done(&play, true, way);
        }
        self.plays.push(play);
    }

    /// Stops one source or all.
    pub(super) fn stop(&mut self, token: Option<u64>, way: &mut Way<'_>) {
        self.plays.retain(|play| {
            let stays = token.is_some_and(|token| token != play.token);
            if !stays {
                done(play, true, way);
            }
            stays
        });
    }

    /// Queues digits.
    pub(super) fn dtmf(&mut self, digits: &str, duration_ms: u16) {
        self.dtmf.queue(digits, duration_ms);
        self.dtmf_told = false;
    }

    /// The driver was late by so many beats that they are left out: the clock goes on.
    pub(super) fn skip(&mut self, beats: u32) {
        let ticks = beats.wrapping_mul(self.codec.clock_rate_hz() / 100);
        self.timestamp = self.timestamp.wrapping_add(ticks);
        self.talkspurt = true;
    }

    /// Lets 10 ms pass; every ptime a frame is made and, with a way to send it, sent. What went out is appended to `ours` as sound.
    pub(super) fn beat(
        &mut self,
        now: Instant,
        way: &mut Way<'_>,
        scratch: &mut Vec<i16>,
        ours: Option<&mut Vec<i16>>,
    ) {
        self.phase_ms = self.phase_ms.saturating_add(10);
        if self.phase_ms < self.ptime_ms {
            return;
        }
        self.phase_ms = 0;
        let timestamp = self.timestamp;
        let ticks = self.ptime_ticks();
        self.frame_at = Some((timestamp, now));
        self.timestamp = timestamp.wrapping_add(ticks);
        let samples = self.rate_hz().saturating_mul(self.ptime_ms) / 1000;
        self.frame.clear();
        self.frame.resize(samples as usize, 0);
        if way.to.is_none() {
            self.talkspurt = true;
        } else {
            let carries = self.dtmf.frame(timestamp, ticks, self.codec.clock_rate_hz(), self.event_type.is_some());
            self.mix(!matches!(carries, Frame::Event { .. }), way, scratch);
            match carries {
                Frame::Event { marker, timestamp, report } => {
                    // The event is sent instead of the sound.
                    self.frame.fill(0);
                    let header = self.header(marker, self.event_type.unwrap_or(0), timestamp);
                    self.send(now, way, header, |_, _, payload| report.write(payload));
                    self.talkspurt = true;
                }
                Frame::Tone { code, first } => {
                    self.sound(code, first);
                    self.send_audio(now, timestamp, way);
                }
                Frame::Audio => self.send_audio(now, timestamp, way),
            }
            if !self.dtmf_told && !self.dtmf.is_busy() {
                self.dtmf_told = true;
                way.out.event(way.session, way.call, MediaEventKind::DtmfSent);
            }
        }
        if let Some(ours) = ours {
            ours.extend_from_slice(&self.frame);
        }
    }

    fn ptime_ticks(&self) -> u32 {
        (self.codec.clock_rate_hz() / 1000).saturating_mul(self.ptime_ms)
    }

    /// Mixes the sources into the frame and tells which are done.
    fn mix(&mut self, sent: bool, way: &mut Way<'_>, scratch: &mut Vec<i16>) {
        let frame = &mut self.frame;
        self.plays.retain_mut(|play| {
            let ended = play.mix_into(frame, scratch, sent);
            if ended {
                done(play, false, way);
            }
            !ended
        });
    }

    /// Puts a digit's tones in the place of the sound.
    fn sound(&mut self, code: u8, first: bool) {
        if first || self.tones.is_none() {
            let (low, high) = tones_hz(code);
            let tone = |hz| Tone::new(self.codec.sample_rate_hz(), hz, TONE_DBFS);
            self.tones = Some((tone(low), tone(high)));
        }
        self.frame.fill(0);
        if let Some((low, high)) = &mut self.tones {
            low.mix(&mut self.frame);
            high.mix(&mut self.frame);
        }
    }

    fn send_audio(&mut self, now: Instant, timestamp: u32, way: &mut Way<'_>) {
        let marker = std::mem::take(&mut self.talkspurt);
        let header = self.header(marker, self.payload_type, timestamp);
        self.send(now, way, header, |encoder, frame, payload| encoder.encode(frame, payload));
    }

    fn header(&self, marker: bool, payload_type: u8, timestamp: u32) -> Header {
        Header { marker, payload_type, sequence: self.sequence, timestamp, ssrc: self.ssrc }
    }

    fn send(
        &mut self,
        now: Instant,
        way: &mut Way<'_>,
        header: Header,
        payload: impl FnOnce(&mut Encoder, &[i16], &mut Vec<u8>),
    ) {
        let Some(to) = way.to else { return };
        self.sequence = self.sequence.wrapping_add(1);
        let (encoder, frame) = (&mut self.encoder, &self.frame);
        let mut octets = 0;
        let queued = way.out.rtp(way.session, to, way.transform.as_mut(), |packet| {
            header.write(packet);
            let start = packet.len();
            payload(encoder, frame, packet);
            octets = packet.len().saturating_sub(start) as u64;
        });
        if queued.is_some() {
            self.packets = self.packets.saturating_add(1);
            self.octets = self.octets.saturating_add(octets);
            self.last_sent = Some(now);
        }
    }
}

fn done(play: &Play, interrupted: bool, way: &mut Way<'_>) {
    let kind = MediaEventKind::PlayDone { token: play.token, interrupted, played_ms: play.played_ms() };
    way.out.event(way.session, way.call, kind);
}
