//! Printing requests of a call. RFC 3261 s8.1.1, s13.2.1, s13.2.2.4, s14.1.

use super::incoming::SDP;
use super::{Call, Settings};
use crate::base::Protocol;
use crate::base::text::{into_text, push_address};
use crate::dialog::{Dialog, Head};
use crate::message::{Name, Writer};
use crate::request::Attempt;
use std::net::SocketAddr;

/// Methods that this stack treats itself.
const OWN: [&str; 6] = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "MESSAGE"];

/// The value of Allow: the methods of this stack, and those that the application takes. RFC 3261 s20.5.
#[must_use]
pub fn allow(taken: &[String]) -> String {
    let more = taken.iter().map(String::as_str).filter(|method| !OWN.contains(method));
    OWN.into_iter().chain(more).collect::<Vec<_>>().join(", ")
}

/// A Contact value of ours. RFC 3261 s8.1.1.8. Also over TLS it is a `sip` URI: `sips` would promise more than this hop can keep
/// (RFC 5630 s3.1.3).
#[must_use]
pub fn contact(address: SocketAddr, protocol: Protocol, user: &str) -> String {
    // `<sip:` user `@` 192.0.2.255:65535 `>`; what is longer grows.
    let mut out = Vec::with_capacity(user.len().saturating_add(28));
    out.extend_from_slice(b"<sip:");
    if !user.is_empty() {
        out.extend_from_slice(user.as_bytes());
        out.push(b'@');
    }
    push_address(&mut out, address);
    if protocol != Protocol::Udp {
        // RFC 7118 s5.2 knows `ws` alone, also where it is secured.
        let param = if protocol == Protocol::Wss { "ws" } else { protocol.param() };
        out.extend_from_slice(b";transport=");
        out.extend_from_slice(param.as_bytes());
    }
    out.push(b'>');
    into_text(out)
}

/// Starts a request in `dialog`: everything up to Contact, credentials and User-Agent.
pub fn head<'o>(
    dialog: &Dialog,
    method: &str,
    attempt: &Attempt<'_>,
    contact: Option<&str>,
    user_agent: &str,
    out: &'o mut Vec<u8>,
) -> Writer<'o> {
    let mut w = dialog.write(out, &Head { method, cseq: attempt.cseq, via: attempt.via, contact });
    attempt.write_credentials(&mut w);
    if !user_agent.is_empty() {
        w.header(Name::UserAgent, user_agent);
    }
    w
}

impl Call {
    /// Prints the initial INVITE with our offer (or the application's SDP). Called once per try; the offer is made once.
    pub fn write_invite(&mut self, attempt: &Attempt<'_>, user: &str, cx: &Settings, out: &mut Vec<u8>) {
        self.contact = contact(attempt.contact, attempt.protocol, user);
        let body = self.offer_for_invite(attempt.contact.ip(), cx);
        let mut w = head(&self.dialog, "INVITE", attempt, Some(&self.contact), &cx.user_agent, out);
        w.header(Name::Allow, &cx.allow);
        w.header(Name::Accept, SDP);
        for (name, value) in &self.options.headers {
            w.named(name, value);
        }
        w.finish((!body.is_empty()).then_some(SDP), &body);
    }

    /// Prints a re-INVITE with our offer.
    pub fn write_reinvite(&mut self, attempt: &Attempt<'_>, user: &str, cx: &Settings, out: &mut Vec<u8>) {
        self.contact = contact(attempt.contact, attempt.protocol, user);
        let body = self.offer_for_reinvite(attempt.contact.ip(), cx);
        let mut w = head(&self.dialog, "INVITE", attempt, Some(&self.contact), &cx.user_agent, out);
        w.header(Name::Allow, &cx.allow);
        w.header(Name::Accept, SDP);
        w.finish(Some(SDP), &body);
    }
}

/// The headers of a plain final response.
pub fn plain_headers(w: &mut Writer<'_>, headers: &[(Name, &str)], cx: &Settings) {
    if !cx.user_agent.is_empty() {
        w.header(Name::Server, &cx.user_agent);
    }
    for (name, value) in headers {
        w.header(*name, value.as_bytes());
    }
}
