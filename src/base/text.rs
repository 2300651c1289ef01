//! Text rules of RFC 3261 s25.1: tokens, escapes, white space.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// Whether `b` may stand in a `token`.
#[must_use]
pub const fn is_token_byte(b: u8) -> bool {
    TOKEN_BYTES[b as usize]
}

static TOKEN_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0u8;
    while b < 128 {
        table[b as usize] = b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        b += 1;
    }
    table
};

/// Whether `s` is a non-empty `token`.
#[must_use]
pub fn is_token(s: &[u8]) -> bool {
    !s.is_empty() && s.iter().copied().all(is_token_byte)
}

/// Whether `b` is `unreserved`.
#[must_use]
pub const fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

/// Whether an application's string may enter a header: no CR, LF, NUL or other control character but TAB. Header injection stops here.
#[must_use]
pub fn is_header_safe(s: &str) -> bool {
    !s.bytes().any(|b| (b < 0x20 && b != b'\t') || b == 0x7f)
}

/// Cuts spaces and tabs from both ends.
#[must_use]
pub fn trim(mut s: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = s {
        s = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = s {
        s = rest;
    }
    s
}

/// Reads a decimal number that fills the whole of `s`; `None` when empty, not digits, or too large.
#[must_use]
pub fn decimal(s: &[u8]) -> Option<u64> {
    if s.is_empty() {
        return None;
    }
    s.iter().try_fold(0u64, |n, b| match b {
        b'0'..=b'9' => n.checked_mul(10)?.checked_add(u64::from(b - b'0')),
        _ => None,
    })
}

/// Appends `n` in decimal.
pub fn push_decimal(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0u8; 20];
    let mut used = 0usize;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (n % 10) as u8;
        used += 1;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(digits.len() - used..).unwrap_or_default());
}

/// Appends an IP address, IPv6 without brackets. `core::fmt` takes ten times as long for the usual ones.
pub fn push_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            push_decimal(out, a.into());
            for part in [b, c, d] {
                out.push(b'.');
                push_decimal(out, part.into());
            }
        }
        IpAddr::V6(ip) => {
            // Writing into a Vec cannot fail.
            let _ = write!(out, "{ip}");
        }
    }
}

/// An IP address as text.
#[must_use]
pub fn ip_text(ip: IpAddr) -> String {
    let mut out = Vec::with_capacity(15);
    push_ip(&mut out, ip);
    into_text(out)
}

/// Appends an address with its port: `192.0.2.1:5060`, `[2001:db8::1]:5060`.
pub fn push_address(out: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(v4) => {
            push_ip(out, IpAddr::V4(*v4.ip()));
            out.push(b':');
            push_decimal(out, v4.port().into());
        }
        SocketAddr::V6(v6) => {
            let _ = write!(out, "{v6}");
        }
    }
}

/// Text that was appended byte by byte from parts that are all UTF-8.
#[must_use]
pub fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// Undoes `%XX` escapes; a broken escape stays as it is.
#[must_use]
pub fn unescape(s: &str) -> std::borrow::Cow<'_, str> {
    if !s.contains('%') {
        return s.into();
    }
    let mut out = Vec::with_capacity(s.len());
    let mut rest = s.as_bytes();
    while let [first, tail @ ..] = rest {
        if let [b'%', hi, lo, after @ ..] = rest
            && let (Some(hi), Some(lo)) = (hex(*hi), hex(*lo))
        {
            out.push((hi << 4) | lo);
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    match String::from_utf8(out) {
        Ok(text) => text.into(),
        Err(_) => s.into(),
    }
}

/// The value of one hexadecimal digit.
#[must_use]
pub const fn hex(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), None);
        assert_eq!(decimal(b""), None);
        assert_eq!(decimal(b"1a"), None);
        for n in [0, 7, 10, 4_294_967_296, u64::MAX] {
            let mut out = Vec::new();
            push_decimal(&mut out, n);
            assert_eq!(decimal(&out), Some(n));
        }
    }

    #[test]
    fn addresses_are_printed_as_std_prints_them() {
        for text in ["0.0.0.0:0", "192.0.2.1:5060", "255.255.255.255:65535", "[2001:db8::1]:5060", "[::ffff:1.2.3.4]:9"]
        {
            let address: SocketAddr = text.parse().unwrap();
            let (mut whole, mut ip) = (Vec::new(), Vec::new());
            push_address(&mut whole, address);
            push_ip(&mut ip, address.ip());
            assert_eq!((into_text(whole), into_text(ip)), (address.to_string(), address.ip().to_string()));
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape("a%20b%4"), "a b%4");
        assert_eq!(unescape("%ff"), "%ff");
    }

    #[test]
    fn injection_is_seen() {
        assert!(is_header_safe("Bob\t<sip:b>"));
        assert!(!is_header_safe("x\r\nVia: y") && !is_header_safe("x\0"));
    }
}
