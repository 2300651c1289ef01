//! Floor 3: the four transaction machines. RFC 3261 s17, RFC 6026, RFC 4320.
