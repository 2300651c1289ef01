//! `agent uas|uac N [HELD]`: whole calls through one `Agent`, without a socket: INVITE 180 200 ACK, BYE 200, SDP negotiated, no media.
//!
//! Prints the CPU time per call and what a call leaves in memory. The agent runs inside `stack` alone, so that callgrind can count it
//! and not the peer's side (`--toggle-collect='*stack*'`). With HELD, that many calls are up at the end and never hung up.

use sipwright::agent::Agent;
use sipwright::agent::io::{
    AccountConfig, AgentConfig, CallOptions, Command, EventKind, Input, Listener, Output, Target,
};
use sipwright::base::id::{AccountId, CallId, Origin};
use sipwright::base::{Duration, Flow, Instant, Protocol};
use sipwright::message::Message;
use std::net::SocketAddr;
use std::process::ExitCode;

/// Virtual time from one call to the next: what finished keeps its 32 s, so at most 640 calls of them are there.
const STEP: Duration = Duration::from_millis(50);
const SDP: &str = "v=0\r\no=u 53655765 2353687637 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0 101\r\n\
    a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";

/// The only place where the agent works.
#[inline(never)]
fn stack(agent: &mut Agent, input: Option<Input<'_>>, now: Instant, out: &mut Vec<Output>) {
    match input {
        Some(input) => agent.handle(input, now),
        None => agent.handle_timeout(now),
    }
    while let Some(output) = agent.poll_output() {
        out.push(output);
    }
}

struct Bench {
    agent: Agent,
    flow: Flow,
    now: Instant,
    out: Vec<Output>,
    account: AccountId,
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
}

impl Bench {
    fn new() -> Self {
        let local = address("192.0.2.1:5060");
        let agent = Agent::new(AgentConfig {
            engine: 1,
            seed: [7; 32],
            user_agent: "sipwright/0.1".into(),
            listeners: vec![Listener { protocol: Protocol::Udp, local }],
            max_calls: 1_000_000,
            ..AgentConfig::default()
        });
        let account = AccountId::new(1, 0, Origin::Application, 1);
        let mut bench = Bench {
            agent,
            flow: Flow::udp(local, address("192.0.2.9:5070")),
            now: Instant::ZERO,
            out: Vec::new(),
            account,
        };
        let config = AccountConfig { aor: "sip:alice@192.0.2.1".into(), ..AccountConfig::default() };
        bench.give(Input::Command(Command::AddAccount { account, config: Box::new(config) }));
        bench.out.clear();
        bench
    }

    fn give(&mut self, input: Input<'_>) {
        stack(&mut self.agent, Some(input), self.now, &mut self.out);
    }

    fn datagram(&mut self, text: &str) {
        let flow = self.flow;
        self.give(Input::Datagram { flow, bytes: text.as_bytes() });
    }

    fn pass(&mut self) {
        let end = self.now + STEP;
        while let Some(at) = self.agent.next_timeout().filter(|at| *at <= end) {
            self.now = at;
            stack(&mut self.agent, None, at, &mut self.out);
        }
        self.now = end;
        self.out.clear();
    }

