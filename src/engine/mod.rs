//! Floor 8: the driver of the real world: sockets, clock, threads, files.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
