//! Floor 4: audio codecs. RFC 3551.
