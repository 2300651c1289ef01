//! Class T: names that lie, loop, flood and fail. RFC 3263, RFC 5452, RFC 1035 s4.1.4; the rest is in `src/resolve/tests.rs`.

use sipwright::agent::io::{AccountConfig, EventKind};
use sipwright::base::Duration;
use sipwright::base::id::AccountId;
use sipwright::engine::dns::server::DnsServer;
use sipwright::engine::{DnsConfig, Engine, EngineConfig, HostsFile};
use sipwright::resolve::zone::Zone;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

struct Rig {
    server: DnsServer,
    uas: Engine,
    uac: Engine,
    account: AccountId,
    port: u16,
}

fn engine(listen: &str, dns: DnsConfig) -> Engine {
    Engine::new(EngineConfig { listen: vec![listen.into()], media_threads: 1, dns, ..EngineConfig::default() }).unwrap()
}

impl Rig {
    fn new(zone: &str) -> Self {
        let uas = engine("udp://127.0.0.1:0", DnsConfig::default());
        let port = uas.listeners()[0].local.port();
        let zone = zone.replace("PORT", &port.to_string());
        let server = DnsServer::start(Zone::parse(&zone).unwrap()).unwrap();
        let dns = DnsConfig {
            servers: vec![server.address()],
            hosts: HostsFile::Nothing,
            timeout: Duration::from_secs(1),
            attempts: 2,
            ..DnsConfig::default()
        };
        let uac = engine("udp://127.0.0.1:0", dns);
        let account = uac.add_account(AccountConfig::default(), 0).unwrap();
        Rig { server, uas, uac, account, port }
    }

    /// OPTIONS to a target: the status, and the reason.
    fn options(&self, target: &str) -> (u16, String) {
        self.uac.request(self.account, "OPTIONS", target, "", b"", Vec::new(), 0).unwrap();
        loop {
            let delivered = self.uac.wait_event(LONG).expect("the request ends");
            if let EventKind::RequestDone(outcome) = delivered.event.kind {
                return (outcome.status, outcome.reason);
            }
        }
    }

    fn end(self) {
        self.uac.shutdown(Duration::ZERO).unwrap();
        self.uas.shutdown(Duration::ZERO).unwrap();
    }
}

#[test]
fn naptr_srv_and_addresses_of_a_real_name_server_lead_to_the_server() {
    let rig = Rig::new(
        "example.com NAPTR 1 1 s SIP+D2U \"\" _sip._udp.example.com
         _sip._udp.example.com SRV 1 1 PORT www.example.com
         www.example.com CNAME a.example.com
         a.example.com A 127.0.0.1",
    );
    assert_eq!(rig.options("sip:x@example.com").0, 200);
    let asked = rig.server.asked();
    assert!(asked.contains(&"NAPTR example.com".to_owned()), "{asked:?}");
    // The second time the cache knows it all.
    assert_eq!(rig.options("sip:y@example.com").0, 200);
    assert_eq!(rig.server.asked(), asked);
    rig.end();
}

#[test]
fn forged_and_foreign_answers_are_ignored() {
    let rig = Rig::new(
        "forge.example FAULT forge\nforge.example A 127.0.0.1\nother.example FAULT othername\nother.example A 127.0.0.1",
    );
    for host in ["forge.example", "other.example"] {
        let (status, reason) = rig.options(&format!("sip:x@{host}:{}", rig.port));
        assert!(!reason.contains("192.0.2.66"), "{reason}");
        // A resolver may take no second answer after a false one; it never takes the false one.
        assert!(status == 200 || reason.contains("cannot resolve"), "{host}: {status} {reason}");
    }
    rig.end();
}

#[test]
fn compression_loops_garbage_and_failures_end_in_an_error_that_names_the_name() {
    let rig = Rig::new(
        "loop.example FAULT loop\ngarbage.example FAULT garbage\nfail.example FAULT servfail\nrefused.example FAULT refused\nslow.example FAULT timeout",
    );
    for host in ["loop.example", "garbage.example", "fail.example", "refused.example", "slow.example", "none.example"] {
        let (status, reason) = rig.options(&format!("sip:x@{host}:5060"));
        assert_eq!(status, 503, "{host}: {reason}");
        assert!(reason.contains(host), "{host}: {reason}");
    }
    rig.end();
}

#[test]
fn a_truncated_answer_and_a_thousand_srv_records_come_over_tcp_and_are_bounded() {
    let mut zone = String::from("cut.example FAULT truncate\ncut.example A 127.0.0.1\na.example A 127.0.0.1\n");
    for n in 0..1000 {
        zone += &format!("_sip._udp.many.example SRV {n} 1 PORT a.example\n");
    }
    let rig = Rig::new(&zone);
    assert_eq!(rig.options(&format!("sip:x@cut.example:{}", rig.port)).0, 200);
    assert!(rig.server.over_tcp() > 0);
    assert_eq!(rig.options("sip:x@many.example;transport=udp").0, 200);
    rig.end();
}

#[test]
fn a_ttl_of_0_is_asked_for_again_and_a_failure_is_not_the_end() {
    let rig = Rig::new("zero.example 0 A 127.0.0.1\nback.example FAULT servfail");
    let count = |rig: &Rig, what: &str| rig.server.asked().iter().filter(|q| *q == what).count();
    let zero = format!("sip:x@zero.example:{}", rig.port);
    assert_eq!((rig.options(&zero).0, rig.options(&zero).0), (200, 200));
    assert_eq!(count(&rig, "A zero.example"), 2);
    let back = format!("sip:x@back.example:{}", rig.port);
    assert_eq!(rig.options(&back).0, 503);
    rig.server.change(Zone::parse("back.example A 127.0.0.1").unwrap());
    // A failure is remembered for a second: ask until the name server is asked again.
    let mut tries = 0;
    while rig.options(&back).0 != 200 {
        tries += 1;
        assert!(tries < 1_000_000, "it never recovers");
    }
    rig.end();
}
