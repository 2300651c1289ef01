//! `a=sendrecv`, `a=sendonly`, `a=recvonly`, `a=inactive`. RFC 8866 s6.7, RFC 3264 s5.1.

use super::Attribute;
use crate::base::media::Direction;

/// The name of the attribute.
#[must_use]
pub const fn name(direction: Direction) -> &'static str {
    match direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    }
}

/// The first direction in the list, seen by who wrote it.
#[must_use]
pub fn find(list: &[Attribute<'_>]) -> Option<Direction> {
    let all = [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive];
    list.iter().filter(|a| a.value.is_none()).find_map(|a| all.into_iter().find(|d| a.is(name(*d))))
}
