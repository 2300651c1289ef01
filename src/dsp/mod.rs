//! Floor 4: sample arithmetic: resampling, tones, mixing.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mix;
mod resample;
mod tone;

pub use mix::{mix, mix_down, scale};
pub use resample::Resampler;
pub use tone::{Tone, level_dbfs, tone_level};
