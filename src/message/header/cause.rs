//! Reason: why a request was sent, with the cause of SIP or of ITU-T Q.850. RFC 3326 s2.

use super::print::{self, Clean, More, Print, header_value};
use crate::message::error::HeaderError;
use crate::message::item::Item;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// One value of Reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason<'a> {
    /// `SIP`, `Q.850` or another protocol, as it came.
    pub protocol: &'a str,
    /// Status code of SIP, cause value of Q.850.
    pub cause: Option<u32>,
    /// Words for people.
    pub text: Option<Cow<'a, str>>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> Reason<'a> {
    /// A cause of ITU-T Q.850: 16 is normal clearing, 17 user busy.
    #[must_use]
    pub fn q850(cause: u32, text: Option<&'a str>) -> Self {
        Reason { protocol: "Q.850", cause: Some(cause), text: text.map(Cow::Borrowed), more: More::default() }
    }

    /// A status code of SIP.
    #[must_use]
    pub fn sip(cause: u32, text: Option<&'a str>) -> Self {
        Reason { protocol: "SIP", ..Reason::q850(cause, text) }
    }

    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// No protocol token, a cause that is no number, too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let Item { value, params } = Item::token(value)?;
        Ok(Reason {
            protocol: value,
            cause: print::decimal(params, "cause")?,
            text: print::text(params, "text"),
            more: More::without(params, &["cause", "text"]),
        })
    }

    /// Whether the cause is one of Q.850.
    #[must_use]
    pub fn is_q850(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("Q.850")
    }

    /// Whether the cause is a status code of SIP.
    #[must_use]
    pub fn is_sip(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("SIP")
    }
}

impl Print for Reason<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        out.write_str(self.protocol)?;
        print::number(out, "cause", self.cause)?;
        if let Some(text) = &self.text {
            out.write_str(";text=")?;
            print::quoted(out, text)?;
        }
        self.more.print(out)
    }
}

header_value!(Reason);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_3326() {
        let reason = Reason::parse("SIP ;cause=200 ;text=\"Call completed elsewhere\"").unwrap();
        assert!(reason.is_sip() && reason.cause == Some(200));
        assert_eq!(reason.text.as_deref(), Some("Call completed elsewhere"));
        let reason = Reason::parse("Q.850 ;cause=16 ;text=\"Terminated\"").unwrap();
        assert!(reason.is_q850());
        assert_eq!(reason, Reason::q850(16, Some("Terminated")));
        assert_eq!(reason.to_string(), "Q.850;cause=16;text=\"Terminated\"");
        assert_eq!(Reason::parse("preemption;location=x").unwrap().more.text("location").as_deref(), Some("x"));
        assert!(Reason::parse("Q.850;cause=x").is_err() && Reason::parse("").is_err() && Reason::parse(";a").is_err());
    }
}
