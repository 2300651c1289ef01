//! CSeq. RFC 3261 s20.16, s8.1.1.5.

use super::error::HeaderError;
use super::header::print::{Clean, Print, header_value};
use super::lex::{is_lws, split_at, trim};
use super::method::Method;
use crate::base::text::is_token;
use std::fmt::{self, Write};

/// `CSeq: number method`.
#[derive(Copy, Clone, PartialEq, Eq, Debug, Hash)]
pub struct CSeq<'a> {
    /// Sequence number.
    pub number: u32,
    /// Method of the request.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// Reads a field value.
    ///
    /// # Errors
    /// No number, a number of more than 32 bits, or no method token.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let value = trim(value);
        let end = value.bytes().position(is_lws).ok_or(HeaderError::Syntax("no method after the number"))?;
        let (number, method) = split_at(value, end);
        let method = trim(method);
        if !is_token(method.as_bytes()) {
            return Err(HeaderError::Syntax("the method is not a token"));
        }
        Ok(CSeq { number: decimal32(number)?, method: Method::from_token(method) })
    }
}

impl Print for CSeq<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{} {}", self.number, self.method.as_str())
    }
}

header_value!(CSeq);

/// A decimal number of at most 32 bits.
pub(super) fn decimal32(digits: &str) -> Result<u32, HeaderError> {
    let number = crate::base::text::decimal(digits.as_bytes()).ok_or(HeaderError::Number)?;
    u32::try_from(number).map_err(|_| HeaderError::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_and_method() {
        assert_eq!(CSeq::parse("0009\r\n  INVITE"), Ok(CSeq { number: 9, method: Method::Invite }));
        assert_eq!(CSeq::parse("4294967295 X"), Ok(CSeq { number: u32::MAX, method: Method::Other("X") }));
        assert_eq!(CSeq::parse("4294967296 X"), Err(HeaderError::Number));
        assert_eq!(CSeq::parse("-1 X"), Err(HeaderError::Number));
        assert!(CSeq::parse("1").is_err() && CSeq::parse("1 A B").is_err() && CSeq::parse("").is_err());
    }
}
