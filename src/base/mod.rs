//! Floor 0: what every floor above stands on. Time without a clock, seeded randomness, schedules, ids, flows, text rules,
//! personal data, bounds.
#![forbid(unsafe_code)]

pub mod flow;
pub mod id;
pub mod limits;
pub mod map;
pub mod media;
pub mod network;
pub mod pii;
pub mod rand;
pub mod scan;
pub mod schedule;
pub mod text;
pub mod time;
pub mod timers;

pub use flow::{Flow, Protocol, Transmit};
pub use map::{Map, Set};
pub use network::Network;
pub use pii::Pii;
pub use rand::Rng;
pub use schedule::Schedule;
pub use time::{Duration, Instant, WallClock};
pub use timers::Timers;
