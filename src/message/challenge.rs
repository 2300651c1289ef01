//! Challenges and credentials. RFC 3261 s20.7, s20.27, s25.1; RFC 7235 s2.1; RFC 7616.

use super::error::HeaderError;
use super::header::print::{Clean, Print, header_value};
use super::lex::{find_unquoted, is_lws, next_value, split_around, split_at, token, trim, unquote};
use crate::base::limits;
use crate::base::text::is_token;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// `name=value` pairs with commas between.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthParams<'a>(&'a str);

impl<'a> AuthParams<'a> {
    /// Takes the text after the scheme.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        AuthParams(trim(text))
    }

    /// All pairs in order, values with their quotes; at most `limits::PARAMETERS`.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut rest = Some(self.0);
        std::iter::from_fn(move || {
            let (part, next) = next_value(rest?);
            rest = next;
            Some(trim(part))
        })
        .filter_map(|part| {
            let (name, value) = split_around(part, memchr::memchr(b'=', part.as_bytes())?);
            Some((trim(name), trim(value)))
        })
        .take(limits::PARAMETERS)
    }

    /// The value of `name` (any case), quotes and escapes undone.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).map(unquote)
    }

    /// The value of `name` as it came, with its quotes.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The pairs as they came.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }
}

/// One challenge of WWW-Authenticate or Proxy-Authenticate.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Scheme, as it came: `Digest`.
    pub scheme: &'a str,
    /// Its parameters.
    pub params: AuthParams<'a>,
}

impl<'a> Challenge<'a> {
    /// Reads a field with one challenge.
    ///
    /// # Errors
    /// No scheme, or no white space after it.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let (scheme, params) = scheme_and_params(value)?;
        Ok(Challenge { scheme, params })
    }

    /// Reads a field that may hold several challenges with commas between, as HTTP allows (RFC 7235 s4.1) and some servers send.
    pub fn parse_all(value: &'a str) -> impl Iterator<Item = Challenge<'a>> {
        let mut rest = trim(value);
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let end = challenge_len(rest);
                let (one, after) = split_at(rest, end);
                rest = trim(after.strip_prefix(',').unwrap_or(after));
                if let Ok(challenge) = Challenge::parse(one) {
                    return Some(challenge);
                }
            }
            None
        })
    }

    /// A parameter's value, quotes and escapes undone.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.params.get(name)
    }

    /// Whether the scheme is Digest.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }
}

/// One set of credentials of Authorization or Proxy-Authorization.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// Scheme, as it came: `Digest`.
    pub scheme: &'a str,
    /// Its parameters.
    pub params: AuthParams<'a>,
}

impl<'a> Authorization<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// No scheme, or no white space after it.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let (scheme, params) = scheme_and_params(value)?;
        Ok(Authorization { scheme, params })
    }

    /// A parameter's value, quotes and escapes undone.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        self.params.get(name)
    }

    /// Whether the scheme is Digest.
    #[must_use]
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("Digest")
    }
}

impl Print for Challenge<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        print_scheme(self.scheme, self.params, out)
    }
}

impl Print for Authorization<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        print_scheme(self.scheme, self.params, out)
    }
}

fn print_scheme(scheme: &str, params: AuthParams<'_>, out: &mut Clean<'_, '_>) -> fmt::Result {
    out.write_str(scheme)?;
    if params.as_str().is_empty() { Ok(()) } else { write!(out, " {}", params.as_str()) }
}

header_value!(Challenge, Authorization);

fn scheme_and_params(value: &str) -> Result<(&str, AuthParams<'_>), HeaderError> {
    let (scheme, rest) = token(trim(value)).ok_or(HeaderError::Syntax("no authentication scheme"))?;
    if !rest.is_empty() && !rest.bytes().next().is_some_and(is_lws) {
        return Err(HeaderError::Syntax("no white space after the authentication scheme"));
    }
    Ok((scheme, AuthParams::new(rest)))
}

/// Where the first challenge ends: before a comma that is followed by a token, white space and another token (a new scheme).
fn challenge_len(text: &str) -> usize {
    let mut at = 0usize;
    loop {
        let (_, rest) = split_at(text, at);
        at = at.saturating_add(find_unquoted(rest, |b| b == b','));
        if at >= text.len() {
            return text.len();
        }
        let (_, after) = split_around(text, at);
        if let Some((_, more)) = token(trim_start(after))
            && more.bytes().next().is_some_and(is_lws)
            && trim_start(more).bytes().next().is_some_and(|b| is_token(&[b]))
        {
            return at;
        }
        at = at.saturating_add(1);
    }
}

fn trim_start(s: &str) -> &str {
    let gap = s.bytes().take_while(|b| is_lws(*b)).count();
    split_at(s, gap).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_challenge() {
        let c = Challenge::parse("Digest realm=\"atlanta, \\\"x\\\"\", domain=\"sip:ss1\",\r\n qop=\"auth,auth-int\", nonce=\"f84f\", opaque=\"\", stale=FALSE, algorithm=MD5").unwrap();
        assert!(c.is_digest());
        assert_eq!(c.get("realm").unwrap(), "atlanta, \"x\"");
        assert_eq!(c.get("QOP").unwrap(), "auth,auth-int");
        assert_eq!(c.get("stale").unwrap(), "FALSE");
        assert_eq!(c.get("opaque").unwrap(), "");
        assert_eq!(c.get("nothing"), None);
        assert_eq!(c.params.raw("nonce"), Some("\"f84f\""));
    }

    #[test]
    fn several_challenges_in_one_field() {
        let all: Vec<_> = Challenge::parse_all(
            "Digest realm=\"a\", nonce=\"1, Digest x\" , Digest realm=\"b\", NTLM abc, Basic realm = \"c\"",
        )
        .collect();
        assert_eq!(all.len(), 4);
        assert_eq!(all[0].get("nonce").unwrap(), "1, Digest x");
        assert_eq!(all[1].get("realm").unwrap(), "b");
        assert_eq!(all[2].scheme, "NTLM");
        assert_eq!(all[3].get("realm").unwrap(), "c");
    }

    #[test]
    fn malformed() {
        assert!(
            Challenge::parse("").is_err()
                && Challenge::parse("Digest=\"x\"").is_err()
                && Authorization::parse("\"x\"").is_err()
        );
        assert_eq!(Challenge::parse_all("=,=,,\"").count(), 0);
    }
}
