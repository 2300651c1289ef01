//! Flows: how bytes came and how they leave. RFC 5626 s2 calls it a flow: protocol and both addresses.

use bytes::Bytes;
use std::fmt;
use std::net::SocketAddr;

/// Transport protocol of a Via, a URI or a flow. RFC 3261 s18, RFC 7118.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Protocol {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Protocol {
    /// Whether the transport delivers in order and without loss, which sets several timers to zero. RFC 3261 s17.
    #[must_use]
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Protocol::Udp)
    }

    /// Whether signalling on it is encrypted.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Protocol::Tls | Protocol::Wss)
    }

    /// The port used when none is named. RFC 3261 s19.1.2, RFC 7118 s5.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Protocol::Udp | Protocol::Tcp => 5060,
            Protocol::Tls => 5061,
            Protocol::Ws => 80,
            Protocol::Wss => 443,
        }
    }

    /// The token of a Via header: `UDP`.
    #[must_use]
    pub const fn via(self) -> &'static str {
        match self {
            Protocol::Udp => "UDP",
            Protocol::Tcp => "TCP",
            Protocol::Tls => "TLS",
            Protocol::Ws => "WS",
            Protocol::Wss => "WSS",
        }
    }

    /// The value of a `transport` URI parameter: `udp`.
    #[must_use]
    pub const fn param(self) -> &'static str {
        match self {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
            Protocol::Tls => "tls",
            Protocol::Ws => "ws",
            Protocol::Wss => "wss",
        }
    }

    /// Reads a Via token or a `transport` parameter, in any case.
    #[must_use]
    pub fn from_token(token: &str) -> Option<Self> {
        [Protocol::Udp, Protocol::Tcp, Protocol::Tls, Protocol::Ws, Protocol::Wss]
            .into_iter()
            .find(|p| p.param().eq_ignore_ascii_case(token))
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.param())
    }
}

/// One way to a peer: protocol and both addresses. For streams, `connection` tells connections apart (and carries the shard that owns
/// one in its upper 8 bits); for datagrams it is 0.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Protocol.
    pub protocol: Protocol,
    /// Our address: where a datagram was received (the destination address of the packet, never a wildcard), or leaves from.
    pub local: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// 0 for datagrams; else the connection, whose upper 8 bits are its home shard.
    pub connection: u64,
}

impl Flow {
    /// A datagram flow.
    #[must_use]
    pub const fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Flow { protocol: Protocol::Udp, local, remote, connection: 0 }
    }

    /// The shard at home for a stream; 0 for datagrams, which any shard may send.
    #[must_use]
    pub const fn home(&self) -> u8 {
        (self.connection >> 56) as u8
    }
}

/// Bytes to send on a flow.
#[derive(Clone, Debug)]
pub struct Transmit {
    /// Where.
    pub flow: Flow,
    /// What: one whole message or keep-alive.
    pub bytes: Bytes,
}
