//! 20 ms of PCM: read-only, without a copy, through the buffer protocol.

use pyo3::exceptions::PyBufferError;
use pyo3::ffi;
use pyo3::prelude::*;
use std::os::raw::c_int;

/// Signed 16-bit mono samples in machine order, as bytes.
#[pyclass(frozen, module = "sipwright")]
pub(crate) struct Frame {
    bytes: Box<[u8]>,
    /// Samples per second.
    #[pyo3(get)]
    rate: u32,
    /// Seconds since the first frame of this iteration.
    #[pyo3(get)]
    time: f64,
}

impl Frame {
    pub(crate) fn new(samples: &[i16], rate: u32, time: f64) -> Self {
        Frame { bytes: samples.iter().flat_map(|s| s.to_ne_bytes()).collect(), rate, time }
    }
}

#[pymethods]
impl Frame {
    fn __len__(&self) -> usize {
        self.bytes.len()
    }

    fn __repr__(&self) -> String {
        format!("<Frame {} samples at {} Hz, t={:.2}>", self.bytes.len() / 2, self.rate, self.time)
    }

    /// # Safety
    /// Called by the interpreter with a valid view.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let bytes = &slf.get().bytes;
        let length = isize::try_from(bytes.len()).map_err(|_| PyBufferError::new_err("frame too large"))?;
        // SAFETY: the interpreter gives a valid view; the bytes never move or change while the frame lives, and the view holds a
        // reference to the frame.
        let failed =
            unsafe { ffi::PyBuffer_FillInfo(view, slf.as_ptr(), bytes.as_ptr().cast_mut().cast(), length, 1, flags) };
        if failed != 0 { Err(PyErr::fetch(slf.py())) } else { Ok(()) }
    }
}
