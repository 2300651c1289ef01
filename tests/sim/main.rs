//! The simulation: whole agents over bad networks in virtual time.

mod bodies;
mod calls;
mod determinism;
mod failover;
mod flows;
mod keep_alive;
mod many;
mod media;
mod overload;
mod own_sdp;
mod raw;
mod register;
mod requests;
mod routing;
mod seeds;
mod support;
mod traffic;
