//! Floor 3: where a request goes. RFC 3263. The questions are outputs; the driver answers them.
//!
//! [`Query::new`] asks what RFC 3263 s4 needs to know of a URI; a [`Lookup`] answers it with what the DNS says ([`Question`],
//! [`Record`]); [`Targets`] is the answer in order, and how far it is used up; [`Penalties`] remembers what failed lately.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod lookup;
mod penalty;
mod policy;
mod query;
mod record;
mod srv;
mod targets;
#[cfg(any(test, feature = "sim"))]
pub mod zone;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests;

pub use lookup::{Lookup, Means, Step};
pub use penalty::Penalties;
pub use policy::Failover;
pub use record::{Answer, Kind, NoAnswer, Question, Record, host_name};
pub use targets::Targets;

use crate::base::Protocol;
use std::net::{IpAddr, SocketAddr};

/// Where a request can go, and the address of ours that packets to it leave from.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Protocol.
    pub protocol: Protocol,
    /// Address.
    pub remote: SocketAddr,
    /// Our address on the route to it.
    pub local: IpAddr,
}

/// Where a request can go, before it is known how to get there.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Protocol.
    pub protocol: Protocol,
    /// Address.
    pub remote: SocketAddr,
}

/// A question of RFC 3263, asked of the driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Comes back in `Resolved`.
    pub token: u64,
    /// Host name, or an address literal without brackets (answered at once with our address on the route to it).
    pub host: String,
    /// Port when the URI names one.
    pub port: Option<u16>,
    /// Protocol when the URI names one.
    pub protocol: Option<Protocol>,
    /// The URI is `sips`.
    pub secure: bool,
}
