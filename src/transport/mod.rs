//! Floor 2: flows, stream framing, Via handling, response routing. RFC 3261 s18, RFC 3581.
