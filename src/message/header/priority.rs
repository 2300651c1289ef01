//! Resource-Priority and Accept-Resource-Priority. RFC 4412 s3.1, s3.2.

use super::print::{Clean, Print, header_value};
use crate::base::text::is_token;
use crate::message::error::HeaderError;
use crate::message::lex::trim;
use std::fmt::{self, Write};

/// One value: `namespace.priority`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ResourcePriority<'a> {
    /// Namespace: `dsn`, `ets`, `wps`, `esnet` ...
    pub namespace: &'a str,
    /// Priority inside it: `flash`, `0` ...
    pub priority: &'a str,
}

impl<'a> ResourcePriority<'a> {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// Not two tokens with one dot between.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let token = |t: &str| is_token(t.as_bytes()) && !t.contains('.');
        match trim(value).split_once('.') {
            Some((namespace, priority)) if token(namespace) && token(priority) => {
                Ok(ResourcePriority { namespace, priority })
            }
            _ => Err(HeaderError::Syntax("not namespace.priority")),
        }
    }
}

impl Print for ResourcePriority<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{}.{}", self.namespace, self.priority)
    }
}

header_value!(ResourcePriority);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespace_and_priority() {
        let p = ResourcePriority::parse(" dsn.flash-override ").unwrap();
        assert_eq!((p.namespace, p.priority, p.to_string().as_str()), ("dsn", "flash-override", "dsn.flash-override"));
        for bad in ["", "dsn", "dsn.", ".x", "a.b.c", "a b.c"] {
            assert!(ResourcePriority::parse(bad).is_err(), "{bad}");
        }
    }
}
