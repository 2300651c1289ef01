//! Floor 1: RTP and RTCP packets as views. RFC 3550, RFC 8285, RFC 4733.
