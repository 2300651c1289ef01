//! Who sent something: an IPv4 address, or the /64 of an IPv6 one, because a host has a whole /64 to choose from (RFC 7421 s3).

use std::net::IpAddr;

/// A source in 64 bits. An IPv4 address stands in a prefix that multicast owns, so that it is no source's.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source(pub(super) u64);

impl Source {
    pub(super) fn of(ip: IpAddr) -> Source {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Source(0xffff_ffff_0000_0000 | u64::from(ip.to_bits())),
            IpAddr::V6(ip) => Source((ip.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let of = |ip: &str| Source::of(ip.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
