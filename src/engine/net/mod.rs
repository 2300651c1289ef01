//! Sockets: what to listen on, batches of datagrams, and which address of ours a packet leaves from.

pub(crate) mod batch;
pub(crate) mod listen;
pub(crate) mod local;
pub(crate) mod udp;
