//! 20 ms of PCM: read-only, without a copy, through the buffer protocol.

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use std::os::raw::c_int;

/// Signed 16-bit mono samples in machine order, as bytes.
#[pyclass(frozen, module = "sipwright._sipwright")]
pub(crate) struct Frame {
    samples: Box<[i16]>,
    /// Samples per second.
    #[pyo3(get)]
    rate: u32,
    /// Seconds since the first frame of this iteration.
    #[pyo3(get)]
    time: f64,
}

impl Frame {
    pub(crate) fn new(samples: Box<[i16]>, rate: u32, time: f64) -> Self {
        Frame { samples, rate, time }
    }
}

#[pymethods]
impl Frame {
    fn __len__(&self) -> usize {
        self.samples.len() * 2
    }

    fn __repr__(&self) -> String {
        format!("<Frame {} samples at {} Hz, t={:.2}>", self.samples.len(), self.rate, self.time)
    }

    /// # Safety
    /// Called by the interpreter with a valid view.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let samples = &slf.get().samples;
        let length = isize::try_from(samples.len() * 2).map_err(|_| PyBufferError::new_err("frame too large"))?;
        // SAFETY: the interpreter gives a valid view; the samples never move or change while the frame lives, and the view
        // holds a reference to the frame.
        let failed =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), samples.as_ptr().cast_mut().cast(), length, 1, flags) };
        if failed != 0 { Err(PyErr::fetch(slf.py())) } else { Ok(()) }
    }
}
