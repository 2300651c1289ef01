//! Floor 5: dialog usages (RFC 5057) and registration.
