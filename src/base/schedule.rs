//! The earliest deadline per key. A binary heap whose stale entries are skipped: O(log n) to set, O(1) to look, and never more
//! than twice as many entries as keys.

use super::map::{IdMap, Seeded, id_map};
use super::time::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::Hash;

/// Deadlines by key; one per key. Ties pop in the order of the keys, so a run repeats itself.
#[derive(Debug, Clone)]
pub struct Schedule<K: Ord + Hash + Copy> {
    heap: BinaryHeap<Reverse<(Instant, K)>>,
    current: IdMap<K, Instant>,
}

impl<K: Ord + Hash + Copy> Schedule<K> {
    /// An empty schedule.
    #[must_use]
    pub fn new(seed: Seeded) -> Self {
        Self { heap: BinaryHeap::new(), current: id_map(seed) }
    }

    /// Sets, moves or clears the deadline of `key`.
    pub fn set(&mut self, key: K, deadline: Option<Instant>) {
        match deadline {
            None => {
                self.current.remove(&key);
            }
            Some(at) => {
                if self.current.insert(key, at) != Some(at) {
                    self.heap.push(Reverse((at, key)));
                }
            }
        }
        if self.heap.len() > 64 && self.heap.len() > self.current.len().saturating_mul(2) {
            let current = &self.current;
            self.heap.retain(|Reverse((at, key))| current.get(key) == Some(at));
        }
        self.drop_stale();
    }

    /// The earliest deadline.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Removes and returns one key whose deadline is at or before `now`.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let &Reverse((at, key)) = self.heap.peek()?;
        if at > now {
            return None;
        }
        self.heap.pop();
        self.current.remove(&key);
        self.drop_stale();
        Some(key)
    }

    /// Keys that have a deadline.
    #[must_use]
    pub fn len(&self) -> usize {
        self.current.len()
    }

    /// Whether no key has a deadline.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }

    fn drop_stale(&mut self) {
        while let Some(Reverse((at, key))) = self.heap.peek() {
            if self.current.get(key) == Some(at) {
                return;
            }
            self.heap.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(us: u64) -> Option<Instant> {
        Some(Instant::from_micros(us))
    }

    #[test]
    fn pops_in_order_of_time_then_key() {
        let mut s = Schedule::new(Seeded::default());
        s.set(3, at(20));
        s.set(2, at(10));
        s.set(1, at(20));
        assert_eq!(s.next(), at(10));
        let due: Vec<i32> = std::iter::from_fn(|| s.pop_due(Instant::from_micros(20))).collect();
        assert_eq!(due, [2, 1, 3]);
        assert!(s.is_empty());
    }

    #[test]
    fn a_moved_or_cleared_deadline_never_fires() {
        let mut s = Schedule::new(Seeded::default());
        s.set(1, at(10));
        s.set(1, at(30));
        s.set(2, at(15));
        s.set(2, None);
        assert_eq!(s.next(), at(30));
        assert_eq!(s.pop_due(Instant::from_micros(29)), None);
        assert_eq!(s.pop_due(Instant::from_micros(30)), Some(1));
        assert_eq!(s.pop_due(Instant::from_micros(99)), None);
    }

    #[test]
    fn stale_entries_are_bounded() {
        let mut s = Schedule::new(Seeded::default());
        for i in 0..100_000u64 {
            s.set(i % 10, at(i));
        }
        assert!(s.heap.len() <= 65);
    }
}
