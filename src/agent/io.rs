//! What goes into an [`Agent`](super) and what comes out: the whole surface between signalling, its driver and the application.

pub use crate::auth::{AuthConfig, DigestPolicy, FromPolicy, UserSecret};
use crate::base::flow::{Flow, Protocol, Transmit};
use crate::base::id::{AccountId, CallId, NodeId, RequestId};
pub use crate::base::timers::Timers;
use crate::base::{Duration, Instant, WallClock, limits};
pub use crate::call::io::{CallMedia, CallOptions, EventKind, Outcome};
pub use crate::guard::{DefenceConfig, Load};
use crate::media::io::{Codec, MediaEvent, MediaOrder};
pub use crate::resolve::{Failover, Query, Target};
pub use crate::transport::{Opened, Peer};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// Everything an agent is born with. No clock, no socket: values.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Which engine of the process, for ids.
    pub engine: u8,
    /// Which shard this is.
    pub shard: u8,
    /// How many shards there are, at least 1.
    pub shards: u8,
    /// Serial of the first id this agent mints: 1, or above all that an earlier agent of the same shard used (ids are never reused).
    pub first_serial: u64,
    /// Seed of all randomness of this shard; different in each shard.
    pub seed: [u8; 32],
    /// Wall time.
    pub wall: WallClock,
    /// `User-Agent` and `Server` header; empty sends none.
    pub user_agent: String,
    /// Where we listen, as bound (real ports; the address may be a wildcard).
    pub listeners: Vec<Listener>,
    /// Overrides the address in Contact, Via and SDP: what the world sees of us.
    pub public_address: Option<IpAddr>,
    /// Timer values of RFC 3261 table 4.
    pub timers: Timers,
    /// Calls at once in this shard; more get 503.
    pub max_calls: usize,
    /// Ring limit of incoming and outgoing calls; then 408/CANCEL, status 408 "ring timeout".
    pub ring_timeout: Duration,
    /// Silence after which `RtpTimeout` is told; `None` never.
    pub rtp_timeout: Option<Duration>,
    /// End the call on `RtpTimeout`.
    pub rtp_timeout_hangup: bool,
    /// How often `Quality` events come; `None` only at the end of a call.
    pub quality_interval: Option<Duration>,
    /// Codecs offered and accepted, in order of preference.
    pub codecs: Vec<Codec>,
    /// Whether events carry the raw SIP message.
    pub raw_messages: bool,
    /// Requests larger than this go over TCP instead of UDP (RFC 3261 s18.1.1); 0 turns the rule off.
    pub udp_size_limit: usize,
    /// Times of failover from one target to the next.
    pub failover: Failover,
    /// What the application takes into its own hands.
    pub sip: SipConfig,
    /// Rates, bans, admission by load, the application's filter.
    pub defence: DefenceConfig,
    /// Whom requests outside of dialogs must prove to come from; `None` asks nobody.
    pub auth: Option<Box<AuthConfig>>,
}

impl Default for AgentConfig {
    /// One shard of one engine that listens nowhere, with the defaults of the engine. The seed is all zeros: a driver brings its own.
    fn default() -> Self {
        AgentConfig {
            engine: 0,
            shard: 0,
            shards: 1,
            first_serial: 1,
            seed: [0; 32],
            wall: WallClock::new(0),
            user_agent: String::new(),
            listeners: Vec::new(),
            public_address: None,
            timers: Timers::default(),
            max_calls: limits::CALLS,
            ring_timeout: Duration::from_secs(180),
            rtp_timeout: None,
            rtp_timeout_hangup: false,
            quality_interval: None,
            codecs: Codec::ALL.to_vec(),
            raw_messages: false,
            udp_size_limit: 1300,
            failover: Failover::default(),
            sip: SipConfig::default(),
            defence: DefenceConfig::default(),
            auth: None,
        }
    }
}

