//! Checks of what the application gives; what passes may enter a header. Header injection (class P of the security notes) stops here.

use super::Error;
use crate::agent::io::{AccountConfig, CallOptions};
use crate::base::limits;
use crate::base::text::{is_header_safe, is_token};
use crate::message::Uri;

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
    for (what, value) in [("registrar", &config.registrar), ("proxy", &config.proxy)] {
        if !value.is_empty() {
            uri(what, value)?;
        }
    }
    Ok(())
}

pub(super) fn method(value: &str) -> Result<(), Error> {
    if !is_token(value.as_bytes()) || value.len() > 32 {
        return Err(Error::invalid(format!("{value:?} is no SIP method; give MESSAGE or OPTIONS")));
    }
    let makes_a_dialog =
        ["INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "PRACK", "UPDATE"];
    if makes_a_dialog.contains(&value) {
        return Err(Error::invalid(format!("{value} belongs to a call or a registration; use dial or add_account")));
    }
    Ok(())
}

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
        text(name, value)?;
    }
    Ok(())
}

pub(super) fn options(options: &CallOptions) -> Result<(), Error> {
    headers(&options.headers)?;
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
