//! Accept-Contact and Reject-Contact (RFC 3841 s9.2), Feature-Caps (RFC 6809 s6.2): `*` and feature parameters.

use super::print::{Clean, Print, header_value};
use crate::message::error::HeaderError;
use crate::message::item::Item;
use crate::message::params::{Param, Params};
use std::fmt::{self, Write};

/// One set of features.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Preference<'a> {
    /// The features, `require` and `explicit` among them.
    pub params: Params<'a>,
}

impl<'a> Preference<'a> {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// Not `*` with parameters, or too many of them.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        match Item::parse(value)? {
            Item { value: "*", params } => Ok(Preference { params }),
            _ => Err(HeaderError::Syntax("a set of features starts with *")),
        }
    }

    /// Whether contacts that do not match are dropped. RFC 3841 s7.2.4.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.params.has("require")
    }

    /// Whether contacts that do not tell a feature do not match. RFC 3841 s7.2.4.
    #[must_use]
    pub fn is_explicit(&self) -> bool {
        self.params.has("explicit")
    }

    /// The features alone: `audio`, `+sip.instance` ...
    pub fn features(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        let flag = |name: &str| name.eq_ignore_ascii_case("require") || name.eq_ignore_ascii_case("explicit");
        self.params.iter().filter(move |(name, _)| !flag(name))
    }
}

impl Print for Preference<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "*{}", self.params.as_str())
    }
}

header_value!(Preference);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_and_flags() {
        let p = Preference::parse("*;mobility=\"fixed\";!methods=\"INVITE,BYE\";require;+sip.x").unwrap();
        assert!(p.is_required() && !p.is_explicit());
        assert_eq!(p.features().map(|(name, _)| name).collect::<Vec<_>>(), ["mobility", "!methods", "+sip.x"]);
        assert_eq!(Preference::parse("* ;audio").unwrap().to_string(), "*;audio");
        assert!(Preference::parse("audio").is_err() && Preference::parse("").is_err());
    }
}
