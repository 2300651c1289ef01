//! Diversion: who was called before. RFC 5806 s5.

use super::print::{self, Clean, More, Print, header_value};
use crate::message::error::HeaderError;
use crate::message::name_addr::NameAddr;
use crate::message::params::Params;
use std::borrow::Cow;
use std::fmt;

/// One value of Diversion; the topmost is the last diversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diversion<'a> {
    /// Who diverted the call; its parameters are in the fields below.
    pub address: NameAddr<'a>,
    /// `user-busy`, `no-answer`, `unconditional` ...
    pub reason: Option<Cow<'a, str>>,
    /// Diversions that this value stands for; 1 when absent.
    pub counter: Option<u32>,
    /// Diversions allowed.
    pub limit: Option<u32>,
    /// `full`, `name`, `uri` or `off`.
    pub privacy: Option<Cow<'a, str>>,
    /// `yes` or `no`.
    pub screen: Option<Cow<'a, str>>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> Diversion<'a> {
    /// A diversion by `address` for a reason.
    #[must_use]
    pub const fn new(address: NameAddr<'a>, reason: &'a str) -> Self {
        Diversion {
            address,
            reason: Some(Cow::Borrowed(reason)),
            counter: None,
            limit: None,
            privacy: None,
            screen: None,
            more: More::new(Params::NONE),
        }
    }

    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// No address, a counter or limit that is no number, too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let address = NameAddr::parse(value)?;
        let params = address.params;
        Ok(Diversion {
            address: NameAddr { params: Params::NONE, ..address },
            reason: print::text(params, "reason"),
            counter: print::decimal(params, "counter")?,
            limit: print::decimal(params, "limit")?,
            privacy: print::text(params, "privacy"),
            screen: print::text(params, "screen"),
            more: More::without(params, &["reason", "counter", "limit", "privacy", "screen"]),
        })
    }
}

impl Print for Diversion<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        self.address.print(out)?;
        print::param(out, "reason", self.reason.as_deref())?;
        print::number(out, "counter", self.counter)?;
        print::number(out, "limit", self.limit)?;
        print::param(out, "privacy", self.privacy.as_deref())?;
        print::param(out, "screen", self.screen.as_deref())?;
        self.more.print(out)
    }
}

header_value!(Diversion);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_diverted_and_why() {
        let text = "\"Bob\" <sip:+19195551002@b.example;user=phone>;reason=user-busy;counter=2;privacy=\"full\";x";
        let d = Diversion::parse(text).unwrap();
        assert_eq!(
            (d.address.display_name().as_ref(), d.reason.as_deref(), d.counter),
            ("Bob", Some("user-busy"), Some(2))
        );
        assert_eq!((d.privacy.as_deref(), d.screen.as_deref(), d.more.has("x")), (Some("full"), None, true));
        assert_eq!(
            d.to_string(),
            "\"Bob\" <sip:+19195551002@b.example;user=phone>;reason=user-busy;counter=2;privacy=full;x"
        );
        assert!(Diversion::parse("<sip:a>;counter=x").is_err() && Diversion::parse("").is_err());
        let made = Diversion::new(NameAddr::parse("<sip:a@b>").unwrap(), "time of day");
        assert_eq!(made.to_string(), "<sip:a@b>;reason=\"time of day\"");
    }
}
