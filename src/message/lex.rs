//! Reading rules shared by all headers: linear white space, quoted strings, lists. RFC 3261 s25.1.

use crate::base::scan::{find_by, mark_below, mark_equal};
use crate::base::text::is_token_byte;
use std::borrow::Cow;

/// LWS, with the line ends of folded values.
pub(super) const fn is_lws(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\r' | b'\n')
}

/// First byte below 0x0e: CR, LF, NUL, TAB and other controls.
#[inline]
pub(super) fn find_control(s: &[u8]) -> Option<usize> {
    find_by(s, |word| mark_below(word, 0x0e), |b| b < 0x0e)
}

/// Whether a control, TAB among them, is among the bytes.
pub(super) fn has_control(s: &[u8]) -> bool {
    find_by(s, |word| mark_below(word, b' '), |b| b < b' ').is_some()
}

/// Whether white space or another control is among the bytes.
pub(super) fn has_space(s: &[u8]) -> bool {
    find_by(s, |word| mark_below(word, 0x21), |b| b <= b' ').is_some()
}

/// Whether a URI holds white space, another control, or `<`.
pub(super) fn has_gap(s: &[u8]) -> bool {
    let mark = |word: u64| mark_below(word, 0x21) | mark_equal(word, b'<');
    find_by(s, mark, |b| b <= b' ' || b == b'<').is_some()
}

/// Cuts LWS from both ends.
pub(super) fn trim(s: &str) -> &str {
    let bytes = s.as_bytes();
    match (bytes.first(), bytes.last()) {
        (Some(first), Some(last)) if !is_lws(*first) && !is_lws(*last) => s,
        _ => {
            let start = bytes.iter().position(|b| !is_lws(*b)).unwrap_or(bytes.len());
            let end = bytes.iter().rposition(|b| !is_lws(*b)).map_or(start, |last| last.wrapping_add(1));
            s.get(start..end).unwrap_or_default()
        }
    }
}

/// `s` up to `at`, and from `at`.
pub(super) fn split_at(s: &str, at: usize) -> (&str, &str) {
    s.split_at_checked(at).unwrap_or((s, ""))
}

/// `s` up to the byte at `at`, and what follows that (ASCII) byte.
pub(super) fn split_around(s: &str, at: usize) -> (&str, &str) {
    let (before, from) = split_at(s, at);
    (before, from.get(1..).unwrap_or_default())
}

/// Length of the quoted string at the front of `s` with both quotes; `None` when it does not end.
pub(super) fn quoted_len(s: &[u8]) -> Option<usize> {
    let mut at = 1usize;
    loop {
        let found = memchr::memchr2(b'"', b'\\', s.get(at..)?)?;
        at = at.wrapping_add(found).wrapping_add(1);
        if s.get(at.wrapping_sub(1)) == Some(&b'"') {
            return Some(at);
        }
        at = at.wrapping_add(1);
    }
}

/// First `;` outside quoted strings; the length of `s` when there is none.
pub(super) fn find_semicolon(s: &str) -> usize {
    let mark = |word| mark_equal(word, b';') | mark_equal(word, b'"');
    let found = find_by(s.as_bytes(), mark, |b| b == b';' || b == b'"');
    match found {
        Some(at) if s.as_bytes().get(at) == Some(&b';') => at,
        Some(_) => find_unquoted(s, |b| b == b';'),
        None => s.len(),
    }
}

/// First byte that `stop` accepts outside quoted strings; the length of `s` when there is none.
pub(super) fn find_unquoted(s: &str, stop: impl Fn(u8) -> bool) -> usize {
    let bytes = s.as_bytes();
    let mut at = 0usize;
    while let Some(b) = bytes.get(at) {
        if stop(*b) {
            return at;
        }
        let step = if *b == b'"' { bytes.get(at..).and_then(quoted_len).unwrap_or(bytes.len()) } else { 1 };
        at = at.saturating_add(step);
    }
    bytes.len()
}

/// Cuts the first value from a comma list, minding quotes and angle brackets. `None` as second part: it was the last.
pub(super) fn next_value(s: &str) -> (&str, Option<&str>) {
    let bytes = s.as_bytes();
    if memchr::memchr(b',', bytes).is_none() {
        return (s, None);
    }
    let mut at = 0usize;
    while let Some(b) = bytes.get(at) {
        let step = match b {
            b',' => {
                let (value, rest) = split_around(s, at);
                return (value, Some(rest));
            }
            b'"' => bytes.get(at..).and_then(quoted_len).unwrap_or(bytes.len()),
            b'<' => bytes.get(at..).and_then(|rest| memchr::memchr(b'>', rest)).unwrap_or(bytes.len()),
            _ => 1,
        };
        at = at.saturating_add(step);
    }
    (s, None)
}

