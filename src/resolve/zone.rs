//! Names of a test: a zone in a simple text format, answered as a name server would. RFC 1034 s4.3.2, RFC 1035 s5.1.
//!
//! A line is a name, a TTL in seconds if it is not 60, a type and its data; `;` or `#` begins a comment. `FAULT` makes every question
//! for a name fail in a way of your choice.
//!
//! ```
//! use sipwright::resolve::zone::Zone;
//! use sipwright::resolve::{Kind, Question};
//! let zone = Zone::parse("
//!     example.com             NAPTR 10 10 s SIP+D2U \"\" _sip._udp.example.com
//!     _sip._udp.example.com   SRV 10 60 5060 a.example.com
//!     a.example.com      300  A 192.0.2.1
//!     www.example.com         CNAME a.example.com
//!     slow.example.com        FAULT timeout
//! ").unwrap();
//! assert_eq!(zone.answer(&Question { kind: Kind::A, name: "a.example.com".into() }).unwrap().len(), 1);
//! ```

use super::record::{Answer, NoAnswer, Question, Record, host_name};
use std::collections::BTreeMap;

/// TTL of records that name none, in seconds.
pub const DEFAULT_TTL: u32 = 60;

/// How questions for a name go wrong.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// No answer at all.
    Timeout,
    /// SERVFAIL.
    ServFail,
    /// REFUSED.
    Refused,
    /// Over UDP only the TC bit; the records over TCP.
    Truncate,
    /// A name in the answer that points to itself (compression loop).
    Loop,
    /// First an answer with another transaction id and a false address (192.0.2.66), then the true one.
    Forge,
    /// The answer of somebody else: the false address for another question.
    OtherName,
    /// Bytes that are no DNS message.
    Garbage,
}

impl Fault {
    const NAMES: [(&'static str, Fault); 8] = [
        ("timeout", Fault::Timeout),
        ("servfail", Fault::ServFail),
        ("refused", Fault::Refused),
        ("truncate", Fault::Truncate),
        ("loop", Fault::Loop),
        ("forge", Fault::Forge),
        ("othername", Fault::OtherName),
        ("garbage", Fault::Garbage),
    ];
}

/// A zone.
#[derive(Clone, Debug, Default)]
pub struct Zone {
    names: BTreeMap<String, Vec<(u32, Record)>>,
    faults: BTreeMap<String, Fault>,
}

impl Zone {
    /// Reads a zone.
    ///
    /// # Errors
    ///
    /// The number of the line that cannot be read, and why.
    pub fn parse(text: &str) -> Result<Zone, String> {
        let mut zone = Zone::default();
        for (number, line) in text.lines().enumerate() {
            let fields = fields(line);
            let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
            if !fields.is_empty() {
                zone.line(&fields).map_err(|why| format!("line {}: {why}", number.saturating_add(1)))?;
            }
        }
        Ok(zone)
    }

    fn line(&mut self, fields: &[&str]) -> Result<(), String> {
        let [name, rest @ ..] = fields else { return Ok(()) };
        let name = host_name(name).ok_or_else(|| format!("{name:?} is no name"))?;
        let (ttl, rest) = match rest {
            [ttl, rest @ ..] if ttl.bytes().all(|b| b.is_ascii_digit()) => {
                (ttl.parse().map_err(|_| format!("{ttl:?} is no TTL"))?, rest)
            }
            rest => (DEFAULT_TTL, rest),
        };
        if let ["FAULT" | "fault", fault] = rest {
            let found = Fault::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(fault));
            let (_, fault) = found.ok_or_else(|| format!("{fault:?} is no fault"))?;
            self.faults.insert(name, *fault);
            return Ok(());
        }
        let record = record(rest)?;
        self.add(&name, ttl, record);
        Ok(())
    }

    /// Adds a record.
    pub fn add(&mut self, name: &str, ttl: u32, record: Record) {
        self.names.entry(name.to_ascii_lowercase()).or_default().push((ttl, record));
    }

