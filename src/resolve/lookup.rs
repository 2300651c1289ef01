//! The look-up of one URI's targets: NAPTR, SRV, A and AAAA, as questions and answers. RFC 3263 s4.1, s4.2; RFC 2782; RFC 3403;
//! RFC 7118 s5.5; RFC 7984 s3.

use super::record::{Answer, Kind, NoAnswer, Question, Record, host_name};
use super::srv::{self, Server};
use super::{Hop, Query};
use crate::base::{Protocol, Rng, limits};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// What we can speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Means {
    /// Protocols that requests can go out over, the preferred first: it decides where the domain does not (RFC 3263 s4.1).
    pub protocols: Vec<Protocol>,
    /// IPv4 addresses can be reached.
    pub v4: bool,
    /// IPv6 addresses can be reached.
    pub v6: bool,
}

/// One rule that was applied, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// `RFC 3263 s4.1`.
    pub rule: &'static str,
    /// What it led to.
    pub text: String,
}

/// One look-up: ask [`next_question`](Self::next_question) until there is none, bring the answers in any order, until
/// [`outcome`](Self::outcome).
#[derive(Debug)]
pub struct Lookup {
    host: String,
    secure: bool,
    means: Means,
    rng: Rng,
    state: State,
    /// Every question asked, with its answer.
    known: BTreeMap<Question, Option<Answer>>,
    emit: VecDeque<Question>,
    trouble: Option<String>,
    steps: Option<Vec<Step>>,
}

#[derive(Debug)]
enum State {
    /// Waits for the NAPTR records of the host.
    Naptr,
    /// Waits for the SRV records of these services.
    Srv(Vec<Service>),
    /// Waits for the addresses of these hosts.
    Addresses(Vec<Place>),
    Done(Result<Vec<Hop>, String>),
}

/// A transport of the domain, and the name of its SRV records.
#[derive(Clone, Debug)]
struct Service {
    protocol: Protocol,
    name: String,
}

/// A host to contact.
#[derive(Clone, Debug)]
struct Place {
    protocol: Protocol,
    host: String,
    port: u16,
}

impl Lookup {
    /// Begins. `explain` keeps what was done for [`steps`](Self::steps).
    #[must_use]
    pub fn new(query: &Query, means: Means, rng: Rng, explain: bool) -> Self {
        let mut lookup = Lookup {
            host: query.host.clone(),
            secure: query.secure,
            means,
            rng,
            state: State::Done(Ok(Vec::new())),
            known: BTreeMap::new(),
            emit: VecDeque::new(),
            trouble: None,
            steps: explain.then(Vec::new),
        };
        lookup.begin(query);
        lookup.proceed();
        lookup
    }

    /// The next question to answer, each once.
    pub fn next_question(&mut self) -> Option<Question> {
        self.emit.pop_front()
    }

    /// The answer to a question; one that was not asked is ignored.
    pub fn answer(&mut self, question: &Question, answer: Answer) {
        if matches!(self.state, State::Done(_)) {
            return;
        }
        let Some(slot @ None) = self.known.get_mut(question) else { return };
        if let Some(steps) = &mut self.steps {
            match &answer {
                Ok(records) => steps.extend(
                    records.iter().take(limits::DNS_RECORDS).map(|r| step("DNS", format!("{}: {r}", question.name))),
                ),
                Err(none) => steps.push(step("DNS", format!("{question}: {none}"))),
            }
        }
        if let Err(NoAnswer::Failed(why)) = &answer {
            self.trouble.get_or_insert_with(|| format!("{question}: {why}"));
        }
        *slot = Some(answer);
        self.proceed();
    }

    /// The targets in order of preference, or why there are none (cause and remedy). `None` while answers are missing.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Result<Vec<Hop>, String>> {
        match &self.state {
            State::Done(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        self.steps.as_deref().unwrap_or_default()
    }

    fn note(&mut self, rule: &'static str, text: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.steps {
            steps.push(step(rule, text()));
        }
    }

