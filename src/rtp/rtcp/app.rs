//! Application-defined packets. RFC 3550 s6.7.

use super::super::wire::u32_at;
use super::{APP, write_part};

/// An APP packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct App<'a> {
    /// Subtype, 0 ..= 31.
    pub subtype: u8,
    /// Who sends it.
    pub ssrc: u32,
    /// Four ASCII letters.
    pub name: [u8; 4],
    /// The application's data, a multiple of four octets.
    pub data: &'a [u8],
}

impl<'a> App<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let name = body.get(4..)?.first_chunk().copied()?;
        Some(App { subtype: count, ssrc: u32_at(body, 0)?, name, data: body.get(8..)? })
    }

    /// Appends an APP packet; the data is filled up with zeros to a word.
    pub fn write(out: &mut Vec<u8>, ssrc: u32, subtype: u8, name: [u8; 4], data: &[u8]) {
        write_part(out, APP, subtype, |out| {
            out.extend_from_slice(&ssrc.to_be_bytes());
            out.extend_from_slice(&name);
            out.extend_from_slice(data);
        });
    }
}
