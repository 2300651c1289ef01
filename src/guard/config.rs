//! What a guard is made from. The defaults hurt no honest peer: what they limit are messages that break the rules and credentials that
//! are wrong.

use super::filter::Filter;
use crate::base::Duration;
use crate::base::Network;

/// How often something may happen.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In the long run; 0 is no limit.
    pub per_minute: u32,
    /// At once.
    pub burst: u32,
}

impl Rate {
    /// No limit.
    pub const NONE: Rate = Rate { per_minute: 0, burst: 0 };

    pub(super) const fn times(self, factor: u32) -> Rate {
        Rate { per_minute: self.per_minute.saturating_mul(factor), burst: self.burst.saturating_mul(factor) }
    }
}

/// How an engine defends itself. `DefenceConfig::default()` limits malformed messages and wrong credentials per source and refuses new
/// work under load; it limits no honest peer.
#[derive(Clone, Debug)]
pub struct DefenceConfig {
    /// New requests outside of dialogs from one source (an IPv4 address, or the /64 of an IPv6 one). What is above is dropped; a source
    /// that goes on at twice the burst is banned. No limit by default: a trunk sends everything from one address.
    pub requests: Rate,
    /// Wrong credentials from one source; more bring a ban. 20 a minute, 20 at once.
    pub auth_failures: Rate,
    /// Messages from one source that break the rules; more go unanswered, twice as many bring a ban. 60 a minute, 60 at once.
    pub malformed: Rate,
    /// The first ban of a source; each further one is twice as long. Zero bans nobody. A minute.
    pub ban: Duration,
    /// The longest ban; also how long after one a source must be good to be forgiven. An hour.
    pub ban_max: Duration,
    /// Who is never limited and never banned.
    pub allow: Vec<Network>,
    /// Drop requests without a word whose User-Agent is that of a scanner (`friendly-scanner`, `sipvicious`, `sipcli` ..). Off: a
    /// standard element answers, and so do those who test their own network.
    pub drop_scanners: bool,
    /// How long a message may wait before new work is refused with 503. Zero refuses nothing because of load. 100 ms.
    pub overload_delay: Duration,
    /// Offer overload control to next hops (`oc` in our Via, RFC 7339 s4.1) and heed what they answer. As a server it is always given to
    /// who offers it. Off: few peers know it, and old ones may stumble over a quoted Via parameter.
    pub overload_control: bool,
    /// Asked about each new request.
    pub filter: Option<Filter>,
}

impl Default for DefenceConfig {
    fn default() -> Self {
        DefenceConfig {
            requests: Rate::NONE,
            auth_failures: Rate { per_minute: 20, burst: 20 },
            malformed: Rate { per_minute: 60, burst: 60 },
            ban: Duration::from_secs(60),
            ban_max: Duration::from_secs(3600),
            allow: Vec::new(),
            drop_scanners: false,
            overload_delay: Duration::from_millis(100),
            overload_control: false,
            filter: None,
        }
    }
}

impl DefenceConfig {
    /// For an engine that strangers can reach and that serves people, not trunks: 60 new requests a minute from one source (60 at once),
    /// scanners dropped. The rest as in the default.
    #[must_use]
    pub fn strict() -> Self {
        DefenceConfig { requests: Rate { per_minute: 60, burst: 60 }, drop_scanners: true, ..DefenceConfig::default() }
    }
}
