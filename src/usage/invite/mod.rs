//! The INVITE usage. RFC 3261 s13, s14, s15. One file per act; each machine owns its timers.

mod reinvite;
mod uas;

pub use reinvite::{Glare, Reinvite};
pub use uas::{Uas, UasTimeout};