/// The values of a comma list, trimmed. Empty values between commas are handed out as they are.
#[derive(Clone)]
pub(super) struct Values<'a> {
    rest: Option<&'a str>,
    split: bool,
}

impl<'a> Values<'a> {
    /// A comma list.
    pub(super) const fn list(text: &'a str) -> Self {
        Values { rest: Some(text), split: true }
    }

    /// One value, whatever commas it holds.
    pub(super) const fn whole(text: &'a str) -> Self {
        Values { rest: Some(text), split: false }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a str;
    fn next(&mut self) -> Option<&'a str> {
        let text = self.rest.take()?;
        if !self.split {
            return Some(text);
        }
        let (value, rest) = next_value(text);
        self.rest = rest;
        Some(trim(value))
    }
}

/// Cuts a token from the front; `None` when there is none.
pub(super) fn token(s: &str) -> Option<(&str, &str)> {
    let end = s.bytes().position(|b| !is_token_byte(b)).unwrap_or(s.len());
    if end == 0 { None } else { s.split_at_checked(end) }
}

/// The text of a `quoted-string` (quotes and backslashes undone); anything else as it is. RFC 3261 s25.1.
#[must_use]
pub fn unquote(s: &str) -> Cow<'_, str> {
    let Some(inner) = s.strip_prefix('"') else { return s.into() };
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if !inner.contains('\\') {
        return inner.into();
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::scan::find_byte;

    fn values(s: &str) -> Vec<&str> {
        Values::list(s).collect()
    }

    #[test]
    fn lists_mind_quotes_and_brackets() {
        assert_eq!(values("a"), ["a"]);
        assert_eq!(values("a , b,c"), ["a", "b", "c"]);
        assert_eq!(values(r#""x,\"," <sip:a,b@c>;q=1, <sip:d>"#), [r#""x,\"," <sip:a,b@c>;q=1"#, "<sip:d>"]);
        assert_eq!(values("a,,b"), ["a", "", "b"]);
        assert_eq!(values(r#"a, "b,c"#), ["a", r#""b,c"#]);
        assert_eq!(values("a\r\n ,\r\n\tb"), ["a", "b"]);
    }

    #[test]
    fn quoted_strings_end_at_the_unescaped_quote() {
        assert_eq!(quoted_len(br#""a\"b" x"#), Some(6));
        assert_eq!(quoted_len(br#""\\" "#), Some(4));
        assert_eq!(quoted_len(br#""abc\"#), None);
        assert_eq!(unquote(r#""a\"b\\""#), r#"a"b\"#);
        assert_eq!(unquote("plain"), "plain");
    }

    #[test]
    fn words_find_what_bytes_find() {
        for len in 0..40 {
            for at in 0..len {
                for (b, other) in [(b'\r', b'a'), (0, 0x0e), (b'\t', 0xff), (b'\n', 0x8a)] {
                    let mut text = vec![other; len];
                    text[at] = b;
                    assert_eq!(find_control(&text), Some(at));
                    assert_eq!(find_byte(&text, b), Some(at));
                    assert_eq!(find_byte(&text, b'z'), None);
                }
                let mut text = vec![b'u'; len];
                assert!(!has_gap(&text));
                text[at] = if at % 2 == 0 { b'<' } else { b' ' };
                assert!(has_gap(&text));
            }
        }
        assert_eq!(find_control(b"no controls here \x80\xff"), None);
    }

    #[test]
    fn stops_are_found_outside_quotes() {
        assert_eq!(find_unquoted(r#"a=";";b"#, |b| b == b';'), 5);
        assert_eq!(find_unquoted("abc", |b| b == b';'), 3);
        for text in
            [r#"a=";";b"#, "abc", ";", "", "tag=12345678901234567890;x", r#"a=b;c=";""#, "0123456789abcdef;", r#"a=";"#]
        {
            assert_eq!(find_semicolon(text), find_unquoted(text, |b| b == b';'), "{text}");
        }
    }
}
