//! Which address of ours a packet to a peer leaves from: the system's routing decides, a listener that is bound to one address
//! overrides it.

use crate::agent::io::Listener;
use crate::base::{Duration, Instant, Protocol};
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Answers are good for this long: routes change when a cable, a VPN or a phone network comes and goes.
const FRESH: Duration = Duration::from_secs(1);
/// Answers remembered.
const REMEMBERED: usize = 1024;

/// Local addresses by peer.
#[derive(Debug)]
pub(crate) struct Routes {
    listeners: Vec<Listener>,
    known: BTreeMap<SocketAddr, (Instant, IpAddr)>,
}

impl Routes {
    pub(crate) fn new(listeners: Vec<Listener>) -> Self {
        Routes { listeners, known: BTreeMap::new() }
    }

    /// Our address towards `remote`, or why there is none.
    pub(crate) fn local(&mut self, protocol: Protocol, remote: SocketAddr, now: Instant) -> Result<IpAddr, String> {
        let same = |l: &&Listener| l.protocol == protocol && l.local.is_ipv4() == remote.is_ipv4();
        let ours = || self.listeners.iter().filter(same);
        if protocol == Protocol::Udp && ours().next().is_none() {
            let (family, example) =
                if remote.is_ipv4() { ("IPv4", "udp://0.0.0.0:5060") } else { ("IPv6", "udp://[::]:5060") };
            return Err(format!(
                "no UDP listener for {family}, so nothing can be sent to {}; listen on {example} too",
                remote.ip()
            ));
        }
        let bound: Vec<IpAddr> = ours().map(|l| l.local.ip()).filter(|ip| !ip.is_unspecified()).collect();
        let wildcard = ours().any(|l| l.local.ip().is_unspecified());
        let routed = self.routed(remote, now)?;
        Ok(match bound.first() {
            Some(first) if !wildcard && !bound.contains(&routed) => *first,
            _ => routed,
        })
    }

    fn routed(&mut self, remote: SocketAddr, now: Instant) -> Result<IpAddr, String> {
        if let Some((at, local)) = self.known.get(&remote)
            && now.since(*at) < FRESH
        {
            return Ok(*local);
        }
        let local = ask(remote).map_err(|e| format!("no route to host {}: {e}; check the network", remote.ip()))?;
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(remote, (now, local));
        Ok(local)
    }
}

/// The source address that the system would take: connecting a UDP socket sends nothing.
fn ask(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    // Port 0 cannot be connected to; any other does for a route.
    let port = if remote.port() == 0 { 5060 } else { remote.port() };
    socket.connect(SocketAddr::new(remote.ip(), port))?;
    socket.local_addr().map(|a| a.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(locals: &[&str]) -> Routes {
        let udp = |a: &&str| Listener { protocol: Protocol::Udp, local: a.parse().unwrap() };
        Routes::new(locals.iter().map(udp).collect())
    }

    #[test]
    fn a_wildcard_takes_the_route_and_a_bound_address_wins() {
        let peer = "127.0.0.9:5060".parse().unwrap();
        let local = |mut r: Routes| r.local(Protocol::Udp, peer, Instant::ZERO).unwrap().to_string();
        assert_eq!(local(routes(&["0.0.0.0:5060"])), "127.0.0.1");
        assert_eq!(local(routes(&["127.0.0.2:5060"])), "127.0.0.2");
        assert_eq!(local(routes(&["127.0.0.2:5060", "127.0.0.1:5060"])), "127.0.0.1");
        assert_eq!(local(routes(&["127.0.0.2:5060", "0.0.0.0:5070"])), "127.0.0.1");
    }

    #[test]
    fn a_missing_family_and_a_missing_route_are_named() {
        let mut only_v4 = routes(&["0.0.0.0:5060"]);
        let error = only_v4.local(Protocol::Udp, "[::1]:5060".parse().unwrap(), Instant::ZERO).unwrap_err();
        assert!(error.contains("no UDP listener for IPv6"), "{error}");
        let error = only_v4.local(Protocol::Udp, "255.255.255.255:5060".parse().unwrap(), Instant::ZERO).unwrap_err();
        assert!(error.contains("no route to host 255.255.255.255"), "{error}");
    }

    #[test]
    fn answers_are_remembered_within_a_bound() {
        let mut routes = routes(&["0.0.0.0:5060"]);
        for n in 0..=REMEMBERED as u16 {
            let peer = SocketAddr::from(([127, 1, (n >> 8) as u8, n as u8], 5060));
            routes.local(Protocol::Udp, peer, Instant::ZERO).unwrap();
        }
        assert_eq!(routes.known.len(), 1);
    }
}
