//! The stream that we hear: source, statistics, jitter buffer, decoder, concealment. RFC 3550 s6.4, A.1; RFC 3551 s3.

use super::dtmf::{DtmfReceiver, Received};
use crate::base::media::{Codec, StreamParams};
use crate::base::{Duration, Instant};
use crate::codec::{Decoder, decoder};
use crate::jitter::{Arrival, Concealer, Counters, Get, JitterBuffer, shorten};
use crate::rtp::rtcp::ReportBlock;
use crate::rtp::{Admission, Packet, SourceStats, TelephoneEvent};

/// Ticks per second of every codec that we have (RFC 3551 table 4 gives G.722 8000 too).
const CLOCK_HZ: u32 = 8000;
/// Ticks of one beat.
const BEAT_TICKS: u32 = 80;
/// A source that was silent for so long may be replaced at once.
const SILENT: Duration = Duration::from_millis(1000);
/// Delay beyond the target that is let be; what is more is taken out of the sound.
const SURPLUS_TICKS: u32 = 20 * 8;
/// Delay beyond the target that is taken out even where it may be heard.
const SURPLUS_FORCED_TICKS: u32 = 120 * 8;

/// What became of a packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken; digits that ended with it.
    Taken([Option<Received>; 2]),
    /// It was not acceptable.
    Rejected,
}

/// The stream that we hear.
pub(super) struct ReceiveStream {
    audio: Vec<(u8, Codec)>,
    events: Option<u8>,
    source: Option<SourceStats>,
    /// (SSRC, sequence number) that would make another source ours: two packets in sequence, RFC 3550 A.1.
    contender: Option<(u32, u16)>,
    last_heard: Option<Instant>,
    ended: bool,
    /// Packets expected of sources that are gone.
    expected_before: u64,
    heard_since_report: bool,
    jitter: JitterBuffer,
    dtmf: DtmfReceiver,
    /// Ticks taken from the buffer and not played.
    pending: u32,
    sound: Option<Box<Sound>>,
    codec: Codec,
}

/// What is needed only while somebody listens.
struct Sound {
    decoder: Decoder,
    concealer: Concealer,
    /// Decoded sound: `played` samples that wait for the sinks, then what is pending.
    pcm: Vec<i16>,
    played: usize,
    packet: Vec<i16>,
}

impl ReceiveStream {
    pub(super) fn new() -> Self {
        ReceiveStream {
            audio: Vec::new(),
            events: None,
            source: None,
            contender: None,
            last_heard: None,
            ended: false,
            expected_before: 0,
            heard_since_report: false,
            jitter: JitterBuffer::new(CLOCK_HZ),
            dtmf: DtmfReceiver::default(),
            pending: 0,
            sound: None,
            codec: Codec::Pcmu,
        }
    }

    /// Takes what was agreed.
    pub(super) fn configure(&mut self, params: &StreamParams) {
        self.audio.clone_from(&params.receive);
        self.events = params.dtmf_receive;
        if self.source.is_none() {
            self.codec = self.audio.first().map_or(params.codec, |(_, codec)| *codec);
        }
    }

    /// Takes a packet from an acceptable address.
    pub(super) fn receive(&mut self, packet: &Packet<'_>, now: Instant) -> Outcome {
        let codec = self.audio.iter().find(|(pt, _)| *pt == packet.payload_type).map(|(_, codec)| *codec);
        let event = self.events == Some(packet.payload_type);
        if !self.admit_source(packet, codec.is_some() || event, now) {
            return Outcome::Rejected;
        }
        let Some(source) = &mut self.source else { return Outcome::Rejected };
        match source.receive(packet.sequence) {
            Admission::Implausible => return Outcome::Rejected,
            Admission::Restarted => self.jitter.reset(),
            Admission::Valid => {}
        }
        self.last_heard = Some(now);
        self.heard_since_report = true;
        if event {
            source.break_timing();
            self.jitter.put_other(packet.sequence);
            let report = TelephoneEvent::parse(packet.payload).filter(|report| report.duration > 0 || report.end);
            return Outcome::Taken(match report {
                Some(report) => self.dtmf.receive(packet.timestamp, report, CLOCK_HZ, now),
                None => [None, None],
            });
        }
        match codec.filter(|_| !packet.payload.is_empty()) {
            Some(_) => {
                source.arrive(packet.timestamp, now);
                // One octet is one tick in every codec that we have.
                let ticks = u16::try_from(packet.payload.len()).unwrap_or(u16::MAX);
                let Packet { sequence, timestamp, marker, payload_type, payload, .. } = *packet;
                self.jitter.put(&Arrival { sequence, timestamp, marker, payload_type, ticks, payload }, now);
            }
            // Comfort noise and the like: RFC 3551 s3 has a receiver ignore what it does not know.
            None => {
                self.jitter.put_other(packet.sequence);
            }
        }
        Outcome::Taken([None, None])
    }

