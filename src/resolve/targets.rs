//! The answer in order, and how far it is used up. RFC 3263 s4.3.

use super::Target;
use crate::base::limits;
use smallvec::SmallVec;

/// Targets of one request, best first. A request goes to [`current`](Self::current); when that fails, [`advance`](Self::advance).
#[derive(Clone, Debug, Default)]
pub struct Targets {
    list: SmallVec<[Target; 1]>,
    at: usize,
}

impl Targets {
    /// Takes an answer; beyond `limits::TARGETS` and what repeats is dropped.
    #[must_use]
    pub fn new(answer: &[Target]) -> Self {
        let mut list: SmallVec<[Target; 1]> = SmallVec::new();
        for target in answer {
            if list.len() < limits::TARGETS && !list.contains(target) {
                list.push(*target);
            }
        }
        Targets { list, at: 0 }
    }

    /// The target in use.
    #[must_use]
    pub fn current(&self) -> Option<Target> {
        self.list.get(self.at).copied()
    }

    /// Gives the current target up for the next.
    pub fn advance(&mut self) -> Option<Target> {
        self.at = self.at.saturating_add(1).min(self.list.len());
        self.current()
    }

    /// Targets that were given up.
    #[must_use]
    pub const fn failed(&self) -> usize {
        self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Protocol;

    fn target(port: u16) -> Target {
        let ip = "192.0.2.1".parse().unwrap();
        Target { protocol: Protocol::Udp, remote: (ip, port).into(), local: ip }
    }

    #[test]
    fn each_is_tried_once_in_order() {
        let mut targets = Targets::new(&[target(1), target(2), target(1)]);
        assert_eq!(targets.current(), Some(target(1)));
        assert_eq!(targets.advance(), Some(target(2)));
        assert_eq!(targets.advance(), None);
        assert_eq!((targets.advance(), targets.failed()), (None, 2));
        assert_eq!(Targets::new(&[]).current(), None);
    }

    #[test]
    fn the_list_is_bounded() {
        let many: Vec<Target> = (0..100).map(target).collect();
        assert_eq!(Targets::new(&many).list.len(), limits::TARGETS);
    }
}
