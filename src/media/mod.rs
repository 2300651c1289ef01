//! Floor 5: media sessions and the stage that runs them. RFC 3550.

pub mod io;
