//! Floor 4: dialogs. RFC 3261 s12.
