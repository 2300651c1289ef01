//! From, To, Contact, Route and their kind: `"name" <uri>;params`. RFC 3261 s20.10, s20.20, s20.34, s25.1.

use super::error::{HeaderError, UriError};
use super::header::print::{Clean, Print, header_value};
use super::lex::{find_unquoted, has_gap, is_lws, quoted_len, split_around, trim, unquote};
use super::params::Params;
use super::uri::Uri;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// A name-addr or addr-spec with its header parameters.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// Display name as it came: maybe quoted, maybe not UTF-8, empty when there is none. [`display_name`](Self::display_name) is for people.
    pub display: &'a [u8],
    /// The URI between the angle brackets, not checked further; `*` in a Contact.
    pub uri: &'a str,
    /// Header parameters.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// Unbalanced quotes or brackets, text after the bracket, white space in the URI, too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let value = trim(value);
        let open = if value.starts_with('<') {
            Some(0)
        } else if value.starts_with('"') {
            let quoted = quoted_len(value.as_bytes()).ok_or(HeaderError::Syntax("unterminated quoted string"))?;
            let gap = value.bytes().skip(quoted).take_while(|b| is_lws(*b)).count();
            let open = quoted.saturating_add(gap);
            if value.as_bytes().get(open) != Some(&b'<') {
                return Err(HeaderError::Syntax("no < after the display name"));
            }
            Some(open)
        } else {
            memchr::memchr(b'<', value.as_bytes())
        };
        match open {
            Some(open) => {
                let (display, rest) = split_around(value, open);
                let display = trim(display);
                if !display.starts_with('"') && display.bytes().any(|b| matches!(b, b',' | b';' | b'>')) {
                    return Err(HeaderError::Syntax("a display name with special characters must be quoted"));
                }
                NameAddr::bracketed(display.as_bytes(), rest)
            }
            None => {
                let end = find_unquoted(value, |b| b == b';');
                let (uri, params) = value.split_at_checked(end).unwrap_or((value, ""));
                let uri = trim(uri);
                if uri.bytes().any(|b| matches!(b, b'?' | b',' | b'"' | b'>')) {
                    return Err(HeaderError::Syntax("a URI with , ; or ? must stand in angle brackets"));
                }
                NameAddr::new(b"", uri, params)
            }
        }
    }

    /// Reads one value whose display name need not be UTF-8.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); `NotUtf8` when other parts are not UTF-8.
    pub fn parse_bytes(value: &'a [u8]) -> Result<Self, HeaderError> {
        if let Ok(text) = std::str::from_utf8(value) {
            return NameAddr::parse(text);
        }
        let value = crate::base::text::trim(value);
        let quoted = match value.first() {
            Some(b'"') => quoted_len(value).ok_or(HeaderError::Syntax("unterminated quoted string"))?,
            _ => 0,
        };
        let (front, rest) = value.split_at_checked(quoted).ok_or(HeaderError::NotUtf8)?;
        let open = memchr::memchr(b'<', rest).ok_or(HeaderError::NotUtf8)?;
        let (gap, rest) = rest.split_at_checked(open).ok_or(HeaderError::NotUtf8)?;
        let display = if quoted == 0 { crate::base::text::trim(gap) } else { front };
        if quoted > 0 && !gap.iter().all(|b| is_lws(*b)) {
            return Err(HeaderError::Syntax("no < after the display name"));
        }
        let rest = rest.get(1..).and_then(|rest| std::str::from_utf8(rest).ok()).ok_or(HeaderError::NotUtf8)?;
        NameAddr::bracketed(display, rest)
    }

    /// Reads what follows the `<`.
    fn bracketed(display: &'a [u8], rest: &'a str) -> Result<Self, HeaderError> {
        let close = memchr::memchr(b'>', rest.as_bytes()).ok_or(HeaderError::Syntax("no > after the URI"))?;
        let (uri, params) = split_around(rest, close);
        NameAddr::new(display, uri, params)
    }

    fn new(display: &'a [u8], uri: &'a str, params: &'a str) -> Result<Self, HeaderError> {
        if uri.is_empty() || has_gap(uri.as_bytes()) {
            return Err(HeaderError::Syntax("the URI is empty or holds white space"));
        }
        Ok(NameAddr { display, uri, params: Params::new(params)? })
    }

    /// The `tag` parameter. RFC 3261 s19.3.
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        self.params.value("tag").filter(|tag| !tag.is_empty())
    }

    /// A header parameter's value.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'a str> {
        self.params.value(name)
    }

    /// Whether it is the `*` of a Contact. RFC 3261 s10.2.2.
    #[must_use]
    pub fn is_star(&self) -> bool {
        self.uri == "*"
    }

    /// The URI, parsed.
    ///
    /// # Errors
    /// See [`Uri::parse`].
    pub fn parsed_uri(&self) -> Result<Uri<'a>, UriError> {
        Uri::parse(self.uri)
    }

    /// The display name for people: unquoted, unfolded, control characters as spaces, bytes that are not UTF-8 as U+FFFD. Empty when there is none.
    #[must_use]
    pub fn display_name(&self) -> Cow<'a, str> {
        let text = match String::from_utf8_lossy(self.display) {
            Cow::Borrowed(text) => unquote(text),
            Cow::Owned(text) => Cow::Owned(unquote(&text).into_owned()),
        };
        if !text.contains(unprintable) {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            let c = if unprintable(c) { ' ' } else { c };
            if c != ' ' || !out.ends_with(' ') {
                out.push(c);
            }
        }
        out.into()
    }
}