    /// Digits that ended because nothing more came of them.
    pub(super) fn lapsed(&mut self, now: Instant) -> Option<Received> {
        self.dtmf.lapsed(CLOCK_HZ, now)
    }

    /// The digit under way, at the end.
    pub(super) fn unfinished(&mut self) -> Option<Received> {
        self.dtmf.finish(CLOCK_HZ)
    }

    /// Whether the source is known to have left (RTCP BYE). RFC 3550 s6.3.4.
    pub(super) fn bye(&mut self, ssrc: u32) {
        if self.source.as_ref().is_some_and(|source| source.ssrc == ssrc) {
            self.ended = true;
        }
    }

    /// SSRC of the source, while it has not left.
    pub(super) fn ssrc(&self) -> Option<u32> {
        self.source.as_ref().filter(|_| !self.ended).map(|source| source.ssrc)
    }

    /// When the last packet was taken.
    pub(super) const fn last_heard(&self) -> Option<Instant> {
        self.last_heard
    }

    /// The block of the next report, if anything was heard since the last. RFC 3550 s6.4.
    pub(super) fn report(&mut self, last_sr: u32, delay: u32) -> Option<ReportBlock> {
        let heard = std::mem::take(&mut self.heard_since_report);
        self.source.as_mut().filter(|_| heard).map(|source| source.report(last_sr, delay))
    }

    /// Counters of the buffer.
    pub(super) const fn counters(&self) -> Counters {
        self.jitter.counters()
    }

    /// Packets expected, of all sources so far.
    pub(super) fn expected(&self) -> u64 {
        self.expected_before.saturating_add(self.source.as_ref().map_or(0, SourceStats::expected))
    }

    /// Interarrival jitter, milliseconds.
    pub(super) fn jitter_ms(&self) -> f32 {
        self.source.as_ref().map_or(0.0, SourceStats::jitter_ms)
    }

    /// Delay of the buffer, milliseconds.
    pub(super) fn buffer_ms(&self, now: Instant) -> f32 {
        // While nothing comes the clock runs away from the cursor; that is no delay of the buffer.
        let delay = self.jitter.delay_ticks(self.pending, now).unwrap_or(0);
        let most = self.jitter.target_ticks().saturating_add(i64::from(SURPLUS_FORCED_TICKS));
        delay.clamp(0, most) as f32 * 1000.0 / CLOCK_HZ as f32
    }

    /// The codec heard last.
    pub(super) const fn codec(&self) -> Codec {
        self.codec
    }

    /// Samples per second of what [`ReceiveStream::take`] gives.
    pub(super) const fn rate_hz(&self) -> u32 {
        self.codec.sample_rate_hz()
    }

    /// The driver was late by so many beats that they are left out: what would have been played in them is not.
    pub(super) fn skip(&mut self, beats: u32) {
        self.jitter.skip(beats.saturating_mul(BEAT_TICKS));
    }

    /// Plays 10 ms. Without listeners nothing is decoded, but everything is counted.
    pub(super) fn beat(&mut self, listening: bool, now: Instant) {
        match (&mut self.sound, listening) {
            (None, true) => self.sound = Some(Box::new(Sound::new(self.codec, self.pending))),
            (Some(_), false) => self.sound = None,
            _ => {}
        }
        // A packet of the least length moves one tick, so the rounds are bounded; the bound is for packets that lie about it.
        for _ in 0..BEAT_TICKS {
            if self.pending >= BEAT_TICKS {
                break;
            }
            self.step(now);
        }
        self.pending = self.pending.saturating_sub(BEAT_TICKS);
        if let Some(sound) = &mut self.sound {
            sound.play(self.codec);
        }
    }

    /// Gives what was played since the last call and forgets it.
    pub(super) fn take(&mut self, out: &mut Vec<i16>) {
        if let Some(sound) = &mut self.sound {
            out.extend(sound.pcm.drain(..sound.played.min(sound.pcm.len())));
            sound.played = 0;
        }
    }

    /// Takes the next piece out of the buffer.
    fn step(&mut self, now: Instant) {
        let surplus = self.jitter.surplus_ticks(self.pending, now);
        let want = BEAT_TICKS.saturating_sub(self.pending);
        match self.jitter.get(self.pending, want, now) {
            Get::Packet { payload_type, ticks, payload } => {
                let codec = self.audio.iter().find(|(pt, _)| *pt == payload_type).map(|(_, codec)| *codec);
                let codec = codec.unwrap_or(self.codec);
                let ticks = u32::from(ticks);
                let shorter = match &mut self.sound {
                    Some(sound) => {
                        if codec != self.codec {
                            sound.change(self.codec, codec);
                        }
                        sound.decode(payload, codec, surplus)
                    }
                    None if surplus > SURPLUS_TICKS => ticks / 2,
                    None => 0,
                };
                self.codec = codec;
                self.pending = self.pending.saturating_add(ticks).saturating_sub(shorter);
            }
            Get::Conceal { ticks } => {
                if let Some(sound) = &mut self.sound {
                    sound.conceal(ticks, self.codec);
                }
                self.pending = self.pending.saturating_add(ticks);
            }
            Get::Silence { ticks } => {
                if let Some(sound) = &mut self.sound {
                    sound.silence(ticks, self.codec);
                }
                self.pending = self.pending.saturating_add(ticks);
            }
        }
    }

