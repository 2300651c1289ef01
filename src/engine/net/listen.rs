//! What to listen on: listen URIs, and sockets bound for every shard.

use super::super::{Error, ErrorKind};
use super::batch;
use crate::agent::io::Listener;
use crate::base::Protocol;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;

/// Receive buffer asked for; the system may give less. A burst of calls must not overflow it while the shard runs.
const RECEIVE_BUFFER: usize = 4 * 1024 * 1024;
/// Send buffer asked for.
const SEND_BUFFER: usize = 1024 * 1024;
/// Connections that may wait to be accepted.
const ACCEPT_BACKLOG: i32 = 1024;
/// Tries to find one port that is free for both protocols and families.
const PORT_TRIES: usize = 32;
/// Listening points of one engine.
const LISTENERS: usize = 64;

/// The sockets of one shard.
#[derive(Debug, Default)]
pub(crate) struct ShardSockets {
    pub(crate) udp: Vec<UdpSocket>,
    /// Of all stream protocols.
    pub(crate) streams: Vec<(Protocol, TcpListener)>,
}

/// All that an engine listens on.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) listeners: Vec<Listener>,
    pub(crate) shards: Vec<ShardSockets>,
}

/// Reads listen URIs and binds them, for each of `shards` shards.
pub(crate) fn bind(uris: &[String], shards: usize, has_certificate: bool) -> Result<Bound, Error> {
    if uris.is_empty() {
        return bind_default(shards);
    }
    if uris.len() > LISTENERS {
        return Err(Error::invalid(format!("{} listen URIs: the most is {LISTENERS}", uris.len())));
    }
    let wanted = uris.iter().map(|uri| parse(uri)).collect::<Result<Vec<_>, _>>()?;
    if let Some(secure) = wanted.iter().find(|l| l.protocol.is_secure() && !has_certificate) {
        return Err(Error::invalid(format!(
            "cannot listen on {}://{} without a certificate: set one in the TLS settings (certificate chain and key, PEM)",
            secure.protocol, secure.local
        )));
    }
    let mut bound = Bound::new(shards);
    for listener in wanted {
        bound.add(listener).map_err(|e| explain(listener, &e))?;
    }
    Ok(bound)
}

/// One ephemeral port, the same for UDP and TCP, on 0.0.0.0 and, where there is IPv6, on [::].
fn bind_default(shards: usize) -> Result<Bound, Error> {
    let v4 = |port| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port);
    let v6 = |port| SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port);
    let mut last = None;
    for _ in 0..PORT_TRIES {
        let wildcard = Listener { protocol: Protocol::Udp, local: v4(0) };
        let mut bound = Bound::new(shards);
        if let Err(error) = bound.add(wildcard) {
            return Err(explain(wildcard, &error));
        }
        let port = bound.listeners.first().map_or(0, |l| l.local.port());
        let rest = [(Protocol::Tcp, v4(port)), (Protocol::Udp, v6(port)), (Protocol::Tcp, v6(port))];
        let outcome =
            rest.into_iter().try_for_each(|(protocol, local)| match bound.add(Listener { protocol, local }) {
                Err(e) if local.is_ipv6() && e.kind() != io::ErrorKind::AddrInUse => Ok(()),
                other => other,
            });
        match outcome {
            Ok(()) => return Ok(bound),
            Err(error) => last = Some(error),
        }
    }
    Err(Error::io(format!(
        "no port is free for both UDP and TCP ({}); name one with listen",
        last.map_or_else(String::new, |e| e.to_string())
    )))
}

impl Bound {
    fn new(shards: usize) -> Self {
        Bound { listeners: Vec::new(), shards: (0..shards).map(|_| ShardSockets::default()).collect() }
    }

    fn add(&mut self, wanted: Listener) -> io::Result<()> {
        let shared = self.shards.len() > 1;
        let mut at = wanted;
        if shared {
            // With SO_REUSEPORT a port that another engine of ours has would be shared in silence; an exclusive bind finds that
            // out, and finds a free one for port 0.
            at.local = socket(wanted, false)?.local_addr()?.as_socket().unwrap_or(wanted.local);
        }
        let mut sockets = Vec::with_capacity(self.shards.len());
        for _ in 0..self.shards.len() {
            let socket = socket(at, shared)?;
            at.local = socket.local_addr()?.as_socket().unwrap_or(at.local);
            sockets.push(socket);
        }
        for (shard, socket) in self.shards.iter_mut().zip(sockets) {
            match at.protocol {
                Protocol::Udp => shard.udp.push(socket.into()),
                _ => {
                    socket.listen(ACCEPT_BACKLOG)?;
                    shard.streams.push((at.protocol, socket.into()));
                }
            }
        }
        self.listeners.push(at);
        Ok(())
    }
}

fn socket(listener: Listener, shared: bool) -> io::Result<Socket> {
    let v6 = listener.local.is_ipv6();
    let domain = if v6 { Domain::IPV6 } else { Domain::IPV4 };
    let udp = listener.protocol == Protocol::Udp;
    let socket = Socket::new(domain, if udp { Type::DGRAM } else { Type::STREAM }, None)?;
    if v6 {
        socket.set_only_v6(true)?;
    }
    if udp {
        // Less than asked for is no error.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
        batch::enable_packet_info(socket.as_fd(), v6)?;
    } else {
        socket.set_reuse_address(true)?;
    }
    socket.set_reuse_port(shared)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::from(listener.local))?;
    Ok(socket)
}

