//! The flows of RFC 3665 (tests/flows) against a scripted peer. What their lines mean is in tests/flows/README.md.

use sipwright::agent::io::{AccountConfig, CallOptions, Command, Event, EventKind};
use sipwright::base::Duration;
use sipwright::base::id::{AccountId, CallId};
use sipwright::message::{Message, Name};
use sipwright::sim::{Conditions, HostId, World};
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::rc::Rc;

const UA: &str = "192.0.2.1:5060";
const PEER: &str = "192.0.2.2:5060";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";

/// A run: our side in the simulated world, the peer here.
struct Run {
    world: World,
    ua: HostId,
    account: Option<AccountId>,
    call: CallId,
    /// What our side sent and no line has taken yet.
    sent: Rc<RefCell<VecDeque<Vec<u8>>>>,
    heard: VecDeque<Event>,
    /// The last request of each side by method, newest last.
    requests: Vec<Vec<u8>>,
    ours: Vec<Vec<u8>>,
    /// The dialog as the peer knows it: From, To, Call-ID, target of its requests.
    dialog: Option<[String; 4]>,
    cseq: u32,
}

fn header(message: &[u8], name: &str) -> Option<String> {
    let message = Message::parse(message).ok()?;
    let all: Vec<&str> = message.list(Name::parse(name.as_bytes())).collect();
    match name {
        "Record-Route" => (!all.is_empty()).then(|| all.join(", ")),
        "Route" => all.first().map(|s| (*s).to_owned()),
        _ => message.header(Name::parse(name.as_bytes())).map(str::to_owned),
    }
}

/// `INVITE`, or `180 INVITE`.
fn kind(message: &[u8]) -> String {
    let parsed = Message::parse(message).unwrap();
    let method = parsed.cseq().unwrap().method.as_str().to_owned();
    if parsed.is_request() { method } else { format!("{} {method}", parsed.status().unwrap()) }
}

impl Run {
    fn new(registers: bool) -> Self {
        let mut world = World::new(1, Conditions::GOOD);
        let sent: Rc<RefCell<VecDeque<Vec<u8>>>> = Rc::default();
        let (log, mut known) = (Rc::clone(&sent), BTreeSet::new());
        let peer: SocketAddr = PEER.parse().unwrap();
        world.scripted(peer.ip(), move |bytes, _, _| {
            // A 100 is no line of any flow, and a repeat of anything is none.
            if !bytes.starts_with(b"SIP/2.0 100") && known.insert(bytes.to_vec()) {
                log.borrow_mut().push_back(bytes.to_vec());
            }
            Vec::new()
        });
        let ua = world.host("192.0.2.1".parse().unwrap(), 1, |_| {});
        let mut run = Run {
            world,
            ua,
            account: None,
            call: CallId::NONE,
            sent,
            heard: VecDeque::new(),
            requests: Vec::new(),
            ours: Vec::new(),
            dialog: None,
            cseq: 0,
        };
        if !registers {
            run.account(false);
        }
        run
    }

    fn account(&mut self, register: bool) {
        let config = AccountConfig {
            aor: format!("sip:alice@{PEER}"),
            password: "secret".into(),
            register,
            ..AccountConfig::default()
        };
        self.account = Some(self.world.account_with(self.ua, config));
    }

    fn act(&mut self, what: &str, status: u16) {
        let (call, account) = (self.call, self.account);
        let command = match what {
            "register" => return self.account(true),
            "unregister" => Command::RemoveAccount { account: account.unwrap() },
            "dial" => {
                self.call = self.world.dial(self.ua, account.unwrap(), &format!("sip:bob@{PEER}"));
                return;
            }
            "ring" => Command::Ring { call, status: 180, early_media: false },
            "answer" => Command::Answer { call, options: Box::new(CallOptions::default()) },
            "hold" => Command::Hold { call, hold: true },
            "hangup" | "reject" => Command::Hangup { call, status },
            other => panic!("no such act: {other}"),
        };
        self.world.command(self.ua, command);
    }

    /// Lets the world go on a little; `false` when nothing happens any more.
    fn go_on(&mut self) -> bool {
        let before = self.world.now();
        let limit = before + Duration::from_millis(50);
        while let Some((_, event)) = self.world.next_event_before(limit) {
            self.heard.push_back(event);
        }
        self.world.run(limit - self.world.now());
        before < sipwright::base::Instant::from_micros(60_000_000)
    }

