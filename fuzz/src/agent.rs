//! A whole agent fed with bytes: datagrams and a stream, the application's commands, time.
//!
//! The input is a script of steps, each ended by byte 0x1E, so that the seeds can be read and changed by hand. The first byte of a step says what
//! it is; in messages `@v`, `@c`, `@f`, `@t`, `@q` stand for the Via, Call-ID, From, To and CSeq values of the last message that the agent
//! sent: what no fuzzer can guess.

use sipwright::agent::Agent;
use sipwright::agent::io::{
    AccountConfig, AgentConfig, CallOptions, Command, Event, EventKind, Input, Listener, Opened, Output, Target,
};
use sipwright::base::id::{AccountId, CallId, NodeId, Origin};
use sipwright::base::{Duration, Flow, Instant, Protocol};
use sipwright::media::io::{MediaEvent, MediaEventKind, MediaOrder, Quality};
use sipwright::message::{Message, Name};
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

const STEPS: usize = 64;
const END: u8 = 0x1e;
/// Longer than any ring limit, session or transaction.
const LONG: Duration = Duration::from_secs(3600);

struct World {
    agent: Agent,
    now: Instant,
    udp: Flow,
    tcp: Flow,
    account: AccountId,
    calls: Vec<CallId>,
    sessions: BTreeMap<NodeId, CallId>,
    serial: u64,
    last: Vec<u8>,
    /// Inputs that outputs led to.
    soon: VecDeque<Input<'static>>,
}

/// See the module.
pub fn agent(data: &[u8]) {
    let mut world = World::new();
    for step in data.split(|byte| *byte == END).take(STEPS) {
        if let Some((kind, rest)) = step.split_first() {
            world.step(*kind, rest);
        }
    }
    // Whatever came: the application hangs up, nobody answers, time goes by, and nothing is left.
    for call in world.calls.clone() {
        world.give(Input::Command(Command::Hangup { call, status: 0 }));
    }
    world.give(Input::Command(Command::Shutdown));
    world.pass(LONG);
    let tables = world.agent.tables();
    assert!(tables.is_empty(), "left over: {tables:?}");
}

impl World {
    fn new() -> Self {
        let local: SocketAddr = ([192, 0, 2, 1], 5060).into();
        let remote: SocketAddr = ([192, 0, 2, 9], 5070).into();
        let agent = Agent::new(AgentConfig {
            seed: [3; 32],
            listeners: [Protocol::Udp, Protocol::Tcp].map(|protocol| Listener { protocol, local }).to_vec(),
            ring_timeout: Duration::from_secs(60),
            ..AgentConfig::default()
        });
        let tcp = Flow { protocol: Protocol::Tcp, local, remote, connection: 1 };
        let account = AccountId::new(0, 0, Origin::Application, 1);
        let mut world = World {
            agent,
            now: Instant::ZERO,
            udp: Flow::udp(local, remote),
            tcp,
            account,
            calls: Vec::new(),
            sessions: BTreeMap::new(),
            serial: 1,
            last: Vec::new(),
            soon: VecDeque::new(),
        };
        let config =
            AccountConfig { aor: "sip:alice@192.0.2.1".into(), password: "secret".into(), ..AccountConfig::default() };
        world.give(Input::Command(Command::AddAccount { account, config: Box::new(config) }));
        world
    }

    /// `d` datagram, `s` stream data, `o` stream opened, `x` stream closed, `w` wait (milliseconds in decimal), `c` call, `r` ring, `a` answer,
    /// `h` hang up, `p` hold, `q` request; commands are about the newest call.
    fn step(&mut self, kind: u8, rest: &[u8]) {
        let newest = self.calls.last().copied();
        match kind {
            b'd' => {
                let bytes = self.fill(rest);
                let flow = self.udp;
                self.give(Input::Datagram { flow, bytes: &bytes });
            }
            b's' => {
                let bytes = self.fill(rest);
                let flow = self.tcp;
                self.give(Input::StreamData { flow, bytes: &bytes });
            }
            b'o' => {
                let flow = self.tcp;
                self.give(Input::StreamOpened { flow, opened: Opened::accepted() });
            }
            b'x' => {
                let flow = self.tcp;
                self.give(Input::StreamClosed { flow });
            }
            b'w' => {
                let digits = rest.iter().take(7).take_while(|b| b.is_ascii_digit());
                let ms = digits.fold(0, |ms, digit| ms * 10 + u64::from(digit - b'0'));
                self.pass(Duration::from_millis(ms));
            }
            b'c' => {
                self.serial += 1;
                let call = CallId::new(0, 0, Origin::Application, self.serial);
                self.calls.push(call);
                let target = String::from_utf8_lossy(rest).into_owned();
                let target = if target.is_empty() { "sip:bob@192.0.2.9:5070".to_owned() } else { target };
                let options = Box::<CallOptions>::default();
                self.give(Input::Command(Command::Dial { call, account: self.account, target, options }));
            }
            b'r' => self.command(newest, |call| Command::Ring { call, status: 180, early_media: rest == b"m" }),
            b'a' => self.command(newest, |call| Command::Answer { call, options: Box::default() }),
            b'h' => self.command(newest, |call| Command::Hangup { call, status: 0 }),
            b'p' => self.command(newest, |call| Command::Hold { call, hold: rest.is_empty() }),
            _ => {}
        }
    }