/// What of the SIP layer the application takes into its own hands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SipConfig {
    /// Methods whose requests come as `EventKind::Request` and are answered with `Command::AnswerRequest`. Without them: 405 for methods
    /// that are known, 501 for others. Never INVITE, ACK, BYE or CANCEL.
    pub methods: Vec<String>,
    /// Answer requests over UDP to the port that they came from, also where Via does not ask for it with `rport` (RFC 3581): for clients
    /// behind NATs that do not know of it.
    pub force_rport: bool,
}

impl SipConfig {
    /// Whether the application takes requests of this method.
    #[must_use]
    pub fn takes(&self, method: &str) -> bool {
        self.methods.iter().any(|taken| taken == method)
    }
}

/// One listening point.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Protocol.
    pub protocol: Protocol,
    /// Address as bound; the IP may be a wildcard, the port is real.
    pub local: SocketAddr,
}

/// What a driver brings.
pub enum Input<'a> {
    /// A datagram. `flow.local` is the address it was sent to (IP_PKTINFO), not a wildcard.
    Datagram {
        /// Where from and to.
        flow: Flow,
        /// The bytes, valid during the call.
        bytes: &'a [u8],
    },
    /// Bytes of a stream whose home is this shard.
    StreamData {
        /// The stream.
        flow: Flow,
        /// The bytes, valid during the call.
        bytes: &'a [u8],
    },
    /// A stream was opened or accepted. Told to every shard (connection reuse).
    StreamOpened {
        /// The stream.
        flow: Flow,
        /// Which `Output::Connect` it answers, and what is known of the peer.
        opened: Opened,
    },
    /// A stream could not be opened.
    ConnectFailed {
        /// From the `Connect`.
        peer: Peer,
        /// What the system said.
        reason: String,
    },
    /// A stream ended. Told to every shard.
    StreamClosed {
        /// The stream.
        flow: Flow,
    },
    /// A datagram could not be sent (ICMP error, no route).
    TransmitFailed {
        /// The flow.
        flow: Flow,
        /// What the system said.
        reason: String,
    },
    /// The answer to an `Output::Resolve`.
    Resolved {
        /// From the query.
        token: u64,
        /// Targets in order of preference; empty when there is none.
        targets: Vec<Target>,
        /// Why there is none.
        error: Option<String>,
    },
    /// The application wants something.
    Command(Command),
    /// Media has news.
    Media(MediaEvent),
    /// A whole message that the driver framed or received elsewhere and `route` gave to this shard.
    Routed {
        /// Where it came from.
        flow: Flow,
        /// The message.
        bytes: &'a [u8],
    },
    /// The driver measured how loaded this shard is: a few times per T1 while there is work.
    Load(Load),
    /// Accounts of the engine changed; told to every shard but the owner.
    AccountView(Box<AccountView>),
}

/// What an agent wants done.
pub enum Output {
    /// Send a message. On a stream of another shard the driver queues it to its home.
    Transmit(Transmit),
    /// Open a stream. Answered by `StreamOpened` with this peer as `asked`, or `ConnectFailed`.
    Connect {
        /// Whom to.
        peer: Peer,
    },
    /// Close a stream.
    Close {
        /// The stream.
        flow: Flow,
    },
    /// Answer a question with `Input::Resolved`.
    Resolve(Query),
    /// For media.
    Media(MediaOrder),
    /// For the application.
    Event(Event),
    /// For another shard: a whole message that `route` gives to it.
    Route {
        /// Which shard.
        shard: u8,
        /// Where it came from.
        flow: Flow,
        /// The message.
        bytes: Bytes,
    },
    /// For every other shard.
    AccountView(Box<AccountView>),
}

/// What every shard knows of an account that lives on another.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// The account.
    pub id: AccountId,
    /// Its configuration; `None` when it was removed.
    pub config: Option<AccountConfig>,
    /// Service-Route of its last registration. RFC 3608.
    pub service_route: Vec<String>,
}