/// Whether this build speaks a protocol.
pub(crate) const fn is_built_in(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Udp | Protocol::Tcp => true,
        Protocol::Tls => cfg!(feature = "tls"),
        Protocol::Ws => cfg!(feature = "ws"),
        Protocol::Wss => cfg!(all(feature = "tls", feature = "ws")),
    }
}

/// Reads `udp://127.0.0.1:5070`, `tls://[::]:5061`.
fn parse(uri: &str) -> Result<Listener, Error> {
    let bad = |why: &str| {
        Error::invalid(format!(
            "bad listen URI {uri:?}: {why}; write PROTOCOL://ADDRESS:PORT, as udp://0.0.0.0:5060; protocols are udp, tcp, tls, ws, wss"
        ))
    };
    let (scheme, rest) = uri.trim().split_once("://").ok_or_else(|| bad("it has no ://"))?;
    let protocol = Protocol::from_token(scheme).ok_or_else(|| bad("the transport is unknown"))?;
    if !is_built_in(protocol) {
        let text = format!("{protocol} is not built in; build with the features `tls` and `ws` for {uri:?}");
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    let rest = rest.trim_end_matches('/');
    if let Ok(local) = rest.parse::<SocketAddr>() {
        return Ok(Listener { protocol, local });
    }
    let bare = rest.strip_prefix('[').and_then(|r| r.strip_suffix(']')).unwrap_or(rest);
    let ip: IpAddr = bare.parse().map_err(|_| bad("the address is no IP address with an optional port"))?;
    Ok(Listener { protocol, local: SocketAddr::new(ip, protocol.default_port()) })
}

fn explain(listener: Listener, error: &io::Error) -> Error {
    let Listener { protocol, local } = listener;
    let remedy = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use; stop the program that has it or choose another (0 takes a free one)"
        }
        io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one",
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address",
        _ => "choose another address",
    };
    Error::io(format!("cannot listen on {protocol}://{local}: {error}: {remedy}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_uris_are_read() {
        let of = |uri: &str| parse(uri).map(|l| (l.protocol, l.local.to_string()));
        assert_eq!(of("udp://127.0.0.1:5070").unwrap(), (Protocol::Udp, "127.0.0.1:5070".into()));
        assert_eq!(of("tcp://[::]:5060").unwrap(), (Protocol::Tcp, "[::]:5060".into()));
        assert_eq!(of("UDP://[::1]").unwrap(), (Protocol::Udp, "[::1]:5060".into()));
        assert_eq!(of("tcp://10.0.0.1/").unwrap(), (Protocol::Tcp, "10.0.0.1:5060".into()));
        for bad in ["", "127.0.0.1:5060", "sctp://1.2.3.4:5", "udp://", "udp://host:5060", "udp://1.2.3.4:99999"] {
            assert_eq!(parse(bad).unwrap_err().kind, ErrorKind::Invalid, "{bad}");
        }
        for (uri, protocol, port) in [
            ("tls://0.0.0.0", Protocol::Tls, 5061),
            ("ws://0.0.0.0", Protocol::Ws, 80),
            ("wss://[::]", Protocol::Wss, 443),
        ] {
            match parse(uri) {
                Ok(listener) => assert_eq!((listener.protocol, listener.local.port()), (protocol, port)),
                Err(e) => assert!(e.kind == ErrorKind::Unsupported && !is_built_in(protocol)),
            }
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_without_a_certificate_is_an_error_that_says_so() {
        let error = bind(&["tls://127.0.0.1:0".to_owned()], 1, false).unwrap_err();
        assert!(error.kind == ErrorKind::Invalid && error.message.contains("certificate"), "{}", error.message);
        assert!(bind(&["tls://127.0.0.1:0".to_owned()], 1, true).is_ok());
    }

    #[test]
    fn the_default_takes_one_port_for_all() {
        for shards in [1, 3] {
            let bound = bind(&[], shards, false).unwrap();
            let port = bound.listeners[0].local.port();
            assert!(port != 0 && bound.listeners.iter().all(|l| l.local.port() == port));
            assert!(bound.listeners.len() == 2 || bound.listeners.len() == 4);
            assert!(bound.shards.iter().all(|s| s.udp.len() + s.streams.len() == bound.listeners.len()));
        }
    }

    #[test]
    fn a_port_in_use_is_an_error_that_names_it_for_one_shard_and_for_many() {
        for (first, second) in [(1, 1), (3, 3), (1, 2), (2, 1)] {
            for scheme in ["udp", "tcp"] {
                let bound = bind(&[format!("{scheme}://127.0.0.1:0")], first, false).unwrap();
                let uri = format!("{scheme}://{}", bound.listeners[0].local);
                let error = bind(std::slice::from_ref(&uri), second, false).unwrap_err();
                assert_eq!(error.kind, ErrorKind::Io);
                assert!(error.message.contains(&uri) && error.message.contains("in use"), "{}", error.message);
            }
        }
    }
}
