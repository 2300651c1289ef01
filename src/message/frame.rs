//! Framing of messages in a byte stream. RFC 3261 s18.3, s7.5; keep-alives of RFC 5626 s3.5.1.

use super::names::Name;
use super::parse::{self, Length};
use super::start::is_control;
use crate::base::limits;
use std::fmt;

/// What stands at the front of a stream's buffer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Wait for more bytes.
    Incomplete,
    /// Line ends only: four bytes are a ping (answer CRLF), two a pong. RFC 5626 s3.5.1.
    KeepAlive {
        /// How many bytes to take.
        bytes: usize,
    },
    /// A whole message (with line ends before it, which `Message::parse` passes over).
    Message {
        /// How many bytes to take.
        bytes: usize,
    },
    /// The stream can not be followed any more: close it.
    Bad(FrameError),
}

/// Why a stream can not be followed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// The header block is larger than `limits::HEADER_BLOCK_BYTES`.
    HeaderBlockTooLarge,
    /// Header block and Content-Length are larger than `limits::MESSAGE_BYTES`.
    TooLarge,
    /// Content-Length is no number, or several disagree.
    ContentLength,
    /// The first line is no SIP start line, or the head holds NUL or CR without LF.
    NotSip,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FrameError::HeaderBlockTooLarge => "the header block is larger than this engine takes",
            FrameError::TooLarge => "the message is larger than this engine takes",
            FrameError::ContentLength => "Content-Length is not a number, or several disagree",
            FrameError::NotSip => "the stream does not carry SIP",
        })
    }
}

impl std::error::Error for FrameError {}

/// Looks at the front of `buf`. Never reads beyond one message; a message without Content-Length ends with its headers.
#[must_use]
pub fn next(buf: &[u8]) -> Frame {
    match buf {
        [] | [b'\r'] | [b'\r', b'\n', b'\r'] => return Frame::Incomplete,
        [b'\r', b'\n', b'\r', b'\n', ..] => return Frame::KeepAlive { bytes: 4 },
        [b'\r', b'\n', ..] => return Frame::KeepAlive { bytes: 2 },
        [b'\n', ..] => return Frame::KeepAlive { bytes: 1 },
        [b'\r', ..] => return Frame::Bad(FrameError::NotSip),
        _ => {}
    }
    let window = buf.get(..limits::HEADER_BLOCK_BYTES).unwrap_or(buf);
    let head_len = match parse::head_len(window) {
        Ok(Some(len)) => len,
        Ok(None) if buf.len() >= limits::HEADER_BLOCK_BYTES => return Frame::Bad(FrameError::HeaderBlockTooLarge),
        Ok(None) => return if may_be_sip(buf) { Frame::Incomplete } else { Frame::Bad(FrameError::NotSip) },
        Err(_) => return Frame::Bad(FrameError::NotSip),
    };
    let head = buf.get(..head_len).unwrap_or_default();
    if !may_be_sip(head) {
        return Frame::Bad(FrameError::NotSip);
    }
    let length = match content_length(head) {
        Length::Absent => 0,
        Length::Of(length) => length,
        Length::Bad(_) => return Frame::Bad(FrameError::ContentLength),
    };
    match usize::try_from(length).ok().and_then(|length| head_len.checked_add(length)) {
        Some(bytes) if bytes > limits::MESSAGE_BYTES => Frame::Bad(FrameError::TooLarge),
        Some(bytes) if bytes <= buf.len() => Frame::Message { bytes },
        Some(_) => Frame::Incomplete,
        None => Frame::Bad(FrameError::TooLarge),
    }
}

/// Whether the first line could be a start line: a quick no to TLS, HTTP and noise before a whole header block has come.
fn may_be_sip(buf: &[u8]) -> bool {
    let end = memchr::memchr(b'\n', buf);
    let line = end.and_then(|end| buf.get(..end)).unwrap_or(buf);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let words = !line.iter().any(|b| is_control(*b));
    let version = match end {
        Some(_) => {
            let upper = |s: &[u8]| s.eq_ignore_ascii_case(b"SIP/");
            let last = line.iter().rposition(|b| *b != b' ').and_then(|last| {
                let line = line.get(..=last)?;
                let space = line.iter().rposition(|b| *b == b' ')?;
                line.get(space.wrapping_add(1)..)
            });
            line.get(..4).is_some_and(upper) || last.and_then(|word| word.get(..4)).is_some_and(upper)
        }
        None => true,
    };
    words && version
}

