//! Every bound in one file. Invariant 9: a table or queue without a line here is a defect.

use super::time::Duration;

/// Largest SIP message taken from a datagram or framed from a stream, headers and body.
pub const MESSAGE_BYTES: usize = 65_535;
/// Largest header block of a message.
pub const HEADER_BLOCK_BYTES: usize = 32 * 1024;
/// Most header fields in one message.
pub const HEADER_FIELDS: usize = 256;
/// Most parameters of one header value or URI.
pub const PARAMETERS: usize = 64;
/// Parts of one multipart body, multiparts inside it among them.
pub const BODY_PARTS: usize = 32;
/// Levels of multiparts inside multiparts.
pub const MULTIPART_DEPTH: usize = 4;
/// Most Via, Route, Record-Route or Contact values read from one message.
pub const LIST_VALUES: usize = 64;
/// Largest stream buffer that waits for the rest of a message.
pub const STREAM_BUFFER_BYTES: usize = MESSAGE_BYTES + HEADER_BLOCK_BYTES;
/// Bytes queued to one stream peer that does not read; beyond it the connection is closed.
pub const STREAM_BACKLOG_BYTES: usize = 1024 * 1024;
/// Streams per shard.
pub const STREAMS: usize = 16_384;
/// Streams of one source address per shard, where the configuration names no limit. A proxy brings many.
pub const STREAMS_PER_SOURCE: usize = 4096;
/// TLS and WebSocket handshakes of an accepted stream take no longer.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// A stream that never carried a whole message is closed after this.
pub const STREAM_FIRST_MESSAGE: Duration = Duration::from_secs(30);
/// A stream without traffic is closed after this.
pub const STREAM_IDLE: Duration = Duration::from_secs(30 * 60);
/// A stream that is not open after this counts as unreachable.
pub const CONNECT: Duration = Duration::from_secs(8);
/// Sources that the guard of a shard remembers: rates, bans, friends. A new one takes the place of the stranger silent for longest.
pub const GUARD_SOURCES: usize = 65_536;
/// Networks that are never limited.
pub const GUARD_NETWORKS: usize = 1024;
/// Next hops, and clients that want a rate, of overload control (RFC 7339) per shard.
pub const OVERLOAD_PEERS: usize = 1024;
/// Transactions per shard, client and server each.
pub const TRANSACTIONS: usize = 1_000_000;
/// Calls per shard when the configuration names no limit.
pub const CALLS: usize = 100_000;
/// Accounts per engine.
pub const ACCOUNTS: usize = 65_536;
/// Requests of peers that wait for the application's answer, per shard; more get 503.
pub const REQUESTS_ASKED: usize = 4096;
/// Targets tried for one request. RFC 3263 s4.3.
pub const TARGETS: usize = 16;
/// Records read from one answer of the DNS; the largest answer holds a few hundred that make sense.
pub const DNS_RECORDS: usize = 1024;
/// Aliases (CNAME) followed for one name.
pub const DNS_ALIASES: usize = 8;
/// Answers of the DNS remembered by one shard.
pub const DNS_CACHE: usize = 4096;
/// Look-ups under way in one shard.
pub const DNS_LOOKUPS: usize = 4096;
/// Questions under way in one shard.
pub const DNS_QUESTIONS: usize = 1024;
/// Targets that failed lately, remembered by one shard.
pub const PENALTIES: usize = 1024;
/// Connections that race for one request. RFC 8305 s5.
pub const RACERS: usize = 4;
/// Rounds of authentication for one request (one challenge, one stale nonce).
pub const AUTH_ROUNDS: u8 = 2;
/// Nonces of ours that were used and may be used again; the oldest become stale.
pub const SERVER_NONCES: usize = 65_536;
/// Digest algorithms that a server offers at once: a challenge each.
pub const AUTH_ALGORITHMS: usize = 6;
/// Users that a digest server knows.
pub const AUTH_USERS: usize = 1_000_000;
/// Redirections followed for one request. RFC 3261 s8.1.3.4.
pub const REDIRECTIONS: u8 = 5;
/// Early dialogs of one INVITE. RFC 3261 s13.2.2.4.
pub const EARLY_DIALOGS: usize = 12;
/// Media descriptions read from one SDP.
pub const SDP_MEDIA: usize = 32;
/// Attributes read from one SDP.
pub const SDP_ATTRIBUTES: usize = 1024;
/// Largest SDP body.
pub const SDP_BYTES: usize = 32 * 1024;
/// Lines of one of the rarer kinds (`e=`, `p=`, `b=`, `t=`/`r=`/`z=`, `c=`) in one SDP or one m-line.
pub const SDP_LINES: usize = 64;
/// Formats of one m-line.
pub const SDP_FORMATS: usize = 64;
/// Events that may wait in one object beside its terminal event; then progress and media-rate events coalesce.
pub const PENDING_EVENTS: usize = 32;
/// Events that may wait in all before new dialogs get 503 and commands are refused as full.
pub const EVENT_BACKLOG: usize = 65_536;
/// Commands that may wait for one shard.
pub const COMMANDS: usize = 65_536;
/// DTMF digits queued in one call.
pub const DTMF_QUEUE: usize = 256;
/// Largest audio in one jitter buffer.
pub const JITTER_MAX: Duration = Duration::from_millis(500);
/// Sources that play into one session at once.
pub const SOURCES_PER_SESSION: usize = 16;
/// Sinks that listen to one session at once.
pub const SINKS_PER_SESSION: usize = 16;
/// Sessions per media worker.
pub const SESSIONS: usize = 100_000;
/// Largest RTP or RTCP packet taken from the network.
pub const RTP_BYTES: usize = 2048;
/// Largest string that the application may give (URI, header value, path).
pub const API_STRING_BYTES: usize = 8 * 1024;
/// Calls, accounts and requests of one engine whose ids are alive.
pub const OBJECTS: usize = 4_000_000;
/// Engines in one process.
pub const ENGINES: usize = 255;
/// Signalling threads of one engine.
pub const SHARDS: usize = 64;
/// Files played and recorded at once by one engine.
pub const FILES: usize = 65_536;
/// Audio read ahead of a playing file: what a disk may stall without a gap.
pub const PLAYER_RING: Duration = Duration::from_secs(2);
/// Audio of a recording that may wait for the disk; what is beyond is counted as dropped.
pub const RECORDER_RING: Duration = Duration::from_secs(5);
/// Audio that an application may queue into a call by one PCM port.
pub const PCM_PLAY_RING: Duration = Duration::from_secs(30);
/// Audio of a call that may wait in one PCM port for the application to read it; what is beyond is counted as dropped.
pub const PCM_HEAR_RING: Duration = Duration::from_secs(5);
