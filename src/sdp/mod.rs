//! Floor 1: SDP parse and print. RFC 8866.
