//! Names of the real world: RFC 3263's questions answered by the hosts file, the cache, a name server or the application. RFC 1035,
//! RFC 2308.
//!
//! The [`Lookup`](crate::resolve::Lookup) of each request runs on its shard; [`Dns`] answers its questions. Nothing waits on the
//! signalling thread, and a question in flight is asked once.

mod backend;
mod cache;
mod config;
mod hosts;
#[cfg(any(test, feature = "sim"))]
pub mod server;

pub use crate::resolve::{Answer, Failover, Kind, NoAnswer, Question, Record};
pub(crate) use backend::Backend;
use cache::Cache;
pub use config::{DnsCallback, DnsConfig, DnsReply, HostsFile};
use hosts::Hosts;

use super::{Error, ErrorKind};
use crate::base::{Duration, Instant, limits};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// What the shards of an engine answer questions with.
pub(crate) struct Names {
    config: DnsConfig,
    hosts: Arc<Hosts>,
}

impl Names {
    /// Reads the hosts file.
    pub(crate) fn new(config: &DnsConfig) -> Result<Self, Error> {
        if config.timeout.is_zero() {
            return Err(Error::invalid("a DNS timeout of 0 leaves no time for an answer; give 2 s, say"));
        }
        if cfg!(not(feature = "dns")) && !config.servers.is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "name servers are named, but the feature `dns` is not built in; name none, or build it in",
            ));
        }
        Ok(Names { config: config.clone(), hosts: Arc::new(Hosts::read(&config.hosts)?) })
    }

    /// A shard's own cache and sockets.
    pub(crate) fn of_shard(&self, runtime: &Runtime) -> io::Result<(Dns, Backend)> {
        let _inside = runtime.enter();
        let backend = Backend::new(&self.config)?;
        Ok((Dns::new(self.hosts.clone(), self.config.cache_max), backend))
    }
}

/// What answers the questions of one shard.
pub(crate) struct Dns {
    hosts: Arc<Hosts>,
    cache: Cache,
    /// Look-ups that wait for each question in flight.
    waiting: BTreeMap<Question, Vec<u64>>,
}

/// What becomes of a question.
pub(crate) enum Asked {
    /// It is answered already.
    Known(Answer),
    /// Ask the backend; then [`Dns::answered`].
    Ask,
    /// Somebody has asked: the answer comes to both.
    InFlight,
}

impl Dns {
    pub(crate) fn new(hosts: Arc<Hosts>, cache_max: Duration) -> Self {
        Dns { hosts, cache: Cache::new(cache_max), waiting: BTreeMap::new() }
    }

    /// A look-up asks.
    pub(crate) fn ask(&mut self, question: &Question, lookup: u64, now: Instant) -> Asked {
        if let Some(answer) = self.hosts.answer(question).or_else(|| self.cache.answer(question, now)) {
            return Asked::Known(answer);
        }
        if let Some(waiting) = self.waiting.get_mut(question) {
            waiting.push(lookup);
            return Asked::InFlight;
        }
        if self.waiting.len() >= limits::DNS_QUESTIONS {
            let why = format!("{} other questions wait; is the name server down?", limits::DNS_QUESTIONS);
            return Asked::Known(Err(NoAnswer::Failed(why)));
        }
        self.waiting.insert(question.clone(), vec![lookup]);
        Asked::Ask
    }

    /// The backend answered; the look-ups that wait for it.
    pub(crate) fn answered(&mut self, question: &Question, answer: &Answer, ttl_s: u32, now: Instant) -> Vec<u64> {
        self.cache.put(question, answer, ttl_s, now);
        self.waiting.remove(question).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_in_flight_is_asked_once_and_its_answer_remembered() {
        let mut dns = Dns::new(Arc::default(), Duration::from_secs(60));
        let question = Question { kind: Kind::A, name: "a.example".into() };
        assert!(matches!(dns.ask(&question, 1, Instant::ZERO), Asked::Ask));
        assert!(matches!(dns.ask(&question, 2, Instant::ZERO), Asked::InFlight));
        let answer = Ok(vec![Record::A([192, 0, 2, 1].into())]);
        assert_eq!(dns.answered(&question, &answer, 10, Instant::ZERO), [1, 2]);
        assert!(matches!(dns.ask(&question, 3, Instant::ZERO), Asked::Known(known) if known == answer));
        assert!(matches!(dns.ask(&question, 3, Instant::from_micros(10_000_000)), Asked::Ask));
    }

    #[test]
    fn questions_in_flight_are_bounded_and_the_bound_is_reached() {
        let mut dns = Dns::new(Arc::default(), Duration::from_secs(60));
        for n in 0..limits::DNS_QUESTIONS {
            let question = Question { kind: Kind::A, name: format!("n{n}.example") };
            assert!(matches!(dns.ask(&question, 1, Instant::ZERO), Asked::Ask));
        }
        let question = Question { kind: Kind::A, name: "more.example".into() };
        assert!(matches!(dns.ask(&question, 1, Instant::ZERO), Asked::Known(Err(NoAnswer::Failed(_)))));
    }
}
