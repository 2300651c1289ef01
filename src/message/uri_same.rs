//! When two URIs are the same. RFC 3261 s19.1.4, RFC 3966 s4, RFC 8141 s3, RFC 5031 s3.

use super::params::Params;
use super::uri::{Scheme, Uri, header_pairs, host_ip};
use crate::base::limits;
use crate::base::text::hex;

impl Uri<'_> {
    /// Equality of RFC 3261 s19.1.4 for `sip` and `sips`, of RFC 3966 s4 for `tel`, of RFC 8141 s3 for `urn`; of others the scheme in
    /// any case and the rest to the letter. Not transitive: a parameter in one URI only is often ignored.
    #[must_use]
    pub fn same_as(&self, other: &Uri<'_>) -> bool {
        if self.as_str() == other.as_str() {
            return true;
        }
        match (self.scheme, other.scheme) {
            (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => {
                both(self.user, other.user, same_text)
                    && both(self.password, other.password, same_text)
                    && same_host(self.host, other.host)
                    && self.port == other.port
                    && same_params(self.params, other.params)
                    && same_headers(self.headers, other.headers)
            }
            (Scheme::Tel, Scheme::Tel) => {
                let number = |uri: &Uri<'_>| uri.user.unwrap_or_default().to_owned();
                same_number(&number(self), &number(other))
                    && tel_covers(self.params, other.params)
                    && tel_covers(other.params, self.params)
            }
            (Scheme::Urn, Scheme::Urn) => match (self.urn(), other.urn()) {
                (Some((a, x)), Some((b, y))) => a.eq_ignore_ascii_case(b) && same_urn(a, x, y),
                _ => false,
            },
            (Scheme::Other(a), Scheme::Other(b)) => a.eq_ignore_ascii_case(b) && self.host == other.host,
            _ => false,
        }
    }
}

fn both(a: Option<&str>, b: Option<&str>, same: impl Fn(&str, &str) -> bool) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => same(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// The characters of a text with escapes undone, but for those of reserved characters (and `%`): these mean something else when they are
/// escaped. RFC 3261 s19.1.4.
fn units(text: &str) -> impl Iterator<Item = (u8, bool)> {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (first, tail) = rest.split_first()?;
        if let [b'%', high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = after;
            let byte = (high << 4) | low;
            return Some((byte, b";/?:@&=+$,%".contains(&byte)));
        }
        rest = tail;
        Some((*first, false))
    })
}

fn same_text(a: &str, b: &str) -> bool {
    units(a).eq(units(b))
}

fn same_word(a: &str, b: &str) -> bool {
    let lower = |(byte, escaped): (u8, bool)| (byte.to_ascii_lowercase(), escaped);
    units(a).map(lower).eq(units(b).map(lower))
}

fn same_host(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || (a.contains(':') && host_ip(a).is_some_and(|a| host_ip(b) == Some(a)))
}

/// Parameters in both must match; these must match also when they are in one only.
fn same_params(a: Params<'_>, b: Params<'_>) -> bool {
    let one_way = |a: Params<'_>, b: Params<'_>| {
        a.iter().all(|(name, value)| match b.get(name) {
            Some(other) => both(value, other, same_word),
            None => !["user", "ttl", "method", "maddr", "transport"].iter().any(|n| name.eq_ignore_ascii_case(n)),
        })
    };
    one_way(a, b) && one_way(b, a)
}

/// Headers are never ignored.
fn same_headers(a: &str, b: &str) -> bool {
    let one_way = |a: &str, b: &str| {
        header_pairs(a).all(|(name, value)| header_pairs(b).any(|(n, v)| same_word(n, name) && same_text(v, value)))
    };
    // Each pair is looked for among the others: a bound keeps a long list from costing its square.
    let bounded = |s: &str| header_pairs(s).nth(limits::PARAMETERS).is_none();
    a == b || (bounded(a) && bounded(b) && one_way(a, b) && one_way(b, a))
}

/// Digits without visual separators. RFC 3966 s4.
fn same_number(a: &str, b: &str) -> bool {
    let digits = |text: &str| {
        let kept = text.bytes().filter(|b| !matches!(b, b'-' | b'.' | b'(' | b')'));
        kept.map(|b| b.to_ascii_lowercase()).collect::<Vec<u8>>()
    };
    digits(a) == digits(b)
}

