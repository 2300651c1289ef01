//! Checks of what the application gives; what passes may enter a header. Header injection (class P of the security notes) stops here.

use super::Error;
use crate::agent::io::{AccountConfig, CallOptions, RequestAnswer, RequestOptions, Sender};
use crate::base::limits;
use crate::base::text::{is_header_safe, is_token};
use crate::message::{Name, NameAddr, Scheme, Uri};

pub(super) fn text(what: &str, value: &str) -> Result<(), Error> {
    if value.len() > limits::API_STRING_BYTES {
        return Err(Error::invalid(format!(
            "{what} of {} bytes: the longest is {}",
            value.len(),
            limits::API_STRING_BYTES
        )));
    }
    if !is_header_safe(value) {
        return Err(Error::invalid(format!("{what} holds a control character (CR, LF, NUL ..); remove it")));
    }
    Ok(())
}

pub(super) fn target(value: &str) -> Result<(), Error> {
    if value.trim().is_empty() {
        return Err(Error::invalid("the target is empty; give a SIP URI such as sip:bob@example.com, or a user name"));
    }
    text("target", value)?;
    uri("target", value)
}

/// What names a scheme, or stands in brackets, must be a URI; anything else is a user or a host, and the agent makes a URI of it.
fn uri(what: &str, value: &str) -> Result<(), Error> {
    let bare = match value.split_once('<') {
        Some((_, rest)) => rest.split_once('>').map(|(inside, _)| inside).ok_or_else(|| {
            Error::invalid(format!("{what} {value:?} has no > after its <; give a URI such as sip:bob@example.com"))
        })?,
        None => value.trim(),
    };
    let scheme = bare.split_once(':').map_or("", |(scheme, _)| scheme);
    if !["sip", "sips", "tel", "urn"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) && !value.contains('<') {
        return match bare.contains(|c: char| c.is_whitespace() || c == '>') {
            true => Err(Error::invalid(format!(
                "{what} {value:?} holds a space or a bracket; give a URI such as sip:bob@example.com"
            ))),
            false => Ok(()),
        };
    }
    Uri::parse(bare).map(drop).map_err(|e| {
        Error::invalid(format!("{what} {value:?} is a bad URI: {e}; give one such as sip:bob@example.com"))
    })
}

pub(super) fn account(config: &AccountConfig) -> Result<(), Error> {
    let texts = [
        ("address of record", &config.aor),
        ("user name", &config.auth_user),
        ("password", &config.password),
        ("realm", &config.realm),
        ("registrar", &config.registrar),
        ("proxy", &config.proxy),
        ("TLS profile", &config.tls_profile),
        ("WebSocket path", &config.ws_path),
    ];
    for (what, value) in texts {
        text(what, value)?;
    }
    if config.aor.trim().is_empty() {
        return Err(Error::invalid("the account has no address; give one such as sip:alice@example.com"));
    }
    uri("address of record", &config.aor)?;
    routes(&config.routes)?;
    for (what, value) in [("registrar", &config.registrar), ("proxy", &config.proxy)] {
        if !value.is_empty() {
            uri(what, value)?;
        }
    }
    Ok(())
}

/// A request of the application: its method, target, headers, routes and body.
pub(super) fn request(sender: &Sender, options: &RequestOptions) -> Result<(), Error> {
    let in_call = matches!(sender, Sender::Call(_));
    method(&options.method, in_call)?;
    match (in_call, options.target.is_empty()) {
        (true, true) => {}
        (true, false) => {
            return Err(Error::invalid("a request inside a call goes to the call's peer; leave the target empty"));
        }
        (false, _) => target(&options.target)?,
    }
    if in_call && !options.routes.is_empty() {
        return Err(Error::invalid("a request inside a call takes the call's routes; leave the routes empty"));
    }
    routes(&options.routes)?;
    headers(&options.headers)?;
    body(&options.content_type, &options.body)
}

/// The application's answer to a request.
pub(super) fn answer(answer: &RequestAnswer) -> Result<(), Error> {
    let status = answer.status;
    if !(200..=699).contains(&status) || status == 408 {
        return Err(Error::invalid(format!("answer {status}: give 200 to 699, and not 408 (RFC 4320 s4.2)")));
    }
    text("reason", &answer.reason)?;
    headers(&answer.headers)?;
    body(&answer.content_type, &answer.body)
}

