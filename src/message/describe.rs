//! A message laid out for people and programs (`sipwright inspect`): start line, headers with their parts, verdict. RFC 3261 s7, s25.1.

use super::challenge::{AuthParams, Authorization, Challenge};
use super::check::Rejection;
use super::cseq::CSeq;
use super::date::parse_date;
use super::error::HeaderError;
use super::item::{Item, RAck, Warning};
use super::lex::Values;
use super::name_addr::NameAddr;
use super::names::Name;
use super::params::Params;
use super::start::StartLine;
use super::strict;
use super::uri::{Scheme, Uri};
use super::via::Via;
use super::view::{Header, Message};

/// What a message says and whether it is well-formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The first line: `method` and `uri`, or `status` and `reason`; `None` when the bytes are no SIP message.
    pub start: Option<Value>,
    /// Headers in order.
    pub headers: Vec<Described>,
    /// Length of the body in bytes.
    pub body_bytes: usize,
    /// `Err` says what is wrong, with the status that a request would be answered with and the RFC section.
    pub verdict: Result<(), Rejection>,
}

/// One header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Canonical name (`Via` for `v`); of an unknown header the name as it came.
    pub name: String,
    /// The value as text, unfolded; bytes that are not UTF-8 as U+FFFD.
    pub value: String,
    /// Where the header is defined; empty for an unknown one.
    pub home: &'static str,
    /// The value in parts, one for each value of a comma list; empty where we know no parts.
    pub parts: Vec<Value>,
    /// What is wrong with the value.
    pub fault: Option<String>,
}

/// A tree of plain values, ready to be printed as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A parameter without value, or a part that is absent.
    Null,
    /// A number.
    Number(u64),
    /// Text.
    Text(String),
    /// Named parts in order.
    Map(Vec<(String, Value)>),
}

/// Describes one message.
#[must_use]
pub fn describe(bytes: &[u8]) -> Description {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(error) => {
            let verdict = Err(Rejection::new(error.to_string(), error.section()));
            return Description { start: None, headers: Vec::new(), body_bytes: 0, verdict };
        }
    };
    let start = match *message.start() {
        StartLine::Request { method, uri } => map([
            ("method", text(method.as_str())),
            ("uri", Uri::parse(uri).map_or_else(|_| text(uri), |uri| uri_parts(&uri))),
        ]),
        StartLine::Status { code, reason } => map([("status", Value::Number(code.into())), ("reason", text(reason))]),
    };
    Description {
        start: Some(start),
        headers: message.headers().map(|header| described(&header)).collect(),
        body_bytes: message.body().len(),
        verdict: strict::verdict(&message),
    }
}

fn described(header: &Header<'_>) -> Described {
    let value: String = String::from_utf8_lossy(header.value).chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let name = if header.name == Name::Other { header.raw_name } else { header.name.as_str() };
    Described {
        name: name.to_owned(),
        value,
        home: header.name.home(),
        parts: parts(header).unwrap_or_default(),
        fault: strict::header_grammar(header).err().map(|error| error.to_string()),
    }
}

/// The parts of each value of a header.
fn parts(header: &Header<'_>) -> Result<Vec<Value>, HeaderError> {
    use Name::*;
    if matches!(header.name, From | To | ReplyTo | ReferTo | ReferredBy) {
        return Ok(vec![address(&NameAddr::parse_bytes(header.value)?)]);
    }
    let whole = std::str::from_utf8(header.value).map_err(|_| HeaderError::NotUtf8)?;
    if strict::is_address_list(header.name) {
        return Values::list(whole).map(|value| NameAddr::parse(value).map(|a| address(&a))).collect();
    }
    match header.name {
        Via => Values::list(whole).map(|value| self::Via::parse(value).map(|via| via_parts(&via))).collect(),
        CSeq => self::CSeq::parse(whole).map(|cseq| vec![cseq_parts(cseq)]),
        RAck => self::RAck::parse(whole)
            .map(|rack| vec![map([("rseq", Value::Number(rack.rseq.into())), ("cseq", cseq_parts(rack.cseq))])]),
        MaxForwards | MaxBreadth | ContentLength | Expires | MinExpires | RSeq | FlowTimer => {
            super::cseq::decimal32(whole).map(|n| vec![Value::Number(n.into())])
        }
        RetryAfter | SessionExpires | MinSe => Item::seconds(whole).map(|(seconds, params)| {
            vec![map([("seconds", Value::Number(seconds.into())), ("params", param_parts(params))])]
        }),
        Date => parse_date(whole).map(|unix| vec![map([("unix", Value::Number(unix))])]),
        Warning => Values::list(whole)
            .map(|value| {
                let w = self::Warning::parse(value)?;
                let code = Value::Number(w.code.into());
                Ok(map([("code", code), ("agent", text(w.agent)), ("text", text(&super::unquote(w.text)))]))
            })
            .collect(),
        Authorization | ProxyAuthorization => {
            self::Authorization::parse(whole).map(|a| vec![auth_parts(a.scheme, a.params)])
        }
        WwwAuthenticate | ProxyAuthenticate => {
            Ok(Challenge::parse_all(whole).map(|c| auth_parts(c.scheme, c.params)).collect())
        }
        ContentType | ContentDisposition | Event | SubscriptionState | Replaces | Join | TargetDialog => {
            Item::parse(whole).map(|item| vec![item_parts(&item)])
        }
        Accept | AcceptEncoding | AcceptLanguage | Reason => Values::list(whole)
            .filter(|v| !v.is_empty())
            .map(|value| Item::parse(value).map(|item| item_parts(&item)))
            .collect(),
        name if name.is_list() => Ok(Values::list(whole).filter(|v| !v.is_empty()).map(text).collect()),
        _ => Ok(Vec::new()),
    }
}

