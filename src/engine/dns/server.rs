//! A name server for tests, on loopback: a [`Zone`] over UDP and TCP, with failures on demand. RFC 1035 s4, RFC 7766.

use crate::base::Duration;
use crate::resolve::zone::{Fault, Zone};
use crate::resolve::{Kind, NoAnswer, Question, Record};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// A connection that says nothing for so long is closed.
const SILENT: Duration = Duration::from_secs(1);
/// The largest answer over UDP; a longer one is truncated.
const UDP_BYTES: usize = 1232;
/// Questions remembered for [`DnsServer::asked`].
const REMEMBERED: usize = 4096;

/// A running name server; it ends when dropped.
pub struct DnsServer {
    address: SocketAddr,
    state: Arc<State>,
    threads: Vec<JoinHandle<()>>,
}

struct State {
    zone: Mutex<Zone>,
    asked: Mutex<Vec<String>>,
    over_tcp: AtomicU64,
    end: AtomicBool,
}

impl DnsServer {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// No port or thread is to be had.
    pub fn start(zone: Zone) -> io::Result<DnsServer> {
        Self::start_on(SocketAddr::from(([127, 0, 0, 1], 0)), zone)
    }

    /// Starts on an address; port 0 takes one that is free for UDP and TCP.
    ///
    /// # Errors
    ///
    /// The address is in use, or no thread is to be had.
    pub fn start_on(address: SocketAddr, zone: Zone) -> io::Result<DnsServer> {
        let (udp, tcp) = bind(address)?;
        let address = udp.local_addr()?;
        let state = Arc::new(State {
            zone: Mutex::new(zone),
            asked: Mutex::default(),
            over_tcp: AtomicU64::new(0),
            end: AtomicBool::new(false),
        });
        let (for_udp, for_tcp) = (state.clone(), state.clone());
        let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let threads = vec![
            named("test-dns-udp").spawn(move || for_udp.serve_udp(&udp))?,
            named("test-dns-tcp").spawn(move || for_tcp.serve_tcp(&tcp))?,
        ];
        Ok(DnsServer { address, state, threads })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers from another zone from now on.
    pub fn change(&self, zone: Zone) {
        *self.state.zone.lock().unwrap_or_else(PoisonError::into_inner) = zone;
    }

    /// Every question so far, in order: `SRV _sip._udp.example.com`.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Questions that came over TCP.
    #[must_use]
    pub fn over_tcp(&self) -> u64 {
        self.state.over_tcp.load(Ordering::Relaxed)
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.state.end.store(true, Ordering::Release);
        // Both threads wait for somebody: it is us.
        if let Ok(wake) = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)) {
            let _ = wake.send_to(&[], self.address);
        }
        let _ = TcpStream::connect(self.address);
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

fn bind(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut failed = None;
    // A port that is free for UDP may be taken for TCP.
    for _ in 0..16 {
        let udp = UdpSocket::bind(address)?;
        match TcpListener::bind(udp.local_addr()?) {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.unwrap_or_else(|| io::Error::other("no port")))
}

impl State {
    fn ended(&self) -> bool {
        self.end.load(Ordering::Acquire)
    }

    fn serve_udp(&self, socket: &UdpSocket) {
        let mut buffer = [0; 4096];
        while !self.ended() {
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
            for answer in self.answers(buffer.get(..length).unwrap_or_default(), true) {
                let _ = socket.send_to(&answer, from);
            }
        }
    }

    fn serve_tcp(&self, listener: &TcpListener) {
        while let Ok((stream, _)) = listener.accept() {
            if self.ended() {
                return;
            }
            let _ = self.serve_stream(stream);
        }
    }

    fn serve_stream(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(SILENT))?;
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut request = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut request)?;
            self.over_tcp.fetch_add(1, Ordering::Relaxed);
            for answer in self.answers(&request, false) {
                let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
                stream.write_all(&length.to_be_bytes())?;
                stream.write_all(&answer)?;
            }
        }
    }

    /// The messages that answer one: none, one, or a false one first.
    fn answers(&self, request: &[u8], udp: bool) -> Vec<Vec<u8>> {
        let Some((id, question, end)) = read_question(request) else { return Vec::new() };
        let zone = self.zone.lock().unwrap_or_else(PoisonError::into_inner).clone();
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.len() < REMEMBERED {
                asked.push(question.to_string());
            }
        }
        let asked = request.get(12..end).unwrap_or_default();
        let evil = [(60, Record::A([192, 0, 2, 66].into()))];
        let whole = |id: u16| message(id, 0, asked, &question, &records(&zone, &question));
        match zone.fault(&question.name) {
            Some(Fault::Timeout) => Vec::new(),
            Some(Fault::ServFail) => vec![message(id, 2, asked, &question, &[])],
            Some(Fault::Refused) => vec![message(id, 5, asked, &question, &[])],
            Some(Fault::Truncate) if udp => vec![truncated(message(id, 0, asked, &question, &[]))],
            Some(Fault::Loop) => vec![looping(message(id, 0, asked, &question, &[]))],
            Some(Fault::Forge) => vec![message(id ^ 0x5555, 0, asked, &question, &evil), whole(id)],
            Some(Fault::OtherName) => {
                let mut other = Vec::new();
                name(&mut other, "evil.example");
                other.extend([0, 1, 0, 1]);
                vec![message(id, 0, &other, &Question { kind: Kind::A, name: "evil.example".into() }, &evil), whole(id)]
            }
            Some(Fault::Garbage) => vec![vec![0xff; 40]],
            Some(Fault::Truncate) | None => {
                let code = u16::from(zone.answer(&question) == Err(NoAnswer::NoName)) * 3;
                let answer = message(id, code, asked, &question, &records(&zone, &question));
                let large = udp && answer.len() > UDP_BYTES;
                vec![if large { truncated(message(id, 0, asked, &question, &[])) } else { answer }]
            }
        }
    }
}

