//! Floor 9: the C ABI.

#![allow(clippy::disallowed_methods, clippy::disallowed_types)]
