//! Floor 8: the driver of the real world: sockets, clock, threads, files.
//!
//! [`Engine`] is the safe Rust face that the C ABI, Python and the command line wrap. Every function may be called from any thread,
//! also inside a callback; none blocks but [`Engine::wait_event`] and [`Engine::shutdown`], which take a time.

#![deny(unsafe_code)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types)]

mod audio;
mod check;
mod clock;
mod config;
mod counters;
pub mod dns;
mod error;
mod events;
mod face;
pub mod files;
mod handles;
mod log;
mod media;
mod net;
pub mod pcm;
mod request;
mod shard;
mod shared;
mod start;
mod stats;
#[cfg(test)]
mod tests;
mod tls;
#[cfg(feature = "ws")]
mod ws;

pub use crate::agent::io::{
    AccountConfig, CallOptions, Event, EventKind, KeepAliveMode, Listener, Outcome, RequestAnswer, RequestOptions,
    Sender, SipConfig, Timers,
};
pub use crate::auth::{Algorithm, AuthConfig, FromPolicy, Qop, UserSecret};
pub use crate::base::Network;
pub use crate::guard::{Decision, DefenceConfig, Filter, Incoming, Rate};
pub use crate::media::io::{Codec, Quality};
pub use config::{Delivered, Delivery, EngineConfig, EventCallback};
pub use counters::Counters;
pub use dns::{DnsConfig, HostsFile};
pub use error::{Error, ErrorKind};
pub use face::Engine;
pub use handles::CallState;
pub use log::{LogCallback, LogLevel, LogRecord, SipTrace, SipTraceCallback, TraceDirection};
pub use pcm::PcmPort;
pub use stats::{Queues, Stats};
pub use tls::{ClientAuth, Pem, TlsCertificate, TlsConfig, TlsInfo, TlsProfile, TlsVersion, pin as tls_pin};
