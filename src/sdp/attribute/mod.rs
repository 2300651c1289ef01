//! `a=` lines. RFC 8866 s5.13, s6. One file for each that is understood; the others are kept as they are.

pub mod direction;
mod fmtp;
pub mod ptime;
mod rtcp;
mod rtpmap;

pub use fmtp::Fmtp;
pub use rtcp::Rtcp;
pub use rtpmap::RtpMap;

use crate::base::scan::find_byte;
use crate::base::text::decimal;
use std::fmt;

/// One attribute, as written. Names are compared with case, as RFC 8866 s6 says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// Before the first colon.
    pub name: &'a str,
    /// After it; `None` for a property attribute.
    pub value: Option<&'a str>,
}

impl<'a> Attribute<'a> {
    /// Reads the value of an `a=` line; `None` when its name is empty or has spaces in it.
    #[must_use]
    pub fn parse(line: &'a str) -> Option<Self> {
        let line = line.trim_ascii();
        let (name, value) = match find_byte(line.as_bytes(), b':').and_then(|at| line.split_at_checked(at)) {
            Some((name, rest)) => (name.trim_ascii_end(), rest.get(1..).map(str::trim_ascii_start)),
            None => (line, None),
        };
        let named = !name.is_empty() && !name.bytes().any(|b| b.is_ascii_whitespace());
        named.then_some(Attribute { name, value })
    }

    /// Whether that is its name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name == name
    }
}

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        match self.value {
            Some(value) => write!(f, ":{value}"),
            None => Ok(()),
        }
    }
}

/// The first attribute of that name.
#[must_use]
pub fn find<'l, 'a>(list: &'l [Attribute<'a>], name: &str) -> Option<&'l Attribute<'a>> {
    list.iter().find(|a| a.is(name))
}

/// An RTP payload type, 0 ..= 127.
#[must_use]
pub fn payload_type(text: &str) -> Option<u8> {
    decimal(text.as_bytes()).and_then(|n| u8::try_from(n).ok()).filter(|n| *n < 128)
}