    /// RFC 3263 s4.1 as far as the URI alone decides, s4.2 for numeric hosts and explicit ports.
    fn begin(&mut self, query: &Query) {
        let named = query.protocol.map(|_| query.protocol_or_default());
        let protocol = named.or_else(|| self.default_protocol());
        let Some(protocol) = protocol.filter(|protocol| self.means.protocols.contains(protocol)) else {
            return self.fail(self.no_protocol(named));
        };
        if let Some(ip) = query.literal() {
            let port = query.port.unwrap_or(protocol.default_port());
            self.note("RFC 3263 s4.1, s4.2", || {
                let why = if named.is_some() { "as the URI says" } else { "the default for an address" };
                format!("{ip} is an address: no DNS; {protocol} ({why}), port {port}")
            });
            return self.place(vec![Place { protocol, host: ip.to_string(), port }]);
        }
        let Some(host) = host_name(&query.host) else {
            let shown = shorten(&query.host);
            return self.fail(format!("{shown:?} is no host name (RFC 1035 s2.3.4); check the URI"));
        };
        self.host = host;
        if let Some(port) = query.port {
            self.note("RFC 3263 s4.1, s4.2", || {
                let why = if named.is_some() { "as the URI says" } else { "the default with an explicit port" };
                format!("port {port} is explicit: no NAPTR and no SRV; {protocol} ({why})")
            });
            return self.place(vec![Place { protocol, host: self.host.clone(), port }]);
        }
        if named.is_some() {
            let name = service_name(protocol, &self.host);
            self.note("RFC 3263 s4.1, s4.2", || format!("the URI says {protocol}: no NAPTR; SRV {name}"));
            return self.serve(vec![Service { protocol, name }]);
        }
        self.note("RFC 3263 s4.1", || "no transport and no port in the URI: NAPTR records decide".to_owned());
        self.state = State::Naptr;
    }

    /// What to speak where nothing says: UDP for `sip`, TLS for `sips` (RFC 3263 s4.1), or what we have instead of UDP.
    fn default_protocol(&self) -> Option<Protocol> {
        let default = if self.secure { Protocol::Tls } else { Protocol::Udp };
        match self.means.protocols.contains(&default) {
            true => Some(default),
            false => self.means.protocols.iter().copied().find(|p| !self.secure || p.is_secure()),
        }
    }

    fn no_protocol(&self, named: Option<Protocol>) -> String {
        let wanted = named.unwrap_or(if self.secure { Protocol::Tls } else { Protocol::Udp });
        let have: Vec<&str> = self.means.protocols.iter().map(|p| p.param()).collect();
        let have = if have.is_empty() { "nothing".to_owned() } else { have.join(", ") };
        format!("{wanted} cannot be used here, only {have}; change the URI, or listen on {wanted}://")
    }

    /// Goes on as far as the answers reach.
    fn proceed(&mut self) {
        loop {
            match &self.state {
                State::Naptr => {
                    let question = Question { kind: Kind::Naptr, name: self.host.clone() };
                    let Some(records) = self.chase(&question) else { return };
                    self.naptr(&records);
                }
                State::Srv(services) => {
                    let services = services.clone();
                    let questions = services.iter().map(|s| Question { kind: Kind::Srv, name: s.name.clone() });
                    let Some(records) = self.chase_all(questions.collect()) else { return };
                    self.srv(&services, &records);
                }
                State::Addresses(places) => {
                    let places = places.clone();
                    let questions = places.iter().flat_map(|place| self.address_questions(&place.host)).collect();
                    if self.chase_all(questions).is_none() {
                        return;
                    }
                    self.addresses(&places);
                }
                State::Done(_) => return,
            }
        }
    }

    fn chase_all(&mut self, questions: Vec<Question>) -> Option<Vec<Vec<Record>>> {
        // Every question is asked before any answer is waited for.
        let found: Vec<_> = questions.iter().map(|question| self.chase(question)).collect();
        found.into_iter().collect()
    }

    /// The records that answer a question, behind aliases (RFC 1034 s3.6.2); `None` while they are not known, and asked for.
    fn chase(&mut self, question: &Question) -> Option<Vec<Record>> {
        let mut question = question.clone();
        for _ in 0..=limits::DNS_ALIASES {
            let records = match self.known.get(&question) {
                Some(None) => return None,
                Some(Some(Err(_))) => return Some(Vec::new()),
                Some(Some(Ok(records))) => records,
                None => {
                    self.known.insert(question.clone(), None);
                    self.emit.push_back(question);
                    return None;
                }
            };
            let wanted: Vec<Record> =
                records.iter().filter(|r| r.is(question.kind)).take(limits::DNS_RECORDS).cloned().collect();
            if !wanted.is_empty() {
                return Some(wanted);
            }
            let alias = records.iter().find_map(|record| match record {
                Record::Cname(name) => host_name(name),
                _ => None,
            });
            match alias {
                Some(name) => question.name = name,
                None => return Some(Vec::new()),
            }
        }
        self.trouble.get_or_insert_with(|| format!("{question}: its aliases (CNAME) do not end"));
        Some(Vec::new())
    }

