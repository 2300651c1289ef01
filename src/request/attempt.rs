//! One try: what a template needs to print it, and the way it goes. RFC 3261 s8.1.1.7, s18.1.1.

use crate::auth::{Credentials, DigestCache, Rounds, Scope};
use crate::base::{Flow, Instant, Protocol, Rng};
use crate::message::{Name, Uri, Writer};
use crate::resolve::{Penalties, Target};
use crate::transaction::{self, Transactions};
use crate::transport::{self, Identity, Peer, Transports, Way, shard};
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;

/// Prints a request, once for each try.
pub trait Template {
    /// The Request-URI.
    fn uri(&self) -> &str;

    /// The body, for digest with `auth-int`.
    fn body(&self) -> &[u8] {
        &[]
    }

    /// The next CSeq number: asked for at the start and after a challenge, not for failover (RFC 3261 s22.2, RFC 3263 s4.3).
    fn next_cseq(&mut self) -> u32;

    /// Prints the whole request into `out`: `attempt.via` is the only Via, `attempt.cseq` the CSeq number.
    fn write(&mut self, attempt: &Attempt<'_>, out: &mut Vec<u8>);
}

/// What one try brings to the request.
#[derive(Copy, Clone, Debug)]
pub struct Attempt<'a> {
    /// Where it goes. `protocol` may differ from the target's when the request is too large for UDP.
    pub protocol: Protocol,
    /// The peer.
    pub remote: SocketAddr,
    /// Our address as that peer sees it, for Contact.
    pub contact: SocketAddr,
    /// Value of the Via, with a new branch.
    pub via: &'a str,
    /// CSeq number.
    pub cseq: u32,
    /// Authorization and Proxy-Authorization headers.
    pub credentials: &'a [(Name, String)],
}

impl Attempt<'_> {
    /// Adds the credentials' headers.
    pub fn write_credentials(&self, writer: &mut Writer<'_>) {
        for (name, value) in self.credentials {
            writer.header(*name, value);
        }
    }
}

/// What a request works with; all of it is the caller's.
#[derive(Debug)]
pub struct Io<'a> {
    /// The shard's transactions.
    pub transactions: &'a mut Transactions,
    /// The shard's transports.
    pub transports: &'a mut Transports,
    /// What the transactions want done: drain it after each call.
    pub actions: &'a mut Vec<transaction::Action>,
    /// What the transports want done: drain it after each call.
    pub wire: &'a mut Vec<transport::Action>,
    /// Randomness for branches and cnonces.
    pub rng: &'a mut Rng,
    /// The shard, for branches.
    pub shard: u8,
    /// Requests larger than this go over TCP; 0 turns the rule off.
    pub udp_limit: usize,
    /// Who answers challenges. `None` answers none: so it must be for requests that the account did not originate.
    pub account: Option<(&'a Credentials, &'a mut DigestCache)>,
    /// Names the request in `transport::Action::Ready` and `Unreachable`.
    pub waiter: u64,
    /// What failed lately, and the times of failover.
    pub penalties: &'a mut Penalties,
    /// Now.
    pub now: Instant,
}

impl Io<'_> {
    /// The way to the peer that is there already. `reuse` is a stream that the dialog came on: it is taken when the peer is the same.
    pub(super) fn flow_to(&self, peer: &Peer, local: std::net::IpAddr, reuse: Option<Flow>) -> Option<Flow> {
        reuse.filter(|flow| self.transports.carries(flow, peer)).or_else(|| self.transports.flow_to(peer, local))
    }

    /// Whether `bytes` must not go over UDP. RFC 3261 s18.1.1.
    pub(super) fn is_too_large(&self, protocol: Protocol, bytes: &[u8]) -> bool {
        protocol == Protocol::Udp && self.udp_limit > 0 && bytes.len() > self.udp_limit
    }

    /// The credentials for a try.
    pub(super) fn credentials(
        &mut self,
        method: &str,
        template: &impl Template,
        next_hop: SocketAddr,
        rounds: &mut Rounds,
    ) -> Vec<(Name, String)> {
        match &mut self.account {
            Some((credentials, cache)) => cache.authorize(rounds, credentials, &scope(method, template, next_hop)),
            None => Vec::new(),
        }
    }

    /// Prints a request for `target` with a new branch.
    pub(super) fn print(
        &mut self,
        target: &Target,
        cseq: u32,
        credentials: &[(Name, String)],
        write: impl FnOnce(&Attempt<'_>, &mut Vec<u8>),
    ) -> Bytes {
        let branch = shard::branch(self.shard, self.rng);
        let via = self.transports.via(target.protocol, target.local, &branch);
        let contact = self.transports.advertised(target.protocol, target.local);
        let attempt =
            Attempt { protocol: target.protocol, remote: target.remote, contact, via: &via, cseq, credentials };
        // What asks for a kilobyte or more makes the allocator tidy up first.
        let mut out = Vec::with_capacity(960);
        write(&attempt, &mut out);
        Bytes::from(out.into_boxed_slice())
    }
}

/// Where the request of a template goes, in the eyes of digest.
pub(super) fn scope<'a>(method: &'a str, template: &'a impl Template, next_hop: SocketAddr) -> Scope<'a> {
    let uri = template.uri();
    let host = Uri::parse(uri).map_or("", |uri| uri.host);
    Scope { method, uri, host, next_hop, body: template.body() }
}

/// Sends a message outside of any transaction: the ACK to a 2xx (RFC 3261 s13.2.2.4). Returns its bytes and way, for when it must be
/// sent again ([`Transports::send`]). `credentials` are those of the INVITE (s22.1).
pub fn send_once(
    target: &Target,
    identity: Option<&Arc<Identity>>,
    reuse: Option<Flow>,
    cseq: u32,
    credentials: &[(Name, String)],
    io: &mut Io<'_>,
    mut write: impl FnMut(&Attempt<'_>, &mut Vec<u8>),
) -> (Way, Bytes) {
    let mut target = *target;
    let mut bytes = io.print(&target, cseq, credentials, &mut write);
    if io.is_too_large(target.protocol, &bytes) {
        target.protocol = Protocol::Tcp;
        bytes = io.print(&target, cseq, credentials, &mut write);
    }
    let peer = Peer::new(target.protocol, target.remote, identity);
    let flow = io.flow_to(&peer, target.local, reuse);
    let way = Way { peer, local: target.local, flow };
    io.transports.send(&way, bytes.clone(), io.now, io.wire);
    (way, bytes)
}
