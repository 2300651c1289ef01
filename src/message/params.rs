//! Parameters of headers and URIs: `;name=value;flag`. RFC 3261 s7.3.1, s25.1.

use super::error::HeaderError;
use super::lex::{find_semicolon, split_around, trim};
use crate::base::limits;
use crate::base::scan::find_byte;
use crate::base::text::is_token;
use std::fmt;

/// A list of parameters, split when read. Names compare without case.
#[derive(Copy, Clone, Default, PartialEq, Eq)]
pub struct Params<'a>(&'a str);

/// One parameter: its name, and its value where it has one (quotes kept).
pub type Param<'a> = (&'a str, Option<&'a str>);

impl<'a> Params<'a> {
    /// No parameters.
    pub const NONE: Params<'static> = Params("");

    /// Takes the text from the first `;` on (or empty text).
    ///
    /// # Errors
    /// More parameters than `limits::PARAMETERS`, or text that does not start with `;`.
    pub fn new(text: &'a str) -> Result<Self, HeaderError> {
        let text = trim(text);
        if !text.is_empty() && !text.starts_with(';') {
            return Err(HeaderError::Syntax("unexpected text where parameters start"));
        }
        // Each parameter takes two bytes at least: shorter text needs no counting.
        if text.len() > limits::PARAMETERS && Params(text).iter().nth(limits::PARAMETERS).is_some() {
            return Err(HeaderError::TooMany);
        }
        Ok(Params(text))
    }

    /// The text, with its first `;`.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All parameters in order. Empty ones (`;;`) are passed over.
    pub fn iter(&self) -> impl Iterator<Item = Param<'a>> + use<'a> {
        Split(self.0.get(1..)).filter(|part| !part.is_empty()).map(name_and_value)
    }

    /// The parameter `name`: `None` absent, `Some(None)` without value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Option<&'a str>> {
        Split(self.0.get(1..)).find_map(|part| {
            let (front, rest) = part.split_at_checked(name.len())?;
            if name.is_empty() || !front.eq_ignore_ascii_case(name) {
                return None;
            }
            match trim(rest) {
                "" => Some(None),
                rest => rest.strip_prefix('=').map(|value| Some(trim(value))),
            }
        })
    }

    /// The value of the parameter `name`. Of a quoted string the text between the quotes, escapes as they came
    /// ([`unquote`](super::unquote) on a value of [`iter`](Self::iter) undoes them).
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        let value = self.get(name)??;
        Some(value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value))
    }

    /// Whether the parameter `name` is there, with or without value.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The strict grammar: no empty parameter, names are tokens, values tokens, hosts or quoted strings.
    ///
    /// # Errors
    /// What is wrong with the first bad one.
    pub fn check(&self) -> Result<(), HeaderError> {
        for part in Split(self.0.get(1..)) {
            let (name, value) = name_and_value(part);
            if name.is_empty() {
                return Err(HeaderError::Syntax("an empty parameter"));
            }
            let host = |v: &str| v.bytes().all(|b| is_token(&[b]) || matches!(b, b'[' | b']' | b':'));
            match value {
                _ if !is_token(name.as_bytes()) => return Err(HeaderError::Syntax("a parameter name is not a token")),
                None => {}
                Some(v) if v.starts_with('"') && v.len() > 1 && v.ends_with('"') => {}
                Some(v) if !v.is_empty() && host(v) => {}
                Some(_) => {
                    return Err(HeaderError::Syntax("a parameter value is neither token, host nor quoted string"));
                }
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Params").field(&self.0).finish()
    }
}

struct Split<'a>(Option<&'a str>);

impl<'a> Iterator for Split<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<&'a str> {
        let text = self.0?;
        let end = find_semicolon(text);
        let (part, rest) = split_around(text, end);
        self.0 = (end < text.len()).then_some(rest);
        Some(trim(part))
    }
}

fn name_and_value(part: &str) -> Param<'_> {
    match find_byte(part.as_bytes(), b'=') {
        Some(at) => {
            let (name, value) = split_around(part, at);
            (trim(name), Some(trim(value)))
        }
        None => (part, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_split_when_read() {
        let p = Params::new(r#" ;a=b; C = "d;e" ;lr;empty="#).unwrap();
        assert_eq!(p.get("A"), Some(Some("b")));
        assert_eq!(p.value("c"), Some("d;e"));
        assert_eq!(p.get("lr"), Some(None));
        assert!(p.has("LR") && !p.has("x"));
        assert_eq!(p.get("empty"), Some(Some("")));
        assert_eq!(p.iter().count(), 4);
        let p = Params::new(";tags=1;ta;tag = 2;é;x y=3").unwrap();
        assert_eq!(
            (p.get("tag"), p.get("ta"), p.get("x"), p.get("e"), p.get("")),
            (Some(Some("2")), Some(None), None, None, None)
        );
        assert!(Params::new("").unwrap().is_empty());
        assert!(Params::new("x").is_err());
    }

    #[test]
    fn too_many_parameters_are_refused() {
        assert!(Params::new(&";a".repeat(limits::PARAMETERS)).is_ok());
        assert_eq!(Params::new(&";a".repeat(limits::PARAMETERS + 1)), Err(HeaderError::TooMany));
    }

    #[test]
    fn strict_grammar() {
        let strict = |text| Params::new(text).unwrap().check().is_ok();
        assert!(strict(r#";a;b=c;d="e f";received=[2001:db8::1]"#));
        assert!(!strict(";;") && !strict(";a;") && !strict(";a=;b") && !strict(";a=b c"));
    }
}