/// An account: who we are to a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountConfig {
    /// Address of record, `sip:alice@example.com`, with an optional display name.
    pub aor: String,
    /// Digest user name; empty takes the user part of `aor`.
    pub auth_user: String,
    /// Digest password; empty for none.
    pub password: String,
    /// Realm that the credentials are for; empty accepts the first challenge of the account's registrar or proxy.
    pub realm: String,
    /// Which challenges are answered.
    pub digest: DigestPolicy,
    /// Registrar URI; empty takes the domain of `aor`.
    pub registrar: String,
    /// Outbound proxy URI that every request goes through; empty for none.
    pub proxy: String,
    /// Pre-loaded routes of every request, topmost first, behind the proxy: URIs or name-addrs, with `;lr` where the router is a loose
    /// one (RFC 3261 s8.1.2).
    pub routes: Vec<String>,
    /// Whether the flow of its registration is kept alive.
    pub keep_alive: KeepAliveMode,
    /// Longest time between two keep-alives, seconds; 0 takes what the peer recommends, else the defaults of RFC 5626 s4.4.
    pub keep_alive_s: u32,
    /// Register at once and keep registered.
    pub register: bool,
    /// Seconds asked for, 60 ..= 86400.
    pub expires_s: u32,
    /// Codecs in order of preference; empty takes the agent's.
    pub codecs: Vec<Codec>,
    /// TLS profile of its connections; empty for the default one.
    pub tls_profile: String,
    /// Path that its WebSocket connections ask for; empty for `/`.
    pub ws_path: String,
}

/// Whether the flow of a registration is kept alive: STUN Binding requests on UDP, CRLF on streams.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum KeepAliveMode {
    /// Offered with `keep` (RFC 6223), and done where the registrar or proxy says that it wants it: `keep`, Flow-Timer or `ob`.
    #[default]
    Negotiated,
    /// Always: the application knows that the next hop answers STUN (RFC 5626 s4.4 forbids it where nobody knows).
    Always,
    /// Never.
    Never,
}

impl Default for AccountConfig {
    /// An address that nobody has; not registered, an hour where it is.
    fn default() -> Self {
        AccountConfig {
            aor: "\"Anonymous\" <sip:anonymous@anonymous.invalid>".into(),
            auth_user: String::new(),
            password: String::new(),
            realm: String::new(),
            digest: DigestPolicy::default(),
            registrar: String::new(),
            proxy: String::new(),
            routes: Vec::new(),
            keep_alive: KeepAliveMode::Negotiated,
            keep_alive_s: 0,
            register: false,
            expires_s: 3600,
            codecs: Vec::new(),
            tls_profile: String::new(),
            ws_path: String::new(),
        }
    }
}

