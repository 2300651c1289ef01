//! How names are looked up. RFC 1035 s7, RFC 3263 s4.

use crate::base::Duration;
use crate::resolve::{Answer, Failover, Question};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Names that need no name server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostsFile {
    /// `/etc/hosts`.
    #[default]
    System,
    /// Another file of the same format.
    File(PathBuf),
    /// None.
    Nothing,
}

/// Where the answer of a resolver callback goes, from any thread, at once or later. Dropped, it means that there is no answer.
#[derive(Debug)]
pub struct DnsReply(pub(super) oneshot::Sender<(Answer, u32)>);

impl DnsReply {
    /// The answer, good for `ttl_s` seconds. One that comes too late is dropped.
    pub fn answer(self, answer: Answer, ttl_s: u32) {
        let _ = self.0.send((answer, ttl_s));
    }
}

/// A resolver of the application. It runs on a signalling thread and must not block: it keeps the reply and answers later.
pub type DnsCallback = Arc<dyn Fn(&Question, DnsReply) + Send + Sync>;

/// How names are looked up, and what follows a target that fails.
#[derive(Clone)]
pub struct DnsConfig {
    /// Name servers; empty takes those of `/etc/resolv.conf`. Without the feature `dns` names are looked up by the system, and servers
    /// named here are refused.
    pub servers: Vec<SocketAddr>,
    /// An attempt with one name server takes no longer.
    pub timeout: Duration,
    /// Attempts per question.
    pub attempts: usize,
    /// Asked instead of name servers.
    pub callback: Option<DnsCallback>,
    /// Names that need no name server.
    pub hosts: HostsFile,
    /// Answers are remembered no longer than this, whatever their TTL.
    pub cache_max: Duration,
    /// Times of failover.
    pub failover: Failover,
}

impl DnsConfig {
    /// Reads a name server: an address, with a port where it is not 53.
    #[must_use]
    pub fn server(text: &str) -> Option<SocketAddr> {
        let text = text.trim();
        text.parse().ok().or_else(|| text.parse().ok().map(|ip: IpAddr| SocketAddr::new(ip, 53)))
    }
}

impl Default for DnsConfig {
    fn default() -> Self {
        DnsConfig {
            servers: Vec::new(),
            timeout: Duration::from_secs(2),
            attempts: 3,
            callback: None,
            hosts: HostsFile::System,
            cache_max: Duration::from_secs(24 * 3600),
            failover: Failover::default(),
        }
    }
}

impl std::fmt::Debug for DnsConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DnsConfig").field("servers", &self.servers).field("hosts", &self.hosts).finish_non_exhaustive()
    }
}
