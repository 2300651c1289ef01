//! Floor 2: digest authentication. RFC 7616, RFC 8760, RFC 3261 s22.
