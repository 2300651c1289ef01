//! The session description as a value that borrows from the text. RFC 8866 s5.

use super::attribute::{self, Attribute, Fmtp, Rtcp, RtpMap};
use super::connection::Connection;
use crate::base::media::Direction;
use smallvec::SmallVec;

/// `o=`. RFC 8866 s5.2. The numbers stay text: they may be longer than 64 bits and are only compared.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// User name, `-` for none.
    pub username: &'a str,
    /// Session id, digits.
    pub session_id: &'a str,
    /// Session version, digits.
    pub version: &'a str,
    /// Address of the creator.
    pub connection: Connection<'a>,
}

impl Default for Origin<'_> {
    fn default() -> Self {
        Origin {
            username: "-",
            session_id: "0",
            version: "0",
            connection: Connection { network: "IN", address_type: "IP4", address: "0.0.0.0" },
        }
    }
}

/// `b=`. RFC 8866 s5.8.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Bandwidth<'a> {
    /// `AS`, `TIAS`, `RS`, `RR`, `CT`.
    pub kind: &'a str,
    /// In the unit of the kind; kbit/s for `AS` and `CT`.
    pub value: u64,
}

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Session<'a> {
    /// `o=`; when it is missing, zeros.
    pub origin: Origin<'a>,
    /// `s=`; `-` when empty or missing.
    pub name: &'a str,
    /// `i=`.
    pub information: Option<&'a str>,
    /// `u=`.
    pub uri: Option<&'a str>,
    /// `e=`.
    pub emails: SmallVec<[&'a str; 1]>,
    /// `p=`.
    pub phones: SmallVec<[&'a str; 1]>,
    /// `c=` of the session.
    pub connection: Option<Connection<'a>>,
    /// `b=` of the session.
    pub bandwidths: SmallVec<[Bandwidth<'a>; 1]>,
    /// `t=`, `r=` and `z=` lines in order: letter and value. When there is none, `t=0 0` is printed.
    pub timing: SmallVec<[(char, &'a str); 1]>,
    /// `a=` of the session.
    pub attributes: Vec<Attribute<'a>>,
    /// The `m=` lines in order, with what belongs to each.
    pub media: Vec<Media<'a>>,
}

impl<'a> Session<'a> {
    /// The first session attribute of that name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        attribute::find(&self.attributes, name)
    }

    /// Where a stream goes: its own `c=`, else that of the session, else (broken devices) the address of `o=`.
    #[must_use]
    pub fn connection_of(&self, media: &Media<'a>) -> Connection<'a> {
        media.connections.first().copied().or(self.connection).unwrap_or(self.origin.connection)
    }

    /// Direction of a stream, seen by its sender: its own attribute, else that of the session, else `sendrecv`. RFC 8866 s6.7.
    #[must_use]
    pub fn direction_of(&self, media: &Media<'a>) -> Direction {
        attribute::direction::find(&media.attributes)
            .or_else(|| attribute::direction::find(&self.attributes))
            .unwrap_or_default()
    }

    /// `a=ptime` of a stream in milliseconds, from the session when the stream has none.
    #[must_use]
    pub fn ptime_of(&self, media: &Media<'a>) -> Option<u32> {
        attribute::ptime::find(&media.attributes, "ptime").or_else(|| attribute::ptime::find(&self.attributes, "ptime"))
    }

    /// `a=maxptime` of a stream in milliseconds, from the session when the stream has none.
    #[must_use]
    pub fn maxptime_of(&self, media: &Media<'a>) -> Option<u32> {
        attribute::ptime::find(&media.attributes, "maxptime")
            .or_else(|| attribute::ptime::find(&self.attributes, "maxptime"))
    }
}

/// One `m=` line and what follows it. RFC 8866 s5.14.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Media<'a> {
    /// `audio`, `video`, `image`, `application`..
    pub kind: &'a str,
    /// Transport port; 0 = not wanted.
    pub port: u16,
    /// The `/n` after the port.
    pub port_count: Option<u16>,
    /// `RTP/AVP`, `udptl`..
    pub protocol: &'a str,
    /// Formats in order of preference; may be empty in what broken devices send.
    pub formats: SmallVec<[&'a str; 8]>,
    /// `i=`.
    pub information: Option<&'a str>,
    /// `c=` lines; more than one only for layered multicast.
    pub connections: SmallVec<[Connection<'a>; 1]>,
    /// `b=`.
    pub bandwidths: SmallVec<[Bandwidth<'a>; 1]>,
    /// `a=` lines in order.
    pub attributes: Vec<Attribute<'a>>,
}

impl<'a> Media<'a> {
    /// The first attribute of that name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute<'a>> {
        attribute::find(&self.attributes, name)
    }

    /// Whether there is an attribute of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// The formats that are RTP payload types, 0 ..= 127, in order.
    pub fn payload_types(&self) -> impl Iterator<Item = u8> + '_ {
        self.formats.iter().filter_map(|f| attribute::payload_type(f))
    }

    /// Every `a=rtpmap` that is well formed.
    pub fn rtpmaps(&self) -> impl Iterator<Item = RtpMap<'a>> + '_ {
        self.attributes.iter().filter(|a| a.is("rtpmap")).filter_map(|a| RtpMap::parse(a.value?))
    }

    /// The first `a=rtpmap` of a payload type.
    #[must_use]
    pub fn rtpmap(&self, payload_type: u8) -> Option<RtpMap<'a>> {
        self.rtpmaps().find(|m| m.payload_type == payload_type)
    }

    /// The first `a=fmtp` of a format.
    #[must_use]
    pub fn fmtp(&self, format: &str) -> Option<Fmtp<'a>> {
        let mut all = self.attributes.iter().filter(|a| a.is("fmtp")).filter_map(|a| Fmtp::parse(a.value?));
        all.find(|f| f.format == format)
    }

    /// `a=rtcp`. RFC 3605.
    #[must_use]
    pub fn rtcp(&self) -> Option<Rtcp<'a>> {
        Rtcp::parse(self.attribute("rtcp")?.value?)
    }
}