    /// Every record of a name with its TTL; empty when the name is unknown.
    #[must_use]
    pub fn records(&self, name: &str) -> &[(u32, Record)] {
        self.names.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// How questions for a name go wrong, if they do.
    #[must_use]
    pub fn fault(&self, name: &str) -> Option<Fault> {
        self.faults.get(name).copied()
    }

    /// Whether the name, or one below it, is there.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        self.names.contains_key(name)
            || self.names.keys().any(|known| known.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')))
    }

    /// Answers as a name server does: the records of the kind, or the alias. Every fault but truncation is a failure.
    ///
    /// # Errors
    ///
    /// Why there is no record.
    pub fn answer(&self, question: &Question) -> Answer {
        match self.fault(&question.name) {
            None | Some(Fault::Truncate | Fault::Forge) => {}
            Some(fault) => return Err(NoAnswer::Failed(format!("{fault:?}").to_lowercase())),
        }
        let all = self.records(&question.name).iter().map(|(_, record)| record);
        let found: Vec<Record> =
            all.filter(|r| r.is(question.kind) || matches!(r, Record::Cname(_))).cloned().collect();
        match (found.is_empty(), self.exists(&question.name)) {
            (false, _) => Ok(found),
            (true, true) => Err(NoAnswer::NoRecord),
            (true, false) => Err(NoAnswer::NoName),
        }
    }
}

/// Splits a line at white space; quoted fields may be empty.
fn fields(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() && !rest.starts_with([';', '#']) {
        let (field, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        out.push(field.to_owned());
        rest = after.trim_start();
    }
    out
}

fn record(fields: &[&str]) -> Result<Record, String> {
    let number = |text: &str| text.parse::<u16>().map_err(|_| format!("{text:?} is no number below 65536"));
    let name = |text: &str| match text {
        "." => Ok(".".to_owned()),
        other => host_name(other).ok_or_else(|| format!("{other:?} is no name")),
    };
    let [kind, data @ ..] = fields else { return Err("a type is missing".into()) };
    match (kind.to_ascii_uppercase().as_str(), data) {
        ("A", [ip]) => ip.parse().map(Record::A).map_err(|_| format!("{ip:?} is no IPv4 address")),
        ("AAAA", [ip]) => ip.parse().map(Record::Aaaa).map_err(|_| format!("{ip:?} is no IPv6 address")),
        ("CNAME", [to]) => Ok(Record::Cname(name(to)?)),
        ("SRV", [priority, weight, port, target]) => Ok(Record::Srv {
            priority: number(priority)?,
            weight: number(weight)?,
            port: number(port)?,
            target: name(target)?,
        }),
        ("NAPTR", [order, preference, flags, services, regexp, replacement]) => Ok(Record::Naptr {
            order: number(order)?,
            preference: number(preference)?,
            flags: (*flags).to_owned(),
            services: (*services).to_owned(),
            regexp: (*regexp).to_owned(),
            replacement: name(replacement)?,
        }),
        (kind, _) => Err(format!("{kind} is no type, or its data is not complete")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::Kind;

    fn ask(zone: &Zone, kind: Kind, name: &str) -> Answer {
        zone.answer(&Question { kind, name: name.into() })
    }

    #[test]
    fn records_print_as_they_are_read() {
        let lines = [
            "NAPTR 10 20 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.com",
            "SRV 1 2 3 a.example.com",
            "SRV 0 0 0 .",
            "A 192.0.2.1",
            "AAAA 2001:db8::1",
            "CNAME a.example.com",
        ];
        for line in lines {
            let zone = Zone::parse(&format!("# comment\n x.example. 7 {line} ; more\n\n")).unwrap();
            let [(7, record)] = zone.records("x.example") else { panic!("{zone:?}") };
            assert_eq!(record.to_string(), line);
        }
    }

    #[test]
    fn lines_that_cannot_be_read_are_named() {
        for bad in ["a A", "a A 1.2.3", "a MX 1 b", "a..b A 1.2.3.4", "a SRV 1 2 70000 b", "a FAULT none", "a"] {
            let error = Zone::parse(&format!("b A 1.2.3.4\n{bad}")).unwrap_err();
            assert!(error.starts_with("line 2: "), "{bad}: {error}");
        }
    }

    #[test]
    fn a_name_without_the_kind_is_not_a_name_without_records() {
        let zone = Zone::parse("a.b.example A 192.0.2.1\nc.example FAULT servfail").unwrap();
        assert_eq!(ask(&zone, Kind::A, "a.b.example"), Ok(vec![Record::A([192, 0, 2, 1].into())]));
        assert_eq!(ask(&zone, Kind::Srv, "a.b.example"), Err(NoAnswer::NoRecord));
        assert_eq!(ask(&zone, Kind::Srv, "b.example"), Err(NoAnswer::NoRecord));
        assert_eq!(ask(&zone, Kind::A, "d.example"), Err(NoAnswer::NoName));
        assert_eq!(ask(&zone, Kind::A, "c.example"), Err(NoAnswer::Failed("servfail".into())));
    }
}
