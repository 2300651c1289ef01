//! Privacy: what a caller wants hidden. RFC 3323 s4.2, RFC 3325 s9.3.

use super::print::{Clean, Print, header_value};
use crate::base::text::is_token;
use crate::message::error::HeaderError;
use crate::message::lex::trim;
use std::fmt::{self, Write};

/// The values of Privacy.
#[derive(Copy, Clone, Debug)]
pub struct Privacy<'a>(&'a str);

impl<'a> Privacy<'a> {
    /// Reads a field; commas between the values are taken like semicolons.
    ///
    /// # Errors
    /// No value, or one that is no token.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let all = Privacy(trim(value));
        if !all.0.is_empty() && all.iter().all(|v| is_token(v.as_bytes())) {
            Ok(all)
        } else {
            Err(HeaderError::Syntax("not privacy values with ; between"))
        }
    }

    /// The values in order: `header`, `session`, `user`, `none`, `critical`, `id`, `history` ...
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.0.split([';', ',']).map(trim)
    }

    /// Whether a value is there, in any case.
    #[must_use]
    pub fn has(&self, value: &str) -> bool {
        self.iter().any(|v| v.eq_ignore_ascii_case(value))
    }

    /// Whether the caller wants his identity hidden: `id`, `user` or `header`, and not `none`.
    #[must_use]
    pub fn hides_identity(&self) -> bool {
        !self.has("none") && ["id", "user", "header"].iter().any(|v| self.has(v))
    }
}

impl PartialEq for Privacy<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Privacy<'_> {}

impl Print for Privacy<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        self.iter().enumerate().try_for_each(|(n, value)| {
            if n > 0 {
                out.write_char(';')?;
            }
            out.write_str(value)
        })
    }
}

header_value!(Privacy);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_with_semicolons() {
        let p = Privacy::parse("id ; Critical").unwrap();
        assert!(p.has("critical") && p.hides_identity() && p.to_string() == "id;Critical");
        assert_eq!(p, Privacy::parse("id,Critical").unwrap());
        assert!(!Privacy::parse("none").unwrap().hides_identity());
        assert!(Privacy::parse("").is_err() && Privacy::parse("id;").is_err() && Privacy::parse("a b").is_err());
    }
}
