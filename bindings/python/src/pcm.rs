//! A PCM port: bulk samples in and out of one call.

use crate::frame::Frame;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyBufferError;
use pyo3::prelude::*;
use sipwright::engine::PcmPort;

/// Frames in a second.
const FRAMES: usize = 50;

/// Both directions of a call's audio at one rate.
#[pyclass(frozen, module = "sipwright._sipwright")]
pub(crate) struct Pcm {
    port: PcmPort,
}

impl Pcm {
    pub(crate) const fn new(port: PcmPort) -> Self {
        Pcm { port }
    }

    /// Samples of 20 ms.
    fn whole(&self) -> usize {
        self.port.rate_hz() as usize / FRAMES
    }
}

#[pymethods]
impl Pcm {
    /// The next 20 ms, stamped with `time`, or None when less is there; a rest shorter than that at the end of the call is left out.
    fn read(&self, time: f64) -> Option<Frame> {
        let whole = self.whole();
        if self.port.available() < whole {
            // Clears the descriptor's mark.
            self.port.read(&mut []);
            // What came in between has set it again, or is here.
            if self.port.available() < whole {
                return None;
            }
        }
        let mut samples = vec![0_i16; whole];
        let count = self.port.read(&mut samples);
        (count == whole).then(|| Frame::new(samples.into_boxed_slice(), self.port.rate_hz(), time))
    }

    /// Drops what waits to be read, but for the last piece shorter than 20 ms.
    fn skip(&self) {
        let mut samples = vec![0_i16; self.whole()];
        while self.port.available() >= samples.len() && self.port.read(&mut samples) > 0 {}
    }

    /// Queues bytes of signed 16-bit samples; returns how many bytes found room.
    fn write(&self, py: Python<'_>, pcm: PyBuffer<u8>) -> PyResult<usize> {
        let bytes = pcm.as_slice(py).ok_or_else(|| PyBufferError::new_err("the samples do not lie in one piece"))?;
        let samples: Vec<i16> =
            bytes.as_chunks::<2>().0.iter().map(|[a, b]| i16::from_ne_bytes([a.get(), b.get()])).collect();
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
