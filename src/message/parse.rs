//! Framing of one message and the index of its header fields, in one pass. RFC 3261 s7, s18.3, s25.1.

use super::error::{Defect, ParseError};
use super::lex::{find_control, is_lws};
use super::names::Name;
use super::start::StartLine;
use crate::base::limits;
use crate::base::scan::find_byte;
use crate::base::text::{decimal, is_token, trim};
use smallvec::SmallVec;
use std::ops::Range;

/// One header field as offsets into the message; `limits::MESSAGE_BYTES` fits 16 bits.
#[derive(Copy, Clone, Debug)]
pub(super) struct Field {
    pub name: Name,
    /// The line is what we would print: canonical name, one space, no folds, CRLF.
    pub plain: bool,
    name_start: u16,
    name_end: u16,
    value_start: u16,
    value_end: u16,
}

impl Field {
    pub(super) fn name_range(self) -> Range<usize> {
        usize::from(self.name_start)..usize::from(self.name_end)
    }
    /// The line with its end, where `plain`.
    pub(super) fn line_range(self) -> Range<usize> {
        usize::from(self.name_start)..usize::from(self.value_end).wrapping_add(2)
    }
    pub(super) fn value_range(self) -> Range<usize> {
        usize::from(self.value_start)..usize::from(self.value_end)
    }
}

pub(super) type Fields = SmallVec<[Field; 32]>;

/// What [`split`] found.
#[derive(Clone)]
pub(super) struct Parts<'a> {
    /// From the start line to the end of the body.
    pub raw: &'a [u8],
    pub start: StartLine<'a>,
    pub start_end: usize,
    pub fields: Fields,
    /// The header block, when it is UTF-8 throughout.
    pub head: Option<&'a str>,
    pub body: &'a [u8],
    pub defect: Option<Defect>,
}

/// Where a line ends and the next begins.
struct Line {
    end: usize,
    next: usize,
    kind: LineEnd,
}

#[derive(Copy, Clone, PartialEq)]
enum LineEnd {
    CrLf,
    Lf,
    Missing,
}

/// Line ends that are not as they should be.
#[derive(Default)]
struct OddEnds {
    bare_line_feed: bool,
    cut_off: bool,
}

impl OddEnds {
    fn note(&mut self, kind: LineEnd) {
        self.bare_line_feed |= kind == LineEnd::Lf;
        self.cut_off |= kind == LineEnd::Missing;
    }
}

/// Finds the end of the line that starts at `from`.
fn line(bytes: &[u8], from: usize) -> Result<Line, ParseError> {
    let mut search = from;
    loop {
        let rest = bytes.get(search..).unwrap_or_default();
        let Some(found) = find_control(rest) else {
            return Ok(Line { end: bytes.len(), next: bytes.len(), kind: LineEnd::Missing });
        };
        let end = search.wrapping_add(found);
        let next = end.wrapping_add(1);
        match rest.get(found..) {
            Some([b'\r', b'\n', ..]) => return Ok(Line { end, next: end.wrapping_add(2), kind: LineEnd::CrLf }),
            Some([b'\n', ..]) => return Ok(Line { end, next, kind: LineEnd::Lf }),
            Some([b'\r']) => return Ok(Line { end, next, kind: LineEnd::Missing }),
            // NUL may stand in a quoted string behind a backslash. RFC 3261 s25.1, RFC 4475 s3.1.1.2.
            Some([0, ..]) if end == from || bytes.get(end.wrapping_sub(1)) != Some(&b'\\') => {
                return Err(ParseError::ControlCharacter);
            }
            Some([b'\r', ..]) => return Err(ParseError::ControlCharacter),
            _ => search = next,
        }
    }
}

/// How many bytes of empty lines stand before the start line. RFC 3261 s7.5.
pub(super) fn leading_line_ends(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count()
}

/// Length of the header block at the front of `bytes` with its empty line; `None` when that has not come. Agrees with [`split`].
pub(super) fn head_len(bytes: &[u8]) -> Result<Option<usize>, ParseError> {
    let mut at = 0;
    loop {
        let line = line(bytes, at)?;
        if line.kind == LineEnd::Missing {
            return Ok(None);
        }
        let empty = line.end == at;
        at = line.next;
        if empty {
            return Ok(Some(at));
        }
    }
}

