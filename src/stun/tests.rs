//! The vectors of RFC 5769 (without their message integrity, which SIP has no use for), round trips, and damage.

use super::*;
use std::net::SocketAddr;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

const ID: &str = "b7e7a701 bc34d686 fa87dfae";

/// RFC 5769 s2.1: a request of ICE.
const REQUEST: &str = "00010058 2112a442 b7e7a701 bc34d686 fa87dfae 80220010 5354554e 20746573 7420636c 69656e74 00240004 6e0001ff \
    80290008 932ff9b1 51263b36 00060009 6576746a 3a683676 59202020 00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2 \
    80280004 e57a3bcf";
/// RFC 5769 s2.2: an IPv4 response.
const IPV4: &str = "0101003c 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200008 0001a147 e112a643 \
    00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7 80280004 c07d4c96";
/// RFC 5769 s2.3: an IPv6 response.
const IPV6: &str = "01010048 2112a442 b7e7a701 bc34d686 fa87dfae 8022000b 74657374 20766563 746f7220 00200014 0002a147 0113a9fa \
    a5d3f179 bc25f4b5 bed2b9d9 00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41 80280004 c8fb0b4c";

#[test]
fn the_vectors_of_rfc_5769_are_read() {
    let request = Message::parse(&hex(REQUEST)).unwrap();
    assert_eq!((request.class, request.transaction.to_vec(), request.fingerprint), (Class::Request, hex(ID), true));
    // PRIORITY of ICE must be understood by who plays ICE; we do not.
    assert_eq!(request.unknown, [0x0024]);
    for (bytes, mapped) in [(IPV4, "192.0.2.1:32853"), (IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")] {
        let response = Message::parse(&hex(bytes)).unwrap();
        assert_eq!((response.class, response.mapped), (Class::Success, mapped.parse().ok()));
        assert!(response.fingerprint && response.unknown.is_empty());
    }
}

#[test]
fn a_damaged_vector_is_refused() {
    let good = hex(IPV4);
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        // A length that swallows the fingerprint leaves a message without one.
        let told = Message::parse(&bad);
        assert!(told.is_err() || told.is_ok_and(|m| !m.fingerprint), "bit {bit}");
    }
    for cut in 0..good.len() {
        assert_eq!(Message::parse(&good[..cut]), Err(StunError::Malformed), "{cut}");
    }
}

#[test]
fn what_we_print_reads_back() {
    let id: TransactionId = hex(ID).try_into().unwrap();
    let asked = Message::parse(&request(&id)).unwrap();
    assert_eq!((asked.class, asked.transaction, asked.fingerprint), (Class::Request, id, false));
    for mapped in ["192.0.2.1:5060", "[2001:db8::1]:65535", "0.0.0.0:0"] {
        let mapped: SocketAddr = mapped.parse().unwrap();
        for fingerprint in [false, true] {
            let bytes = success(&id, mapped, fingerprint);
            let told = Message::parse(&bytes).unwrap();
            assert_eq!((told.class, told.mapped, told.fingerprint), (Class::Success, Some(mapped), fingerprint));
            assert!(is_stun(&bytes) && bytes.len() <= 52);
        }
    }
    let refused = Message::parse(&unknown_attributes(&id, &[0x0024, 0x7fff], true)).unwrap();
    assert_eq!((refused.class, refused.error, refused.mapped), (Class::Error, Some(420), None));
}

#[test]
fn sip_and_line_ends_are_no_stun() {
    for bytes in [&b"OPTIONS sip:a@b SIP/2.0\r\n\r\n"[..], b"\r\n\r\n", b"", &[0; 20], &hex(IPV4)[..19]] {
        assert!(!is_stun(bytes));
    }
}

#[test]
fn another_method_and_bytes_behind_the_fingerprint_are_refused() {
    let mut other = hex(IPV4);
    other[1] = 3;
    assert_eq!(Message::parse(&other), Err(StunError::Method));
    let mut longer = hex(IPV4);
    longer.extend([0x80, 0x22, 0, 0]);
    longer[3] += 4;
    assert!(Message::parse(&longer).is_err());
}