/// The records of the kind; behind an alias, the alias and what it stands for, as a recursive server answers.
fn records(zone: &Zone, question: &Question) -> Vec<(u32, Record)> {
    let mut out = Vec::new();
    let mut name = question.name.clone();
    for _ in 0..16 {
        let found = zone.records(&name).iter();
        let wanted: Vec<_> =
            found.filter(|(_, r)| r.is(question.kind) || matches!(r, Record::Cname(_))).cloned().collect();
        let alias = wanted.iter().find_map(|(_, r)| if let Record::Cname(to) = r { Some(to.clone()) } else { None });
        out.extend(wanted);
        match alias {
            Some(next) => name = next,
            None => break,
        }
    }
    out
}

/// Id, question and the end of the question section.
fn read_question(bytes: &[u8]) -> Option<(u16, Question, usize)> {
    let id = u16::from_be_bytes([*bytes.first()?, *bytes.get(1)?]);
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(bytes.get(at..at + length)?).to_ascii_lowercase());
        at += length;
    }
    let kind = match u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]) {
        1 => Kind::A,
        28 => Kind::Aaaa,
        33 => Kind::Srv,
        35 => Kind::Naptr,
        _ => return None,
    };
    Some((id, Question { kind, name: labels.join(".") }, at + 4))
}

fn message(id: u16, code: u16, asked: &[u8], question: &Question, answers: &[(u32, Record)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let count = u16::try_from(answers.len()).unwrap_or(u16::MAX);
    // A response with recursion desired and available.
    for word in [id, 0x8180 | code, 1, count, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    out.extend_from_slice(asked);
    let mut owner = question.name.clone();
    for (ttl, record) in answers {
        name(&mut out, &owner);
        let (kind, data) = data(record);
        out.extend(kind.to_be_bytes());
        out.extend([0, 1]);
        out.extend(ttl.to_be_bytes());
        out.extend(u16::try_from(data.len()).unwrap_or(u16::MAX).to_be_bytes());
        out.extend(data);
        if let Record::Cname(to) = record {
            owner.clone_from(to);
        }
    }
    out
}

fn data(record: &Record) -> (u16, Vec<u8>) {
    let mut out = Vec::new();
    let kind = match record {
        Record::A(ip) => {
            out.extend(ip.octets());
            1
        }
        Record::Aaaa(ip) => {
            out.extend(ip.octets());
            28
        }
        Record::Cname(to) => {
            name(&mut out, to);
            5
        }
        Record::Srv { priority, weight, port, target } => {
            [priority, weight, port].iter().for_each(|word| out.extend(word.to_be_bytes()));
            name(&mut out, target);
            33
        }
        Record::Naptr { order, preference, flags, services, regexp, replacement } => {
            [order, preference].iter().for_each(|word| out.extend(word.to_be_bytes()));
            for text in [flags, services, regexp] {
                out.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
                out.extend(text.bytes().take(255));
            }
            name(&mut out, replacement);
            35
        }
    };
    (kind, out)
}

fn name(out: &mut Vec<u8>, text: &str) {
    for label in text.split('.').filter(|label| !label.is_empty()) {
        out.push(u8::try_from(label.len()).unwrap_or(63));
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
}

/// Sets TC. RFC 1035 s4.1.1.
fn truncated(mut message: Vec<u8>) -> Vec<u8> {
    if let Some(flags) = message.get_mut(2) {
        *flags |= 2;
    }
    message
}

/// One answer, whose name is a pointer to itself.
fn looping(mut message: Vec<u8>) -> Vec<u8> {
    if let Some(count) = message.get_mut(7) {
        *count = 1;
    }
    let here = 0xC000 | u16::try_from(message.len()).unwrap_or(12);
    message.extend(here.to_be_bytes());
    message.extend([0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 66]);
    message
}
