//! Names of the real world: RFC 3263's questions answered by name servers, a hosts file, or the application. RFC 1035, RFC 2308.
//!
//! The [`Lookup`](crate::resolve::Lookup) of each request runs on its shard; here its questions are answered: by the hosts file, the
//! cache, or a name server. Nothing waits on the signalling thread, and a question in flight is asked once.

mod config;

pub use config::{DnsConfig, HostsFile};
