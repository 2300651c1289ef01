//! Reading a session description, tolerantly. RFC 8866 s5, s9.

use super::attribute::Attribute;
use super::{Bandwidth, Connection, Media, Origin, SdpError, Session};
use crate::base::limits;
use crate::base::scan::{find_line_end, is_one_line};
use crate::base::text::decimal;
use smallvec::{Array, SmallVec};

impl<'a> Session<'a> {
    /// Reads a session description. Lines that say nothing understandable are left out; an `m=` line never is, because an answer
    /// must have one for each (RFC 3264 s6).
    ///
    /// # Errors
    /// The text is no session description, has an `m=` line that cannot be read, or is over a limit.
    pub fn parse(bytes: &'a [u8]) -> Result<Session<'a>, SdpError> {
        if bytes.len() > limits::SDP_BYTES {
            return Err(SdpError::TooLarge);
        }
        let mut session = Session { name: "-", ..Session::default() };
        let mut attributes = 0usize;
        let mut begun = false;
        let mut origin = false;
        for (at, line) in lines(bytes) {
            let Some((kind, value)) = split(line) else {
                match (begun, line) {
                    (false, _) => return Err(SdpError::Version),
                    (true, [b'm', b'=', ..]) => return Err(SdpError::Media { line: at }),
                    _ => continue,
                }
            };
            if !begun {
                if kind != 'v' || value.trim() != "0" {
                    return Err(SdpError::Version);
                }
                begun = true;
                continue;
            }
            if kind == 'm' {
                if session.media.len() >= limits::SDP_MEDIA {
                    return Err(SdpError::TooManyMedia);
                }
                // Most have one; the doubling of a Vec starts with four.
                session.media.reserve_exact(usize::from(session.media.is_empty()));
                session.media.push(media(value, at)?);
                continue;
            }
            if kind == 'a' {
                attributes = attributes.saturating_add(1);
                if attributes > limits::SDP_ATTRIBUTES {
                    return Err(SdpError::TooManyAttributes);
                }
            }
            match session.media.last_mut() {
                Some(media) => media_line(media, kind, value)?,
                None if kind == 'o' => {
                    if let (false, Some(read)) = (origin, Origin::parse(value)) {
                        session.origin = read;
                        origin = true;
                    }
                }
                None => session_line(&mut session, kind, value)?,
            }
        }
        if begun { Ok(session) } else { Err(SdpError::Version) }
    }
}

impl<'a> Origin<'a> {
    /// Reads the value of `o=`. The five last words are fixed, so a user name with spaces does no harm.
    #[must_use]
    pub fn parse(value: &'a str) -> Option<Self> {
        let mut rest = value.trim_ascii();
        let mut words = [""; 5];
        for word in words.iter_mut().rev() {
            let cut = rest.bytes().rposition(|b| b.is_ascii_whitespace());
            let (before, last) = match cut {
                Some(cut) => (rest.get(..cut)?, rest.get(cut.checked_add(1)?..)?),
                None => ("", rest),
            };
            if last.is_empty() {
                return None;
            }
            *word = last;
            rest = before.trim_ascii_end();
        }
        let [session_id, version, network, address_type, address] = words;
        let username = if rest.is_empty() { "-" } else { rest };
        Some(Origin { username, session_id, version, connection: Connection { network, address_type, address } })
    }
}

/// The lines with their number from 1, blank ones left out, whatever ends them.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = bytes;
    let mut number = 0usize;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            number = number.saturating_add(1);
            let end = find_line_end(rest).unwrap_or(rest.len());
            let (line, tail) = rest.split_at_checked(end)?;
            rest = match tail {
                [b'\r', b'\n', tail @ ..] | [_, tail @ ..] => tail,
                [] => tail,
            };
            let line = line.trim_ascii_start();
            if !line.is_empty() {
                return Some((number, line));
            }
        }
    })
}

/// Letter and value; `None` when it is no line of SDP (no `=`, not UTF-8, NUL inside).
fn split(line: &[u8]) -> Option<(char, &str)> {
    let (kind, value) = match line {
        [kind, b'=', value @ ..] => (kind, value),
        _ => return None,
    };
    if !is_one_line(value) {
        return None;
    }
    Some((char::from(*kind), std::str::from_utf8(value).ok()?))
}

fn session_line<'a>(session: &mut Session<'a>, kind: char, value: &'a str) -> Result<(), SdpError> {
    let text = value.trim_ascii();
    match kind {
        's' if !text.is_empty() => session.name = text,
        'i' if !text.is_empty() => session.information = Some(text),
        'u' if !text.is_empty() => session.uri = Some(text),
        'e' if !text.is_empty() => push(&mut session.emails, text)?,
        'p' if !text.is_empty() => push(&mut session.phones, text)?,
        'c' if session.connection.is_none() => session.connection = Connection::parse(text),
        'b' => bandwidth(&mut session.bandwidths, text)?,
        't' | 'z' | 'r' if !text.is_empty() => push(&mut session.timing, (kind, text))?,
        'a' => session.attributes.extend(Attribute::parse(value)),
        // `k=` is obsolete and must be discarded (RFC 8866 s5.12); unknown letters are ignored (s5).
        _ => {}
    }
    Ok(())
}

fn media_line<'a>(media: &mut Media<'a>, kind: char, value: &'a str) -> Result<(), SdpError> {
    let text = value.trim_ascii();
    match kind {
        'i' if !text.is_empty() => media.information = Some(text),
        'c' => {
            if let Some(connection) = Connection::parse(text) {
                push(&mut media.connections, connection)?;
            }
        }
        'b' => bandwidth(&mut media.bandwidths, text)?,
        'a' => media.attributes.extend(Attribute::parse(value)),
        _ => {}
    }
    Ok(())
}

fn media(value: &str, line: usize) -> Result<Media<'_>, SdpError> {
    let bad = SdpError::Media { line };
    let mut words = value.split_ascii_whitespace();
    let kind = words.next().ok_or(bad)?;
    let port = words.next().ok_or(bad)?;
    let (port, count) = match port.split_once('/') {
        Some((port, count)) => (port, Some(count)),
        None => (port, None),
    };
    let number = |s: &str| decimal(s.as_bytes()).and_then(|n| u16::try_from(n).ok());
    let port = number(port).ok_or(bad)?;
    let port_count = count.map(|c| number(c).ok_or(bad)).transpose()?;
    let protocol = words.next().ok_or(bad)?;
    let mut formats = SmallVec::new();
    for format in words {
        if formats.len() >= limits::SDP_FORMATS {
            return Err(SdpError::TooManyFormats);
        }
        formats.push(format);
    }
    Ok(Media { kind, port, port_count, protocol, formats, attributes: Vec::with_capacity(8), ..Media::default() })
}

fn bandwidth<'a>(list: &mut SmallVec<[Bandwidth<'a>; 1]>, text: &'a str) -> Result<(), SdpError> {
    let Some((kind, value)) = text.split_once(':') else { return Ok(()) };
    let (kind, Some(value)) = (kind.trim_ascii(), decimal(value.trim_ascii().as_bytes())) else { return Ok(()) };
    if kind.is_empty() || kind.contains(|c: char| c.is_ascii_whitespace()) {
        return Ok(());
    }
    push(list, Bandwidth { kind, value })
}

fn push<A: Array>(list: &mut SmallVec<A>, item: A::Item) -> Result<(), SdpError> {
    if list.len() >= limits::SDP_LINES {
        return Err(SdpError::TooManyLines);
    }
    list.push(item);
    Ok(())
}
