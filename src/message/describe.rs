//! A message laid out for people and programs (`sipwright inspect`): start line, headers with their parts, verdict. RFC 3261 s7, s25.1.

use super::check::Rejection;
use super::error::HeaderError;
use super::header::Typed;
use super::name_addr::NameAddr;
use super::names::{Name, Shape};
use super::parts::{self, map, text};
use super::start::StartLine;
use super::strict;
use super::uri::Uri;
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
            ("uri", Uri::parse(uri).map_or_else(|_| text(uri), |uri| parts::uri(&uri))),
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
        parts: parts_of(header).unwrap_or_default(),
        fault: strict::header_grammar(header).err().map(|error| error.to_string()),
    }
}

/// The parts of each value of a header.
fn parts_of(header: &Header<'_>) -> Result<Vec<Value>, HeaderError> {
    match std::str::from_utf8(header.value) {
        // Of an unknown header there are no parts, of text no other than the text.
        Ok(_) if matches!(header.name.shape(), Shape::Text) => Ok(Vec::new()),
        Ok(text) => Typed::parse_all(header.name, text).map(|value| value.map(|v| parts::typed(&v))).collect(),
        Err(_) if header.name.shape() == Shape::Address => {
            Ok(vec![parts::typed(&Typed::Address(NameAddr::parse_bytes(header.value)?))])
        }
        Err(_) => Err(HeaderError::NotUtf8),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_later_rfcs_in_parts() {
        let parts = |line: &str| {
            let text = format!("SIP/2.0 200 OK\r\n{line}\r\n\r\n");
            let header = describe(text.as_bytes()).headers.remove(0);
            (header.parts, header.fault)
        };
        let field = |value: &Value, name: &str| match value {
            Value::Map(pairs) => pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()),
            _ => None,
        };
        let (reason, _) = parts("Reason: Q.850;cause=16;text=\"a, b\", SIP;cause=200");
        assert_eq!((reason.len(), field(&reason[0], "cause")), (2, Some(Value::Number(16))));
        assert_eq!(field(&reason[0], "text"), Some(Value::Text("a, b".into())));
        let (diversion, _) = parts("Diversion: <tel:+1;x=y>;reason=no-answer");
        assert_eq!(field(&diversion[0], "reason"), Some(Value::Text("no-answer".into())));
        let (history, _) = parts("History-Info: <sip:a@b?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1");
        assert_eq!(field(&history[0], "from"), Some(Value::Text("1".into())));
        assert_eq!(field(&history[0], "reason"), Some(Value::Text("SIP;cause=302".into())));
        assert_eq!(parts("Session-Expires: x").1.as_deref(), Some("number missing or out of range"));
        assert_eq!(parts("X-Unknown: y"), (Vec::new(), None));
    }

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
