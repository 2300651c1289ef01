//! The whole grammar of the headers we know, for `inspect` and the torture tests: stricter than [`check`](super::check), which lets
//! pass what does no harm. RFC 3261 s25.1.

use super::challenge::{Authorization, Challenge};
use super::check::{self, Rejection};
use super::cseq::decimal32;
use super::date::parse_date;
use super::error::HeaderError;
use super::header::Typed;
use super::item::{Item, RAck, Warning};
use super::lex::{Values, token, trim};
use super::name_addr::NameAddr;
use super::names::{Name, Shape};
use super::uri::{Scheme, Uri};
use super::via::Via;
use super::view::{Header, Message};
use crate::base::text::is_token;

/// Checks a message against the grammar.
///
/// # Errors
/// The first fault, with its RFC section.
pub fn verdict(message: &Message<'_>) -> Result<(), Rejection> {
    if message.is_request() {
        check::request(message)?;
    } else {
        check::response(message)?;
    }
    if let Some(defect) = message.defect() {
        return Err(Rejection::new(defect.to_string(), defect.section()));
    }
    for header in message.headers() {
        header_grammar(&header).map_err(|error| Rejection::header(header.name, error))?;
    }
    Ok(())
}

/// Checks the value of one header.
pub(super) fn header_grammar(header: &Header<'_>) -> Result<(), HeaderError> {
    use Name::*;
    if header.name == Other {
        return Ok(());
    }
    let is_address = matches!(header.name.shape(), Shape::Address | Shape::Diversion | Shape::HistoryInfo);
    let text = match std::str::from_utf8(header.value) {
        Ok(text) => text,
        // Only display names may be of foreign encoding, and only in addresses.
        Err(_) if is_address => return address(NameAddr::parse_bytes(header.value)?),
        Err(_) => return Err(HeaderError::NotUtf8),
    };
    if is_address {
        let mut values = if header.name.is_list() { Values::list(text) } else { Values::whole(text) };
        values.try_for_each(|value| address(NameAddr::parse(value)?))?;
        return typed(header.name, text);
    }
    match header.name {
        Via => Values::list(text).try_for_each(|value| {
            let via = self::Via::parse(value)?;
            via.params.check()?;
            if via.params.has("ttl") && via.ttl().is_none() { Err(HeaderError::Number) } else { Ok(()) }
        }),
        CSeq => match super::CSeq::parse(text)?.number {
            0..0x8000_0000 => Ok(()),
            _ => Err(HeaderError::Number),
        },
        MaxForwards | MaxBreadth => {
            decimal32(text).and_then(|n| if n < 256 { Ok(()) } else { Err(HeaderError::Number) })
        }
        ContentLength | Expires | MinExpires | RSeq | FlowTimer => decimal32(text).map(|_| ()),
        RetryAfter | SessionExpires | MinSe => Item::seconds(text)?.1.check(),
        CallId => call_id(text),
        RAck => self::RAck::parse(text).map(|_| ()),
        Warning => Values::list(text).try_for_each(|value| self::Warning::parse(value).map(|_| ())),
        Date => parse_date(text).map(|_| ()),
        ContentType => Item::media_type(text)?.2.check(),
        Accept => Values::list(text).filter(|v| !v.is_empty()).try_for_each(|value| Item::media_type(value)?.2.check()),
        ContentDisposition | Event | SubscriptionState | AnswerMode | PrivAnswerMode | InfoPackage => {
            typed(header.name, text)?;
            Item::token(text)?.params.check()
        }
        Reason | AcceptEncoding | RecvInfo | SecurityClient | SecurityServer | SecurityVerify => {
            typed(header.name, text)?;
            Values::list(text).filter(|v| !v.is_empty()).try_for_each(|value| Item::token(value)?.params.check())
        }
        Allow | Supported | Require | ProxyRequire | Unsupported | ContentEncoding | ContentLanguage | AllowEvents => {
            let mut values = Values::list(text).peekable();
            // An empty header is allowed where "none" can be said.
            if trim(text).is_empty() && matches!(header.name, Allow | Supported) {
                return Ok(());
            }
            values.try_for_each(|v| {
                if is_token(v.as_bytes()) { Ok(()) } else { Err(HeaderError::Syntax("not a list of tokens")) }
            })
        }
        Replaces | Join | TargetDialog => dialog_id(text),
        Authorization | ProxyAuthorization => self::Authorization::parse(text).map(|_| ()),
        WwwAuthenticate | ProxyAuthenticate => Challenge::parse(text).map(|_| ()),
        name => typed(name, text),
    }
}

/// That each value of a field is read as what it is.
fn typed(name: Name, text: &str) -> Result<(), HeaderError> {
    // In these an empty field says "none". RFC 3261 s20.
    use Name::{Organization, Server, Subject, UserAgent};
    if trim(text).is_empty() && (name.is_list() || matches!(name, Organization | Server | Subject | UserAgent)) {
        return Ok(());
    }
    Typed::parse_all(name, text).try_for_each(|value| value.map(|_| ()))
}

