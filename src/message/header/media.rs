//! Content-Type, Accept, Content-Disposition. RFC 3261 s20.1, s20.11, s20.15.

use super::print::{self, Clean, More, Print, header_value};
use crate::message::error::HeaderError;
use crate::message::item::{self, Item};
use crate::message::params::Params;
use std::fmt::{self, Write};

/// A media type or, in Accept, a range of them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MediaType<'a> {
    /// `application`; `*` in a range.
    pub kind: &'a str,
    /// `sdp`; `*` in a range.
    pub subtype: &'a str,
    /// Parameters: `boundary`, `charset`, `q` ...
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// Not `type/subtype`, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let (kind, subtype, params) = Item::media_type(value)?;
        Ok(MediaType { kind, subtype, params })
    }

    /// Whether it is `kind/subtype`, in any case.
    #[must_use]
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// Whether a range holds a media type.
    #[must_use]
    pub fn covers(&self, kind: &str, subtype: &str) -> bool {
        (self.kind == "*" || self.kind.eq_ignore_ascii_case(kind))
            && (self.subtype == "*" || self.subtype.eq_ignore_ascii_case(subtype))
    }

    /// The weight of a range in thousandths: 1000 when it says nothing. RFC 3261 s20.1.
    #[must_use]
    pub fn q(&self) -> u16 {
        item::weight(self.params)
    }

    /// A parameter's value without quotes.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<std::borrow::Cow<'a, str>> {
        print::text(self.params, name)
    }
}

impl Print for MediaType<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{}/{}{}", self.kind, self.subtype, self.params.as_str())
    }
}

/// What a peer does with a body that it cannot handle. RFC 3261 s20.11.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Handling<'a> {
    /// `required`: refuses the request with 415. The default.
    Required,
    /// `optional`: leaves the body out.
    Optional,
    /// Another word, as it came.
    Other(&'a str),
}

/// Content-Disposition.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Disposition<'a> {
    /// `session`, `render`, `icon`, `alert` ...
    pub kind: &'a str,
    /// `handling`, when it is written.
    pub handling: Option<Handling<'a>>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> Disposition<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// No token, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let Item { value, params } = Item::token(value)?;
        let handling =
            params.value("handling").filter(|h| crate::base::text::is_token(h.as_bytes())).map(|h| match h {
                _ if h.eq_ignore_ascii_case("required") => Handling::Required,
                _ if h.eq_ignore_ascii_case("optional") => Handling::Optional,
                other => Handling::Other(other),
            });
        Ok(Disposition { kind: value, handling, more: More::without(params, &["handling"]) })
    }

    /// Whether a body that is not understood may be left out.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.handling == Some(Handling::Optional)
    }
}

impl Print for Disposition<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        out.write_str(self.kind)?;
        let handling = self.handling.map(|h| match h {
            Handling::Required => "required",
            Handling::Optional => "optional",
            Handling::Other(other) => other,
        });
        print::param(out, "handling", handling)?;
        self.more.print(out)
    }
}

header_value!(MediaType, Disposition);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_and_ranges() {
        let t = MediaType::parse("Application/SDP;charset=\"utf-8\"").unwrap();
        assert!(t.is("application", "sdp") && t.covers("application", "sdp"));
        assert_eq!((t.param("charset").as_deref(), t.q()), (Some("utf-8"), 1000));
        let any = MediaType::parse("text/*;q=0.25").unwrap();
        assert!(any.covers("text", "html") && !any.covers("image", "png") && any.q() == 250);
        assert_eq!(any.to_string(), "text/*;q=0.25");
        assert!(MediaType::parse("text").is_err() && MediaType::parse("").is_err());
    }

    #[test]
    fn handling_is_required_unless_it_is_said_to_be_optional() {
        let d = Disposition::parse("session").unwrap();
        assert!(!d.is_optional() && d.handling.is_none());
        let d = Disposition::parse("icon;HANDLING=Optional;x=1").unwrap();
        assert!(d.is_optional() && d.to_string() == "icon;handling=optional;x=1");
        assert_eq!(Disposition::parse("a;handling=odd").unwrap().handling, Some(Handling::Other("odd")));
        assert!(Disposition::parse("").is_err());
    }
}
