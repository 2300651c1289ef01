//! Answers the questions of RFC 3263: address literals at once, names through [`Dns`](crate::engine::dns).

use super::{Shard, with};
use crate::agent::io::{Input, Query, Target};
use crate::base::{Protocol, Rng, limits};
use crate::engine::dns::{Asked, Backend, Dns};
use crate::engine::net::listen::is_built_in;
use crate::resolve::{Hop, Lookup, Means};
use std::collections::BTreeMap;

/// The look-ups of one shard.
pub(super) struct Lookups {
    dns: Dns,
    backend: Backend,
    rng: Rng,
    under_way: BTreeMap<u64, (Lookup, u64)>,
    serial: u64,
}

impl Lookups {
    pub(super) fn new(dns: Dns, backend: Backend, rng: Rng) -> Self {
        Lookups { dns, backend, rng, under_way: BTreeMap::new(), serial: 0 }
    }
}

pub(super) fn resolve(shard: &mut Shard, query: &Query) {
    let wanted = query.protocol_or_default();
    if (query.protocol.is_some() || query.secure) && !is_built_in(wanted) {
        let error =
            format!("{wanted} is not built in; build with the features `tls` and `ws`, or call over udp or tcp");
        shard.soon.push_back(Input::Resolved { token: query.token, targets: Vec::new(), error: Some(error) });
        return;
    }
    let means = shard.means();
    let lookup = Lookup::new(query, means, shard.lookups.rng.fork(), false);
    if lookup.outcome().is_none() && shard.lookups.under_way.len() >= limits::DNS_LOOKUPS {
        let error = format!(
            "cannot resolve {}: {} other look-ups wait; is the name server down?",
            query.host,
            limits::DNS_LOOKUPS
        );
        shard.soon.push_back(Input::Resolved { token: query.token, targets: Vec::new(), error: Some(error) });
        return;
    }
    shard.go_on(lookup, query.token);
}

impl Shard {
    /// Asks what a look-up wants to know; when nothing is left, the agent hears the outcome.
    fn go_on(&mut self, mut lookup: Lookup, token: u64) {
        let now = self.now();
        let lookups = &mut self.lookups;
        lookups.serial = lookups.serial.wrapping_add(1);
        let serial = lookups.serial;
        self.ask(&mut lookup, serial, now);
        match lookup.outcome() {
            None => drop(self.lookups.under_way.insert(serial, (lookup, token))),
            Some(outcome) => self.resolved(token, outcome),
        }
    }

    fn ask(&mut self, lookup: &mut Lookup, serial: u64, now: crate::base::Instant) {
        while let Some(question) = lookup.next_question() {
            match self.lookups.dns.ask(&question, serial, now) {
                Asked::Known(answer) => lookup.answer(&question, answer),
                Asked::InFlight => {}
                Asked::Ask => {
                    let backend = self.lookups.backend.clone();
                    tokio::spawn(async move {
                        let (answer, ttl_s) = backend.ask(question.clone()).await;
                        with(|shard| {
                            let now = shard.now();
                            for serial in shard.lookups.dns.answered(&question, &answer, ttl_s, now) {
                                let Some((mut lookup, token)) = shard.lookups.under_way.remove(&serial) else {
                                    continue;
                                };
                                lookup.answer(&question, answer.clone());
                                shard.ask(&mut lookup, serial, now);
                                match lookup.outcome() {
                                    None => drop(shard.lookups.under_way.insert(serial, (lookup, token))),
                                    Some(outcome) => shard.resolved(token, outcome),
                                }
                            }
                            shard.settle();
                            shard.after_task();
                        });
                    });
                }
            }
        }
    }

    fn resolved(&mut self, token: u64, outcome: &Result<Vec<Hop>, String>) {
        let (targets, error) = match outcome {
            Ok(hops) => self.targets(hops),
            Err(error) => (Vec::new(), Some(error.clone())),
        };
        self.soon.push_back(Input::Resolved { token, targets, error });
    }

    /// What can go out: UDP where we listen, connections always. RFC 3263 s4.1.
    fn means(&self) -> Means {
        let udp = !self.sends.is_empty() || self.config.listeners.is_empty();
        let all = [Protocol::Udp, Protocol::Tcp, Protocol::Tls, Protocol::Ws, Protocol::Wss];
        let have = |protocol: &Protocol| is_built_in(*protocol) && (udp || *protocol != Protocol::Udp);
        let protocols = all.into_iter().filter(have).collect();
        Means { protocols, v4: true, v6: true }
    }

    /// Those hops that there is a way to, with our address on it; else why there is none.
    fn targets(&mut self, hops: &[Hop]) -> (Vec<Target>, Option<String>) {
        let now = self.now();
        let mut error = None;
        let mut targets = Vec::with_capacity(hops.len());
        for Hop { protocol, remote } in hops {
            match self.routes.local(*protocol, *remote, now) {
                Ok(local) => targets.push(Target { protocol: *protocol, remote: *remote, local }),
                Err(why) => error = Some(why),
            }
        }
        let error = if targets.is_empty() { error } else { None };
        (targets, error)
    }
}
