//! From agents to the application: a waiting list per object, one queue of objects that have something waiting, three ways out.

mod pending;
mod queue;
mod role;

pub(crate) use pending::Pending;
pub(crate) use queue::Events;
pub(crate) use role::Role;
