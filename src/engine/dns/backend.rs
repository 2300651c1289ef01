//! Who is asked what the hosts file and the cache do not know: the application, name servers, or the system. RFC 1035 s7, RFC 5452.

use super::config::{DnsCallback, DnsConfig, DnsReply};
use crate::base::{Duration, limits};
use crate::resolve::{Answer, Kind, NoAnswer, Question, Record};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Longest wait for any answer, whatever was configured.
const LONGEST: Duration = Duration::from_secs(60);
/// TTL of what the system says: it names none.
const SYSTEM_TTL_S: u32 = 60;
/// TTL of "there is none" where the name server names no time. RFC 2308 s5.
#[cfg(feature = "dns")]
const NEGATIVE_TTL_S: u32 = 60;

/// Asked for each question; a clone shares its sockets.
#[derive(Clone)]
pub(crate) struct Backend {
    kind: Way,
    limit: Duration,
}

#[derive(Clone)]
enum Way {
    Callback(DnsCallback),
    #[cfg(feature = "dns")]
    Servers(std::sync::Arc<hickory_resolver::TokioResolver>),
    System,
}

impl Backend {
    /// From the configuration.
    pub(crate) fn new(config: &DnsConfig) -> io::Result<Self> {
        let attempts = u32::try_from(config.attempts.max(1)).unwrap_or(u32::MAX);
        let servers = u32::try_from(config.servers.len().max(2)).unwrap_or(u32::MAX);
        let limit = config.timeout.saturating_mul(attempts).saturating_mul(servers).min(LONGEST);
        let kind = match &config.callback {
            Some(callback) => Way::Callback(callback.clone()),
            None => servers_or_system(config)?,
        };
        Ok(Backend { kind, limit })
    }

    /// The answer and its TTL in seconds. Never later than the limit.
    pub(crate) async fn ask(self, question: Question) -> (Answer, u32) {
        let limit = self.limit;
        let late = || {
            let why = format!("no answer in {} s; is the name server down?", limit.as_secs_f32());
            (Err(NoAnswer::Failed(why)), 0)
        };
        tokio::time::timeout(limit, self.answer(question)).await.unwrap_or_else(|_| late())
    }

    async fn answer(self, question: Question) -> (Answer, u32) {
        match self.kind {
            Way::Callback(callback) => {
                let (reply, answered) = tokio::sync::oneshot::channel();
                // A callback that panics drops its reply, which says that there is no answer: nobody may wait for ever.
                let _ = catch_unwind(AssertUnwindSafe(|| callback(&question, DnsReply(reply))));
                let gave_up = (Err(NoAnswer::Failed("the resolver callback gave no answer".into())), 0);
                answered.await.unwrap_or(gave_up)
            }
            #[cfg(feature = "dns")]
            Way::Servers(resolver) => from_servers(&resolver, &question).await,
            Way::System => from_system(&question).await,
        }
    }
}

/// Addresses only: the system's resolver knows no other records.
async fn from_system(question: &Question) -> (Answer, u32) {
    if !matches!(question.kind, Kind::A | Kind::Aaaa) {
        return (Err(NoAnswer::NoRecord), SYSTEM_TTL_S);
    }
    let found = match tokio::net::lookup_host((question.name.as_str(), 0)).await {
        Ok(found) => found,
        Err(error) => return (Err(NoAnswer::Failed(error.to_string())), 0),
    };
    let record = |address: std::net::SocketAddr| match (address.ip(), question.kind) {
        (std::net::IpAddr::V4(ip), Kind::A) => Some(Record::A(ip)),
        (std::net::IpAddr::V6(ip), Kind::Aaaa) => Some(Record::Aaaa(ip)),
        _ => None,
    };
    let records: Vec<Record> = found.filter_map(record).take(limits::TARGETS).collect();
    (if records.is_empty() { Err(NoAnswer::NoRecord) } else { Ok(records) }, SYSTEM_TTL_S)
}

#[cfg(not(feature = "dns"))]
fn servers_or_system(_: &DnsConfig) -> io::Result<Way> {
    Ok(Way::System)
}

#[cfg(feature = "dns")]
fn servers_or_system(config: &DnsConfig) -> io::Result<Way> {
    use hickory_resolver::TokioResolver;
    use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig};
    use hickory_resolver::net::runtime::TokioRuntimeProvider;

    let given = config.servers.iter().map(|server| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = server.port();
            connection
        });
        NameServerConfig::new(server.ip(), true, connections.to_vec())
    });
    let mut builder = if config.servers.is_empty() {
        match TokioResolver::builder_tokio() {
            Ok(builder) => builder,
            // No resolv.conf: whatever the system does instead.
            Err(_) => return Ok(Way::System),
        }
    } else {
        let servers = ResolverConfig::from_name_servers(given.collect());
        TokioResolver::builder_with_config(servers, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    options.timeout = config.timeout;
    options.attempts = config.attempts.max(1);
    // The hosts file and the cache are ours: one for all kinds of answers.
    options.use_hosts_file = ResolveHosts::Never;
    options.cache_size = 0;
    let resolver = builder.build();
    resolver.map(|resolver| Way::Servers(resolver.into())).map_err(io::Error::other)
}

#[cfg(feature = "dns")]
async fn from_servers(resolver: &hickory_resolver::TokioResolver, question: &Question) -> (Answer, u32) {
    use hickory_resolver::proto::rr::RecordType;
    let kind = match question.kind {
        Kind::Naptr => RecordType::NAPTR,
        Kind::Srv => RecordType::SRV,
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
    };
    // Names of SIP are absolute, as far as they have a dot; others are completed by the search list.
    let name = if question.name.contains('.') { format!("{}.", question.name) } else { question.name.clone() };
    match resolver.lookup(name, kind).await {
        Ok(found) => {
            let wanted = found.answers().iter().filter(|record| record.record_type() == kind);
            let ttl = found.answers().iter().map(|record| record.ttl).min().unwrap_or(0);
            let records: Vec<Record> = wanted.filter_map(|r| record(&r.data)).take(limits::DNS_RECORDS).collect();
            (if records.is_empty() { Err(NoAnswer::NoRecord) } else { Ok(records) }, ttl)
        }
        Err(error) if error.is_nx_domain() => (Err(NoAnswer::NoName), NEGATIVE_TTL_S),
        Err(error) if error.is_no_records_found() => (Err(NoAnswer::NoRecord), NEGATIVE_TTL_S),
        Err(error) => (Err(NoAnswer::Failed(error.to_string())), 0),
    }
}

#[cfg(feature = "dns")]
fn record(data: &hickory_resolver::proto::rr::RData) -> Option<Record> {
    use hickory_resolver::proto::rr::RData;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(match data {
        RData::A(ip) => Record::A(ip.0),
        RData::AAAA(ip) => Record::Aaaa(ip.0),
        RData::SRV(srv) => {
            Record::Srv { priority: srv.priority, weight: srv.weight, port: srv.port, target: srv.target.to_ascii() }
        }
        RData::NAPTR(naptr) => Record::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            services: text(&naptr.services),
            regexp: text(&naptr.regexp),
            replacement: naptr.replacement.to_ascii(),
        },
        _ => return None,
    })
}