/// What the Content-Length fields of a header block say. Lines that continue others are no fields.
fn content_length(head: &[u8]) -> Length {
    let mut found = Length::Absent;
    let mut lines = head.split(|b| *b == b'\n').peekable();
    while let Some(line) = lines.next() {
        let is_length = match line {
            [b'l' | b'L', b':' | b' ' | b'\t', ..] => true,
            [b'c' | b'C', rest @ ..] => rest.len() > 13,
            _ => false,
        };
        let colon = if is_length { memchr::memchr(b':', line) } else { None };
        let Some((name, value)) = colon.and_then(|colon| line.split_at_checked(colon)) else { continue };
        if Name::parse(crate::base::text::trim(name)) != Name::ContentLength {
            continue;
        }
        let mut value = crate::base::text::trim(value.get(1..).unwrap_or_default());
        while let Some([b' ' | b'\t', ..]) = lines.peek() {
            let more = crate::base::text::trim(lines.next().unwrap_or_default());
            // A fold inside the number is no number; around it it is white space.
            value = match (value.is_empty(), more.is_empty()) {
                (true, _) => more,
                (false, true) => value,
                (false, false) => b"-",
            };
        }
        found = found.and(value);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"MESSAGE sip:a SIP/2.0\r\nTo: b\r\nL : 5\r\n\r\nhello";

    #[test]
    fn a_message_is_cut_at_its_content_length() {
        let mut stream = MESSAGE.to_vec();
        stream.extend_from_slice(b"\r\n\r\nrest");
        assert_eq!(next(&stream), Frame::Message { bytes: MESSAGE.len() });
        assert_eq!(next(&stream[MESSAGE.len()..]), Frame::KeepAlive { bytes: 4 });
        for cut in 0..MESSAGE.len() {
            assert_eq!(next(&MESSAGE[..cut]), Frame::Incomplete, "{cut}");
        }
    }

    #[test]
    fn line_ends_between_messages() {
        assert_eq!(next(b"\r\n"), Frame::KeepAlive { bytes: 2 });
        assert_eq!(next(b"\r\nMESS"), Frame::KeepAlive { bytes: 2 });
        assert_eq!(next(b"\r\n\r"), Frame::Incomplete);
        assert_eq!(next(b"\r\n\r\n\r\n"), Frame::KeepAlive { bytes: 4 });
    }

    #[test]
    fn a_message_without_content_length_ends_with_its_headers() {
        assert_eq!(next(b"SIP/2.0 200 OK\r\nTo: a\r\n\r\nSIP/2.0"), Frame::Message { bytes: 25 });
    }

    #[test]
    fn a_tab_may_stand_in_a_reason_phrase() {
        assert_eq!(next(b"SIP/2.0 200 a\tb\r\n\r\n"), Frame::Message { bytes: 19 });
    }

    #[test]
    fn streams_that_can_not_be_followed() {
        let bad = |text: &str| match next(text.as_bytes()) {
            Frame::Bad(error) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(bad("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), FrameError::NotSip);
        assert_eq!(bad("\u{16}\u{3}\u{1}"), FrameError::NotSip);
        assert_eq!(bad("A sip:a SIP/2.0\r\nContent-Length: 2147483648\r\n\r\n"), FrameError::TooLarge);
        assert_eq!(bad("A sip:a SIP/2.0\r\nContent-Length: 18446744073709551615\r\n\r\n"), FrameError::TooLarge);
        assert_eq!(bad("A sip:a SIP/2.0\r\nContent-Length: -1\r\n\r\n"), FrameError::ContentLength);
        assert_eq!(bad("A sip:a SIP/2.0\r\nContent-Length: 1\r\nl: 2\r\n\r\n"), FrameError::ContentLength);
        assert_eq!(bad("A sip:a SIP/2.0\r\nContent-Length: 1\r\n 2\r\n\r\n"), FrameError::ContentLength);
        let long = format!("A sip:a SIP/2.0\r\nTo: {}", "x".repeat(limits::HEADER_BLOCK_BYTES));
        assert_eq!(bad(&long), FrameError::HeaderBlockTooLarge);
    }
}
