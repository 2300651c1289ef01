//! Source descriptions. RFC 3550 s6.5.

use super::super::wire::u32_at;
use super::{SDES, write_part};

const END: u8 = 0;
const CNAME: u8 = 1;

/// An SDES packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Sdes<'a> {
    count: u8,
    body: &'a [u8],
}

/// The description of one source.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SdesChunk<'a> {
    /// The source.
    pub ssrc: u32,
    items: &'a [u8],
}

/// One item of a chunk.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SdesItem<'a> {
    /// Item type; 1 is CNAME.
    pub kind: u8,
    /// Text, meant to be UTF-8.
    pub text: &'a [u8],
}

impl<'a> Sdes<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let sdes = Sdes { count, body };
        (sdes.chunks().count() == usize::from(count)).then_some(sdes)
    }

    /// The chunks in order.
    pub fn chunks(&self) -> impl Iterator<Item = SdesChunk<'a>> + use<'a> {
        let mut rest = self.body;
        (0..self.count).map_while(move |_| {
            let ssrc = u32_at(rest, 0)?;
            let after = rest.get(4..)?;
            let length = items_length(after)?;
            let items = after.get(..length)?;
            // Items end with a null octet and fill up to the next word.
            let whole = length.saturating_add(1).next_multiple_of(4);
            rest = after.get(whole..)?;
            Some(SdesChunk { ssrc, items })
        })
    }

    /// Appends an SDES packet with one chunk that holds one CNAME (at most 255 octets of it).
    pub fn write_cname(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
        let text = cname.as_bytes();
        let text = text.get(..255).unwrap_or(text);
        write_part(out, SDES, 1, |out| {
            out.extend_from_slice(&ssrc.to_be_bytes());
            out.extend_from_slice(&[CNAME, text.len() as u8]);
            out.extend_from_slice(text);
            out.push(END);
        });
    }
}

impl<'a> SdesChunk<'a> {
    /// The items in order.
    pub fn items(&self) -> impl Iterator<Item = SdesItem<'a>> + use<'a> {
        let mut rest = self.items;
        std::iter::from_fn(move || {
            let kind = rest.first().copied().filter(|kind| *kind != END)?;
            let length = usize::from(rest.get(1).copied()?);
            let text = rest.get(2..length.saturating_add(2))?;
            rest = rest.get(length.saturating_add(2)..)?;
            Some(SdesItem { kind, text })
        })
    }

    /// The canonical name.
    #[must_use]
    pub fn cname(&self) -> Option<&'a str> {
        let item = self.items().find(|item| item.kind == CNAME)?;
        std::str::from_utf8(item.text).ok()
    }
}

/// Bytes of the items before their null octet.
fn items_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 0usize;
    while bytes.get(at).copied()? != END {
        let length = usize::from(bytes.get(at.saturating_add(1)).copied()?);
        at = at.saturating_add(length).saturating_add(2);
    }
    Some(at)
}
