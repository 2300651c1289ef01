//! Why an offer or answer was not taken, with what the response has to say. RFC 3261 s14.2, s20.43, s21.4.26.

use std::fmt;

/// A session description that cannot be used, or not now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Status of the response to the request that carried it: 488, 491 or 500.
    pub status: u16,
    /// The `warn-code` of a Warning header (RFC 3261 s20.43); 0 when none is due.
    pub warn_code: u16,
    /// What is wrong, in words.
    pub warning: String,
    /// The response needs a Retry-After of a random 0 to 10 seconds. RFC 3261 s14.2.
    pub retry_after: bool,
}

impl Refused {
    /// 488 with the reason.
    pub(super) fn not_acceptable(warn_code: u16, warning: impl Into<String>) -> Self {
        Refused { status: 488, warn_code, warning: warning.into(), retry_after: false }
    }

    /// Our own offer is waiting for its answer.
    pub(super) fn glare() -> Self {
        let warning = "our own offer has not been answered yet".into();
        Refused { status: 491, warn_code: 0, warning, retry_after: false }
    }

    /// An earlier offer of the peer has not been answered yet.
    pub(super) fn overtaken() -> Self {
        let warning = "an earlier offer has not been answered yet".into();
        Refused { status: 500, warn_code: 0, warning, retry_after: true }
    }

    /// There is nothing that this could be the answer to, or that we could answer.
    pub(super) fn no_offer() -> Self {
        Refused { status: 500, warn_code: 0, warning: "there is no offer to be answered".into(), retry_after: false }
    }

    /// The value of the Warning header, when one is due; `agent` is our host or a pseudonym.
    #[must_use]
    pub fn warning_header(&self, agent: &str) -> Option<String> {
        (self.warn_code > 0).then(|| format!("{} {agent} \"{}\"", self.warn_code, self.warning))
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.warning, self.status)
    }
}

impl std::error::Error for Refused {}

/// `warn-code` values. RFC 3261 s20.43.
pub(super) mod warn {
    pub(crate) const ADDRESS: u16 = 301;
    pub(crate) const TRANSPORT: u16 = 302;
    pub(crate) const MEDIA: u16 = 304;
    pub(crate) const FORMAT: u16 = 305;
    pub(crate) const NOT_UNDERSTOOD: u16 = 307;
    pub(crate) const MULTICAST: u16 = 330;
}
