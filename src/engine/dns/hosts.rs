//! The hosts file: names that need no name server. RFC 952, RFC 6761 s6.3 for `localhost`.

use super::config::HostsFile;
use crate::engine::Error;
use crate::resolve::{Answer, Kind, NoAnswer, Question, Record, host_name};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// Addresses by name.
#[derive(Debug, Default)]
pub(crate) struct Hosts(BTreeMap<String, Vec<IpAddr>>);

/// The largest file that is read.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

impl Hosts {
    /// Reads the file. A system without one has no names; a file that was named must be there.
    pub(crate) fn read(file: &HostsFile) -> Result<Self, Error> {
        let (path, must) = match file {
            HostsFile::Nothing => return Ok(Hosts::default()),
            HostsFile::System => (Path::new("/etc/hosts"), false),
            HostsFile::File(path) => (path.as_path(), true),
        };
        let large = std::fs::metadata(path).is_ok_and(|meta| meta.len() > FILE_BYTES);
        match std::fs::read(path) {
            Ok(_) if large && must => {
                Err(Error::invalid(format!("{}: more than {FILE_BYTES} bytes are no hosts file", path.display())))
            }
            Ok(bytes) => Ok(Hosts::parse(&String::from_utf8_lossy(&bytes))),
            Err(e) if must => {
                Err(Error::invalid(format!("hosts file {}: {e}; give one that can be read", path.display())))
            }
            Err(_) => Ok(Hosts::default()),
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut names: BTreeMap<String, Vec<IpAddr>> = BTreeMap::new();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_whitespace();
            let Some(ip) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else { continue };
            for name in words.filter_map(host_name) {
                let known = names.entry(name).or_default();
                if !known.contains(&ip) {
                    known.push(ip);
                }
            }
        }
        Hosts(names)
    }

    /// What the file says; `None` when it does not know the name.
    pub(crate) fn answer(&self, question: &Question) -> Option<Answer> {
        if !matches!(question.kind, Kind::A | Kind::Aaaa) {
            // A name of the hosts file has addresses only; where it has none here, the DNS may have services for it.
            return None;
        }
        let local = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let ips = match self.0.get(&question.name) {
            Some(ips) => ips.as_slice(),
            None if question.name == "localhost" || question.name.ends_with(".localhost") => &local,
            None => return None,
        };
        let record = |ip: &IpAddr| match (ip, question.kind) {
            (IpAddr::V4(ip), Kind::A) => Some(Record::A(*ip)),
            (IpAddr::V6(ip), Kind::Aaaa) => Some(Record::Aaaa(*ip)),
            _ => None,
        };
        let records: Vec<Record> = ips.iter().filter_map(record).collect();
        Some(if records.is_empty() { Err(NoAnswer::NoRecord) } else { Ok(records) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(hosts: &Hosts, kind: Kind, name: &str) -> Option<Answer> {
        hosts.answer(&Question { kind, name: name.into() })
    }

    #[test]
    fn names_of_a_file() {
        let hosts =
            Hosts::parse("# none\n192.0.2.1 pbx Pbx.Example # ours\n2001:db8::1 pbx\nnonsense pbx\n192.0.2.1 pbx\n");
        assert_eq!(ask(&hosts, Kind::A, "pbx"), Some(Ok(vec![Record::A([192, 0, 2, 1].into())])));
        assert!(matches!(ask(&hosts, Kind::Aaaa, "pbx"), Some(Ok(found)) if found.len() == 1));
        assert_eq!(ask(&hosts, Kind::Aaaa, "pbx.example"), Some(Err(NoAnswer::NoRecord)));
        assert_eq!(ask(&hosts, Kind::Srv, "pbx"), None);
        assert_eq!(ask(&hosts, Kind::A, "other"), None);
    }

    #[test]
    fn localhost_needs_no_file() {
        let hosts = Hosts::read(&HostsFile::Nothing).unwrap();
        assert!(matches!(ask(&hosts, Kind::A, "localhost"), Some(Ok(_))));
        assert!(Hosts::read(&HostsFile::File("/no/such/file".into())).is_err());
    }
}