fn address(address: NameAddr<'_>) -> Result<(), HeaderError> {
    if address.is_star() {
        return Ok(());
    }
    address.params.check()?;
    let words = std::str::from_utf8(address.display).map_err(|_| HeaderError::NotUtf8)?;
    if !words.starts_with('"') {
        let mut words = words.split([' ', '\t', '\r', '\n']).filter(|w| !w.is_empty());
        if !words.all(|word| is_token(word.as_bytes())) {
            return Err(HeaderError::Syntax("a display name with special characters must be quoted"));
        }
    }
    let uri = Uri::parse(address.uri)?;
    let bare = !matches!(uri.scheme, Scheme::Sip | Scheme::Sips | Scheme::Tel);
    uri.params.check().or(if bare { Ok(()) } else { Err(HeaderError::Syntax("a URI parameter is malformed")) })?;
    if address.params.has("tag") && address.tag().is_none_or(|tag| !is_token(tag.as_bytes())) {
        return Err(HeaderError::Syntax("the tag is not a token"));
    }
    if let Some(q) = address.param("q")
        && !is_qvalue(q)
    {
        return Err(HeaderError::Syntax("q is not from 0 to 1 with three decimals"));
    }
    match address.param("expires") {
        Some(seconds) => decimal32(seconds).map(|_| ()),
        None => Ok(()),
    }
}

/// qvalue. RFC 3261 s25.1.
pub(super) fn is_qvalue(q: &str) -> bool {
    let (whole, fraction) = q.split_once('.').unwrap_or((q, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    digits
        && match whole {
            "0" => true,
            "1" => fraction.bytes().all(|b| b == b'0'),
            _ => false,
        }
}

/// `word [ "@" word ]`. RFC 3261 s25.1.
fn call_id(text: &str) -> Result<(), HeaderError> {
    let word = |w: &str| {
        let other = |b: u8| b"()<>:\\\"/[]?{}".contains(&b);
        !w.is_empty() && w.bytes().all(|b| is_token(&[b]) || other(b))
    };
    let (local, host) = text.split_once('@').map_or((text, None), |(local, host)| (local, Some(host)));
    if word(local) && host.is_none_or(word) { Ok(()) } else { Err(HeaderError::Syntax("not word or word@word")) }
}

/// `call-id;to-tag=..;from-tag=..`. RFC 3891 s6.1, RFC 3911 s7.1, RFC 4538 s7.
fn dialog_id(text: &str) -> Result<(), HeaderError> {
    let item = Item::parse(text)?;
    call_id(item.value)?;
    let tags = ["to-tag", "from-tag", "local-tag", "remote-tag"];
    let count = tags.iter().filter(|tag| item.params.value(tag).is_some_and(|t| token(t).is_some())).count();
    if count == 2 { item.params.check() } else { Err(HeaderError::Syntax("a dialog needs two tags")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grammar(name: Name, value: &str) -> bool {
        header_grammar(&Header { name, raw_name: name.as_str(), value: value.as_bytes() }).is_ok()
    }

    #[test]
    fn values_that_check_lets_pass_and_the_grammar_does_not() {
        assert!(
            grammar(Name::Contact, "<sip:a@b>;q=0.333;expires=10, *") && !grammar(Name::Contact, "<sip:a@b>;q=1.1")
        );
        assert!(!grammar(Name::Contact, "<sip:a@b>;;") && !grammar(Name::Contact, "<sip:a@b>;expires=280297596632815"));
        assert!(grammar(Name::From, "A b <sip:a@b>;tag=1") && !grammar(Name::From, "A (b) <sip:a@b>;tag=1"));
        assert!(!grammar(Name::CSeq, "2147483648 INVITE") && grammar(Name::CSeq, "2147483647 INVITE"));
        assert!(
            grammar(Name::Supported, "") && grammar(Name::Supported, "100rel, timer") && !grammar(Name::Require, "")
        );
        assert!(grammar(Name::CallId, "a<b>@c") && !grammar(Name::CallId, "a@b@c") && !grammar(Name::CallId, "a b"));
        assert!(
            grammar(Name::Replaces, "x@y;to-tag=1;from-tag=2;early-only") && !grammar(Name::Replaces, "x@y;to-tag=1")
        );
        assert!(grammar(Name::Diversion, "<sip:a@b>;counter=1") && !grammar(Name::Diversion, "<sip:a@b>;counter=x"));
        assert!(grammar(Name::AlertInfo, "<urn:alert:x>") && !grammar(Name::AlertInfo, "Bellcore-dr1"));
        assert!(grammar(Name::Subject, "") && !grammar(Name::Privacy, "") && !grammar(Name::MimeVersion, "one"));
        assert!(!grammar(Name::Via, "SIP/2.0/UDP a;ttl=256") && grammar(Name::Via, "SIP/2.0/UDP a;ttl=255;rport"));
    }
}