/// Methods that the application takes into its own hands.
pub(super) fn methods(methods: &[String]) -> Result<(), Error> {
    for method in methods {
        if !is_token(method.as_bytes()) || method.len() > METHOD_BYTES {
            return Err(Error::invalid(format!("{method:?} is no SIP method; give INFO, NOTIFY, REFER ..")));
        }
        if matches!(&**method, "INVITE" | "ACK" | "BYE" | "CANCEL") {
            return Err(Error::invalid(format!("{method} belongs to calls, which the library treats itself")));
        }
    }
    if methods.len() > limits::PARAMETERS {
        return Err(Error::invalid(format!("{} methods: the most is {}", methods.len(), limits::PARAMETERS)));
    }
    Ok(())
}

/// Longest method that the application may use.
const METHOD_BYTES: usize = 32;

fn method(value: &str, in_call: bool) -> Result<(), Error> {
    if !is_token(value.as_bytes()) || value.len() > METHOD_BYTES {
        return Err(Error::invalid(format!("{value:?} is no SIP method; give MESSAGE, OPTIONS, INFO ..")));
    }
    let remedy = match (value, in_call) {
        ("INVITE", false) => "it makes a call; use dial",
        ("INVITE", true) => "it changes a call; use hold",
        ("BYE" | "CANCEL", _) => "it ends a call; use hangup",
        ("ACK", _) => "the library acknowledges by itself",
        ("REGISTER", true) => "it is not sent inside a call; give an account",
        ("PRACK" | "UPDATE", false) => "it belongs inside a call; give the call instead of the account",
        _ => return Ok(()),
    };
    Err(Error::invalid(format!("{value} is not sent this way: {remedy}")))
}

fn body(content_type: &str, body: &[u8]) -> Result<(), Error> {
    text("content type", content_type)?;
    let most = limits::MESSAGE_BYTES / 2;
    if body.len() > most {
        return Err(Error::invalid(format!("a body of {} bytes: the largest is {most}", body.len())));
    }
    if !body.is_empty() && content_type.is_empty() {
        return Err(Error::invalid("a body without content type: name it, for example text/plain"));
    }
    Ok(())
}

/// Pre-loaded routes: each a URI or a name-addr.
pub(super) fn routes(routes: &[String]) -> Result<(), Error> {
    if routes.len() > limits::LIST_VALUES {
        return Err(Error::invalid(format!("{} routes: the most is {}", routes.len(), limits::LIST_VALUES)));
    }
    for route in routes {
        text("route", route)?;
        let bare = NameAddr::parse(route).map_or(route.as_str(), |address| address.uri);
        if !Uri::parse(bare).is_ok_and(|uri| matches!(uri.scheme, Scheme::Sip | Scheme::Sips)) {
            return Err(Error::invalid(format!(
                "route {route:?} is no SIP URI; give one such as sip:proxy.example.com;lr"
            )));
        }
    }
    Ok(())
}

/// Headers that the library alone writes.
const OURS: [Name; 10] = [
    Name::Via,
    Name::From,
    Name::To,
    Name::CallId,
    Name::CSeq,
    Name::MaxForwards,
    Name::ContentLength,
    Name::ContentType,
    Name::Route,
    Name::RecordRoute,
];

pub(super) fn headers(headers: &[(String, String)]) -> Result<(), Error> {
    if headers.len() > limits::HEADER_FIELDS / 4 {
        return Err(Error::invalid(format!(
            "{} extra headers: the most is {}",
            headers.len(),
            limits::HEADER_FIELDS / 4
        )));
    }
    for (name, value) in headers {
        if !is_token(name.as_bytes()) {
            return Err(Error::invalid(format!("{name:?} is no header name")));
        }
        if OURS.contains(&Name::parse(name.as_bytes())) {
            return Err(Error::invalid(format!("the library writes {name} itself; leave it out of the headers")));
        }
        text(name, value)?;
    }
    Ok(())
}

pub(super) fn options(options: &CallOptions) -> Result<(), Error> {
    headers(&options.headers)?;
    routes(&options.routes)?;
    text("from", &options.from)?;
    match &options.sdp {
        Some(sdp) if sdp.len() > limits::SDP_BYTES => {
            Err(Error::invalid(format!("an SDP of {} bytes: the largest is {}", sdp.len(), limits::SDP_BYTES)))
        }
        _ => Ok(()),
    }
}

pub(super) fn digits(digits: &str) -> Result<(), Error> {
    if digits.is_empty() || digits.len() > limits::DTMF_QUEUE {
        return Err(Error::invalid(format!("{} digits: give 1 to {}", digits.len(), limits::DTMF_QUEUE)));
    }
    match digits.chars().find(|c| !matches!(c.to_ascii_uppercase(), '0'..='9' | '*' | '#' | 'A'..='D' | ',')) {
        Some(odd) => Err(Error::invalid(format!("{odd:?} is no digit; use 0-9 * # A-D and , for a pause"))),
        None => Ok(()),
    }
}
