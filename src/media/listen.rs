//! Sinks that hear a session: both directions, brought to the sink's rate and kept in step.

use super::io::Sink;
use crate::dsp::Resampler;

/// One direction on its way to a sink.
struct Side {
    resampler: Resampler,
    from_hz: u32,
    ready: Vec<i16>,
}

/// One sink.
pub(super) struct Listen {
    pub(super) token: u64,
    sink: Box<dyn Sink>,
    ours: Side,
    theirs: Side,
}

impl Listen {
    pub(super) fn new(token: u64, sink: Box<dyn Sink>) -> Self {
        let to = sink.rate_hz();
        Listen { token, sink, ours: Side::new(to, to), theirs: Side::new(to, to) }
    }

    /// Gives 20 ms of both directions, each at its own rate.
    pub(super) fn write(&mut self, ours: (&[i16], u32), theirs: (&[i16], u32)) {
        let to = self.sink.rate_hz();
        self.ours.push(ours, to);
        self.theirs.push(theirs, to);
        let count = self.ours.ready.len().min(self.theirs.ready.len());
        if let (Some(ours), Some(theirs)) = (self.ours.ready.get(..count), self.theirs.ready.get(..count)) {
            self.sink.write(ours, theirs);
        }
        self.ours.ready.drain(..count);
        self.theirs.ready.drain(..count);
    }
}

impl Side {
    fn new(from_hz: u32, to_hz: u32) -> Self {
        Side { resampler: Resampler::new(from_hz, to_hz), from_hz, ready: Vec::new() }
    }

    fn push(&mut self, (pcm, from_hz): (&[i16], u32), to_hz: u32) {
        if from_hz != self.from_hz {
            (self.resampler, self.from_hz) = (Resampler::new(from_hz, to_hz), from_hz);
        }
        self.resampler.process(pcm, &mut self.ready);
    }
}
