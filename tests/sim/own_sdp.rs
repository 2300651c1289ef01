//! Calls in which the application writes the SDP itself.

use crate::support::{Pair, seconds};
use bytes::Bytes;
use sipwright::agent::io::{CallOptions, Command, EventKind};
use sipwright::base::Duration;
use sipwright::sim::Conditions;

const OWN: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\na=x-own\r\n";

#[test]
fn every_offer_of_the_peer_is_answered_with_it() {
    let mut p = Pair::new(1, Conditions::GOOD, (1, 1));
    let options = CallOptions { sdp: Some(Bytes::from_static(OWN)), ..CallOptions::default() };
    let ours = p.world.dial_in(Duration::ZERO, p.a, p.alice, "sip:bob@192.0.2.2", options);
    let theirs = p.incoming();
    p.answer(theirs);
    p.answered(p.a);
    p.world.run(seconds(1));
    for hold in [true, false, true] {
        p.world.command(p.b, Command::Hold { call: theirs, hold });
        let done = p.wait(p.b, |e| match e.kind {
            EventKind::CallHoldDone { held, ok } => Some((held, ok)),
            _ => None,
        });
        assert_eq!(done, (hold, true));
        p.world.run(seconds(1));
    }
    p.hangup(p.a, ours);
    assert_eq!(p.ended(p.b).status, 200);
    p.all_is_gone();
}