    /// The last message sent.
    fn sent(&mut self) -> Option<String> {
        let sent = self.out.drain(..).filter_map(|output| match output {
            Output::Transmit(transmit) => Some(transmit.bytes),
            _ => None,
        });
        sent.last().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The call of the last event about one.
    fn called(&self) -> Option<CallId> {
        self.out.iter().rev().find_map(|output| match output {
            Output::Event(event) if matches!(event.kind, EventKind::CallIncoming { .. }) => Some(event.call),
            _ => None,
        })
    }

    fn incoming(&mut self, i: u32, hold: bool) -> Option<()> {
        let via = |c: char| {
            format!("Via: SIP/2.0/UDP 192.0.2.9:5070;rport;branch=z9hG4bK{c}{i:08x}4d2a0c11\r\nMax-Forwards: 70\r\n")
        };
        let from = format!("From: \"sipload\" <sip:load@192.0.2.9:5070>;tag=f{i:08x}\r\n");
        let to = "To: <sip:alice@192.0.2.1:5060>";
        let id = format!("Call-ID: {i:08x}-4d2a0c11@sipload\r\n");
        self.datagram(&format!(
            "INVITE sip:alice@192.0.2.1:5060 SIP/2.0\r\n{}{from}{to}\r\n{id}CSeq: 1 INVITE\r\nContact: <sip:load@192.0.2.9:5070>\r\n\
             User-Agent: sipload\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
            via('i'),
            SDP.len()
        ));
        let call = self.called()?;
        self.give(Input::Command(Command::Ring { call, status: 180, early_media: false }));
        let options = Box::new(CallOptions { no_media: true, ..CallOptions::default() });
        self.give(Input::Command(Command::Answer { call, options }));
        let answer = self.sent()?;
        let answer = Message::parse(answer.as_bytes()).ok().filter(|answer| answer.status() == Some(200))?;
        let tag = answer.to().ok()?.tag()?.to_owned();
        let target = answer.contacts().next()?.ok()?.uri.to_owned();
        let mut within = |method: &str, branch: char, cseq: u32| {
            self.datagram(&format!(
                "{method} {target} SIP/2.0\r\n{}{from}{to};tag={tag}\r\n{id}CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
                via(branch)
            ));
        };
        within("ACK", 'A', 1);
        if hold {
            return Some(());
        }
        within("BYE", 'B', 2);
        self.sent()?.starts_with("SIP/2.0 200").then_some(())
    }

    /// Answers the request that was sent last.
    fn answer(&mut self, status: &str, tag: &str, more: &str) -> Option<()> {
        let request = self.sent()?;
        self.respond(&request, status, tag, more);
        Some(())
    }

    fn respond(&mut self, request: &str, status: &str, tag: &str, more: &str) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for line in request.split("\r\n").skip(1).take_while(|line| !line.is_empty()) {
            if let Some(via) = line.strip_prefix("Via: ") {
                text.push_str(&format!("Via: {via}\r\n").replace(";rport", ";received=192.0.2.1;rport=5060"));
            } else if line.starts_with("To: ") {
                text.push_str(&format!("{line}{}\r\n", if line.contains(";tag=") { "" } else { tag }));
            } else if ["From: ", "Call-ID: ", "CSeq: "].iter().any(|name| line.starts_with(name)) {
                text.push_str(&format!("{line}\r\n"));
            }
        }
        self.datagram(&format!("{text}{more}"));
    }

    fn outgoing(&mut self, i: u32, hold: bool) -> Option<()> {
        let call = CallId::new(1, 0, Origin::Application, u64::from(i) + 1);
        let options = Box::new(CallOptions { no_media: true, ..CallOptions::default() });
        let (account, target) = (self.account, "sip:bob@192.0.2.9:5070".to_owned());
        self.give(Input::Command(Command::Dial { call, account, target, options }));
        if let Some(Output::Resolve(query)) = self.out.iter().rev().find(|output| matches!(output, Output::Resolve(_)))
        {
            let token = query.token;
            let target = Target { protocol: Protocol::Udp, remote: self.flow.remote, local: self.flow.local.ip() };
            self.give(Input::Resolved { token, targets: vec![target], error: None });
        }
        let invite = self.sent()?;
        let tag = format!(";tag=b{i:08x}");
        let contact = "Contact: <sip:bob@192.0.2.9:5070>\r\n";
        self.respond(&invite, "180 Ringing", &tag, &format!("{contact}Content-Length: 0\r\n\r\n"));
        let body = format!("{contact}Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}", SDP.len());
        self.respond(&invite, "200 OK", &tag, &body);
        if !self.sent()?.starts_with("ACK ") {
            return None;
        }
        if hold {
            return Some(());
        }
        self.give(Input::Command(Command::Hangup { call, status: 0 }));
        self.answer("200 OK", "", "Content-Length: 0\r\n\r\n")
    }
}

/// Resident memory in bytes, from Linux.
fn resident() -> f64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or(0.0) * 4096.0
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<u32>().ok());
    let (Some(role), Some(n)) = (arguments.get(1), number(2)) else { return ExitCode::from(2) };
    let held = number(3).unwrap_or(0);
    let mut bench = Bench::new();
    let start = std::time::Instant::now();
    let mut before = resident();
    for i in 0..n + held {
        if i == n {
            before = resident();
        }
        let done = if role == "uas" { bench.incoming(i, i >= n) } else { bench.outgoing(i, i >= n) };
        if done.is_none() {
            eprintln!("call {i} failed: {:?}", bench.agent.tables());
            return ExitCode::FAILURE;
        }
        if held == 0 {
            bench.pass();
        } else {
            bench.out.clear();
        }
    }
    let ns = start.elapsed().as_nanos() as f64 / f64::from((n + held).max(1));
    if held > 0 {
        // What finished or got its 2xx keeps its transaction for 32 s; what stays of a held call is seen after that.
        let grown = resident() - before;
        bench.now = bench.now + Duration::from_secs(40);
        stack(&mut bench.agent, None, bench.now, &mut bench.out);
        println!("agent {role} held {held}: {:.0} bytes each, {:?}", grown / f64::from(held), bench.agent.tables());
    }
    println!("agent {role} {ns:.0} ns per call with its peer");
    ExitCode::SUCCESS
}
