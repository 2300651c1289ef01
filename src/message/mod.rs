//! Floor 1: SIP text parse and print, zero-copy. RFC 3261 s7, s20, s25.
//!
//! [`Message::parse`] frames and indexes a message in one pass without heap memory; a typed header is decoded when it is read.
//! `parse` is lenient, so that a bad request can still be answered: what it overlooked is a [`Defect`], which [`check`] turns into
//! a rejection and [`describe`] into a verdict. [`Writer`] prints into a reused buffer.
//!
//! ```
//! use sipwright::message::{Message, Name, Writer, check, reason_phrase};
//!
//! let bytes = b"OPTIONS sip:bob@biloxi.example SIP/2.0\r\n\
//!     Via: SIP/2.0/UDP pc33.example;branch=z9hG4bK776\r\n\
//!     From: <sip:alice@atlanta.example>;tag=88sja8x\r\n\
//!     To: <sip:bob@biloxi.example>\r\n\
//!     Call-ID: 987asjd97y7atg\r\n\
//!     CSeq: 986759 OPTIONS\r\n\r\n";
//! let message = Message::parse(bytes)?;
//! let mut out = Vec::new();
//! match check::request(&message) {
//!     Ok(request) => {
//!         assert_eq!(request.from.tag(), Some("88sja8x"));
//!         let mut answer = Writer::response(&mut out, 200, reason_phrase(200));
//!         for name in [Name::Via, Name::From, Name::CallId, Name::CSeq] {
//!             answer.copy(&request, name);
//!         }
//!         answer.header_fmt(Name::To, format_args!("<{}>;tag=1", request.to.uri));
//!         answer.finish(None, b"");
//!     }
//!     Err(rejection) => println!("{} {}", rejection.status, rejection.reason),
//! }
//! assert_eq!(Message::parse(&out)?.status(), Some(200));
//! # Ok::<(), sipwright::message::ParseError>(())
//! ```
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod body;
mod challenge;
pub mod check;
mod cseq;
mod date;
mod describe;
mod error;
pub mod frame;
mod header;
mod item;
mod lex;
mod method;
mod name_addr;
mod names;
mod overload;
mod params;
mod parse;
mod parts;
mod reason;
mod start;
mod strict;
mod uri;
mod uri_same;
mod via;
mod view;
mod writer;

pub use body::Part;
pub use challenge::{AuthParams, Authorization, Challenge};
pub use cseq::CSeq;
pub use date::{parse_date, write_date};
pub use describe::{Described, Description, Value, describe};
pub use error::{Defect, HeaderError, ParseError, UriError};
pub use header::{
    AuthInfo, Disposition, Diversion, Event, Handling, HeaderValue, HistoryInfo, Identity, Index, InfoUri, MediaType,
    MimeVersion, More, Preference, Privacy, Product, Quoted, Reason, ReferSub, Refresher, Replaces, ResourcePriority,
    RetryAfter, Seconds, SessionExpires, SessionId, Software, SubState, SubscriptionState, TargetDialog, TargetKind,
    Timestamp, Typed, UserToUser,
};
pub use item::{Item, RAck, Warning};
pub use lex::unquote;
pub use method::Method;
pub use name_addr::NameAddr;
pub use names::Name;
pub use overload::{OverloadAlgorithm, OverloadFeedback};
pub use params::{Param, Params};
pub use reason::reason_phrase;
pub use start::StartLine;
pub use strict::verdict;
pub use uri::{Scheme, Uri};
pub use via::Via;
pub use view::{Header, Message};
pub use writer::Writer;
