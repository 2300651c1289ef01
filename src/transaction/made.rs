//! Requests that a transaction makes from the one it sent: the ACK to a non-2xx (RFC 3261 s17.1.1.3) and the CANCEL (s9.1).

use crate::message::{Message, Method, Name, Writer, check};
use bytes::Bytes;

/// The ACK to a 3xx-6xx: To of the response, all else of the INVITE. `None` when the stored request is none.
pub(super) fn ack(invite: &[u8], response: &check::Response<'_, '_>) -> Option<Bytes> {
    let invite = Message::parse(invite).ok()?;
    derive(&invite, Method::Ack, response)
}

/// The CANCEL of an INVITE. `None` when the stored request is none.
pub(super) fn cancel(invite: &[u8]) -> Option<Bytes> {
    let invite = Message::parse(invite).ok()?;
    derive(&invite, Method::Cancel, &invite)
}

fn derive(invite: &Message<'_>, method: Method<'_>, to: &Message<'_>) -> Option<Bytes> {
    let mut out = Vec::with_capacity(512);
    let mut writer = Writer::request(&mut out, method.as_str(), invite.request_uri()?);
    writer.header(Name::Via, invite.list(Name::Via).next()?);
    writer.header(Name::MaxForwards, "70");
    writer.copy(invite, Name::Route);
    writer.copy(invite, Name::From);
    writer.copy(to, Name::To);
    writer.copy(invite, Name::CallId);
    writer.header_fmt(Name::CSeq, format_args!("{} {}", invite.cseq().ok()?.number, method.as_str()));
    writer.finish(None, b"");
    Some(Bytes::from(out.into_boxed_slice()))
}

/// The branch in the top Via of a request that we printed.
pub(super) fn branch(request: &[u8]) -> Option<&str> {
    let via = request.split(|b| *b == b'\n').skip(1).find_map(|line| match line {
        [b'V' | b'v', b'i' | b'I', b'a' | b'A', rest @ ..] | [b'v' | b'V', rest @ ..] => {
            let (colon, value) = rest.split_at_checked(rest.iter().position(|b| *b == b':')?)?;
            colon.iter().all(|b| matches!(b, b' ' | b'\t')).then_some(value)
        }
        _ => None,
    })?;
    let via = std::str::from_utf8(via).ok()?;
    let (_, rest) = via.split_once(";branch=")?;
    let end = rest.find([';', ',', ' ', '\t', '\r']).unwrap_or(rest.len());
    rest.get(..end).filter(|branch| !branch.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_is_found_in_the_top_via() {
        let request = b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h:1;rport;branch=z9hG4bK1\r\nVia: SIP/2.0/UDP h;branch=2\r\n\r\n";
        assert_eq!(branch(request), Some("z9hG4bK1"));
        assert_eq!(branch(b"BYE sip:a SIP/2.0\r\nv: SIP/2.0/UDP h;branch=x;y\r\n\r\n"), Some("x"));
        assert_eq!(branch(b"BYE sip:a SIP/2.0\r\nViable: a;branch=x\r\n\r\n"), None);
    }
}
