//! Printing the head of a request: request line, Via, routes, From, To, Call-ID, CSeq, Max-Forwards, Contact.
//! RFC 3261 s8.1.1, s12.2.1.1, s16.12.1.2 (strict routers).

use super::Dialog;
use crate::message::{Name, Writer};

/// What differs from request to request.
#[derive(Copy, Clone, Debug)]
pub struct Head<'a> {
    /// Method.
    pub method: &'a str,
    /// CSeq number.
    pub cseq: u32,
    /// Value of the only Via.
    pub via: &'a str,
    /// Contact value, `<sip:..>`, where the method takes one.
    pub contact: Option<&'a str>,
}

impl Dialog {
    /// Writes the head of a request; the caller adds what is its own and finishes with the body.
    pub fn write<'o>(&self, out: &'o mut Vec<u8>, head: &Head<'_>) -> Writer<'o> {
        let mut w = Writer::request(out, head.method, self.request_uri());
        w.header(Name::Via, head.via);
        w.header(Name::MaxForwards, "70");
        if self.strict_router().is_some() {
            for route in self.routes.iter().skip(1) {
                w.header(Name::Route, route.as_bytes());
            }
            w.header_fmt(Name::Route, format_args!("<{}>", self.target()));
        } else {
            for route in &self.routes {
                w.header(Name::Route, route.as_bytes());
            }
        }
        w.parts(Name::From, &[self.local(), ";tag=", self.local_tag()]);
        match self.remote_tag() {
            "" => w.parts(Name::To, &[self.remote()]),
            tag => w.parts(Name::To, &[self.remote(), ";tag=", tag]),
        };
        w.header(Name::CallId, self.call_id());
        w.number(Name::CSeq, head.cseq.into(), head.method);
        if let Some(contact) = head.contact {
            w.header(Name::Contact, contact);
        }
        w
    }
}
