//! Event and Subscription-State. RFC 6665 s8.2, s8.4.

use super::print::{self, Clean, More, Print, header_value};
use crate::message::error::HeaderError;
use crate::message::item::Item;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The package with its templates: `presence.winfo`.
    pub package: &'a str,
    /// `id`, which tells subscriptions of one dialog apart.
    pub id: Option<Cow<'a, str>>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> Event<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// No token, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let Item { value, params } = Item::token(value)?;
        Ok(Event { package: value, id: print::text(params, "id"), more: More::without(params, &["id"]) })
    }

    /// Whether two name the same subscription: packages to the letter, `id` byte by byte, others left out. RFC 6665 s8.2.1.
    #[must_use]
    pub fn matches(&self, other: &Event<'_>) -> bool {
        self.package.eq_ignore_ascii_case(other.package) && self.id == other.id
    }
}

impl Print for Event<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        out.write_str(self.package)?;
        print::param(out, "id", self.id.as_deref())?;
        self.more.print(out)
    }
}

/// State of a subscription.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SubState<'a> {
    /// `active`.
    Active,
    /// `pending`: not yet authorised.
    Pending,
    /// `terminated`.
    Terminated,
    /// Another one, as it came.
    Other(&'a str),
}

impl<'a> SubState<'a> {
    /// The word.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        match self {
            SubState::Active => "active",
            SubState::Pending => "pending",
            SubState::Terminated => "terminated",
            SubState::Other(other) => other,
        }
    }
}

/// Subscription-State.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionState<'a> {
    /// The state.
    pub state: SubState<'a>,
    /// Why it ended: `deactivated`, `probation`, `rejected`, `timeout`, `giveup`, `noresource`, `invariant` ...
    pub reason: Option<Cow<'a, str>>,
    /// Seconds that are left.
    pub expires: Option<u32>,
    /// Seconds after which to try again.
    pub retry_after: Option<u32>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> SubscriptionState<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// No token, a number that is none, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let Item { value, params } = Item::token(value)?;
        let is = |name: &str| value.eq_ignore_ascii_case(name);
        let state = match value {
            _ if is("active") => SubState::Active,
            _ if is("pending") => SubState::Pending,
            _ if is("terminated") => SubState::Terminated,
            other => SubState::Other(other),
        };
        Ok(SubscriptionState {
            state,
            reason: print::text(params, "reason"),
            expires: print::decimal(params, "expires")?,
            retry_after: print::decimal(params, "retry-after")?,
            more: More::without(params, &["reason", "expires", "retry-after"]),
        })
    }
}

impl Print for SubscriptionState<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        out.write_str(self.state.as_str())?;
        print::param(out, "reason", self.reason.as_deref())?;
        print::number(out, "expires", self.expires)?;
        print::number(out, "retry-after", self.retry_after)?;
        self.more.print(out)
    }
}

header_value!(Event, SubscriptionState);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_and_ids() {
        let event = Event::parse("presence.winfo ;id=7;x").unwrap();
        assert_eq!(
            (event.package, event.id.as_deref(), event.to_string().as_str()),
            ("presence.winfo", Some("7"), "presence.winfo;id=7;x")
        );
        assert!(event.matches(&Event::parse("Presence.winfo;y;id=7").unwrap()));
        assert!(!event.matches(&Event::parse("presence.winfo").unwrap()));
        assert!(Event::parse("").is_err());
    }

    #[test]
    fn states_of_a_subscription() {
        let state = SubscriptionState::parse("Terminated;reason=probation;retry-after=10").unwrap();
        assert_eq!(
            (state.state, state.reason.as_deref(), state.retry_after),
            (SubState::Terminated, Some("probation"), Some(10))
        );
        assert_eq!(state.to_string(), "terminated;reason=probation;retry-after=10");
        assert_eq!(SubscriptionState::parse("active;expires=3600").unwrap().expires, Some(3600));
        assert_eq!(SubscriptionState::parse("odd").unwrap().state, SubState::Other("odd"));
        assert!(SubscriptionState::parse("active;expires=x").is_err());
    }
}