/// Splits a message into start line, fields and body.
pub(super) fn split(bytes: &[u8]) -> Result<Parts<'_>, ParseError> {
    let bytes = bytes.get(leading_line_ends(bytes)..).unwrap_or_default();
    if bytes.is_empty() {
        return Err(ParseError::Empty);
    }
    if bytes.len() > limits::MESSAGE_BYTES {
        return Err(ParseError::TooLarge);
    }
    let first = line(bytes, 0)?;
    let (start, overlooked) = StartLine::parse(bytes.get(..first.end).unwrap_or_default())?;
    // What makes a message unusable goes before what does not.
    let mut defect = overlooked.filter(|defect| !defect.is_harmless());
    let mut harmless = overlooked.filter(|defect| defect.is_harmless());
    let mut odd = OddEnds::default();
    odd.note(first.kind);
    let mut fields = Fields::new();
    let mut lines = 0usize;
    let mut content_length = Length::Absent;
    let mut at = first.next;
    loop {
        if at > limits::HEADER_BLOCK_BYTES {
            return Err(ParseError::HeaderBlockTooLarge);
        }
        let rest = bytes.get(at..).unwrap_or_default();
        match rest {
            [b'\r', b'\n', ..] => {
                at = at.wrapping_add(2);
                break;
            }
            [b'\n', ..] => {
                odd.note(LineEnd::Lf);
                at = at.wrapping_add(1);
                break;
            }
            [] | [b'\r'] => {
                harmless = harmless.or(Some(Defect::NoEmptyLine));
                at = bytes.len();
                break;
            }
            _ => {}
        }
        lines = lines.wrapping_add(1);
        if lines > limits::HEADER_FIELDS {
            return Err(ParseError::TooManyHeaders);
        }
        let start = at;
        // The ordinary line ends with CR LF and is not folded.
        let length = find_control(rest).unwrap_or(rest.len());
        let (end, plain) = match rest.get(length..) {
            Some([b'\r', b'\n', next, ..]) if !matches!(next, b' ' | b'\t') => {
                let end = start.wrapping_add(length);
                at = end.wrapping_add(2);
                (end, true)
            }
            _ => (odd_line(bytes, &mut at, &mut odd)?, false),
        };
        match field(bytes, start, end, plain) {
            Some(field) => {
                if field.name == Name::ContentLength {
                    content_length = content_length.and(bytes.get(field.value_range()).unwrap_or_default());
                }
                fields.push(field);
            }
            None => defect = defect.or(Some(Defect::HeaderLine)),
        }
    }
    let (head, rest) = bytes.split_at_checked(at).unwrap_or((bytes, b""));
    let (body, fault) = content_length.cut(rest);
    defect = defect.or(fault).or(odd.cut_off.then_some(Defect::CutOff));
    harmless = harmless.or(odd.bare_line_feed.then_some(Defect::BareLineFeed));
    let raw = bytes.get(..at.wrapping_add(body.len())).unwrap_or(bytes);
    Ok(Parts {
        raw,
        start,
        start_end: first.end,
        fields,
        head: std::str::from_utf8(head).ok(),
        body,
        defect: defect.or(harmless),
    })
}

/// Passes over a header line that is folded, holds controls, or does not end with CR LF; says where its value ends.
fn odd_line(bytes: &[u8], at: &mut usize, odd: &mut OddEnds) -> Result<usize, ParseError> {
    loop {
        let line = line(bytes, *at)?;
        odd.note(line.kind);
        *at = line.next;
        // A line that starts with white space belongs to this one. RFC 3261 s7.3.1.
        if line.kind == LineEnd::Missing || !matches!(bytes.get(*at), Some(b' ' | b'\t')) {
            return Ok(line.end);
        }
    }
}

/// Reads `name : value` between two offsets; `plain` when that is one line with CRLF.
fn field(bytes: &[u8], start: usize, end: usize, plain: bool) -> Option<Field> {
    let line = bytes.get(start..end)?;
    let colon = find_byte(line, b':')?;
    let (name, rest) = line.split_at_checked(colon)?;
    let name_len = match name {
        [.., b' ' | b'\t'] => name.iter().rposition(|b| !matches!(b, b' ' | b'\t'))?.wrapping_add(1),
        _ => name.len(),
    };
    let name_text = name.get(..name_len)?;
    let (name, canonical) = Name::lookup(name_text);
    if name == Name::Other && !is_token(name_text) {
        return None;
    }
    let before = match rest {
        [_, b' ', next, ..] if !is_lws(*next) => 1,
        [_, value @ ..] => value.iter().take_while(|b| is_lws(**b)).count(),
        [] => return None,
    };
    let after = match rest {
        [.., last] if !is_lws(*last) => 0,
        _ => rest.iter().rev().take_while(|b| is_lws(**b)).count(),
    };
    // Offsets are below `limits::MESSAGE_BYTES`.
    let offset = |n: usize| n as u16;
    // A value of white space only: the two counts overlap.
    let value_start = start.wrapping_add(colon).wrapping_add(1).wrapping_add(before).min(end);
    let value_end = end.wrapping_sub(after).max(value_start);
    Some(Field {
        name,
        plain: plain && canonical && name_len == colon && after == 0 && rest.get(1) == Some(&b' ') && before == 1,
        name_start: offset(start),
        name_end: offset(start.wrapping_add(name_len)),
        value_start: offset(value_start),
        value_end: offset(value_end),
    })
}

/// What the Content-Length fields say. RFC 3261 s20.14.
#[derive(Copy, Clone, PartialEq)]
pub(super) enum Length {
    Absent,
    Of(u64),
    Bad(Defect),
}

impl Length {
    /// Takes one more field into account.
    pub(super) fn and(self, value: &[u8]) -> Length {
        match (self, decimal(trim(value))) {
            (Length::Bad(_), _) => self,
            (_, None) => Length::Bad(Defect::ContentLength),
            (Length::Of(before), Some(now)) if before != now => Length::Bad(Defect::ContentLengths),
            (_, Some(now)) => Length::Of(now),
        }
    }

    /// Cuts the body from what follows the headers of a datagram; all of it where nothing says how long it is. RFC 3261 s18.3.
    fn cut(self, rest: &[u8]) -> (&[u8], Option<Defect>) {
        match self {
            Length::Absent => (rest, None),
            Length::Of(length) => match usize::try_from(length).ok().and_then(|length| rest.get(..length)) {
                Some(body) => (body, None),
                None => (rest, Some(Defect::ShortBody)),
            },
            Length::Bad(bad) => (rest, Some(bad)),
        }
    }
}
