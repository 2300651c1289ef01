//! The answer in order, and how far it is used up. RFC 3263 s4.3.

use super::Target;
use crate::base::limits;
use smallvec::SmallVec;

/// Targets of one request, best first. A request goes to [`current`](Self::current); when that fails, it is [`lost`](Self::lost).
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

    /// The target in use (0) or one behind it.
    #[must_use]
    pub fn nth(&self, n: usize) -> Option<Target> {
        self.list.get(self.at.saturating_add(n)).copied()
    }

    /// Gives a target up; the one in use then. What is none of the list stands for the one in use (its TCP side, for a large request).
    pub fn lost(&mut self, target: &Target) -> Option<Target> {
        self.bring_forward(target);
        self.at = self.at.saturating_add(1).min(self.list.len());
        self.current()
    }

    /// One of several that were tried at once is ready: it is in use.
    pub fn won(&mut self, target: &Target) {
        self.bring_forward(target);
    }

    /// Moves a target that was not given up to the front, the others keep their order.
    fn bring_forward(&mut self, target: &Target) {
        if let Some(waiting) = self.list.get_mut(self.at..)
            && let Some(found) = waiting.iter().position(|t| t == target)
            && let Some(upto) = waiting.get_mut(..=found)
        {
            upto.rotate_right(1);
        }
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
        assert_eq!(targets.lost(&target(1)), Some(target(2)));
        assert_eq!(targets.lost(&target(2)), None);
        assert_eq!((targets.lost(&target(2)), targets.failed()), (None, 2));
        assert_eq!(Targets::new(&[]).current(), None);
    }

    #[test]
    fn of_several_tried_at_once_any_may_win_or_fail() {
        let all = [target(1), target(2), target(3), target(4)];
        let mut targets = Targets::new(&all);
        targets.won(&target(3));
        assert_eq!(
            (targets.current(), targets.nth(1), targets.nth(2)),
            (Some(target(3)), Some(target(1)), Some(target(2)))
        );
        assert_eq!(targets.lost(&target(2)), Some(target(3)));
        assert_eq!((targets.nth(1), targets.nth(2), targets.nth(3)), (Some(target(1)), Some(target(4)), None));
        let tcp_side = Target { protocol: Protocol::Tcp, ..target(3) };
        assert_eq!(targets.lost(&tcp_side), Some(target(1)));
    }

    #[test]
    fn the_list_is_bounded() {
        let many: Vec<Target> = (0..100).map(target).collect();
        assert_eq!(Targets::new(&many).list.len(), limits::TARGETS);
    }
}
