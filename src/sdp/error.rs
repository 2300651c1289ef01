//! What can be wrong with a session description so that nothing can be made of it. RFC 8866 s5.

use crate::base::limits;
use std::fmt;

/// Why a session description was not taken. Always the sender's fault.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SdpError {
    /// More than [`limits::SDP_BYTES`] bytes.
    TooLarge,
    /// The first line is not `v=0`. RFC 8866 s5.1.
    Version,
    /// An `m=` line without media, port and protocol, or with a port that is none; its place cannot be answered. RFC 8866 s5.14.
    Media {
        /// Counted from 1.
        line: usize,
    },
    /// More `m=` lines than [`limits::SDP_MEDIA`].
    TooManyMedia,
    /// More attributes than [`limits::SDP_ATTRIBUTES`].
    TooManyAttributes,
    /// More formats in one `m=` line than [`limits::SDP_FORMATS`].
    TooManyFormats,
    /// More lines of one of the rarer kinds than [`limits::SDP_LINES`].
    TooManyLines,
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SdpError::TooLarge => write!(f, "the SDP is larger than {} bytes", limits::SDP_BYTES),
            SdpError::Version => f.write_str("the SDP does not begin with v=0"),
            SdpError::Media { line } => write!(f, "the m= line at line {line} of the SDP is not understood"),
            SdpError::TooManyMedia => write!(f, "the SDP has more than {} m= lines", limits::SDP_MEDIA),
            SdpError::TooManyAttributes => write!(f, "the SDP has more than {} a= lines", limits::SDP_ATTRIBUTES),
            SdpError::TooManyFormats => write!(f, "an m= line has more than {} formats", limits::SDP_FORMATS),
            SdpError::TooManyLines => write!(f, "the SDP has more than {} lines of one kind", limits::SDP_LINES),
        }
    }
}

impl std::error::Error for SdpError {}
