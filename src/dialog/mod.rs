//! Floor 4: dialogs. RFC 3261 s12: identity, route set, CSeq and target refresh of one peer-to-peer relation; no usages inside.
//!
//! A [`Dialog`] without a remote tag is the ground that an initial request is written from; the first response with a tag turns a copy
//! of it into an early or confirmed dialog. So every request, in a dialog or before one, is printed by the same code.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod text;
mod write;

pub use write::Head;

use crate::base::limits;
use crate::message::{Message, NameAddr, Uri, check};
use text::{Part, Texts};

/// The peer broke a rule of RFC 3261 s12.2.2.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct OutOfOrder;

/// State of one dialog, or of the request that may create one. RFC 3261 s12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    text: Texts,
    routes: Vec<Box<str>>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
}

impl Dialog {
    /// The ground of an initial request: no remote tag yet. `local` and `remote` are name-addrs or plain URIs, `routes` the pre-loaded
    /// route set (RFC 3261 s8.1.2).
    #[must_use]
    pub fn initial(
        call_id: &str,
        local_tag: &str,
        local: &str,
        remote: &str,
        routes: &[String],
        first_cseq: u32,
    ) -> Self {
        let target = NameAddr::parse(remote).map_or(remote, |address| address.uri);
        let (local, remote) = (in_brackets(local), in_brackets(remote));
        Dialog {
            text: Texts::new([&[call_id], &[local_tag], &[], &local, &remote, &[target]]),
            routes: routes.iter().take(limits::LIST_VALUES).map(|r| in_brackets(r).concat().into()).collect(),
            local_cseq: first_cseq,
            remote_cseq: None,
        }
    }

    /// The dialog of a UAS: created by the request, under our tag. RFC 3261 s12.1.1.
    #[must_use]
    pub fn uas(request: &check::Request<'_, '_>, local_tag: &str) -> Self {
        let (from, to) = (&request.from, &request.to);
        let (local_name, remote_name) = (String::from_utf8_lossy(to.display), String::from_utf8_lossy(from.display));
        let (local, remote) = (address(&local_name, to.uri), address(&remote_name, from.uri));
        let target = contact_uri(request).unwrap_or(from.uri);
        Dialog {
            text: Texts::new([
                &[request.call_id],
                &[local_tag],
                &[from.tag().unwrap_or("")],
                &local,
                &remote,
                &[target],
            ]),
            routes: request.list(crate::message::Name::RecordRoute).take(limits::LIST_VALUES).map(Into::into).collect(),
            local_cseq: 0,
            remote_cseq: Some(request.cseq.number),
        }
    }

    /// The dialog that a response to our request makes. RFC 3261 s12.1.2: remote tag, target and (reversed) route set come from it.
    #[must_use]
    pub fn uac(&self, response: &Message<'_>) -> Option<Self> {
        let tag = response.to().ok()?.tag()?;
        let mut routes: Vec<Box<str>> =
            response.list(crate::message::Name::RecordRoute).take(limits::LIST_VALUES).map(Into::into).collect();
        routes.reverse();
        let target = contact_uri(response).unwrap_or(self.target());
        Some(Dialog {
            text: self.text.with(Part::RemoteTag, tag).with(Part::Target, target),
            routes,
            local_cseq: self.local_cseq,
            remote_cseq: self.remote_cseq,
        })
    }

    /// Takes the route set and target of the 2xx that confirms an early dialog. RFC 3261 s13.2.2.4.
    pub fn confirm(&mut self, response: &Message<'_>) {
        if let Some(fresh) = self.uac(response) {
            self.set_target(fresh.target());
            self.routes = fresh.routes;
        }
    }

    /// Takes the peer's new Contact from a target refresh request or its 2xx. RFC 3261 s12.2.1.2, s12.2.2.
    pub fn refresh_target(&mut self, message: &Message<'_>) {
        if let Some(uri) = contact_uri(message) {
            self.set_target(uri);
        }
    }

