//! One agent by itself, fed with datagrams and streams: what strangers can reach.

use sipwright::agent::io::{AgentConfig, Command, Event, EventKind, Input, Output};
use sipwright::agent::{Agent, Tables};
use sipwright::base::{Duration, Flow, Instant, Protocol};
use sipwright::guard::Counts;
use sipwright::media::io::{MediaEvent, MediaEventKind, MediaOrder};
use sipwright::sim::{Conditions, World};
use sipwright::transport::Opened;
use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

pub struct Uas {
    pub agent: Agent,
    pub now: Instant,
    /// What was sent, and where.
    pub sent: Vec<(Flow, Vec<u8>)>,
    pub events: Vec<Event>,
    pub closed: Vec<Flow>,
}

pub fn source(n: u32) -> SocketAddr {
    SocketAddr::new(IpAddr::from(Ipv4Addr::from_bits(0x0a00_0001 + n)), 5060)
}

impl Uas {
    pub fn new(tweak: impl Fn(&mut AgentConfig)) -> Uas {
        let config = RefCell::new(None);
        World::new(1, Conditions::GOOD).host("192.0.2.1".parse().unwrap(), 1, |c| {
            tweak(c);
            *config.borrow_mut() = Some(c.clone());
        });
        let agent = Agent::new(config.take().unwrap());
        Uas { agent, now: Instant::ZERO, sent: Vec::new(), events: Vec::new(), closed: Vec::new() }
    }

    pub fn local() -> SocketAddr {
        "192.0.2.1:5060".parse().unwrap()
    }

    pub fn input(&mut self, input: Input<'_>) {
        self.agent.handle(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.agent.poll_output() {
            match output {
                Output::Transmit(transmit) => self.sent.push((transmit.flow, transmit.bytes.to_vec())),
                Output::Event(event) => self.events.push(event),
                Output::Close { flow } => self.closed.push(flow),
                Output::Media(MediaOrder::Open { session, call, .. }) => {
                    let (rtp, rtcp) = ("192.0.2.1:10000".parse().unwrap(), "192.0.2.1:10001".parse().unwrap());
                    let kind = MediaEventKind::Ready { rtp, rtcp };
                    self.agent.handle(Input::Media(MediaEvent { session, call, kind }), self.now);
                }
                Output::Resolve(query) => {
                    let error = Some("nobody is there".to_owned());
                    self.agent.handle(Input::Resolved { token: query.token, targets: Vec::new(), error }, self.now);
                }
                _ => {}
            }
        }
    }

    /// A datagram; what came back.
    pub fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) -> Vec<String> {
        self.sent.clear();
        self.input(Input::Datagram { flow: Flow::udp(Self::local(), from), bytes });
        self.answers()
    }

    pub fn answers(&self) -> Vec<String> {
        self.sent.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()).collect()
    }

    /// The status of the one answer; `None` without any.
    pub fn status(&mut self, from: SocketAddr, text: &str) -> Option<u16> {
        let answers = self.datagram(from, text.as_bytes());
        assert!(answers.len() <= 1, "{answers:?}");
        answers.first().map(|answer| answer[8..11].parse().unwrap())
    }

    pub fn stream(&mut self, n: u32) -> Flow {
        let flow =
            Flow { protocol: Protocol::Tcp, local: Self::local(), remote: source(n), connection: u64::from(n) + 1 };
        self.input(Input::StreamOpened { flow, opened: Opened::accepted() });
        flow
    }

    /// Lets time pass, with every timer in it.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.agent.next_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(due);
            self.agent.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub fn command(&mut self, command: Command) {
        self.input(Input::Command(command));
    }

    pub fn tables(&self) -> Tables {
        self.agent.tables()
    }

    pub fn counts(&self) -> Counts {
        self.agent.defence()
    }

    pub fn incoming(&self) -> usize {
        self.events.iter().filter(|event| matches!(event.kind, EventKind::CallIncoming { .. })).count()
    }
}

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n";

/// A request of its own transaction and dialog; `more` are whole lines.
pub fn request(method: &str, n: u32, more: &str) -> String {
    let (body, kind) = if method == "INVITE" { (SDP, "Content-Type: application/sdp\r\n") } else { ("", "") };
    format!(
        "{method} sip:bob@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;branch=z9hG4bK{n};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:a@example.com>;tag=f{n}\r\nTo: <sip:bob@192.0.2.1>\r\nCall-ID: c{n}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:a@10.0.0.9>\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The To tag of an answer.
pub fn to_tag(answer: &str) -> &str {
    let to = answer.lines().find(|line| line.starts_with("To:")).unwrap();
    to.split(";tag=").nth(1).unwrap_or("")
}
