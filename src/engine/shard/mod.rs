//! The signalling thread: one shard, one Agent, its sockets and streams.

pub(crate) mod inbox;
