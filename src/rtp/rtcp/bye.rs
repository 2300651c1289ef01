//! Goodbye. RFC 3550 s6.6.

use super::{BYE, write_part};

/// A BYE packet.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Bye<'a> {
    sources: &'a [[u8; 4]],
    rest: &'a [u8],
}

impl<'a> Bye<'a> {
    pub(super) fn parse(count: u8, body: &'a [u8]) -> Option<Self> {
        let (sources, rest) = body.split_at_checked(usize::from(count).saturating_mul(4))?;
        Some(Bye { sources: sources.as_chunks().0, rest })
    }

    /// The sources that leave.
    pub fn sources(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.sources.iter().map(|bytes| u32::from_be_bytes(*bytes))
    }

    /// The reason for leaving.
    #[must_use]
    pub fn reason(&self) -> Option<&'a str> {
        let length = usize::from(self.rest.first().copied()?);
        std::str::from_utf8(self.rest.get(1..length.saturating_add(1))?).ok()
    }

    /// Appends a BYE of at most 31 sources; the reason is cut at 255 octets.
    pub fn write(out: &mut Vec<u8>, sources: &[u32], reason: Option<&str>) {
        let sources = sources.get(..31).unwrap_or(sources);
        write_part(out, BYE, sources.len() as u8, |out| {
            sources.iter().for_each(|ssrc| out.extend_from_slice(&ssrc.to_be_bytes()));
            if let Some(reason) = reason {
                let text = reason.as_bytes();
                let text = text.get(..255).unwrap_or(text);
                out.push(text.len() as u8);
                out.extend_from_slice(text);
            }
        });
    }
}
