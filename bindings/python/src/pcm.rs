//! A PCM port: bulk samples in and out of one call.

use crate::frame::Frame;
use pyo3::buffer::PyBuffer;
use pyo3::prelude::*;
use sipwright::engine::PcmPort;

/// Both directions of a call's audio at one rate.
#[pyclass(frozen, module = "sipwright._sipwright")]
pub(crate) struct Pcm {
    port: PcmPort,
}

impl Pcm {
    pub(crate) const fn new(port: PcmPort) -> Self {
        Pcm { port }
    }
}

#[pymethods]
impl Pcm {
    /// The next 20 ms, or None when less is there; at the end of the call, what is left.
    fn read(&self, time: f64) -> Option<Frame> {
        let rate = self.port.rate_hz();
        let whole = rate as usize / 50;
        let waiting = self.port.available();
        if waiting == 0 || (waiting < whole && !self.port.is_ended()) {
            // Clears the descriptor's mark.
            self.port.read(&mut []);
            return None;
        }
        let mut samples = vec![0_i16; whole.min(waiting)];
        let count = self.port.read(&mut samples);
        samples.truncate(count);
        (count > 0).then(|| Frame::new(&samples, rate, time))
    }

    /// Queues bytes of signed 16-bit samples; returns how many bytes found room.
    fn write(&self, py: Python<'_>, pcm: PyBuffer<u8>) -> PyResult<usize> {
        let bytes = pcm.to_vec(py)?;
        let samples: Vec<i16> = bytes.as_chunks::<2>().0.iter().map(|b| i16::from_ne_bytes(*b)).collect();
        Ok(self.port.write(&samples) * 2)
    }

    /// Drops what waits to be said; seconds of the utterance that were said.
    fn interrupt(&self) -> f64 {
        self.port.interrupt()
    }

    /// Samples that wait to be said.
    #[getter]
    fn queued(&self) -> usize {
        self.port.queued()
    }

    /// Samples heard that were lost because they were not read in time.
    #[getter]
    fn dropped(&self) -> u64 {
        self.port.dropped()
    }

    /// Whether the call ended.
    #[getter]
    fn ended(&self) -> bool {
        self.port.is_ended()
    }

    /// Readable while 20 ms wait, and from the end of the call on.
    fn fileno(&self) -> i32 {
        self.port.fd()
    }
}
