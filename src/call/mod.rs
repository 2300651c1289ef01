//! Floor 6: a call: invite usage, negotiation and media orders together.

pub mod io;