impl Print for NameAddr<'_> {
    /// Bytes of a display name that are not UTF-8 print as U+FFFD.
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        if self.is_star() && self.display.is_empty() {
            return write!(out, "*{}", self.params.as_str());
        }
        if !self.display.is_empty() {
            write!(out, "{} ", String::from_utf8_lossy(self.display))?;
        }
        write!(out, "<{}>{}", self.uri, self.params.as_str())
    }
}

header_value!(NameAddr);

/// Control characters, and those that reorder or hide text: a display name must not pretend to be another.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_shapes() {
        let a = NameAddr::parse(r#""A. \"Bell\"" <sip:agb@bell-telephone.com>;tag=a48s"#).unwrap();
        assert_eq!(
            (a.display_name().as_ref(), a.uri, a.tag()),
            (r#"A. "Bell""#, "sip:agb@bell-telephone.com", Some("a48s"))
        );
        let a = NameAddr::parse("sip:+12125551212@server.phone2net.com;tag=887s").unwrap();
        assert_eq!((a.display, a.uri, a.tag()), (&b""[..], "sip:+12125551212@server.phone2net.com", Some("887s")));
        let a = NameAddr::parse("caller<sip:caller@example.com;lr>;tag=323").unwrap();
        assert_eq!((a.display, a.uri, a.tag()), (&b"caller"[..], "sip:caller@example.com;lr", Some("323")));
        assert!(NameAddr::parse("*").unwrap().is_star());
        // Not quoted, as phones send it: what cannot be mistaken is taken.
        for display in ["bob@example.org", "\\\"arik\\\"", "Office (2nd)"] {
            let value = format!("{display} <sip:a@b>;tag=1");
            assert_eq!(NameAddr::parse(&value).map(|a| (a.display, a.tag())), Ok((display.as_bytes(), Some("1"))));
        }
    }

    #[test]
    fn a_display_name_of_other_encoding_does_not_hide_the_address() {
        let a = NameAddr::parse_bytes(b"\"J\xfcrgen <x>\" <sip:j@example.org>;tag=1").unwrap();
        assert_eq!((a.uri, a.tag(), a.display_name().as_ref()), ("sip:j@example.org", Some("1"), "J\u{fffd}rgen <x>"));
        assert_eq!(NameAddr::parse_bytes(b"J\xfc <sip:j@example.org>").unwrap().display, b"J\xfc");
        assert_eq!(NameAddr::parse_bytes(b"<sip:\xfc@example.org>"), Err(HeaderError::NotUtf8));
    }

    #[test]
    fn malformed() {
        for bad in [
            "",
            "<",
            "<>",
            "<sip:a@b",
            "\"x <sip:a@b>",
            "\"x\" y <sip:a@b>",
            "<sip:a@b >",
            "<sip:a@b> x",
            "Bell, A <sip:a@b>",
            "sip:a@b?Route=%3Csip:c%3E",
            "sip:a b@c",
            "<sip:a@b><sip:c@d>",
        ] {
            assert!(NameAddr::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn display_names_are_harmless() {
        let a = NameAddr::parse("\"a\u{1b}[1m\r\n b\u{202e}c\" <sip:a@b>").unwrap();
        assert_eq!(a.display_name(), "a [1m b c");
    }
}