    /// Decides whether the packet's SSRC is, or becomes, our source. A packet with our own SSRC is one that a test peer reflects: it
    /// comes from the agreed address and is heard.
    fn admit_source(&mut self, packet: &Packet<'_>, known_type: bool, now: Instant) -> bool {
        match &self.source {
            Some(source) if source.ssrc == packet.ssrc && !self.ended => {
                self.contender = None;
                return true;
            }
            _ if !known_type => return false,
            Some(source) => {
                let silent = self.ended || self.last_heard.is_none_or(|at| now.since(at) >= SILENT);
                if !silent && self.contender != Some((packet.ssrc, packet.sequence)) {
                    self.contender = Some((packet.ssrc, packet.sequence.wrapping_add(1)));
                    return false;
                }
                self.expected_before = self.expected_before.saturating_add(source.expected());
            }
            None => {}
        }
        // After its BYE the same source may still repeat the end of an event.
        if self.source.as_ref().is_none_or(|source| source.ssrc != packet.ssrc) {
            self.dtmf.forget();
        }
        self.source = Some(SourceStats::new(packet.ssrc, packet.sequence, CLOCK_HZ));
        self.contender = None;
        self.ended = false;
        self.jitter.reset();
        true
    }
}

impl Sound {
    /// `pending` ticks were taken while nobody listened: they are heard as silence.
    fn new(codec: Codec, pending: u32) -> Self {
        let rate = codec.sample_rate_hz();
        Sound {
            decoder: decoder(codec),
            concealer: Concealer::new(rate),
            pcm: vec![0; samples(pending, codec)],
            played: 0,
            packet: Vec::new(),
        }
    }

    /// Decodes a packet; gives the ticks by which it was shortened.
    fn decode(&mut self, payload: &[u8], codec: Codec, surplus: u32) -> u32 {
        self.packet.clear();
        self.decoder.decode(payload, &mut self.packet);
        let mut shorter = 0;
        if surplus > SURPLUS_TICKS {
            let forced = surplus > SURPLUS_FORCED_TICKS;
            let most = samples(surplus, codec);
            shorter = shorten(&mut self.packet, codec.sample_rate_hz(), most, forced);
            // Whole ticks only; an odd sample stays.
            let per_tick = samples(1, codec).max(1);
            let odd = shorter.checked_rem(per_tick).unwrap_or(0);
            if odd > 0 {
                self.packet.extend_from_within(self.packet.len().saturating_sub(odd)..);
                shorter = shorter.saturating_sub(odd);
            }
            shorter = shorter.checked_div(per_tick).unwrap_or(0);
        }
        self.concealer.good(&mut self.packet);
        self.pcm.extend_from_slice(&self.packet);
        u32::try_from(shorter).unwrap_or(0)
    }

    fn conceal(&mut self, ticks: u32, codec: Codec) {
        self.concealer.conceal(samples(ticks, codec), &mut self.pcm);
    }

    fn silence(&mut self, ticks: u32, codec: Codec) {
        self.concealer.silence();
        self.pcm.resize(self.pcm.len().saturating_add(samples(ticks, codec)), 0);
    }

    fn play(&mut self, codec: Codec) {
        self.played = self.played.saturating_add(samples(BEAT_TICKS, codec));
        // Cannot be, but a mistake here must be silence, not a slip of the two directions.
        if self.pcm.len() < self.played {
            self.pcm.resize(self.played, 0);
        }
    }

    /// The peer has changed its codec in mid-call: what waits is brought to the new rate.
    fn change(&mut self, from: Codec, to: Codec) {
        let mut resampler = crate::dsp::Resampler::new(from.sample_rate_hz(), to.sample_rate_hz());
        let waiting = std::mem::take(&mut self.pcm);
        resampler.process(&waiting, &mut self.pcm);
        self.played = self
            .played
            .saturating_mul(to.sample_rate_hz() as usize)
            .checked_div(from.sample_rate_hz() as usize)
            .unwrap_or(0);
        self.decoder = decoder(to);
        self.concealer = Concealer::new(to.sample_rate_hz());
    }
}

fn samples(ticks: u32, codec: Codec) -> usize {
    let per_tick = codec.sample_rate_hz() / CLOCK_HZ;
    ticks.saturating_mul(per_tick) as usize
}
