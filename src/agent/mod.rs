//! Floor 7: the whole SIP stack of one shard as a value.

pub mod io;
