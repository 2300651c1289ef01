//! The texts of a dialog, one behind the other in one piece of memory: a dialog is made, copied and dropped for every call. RFC 3261 s12.

use std::fmt;

/// Which text.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    CallId,
    LocalTag,
    RemoteTag,
    Local,
    Remote,
    Target,
}

const PARTS: [Part; 6] = [Part::CallId, Part::LocalTag, Part::RemoteTag, Part::Local, Part::Remote, Part::Target];

/// All texts of a dialog.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Texts {
    all: Box<str>,
    /// Where each ends.
    ends: [u32; PARTS.len()],
}

impl Texts {
    /// Each text is given in pieces, in the order of [`Part`].
    pub(super) fn new(parts: [&[&str]; PARTS.len()]) -> Self {
        let length =
            parts.iter().flat_map(|pieces| pieces.iter()).fold(0usize, |sum, piece| sum.saturating_add(piece.len()));
        let mut all = String::with_capacity(length);
        let ends = parts.map(|pieces| {
            pieces.iter().for_each(|piece| all.push_str(piece));
            // A message is far below 4 GiB.
            u32::try_from(all.len()).unwrap_or(u32::MAX)
        });
        Texts { all: all.into(), ends }
    }

    /// One text.
    pub(super) fn get(&self, part: Part) -> &str {
        let at = part as usize;
        let end = |at: usize| self.ends.get(at).map_or(0, |end| *end as usize);
        let start = at.checked_sub(1).map_or(0, end);
        self.all.get(start..end(at)).unwrap_or_default()
    }

    /// The same with one text replaced.
    pub(super) fn with(&self, part: Part, text: &str) -> Self {
        let one = PARTS.map(|p| [if p == part { text } else { self.get(p) }]);
        Texts::new(one.each_ref().map(|pieces| &pieces[..]))
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(PARTS.map(|part| (part, self.get(part)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_one_can_be_replaced() {
        let texts = Texts::new([&["c"], &["l", "t"], &[], &["<", "sip:a", ">"], &["é"], &[""]]);
        let all = |t: &Texts| PARTS.map(|part| t.get(part).to_owned());
        assert_eq!(all(&texts), ["c", "lt", "", "<sip:a>", "é", ""]);
        assert_eq!(all(&texts.with(Part::RemoteTag, "r")), ["c", "lt", "r", "<sip:a>", "é", ""]);
        assert_eq!(texts.with(Part::CallId, "c"), texts);
    }
}
