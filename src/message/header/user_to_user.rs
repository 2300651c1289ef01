//! User-to-User: data that two users exchange through the network. RFC 7433 s4.1.

use super::print::{self, Clean, More, Print, header_value};
use crate::base::text::hex;
use crate::message::error::HeaderError;
use crate::message::item::Item;
use crate::message::lex::unquote;
use std::borrow::Cow;
use std::fmt;

/// One value of User-to-User.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserToUser<'a> {
    /// The data as written, quotes undone; [`bytes`](Self::bytes) decodes it.
    pub data: Cow<'a, str>,
    /// `hex`, or absent: text.
    pub encoding: Option<Cow<'a, str>>,
    /// Package: `isdn-uui` ...
    pub purpose: Option<Cow<'a, str>>,
    /// Content inside the package.
    pub content: Option<Cow<'a, str>>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> UserToUser<'a> {
    /// Bytes in hexadecimal digits, without purpose.
    #[must_use]
    pub fn hex(bytes: &[u8]) -> UserToUser<'static> {
        let data: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let more = More::default();
        UserToUser { data: data.into(), encoding: Some("hex".into()), purpose: None, content: None, more }
    }

    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// No data, too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let Item { value, params } = Item::parse(value)?;
        let quoted = value.starts_with('"');
        if !quoted && value.contains('"') {
            return Err(HeaderError::Syntax("the data is neither token nor quoted string"));
        }
        Ok(UserToUser {
            data: unquote(value),
            encoding: print::text(params, "encoding"),
            purpose: print::text(params, "purpose"),
            content: print::text(params, "content"),
            more: More::without(params, &["encoding", "purpose", "content"]),
        })
    }

    /// The data as bytes; `None` when it is not of the encoding it says.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match self.encoding.as_deref() {
            None => Some(self.data.as_bytes().to_vec()),
            Some(encoding) if encoding.eq_ignore_ascii_case("hex") => {
                let (pairs, rest) = self.data.as_bytes().as_chunks::<2>();
                let pair = |[high, low]: &[u8; 2]| Some((hex(*high)? << 4) | hex(*low)?);
                if rest.is_empty() { pairs.iter().map(pair).collect() } else { None }
            }
            Some(_) => None,
        }
    }
}

impl Print for UserToUser<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        print::token_or_quoted(out, &self.data)?;
        print::param(out, "encoding", self.encoding.as_deref())?;
        print::param(out, "purpose", self.purpose.as_deref())?;
        print::param(out, "content", self.content.as_deref())?;
        self.more.print(out)
    }
}

header_value!(UserToUser);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_and_quoted_data() {
        let uui = UserToUser::parse("56a390f3d2b7310023a2;encoding=hex;purpose=isdn-uui;content=isdn-uui").unwrap();
        assert_eq!(uui.bytes().unwrap(), [0x56, 0xa3, 0x90, 0xf3, 0xd2, 0xb7, 0x31, 0x00, 0x23, 0xa2]);
        assert_eq!(uui.purpose.as_deref(), Some("isdn-uui"));
        let text = UserToUser::parse("\"a \\\"b\\\"\" ;x").unwrap();
        assert_eq!((text.bytes().unwrap(), text.to_string().as_str()), (b"a \"b\"".to_vec(), "\"a \\\"b\\\"\";x"));
        assert_eq!(UserToUser::hex(&[0, 255]).to_string(), "00ff;encoding=hex");
        for bad in ["abc;encoding=hex", "zz;encoding=hex", "ab;encoding=other"] {
            assert_eq!(UserToUser::parse(bad).unwrap().bytes(), None);
        }
        assert!(UserToUser::parse("").is_err() && UserToUser::parse("a\"b\"").is_err());
    }
}