fn text(s: &str) -> Value {
    Value::Text(s.to_owned())
}

fn optional(s: Option<&str>) -> Value {
    s.map_or(Value::Null, text)
}

fn map<const N: usize>(parts: [(&str, Value); N]) -> Value {
    Value::Map(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn param_parts(params: Params<'_>) -> Value {
    Value::Map(params.iter().map(|(name, value)| (name.to_owned(), optional(value))).collect())
}

fn address(address: &NameAddr<'_>) -> Value {
    let uri = Uri::parse(address.uri).map_or_else(|_| text(address.uri), |uri| uri_parts(&uri));
    map([("display", text(&address.display_name())), ("uri", uri), ("params", param_parts(address.params))])
}

fn uri_parts(uri: &Uri<'_>) -> Value {
    let scheme = match uri.scheme {
        Scheme::Sip => "sip",
        Scheme::Sips => "sips",
        Scheme::Tel => "tel",
        Scheme::Urn => "urn",
        Scheme::Other(other) => other,
    };
    map([
        ("text", text(uri.as_str())),
        ("scheme", text(scheme)),
        ("user", optional(uri.user)),
        ("host", text(uri.host)),
        ("port", uri.port.map_or(Value::Null, |port| Value::Number(port.into()))),
        ("params", param_parts(uri.params)),
        ("headers", if uri.headers.is_empty() { Value::Null } else { text(uri.headers) }),
    ])
}

fn via_parts(via: &Via<'_>) -> Value {
    map([
        ("transport", text(via.protocol)),
        ("host", text(via.host)),
        ("port", via.port.map_or(Value::Null, |port| Value::Number(port.into()))),
        ("params", param_parts(via.params)),
    ])
}

fn cseq_parts(cseq: CSeq<'_>) -> Value {
    map([("number", Value::Number(cseq.number.into())), ("method", text(cseq.method.as_str()))])
}

fn item_parts(item: &Item<'_>) -> Value {
    map([("value", text(item.value)), ("params", param_parts(item.params))])
}

fn auth_parts(scheme: &str, params: AuthParams<'_>) -> Value {
    let pairs = params.iter().map(|(name, value)| (name.to_owned(), text(&super::unquote(value)))).collect();
    map([("scheme", text(scheme)), ("params", Value::Map(pairs))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_parts() {
        let d = describe(b"OPTIONS sip:b@b.example SIP/2.0\r\nv: SIP/2.0/UDP a:5070;branch=z9hG4bK1;rport\r\nX-Y: z\r\nf: \"A\" <sip:a@a>;tag=1\r\n\
            t: <sip:b@b>\r\ni: 1\r\nCSeq: 1 OPTIONS\r\nl: 0\r\n\r\n");
        assert_eq!(d.verdict, Ok(()));
        assert_eq!(d.headers.len(), 7);
        assert_eq!((d.headers[0].name.as_str(), d.headers[0].home), ("Via", "RFC 3261 s20.42"));
        let Value::Map(via) = &d.headers[0].parts[0] else { panic!() };
        assert_eq!(via[2], ("port".to_owned(), Value::Number(5070)));
        assert_eq!((d.headers[1].name.as_str(), d.headers[1].home, d.headers[1].parts.len()), ("X-Y", "", 0));
        assert_eq!(d.headers[4].value, "1");
    }

    #[test]
    fn faults_are_named_with_their_rule() {
        let d = describe(b"OPTIONS sip:b@b.example SIP/2.0\r\nTo: x\r\n\r\n");
        assert_eq!(d.verdict.unwrap_err().reason, "Missing Via header field");
        let d = describe(b"hello");
        assert!(d.start.is_none());
        assert_eq!(d.verdict.unwrap_err().section, "RFC 3261 s7.1");
    }
}
