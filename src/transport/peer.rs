//! Whom a stream leads to: what makes one connection fit for a request and another not. RFC 5923 s5, s9; RFC 5922 s7.

use crate::base::{Flow, Protocol};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// What distinguishes connections to one address: on TLS the name that the certificate must prove and the rules that prove it, on
/// WebSockets the host and resource that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Host of the URI that the request follows (never the target of an SRV record), lower case. RFC 5922 s4.
    pub name: String,
    /// TLS profile; empty for the default one.
    pub profile: String,
    /// Path of a WebSocket; empty for `/`.
    pub resource: String,
}

/// One peer of stream protocols: what a connection is opened to and looked up by. Datagram and TCP peers have no identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// Protocol.
    pub protocol: Protocol,
    /// Address.
    pub remote: SocketAddr,
    identity: Option<Arc<Identity>>,
}

impl Peer {
    /// The peer at an address; UDP and TCP drop the identity.
    #[must_use]
    pub fn new(protocol: Protocol, remote: SocketAddr, identity: Option<&Arc<Identity>>) -> Self {
        let needed = needs_identity(protocol);
        Peer { protocol, remote, identity: identity.filter(|_| needed).cloned() }
    }

    /// The name to prove; empty for UDP and TCP.
    #[must_use]
    pub fn name(&self) -> &str {
        self.identity.as_ref().map_or("", |identity| &identity.name)
    }

    /// The TLS profile; empty for the default one.
    #[must_use]
    pub fn profile(&self) -> &str {
        self.identity.as_ref().map_or("", |identity| &identity.profile)
    }

    /// The path of a WebSocket.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.identity.as_ref().map(|identity| identity.resource.as_str()).filter(|path| !path.is_empty()).unwrap_or("/")
    }

    /// The same peer under another proven name.
    pub(super) fn called(&self, name: &str) -> Peer {
        let identity = self.identity.as_deref().cloned().unwrap_or_default();
        Peer { identity: Some(Arc::new(Identity { name: name.to_owned(), ..identity })), ..*self }
    }
}

/// Whether connections of a protocol are told apart by more than their address.
#[must_use]
pub const fn needs_identity(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Tls | Protocol::Ws | Protocol::Wss)
}

/// What is known of a stream when it opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// The peer that we asked for; `None` for an accepted stream.
    pub asked: Option<Peer>,
    /// Names that the peer's certificate proves (RFC 5922 s7.1), lower case; none where there is no verified certificate.
    pub names: Option<Arc<[Box<str>]>>,
    /// Both sides have shown a certificate: the stream may have aliases. RFC 5923 s5.
    pub mutual: bool,
}

impl Opened {
    /// A stream that a peer opened.
    #[must_use]
    pub fn accepted() -> Self {
        Opened::default()
    }

    /// A stream that we opened.
    #[must_use]
    pub fn to(peer: Peer) -> Self {
        Opened { asked: Some(peer), ..Opened::default() }
    }

    /// The proven names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().flat_map(|names| names.iter()).map(|name| &**name)
    }

    /// Whether a request of the dialog that lives on this stream may go over it though it is for `peer`. An address in a Contact is
    /// the peer's own word for where it is, and this is the connection that it gave it on; another name needs a certificate.
    pub(super) fn fits(&self, flow: &Flow, peer: &Peer) -> bool {
        if flow.protocol != peer.protocol || flow.remote.ip() != peer.remote.ip() {
            return false;
        }
        let name = peer.name();
        let at_address = || name.parse::<IpAddr>().is_ok_and(|ip| ip == flow.remote.ip());
        let hidden = || self.asked.is_none() && is_invalid(name);
        let profile = self.asked.as_ref().is_none_or(|asked| asked.profile() == peer.profile());
        let asked = || self.asked.as_ref().is_some_and(|asked| asked.name() == name);
        !flow.protocol.is_secure()
            || (profile && (asked() || at_address() || hidden() || self.names().any(|proven| proven == name)))
    }
}

/// Whether a host name is none that could be looked up: a browser's Contact. RFC 7118 s5.2.1, RFC 2606 s2.
#[must_use]
pub fn is_invalid(host: &str) -> bool {
    let tail = host.len().checked_sub(8).and_then(|at| host.get(at..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(".invalid"))
}

/// A way to send outside of transactions: the stream while it is open, else to the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The peer.
    pub peer: Peer,
    /// Our address on the route to it.
    pub local: IpAddr,
    /// The stream to prefer.
    pub flow: Option<Flow>,
}