    /// Checks the CSeq of a request inside the dialog and keeps it. RFC 3261 s12.2.2: lower than the last one is out of order (500).
    ///
    /// # Errors
    /// [`OutOfOrder`] when the number is not higher than the last one.
    pub fn receive(&mut self, cseq: u32) -> Result<(), OutOfOrder> {
        if self.remote_cseq.is_some_and(|last| cseq <= last) {
            return Err(OutOfOrder);
        }
        self.remote_cseq = Some(cseq);
        Ok(())
    }

    /// The CSeq number for the next request of ours.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.local_cseq.wrapping_add(1) & 0x7fff_ffff;
        self.local_cseq
    }

    /// The last CSeq number of ours.
    #[must_use]
    pub const fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// Goes on from a CSeq that another copy of this dialog reached (forked responses share one INVITE).
    pub const fn set_local_cseq(&mut self, cseq: u32) {
        self.local_cseq = cseq;
    }

    /// Whether a request or response with these tags, seen from us, belongs here.
    #[must_use]
    pub fn matches(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> bool {
        self.local_tag() == local_tag && self.remote_tag() == remote_tag && self.call_id() == call_id
    }

    /// The URI that a request of this dialog goes to first: the topmost route, else the remote target. RFC 3261 s8.1.2, s12.2.1.1.
    #[must_use]
    pub fn next_hop(&self) -> &str {
        self.routes.first().map_or(self.target(), |route| uri_of(route))
    }

    /// The Request-URI that requests carry: the target, or a strict router's own URI. RFC 3261 s12.2.1.1.
    #[must_use]
    pub fn request_uri(&self) -> &str {
        self.strict_router().map_or(self.target(), |first| uri_of(first))
    }

    /// The first route, when it is a strict router.
    fn strict_router(&self) -> Option<&str> {
        self.routes.first().filter(|first| !is_loose(first)).map(|first| &**first)
    }

    /// Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        self.text.get(Part::CallId)
    }

    /// Our tag.
    #[must_use]
    pub fn local_tag(&self) -> &str {
        self.text.get(Part::LocalTag)
    }

    /// The peer's tag; empty before there is a dialog.
    #[must_use]
    pub fn remote_tag(&self) -> &str {
        self.text.get(Part::RemoteTag)
    }

    /// The remote target URI.
    #[must_use]
    pub fn target(&self) -> &str {
        self.text.get(Part::Target)
    }

    /// Our address as From shows it, without tag.
    #[must_use]
    pub fn local(&self) -> &str {
        self.text.get(Part::Local)
    }

    /// The peer's address as To shows it, without tag.
    #[must_use]
    pub fn remote(&self) -> &str {
        self.text.get(Part::Remote)
    }

    /// The route set, topmost first.
    #[must_use]
    pub fn routes(&self) -> &[Box<str>] {
        &self.routes
    }

    /// Sends the requests to come to another URI than To names: a registrar (RFC 3261 s10.2), a redirection (s8.1.3.4).
    pub fn set_target(&mut self, target: &str) {
        if target != self.target() {
            self.text = self.text.with(Part::Target, target);
        }
    }
}

/// The URI inside a route value `<sip:..>;params`.
fn uri_of(route: &str) -> &str {
    NameAddr::parse(route).map_or(route, |address| address.uri)
}

/// Whether a route value is a loose router. RFC 3261 s19.1.1 `lr`.
fn is_loose(route: &str) -> bool {
    Uri::parse(uri_of(route)).is_ok_and(|uri| uri.is_lr())
}

fn contact_uri<'a>(message: &Message<'a>) -> Option<&'a str> {
    let contact = message.contacts().next()?.ok()?;
    (!contact.is_star()).then_some(contact.uri)
}

fn in_brackets(address: &str) -> [&str; 3] {
    let address = address.trim();
    if address.contains('<') { ["", address, ""] } else { ["<", address, ">"] }
}

/// A name-addr in parts, without header parameters.
fn address<'a>(display: &'a str, uri: &'a str) -> [&'a str; 5] {
    let display = display.trim();
    [display, if display.is_empty() { "" } else { " " }, "<", uri, ">"]
}

#[cfg(test)]
mod tests;
