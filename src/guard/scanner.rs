//! Programs that look for SIP systems to abuse, by the User-Agent that they send unless told otherwise. RFC 3261 s20.41.

/// Beginnings of User-Agent values, in lower case.
const SCANNERS: [&str; 13] = [
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sip-scan",
    "sipscan",
    "sipcli",
    "sundayddr",
    "vaxsipuseragent",
    "pplsip",
    "iwar",
    "smap",
    "sivus",
    "gulp",
];

/// Whether a User-Agent is that of a scanner. Who hides it is found by what it does: see the rates.
#[must_use]
pub fn is_scanner(user_agent: &str) -> bool {
    let value = user_agent.trim().as_bytes();
    SCANNERS.iter().any(|name| value.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scanners_are_known_by_name_and_phones_are_not_scanners() {
        for scanner in ["friendly-scanner", "Friendly-Scanner", " sipcli/v1.8", "SIPVicious 0.3", "VaxSIPUserAgent/3.1"]
        {
            assert!(is_scanner(scanner), "{scanner}");
        }
        for phone in ["", "Linphone/5.0", "Yealink SIP-T46S", "baresip v1.0", "sipwright/0.1.0", "sipp", "Fanvil X5"] {
            assert!(!is_scanner(phone), "{phone}");
        }
    }
}
