//! Floor 4: one outgoing request from start to final: tries and failover, streams, authentication, cancelling.
//! RFC 3261 s8.1, s9.1, s18.1.1, s22; RFC 3263 s4.3.
//!
//! An [`OutgoingRequest`] owns the targets and the rounds, not the text: a [`Template`] of the caller prints each try, because Via,
//! CSeq, Contact and credentials differ from try to try. How a caller drives one:
//!
//! ```
//! use sipwright::base::{Flow, Instant, Protocol, Rng, Timers, map::Seeded};
//! use sipwright::message::{Message, Method, Name, Writer, check};
//! use sipwright::request::{Attempt, Io, Outcome, OutgoingRequest, Template};
//! use sipwright::resolve::{Penalties, Target};
//! use sipwright::transaction::{Action, OnResponse, Transactions};
//! use sipwright::transport::{TransportConfig, Transports};
//!
//! struct Options;                                    // prints OPTIONS; a dialog usage would borrow its dialog
//! impl Template for Options {
//!     fn uri(&self) -> &str { "sip:bob@192.0.2.9" }
//!     fn next_cseq(&mut self) -> u32 { 1 }
//!     fn write(&mut self, attempt: &Attempt<'_>, out: &mut Vec<u8>) {
//!         let mut w = Writer::request(out, "OPTIONS", "sip:bob@192.0.2.9");
//!         w.header(Name::Via, attempt.via).header(Name::MaxForwards, "70");
//!         w.header(Name::From, "<sip:a@192.0.2.1>;tag=1").header(Name::To, "<sip:bob@192.0.2.9>");
//!         w.header(Name::CallId, "x").header_fmt(Name::CSeq, format_args!("{} OPTIONS", attempt.cseq));
//!         w.header_fmt(Name::Contact, format_args!("<sip:a@{}>", attempt.contact));
//!         attempt.write_credentials(&mut w);
//!         w.finish(None, b"");
//!     }
//! }
//!
//! let (seed, now) = (Seeded::default(), Instant::ZERO);
//! let mut transactions = Transactions::new(Timers::default(), seed);
//! let listeners = vec![(Protocol::Udp, "192.0.2.1:5060".parse().unwrap())];
//! let mut transports = Transports::new(TransportConfig { shard: 0, listeners, public_address: None }, seed);
//! let (mut rng, mut actions, mut wire) = (Rng::new([0; 32]), Vec::new(), Vec::new());
//! let mut penalties = Penalties::default();
//! let mut io = Io {
//!     transactions: &mut transactions, transports: &mut transports, actions: &mut actions, wire: &mut wire, rng: &mut rng,
//!     shard: 0, udp_limit: 1300, account: None, waiter: 7, penalties: &mut penalties, now,
//! };
//!
//! // 1. The targets are known (`resolve::Query` was answered): start. `Sent(id)`: note that `id` belongs to this request.
//! //    `Connecting`: wait for `transport::Action::Ready` or `Unreachable` with `waiter`, then `on_ready` or `on_unreachable`.
//! let target = Target { protocol: Protocol::Udp, remote: "192.0.2.9:5060".parse().unwrap(), local: "192.0.2.1".parse().unwrap() };
//! let mut request = OutgoingRequest::new(Method::Options, &[target], None);
//! let Outcome::Sent(id) = request.start(&mut Options, &mut io) else { panic!() };
//!
//! // 2. Drain `actions`: `Transmit` goes to `Transports::transmit`; `Timeout(id)`, `TransportError(id)` to `on_timeout`,
//! //    `on_transport_error` of the request that owns `id`. Each may start the next try and answer `Sent(another id)`.
//! let Some(Action::Transmit(sent)) = io.actions.pop() else { panic!() };
//!
//! //    After each call, `next_timeout` says when `handle_timeout` is due: a target that is silent, a connection that is slow.
//!
//! // 3. A response: `Transactions::on_response` names the owner; `on_response` says what it means.
//! let via = Message::parse(&sent.bytes).unwrap().header(Name::Via).unwrap().to_owned();
//! let bytes = format!("SIP/2.0 200 OK\r\nVia: {via}\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.9>;tag=2\r\n\
//!                      Call-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
//! let message = Message::parse(bytes.as_bytes()).unwrap();
//! let response = check::response(&message).unwrap();
//! assert_eq!(io.transactions.on_response(&response, now, io.actions), OnResponse::ToUser(id));
//! assert_eq!(request.on_response(id, &response, &mut Options, &mut io), Outcome::Final(200));
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod attempt;
mod failover;
mod outgoing;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "an overflow fails the test")]
mod tests;

pub use attempt::{Attempt, Io, Template, send_once};
pub use outgoing::{Outcome, OutgoingRequest};
