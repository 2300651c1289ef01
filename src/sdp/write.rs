//! Printing a session description, strictly: order and line ends of RFC 8866 s9.

use super::connection::address_type;
use super::{Bandwidth, Connection, Session};
use crate::base::scan::is_one_line;
use crate::base::text::{push_decimal, push_ip};
use std::fmt::Arguments;
use std::io::Write;
use std::net::IpAddr;

/// Prints SDP lines into a reused buffer. The caller keeps the order of RFC 8866 s5. Nothing given can break out of its line.
#[derive(Debug)]
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Writer<'o> {
    /// Begins a session description: `v=0`.
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        out.extend_from_slice(b"v=0\r\n");
        Writer { out }
    }

    /// Begins a line that is put together from parts; [`end`](Self::end) ends it.
    pub fn begin(&mut self, kind: u8) -> &mut Self {
        self.out.extend_from_slice(&[kind, b'=']);
        self
    }

    /// Appends text to the line.
    pub fn text(&mut self, text: &str) -> &mut Self {
        let start = self.out.len();
        self.out.extend_from_slice(text.as_bytes());
        if !is_one_line(text.as_bytes()) {
            clean(self.out, start);
        }
        self
    }

    /// Appends a number to the line.
    pub fn number(&mut self, n: impl Into<u64>) -> &mut Self {
        push_decimal(self.out, n.into());
        self
    }

    /// Appends `IN IP4 192.0.2.1` to the line.
    pub fn address(&mut self, ip: IpAddr) -> &mut Self {
        let ip = ip.to_canonical();
        self.text("IN ").text(address_type(ip)).text(" ");
        push_ip(self.out, ip);
        self
    }

    /// Ends the line.
    pub fn end(&mut self) -> &mut Self {
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// One line.
    pub fn line(&mut self, kind: char, value: Arguments<'_>) -> &mut Self {
        let start = self.out.len();
        // Writing into a Vec cannot fail.
        let _ = write!(self.out, "{kind}={value}");
        clean(self.out, start);
        self.out.extend_from_slice(b"\r\n");
        self
    }

    /// `o=`. RFC 8866 s5.2.
    pub fn origin(&mut self, username: &str, session_id: u64, version: u64, ip: IpAddr) -> &mut Self {
        self.begin(b'o').text(username).text(" ").number(session_id).text(" ").number(version).text(" ");
        self.address(ip).end()
    }

    /// `c=`. RFC 8866 s5.7.
    pub fn connection(&mut self, ip: IpAddr) -> &mut Self {
        self.begin(b'c').address(ip).end()
    }

    /// `a=name`, or `a=name:value`.
    pub fn attribute(&mut self, name: &str, value: Option<Arguments<'_>>) -> &mut Self {
        match value {
            Some(value) => self.line('a', format_args!("{name}:{value}")),
            None => self.line('a', format_args!("{name}")),
        }
    }

    fn bandwidths(&mut self, list: &[Bandwidth<'_>]) {
        for Bandwidth { kind, value } in list {
            self.line('b', format_args!("{kind}:{value}"));
        }
    }

    fn connection_as_written(&mut self, c: &Connection<'_>) {
        self.line('c', format_args!("{} {} {}", c.network, c.address_type, c.address));
    }
}

fn clean(out: &mut [u8], start: usize) {
    for byte in out.iter_mut().skip(start) {
        if matches!(byte, b'\r' | b'\n' | 0) {
            *byte = b' ';
        }
    }
}

impl Session<'_> {
    /// Prints it, appended to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        let o = &self.origin;
        let c = &o.connection;
        let username = o.username.replace(|c: char| c.is_whitespace(), "_");
        let username = if username.is_empty() { "-" } else { username.as_str() };
        let (id, version) = (o.session_id, o.version);
        w.line('o', format_args!("{username} {id} {version} {} {} {}", c.network, c.address_type, c.address));
        w.line('s', format_args!("{}", if self.name.is_empty() { "-" } else { self.name }));
        for (kind, value) in [('i', self.information), ('u', self.uri)] {
            if let Some(value) = value {
                w.line(kind, format_args!("{value}"));
            }
        }
        for (kind, list) in [('e', &self.emails), ('p', &self.phones)] {
            for value in list {
                w.line(kind, format_args!("{value}"));
            }
        }
        if let Some(connection) = &self.connection {
            w.connection_as_written(connection);
        }
        w.bandwidths(&self.bandwidths);
        if self.timing.is_empty() {
            w.line('t', format_args!("0 0"));
        }
        for (kind, value) in &self.timing {
            w.line(*kind, format_args!("{value}"));
        }
        for attribute in &self.attributes {
            w.line('a', format_args!("{attribute}"));
        }
        for media in &self.media {
            self::media(&mut w, media);
        }
    }

    /// Prints it into a buffer of its own.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        self.write(&mut out);
        out
    }
}

fn media(w: &mut Writer<'_>, media: &super::Media<'_>) {
    let start = w.out.len();
    let _ = write!(w.out, "m={} {}", media.kind, media.port);
    if let Some(count) = media.port_count {
        let _ = write!(w.out, "/{count}");
    }
    let _ = write!(w.out, " {}", media.protocol);
    for format in &media.formats {
        let _ = write!(w.out, " {format}");
    }
    if media.formats.is_empty() {
        // At least one format must stand there (RFC 8866 s9); a device that sent none meant none.
        w.out.extend_from_slice(b" 0");
    }
    clean(w.out, start);
    w.out.extend_from_slice(b"\r\n");
    if let Some(information) = media.information {
        w.line('i', format_args!("{information}"));
    }
    for connection in &media.connections {
        w.connection_as_written(connection);
    }
    w.bandwidths(&media.bandwidths);
    for attribute in &media.attributes {
        w.line('a', format_args!("{attribute}"));
    }
}
