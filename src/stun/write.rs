//! Printing Binding messages. RFC 8489 s5, s14; RFC 5626 s8.

use super::crc::crc32;
use super::{
    ERROR_CODE, FINGERPRINT, FINGERPRINT_XOR, HEADER_BYTES, MAGIC, TransactionId, UNKNOWN_ATTRIBUTES,
    XOR_MAPPED_ADDRESS,
};
use std::net::{IpAddr, SocketAddr};

/// A Binding request without attributes: RFC 5626 s8 asks for none.
#[must_use]
pub fn request(transaction: &TransactionId) -> Vec<u8> {
    begin(0x0001, transaction)
}

/// A Binding success response that tells `mapped`; with a fingerprint when the request had one (RFC 8489 s7.3.1).
#[must_use]
pub fn success(transaction: &TransactionId, mapped: SocketAddr, fingerprint: bool) -> Vec<u8> {
    let mut out = begin(0x0101, transaction);
    let mask = || MAGIC.to_be_bytes().into_iter().chain(*transaction);
    let mut value = Vec::with_capacity(20);
    value.extend([0, if mapped.is_ipv4() { 1 } else { 2 }]);
    value.extend((mapped.port() ^ (MAGIC >> 16) as u16).to_be_bytes());
    match mapped.ip() {
        IpAddr::V4(ip) => value.extend(ip.octets().into_iter().zip(mask()).map(|(octet, mask)| octet ^ mask)),
        IpAddr::V6(ip) => value.extend(ip.octets().into_iter().zip(mask()).map(|(octet, mask)| octet ^ mask)),
    }
    attribute(&mut out, XOR_MAPPED_ADDRESS, &value);
    finish(out, fingerprint)
}

/// A Binding error response 420 that names what was not understood. RFC 8489 s6.3.1.
#[must_use]
pub fn unknown_attributes(transaction: &TransactionId, unknown: &[u16], fingerprint: bool) -> Vec<u8> {
    let mut out = begin(0x0111, transaction);
    let mut value = vec![0, 0, 4, 20];
    value.extend(b"Unknown Attribute");
    attribute(&mut out, ERROR_CODE, &value);
    let types: Vec<u8> = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
    attribute(&mut out, UNKNOWN_ATTRIBUTES, &types);
    finish(out, fingerprint)
}

fn begin(kind: u16, transaction: &TransactionId) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend(kind.to_be_bytes());
    out.extend([0, 0]);
    out.extend(MAGIC.to_be_bytes());
    out.extend(transaction);
    out
}

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend(kind.to_be_bytes());
    // Values of ours are far below 64 KiB.
    out.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    out.extend(value);
    out.resize(out.len().next_multiple_of(4), 0);
    set_length(out, 0);
}

/// The length field counts what follows the header; `more` is still to come.
fn set_length(out: &mut [u8], more: usize) {
    let length = out.len().saturating_sub(HEADER_BYTES).saturating_add(more);
    let length = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    if let Some(field) = out.get_mut(2..4) {
        field.copy_from_slice(&length);
    }
}

fn finish(mut out: Vec<u8>, fingerprint: bool) -> Vec<u8> {
    if fingerprint {
        // The CRC covers a header whose length counts the fingerprint itself. RFC 8489 s14.7.
        set_length(&mut out, 8);
        let crc = crc32(&[&out]) ^ FINGERPRINT_XOR;
        attribute(&mut out, FINGERPRINT, &crc.to_be_bytes());
    }
    out
}
