//! Sockets: what to listen on, batches of datagrams, streams, and which address of ours a packet leaves from.

pub(crate) mod batch;
