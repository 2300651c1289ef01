//! Reading a STUN message. RFC 8489 s5, s6.3, s14.

use super::crc::crc32;
use super::{
    ERROR_CODE, FINGERPRINT, FINGERPRINT_XOR, HEADER_BYTES, MAGIC, MAPPED_ADDRESS, TransactionId, XOR_MAPPED_ADDRESS,
};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Attributes that must be understood or be none of our business in a request: those of the authentication that we do not ask for.
/// RFC 8489 s14: USERNAME, MESSAGE-INTEGRITY, REALM, NONCE, and what a request has no use for.
const KNOWN: [u16; 9] =
    [MAPPED_ADDRESS, 0x0006, 0x0008, ERROR_CODE, 0x000A, 0x0014, 0x0015, 0x001C, XOR_MAPPED_ADDRESS];
/// Unknown attributes that are named in an answer.
const UNKNOWN_NAMED: usize = 8;

/// What a Binding message is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// Asks.
    Request,
    /// Wants no answer.
    Indication,
    /// Answers.
    Success,
    /// Refuses.
    Error,
}

/// Why bytes are no STUN message for us.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StunError {
    /// No header, no magic cookie, or a length that is not that of the datagram.
    Malformed,
    /// Another method than Binding.
    Method,
    /// FINGERPRINT does not fit.
    Fingerprint,
}

impl fmt::Display for StunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StunError::Malformed => "not a STUN message",
            StunError::Method => "another STUN method than Binding",
            StunError::Fingerprint => "the STUN fingerprint is wrong",
        })
    }
}

impl std::error::Error for StunError {}

/// Whether a datagram begins like STUN: two zero bits and the magic cookie. SIP begins with a letter. RFC 5626 s8.
#[must_use]
pub fn is_stun(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_BYTES
        && bytes.first().is_some_and(|first| *first < 0x40)
        && bytes.get(4..8) == Some(&MAGIC.to_be_bytes()[..])
}

/// One Binding message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What it is.
    pub class: Class,
    /// Names its transaction.
    pub transaction: TransactionId,
    /// XOR-MAPPED-ADDRESS, else MAPPED-ADDRESS: where the other side sees us.
    pub mapped: Option<SocketAddr>,
    /// Code of ERROR-CODE.
    pub error: Option<u16>,
    /// It carried a FINGERPRINT, which fits.
    pub fingerprint: bool,
    /// Attributes that must be understood and are not; the first few.
    pub unknown: Vec<u16>,
}

impl Message {
    /// Reads a datagram that is one whole Binding message.
    ///
    /// # Errors
    /// See [`StunError`].
    pub fn parse(bytes: &[u8]) -> Result<Message, StunError> {
        let field = |at: usize| {
            let end = at.checked_add(2)?;
            Some(u16::from_be_bytes(bytes.get(at..end)?.try_into().ok()?))
        };
        let (kind, length) = (field(0).ok_or(StunError::Malformed)?, field(2).ok_or(StunError::Malformed)?);
        let whole = usize::from(length).checked_add(HEADER_BYTES) == Some(bytes.len()) && length.is_multiple_of(4);
        if !is_stun(bytes) || !whole {
            return Err(StunError::Malformed);
        }
        // The class lies in bits 4 and 8 of the type, the method around them. RFC 8489 s5.
        if kind & 0x3EEF != 0x0001 {
            return Err(StunError::Method);
        }
        let class = match kind & 0x0110 {
            0x0000 => Class::Request,
            0x0010 => Class::Indication,
            0x0100 => Class::Success,
            _ => Class::Error,
        };
        let transaction = bytes.get(8..HEADER_BYTES).and_then(|id| id.try_into().ok()).ok_or(StunError::Malformed)?;
        let mut message =
            Message { class, transaction, mapped: None, error: None, fingerprint: false, unknown: Vec::new() };
        let mut rest = bytes.get(HEADER_BYTES..).unwrap_or_default();
        let mut xored = false;
        while let Some((attribute, value, after)) = attribute(rest) {
            if message.fingerprint {
                // Nothing comes behind a fingerprint. RFC 8489 s14.7.
                return Err(StunError::Malformed);
            }
            match attribute {
                XOR_MAPPED_ADDRESS if !xored => {
                    message.mapped = address(value, Some(&transaction));
                    xored = message.mapped.is_some();
                }
                MAPPED_ADDRESS if !xored => message.mapped = address(value, None),
                ERROR_CODE => message.error = error_code(value),
                FINGERPRINT => {
                    let before = bytes.len().saturating_sub(rest.len());
                    let crc = crc32(&[bytes.get(..before).unwrap_or_default()]) ^ FINGERPRINT_XOR;
                    if value != crc.to_be_bytes() {
                        return Err(StunError::Fingerprint);
                    }
                    message.fingerprint = true;
                }
                other if other < 0x8000 && !KNOWN.contains(&other) && message.unknown.len() < UNKNOWN_NAMED => {
                    message.unknown.push(other);
                }
                _ => {}
            }
            rest = after;
        }
        if rest.is_empty() { Ok(message) } else { Err(StunError::Malformed) }
    }
}

/// The first attribute: its type, its value, and what follows its padding.
fn attribute(rest: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (head, rest) = rest.split_at_checked(4)?;
    let [a, b, c, d] = head.try_into().ok()?;
    let (kind, length) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
    let (value, _) = rest.split_at_checked(length)?;
    Some((kind, value, rest.get(length.next_multiple_of(4)..)?))
}

/// An address; `xor` undoes the mixing with cookie and transaction. RFC 8489 s14.1, s14.2.
fn address(value: &[u8], xor: Option<&TransactionId>) -> Option<SocketAddr> {
    let mut mask = [0; 16];
    if let Some(transaction) = xor {
        for (to, from) in mask.iter_mut().zip(MAGIC.to_be_bytes().iter().chain(transaction)) {
            *to = *from;
        }
    }
    let [_, family, port @ ..] = value.get(..4)? else { return None };
    let port = u16::from_be_bytes(port.try_into().ok()?);
    let port = if xor.is_some() { port ^ (MAGIC >> 16) as u16 } else { port };
    let octets = value.get(4..)?;
    let ip = match family {
        1 => {
            let mut ip: [u8; 4] = octets.try_into().ok()?;
            ip.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
            IpAddr::V4(Ipv4Addr::from(ip))
        }
        2 => {
            let mut ip: [u8; 16] = octets.try_into().ok()?;
            ip.iter_mut().zip(mask).for_each(|(octet, mask)| *octet ^= mask);
            IpAddr::V6(Ipv6Addr::from(ip))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Class and number of an ERROR-CODE. RFC 8489 s14.8.
fn error_code(value: &[u8]) -> Option<u16> {
    let [_, _, class, number, ..] = value else { return None };
    u16::from(class & 7).checked_mul(100)?.checked_add(u16::from(*number))
}
