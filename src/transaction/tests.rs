//! A test per arrow of figures 5 and 7 (RFC 6026 s8.4, s8.6), 6 and 8 (RFC 3261 s17.1.2, s17.2.2), in virtual time.

use super::{Action, OnRequest, OnResponse, TransactionId, Transactions};
use crate::base::map::Seeded;
use crate::base::{Duration, Flow, Instant, Protocol, Timers};
use crate::message::{Message, Method, check};
use bytes::Bytes;

mod arrows;
mod client_invite;
mod client_non_invite;
mod matching;
mod random;
mod rfc4320;
mod server_invite;
mod server_non_invite;

/// A table, a clock, and what was seen: `(milliseconds, what)`.
struct Rig {
    table: Transactions,
    now: Instant,
    out: Vec<Action>,
    flow: Flow,
    seen: Vec<(u64, String)>,
}

fn flow(protocol: Protocol) -> Flow {
    let connection = u64::from(protocol.is_reliable());
    Flow { protocol, local: "192.0.2.1:5060".parse().unwrap(), remote: "192.0.2.9:5060".parse().unwrap(), connection }
}

fn request(method: &str, branch: &str, extra: &str) -> String {
    format!(
        "{method} sip:bob@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch={branch}\r\nMax-Forwards: 70\r\n\
         {extra}From: \"A\" <sip:alice@192.0.2.1>;tag=f\r\nTo: <sip:bob@192.0.2.9>\r\nCall-ID: c1\r\nCSeq: 7 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn response(code: u16, method: &str, branch: &str) -> String {
    format!(
        "SIP/2.0 {code} X\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport=5060;received=192.0.2.1\r\n\
         From: \"A\" <sip:alice@192.0.2.1>;tag=f\r\nTo: <sip:bob@192.0.2.9>;tag=t{code}\r\nCall-ID: c1\r\nCSeq: 7 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

const BRANCH: &str = "z9hG4bKtest";

impl Rig {
    fn new(protocol: Protocol) -> Self {
        let table = Transactions::new(Timers::default(), Seeded::new(1, 2));
        Rig { table, now: Instant::ZERO, out: Vec::new(), flow: flow(protocol), seen: Vec::new() }
    }

    fn ms(&self) -> u64 {
        self.now.as_micros() / 1000
    }

    fn note(&mut self) {
        let ms = self.ms();
        for action in self.out.drain(..) {
            let what = match action {
                Action::Transmit(t) => {
                    assert_eq!(t.flow, self.flow);
                    let message = Message::parse(&t.bytes).unwrap();
                    match message.status() {
                        Some(code) => code.to_string(),
                        None => message.method().unwrap().to_string(),
                    }
                }
                Action::Timeout(_) => "timeout".to_owned(),
                Action::TransportError(_) => "error".to_owned(),
                Action::Terminated(_) => "over".to_owned(),
            };
            self.seen.push((ms, what));
        }
    }

    /// What was seen since the last look.
    fn seen(&mut self) -> Vec<(u64, String)> {
        self.note();
        std::mem::take(&mut self.seen)
    }

    /// Lets time pass, firing each timer at its moment.
    fn until(&mut self, ms: u64) -> Vec<(u64, String)> {
        let end = Instant::from_micros(ms * 1000);
        self.note();
        while let Some(at) = self.table.next_timeout().filter(|at| *at <= end) {
            assert!(at > self.now || self.now == Instant::ZERO, "a timer that does not move");
            self.now = at;
            self.table.handle_timeout(at, &mut self.out);
            self.note();
        }
        self.now = end;
        self.seen()
    }

    fn send(&mut self, method: Method<'_>) -> TransactionId {
        let bytes = Bytes::from(request(method.as_str(), BRANCH, "Route: <sip:p1;lr>\r\nRoute: <sip:p2;lr>\r\n"));
        self.table.new_client(method, bytes, self.flow, self.now, &mut self.out).unwrap()
    }

    fn answered(&mut self, code: u16, method: &str) -> OnResponse {
        let text = response(code, method, BRANCH);
        let message = Message::parse(text.as_bytes()).unwrap();
        self.table.on_response(&check::response(&message).unwrap(), self.now, &mut self.out)
    }

    fn received(&mut self, text: &str) -> OnRequest {
        let message = Message::parse(text.as_bytes()).unwrap();
        self.table.on_request(&check::request(&message).unwrap(), self.flow, self.now, &mut self.out)
    }

    fn serve(&mut self, text: &str, trying: Option<&str>) -> TransactionId {
        assert_eq!(self.received(text), OnRequest::New);
        let message = Message::parse(text.as_bytes()).unwrap();
        let request = check::request(&message).unwrap();
        let trying = trying.map(|text| Bytes::from(text.to_owned()));
        self.table.new_server(&request, self.flow, trying, self.now).unwrap()
    }

    fn respond(&mut self, id: TransactionId, code: u16, method: &str) {
        let bytes = Bytes::from(response(code, method, BRANCH));
        self.table.respond(id, code, bytes, self.now, &mut self.out);
    }

    fn fail(&mut self, id: TransactionId) {
        self.table.transport_error(id, self.now, &mut self.out);
    }
}

fn at(times: &[u64], what: &str) -> Vec<(u64, String)> {
    times.iter().map(|ms| (*ms, what.to_owned())).collect()
}

fn list(seen: &[(u64, &str)]) -> Vec<(u64, String)> {
    seen.iter().map(|(ms, what)| (*ms, (*what).to_owned())).collect()
}

#[test]
fn no_timer_value_makes_a_timer_spin() {
    let timers = Timers { t1: Duration::ZERO, t2: Duration::ZERO, t4: Duration::ZERO };
    let table = Transactions::new(timers, Seeded::default());
    let mut rig = Rig::new(Protocol::Udp);
    rig.table = table;
    rig.send(Method::Options);
    let seen = rig.until(1000);
    assert_eq!(seen.last(), Some(&(64, "over".to_owned())));
}

#[test]
fn what_stays_of_a_finished_call_is_small() {
    // Two client or two server transactions a call, and at most one response of them is kept.
    assert!(std::mem::size_of::<super::table::Slot>() <= 256, "{}", std::mem::size_of::<super::table::Slot>());
}
