//! How names are looked up. RFC 1035 s7, RFC 3263 s4.

use crate::base::Duration;
use crate::resolve::Failover;
use std::net::SocketAddr;
use std::path::PathBuf;

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

/// How names are looked up, and what follows a target that fails.
#[derive(Clone, Debug)]
pub struct DnsConfig {
    /// Name servers; empty takes those of `/etc/resolv.conf`. Without the feature `dns` names are looked up by the system, and servers
    /// named here are refused.
    pub servers: Vec<SocketAddr>,
    /// An attempt with one name server takes no longer.
    pub timeout: Duration,
    /// Attempts per question.
    pub attempts: usize,
    /// Names that need no name server.
    pub hosts: HostsFile,
    /// Answers are remembered no longer than this, whatever their TTL.
    pub cache_max: Duration,
    /// Times of failover.
    pub failover: Failover,
}

impl Default for DnsConfig {
    fn default() -> Self {
        DnsConfig {
            servers: Vec::new(),
            timeout: Duration::from_secs(2),
            attempts: 3,
            hosts: HostsFile::System,
            cache_max: Duration::from_secs(24 * 3600),
            failover: Failover::default(),
        }
    }
}
