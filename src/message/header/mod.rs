//! Typed values of all headers of the table. RFC 3261 s20 and the RFCs of the table in `names.rs`.
//!
//! A value is read when it is asked for and borrows the message; its `Display` prints what reads back as the same value and never ends
//! its line. [`Typed`] is any of them; [`Message::read`](super::Message::read) asks for one kind.

mod cause;
mod dialogs;
mod diversion;
mod event;
mod history;
mod identity;
mod info_uri;
mod media;
mod preference;
pub(super) mod print;
mod priority;
mod privacy;
mod seconds;
mod small;
mod user_to_user;

pub use cause::Reason;
pub use dialogs::{Replaces, TargetDialog};
pub use diversion::Diversion;
pub use event::{Event, SubState, SubscriptionState};
pub use history::{HistoryInfo, Index, TargetKind};
pub use identity::Identity;
pub use info_uri::InfoUri;
pub use media::{Disposition, Handling, MediaType};
pub use preference::Preference;
pub use print::{More, Quoted};
pub use priority::ResourcePriority;
pub use privacy::Privacy;
pub use seconds::{Refresher, RetryAfter, Seconds, SessionExpires};
pub use small::{AuthInfo, MimeVersion, Product, ReferSub, SessionId, Software, Timestamp};
pub use user_to_user::UserToUser;

use super::challenge::{Authorization, Challenge};
use super::cseq::{CSeq, decimal32};
use super::date::{parse_date, write_date};
use super::error::HeaderError;
use super::item::{Item, RAck, Warning};
use super::lex::{Values, has_space, trim};
use super::name_addr::NameAddr;
use super::names::{Name, Shape};
use super::via::Via;
use crate::base::text::is_token;
use print::Clean;
use std::fmt::{self, Write};

/// A header value that is read from text; `Display` prints it.
pub trait HeaderValue<'a>: Sized + fmt::Display {
    /// Reads one value (no comma list).
    ///
    /// # Errors
    /// What is wrong with it.
    fn read(text: &'a str) -> Result<Self, HeaderError>;
}

impl HeaderValue<'_> for u32 {
    fn read(text: &str) -> Result<Self, HeaderError> {
        decimal32(trim(text))
    }
}

