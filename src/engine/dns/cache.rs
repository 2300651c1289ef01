//! Answers, remembered for their TTL; that there is none, for a while as well. RFC 1035 s3.2.1, RFC 2308 s5.

use crate::base::{Duration, Instant, limits};
use crate::resolve::{Answer, NoAnswer, Question};
use std::collections::BTreeMap;

/// A failure of the name server is remembered this long: a flood of calls asks it once. RFC 2308 s7.
const FAILURE_S: u32 = 1;

/// Answers of one shard.
#[derive(Debug)]
pub(crate) struct Cache {
    known: BTreeMap<Question, (Instant, Answer)>,
    max: Duration,
}

impl Cache {
    pub(crate) fn new(max: Duration) -> Self {
        Cache { known: BTreeMap::new(), max }
    }

    pub(crate) fn answer(&self, question: &Question, now: Instant) -> Option<Answer> {
        self.known.get(question).filter(|(until, _)| *until > now).map(|(_, answer)| answer.clone())
    }

    /// A TTL of 0 is good for those who wait for it, and no longer.
    pub(crate) fn put(&mut self, question: &Question, answer: &Answer, ttl_s: u32, now: Instant) {
        let ttl_s = if matches!(answer, Err(NoAnswer::Failed(_))) { FAILURE_S } else { ttl_s };
        let time = Duration::from_secs(u64::from(ttl_s)).min(self.max);
        if time.is_zero() {
            self.known.remove(question);
            return;
        }
        if self.known.len() >= limits::DNS_CACHE {
            self.known.retain(|_, (until, _)| *until > now);
        }
        // Full of what is still good: what ends first goes.
        if self.known.len() >= limits::DNS_CACHE
            && let Some(first) = self.known.iter().min_by_key(|(_, (until, _))| *until).map(|(q, _)| q.clone())
        {
            self.known.remove(&first);
        }
        self.known.insert(question.clone(), (now + time, answer.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::{Kind, Record};

    fn question(name: &str) -> Question {
        Question { kind: Kind::A, name: name.into() }
    }

    fn at(s: u64) -> Instant {
        Instant::from_micros(s * 1_000_000)
    }

    #[test]
    fn answers_live_for_their_ttl_and_no_longer_than_the_cap() {
        let mut cache = Cache::new(Duration::from_secs(60));
        let yes = Ok(vec![Record::A([192, 0, 2, 1].into())]);
        let no = Err(NoAnswer::NoName);
        let broken = Err(NoAnswer::Failed("servfail".into()));
        for (name, answer, ttl) in
            [("a", &yes, 10), ("b", &no, 10), ("c", &broken, 10), ("d", &yes, 0), ("e", &yes, 900)]
        {
            cache.put(&question(name), answer, ttl, at(0));
        }
        assert_eq!(cache.answer(&question("a"), at(9)), Some(yes.clone()));
        assert_eq!(cache.answer(&question("a"), at(10)), None);
        assert_eq!(cache.answer(&question("b"), at(9)), Some(no));
        assert_eq!((cache.answer(&question("c"), at(0)).is_some(), cache.answer(&question("c"), at(1))), (true, None));
        assert_eq!(cache.answer(&question("d"), at(0)), None);
        assert_eq!(
            (cache.answer(&question("e"), at(59)).is_some(), cache.answer(&question("e"), at(60))),
            (true, None)
        );
    }

    #[test]
    fn the_cache_is_bounded() {
        let mut cache = Cache::new(Duration::from_secs(60));
        for n in 0..=limits::DNS_CACHE {
            cache.put(&question(&n.to_string()), &Err(NoAnswer::NoName), 10, at(0));
        }
        assert_eq!(cache.known.len(), limits::DNS_CACHE);
    }
}
