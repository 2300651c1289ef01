//! Floor 4: dialogs. RFC 3261 s12: identity, route set, CSeq and target refresh of one peer-to-peer relation; no usages inside.
//!
//! A [`Dialog`] without a remote tag is the ground that an initial request is written from; the first response with a tag turns a copy
//! of it into an early or confirmed dialog. So every request, in a dialog or before one, is printed by the same code.

#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod write;

pub use write::Head;

use crate::base::limits;
use crate::message::{Message, NameAddr, Uri};

/// The peer broke a rule of RFC 3261 s12.2.2.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct OutOfOrder;

/// State of one dialog, or of the request that may create one. RFC 3261 s12.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialog {
    call_id: Box<str>,
    local_tag: Box<str>,
    remote_tag: Box<str>,
    local: Box<str>,
    remote: Box<str>,
    target: Box<str>,
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
        let target = match NameAddr::parse(remote) {
            Ok(address) => address.uri.into(),
            Err(_) => remote.into(),
        };
        Dialog {
            call_id: call_id.into(),
            local_tag: local_tag.into(),
            remote_tag: "".into(),
            local: in_brackets(local),
            remote: in_brackets(remote),
            target,
            routes: routes.iter().take(limits::LIST_VALUES).map(|r| in_brackets(r)).collect(),
            local_cseq: first_cseq,
            remote_cseq: None,
        }
    }

    /// The dialog of a UAS: created by the request, under our tag. RFC 3261 s12.1.1. `None` when the request's From or To cannot be read.
    #[must_use]
    pub fn uas(request: &Message<'_>, local_tag: &str) -> Option<Self> {
        let from = request.from().ok()?;
        let to = request.to().ok()?;
        Some(Dialog {
            call_id: request.call_id()?.into(),
            local_tag: local_tag.into(),
            remote_tag: from.tag().unwrap_or("").into(),
            local: without_tag(&to),
            remote: without_tag(&from),
            target: contact_uri(request).unwrap_or(from.uri).into(),
            routes: request.list(crate::message::Name::RecordRoute).take(limits::LIST_VALUES).map(Into::into).collect(),
            local_cseq: 0,
            remote_cseq: request.cseq().ok().map(|c| c.number),
        })
    }

    /// The dialog that a response to our request makes. RFC 3261 s12.1.2: remote tag, target and (reversed) route set come from it.
    #[must_use]
    pub fn uac(&self, response: &Message<'_>) -> Option<Self> {
        let tag = response.to().ok()?.tag()?.to_owned();
        let mut routes: Vec<Box<str>> =
            response.list(crate::message::Name::RecordRoute).take(limits::LIST_VALUES).map(Into::into).collect();
        routes.reverse();
        Some(Dialog {
            remote_tag: tag.into(),
            target: contact_uri(response).map_or_else(|| self.target.clone(), Into::into),
            routes,
            ..self.clone()
        })
    }

    /// Takes the route set and target of the 2xx that confirms an early dialog. RFC 3261 s13.2.2.4.
    pub fn confirm(&mut self, response: &Message<'_>) {
        if let Some(fresh) = self.uac(response) {
            self.routes = fresh.routes;
            self.target = fresh.target;
        }
    }

    /// Takes the peer's new Contact from a target refresh request or its 2xx. RFC 3261 s12.2.1.2, s12.2.2.
    pub fn refresh_target(&mut self, message: &Message<'_>) {
        if let Some(uri) = contact_uri(message) {
            self.target = uri.into();
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
        *self.local_tag == *local_tag && *self.remote_tag == *remote_tag && *self.call_id == *call_id
    }

    /// The URI that a request of this dialog goes to first: the topmost route, else the remote target. RFC 3261 s8.1.2, s12.2.1.1.
    #[must_use]
    pub fn next_hop(&self) -> &str {
        self.routes.first().map_or(&self.target, |route| uri_of(route))
    }

    /// The Request-URI that requests carry: the target, or a strict router's own URI. RFC 3261 s12.2.1.1.
    #[must_use]
    pub fn request_uri(&self) -> &str {
        self.strict_router().map_or(&self.target, |first| uri_of(first))
    }

    /// The first route, when it is a strict router.
    fn strict_router(&self) -> Option<&str> {
        self.routes.first().filter(|first| !is_loose(first)).map(|first| &**first)
    }

    /// Call-ID.
    #[must_use]
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Our tag.
    #[must_use]
    pub fn local_tag(&self) -> &str {
        &self.local_tag
    }

    /// The peer's tag; empty before there is a dialog.
    #[must_use]
    pub fn remote_tag(&self) -> &str {
        &self.remote_tag
    }

    /// The remote target URI.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Our address as From shows it, without tag.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The peer's address as To shows it, without tag.
    #[must_use]
    pub fn remote(&self) -> &str {
        &self.remote
    }

    /// The route set, topmost first.
    #[must_use]
    pub fn routes(&self) -> &[Box<str>] {
        &self.routes
    }

    /// Sends the requests to come to another URI than To names: a registrar (RFC 3261 s10.2), a redirection (s8.1.3.4).
    pub fn set_target(&mut self, target: &str) {
        self.target = target.into();
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

fn in_brackets(address: &str) -> Box<str> {
    let address = address.trim();
    if address.contains('<') { address.into() } else { format!("<{address}>").into() }
}

fn without_tag(address: &NameAddr<'_>) -> Box<str> {
    let display = String::from_utf8_lossy(address.display);
    let display = display.trim();
    if display.is_empty() { format!("<{}>", address.uri).into() } else { format!("{display} <{}>", address.uri).into() }
}

#[cfg(test)]
mod tests;
