//! Cutting a multipart body at its boundary. RFC 2046 s5.1.1.

use super::BodyError;
use smallvec::SmallVec;

/// Longest boundary. RFC 2046 s5.1.1.
const BOUNDARY_BYTES: usize = 70;

/// The raw parts of one multipart body, headers and all; the preamble and the epilogue are left out.
#[derive(Clone, Debug)]
pub(super) struct Multipart<'a> {
    /// `--` and the boundary.
    delimiter: SmallVec<[u8; BOUNDARY_BYTES + 2]>,
    /// What follows the last delimiter line; `None` after the closing one.
    rest: Option<&'a [u8]>,
}

/// A delimiter line.
struct Delimiter {
    /// Where the part before it ends: the line end before the delimiter is not the part's.
    part_end: usize,
    /// Where the part after it begins.
    next: usize,
    closing: bool,
}

impl<'a> Multipart<'a> {
    /// Finds the first delimiter.
    pub(super) fn new(body: &'a [u8], boundary: &str) -> Result<Self, BodyError> {
        let printable = boundary.bytes().all(|b| (b' '..=b'~').contains(&b)) && !boundary.ends_with(' ');
        if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES || !printable {
            return Err(BodyError::Boundary);
        }
        let delimiter: SmallVec<_> = b"--".iter().copied().chain(boundary.bytes()).collect();
        let first = find(body, &delimiter).ok_or(BodyError::NoDelimiter)?;
        let rest = if first.closing { None } else { body.get(first.next..) };
        Ok(Multipart { delimiter, rest })
    }
}

impl<'a> Iterator for Multipart<'a> {
    type Item = &'a [u8];
    /// A part without closing delimiter behind it ends with the body.
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let Some(delimiter) = find(rest, &self.delimiter) else { return Some(rest) };
        self.rest = if delimiter.closing { None } else { rest.get(delimiter.next..) };
        rest.get(..delimiter.part_end)
    }
}

/// The first line that is a delimiter: at a line's start, and nothing but white space or `--` behind it.
fn find(body: &[u8], delimiter: &[u8]) -> Option<Delimiter> {
    let mut from = 0usize;
    loop {
        let at = from.wrapping_add(memchr::memmem::find(body.get(from..)?, delimiter)?);
        let (before, line) = body.split_at_checked(at)?;
        let after = line.get(delimiter.len()..)?;
        let starts = before.is_empty() || before.ends_with(b"\n");
        if let Some((length, closing)) = line_end(after)
            && starts
        {
            let part_end = match before {
                [.., b'\r', b'\n'] => at.wrapping_sub(2),
                [.., b'\n'] => at.wrapping_sub(1),
                _ => at,
            };
            return Some(Delimiter { part_end, next: at.wrapping_add(delimiter.len()).wrapping_add(length), closing });
        }
        from = at.wrapping_add(1);
    }
}

/// What stands behind the boundary: its length with the line end, and whether it closes. `None`: a longer word.
fn line_end(after: &[u8]) -> Option<(usize, bool)> {
    if after.starts_with(b"--") {
        return Some((2, true));
    }
    let padding = after.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    match after.get(padding..)? {
        [] => Some((padding, false)),
        [b'\r', b'\n', ..] => Some((padding.wrapping_add(2), false)),
        [b'\n', ..] => Some((padding.wrapping_add(1), false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut<'a>(body: &'a str, boundary: &str) -> Result<Vec<&'a str>, BodyError> {
        Ok(Multipart::new(body.as_bytes(), boundary)?.map(|part| std::str::from_utf8(part).unwrap()).collect())
    }

    #[test]
    fn preamble_and_epilogue_are_left_out() {
        let body = "preamble\r\n--b\r\n\r\none\r\n--b  \t\r\n\r\ntwo\r\n\r\n--b--\r\nepilogue\r\n--b\r\n\r\nthree";
        assert_eq!(cut(body, "b").unwrap(), ["\r\none", "\r\ntwo\r\n"]);
        assert_eq!(cut("--b\n\none\n--b--", "b").unwrap(), ["\none"]);
    }

    #[test]
    fn a_boundary_counts_at_the_start_of_a_line_and_as_a_whole() {
        let body = "--b\r\n\r\nx --b\r\n--bb\r\n--b x\r\n-b\r\n--b--";
        assert_eq!(cut(body, "b").unwrap(), ["\r\nx --b\r\n--bb\r\n--b x\r\n-b"]);
        assert_eq!(cut("--a b\r\nx\r\n--a b--", "a b").unwrap(), ["x"]);
    }

    #[test]
    fn odd_bodies() {
        assert_eq!(cut("--b\r\n--b\r\n\r\n--b--", "b").unwrap(), ["", ""]);
        assert_eq!(cut("--b\r\n\r\nnot closed", "b").unwrap(), ["\r\nnot closed"]);
        assert_eq!(cut("--b", "b").unwrap(), [""]);
        assert_eq!(cut("--b--", "b").unwrap(), Vec::<&str>::new());
        assert_eq!(cut("none", "b"), Err(BodyError::NoDelimiter));
        assert_eq!(cut("", "b"), Err(BodyError::NoDelimiter));
        for bad in ["", "a ", "a\r\n", "\u{e9}", &"x".repeat(71)] {
            assert_eq!(cut("--a", bad), Err(BodyError::Boundary), "{bad:?}");
        }
        assert_eq!(cut(&format!("--{}\r\nx", "x".repeat(70)), &"x".repeat(70)).unwrap(), ["x"]);
    }
}
