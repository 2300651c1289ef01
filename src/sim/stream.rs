//! Simulated TCP: reliable, ordered, cut into segments at places of the network's choice.

use super::{Happening, HostId, World};
use crate::agent::io::{Opened, Peer};
use crate::base::{Flow, Instant};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// All connections of a world, by host and connection number.
#[derive(Default)]
pub(super) struct Streams {
    ends: BTreeMap<(HostId, u64), End>,
    serial: u64,
}

struct End {
    peer: (HostId, Flow),
    /// When the last segment arrives; nothing overtakes it.
    last: Instant,
}

impl World {
    pub(super) fn connect(&mut self, host: HostId, shard: u8, peer: Peer) {
        let (protocol, remote) = (peer.protocol, peer.remote);
        let delay = self.network.stream() + self.network.stream();
        let at = self.now + delay;
        let listens = self.host_at(remote).filter(|h| {
            let wanted = |l: &crate::agent::io::Listener| l.protocol == protocol && l.local.port() == remote.port();
            self.hosts[h.0].agents.first().is_some_and(|a| a.listeners().iter().any(wanted))
        });
        let parted = self.network.is_parted(self.hosts[host.0].ip, remote.ip());
        let Some(server) = listens.filter(|_| !parted) else {
            return self.schedule(at, Happening::ConnectFailed { host, shard, peer });
        };
        self.streams.serial += 1;
        let serial = self.streams.serial;
        let server_shard = self.network.any_shard(self.hosts[server.0].agents.len() as u8);
        let local = SocketAddr::new(self.hosts[host.0].ip, 40_000 + (serial % 20_000) as u16);
        let connection = |shard: u8, side: u64| (u64::from(shard) << 56) | (serial << 1) | side;
        let ours = Flow { protocol, local, remote, connection: connection(shard, 0) };
        let theirs = Flow { protocol, local: remote, remote: local, connection: connection(server_shard, 1) };
        let end = |peer| End { peer, last: at };
        self.streams.ends.insert((host, ours.connection), end((server, theirs)));
        self.streams.ends.insert((server, theirs.connection), end((host, ours)));
        self.schedule(at, Happening::StreamOpened { host: server, flow: theirs, opened: Opened::accepted() });
        self.schedule(at, Happening::StreamOpened { host, flow: ours, opened: Opened::to(peer) });
    }

    pub(super) fn stream_write(&mut self, host: HostId, flow: Flow, mut bytes: Bytes) {
        let parted = self.network.is_parted(flow.local.ip(), flow.remote.ip());
        self.ladder.message(self.now, flow.local, flow.remote, &bytes, if parted { "  (cut)" } else { "" });
        if parted {
            return self.close(host, flow);
        }
        let delay = self.network.stream();
        let Some(end) = self.streams.ends.get_mut(&(host, flow.connection)) else { return };
        let at = end.last.max(self.now + delay);
        end.last = at;
        let (peer, peer_flow) = end.peer;
        while !bytes.is_empty() {
            let cut = self.network.cut(bytes.len());
            let segment = bytes.split_to(cut);
            self.schedule(at, Happening::StreamData { host: peer, flow: peer_flow, bytes: segment });
        }
    }

    pub(super) fn close(&mut self, host: HostId, flow: Flow) {
        let Some(end) = self.streams.ends.remove(&(host, flow.connection)) else { return };
        let (peer, peer_flow) = end.peer;
        self.streams.ends.remove(&(peer, peer_flow.connection));
        let at = end.last.max(self.now);
        self.schedule(at, Happening::StreamClosed { host: peer, flow: peer_flow });
        self.schedule(self.now, Happening::StreamClosed { host, flow });
    }
}
