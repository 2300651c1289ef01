//! What can be wrong with a peer's bytes. RFC 3261 s7, s16.3, s18.3, s21.4.1. All of it is the peer's fault: it is counted and answered, never an
//! error for the application.

use std::fmt;

/// Why bytes are no SIP message at all. There is nothing to answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing but line ends. RFC 3261 s7.5.
    Empty,
    /// Larger than `limits::MESSAGE_BYTES`.
    TooLarge,
    /// The header block is larger than `limits::HEADER_BLOCK_BYTES`.
    HeaderBlockTooLarge,
    /// More than `limits::HEADER_FIELDS` header fields.
    TooManyHeaders,
    /// The first line is neither a Request-Line nor a Status-Line. RFC 3261 s7.1, s7.2.
    StartLine,
    /// A status code that is not three digits from 100 to 699. RFC 3261 s7.2.
    StatusCode,
    /// NUL, or CR without LF, in the header block. RFC 3261 s25.1.
    ControlCharacter,
}

impl ParseError {
    /// The rule that is broken.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            ParseError::Empty => "RFC 3261 s7.5",
            ParseError::StartLine => "RFC 3261 s7.1",
            ParseError::StatusCode => "RFC 3261 s7.2",
            ParseError::ControlCharacter => "RFC 3261 s25.1",
            ParseError::TooLarge | ParseError::HeaderBlockTooLarge | ParseError::TooManyHeaders => "RFC 3261 s21.5.7",
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParseError::Empty => "no message, only line ends",
            ParseError::TooLarge => "the message is larger than this engine takes",
            ParseError::HeaderBlockTooLarge => "the header block is larger than this engine takes",
            ParseError::TooManyHeaders => "more header fields than this engine takes",
            ParseError::StartLine => "the first line is neither a SIP request line nor a SIP status line",
            ParseError::StatusCode => "the status code is not a number from 100 to 699",
            ParseError::ControlCharacter => {
                "a control character in the start line, or NUL or CR without LF in the header block"
            }
        })
    }
}

impl std::error::Error for ParseError {}

/// What [`Message::parse`](super::Message::parse) overlooked so that the message can be answered. The first one found is kept.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// Not `SIP/2.0`. RFC 3261 s7.1, s21.5.6.
    Version,
    /// White space where the Request-Line or Status-Line has none, or not one space between its parts. RFC 3261 s7.1.
    StartLineSpace,
    /// A line of the header block that is no `name: value`. RFC 3261 s7.3.1.
    HeaderLine,
    /// A Content-Length that is no number. RFC 3261 s20.14.
    ContentLength,
    /// Several Content-Length fields that disagree. RFC 3261 s20.14, RFC 4475 s3.3.9.
    ContentLengths,
    /// A Content-Length beyond the bytes that came. RFC 3261 s18.3.
    ShortBody,
    /// The last header line does not end. RFC 3261 s7.
    CutOff,
    /// The header block does not end with an empty line, but with a whole line. Understood all the same: some proxies send their ACK so. RFC 3261 s7.
    NoEmptyLine,
    /// A reason phrase that is not UTF-8. Understood all the same. RFC 3261 s7.2.
    Reason,
    /// Lines end with LF alone. Understood all the same. RFC 3261 s7.
    BareLineFeed,
}

impl Defect {
    /// Whether [`check`](super::check) lets it pass.
    #[must_use]
    pub const fn is_harmless(self) -> bool {
        matches!(self, Defect::NoEmptyLine | Defect::BareLineFeed | Defect::Reason)
    }

    /// The rule that is broken.
    #[must_use]
    pub const fn section(self) -> &'static str {
        match self {
            Defect::Version => "RFC 3261 s21.5.6",
            Defect::StartLineSpace => "RFC 3261 s7.1",
            Defect::HeaderLine => "RFC 3261 s7.3.1",
            Defect::ContentLength | Defect::ContentLengths => "RFC 3261 s20.14",
            Defect::ShortBody => "RFC 3261 s18.3",
            Defect::CutOff | Defect::NoEmptyLine | Defect::BareLineFeed => "RFC 3261 s7",
            Defect::Reason => "RFC 3261 s7.2",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Defect::Version => "Version Not Supported",
            Defect::StartLineSpace => "White space in the start line",
            Defect::HeaderLine => "A header line without name and colon",
            Defect::ContentLength => "Content-Length is not a number",
            Defect::ContentLengths => "Content-Length fields disagree",
            Defect::ShortBody => "Content-Length is larger than the body",
            Defect::CutOff => "The message ends within a header line",
            Defect::NoEmptyLine => "No empty line after the headers",
            Defect::Reason => "The reason phrase is not UTF-8",
            Defect::BareLineFeed => "Lines end with LF, not CRLF",
        })
    }
}

/// Why a header value could not be read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderError {
    /// There is no such header.
    Missing,
    /// Bytes that are not UTF-8 where only UTF-8 may stand.
    NotUtf8,
    /// Not the grammar of RFC 3261 s25.1; says what.
    Syntax(&'static str),
    /// A number that is none, or out of range.
    Number,
    /// More parameters or values than `base::limits` allows.
    TooMany,
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HeaderError::Missing => "missing",
            HeaderError::NotUtf8 => "not UTF-8",
            HeaderError::Syntax(what) => what,
            HeaderError::Number => "number missing or out of range",
            HeaderError::TooMany => "too many values or parameters",
        })
    }
}

impl std::error::Error for HeaderError {}

/// Why a URI could not be read. RFC 3261 s19.1, RFC 3966.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriError {
    /// No `scheme:` in front.
    Scheme,
    /// A character that must be escaped, or a `%` without two hexadecimal digits in the user part.
    Character,
    /// An empty or malformed host.
    Host,
    /// A port that is no number up to 65535.
    Port,
    /// A `tel:` number without digits, or with other characters than those of numbers. RFC 3966 s3.
    Number,
    /// More parameters than `limits::PARAMETERS`.
    TooMany,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UriError::Scheme => "the URI has no scheme (write sip:user@host)",
            UriError::Character => "the URI holds a character that must be escaped",
            UriError::Host => "the URI's host is empty or malformed (IPv6 goes in brackets)",
            UriError::Port => "the URI's port is not a number up to 65535",
            UriError::Number => "the tel URI holds no number",
            UriError::TooMany => "the URI has too many parameters",
        })
    }
}

impl std::error::Error for UriError {}
