//! Floor 4: one outgoing request from start to final. RFC 3261 s8.1, RFC 3263.
