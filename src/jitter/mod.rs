//! Floor 4: the adaptive jitter buffer.