/// One value of any header.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Typed<'a> {
    /// Via.
    Via(Via<'a>),
    /// CSeq.
    CSeq(CSeq<'a>),
    /// RAck.
    RAck(RAck<'a>),
    /// Call-ID, In-Reply-To.
    CallId(&'a str),
    /// From, To, Contact, Route, Refer-To, P-Asserted-Identity, Path ...
    Address(NameAddr<'a>),
    /// Max-Forwards, Max-Breadth, Content-Length, Expires, Min-Expires, RSeq, Flow-Timer.
    Number(u32),
    /// Retry-After.
    RetryAfter(RetryAfter<'a>),
    /// Session-Expires.
    SessionExpires(SessionExpires<'a>),
    /// Min-SE.
    Seconds(Seconds<'a>),
    /// Date, in seconds since 1970-01-01 UTC.
    Date(u64),
    /// Allow, Supported, Require, Priority, Request-Disposition, SIP-ETag ...
    Token(&'a str),
    /// Subject, Organization, P-Access-Network-Info, and headers that are not in the table.
    Text(&'a str),
    /// Server, User-Agent.
    Software(Software<'a>),
    /// Content-Type, Accept.
    Media(MediaType<'a>),
    /// Content-Disposition.
    Disposition(Disposition<'a>),
    /// Warning.
    Warning(Warning<'a>),
    /// Timestamp.
    Timestamp(Timestamp<'a>),
    /// MIME-Version.
    MimeVersion(MimeVersion),
    /// Alert-Info, Call-Info, Error-Info, Geolocation ...
    InfoUri(InfoUri<'a>),
    /// Event.
    Event(Event<'a>),
    /// Subscription-State.
    SubscriptionState(SubscriptionState<'a>),
    /// Replaces, Join.
    Replaces(Replaces<'a>),
    /// Target-Dialog.
    TargetDialog(TargetDialog<'a>),
    /// Refer-Sub.
    ReferSub(ReferSub<'a>),
    /// Reason.
    Reason(Reason<'a>),
    /// Diversion.
    Diversion(Diversion<'a>),
    /// History-Info.
    HistoryInfo(HistoryInfo<'a>),
    /// User-to-User.
    UserToUser(UserToUser<'a>),
    /// Privacy.
    Privacy(Privacy<'a>),
    /// Identity.
    Identity(Identity<'a>),
    /// Resource-Priority, Accept-Resource-Priority.
    ResourcePriority(ResourcePriority<'a>),
    /// Accept-Contact, Reject-Contact, Feature-Caps.
    Preference(Preference<'a>),
    /// WWW-Authenticate, Proxy-Authenticate.
    Challenge(Challenge<'a>),
    /// Authorization, Proxy-Authorization.
    Credentials(Authorization<'a>),
    /// Authentication-Info.
    AuthInfo(AuthInfo<'a>),
    /// Session-ID.
    SessionId(SessionId<'a>),
    /// A value with parameters: Accept-Encoding, Accept-Language, Recv-Info, Info-Package, Security-Client ...
    Item(Item<'a>),
}

impl<'a> Typed<'a> {
    /// Reads one value (no comma list) of the header `name`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(name: Name, text: &'a str) -> Result<Self, HeaderError> {
        let text = trim(text);
        Ok(match name.shape() {
            Shape::Via => Typed::Via(Via::parse(text)?),
            Shape::CSeq => Typed::CSeq(CSeq::parse(text)?),
            Shape::RAck => Typed::RAck(RAck::parse(text)?),
            Shape::CallId => match text.is_empty() || has_space(text.as_bytes()) {
                false => Typed::CallId(text),
                true => return Err(HeaderError::Syntax("empty, or white space in a Call-ID")),
            },
            Shape::Address => Typed::Address(NameAddr::parse(text)?),
            Shape::Number => Typed::Number(decimal32(text)?),
            Shape::RetryAfter => Typed::RetryAfter(RetryAfter::parse(text)?),
            Shape::SessionExpires => Typed::SessionExpires(SessionExpires::parse(text)?),
            Shape::Seconds => Typed::Seconds(Seconds::parse(text)?),
            Shape::Date => Typed::Date(parse_date(text)?),
            Shape::Token => match is_token(text.as_bytes()) {
                true => Typed::Token(text),
                false => return Err(HeaderError::Syntax("not a token")),
            },
            Shape::Text => Typed::Text(text),
            Shape::Product => Typed::Software(Software::parse(text)?),
            Shape::Media => Typed::Media(MediaType::parse(text)?),
            Shape::Disposition => Typed::Disposition(Disposition::parse(text)?),
            Shape::Warning => Typed::Warning(Warning::parse(text)?),
            Shape::Timestamp => Typed::Timestamp(Timestamp::parse(text)?),
            Shape::MimeVersion => Typed::MimeVersion(MimeVersion::parse(text)?),
            Shape::InfoUri => Typed::InfoUri(InfoUri::parse(text)?),
            Shape::Event => Typed::Event(Event::parse(text)?),
            Shape::SubscriptionState => Typed::SubscriptionState(SubscriptionState::parse(text)?),
            Shape::Replaces => Typed::Replaces(Replaces::parse(text)?),
            Shape::TargetDialog => Typed::TargetDialog(TargetDialog::parse(text)?),
            Shape::ReferSub => Typed::ReferSub(ReferSub::parse(text)?),
            Shape::Reason => Typed::Reason(Reason::parse(text)?),
            Shape::Diversion => Typed::Diversion(Diversion::parse(text)?),
            Shape::HistoryInfo => Typed::HistoryInfo(HistoryInfo::parse(text)?),
            Shape::UserToUser => Typed::UserToUser(UserToUser::parse(text)?),
            Shape::Privacy => Typed::Privacy(Privacy::parse(text)?),
            Shape::Identity => Typed::Identity(Identity::parse(text)?),
            Shape::ResourcePriority => Typed::ResourcePriority(ResourcePriority::parse(text)?),
            Shape::Preference => Typed::Preference(Preference::parse(text)?),
            Shape::Challenge => Typed::Challenge(Challenge::parse(text)?),
            Shape::Credentials => Typed::Credentials(Authorization::parse(text)?),
            Shape::AuthInfo => Typed::AuthInfo(AuthInfo::parse(text)?),
            Shape::SessionId => Typed::SessionId(SessionId::parse(text)?),
            Shape::Weighted | Shape::Item => Typed::Item(Item::parse(text)?),
        })
    }

    /// Reads all values of a field of the header `name`; empty ones between commas are passed over.
    pub fn parse_all(name: Name, text: &'a str) -> impl Iterator<Item = Result<Typed<'a>, HeaderError>> {
        let challenges = (name.shape() == Shape::Challenge).then(|| Challenge::parse_all(text)).into_iter().flatten();
        let list = name.is_list();
        let values = match (name.shape(), list) {
            (Shape::Challenge, _) => None,
            (_, true) => Some(Values::list(text)),
            (_, false) => Some(Values::whole(text)),
        };
        let values = values.into_iter().flatten().filter(move |value| !list || !value.is_empty());
        challenges.map(|challenge| Ok(Typed::Challenge(challenge))).chain(values.map(move |v| Typed::parse(name, v)))
    }
}

impl fmt::Display for Typed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Typed::Via(v) => v.fmt(f),
            Typed::CSeq(v) => v.fmt(f),
            Typed::RAck(v) => v.fmt(f),
            Typed::CallId(v) | Typed::Token(v) | Typed::Text(v) => Clean(f).write_str(v),
            Typed::Address(v) => v.fmt(f),
            Typed::Number(v) => v.fmt(f),
            Typed::RetryAfter(v) => v.fmt(f),
            Typed::SessionExpires(v) => v.fmt(f),
            Typed::Seconds(v) => v.fmt(f),
            Typed::Date(unix) => {
                let mut out = Vec::new();
                write_date(*unix, &mut out);
                f.write_str(std::str::from_utf8(&out).unwrap_or_default())
            }
            Typed::Software(v) => v.fmt(f),
            Typed::Media(v) => v.fmt(f),
            Typed::Disposition(v) => v.fmt(f),
            Typed::Warning(v) => v.fmt(f),
            Typed::Timestamp(v) => v.fmt(f),
            Typed::MimeVersion(v) => v.fmt(f),
            Typed::InfoUri(v) => v.fmt(f),
            Typed::Event(v) => v.fmt(f),
            Typed::SubscriptionState(v) => v.fmt(f),
            Typed::Replaces(v) => v.fmt(f),
            Typed::TargetDialog(v) => v.fmt(f),
            Typed::ReferSub(v) => v.fmt(f),
            Typed::Reason(v) => v.fmt(f),
            Typed::Diversion(v) => v.fmt(f),
            Typed::HistoryInfo(v) => v.fmt(f),
            Typed::UserToUser(v) => v.fmt(f),
            Typed::Privacy(v) => v.fmt(f),
            Typed::Identity(v) => v.fmt(f),
            Typed::ResourcePriority(v) => v.fmt(f),
            Typed::Preference(v) => v.fmt(f),
            Typed::Challenge(v) => v.fmt(f),
            Typed::Credentials(v) => v.fmt(f),
            Typed::AuthInfo(v) => v.fmt(f),
            Typed::SessionId(v) => v.fmt(f),
            Typed::Item(v) => v.fmt(f),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
