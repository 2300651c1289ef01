//! Answers the questions of RFC 3263: address literals at once, names by the system's resolver on a thread of its own.

use super::inbox::Inbound;
use super::{Shard, with};
use crate::agent::io::{Input, Query, Target};
use crate::base::{Duration, Protocol, limits};
use crate::engine::net::listen::is_built_in;
use std::net::{IpAddr, SocketAddr};

/// Look-ups at once in one shard.
const LOOKUPS: usize = 64;
/// A look-up takes no longer.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) fn resolve(shard: &mut Shard, query: Query) {
    let protocol = match (query.protocol, query.secure) {
        (None, false) => shard.default_protocol(),
        _ => query.protocol_or_default(),
    };
    let Query { token, host, port, .. } = query;
    let refused = |error: String| Input::Resolved { token, targets: Vec::new(), error: Some(error) };
    if !is_built_in(protocol) {
        let error =
            format!("{protocol} is not built in; build with the features `tls` and `ws`, or call over udp or tcp");
        shard.soon.push_back(refused(error));
        return;
    }
    let port = port.unwrap_or(protocol.default_port());
    if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        let (targets, error) = shard.targets(protocol, &[SocketAddr::new(ip, port)]);
        shard.soon.push_back(Input::Resolved { token, targets, error });
        return;
    }
    if shard.lookups >= LOOKUPS {
        let error = format!("cannot resolve {host}: {LOOKUPS} other look-ups wait; is the name server down?");
        shard.soon.push_back(refused(error));
        return;
    }
    shard.lookups += 1;
    tokio::spawn(async move {
        let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((host.as_str(), port))).await;
        let found = match found {
            Ok(Ok(addresses)) => Ok(addresses.take(limits::TARGETS).collect::<Vec<_>>()),
            Ok(Err(error)) => Err(format!("cannot resolve {host}: {error}; check the name and the name server")),
            Err(_) => Err(format!(
                "cannot resolve {host}: no answer in {} s; is the name server down?",
                LOOKUP_TIMEOUT.as_secs()
            )),
        };
        with(|shard| {
            shard.lookups -= 1;
            let (targets, error) = match found {
                Ok(addresses) if addresses.is_empty() => {
                    (Vec::new(), Some(format!("cannot resolve {host}: it has no address")))
                }
                Ok(addresses) => shard.targets(protocol, &addresses),
                Err(error) => (Vec::new(), Some(error)),
            };
            shard.inbound(Inbound::Resolved { token, targets, error });
            shard.after_task();
        });
    });
}

impl Shard {
    /// UDP, unless we only listen on TCP. RFC 3263 s4.1.
    fn default_protocol(&self) -> Protocol {
        if self.sends.is_empty() && !self.config.listeners.is_empty() { Protocol::Tcp } else { Protocol::Udp }
    }

    /// Those addresses that there is a way to, with our address on it; else why there is none.
    fn targets(&mut self, protocol: Protocol, addresses: &[SocketAddr]) -> (Vec<Target>, Option<String>) {
        let now = self.now();
        let mut error = None;
        let mut targets = Vec::with_capacity(addresses.len());
        for remote in addresses {
            match self.routes.local(protocol, *remote, now) {
                Ok(local) => targets.push(Target { protocol, remote: *remote, local }),
                Err(why) => error = Some(why),
            }
        }
        let error = if targets.is_empty() { error } else { None };
        (targets, error)
    }
}
