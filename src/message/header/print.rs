//! Printing shared by typed values: quoted strings, parameters, and that no value can end its line. RFC 3261 s25.1.

use crate::base::text::is_token_byte;
use crate::message::lex::unquote;
use crate::message::params::{Param, Params};
use std::borrow::Cow;
use std::fmt::{self, Write};

/// Prints a value. `Display` goes through [`Clean`], so that what an application or a peer put into a field stays in its line.
pub(in crate::message) trait Print {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result;
}

/// `Display` by [`Print`], and [`HeaderValue`](super::HeaderValue) by the type's own `parse`.
macro_rules! header_value {
    ($($kind:ident),*) => {$(
        impl std::fmt::Display for $kind<'_> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::message::header::print::Print::print(self, &mut $crate::message::header::print::Clean(f))
            }
        }

        impl<'a> $crate::message::HeaderValue<'a> for $kind<'a> {
            fn read(text: &'a str) -> Result<Self, $crate::message::HeaderError> {
                $kind::parse(text)
            }
        }
    )*};
}
pub(in crate::message) use header_value;

/// A formatter that turns CR, LF and NUL into spaces.
pub(in crate::message) struct Clean<'f, 'g>(pub(in crate::message) &'f mut fmt::Formatter<'g>);

impl Write for Clean<'_, '_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let mut rest = s;
        while let Some(at) = memchr::memchr3(b'\r', b'\n', 0, rest.as_bytes()) {
            let (before, after) = crate::message::lex::split_around(rest, at);
            self.0.write_str(before)?;
            self.0.write_char(' ')?;
            rest = after;
        }
        self.0.write_str(rest)
    }
}

/// Text as a `quoted-string`: quotes and backslashes are escaped. RFC 3261 s25.1.
#[derive(Copy, Clone, Debug)]
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        quoted(&mut Clean(f), self.0)
    }
}

pub(in crate::message) fn quoted(out: &mut Clean<'_, '_>, text: &str) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest.as_bytes()) {
        let (before, from) = crate::message::lex::split_at(rest, at);
        let (special, after) = crate::message::lex::split_at(from, 1);
        write!(out, "{before}\\{special}")?;
        rest = after;
    }
    out.write_str(rest)?;
    out.write_char('"')
}

/// `gen-value`: a token or host as it is, other text quoted.
fn word(out: &mut Clean<'_, '_>, text: &str) -> fmt::Result {
    let plain = |b: u8| is_token_byte(b) || matches!(b, b'[' | b']' | b':');
    if !text.is_empty() && text.bytes().all(plain) { out.write_str(text) } else { quoted(out, text) }
}

/// `token / quoted-string`.
pub(super) fn token_or_quoted(out: &mut Clean<'_, '_>, text: &str) -> fmt::Result {
    if crate::base::text::is_token(text.as_bytes()) { out.write_str(text) } else { quoted(out, text) }
}

/// `;name=value` where there is a value.
pub(super) fn param(out: &mut Clean<'_, '_>, name: &str, value: Option<&str>) -> fmt::Result {
    match value {
        Some(value) => {
            write!(out, ";{name}=")?;
            word(out, value)
        }
        None => Ok(()),
    }
}

/// `;name=number` where there is a number.
pub(super) fn number(out: &mut Clean<'_, '_>, name: &str, value: Option<u32>) -> fmt::Result {
    value.map_or(Ok(()), |value| write!(out, ";{name}={value}"))
}

/// A parameter's text, quotes and escapes undone.
pub(super) fn text<'a>(params: Params<'a>, name: &str) -> Option<Cow<'a, str>> {
    params.get(name).flatten().map(unquote)
}

/// A parameter's number, when it has one.
pub(super) fn decimal(params: Params<'_>, name: &str) -> Result<Option<u32>, crate::message::HeaderError> {
    params.get(name).flatten().map(crate::message::cseq::decimal32).transpose()
}

/// The parameters that have no field of their own.
#[derive(Copy, Clone, Debug, Default)]
pub struct More<'a> {
    params: Params<'a>,
    known: &'static [&'static str],
}

impl<'a> More<'a> {
    /// All of `params`.
    #[must_use]
    pub const fn new(params: Params<'a>) -> Self {
        More { params, known: &[] }
    }

    pub(super) const fn without(params: Params<'a>, known: &'static [&'static str]) -> Self {
        More { params, known }
    }

    /// Name and value of each, in order; values as they came.
    pub fn iter(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        let known = self.known;
        self.params.iter().filter(move |(name, _)| !known.iter().any(|k| k.eq_ignore_ascii_case(name)))
    }

    /// The text of the parameter `name`, quotes and escapes undone; `None` when it is absent or has no value.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?.1.map(unquote)
    }

    /// Whether the parameter `name` is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(n, _)| n.eq_ignore_ascii_case(name))
    }

    pub(super) fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        self.iter().try_for_each(|(name, value)| match value {
            Some(value) => write!(out, ";{name}={value}"),
            None => write!(out, ";{name}"),
        })
    }
}

impl PartialEq for More<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for More<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_reads_back_and_stays_in_its_line() {
        for text in ["", "plain", r#"a "b" \c"#, "J\u{fc}rgen", "\\"] {
            assert_eq!(unquote(&Quoted(text).to_string()), text);
        }
        assert_eq!(Quoted("a\r\nEvil: 1\0").to_string(), "\"a  Evil: 1 \"");
    }

    #[test]
    fn parameters_beyond_the_known_ones() {
        let params = Params::new(";cause=16;x=\"a b\";Text=y;flag").unwrap();
        let more = More::without(params, &["cause", "text"]);
        assert_eq!(more.iter().collect::<Vec<_>>(), [("x", Some("\"a b\"")), ("flag", None)]);
        assert_eq!((more.text("X").as_deref(), more.has("FLAG"), more.has("cause")), (Some("a b"), true, false));
        assert_eq!(more, More::new(Params::new(" ; x = \"a b\" ;flag").unwrap()));
    }
}
