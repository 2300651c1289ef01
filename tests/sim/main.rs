//! The simulation: whole agents over bad networks in virtual time.

mod calls;
mod determinism;
mod many;
mod media;
mod register;
mod own_sdp;
mod requests;
mod support;
