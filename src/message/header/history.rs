//! History-Info: the targets that a request had, as a tree. RFC 7044 s5, s10.

use super::print::{Clean, More, Print, header_value};
use crate::base::text::unescape;
use crate::message::error::HeaderError;
use crate::message::name_addr::NameAddr;
use crate::message::params::Params;
use crate::message::uri::Uri;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::{self, Write};

/// Where an entry stands in the tree: `1.1.2`. RFC 7044 s10.3.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Index<'a>(&'a str);

impl<'a> Index<'a> {
    /// Reads `number *("." number)`.
    ///
    /// # Errors
    /// No numbers, leading zeros, or empty parts.
    pub fn parse(text: &'a str) -> Result<Self, HeaderError> {
        let part =
            |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()) && (p.len() == 1 || !p.starts_with('0'));
        if text.split('.').all(part) { Ok(Index(text)) } else { Err(HeaderError::Syntax("the index is not 1.2.3")) }
    }

    /// The text.
    #[must_use]
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    /// How far from the root: 1 of `1`, 3 of `1.1.2`.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.split('.').count()
    }

    /// The entry that this one branched from; `None` of a root.
    #[must_use]
    pub fn parent(&self) -> Option<Index<'a>> {
        self.0.rsplit_once('.').map(|(parent, _)| Index(parent))
    }
}

/// The order of the tree, parents before children. RFC 7044 s10.3.
impl Ord for Index<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without leading zeros the longer number is the larger.
        let key = |p: &str| (p.len(), p.to_owned());
        self.0.split('.').map(key).cmp(other.0.split('.').map(key))
    }
}

impl PartialOrd for Index<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How a target came to be. RFC 7044 s5.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TargetKind {
    /// `rc`: from the location service, for the same user.
    Contact,
    /// `mp`: another user.
    Mapped,
    /// `np`: no change.
    Same,
}

impl TargetKind {
    const ALL: [(&'static str, TargetKind); 3] =
        [("rc", TargetKind::Contact), ("mp", TargetKind::Mapped), ("np", TargetKind::Same)];

    /// The parameter's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            TargetKind::Contact => "rc",
            TargetKind::Mapped => "mp",
            TargetKind::Same => "np",
        }
    }
}

/// One value of History-Info.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryInfo<'a> {
    /// The target; its parameters are in the fields below. Reason and Privacy are headers of its URI.
    pub address: NameAddr<'a>,
    /// Place in the tree. Mandatory in RFC 7044; absent in what some equipment sends.
    pub index: Option<Index<'a>>,
    /// How the target came to be, and the entry it came from.
    pub target: Option<(TargetKind, Index<'a>)>,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> HistoryInfo<'a> {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// No address, a malformed index, too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let address = NameAddr::parse(value)?;
        let params = address.params;
        let index = |name: &str| params.value(name).map(Index::parse).transpose();
        let mut target = None;
        for (name, kind) in TargetKind::ALL {
            target = target.or(index(name)?.map(|index| (kind, index)));
        }
        Ok(HistoryInfo {
            address: NameAddr { params: Params::NONE, ..address },
            index: index("index")?,
            target,
            more: More::without(params, &["index", "rc", "mp", "np"]),
        })
    }

    /// A header of the target's URI, escapes undone: `Reason` says why the request was retargeted, `Privacy` who may read this.
    #[must_use]
    pub fn uri_header(&self, name: &str) -> Option<Cow<'a, str>> {
        Uri::parse(self.address.uri).ok()?.header(name).map(unescape)
    }
}

impl Print for HistoryInfo<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        self.address.print(out)?;
        if let Some(Index(index)) = self.index {
            write!(out, ";index={index}")?;
        }
        if let Some((kind, Index(index))) = self.target {
            write!(out, ";{}={index}", kind.as_str())?;
        }
        self.more.print(out)
    }
}

header_value!(HistoryInfo);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_form_a_tree() {
        let texts = [
            "<sip:bob@example.com>;index=1",
            "<sip:bob@192.0.2.4?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1",
            "\"Office\" <sip:office@example.com>;index=1.2;mp=1;x=y",
            "<sip:office@192.0.2.3>;index=1.10;np=1.2",
        ];
        let all: Vec<_> = texts.iter().map(|t| HistoryInfo::parse(t).unwrap()).collect();
        for (entry, text) in all.iter().zip(texts) {
            assert_eq!(entry.to_string(), text);
        }
        assert_eq!(all[1].uri_header("reason").as_deref(), Some("SIP;cause=302"));
        assert_eq!(all[2].target, Some((TargetKind::Mapped, Index("1"))));
        let index: Vec<_> = all.iter().map(|e| e.index.unwrap()).collect();
        assert!(index.is_sorted(), "1.10 comes after 1.2");
        assert_eq!((index[3].depth(), index[3].parent(), index[0].parent()), (2, Some(Index("1")), None));
        for bad in ["", ".", "1.", "01", "1..2", "a", "-1"] {
            assert!(Index::parse(bad).is_err(), "{bad}");
        }
        assert!(HistoryInfo::parse("<sip:a@b>;index=1.x").is_err());
    }
}