    fn next_sent(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(sent) = self.sent.borrow_mut().pop_front() {
                return Some(sent);
            }
            if !self.go_on() {
                return None;
            }
        }
    }

    /// `-> ..`: what our side sends.
    fn expect(&mut self, line: &str) {
        let (wanted, checks) = split(line);
        let sent = self.next_sent().unwrap_or_else(|| panic!("nothing was sent"));
        assert_eq!(kind(&sent), wanted);
        let parsed = Message::parse(&sent).unwrap();
        assert_eq!(!parsed.body().is_empty(), checks.contains(&"sdp"), "a session description");
        for check in &checks {
            if let Some(name) = check.strip_prefix("no ") {
                assert_eq!(header(&sent, name), None, "{name}");
            } else if let Some(wanted) = check.strip_prefix("has ") {
                let (name, value) = wanted.split_once(": ").unwrap_or((wanted, ""));
                let found = header(&sent, name).unwrap_or_else(|| panic!("no {name}"));
                assert!(value.is_empty() || found == value.replace("PEER", PEER), "{name}: {found}");
            }
        }
        if parsed.is_request() {
            if let Some(tag) = parsed.from().unwrap().tag() {
                let contact = parsed.contacts().next().and_then(Result::ok).map(|c| c.uri.to_owned());
                if wanted == "INVITE" && self.dialog.is_none() {
                    let from = format!("{};tag=peer", parsed.header(Name::To).unwrap());
                    let to = parsed.header(Name::From).unwrap().to_owned();
                    assert!(to.contains(tag));
                    self.dialog = Some([from, to, parsed.call_id().unwrap().to_owned(), contact.unwrap()]);
                }
            }
            self.requests.push(sent);
        } else if let (Some(dialog), true) = (&mut self.dialog, parsed.status() != Some(100)) {
            dialog[1] = parsed.header(Name::To).unwrap().to_owned();
            if let Some(contact) = parsed.contacts().next().and_then(Result::ok) {
                dialog[3] = contact.uri.to_owned();
            }
        }
    }

    /// `<- ..`: what the peer sends.
    fn send(&mut self, line: &str) {
        let (line, more) = line.split_once(" + ").map_or((line, None), |(line, more)| (line, Some(more)));
        let (what, parts) = split(line);
        let mut extra: String = more.map(|m| format!("{}\r\n", m.replace("PEER", PEER))).unwrap_or_default();
        let body = if parts.contains(&"sdp") { SDP } else { "" };
        if !body.is_empty() {
            extra += &format!("Content-Type: application/sdp\r\nContact: <sip:bob@{PEER}>\r\n");
        }
        let end = format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let text = match what.split_once(' ') {
            Some((status, method)) => {
                let of = |m: &&Vec<u8>| kind(m) == method;
                let request = self.requests.iter().rev().find(of).expect("a request to answer").clone();
                if parts.contains(&"contact") {
                    extra += &format!("Contact: {};expires=3600\r\n", header(&request, "Contact").unwrap());
                }
                let line = |name| format!("{name}: {}\r\n", header(&request, name).unwrap());
                let to = line("To");
                let to = if status == "100" || to.contains(";tag=") { to } else { to.replace("\r\n", ";tag=peer\r\n") };
                let [via, from, call_id, cseq] = ["Via", "From", "Call-ID", "CSeq"].map(line);
                format!("SIP/2.0 {status} Text\r\n{via}{from}{to}{call_id}{cseq}{extra}{end}")
            }
            None => self.request(&what, &extra, &end),
        };
        self.world.inject(PEER.parse().unwrap(), UA.parse().unwrap(), text.as_bytes());
    }

    fn request(&mut self, method: &str, extra: &str, end: &str) -> String {
        let invite = self.ours.iter().rev().find(|m| kind(m) == "INVITE").cloned();
        let same = matches!(method, "ACK" | "CANCEL");
        if !same {
            self.cseq += 1;
        }
        if self.dialog.is_none() {
            let from = format!("<sip:bob@{PEER}>;tag=peer");
            self.dialog = Some([from, format!("<sip:alice@{UA}>"), "flow".into(), format!("sip:alice@{UA}")]);
        }
        let [from, to, call_id, target] = self.dialog.clone().unwrap();
        // CANCEL, and the ACK to a refusal, have the branch of their INVITE; To of a CANCEL is that of the INVITE.
        let invite_line = |name| invite.as_ref().map(|m| header(m, name).unwrap());
        let refused = self.world.ladder().lines().iter().rev().any(|l| l.contains("SIP/2.0 4"));
        let branch = match invite_line("Via") {
            Some(via) if method == "CANCEL" || (method == "ACK" && refused) => via,
            _ => format!("SIP/2.0/UDP {PEER};branch=z9hG4bK-{method}-{}", self.cseq),
        };
        let to = if method == "CANCEL" { invite_line("To").unwrap() } else { to };
        let target = if method == "CANCEL" { format!("sip:alice@{UA}") } else { target };
        let text = format!(
            "{method} {target} SIP/2.0\r\nVia: {branch}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {call_id}\r\nCSeq: {} {method}\r\n{extra}{end}",
            self.cseq
        );
        self.ours.push(text.clone().into_bytes());
        text
    }

    /// `event ..`: what the application hears.
    fn hear(&mut self, wanted: &str, status: Option<u16>) {
        loop {
            while let Some(event) = self.heard.pop_front() {
                let (name, got) = named(&event.kind);
                if name == "call_incoming" {
                    self.call = event.call;
                }
                if name == wanted {
                    return assert!(status.is_none() || status == got, "{got:?}");
                }
            }
            assert!(self.go_on(), "the event never came");
        }
    }
}

