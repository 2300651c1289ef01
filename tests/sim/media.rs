//! Calls with real audio through the stage, in virtual time.
