//! A typed value as a tree of plain values, for `inspect` and the bindings. RFC 3261 s20.

use super::challenge::AuthParams;
use super::cseq::CSeq;
use super::describe::Value;
use super::header::{More, Product, Typed};
use super::name_addr::NameAddr;
use super::params::{Param, Params};
use super::uri::{Scheme, Uri};

pub(super) fn text(s: &str) -> Value {
    Value::Text(s.to_owned())
}

fn optional(s: Option<&str>) -> Value {
    s.map_or(Value::Null, text)
}

fn number(n: u32) -> Value {
    Value::Number(n.into())
}

fn maybe(n: Option<u32>) -> Value {
    n.map_or(Value::Null, number)
}

pub(super) fn map<const N: usize>(parts: [(&str, Value); N]) -> Value {
    Value::Map(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn pairs<'a>(params: impl Iterator<Item = Param<'a>>) -> Value {
    Value::Map(params.map(|(name, value)| (name.to_owned(), optional(value))).collect())
}

fn params(params: Params<'_>) -> Value {
    pairs(params.iter())
}

fn more(more: More<'_>) -> Value {
    pairs(more.iter())
}

fn address(address: &NameAddr<'_>) -> Value {
    let uri = Uri::parse(address.uri).map_or_else(|_| text(address.uri), |uri| self::uri(&uri));
    map([("display", text(&address.display_name())), ("uri", uri), ("params", params(address.params))])
}

pub(super) fn uri(uri: &Uri<'_>) -> Value {
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
        ("port", maybe(uri.port.map(u32::from))),
        ("params", params(uri.params)),
        ("headers", if uri.headers.is_empty() { Value::Null } else { text(uri.headers) }),
    ])
}

fn cseq(cseq: CSeq<'_>) -> Value {
    map([("number", number(cseq.number)), ("method", text(cseq.method.as_str()))])
}

fn auth(scheme: &str, params: AuthParams<'_>) -> Value {
    map([("scheme", text(scheme)), ("params", auth_pairs(params.iter()))])
}

fn auth_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    Value::Map(pairs.map(|(name, value)| (name.to_owned(), text(&super::unquote(value)))).collect())
}

