//! What an engine is made from, and how it tells what happens.

use super::dns::DnsConfig;
use super::log::{LogCallback, LogLevel, SipTraceCallback};
use super::tls::TlsConfig;
use crate::agent::io::{DefenceConfig, Event, SipConfig, Timers};
use crate::auth::AuthConfig;
use crate::base::media::Codec;
use crate::base::{Duration, limits};
use std::fmt;
use std::net::IpAddr;
use std::ops::RangeInclusive;

/// One event as the application gets it.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The event.
    pub event: Event,
    /// The application's value of the object it concerns: the one given at its birth or by `set_user`. An incoming call starts with
    /// its account's.
    pub user: usize,
}

/// An application's event callback.
pub type EventCallback = Box<dyn Fn(&Delivered) + Send + Sync>;

/// How events reach the application. The stream is the same: events of one call in order, exactly one terminal event per object.
#[derive(Default)]
pub enum Delivery {
    /// The application pulls: `event_fd`, `next_event`, `wait_event`.
    #[default]
    Queue,
    /// One callback thread of the engine.
    Thread(EventCallback),
    /// On the call's own signalling thread. It must not block; commands given inside run when it returns.
    Inline(EventCallback),
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Delivery::Queue => "Queue",
            Delivery::Thread(_) => "Thread",
            Delivery::Inline(_) => "Inline",
        })
    }
}

/// What an engine is made from. `EngineConfig::default()` is a working client on ephemeral ports.
pub struct EngineConfig {
    /// `User-Agent` and `Server` header; empty sends none.
    pub user_agent: String,
    /// `udp://127.0.0.1:5070`, `tcp://[::]:5060`, `tls://`, `ws://`, `wss://`; empty = one ephemeral port for UDP and TCP on 0.0.0.0, and on [::] where there is
    /// IPv6. Port 0 takes a free one; no port takes the protocol's own (5060, 5061 for TLS, 80 and 443 for WebSockets).
    pub listen: Vec<String>,
    /// What the world sees of us, in Contact, Via and SDP; `None` takes the address on the route to each peer.
    pub public_address: Option<IpAddr>,
    /// Signalling threads; 0 = 1.
    pub signalling_threads: usize,
    /// Media threads; 0 = one per core.
    pub media_threads: usize,
    /// Calls at once, shared out evenly over the signalling threads; more get 503. The last 5 % of 100 or more are kept for sources that
    /// calls have come up with before. 0 = `limits::CALLS` per thread.
    pub max_calls: usize,
    /// Codecs offered and accepted, in order of preference.
    pub codecs: Vec<Codec>,
    /// Ring limit of calls.
    pub ring_timeout: Duration,
    /// Silence after which `RtpTimeout` is told; `None` never.
    pub rtp_timeout: Option<Duration>,
    /// End the call on `RtpTimeout`.
    pub rtp_timeout_hangup: bool,
    /// How often `Quality` events come; `None` only with the end of a call.
    pub quality_interval: Option<Duration>,
    /// Ports of RTP (even) and RTCP (odd) sockets.
    pub rtp_ports: RangeInclusive<u16>,
    /// Events that may wait before new dialogs get 503 and commands are refused as `Full`; 0 = `limits::EVENT_BACKLOG`.
    pub event_backlog_max: usize,
    /// Whether events carry the raw SIP message.
    pub raw_messages: bool,
    /// Requests larger than this go over TCP instead of UDP (RFC 3261 s18.1.1); 0 turns the rule off.
    pub udp_size_limit: usize,
    /// What of the SIP layer the application takes into its own hands.
    pub sip: SipConfig,
    /// Rates and bans per source, admission by load, the filter of incoming requests.
    pub defence: DefenceConfig,
    /// How names are looked up and what follows a target that fails.
    pub dns: DnsConfig,
    /// Timer values of RFC 3261 table 4.
    pub timers: Timers,
    /// Whom requests of the network outside of dialogs must prove to come from; `None` asks nobody.
    pub auth: Option<AuthConfig>,
    /// Certificates, trust and profiles of TLS.
    pub tls: TlsConfig,
    /// Connections from one address at once, per signalling thread; 0 = `limits::STREAMS_PER_SOURCE`.
    pub max_streams_per_source: usize,
    /// Takes log records; `None` logs nothing and costs nothing.
    pub log: Option<LogCallback>,
    /// The least important level that `log` gets.
    pub log_level: LogLevel,
    /// Gets every SIP message, whole, on the thread that received or sent it.
    pub trace: Option<SipTraceCallback>,
    /// How events reach the application.
    pub delivery: Delivery,
}

impl Default for EngineConfig {
    fn default() -> Self {
        EngineConfig {
            user_agent: concat!("sipwright/", env!("CARGO_PKG_VERSION")).into(),
            listen: Vec::new(),
            public_address: None,
            signalling_threads: 1,
            media_threads: 0,
            max_calls: 0,
            codecs: Codec::ALL.to_vec(),
            ring_timeout: Duration::from_secs(180),
            rtp_timeout: Some(Duration::from_secs(30)),
            rtp_timeout_hangup: false,
            quality_interval: Some(Duration::from_secs(5)),
            rtp_ports: 16_384..=32_767,
            event_backlog_max: limits::EVENT_BACKLOG,
            raw_messages: true,
            udp_size_limit: 1300,
            sip: SipConfig::default(),
            defence: DefenceConfig::default(),
            dns: DnsConfig::default(),
            timers: Timers::default(),
            auth: None,
            tls: TlsConfig::default(),
            max_streams_per_source: 0,
            log: None,
            log_level: LogLevel::Info,
            trace: None,
            delivery: Delivery::Queue,
        }
    }
}

impl fmt::Debug for EngineConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineConfig")
            .field("listen", &self.listen)
            .field("delivery", &self.delivery)
            .finish_non_exhaustive()
    }
}