/// Whether each parameter of a `tel` URI is in another with the same value; numbers compare as numbers.
fn tel_covers(a: Params<'_>, b: Params<'_>) -> bool {
    a.iter().all(|(name, value)| {
        let is_number = name.eq_ignore_ascii_case("ext")
            || (name.eq_ignore_ascii_case("phone-context") && value.is_some_and(|v| v.starts_with('+')));
        let same = if is_number { same_number } else { same_word };
        b.get(name).is_some_and(|other| both(value, other, same))
    })
}

/// The string of a URN: to the letter but for the case of escapes; of services and UUIDs in any case. RFC 8141 s3.1, RFC 5031 s3.
fn same_urn(namespace: &str, a: &str, b: &str) -> bool {
    if ["service", "uuid"].iter().any(|n| namespace.eq_ignore_ascii_case(n)) {
        return a.eq_ignore_ascii_case(b);
    }
    let escapes = |text: &str| {
        let mut in_escape = 0u8;
        let fold = text.bytes().map(move |byte| {
            let escaped = in_escape > 0;
            in_escape = if byte == b'%' { 2 } else { in_escape.saturating_sub(1) };
            if escaped { byte.to_ascii_uppercase() } else { byte }
        });
        fold.collect::<Vec<u8>>()
    };
    escapes(a) == escapes(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b) = (Uri::parse(a).unwrap(), Uri::parse(b).unwrap());
        assert_eq!(a.same_as(&b), b.same_as(&a));
        a.same_as(&b)
    }

    /// All examples of RFC 3261 s19.1.4, and what its rules say beyond them.
    #[test]
    fn equality() {
        for (a, b, want) in [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
                true,
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
                true,
            ),
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false),
            ("sip:a@b", "sips:a@b", false),
            ("sip:a@b", "sip:b", false),
            ("sip:a@b", "sip:a:@b", false),
            ("sip:a@b;maddr=c", "sip:a@b", false),
            ("sip:a@b;user=phone", "sip:a@b", false),
            ("sip:a%3bb@c", "sip:a%3Bb@c", true),
            ("sip:a%3Bb@c", "sip:a;b@c", false),
            ("sip:%ff@c", "sip:%FF@c", true),
            ("sip:a%252e@c", "sip:a%2e@c", false),
            ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true),
            ("sip:a@b;x=1;x=2", "sip:a@b;x=1;x=2", true),
        ] {
            assert_eq!(same(a, b), want, "{a} {b}");
        }
    }

    #[test]
    fn telephone_numbers() {
        assert!(same("tel:+1-201-555-0123", "TEL:+1(201)555.0123") && !same("tel:+12015550123", "tel:+12015550124"));
        assert!(!same("tel:+1201", "tel:1201;phone-context=+1"), "global and local");
        assert!(same("tel:7042;phone-context=+1-914", "tel:70-42;Phone-Context=+1914"));
        assert!(same("tel:7042;phone-context=Example.com", "tel:7042;phone-context=example.COM"));
        assert!(!same("tel:7042;phone-context=example.com", "tel:7042;phone-context=exam-ple.com"));
        assert!(same("tel:+1;ext=1-2;isub=9", "tel:+1;isub=9;ext=12") && !same("tel:+1;ext=1", "tel:+1"));
    }

    #[test]
    fn names() {
        assert!(same("urn:service:sos.fire", "URN:Service:SOS.fire"));
        assert!(same("urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
        assert!(same("urn:example:a%2cz?+r?=q#f", "urn:EXAMPLE:a%2Cz") && !same("urn:example:A", "urn:example:a"));
        assert!(!same("urn:a:b", "urn:a:c") && !same("urn:a", "urn:b"));
        assert!(same("HTTP://a/B", "http://a/B") && !same("http://a/B", "http://a/b"));
        assert!(!same("cid:a@b", "mid:a@b"));
    }

    #[test]
    fn parts_of_names_and_users() {
        assert_eq!(Uri::parse("urn:service:sos?=x").unwrap().urn(), Some(("service", "sos")));
        assert_eq!(Uri::parse("sip:a%20b@c").unwrap().user_text().as_deref(), Some("a b"));
        let uri = Uri::parse("sip:a@b?Replaces=1%3Bto-tag%3D2&x").unwrap();
        assert_eq!((uri.header("replaces"), uri.header_fields().count()), (Some("1%3Bto-tag%3D2"), 2));
    }
}
