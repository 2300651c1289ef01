//! What is asked of the DNS and what it answers. RFC 1035 s3.2, RFC 3596 s2, RFC 2782, RFC 3403 s4.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A kind of record that RFC 3263 asks for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Which transports a domain offers. RFC 3403.
    Naptr,
    /// Which hosts offer one of them. RFC 2782.
    Srv,
    /// IPv4 addresses of a host.
    A,
    /// IPv6 addresses of a host.
    Aaaa,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 4] = [Kind::Naptr, Kind::Srv, Kind::A, Kind::Aaaa];

    /// Its name: `NAPTR`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Naptr => "NAPTR",
            Kind::Srv => "SRV",
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
        }
    }

    /// Reads a name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One question for the DNS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// What is asked for.
    pub kind: Kind,
    /// Of which name: lower case, no dot at its end.
    pub name: String,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A transport of a domain. RFC 3403 s4.1.
    Naptr {
        /// Lower first, whatever the preference.
        order: u16,
        /// Lower first among equal orders.
        preference: u16,
        /// `s` where the replacement has SRV records.
        flags: String,
        /// `SIP+D2U`.
        services: String,
        /// A rewriting rule; none is used by SIP.
        regexp: String,
        /// The next name.
        replacement: String,
    },
    /// A host of a service. RFC 2782.
    Srv {
        /// Lower first.
        priority: u16,
        /// Share of the load among equal priorities.
        weight: u16,
        /// Port.
        port: u16,
        /// Host; `.` where the service is not offered.
        target: String,
    },
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// Another name stands for the one asked for.
    Cname(String),
}

impl Record {
    /// Whether it answers a question of this kind.
    #[must_use]
    pub const fn is(&self, kind: Kind) -> bool {
        matches!(
            (self, kind),
            (Record::Naptr { .. }, Kind::Naptr)
                | (Record::Srv { .. }, Kind::Srv)
                | (Record::A(_), Kind::A)
                | (Record::Aaaa(_), Kind::Aaaa)
        )
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Record::Naptr { order, preference, flags, services, regexp, replacement } => {
                write!(f, "NAPTR {order} {preference} \"{flags}\" \"{services}\" \"{regexp}\" {replacement}")
            }
            Record::Srv { priority, weight, port, target } => write!(f, "SRV {priority} {weight} {port} {target}"),
            Record::A(ip) => write!(f, "A {ip}"),
            Record::Aaaa(ip) => write!(f, "AAAA {ip}"),
            Record::Cname(name) => write!(f, "CNAME {name}"),
        }
    }
}

/// Why a question has no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// The name does not exist (NXDOMAIN).
    NoName,
    /// The name has no record of this kind.
    NoRecord,
    /// Nobody could say: what happened.
    Failed(String),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoAnswer::NoName => f.write_str("no such name"),
            NoAnswer::NoRecord => f.write_str("no such record"),
            NoAnswer::Failed(why) => f.write_str(why),
        }
    }
}

/// An answer: its records, or why there are none.
pub type Answer = Result<Vec<Record>, NoAnswer>;

/// A name as questions carry it: lower case, without the dot at its end. `None` for what is no name (RFC 1035 s2.3.4): longer than 253
/// bytes, with an empty label or one of more than 63, or with anything but visible ASCII.
#[must_use]
pub fn host_name(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_graphic());
    (text.len() <= 253 && text.split('.').all(label)).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_rfc_1035_allows() {
        assert_eq!(host_name("Example.COM.").as_deref(), Some("example.com"));
        assert_eq!(host_name("_sip._udp.example.com").as_deref(), Some("_sip._udp.example.com"));
        assert!(host_name(&"a.".repeat(126)).is_some());
        for bad in ["", ".", "a..b", ".a", "a b", "m\u{fc}nchen.example", &"a".repeat(64), &"a.".repeat(128)] {
            assert_eq!(host_name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn kinds_have_names() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(&kind.to_string().to_lowercase()), Some(kind));
        }
        assert_eq!(Kind::from_name("MX"), None);
        assert_eq!(Question { kind: Kind::Srv, name: "_sip._udp.a".into() }.to_string(), "SRV _sip._udp.a");
    }
}
