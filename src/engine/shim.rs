//! Stands in for `agent::Agent` until it lands.
use crate::agent::io::{AgentConfig, Input, Output};
use crate::base::Instant;
pub(crate) struct Agent;
impl Agent {
    pub(crate) fn new(_: AgentConfig) -> Self {
        Agent
    }
    pub(crate) fn handle(&mut self, _: Input<'_>, _: Instant) {}
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        None
    }
    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        None
    }
    pub(crate) fn handle_timeout(&mut self, _: Instant) {}
    pub(crate) fn is_idle(&self) -> bool {
        true
    }
}
pub(crate) fn route(_: &crate::message::Message<'_>, _: u8) -> u8 {
    0
}
