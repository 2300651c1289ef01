//! Messages that others made to break parsers: RFC 4475 and RFC 5118 byte for byte with their verdicts, every message printed in an RFC,
//! captures of real products, PROTOS, seeds of other fuzzers. They live outside the project: `SIPWRIGHT_CORPUS` names the place. Where
//! a set is missing, the test says how many messages were left out; with CI=true it fails.

#[path = "torture/captures.rs"]
mod captures;
#[path = "torture/corpus.rs"]
mod corpus;
#[path = "torture/examples.rs"]
mod examples;
#[path = "torture/linear.rs"]
mod linear;
#[path = "torture/rfc4475.rs"]
mod rfc4475;
#[path = "torture/rfc5118.rs"]
mod rfc5118;

use sipwright::message::{Message, check, describe, frame};

/// Everything that is done with bytes from a peer; must not panic. What parses cleanly prints to itself.
fn exercise(bytes: &[u8]) {
    let _ = frame::next(bytes);
    let _ = describe(bytes);
    let Ok(message) = Message::parse(bytes) else { return };
    let _ = (check::request(&message).is_ok(), check::response(&message).is_ok());
    if message.defect().is_none() {
        prints_to_itself(&message);
    }
}

fn prints_to_itself(message: &Message<'_>) {
    let mut printed = Vec::new();
    message.write(&mut printed);
    let again = Message::parse(&printed).expect("what we print parses");
    assert_eq!(&again, message, "{}", String::from_utf8_lossy(&printed));
}
