//! Floor 4: sample arithmetic: resampling, tones, mixing.
