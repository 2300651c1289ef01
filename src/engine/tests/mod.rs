//! Whole engines on loopback.

mod calls;
mod deliveries;
mod keep_alive;
mod lifecycle;
#[cfg(feature = "tls")]
mod tls;

use super::*;
use crate::base::Duration;

/// A quick local configuration.
fn config() -> EngineConfig {
    EngineConfig {
        listen: vec!["udp://127.0.0.1:0".into(), "tcp://127.0.0.1:0".into()],
        media_threads: 1,
        ..EngineConfig::default()
    }
}

fn account() -> AccountConfig {
    AccountConfig { aor: "sip:alice@127.0.0.1".into(), expires_s: 600, ..AccountConfig::default() }
}

/// Long enough for a loaded machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a descriptor is readable, within patience.
fn wait_readable(fd: std::os::fd::RawFd) -> bool {
    net::batch::wait_readable(fd, PATIENCE)
}
