//! Floor 4: offer/answer. RFC 3264, RFC 6337.
