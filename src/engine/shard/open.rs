//! Opening connections: connect, and the handshakes of TLS and WebSockets on both sides, with bounds on their time. RFC 3261 s18.1.1,
//! RFC 8446 s4, RFC 6455 s4.

use super::link::Link;
use crate::agent::io::{Opened, Peer};
use crate::base::{Duration, Protocol};
use crate::engine::shared::Shared;
use std::io;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Connection and handshakes of ours take no longer: less than `limits::CONNECT`, so that the cause is told and not only the time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(7);
/// Read at once during a handshake.
const READ_BYTES: usize = 16 * 1024;

/// A connection that is ready for SIP.
pub(super) struct Fresh {
    pub(super) link: Link,
    pub(super) opened: Opened,
    /// What came right behind the handshake.
    pub(super) early: Vec<u8>,
}

/// Connects to a peer. An `Err` has cause and remedy.
pub(super) async fn connect(shared: &Shared, peer: &Peer) -> Result<Fresh, String> {
    let (protocol, remote) = (peer.protocol, peer.remote);
    let whole = async {
        let socket = TcpStream::connect(remote).await.map_err(|e| match e.kind() {
            io::ErrorKind::ConnectionRefused => format!("nothing listens on {remote} over {protocol}: {e}"),
            _ => format!("cannot connect to {remote} over {protocol}: {e}"),
        })?;
        let link = client(shared, socket, peer)?;
        up(link, Opened::to(peer.clone())).await
    };
    let late = |_| format!("cannot connect to {remote} over {protocol}: no answer in {} s", CONNECT_TIMEOUT.as_secs());
    timeout(CONNECT_TIMEOUT, whole).await.map_err(late)?
}

/// Makes an accepted connection ready.
pub(super) async fn accept(
    shared: &Shared,
    protocol: Protocol,
    socket: TcpStream,
    limit: Duration,
) -> Result<Fresh, String> {
    let link = server(shared, protocol, socket)?;
    let late = |_| format!("the handshake was not done in {} s", limit.as_secs());
    timeout(limit, up(link, Opened::accepted())).await.map_err(late)?
}

#[allow(unused_variables, reason = "without TLS")]
fn client(shared: &Shared, socket: TcpStream, peer: &Peer) -> Result<Link, String> {
    #[allow(unused_mut, reason = "without TLS and WebSockets")]
    let mut link = started(socket)?;
    #[cfg(feature = "tls")]
    if peer.protocol.is_secure() {
        link = link.secured(shared.streams.tls.connect(peer.profile(), peer.name())?);
    }
    #[cfg(feature = "ws")]
    if is_framed(peer.protocol) {
        let layer = crate::engine::ws::Layer::client(peer.protocol.is_secure(), &authority(peer), peer.resource())?;
        link = link.framed(layer);
    }
    built_in(peer.protocol).map(|()| link)
}

#[allow(unused_variables, reason = "without TLS")]
fn server(shared: &Shared, protocol: Protocol, socket: TcpStream) -> Result<Link, String> {
    #[allow(unused_mut, reason = "without TLS and WebSockets")]
    let mut link = started(socket)?;
    #[cfg(feature = "tls")]
    if protocol.is_secure() {
        link = link.secured(shared.streams.tls.accept()?);
    }
    #[cfg(feature = "ws")]
    if is_framed(protocol) {
        link = link.framed(crate::engine::ws::Layer::server());
    }
    built_in(protocol).map(|()| link)
}

fn started(socket: TcpStream) -> Result<Link, String> {
    socket.set_nodelay(true).map_err(|e| e.to_string())?;
    Ok(Link::new(socket))
}

fn built_in(protocol: Protocol) -> Result<(), String> {
    match crate::engine::net::listen::is_built_in(protocol) {
        true => Ok(()),
        false => Err(format!("{protocol} is not built in; build with the features `tls` and `ws`")),
    }
}

#[cfg(feature = "ws")]
const fn is_framed(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Ws | Protocol::Wss)
}

/// Host and port for the HTTP request.
#[cfg(feature = "ws")]
fn authority(peer: &Peer) -> String {
    let name = peer.name();
    let host = if name.contains(':') { format!("[{name}]") } else { name.to_owned() };
    match peer.remote.port() {
        port if port == peer.protocol.default_port() => host,
        port => format!("{host}:{port}"),
    }
}

/// Runs the handshakes until SIP can flow.
async fn up(mut link: Link, mut opened: Opened) -> Result<Fresh, String> {
    let mut early = Vec::new();
    let mut buffer = Vec::new();
    let gone = |e: io::Error| format!("the connection broke during the handshake: {e}");
    loop {
        link.advance()?;
        let blocked = link.flush().map_err(gone)?;
        if !link.is_handshaking() {
            break;
        }
        tokio::select! {
            ready = link.socket.readable() => ready.map_err(gone)?,
            ready = link.socket.writable(), if blocked => ready.map_err(gone)?,
        }
        buffer.resize(READ_BYTES, 0);
        let read = match link.socket.try_read(&mut buffer) {
            Ok(0) => {
                return Err("the peer closed the connection during the handshake; is the port right, does it want a certificate of \
                            ours?"
                    .to_owned());
            }
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
            Err(e) => return Err(gone(e)),
        };
        let outcome = link.receive(buffer.get(..read).unwrap_or_default(), &mut early).and_then(|_| link.advance());
        if let Err(reason) = outcome {
            // The peer is told why, if it listens.
            let _ = link.flush();
            return Err(reason);
        }
    }
    let protection = link.protection();
    opened.mutual = link.is_mutual();
    opened.names =
        protection.filter(|tls| tls.verified).map(|tls| tls.names.into_iter().map(String::into_boxed_str).collect());
    Ok(Fresh { link, opened, early })
}