    fn command(&mut self, call: Option<CallId>, make: impl FnOnce(CallId) -> Command) {
        if let Some(call) = call {
            self.give(Input::Command(make(call)));
        }
    }

    /// Puts what the agent sent last in the place of its marks.
    fn fill(&self, text: &[u8]) -> Vec<u8> {
        let last = Message::parse(&self.last).ok();
        let mut out = Vec::with_capacity(text.len());
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            let name = match (byte, bytes.as_slice().first()) {
                (b'@', Some(b'v')) => Name::Via,
                (b'@', Some(b'c')) => Name::CallId,
                (b'@', Some(b'f')) => Name::From,
                (b'@', Some(b't')) => Name::To,
                (b'@', Some(b'q')) => Name::CSeq,
                _ => {
                    out.push(*byte);
                    continue;
                }
            };
            bytes.next();
            let value = last.as_ref().and_then(|message| message.header(name)).unwrap_or("");
            out.extend_from_slice(value.as_bytes());
        }
        out
    }

    fn give(&mut self, input: Input<'_>) {
        self.agent.handle(input, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        // What the driver of a real engine does, within a bound.
        for _ in 0..10_000 {
            while let Some(output) = self.agent.poll_output() {
                self.act(output);
            }
            let Some(input) = self.soon.pop_front() else { return };
            self.agent.handle(input, self.now);
        }
        panic!("the agent does not come to rest");
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::Transmit(transmit) => {
                if transmit.bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                    return;
                }
                if transmit.bytes.first().is_some_and(|byte| *byte < b'A') {
                    return; // STUN
                }
                let message = Message::parse(&transmit.bytes).expect("what is sent can be read");
                let mut again = Vec::new();
                message.write(&mut again);
                assert!(Message::parse(&again).is_ok());
                self.last = transmit.bytes.to_vec();
            }
            Output::Resolve(query) => {
                let protocol = query.protocol.unwrap_or(Protocol::Udp);
                let target = Target { protocol, remote: self.udp.remote, local: self.udp.local.ip() };
                self.soon.push_back(Input::Resolved { token: query.token, targets: vec![target], error: None });
            }
            Output::Connect { peer } => {
                let reason = "refused".to_owned();
                self.soon.push_back(Input::ConnectFailed { peer, reason });
            }
            Output::Media(MediaOrder::Open { session, call, .. }) => {
                let (rtp, rtcp) = (([192, 0, 2, 1], 4000).into(), ([192, 0, 2, 1], 4001).into());
                let kind = MediaEventKind::Ready { rtp, rtcp };
                self.sessions.insert(session, call);
                self.soon.push_back(Input::Media(MediaEvent { session, call, kind }));
            }
            Output::Media(MediaOrder::Close { session }) => {
                let kind = MediaEventKind::Quality { quality: Quality::default(), last: true };
                let call = self.sessions.remove(&session).unwrap_or_default();
                self.soon.push_back(Input::Media(MediaEvent { session, call, kind }));
            }
            Output::Close { flow } => self.soon.push_back(Input::StreamClosed { flow }),
            Output::Event(Event { kind: EventKind::CallIncoming { .. }, call, .. }) => self.calls.push(call),
            _ => {}
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..100_000 {
            let Some(at) = self.agent.next_timeout().filter(|at| *at <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(at);
            self.agent.handle_timeout(self.now);
            self.settle();
        }
        panic!("a timer that never rests");
    }
}
