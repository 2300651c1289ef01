//! Overload control between two agents: what the server asks for, the client heeds. RFC 7339.

use crate::support::{Pair, seconds};
use sipwright::agent::io::EventKind;
use sipwright::sim::{Conditions, World};

/// A next hop that asks for nothing more for a minute.
#[test]
fn an_overloaded_next_hop_is_heeded() {
    let mut world = World::new(1, Conditions::GOOD);
    let a = world.host("192.0.2.1".parse().unwrap(), 1, |c| c.defence.overload_control = true);
    let b = world.host("192.0.2.2".parse().unwrap(), 1, |_| {});
    let heard = std::rc::Rc::new(std::cell::Cell::new(0));
    let count = heard.clone();
    world.scripted("192.0.2.9".parse().unwrap(), move |bytes, _, _| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        if !text.starts_with("OPTIONS") {
            return Vec::new();
        }
        count.set(count.get() + 1);
        assert!(text.contains(";oc;oc-algo=\"loss,rate\""), "{text}");
        let (_, headers) = text.split_once("\r\n").unwrap();
        let asks = ";oc=100;oc-algo=\"loss\";oc-validity=60000;oc-seq=100.1";
        let answer = headers.replacen(";oc;oc-algo=\"loss,rate\"", asks, 1);
        vec![format!("SIP/2.0 200 OK\r\n{answer}").into_bytes()]
    });
    let mut p = Pair::with(world, a, b);
    let ask = |p: &mut Pair| {
        let alice = p.alice;
        p.world.request(p.a, alice, "OPTIONS", "sip:bob@192.0.2.9", "");
        p.wait(a, |e| match &e.kind {
            EventKind::RequestDone(outcome) => Some((outcome.status, outcome.local)),
            _ => None,
        })
    };
    assert_eq!(ask(&mut p), (200, false));
    assert_eq!(ask(&mut p), (503, true), "the next hop wants nothing");
    assert_eq!(heard.get(), 1);
    p.world.run(seconds(61));
    assert_eq!(ask(&mut p), (200, false), "its word is no longer valid");
    p.all_is_gone();
}
