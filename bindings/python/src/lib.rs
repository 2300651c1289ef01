//! The extension module `sipwright._sipwright`: the engine's face as Python objects, nothing more. What makes it pleasant (asyncio, one
//! object per call) is Python and lies in `python/sipwright/`.

mod defence;
mod engine;
mod error;
mod event;
mod frame;
mod pcm;
mod tape;
mod tls;

use pyo3::prelude::*;

#[pymodule]
fn _sipwright(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<engine::Engine>()?;
    module.add_class::<pcm::Pcm>()?;
    module.add_class::<defence::Incoming>()?;
    module.add_class::<frame::Frame>()?;
    module.add("EngineError", module.py().get_type::<error::EngineError>())?;
    module.add("__version__", env!("CARGO_PKG_VERSION"))
}