/// What the application may ask. An unknown or ended object makes a command do nothing; the handle table above tells the caller so.
pub enum Command {
    /// Make an account.
    AddAccount {
        /// Minted by the handle table.
        account: AccountId,
        /// The account.
        config: Box<AccountConfig>,
    },
    /// Unregister and forget an account. Ends with `EventKind::AccountRemoved`.
    RemoveAccount {
        /// Which.
        account: AccountId,
    },
    /// Call somebody. Ends with `CallEnded`.
    Dial {
        /// Minted by the handle table.
        call: CallId,
        /// Who calls.
        account: AccountId,
        /// Whom: a URI, or a user of the account's domain.
        target: String,
        /// The rest.
        options: Box<CallOptions>,
    },
    /// Send 180 (or another 1xx). With `early_media` the answer goes along (183) and audio may flow.
    Ring {
        /// Which.
        call: CallId,
        /// 101 ..= 199.
        status: u16,
        /// Send our SDP with it.
        early_media: bool,
    },
    /// Send 200.
    Answer {
        /// Which.
        call: CallId,
        /// The rest.
        options: Box<CallOptions>,
    },
    /// End a call in whatever state it is: final response (`status`, 0 = 486 or 603 as fits), CANCEL or BYE.
    Hangup {
        /// Which.
        call: CallId,
        /// Final status of an incoming call that was not answered.
        status: u16,
    },
    /// Put the peer on hold (`sendonly`), or resume.
    Hold {
        /// Which.
        call: CallId,
        /// True to hold.
        hold: bool,
    },
    /// An order for the call's media; `MediaOrder::session` is filled in by the agent.
    Media {
        /// Which.
        call: CallId,
        /// The order.
        order: CallMedia,
    },
    /// Send a request. Ends with `RequestDone`.
    Request {
        /// Minted by the handle table.
        request: RequestId,
        /// Who sends.
        sender: Sender,
        /// The request.
        options: Box<RequestOptions>,
    },
    /// Answer a request that came as `EventKind::Request`. Ends with `RequestDone`.
    AnswerRequest {
        /// Which.
        request: RequestId,
        /// The answer.
        answer: Box<RequestAnswer>,
    },
    /// A user of the realm of [`AgentConfig::auth`] is known from now on, or has another secret. For every shard.
    SetAuthUser {
        /// User name.
        user: String,
        /// What it proves itself with.
        secret: UserSecret,
    },
    /// A user is known no more. For every shard.
    RemoveAuthUser {
        /// User name.
        user: String,
    },
    /// Refuse new calls, hang up the old ones, unregister. `is_idle` holds when all is done.
    Shutdown,
    /// Events wait in such numbers that new dialogs must be refused (503), or no longer do.
    Overloaded(bool),
}

/// In whose name a request goes out.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Outside of any dialog.
    Account(AccountId),
    /// Inside the dialog of a call: its route set, its CSeq, its flow.
    Call(CallId),
}

/// A request as the application composes it. Via, From, To, Call-ID, CSeq, Max-Forwards and Content-Length are the library's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestOptions {
    /// Method, in the case that it has on the wire.
    pub method: String,
    /// To whom: a URI, or a user of the account's domain. Empty inside a call; with a call another URI than the dialog's is refused.
    pub target: String,
    /// `Content-Type`; empty when there is no body.
    pub content_type: String,
    /// Body.
    pub body: Bytes,
    /// More headers. A Contact here stands instead of ours.
    pub headers: Vec<(String, String)>,
    /// Pre-loaded route set, topmost first, instead of the account's (RFC 3261 s8.1.2). Not inside a call.
    pub routes: Vec<String>,
}

/// The final response to a request of the peer, as the application composes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestAnswer {
    /// 200 ..= 699, but not 408 (RFC 4320 s4.2).
    pub status: u16,
    /// Reason phrase; empty takes the RFC's.
    pub reason: String,
    /// `Content-Type`; empty when there is no body.
    pub content_type: String,
    /// Body.
    pub body: Bytes,
    /// More headers.
    pub headers: Vec<(String, String)>,
}

impl Command {
    /// A copy of a command that every shard must get; `None` of one that an object's shard alone gets.
    #[must_use]
    pub fn for_every_shard(&self) -> Option<Command> {
        match self {
            Command::SetAuthUser { user, secret } => {
                Some(Command::SetAuthUser { user: user.clone(), secret: secret.clone() })
            }
            Command::RemoveAuthUser { user } => Some(Command::RemoveAuthUser { user: user.clone() }),
            _ => None,
        }
    }
}

/// Something the application is told.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub time: Instant,
    /// Account concerned, or none.
    pub account: AccountId,
    /// Call concerned, or none.
    pub call: CallId,
    /// Request concerned, ours or the peer's, or none.
    pub request: RequestId,
    /// What.
    pub kind: EventKind,
    /// The user that the request behind it proved to come from (`AgentConfig::auth`); `None` where nobody was asked.
    pub auth_user: Option<Box<str>>,
    /// The SIP message behind it.
    pub message: Option<Bytes>,
    /// The flow that the call's signalling comes and goes on.
    pub flow: Option<Flow>,
}

/// The session of a call's media as the driver names it; used by drivers that map sockets.
pub type Session = NodeId;
