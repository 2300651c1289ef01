//! Floor 1: SIP text parse and print, zero-copy. RFC 3261 s7, s20, s25.