/// `INVITE sdp has A: b no C` into what it is and its parts.
fn split(line: &str) -> (String, Vec<&str>) {
    let words: Vec<&str> = line.split(' ').collect();
    let count = if words[0].bytes().all(|b| b.is_ascii_digit()) { 2 } else { 1 };
    let what = words[..count].join(" ");
    let rest = line.get(what.len()..).unwrap_or_default().trim();
    // `has` takes the rest of the line, `no` one word.
    let (front, has) = rest.split_once("has ").map_or((rest, None), |(front, _)| (front, rest.find("has ")));
    let mut parts: Vec<&str> = Vec::new();
    let mut words = front.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "no" => {
                let name = words.next().unwrap();
                let at = front.find(&format!("no {name}")).unwrap();
                parts.push(&front[at..at + 3 + name.len()]);
            }
            other => parts.push(other),
        }
    }
    parts.extend(has.map(|at| &rest[at..]));
    (what, parts)
}

/// An event's name in JSON, and its status.
fn named(kind: &EventKind) -> (&'static str, Option<u16>) {
    match kind {
        EventKind::Registered { .. } => ("registered", None),
        EventKind::RegisterFailed(outcome) => ("register_failed", Some(outcome.status)),
        EventKind::AccountRemoved => ("account_removed", None),
        EventKind::CallIncoming { .. } => ("call_incoming", None),
        EventKind::CallProgress { outcome, .. } => ("call_progress", Some(outcome.status)),
        EventKind::CallAnswered { .. } => ("call_answered", None),
        EventKind::CallEnded { outcome, .. } => ("call_ended", Some(outcome.status)),
        EventKind::CallHoldDone { .. } => ("hold_done", None),
        _ => ("other", None),
    }
}

fn run(text: &str) {
    let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with('#') && !l.trim().is_empty()).collect();
    let mut run = Run::new(lines.contains(&"do register"));
    for line in lines {
        let step = std::panic::AssertUnwindSafe(|| {
            let (verb, rest) = line.split_once(' ').unwrap();
            let number = rest.rsplit(' ').next().and_then(|n| n.parse().ok());
            match verb {
                "do" => run.act(rest.split(' ').next().unwrap(), number.unwrap_or(0)),
                "->" => run.expect(rest),
                "<-" => run.send(rest),
                "event" => run.hear(rest.split(' ').next().unwrap(), number),
                other => panic!("no such line: {other}"),
            }
        });
        if let Err(cause) = std::panic::catch_unwind(step) {
            eprintln!("{:#?}", run.world.ladder().lines());
            let text = cause.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("at {line:?}: {text}");
        }
    }
    run.world.run(Duration::from_secs(100));
    assert!(run.world.tables(run.ua).is_empty(), "{:?}", run.world.tables(run.ua));
    assert!(run.world.broken_rules().is_empty(), "{:?}", run.world.broken_rules());
}

macro_rules! flows {
    ($($test:ident: $file:literal),* $(,)?) => {
        const ALL: &[&str] = &[$($file),*];
        $(#[test]
        fn $test() {
            run(include_str!(concat!("../flows/", $file)));
        })*
    };
}

flows! {
    a_registration: "3665-2.1-registration.flow",
    the_end_of_a_registration: "3665-2.4-cancellation.flow",
    a_refused_registration: "3665-2.5-refused.flow",
    a_session_of_ours: "3665-3.1-caller.flow",
    a_session_of_theirs: "3665-3.1-callee.flow",
    through_two_proxies: "3665-3.2-caller.flow",
    through_two_proxies_to_us: "3665-3.2-callee.flow",
    through_an_alg: "3665-3.5-caller.flow",
    a_reinvite_of_theirs: "3665-3.7-reinvited.flow",
    a_reinvite_of_ours: "3665-3.7-reinvites.flow",
    no_answer: "3665-3.8-caller.flow",
    no_answer_of_ours: "3665-3.8-callee.flow",
    busy: "3665-3.9-caller.flow",
    busy_ourselves: "3665-3.9-callee.flow",
    no_response: "3665-3.10-caller.flow",
    unavailable: "3665-3.11-caller.flow",
    unavailable_ourselves: "3665-3.11-callee.flow",
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test lists its files")]
fn every_flow_is_run() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flows");
    let files = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap());
    let flows: BTreeSet<String> = files.filter(|name| name.ends_with(".flow")).collect();
    assert_eq!(flows, ALL.iter().map(|name| (*name).to_owned()).collect());
}