    /// RFC 3263 s4.1: the NAPTR records name the transports; without any, SRV is asked for each of ours.
    fn naptr(&mut self, records: &[Record]) {
        let mut usable: Vec<(u16, u16, Service)> = Vec::new();
        for record in records {
            let Record::Naptr { order, preference, flags, services, regexp, replacement } = record else { continue };
            match self.naptr_service(flags, services, regexp, replacement) {
                Ok(service) => usable.push((*order, *preference, service)),
                Err(why) => self.note("RFC 3263 s4.1", || format!("{record} is not used: {why}")),
            }
        }
        usable.sort_by_key(|(order, preference, _)| (*order, *preference));
        if !usable.is_empty() {
            return self.serve(usable.into_iter().map(|(_, _, service)| service).collect());
        }
        let wish = |protocol: &&Protocol| match self.secure {
            true => **protocol == Protocol::Tls,
            // Browsers' transports are found by NAPTR or by name (RFC 7118 s5.5).
            false => matches!(**protocol, Protocol::Udp | Protocol::Tcp | Protocol::Tls),
        };
        let services: Vec<Service> = (self.means.protocols.iter().filter(wish))
            .map(|protocol| Service { protocol: *protocol, name: service_name(*protocol, &self.host) })
            .collect();
        self.note("RFC 3263 s4.1", || {
            let names: Vec<&str> = services.iter().map(|s| s.name.as_str()).collect();
            format!("no NAPTR record that we can use: SRV for each of our transports: {}", names.join(", "))
        });
        self.serve(services);
    }

