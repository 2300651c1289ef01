//! Printing a message into a reused buffer. RFC 3261 s7, s20.14, s25.1.

use super::names::Name;
use super::view::Message;
use crate::base::scan::is_one_line;
use crate::base::text::push_decimal;
use std::fmt;
use std::io::Write as _;

/// Prints one message: start line, headers in the order they are given, then [`finish`](Self::finish). Line ends and NUL in a value
/// become spaces: what comes from outside can never add a header.
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Writer<'o> {
    /// Starts a request.
    pub fn request(out: &'o mut Vec<u8>, method: &str, uri: &str) -> Self {
        push_clean(out, method.as_bytes());
        out.push(b' ');
        push_clean(out, uri.as_bytes());
        out.extend_from_slice(b" SIP/2.0\r\n");
        Writer { out }
    }

    /// Starts a response; an empty `reason` is printed as it is.
    pub fn response(out: &'o mut Vec<u8>, status: u16, reason: &str) -> Self {
        out.extend_from_slice(b"SIP/2.0 ");
        push_decimal(out, u64::from(status));
        out.push(b' ');
        push_clean(out, reason.as_bytes());
        out.extend_from_slice(b"\r\n");
        Writer { out }
    }

    /// Adds a header. [`Name::Other`] has no text: use [`named`](Self::named).
    pub fn header(&mut self, name: Name, value: impl AsRef<[u8]>) -> &mut Self {
        self.line(name.as_str().as_bytes(), value.as_ref());
        self
    }

    /// Adds a header whose value is formatted in place.
    pub fn header_fmt(&mut self, name: Name, args: fmt::Arguments<'_>) -> &mut Self {
        self.out.extend_from_slice(name.as_str().as_bytes());
        self.out.extend_from_slice(b": ");
        let start = self.out.len();
        // Writing into a Vec cannot fail.
        let _ = self.out.write_fmt(args);
        clean(self.out, start);
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Adds a header whose value is these parts in a row.
    pub fn parts(&mut self, name: Name, parts: &[&str]) -> &mut Self {
        self.out.extend_from_slice(name.as_str().as_bytes());
        self.out.extend_from_slice(b": ");
        for part in parts {
            push_clean(self.out, part.as_bytes());
        }
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Adds a header whose value is a number, and a word behind it unless that is empty.
    pub fn number(&mut self, name: Name, number: u64, word: &str) -> &mut Self {
        self.out.extend_from_slice(name.as_str().as_bytes());
        self.out.extend_from_slice(b": ");
        push_decimal(self.out, number);
        if !word.is_empty() {
            self.out.push(b' ');
            push_clean(self.out, word.as_bytes());
        }
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// Adds a header by its text.
    pub fn named(&mut self, name: &str, value: &str) -> &mut Self {
        self.line(name.as_bytes(), value.as_bytes());
        self
    }

    /// Copies all fields of that name, in order, values byte for byte but for folds, which become spaces.
    pub fn copy(&mut self, from: &Message<'_>, name: Name) -> &mut Self {
        from.write_all(name, self.out);
        self
    }

    /// Appends header lines (or parts of them) that were printed before, line ends and all.
    pub fn raw(&mut self, lines: &[u8]) -> &mut Self {
        self.out.extend_from_slice(lines);
        self
    }

    /// Ends the message: Content-Type where given, Content-Length, empty line, body.
    pub fn finish(self, content_type: Option<&str>, body: &[u8]) {
        let out = self.out;
        if let Some(content_type) = content_type {
            out.extend_from_slice(b"Content-Type: ");
            push_clean(out, content_type.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"Content-Length: ");
        push_decimal(out, body.len() as u64);
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(body);
    }

    fn line(&mut self, name: &[u8], value: &[u8]) {
        push_clean(self.out, name);
        self.out.extend_from_slice(b": ");
        push_clean(self.out, value);
        self.out.extend_from_slice(b"\r\n");
    }
}

/// Appends text with CR, LF and NUL as spaces: an unfolded value, never a second line. `\NUL` in a quoted string stays.
pub(super) fn push_clean(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    out.extend_from_slice(text);
    if !is_one_line(text) {
        clean(out, start);
    }
}

fn clean(out: &mut [u8], start: usize) {
    let mut before = 0;
    for byte in out.iter_mut().skip(start) {
        if matches!(*byte, b'\r' | b'\n') || (*byte == 0 && before != b'\\') {
            *byte = b' ';
        }
        before = *byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request() {
        let mut out = Vec::new();
        let mut w = Writer::request(&mut out, "MESSAGE", "sip:bob@b.example");
        w.number(Name::MaxForwards, 70, "").number(Name::CSeq, 7, "MESSAGE").named("X-Trace", "1");
        w.finish(Some("text/plain"), b"hi");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "MESSAGE sip:bob@b.example SIP/2.0\r\nMax-Forwards: 70\r\nCSeq: 7 MESSAGE\r\nX-Trace: 1\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
        );
    }

    #[test]
    fn values_cannot_add_headers() {
        let mut out = Vec::new();
        let mut w = Writer::response(&mut out, 200, "OK\r\nEvil: 1");
        w.header(Name::Subject, "a\r\nEvil: 1")
            .header_fmt(Name::To, format_args!("{}\n\0", "x"))
            .parts(Name::From, &["a\r", "\n b"])
            .number(Name::CSeq, 1, "A\nB")
            .named("X\r\nEvil", "1\n");
        w.finish(Some("a\r\nEvil: 1"), b"");
        let message = Message::parse(&out).unwrap();
        assert!(message.named("Evil").is_none());
        assert_eq!(out.iter().filter(|b| **b == b'\n').count(), 9);
    }

    #[test]
    fn copies_all_fields_unfolded() {
        let bytes = b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a;\r\n branch=1\r\nVIA: SIP/2.0/UDP b\r\n\r\n";
        let message = Message::parse(bytes).unwrap();
        let mut out = Vec::new();
        let mut w = Writer::response(&mut out, 200, "OK");
        w.copy(&message, Name::Via);
        w.finish(None, b"");
        assert!(out.starts_with(
            b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;   branch=1\r\nVia: SIP/2.0/UDP b\r\nContent-Length: 0\r\n\r\n"
        ));
    }
}
