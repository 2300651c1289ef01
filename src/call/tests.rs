//! A call on its own, without agent.