/// The parts of one value.
pub(super) fn typed(value: &Typed<'_>) -> Value {
    match value {
        Typed::Via(v) => map([
            ("transport", text(v.protocol)),
            ("host", text(v.host)),
            ("port", maybe(v.port.map(u32::from))),
            ("params", params(v.params)),
        ]),
        Typed::CSeq(v) => cseq(*v),
        Typed::RAck(v) => map([("rseq", number(v.rseq)), ("cseq", cseq(v.cseq))]),
        Typed::CallId(v) | Typed::Token(v) | Typed::Text(v) => text(v),
        Typed::Address(v) => address(v),
        Typed::Number(v) => number(*v),
        Typed::RetryAfter(v) => map([
            ("seconds", number(v.seconds)),
            ("comment", optional(v.comment)),
            ("duration", maybe(v.duration)),
            ("params", more(v.more)),
        ]),
        Typed::SessionExpires(v) => map([
            ("seconds", number(v.seconds)),
            ("refresher", optional(v.refresher.map(|who| who.as_str()))),
            ("params", more(v.more)),
        ]),
        Typed::Seconds(v) => map([("seconds", number(v.seconds)), ("params", params(v.params))]),
        Typed::Date(unix) => map([("unix", Value::Number(*unix))]),
        Typed::Software(v) => Value::Map(
            v.products()
                .map(|product| match product {
                    Product::Program { name, version } => (name.to_owned(), optional(version)),
                    Product::Comment(words) => ("comment".to_owned(), text(words)),
                    Product::Other(word) => (word.to_owned(), Value::Null),
                })
                .collect(),
        ),
        Typed::Media(v) => map([("value", text(&format!("{}/{}", v.kind, v.subtype))), ("params", params(v.params))]),
        Typed::Disposition(v) => map([
            ("value", text(v.kind)),
            ("optional", text(if v.is_optional() { "yes" } else { "no" })),
            ("params", more(v.more)),
        ]),
        Typed::Warning(v) => {
            map([("code", number(v.code.into())), ("agent", text(v.agent)), ("text", text(&super::unquote(v.text)))])
        }
        Typed::Timestamp(v) => map([("time", text(v.time)), ("delay", optional(v.delay))]),
        Typed::MimeVersion(v) => map([("major", number(v.major)), ("minor", number(v.minor))]),
        Typed::InfoUri(v) => map([("uri", text(v.uri)), ("params", params(v.params))]),
        Typed::Event(v) => {
            map([("value", text(v.package)), ("id", optional(v.id.as_deref())), ("params", more(v.more))])
        }
        Typed::SubscriptionState(v) => map([
            ("value", text(v.state.as_str())),
            ("reason", optional(v.reason.as_deref())),
            ("expires", maybe(v.expires)),
            ("retry_after", maybe(v.retry_after)),
            ("params", more(v.more)),
        ]),
        Typed::Replaces(v) => map([
            ("call_id", text(v.call_id)),
            ("to_tag", text(v.to_tag)),
            ("from_tag", text(v.from_tag)),
            ("early_only", text(if v.early_only { "yes" } else { "no" })),
            ("params", more(v.more)),
        ]),
        Typed::TargetDialog(v) => map([
            ("call_id", text(v.call_id)),
            ("local_tag", text(v.local_tag)),
            ("remote_tag", text(v.remote_tag)),
            ("params", more(v.more)),
        ]),
        Typed::ReferSub(v) => {
            map([("value", text(if v.wanted { "true" } else { "false" })), ("params", params(v.params))])
        }
        Typed::Reason(v) => map([
            ("value", text(v.protocol)),
            ("cause", maybe(v.cause)),
            ("text", optional(v.text.as_deref())),
            ("params", more(v.more)),
        ]),
        Typed::Diversion(v) => map([
            ("address", address(&v.address)),
            ("reason", optional(v.reason.as_deref())),
            ("counter", maybe(v.counter)),
            ("limit", maybe(v.limit)),
            ("privacy", optional(v.privacy.as_deref())),
            ("screen", optional(v.screen.as_deref())),
            ("params", more(v.more)),
        ]),
        Typed::HistoryInfo(v) => map([
            ("address", address(&v.address)),
            ("index", optional(v.index.as_ref().map(|index| index.as_str()))),
            ("target", optional(v.target.map(|(kind, _)| kind.as_str()))),
            ("from", optional(v.target.as_ref().map(|(_, index)| index.as_str()))),
            ("reason", optional(v.uri_header("Reason").as_deref())),
            ("params", more(v.more)),
        ]),
        Typed::UserToUser(v) => map([
            ("data", text(&v.data)),
            ("encoding", optional(v.encoding.as_deref())),
            ("purpose", optional(v.purpose.as_deref())),
            ("content", optional(v.content.as_deref())),
            ("params", more(v.more)),
        ]),
        Typed::Privacy(v) => pairs(v.iter().map(|value| (value, None))),
        Typed::Identity(v) => map([
            ("digest", text(v.digest)),
            ("info", optional(v.info)),
            ("alg", optional(v.alg.as_deref())),
            ("ppt", optional(v.ppt.as_deref())),
            ("params", more(v.more)),
        ]),
        Typed::ResourcePriority(v) => map([("namespace", text(v.namespace)), ("priority", text(v.priority))]),
        Typed::Preference(v) => map([
            ("features", pairs(v.features())),
            ("require", text(if v.is_required() { "yes" } else { "no" })),
            ("explicit", text(if v.is_explicit() { "yes" } else { "no" })),
        ]),
        Typed::Challenge(v) => auth(v.scheme, v.params),
        Typed::Credentials(v) => auth(v.scheme, v.params),
        Typed::AuthInfo(v) => auth_pairs(v.iter()),
        Typed::SessionId(v) => {
            map([("local", text(v.local)), ("remote", optional(v.remote)), ("params", more(v.more))])
        }
        Typed::Item(v) => map([("value", text(v.value)), ("params", params(v.params))]),
    }
}