    fn naptr_service(&self, flags: &str, services: &str, regexp: &str, to: &str) -> Result<Service, &'static str> {
        let protocol = match services.to_ascii_uppercase().as_str() {
            "SIP+D2U" => Protocol::Udp,
            "SIP+D2T" => Protocol::Tcp,
            "SIPS+D2T" => Protocol::Tls,
            "SIP+D2W" => Protocol::Ws,
            "SIPS+D2W" => Protocol::Wss,
            _ => return Err("no SIP service that we know"),
        };
        if self.secure && !protocol.is_secure() {
            return Err("a sips URI takes SIPS services only");
        }
        if !self.means.protocols.contains(&protocol) {
            return Err("we do not speak this transport");
        }
        if !flags.eq_ignore_ascii_case("s") {
            return Err("its flag is not s");
        }
        if !regexp.is_empty() {
            return Err("it has a regular expression, which SIP does not use");
        }
        match host_name(to) {
            Some(name) => Ok(Service { protocol, name }),
            None => Err("its replacement is no name"),
        }
    }

    fn serve(&mut self, mut services: Vec<Service>) {
        services.truncate(limits::TARGETS);
        self.state = State::Srv(services);
    }

    /// RFC 3263 s4.2: the hosts of each transport by RFC 2782; where no transport has any, the host itself.
    fn srv(&mut self, services: &[Service], answers: &[Vec<Record>]) {
        let mut places = Vec::new();
        let mut refused = Vec::new();
        for (service, records) in services.iter().zip(answers) {
            let servers = servers(records);
            // RFC 2782: a single record whose target is "." says that the service is not offered.
            if servers.is_empty() && !records.is_empty() {
                refused.push(service.protocol);
                self.note("RFC 2782", || format!("{} says that {} is not offered", service.name, service.protocol));
            }
            let room = limits::TARGETS.saturating_sub(places.len());
            for server in srv::order(servers, &mut self.rng, room) {
                places.push(Place { protocol: service.protocol, host: server.host, port: server.port });
            }
        }
        if !places.is_empty() {
            self.note("RFC 2782", || {
                let show = |place: &Place| format!("{}:{} over {}", place.host, place.port, place.protocol);
                let shown: Vec<String> = places.iter().map(show).collect();
                format!("order by priority, then drawn by weight: {}", shown.join(", "))
            });
            return self.place(places);
        }
        let default = self.default_protocol().filter(|d| services.iter().any(|s| s.protocol == *d));
        let candidates = default.into_iter().chain(services.iter().map(|s| s.protocol));
        let Some(protocol) = candidates.into_iter().find(|protocol| !refused.contains(protocol)) else {
            return match refused.is_empty() {
                // No transport of ours is one that SRV is asked for: WebSockets only.
                true => match self.default_protocol() {
                    Some(protocol) => self.place_host(protocol),
                    None => self.fail(self.no_protocol(None)),
                },
                false => {
                    let host = self.host.clone();
                    self.fail(format!(
                        "{host} says in its SRV records (target \".\") that it offers no SIP; ask its owner"
                    ))
                }
            };
        };
        self.place_host(protocol);
    }

    fn place_host(&mut self, protocol: Protocol) {
        let port = protocol.default_port();
        self.note("RFC 3263 s4.2", || format!("no SRV record: the addresses of the host, {protocol}, port {port}"));
        self.place(vec![Place { protocol, host: self.host.clone(), port }]);
    }

    fn place(&mut self, places: Vec<Place>) {
        self.state = State::Addresses(places);
    }

    fn address_questions(&self, host: &str) -> Vec<Question> {
        if host.parse::<IpAddr>().is_ok() {
            return Vec::new();
        }
        [(Kind::Aaaa, self.means.v6), (Kind::A, self.means.v4)]
            .into_iter()
            .filter(|(_, wanted)| *wanted)
            .map(|(kind, _)| Question { kind, name: host.to_owned() })
            .collect()
    }

    /// RFC 7984 s3.1: the addresses of both families of each host before the next host; RFC 8305 s4: by turns, IPv6 first.
    fn addresses(&mut self, places: &[Place]) {
        let mut hops: Vec<Hop> = Vec::new();
        for place in places {
            for ip in self.addresses_of(&place.host) {
                let hop = Hop { protocol: place.protocol, remote: SocketAddr::new(ip, place.port) };
                if hops.len() < limits::TARGETS && !hops.contains(&hop) {
                    hops.push(hop);
                }
            }
        }
        if !hops.is_empty() {
            self.note("RFC 7984 s3.1, RFC 8305 s4", || {
                let shown: Vec<String> = hops.iter().map(|hop| format!("{} {}", hop.protocol, hop.remote)).collect();
                format!("targets in order: {}", shown.join(", "))
            });
            self.state = State::Done(Ok(hops));
            return;
        }
        let host = shorten(&self.host);
        let error = match &self.trouble {
            Some(trouble) => format!("cannot resolve {host}: {trouble}; check the name server"),
            None => match self.known.iter().any(|(question, answer)| is_missing(question, answer.as_ref())) {
                true => format!("cannot resolve {host}: no such name; check the spelling"),
                false => format!("cannot resolve {host}: it has no address; check its DNS records"),
            },
        };
        self.fail(error);
    }

    fn addresses_of(&mut self, host: &str) -> Vec<IpAddr> {
        if let Ok(ip) = host.parse() {
            return vec![ip];
        }
        let (mut v6, mut v4) = (Vec::new(), Vec::new());
        for question in self.address_questions(host) {
            for record in self.chase(&question).unwrap_or_default() {
                match record {
                    Record::Aaaa(ip) => v6.push(IpAddr::V6(ip)),
                    Record::A(ip) => v4.push(IpAddr::V4(ip)),
                    _ => {}
                }
            }
        }
        let longer = v6.len().max(v4.len());
        (0..longer).flat_map(|at| [v6.get(at), v4.get(at)]).flatten().copied().take(limits::TARGETS).collect()
    }

    fn fail(&mut self, error: String) {
        self.note("result", || error.clone());
        self.state = State::Done(Err(error));
    }
}

fn step(rule: &'static str, text: String) -> Step {
    Step { rule, text }
}

/// Whether the DNS says that the host of an address question does not exist.
fn is_missing(question: &Question, answer: Option<&Answer>) -> bool {
    matches!(question.kind, Kind::A | Kind::Aaaa) && matches!(answer, Some(Err(NoAnswer::NoName)))
}

/// Errors show a name, not kilobytes of one.
fn shorten(name: &str) -> String {
    name.chars().take(80).collect()
}

/// RFC 3263 s4.1: `_sip` or `_sips`, and the transport below TLS. RFC 7118 leaves `_ws` to the like.
fn service_name(protocol: Protocol, host: &str) -> String {
    let prefix = match protocol {
        Protocol::Udp => "_sip._udp",
        Protocol::Tcp => "_sip._tcp",
        Protocol::Tls => "_sips._tcp",
        Protocol::Ws => "_sip._ws",
        Protocol::Wss => "_sips._ws",
    };
    format!("{prefix}.{host}")
}

/// The SRV records that name a host.
fn servers(records: &[Record]) -> Vec<Server> {
    let server = |record: &Record| match record {
        Record::Srv { priority, weight, port, target } if *port != 0 => {
            let host = host_name(target)?;
            Some(Server { priority: *priority, weight: *weight, port: *port, host })
        }
        _ => None,
    };
    records.iter().filter_map(server).collect()
}
