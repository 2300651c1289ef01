//! Alert-Info, Call-Info, Error-Info (RFC 3261 s20.4, s20.9, s20.18), Geolocation (RFC 6442 s4.1) and their kind: `<URI>;params`.

use super::print::{Clean, Print, header_value};
use crate::message::error::HeaderError;
use crate::message::name_addr::NameAddr;
use crate::message::params::Params;
use std::fmt::{self, Write};

/// A URI, of any scheme, about the message.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct InfoUri<'a> {
    /// The URI as it came: `http:`, `cid:`, `urn:alert:` ...
    pub uri: &'a str,
    /// Parameters: `purpose` of Call-Info ...
    pub params: Params<'a>,
}

impl<'a> InfoUri<'a> {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// No URI in angle brackets (a bare one is taken, too), too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let NameAddr { display, uri, params } = NameAddr::parse(value)?;
        if !display.is_empty() || !uri.contains(':') {
            return Err(HeaderError::Syntax("no URI in angle brackets"));
        }
        Ok(InfoUri { uri, params })
    }

    /// The `purpose` parameter of Call-Info; `info` when absent. RFC 3261 s20.9.
    #[must_use]
    pub fn purpose(&self) -> &'a str {
        self.params.value("purpose").unwrap_or("info")
    }

    /// The Content-ID of the body part that a `cid:` URI means, without its brackets. RFC 2392 s2, RFC 6442 s4.1.
    #[must_use]
    pub fn content_id(&self) -> Option<std::borrow::Cow<'a, str>> {
        let (scheme, id) = self.uri.split_once(':')?;
        scheme.eq_ignore_ascii_case("cid").then(|| crate::base::text::unescape(id))
    }
}

impl Print for InfoUri<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "<{}>{}", self.uri, self.params.as_str())
    }
}

header_value!(InfoUri);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_of_all_kinds() {
        let info = InfoUri::parse("<http://a.example/p.jpg> ;purpose=icon").unwrap();
        assert_eq!((info.purpose(), info.content_id()), ("icon", None));
        assert_eq!(info.to_string(), "<http://a.example/p.jpg>;purpose=icon");
        let cid = InfoUri::parse("<cid:foo%25foo1@atlanta.example>;inserted-by=x").unwrap();
        assert_eq!(cid.content_id().as_deref(), Some("foo%foo1@atlanta.example"));
        assert_eq!(InfoUri::parse("urn:alert:source:x;info=y").unwrap().uri, "urn:alert:source:x");
        for bad in ["", "<>", "x <http://a>", "<nothing>", "<http://a"] {
            assert!(InfoUri::parse(bad).is_err(), "{bad}");
        }
    }
}
