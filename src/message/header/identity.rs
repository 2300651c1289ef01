//! Identity: a signature over who calls whom. RFC 8224 s4; the signature itself is a PASSporT, RFC 8225.

use super::print::{self, Clean, More, Print, header_value};
use crate::message::error::HeaderError;
use crate::message::lex::{has_gap, split_around, split_at, trim};
use crate::message::params::Params;
use std::borrow::Cow;
use std::fmt::{self, Write};

/// One Identity. It is read, not verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The PASSporT, full or compact, as it came.
    pub digest: &'a str,
    /// Where the certificate is.
    pub info: Option<&'a str>,
    /// Algorithm of the signature: `ES256`.
    pub alg: Option<Cow<'a, str>>,
    /// Extension of the PASSporT: `shaken`.
    pub ppt: Option<Cow<'a, str>>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> Identity<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// A signature that is not base64, `info` that is not the first parameter, too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        const SHAPE: HeaderError = HeaderError::Syntax("not signature;info=<URI>");
        let value = trim(value);
        let (digest, rest) = split_at(value, memchr::memchr(b';', value.as_bytes()).unwrap_or(value.len()));
        let digest = trim(digest);
        let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+' | b'.' | b'-' | b'_' | b'=');
        // RFC 4474 had it in quotes.
        let inner = digest.strip_prefix('"').and_then(|d| d.strip_suffix('"')).unwrap_or(digest);
        if inner.is_empty() || !inner.bytes().all(base64) {
            return Err(SHAPE);
        }
        let (info, params) = match memchr::memchr(b'<', rest.as_bytes()) {
            None => (None, Params::new(rest)?),
            Some(open) => {
                let (name, uri) = split_around(rest, open);
                let (uri, params) = split_around(uri, memchr::memchr(b'>', uri.as_bytes()).ok_or(SHAPE)?);
                let name = name.strip_prefix(';').and_then(|n| trim(n).strip_suffix('=')).ok_or(SHAPE)?;
                if !trim(name).eq_ignore_ascii_case("info") || uri.is_empty() || has_gap(uri.as_bytes()) {
                    return Err(SHAPE);
                }
                (Some(uri), Params::new(params)?)
            }
        };
        Ok(Identity {
            digest,
            info,
            alg: print::text(params, "alg"),
            ppt: print::text(params, "ppt"),
            more: More::without(params, &["alg", "ppt"]),
        })
    }
}

impl Print for Identity<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        out.write_str(self.digest)?;
        if let Some(info) = self.info {
            write!(out, ";info=<{info}>")?;
        }
        print::param(out, "alg", self.alg.as_deref())?;
        print::param(out, "ppt", self.ppt.as_deref())?;
        self.more.print(out)
    }
}

header_value!(Identity);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_compact_passports() {
        let text = "eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.sig-_x;info=<https://b.example/c;v=1.cer>;alg=ES256;ppt=shaken";
        let identity = Identity::parse(text).unwrap();
        assert_eq!((identity.info, identity.ppt.as_deref()), (Some("https://b.example/c;v=1.cer"), Some("shaken")));
        assert_eq!(identity.to_string(), text);
        assert_eq!(Identity::parse("..sig; info = <a:b>").unwrap().to_string(), "..sig;info=<a:b>");
        assert!(Identity::parse("\"abc=\"").is_ok());
        for bad in ["", ";info=<a:b>", "a b;info=<a:b>", "a;alg=x;info=<a:b>", "a;info=<>", "a;info=<a"] {
            assert!(Identity::parse(bad).is_err(), "{bad}");
        }
    }
}
