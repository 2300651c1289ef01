//! RFC 4475: 49 messages, each with the verdict of its section.

use super::{corpus, exercise, prints_to_itself};
use sipwright::message::{Message, ParseError, check, verdict};

/// What is done with a message.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// Well-formed by the whole grammar.
    WellFormed,
    /// Taken, though the grammar is broken where it does no harm.
    Tolerated,
    /// A request gets this status, a response is dropped.
    Refused(u16),
    /// Not answered: no request.
    Dropped(ParseError),
}

fn outcome(bytes: &[u8]) -> Outcome {
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        Err(error) => return Outcome::Dropped(error),
    };
    let checked = match message.is_request() {
        true => check::request(&message).map(|_| ()),
        false => check::response(&message).map(|_| ()),
    };
    match (checked, verdict(&message)) {
        (Err(rejection), Err(_)) => Outcome::Refused(rejection.status),
        (Err(rejection), Ok(())) => panic!("the grammar is laxer than check: {rejection}"),
        (Ok(()), Err(_)) => Outcome::Tolerated,
        (Ok(()), Ok(())) => Outcome::WellFormed,
    }
}

/// The outcome that the section of a message asks for, or allows.
fn expected(name: &str, group: &str) -> Outcome {
    match (group, name) {
        ("invalid", "baddate") => Outcome::Tolerated,
        ("invalid", "bigcode") => Outcome::Dropped(ParseError::StatusCode),
        ("invalid", "badvers") => Outcome::Refused(505),
        ("invalid", _) => Outcome::Refused(400),
        ("application-layer", "insuf" | "multi01" | "mcl01") => Outcome::Refused(400),
        ("valid" | "transaction-layer" | "application-layer" | "backward-compat", _) => Outcome::WellFormed,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_message_has_the_verdict_of_its_section() {
    let Some(set) = corpus::set("rfc4475-torture", 49) else { return };
    let manifest = std::fs::read(set.join("manifest.json")).unwrap();
    let manifest: Vec<serde_json::Value> = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest.len(), 49);
    let mut wrong = Vec::new();
    for entry in &manifest {
        let text = |key: &str| entry[key].as_str().unwrap();
        let bytes = std::fs::read(set.join(text("file"))).unwrap();
        let (name, want) = (text("name"), expected(text("name"), text("group")));
        let got = outcome(&bytes);
        if got != want {
            let why = Message::parse(&bytes).map(|m| verdict(&m));
            wrong.push(format!("{name} (s{}): {got:?}, not {want:?}: {why:?}", text("section")));
        }
        exercise(&bytes);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn message_named(name: &str) -> Option<Vec<u8>> {
    let set = corpus::set("rfc4475-torture", 1)?;
    Some(std::fs::read(set.join("raw").join(name).with_extension("dat")).unwrap())
}

#[test]
fn the_tortuous_invite_is_understood() {
    let Some(bytes) = message_named("wsinv") else { return };
    let message = Message::parse(&bytes).unwrap();
    let request = check::request(&message).unwrap();
    assert_eq!(request.to.tag(), Some("1918181833n"));
    assert_eq!(request.from.display_name(), "J Rosenberg \\\"");
    assert_eq!(request.max_forwards(), Some(68));
    assert_eq!((request.cseq.number, request.cseq.method.as_str()), (9, "INVITE"));
    let vias: Vec<_> = message.vias().map(Result::unwrap).collect();
    let seen: Vec<_> = vias.iter().map(|via| (via.protocol, via.host, via.branch())).collect();
    let branches = [Some("390skdjuw"), Some("z9hG4bK9ikj8"), Some("z9hG4bK30239")];
    assert_eq!(
        seen,
        [
            ("UDP", "192.0.2.2", branches[0]),
            ("TCP", "spindle.example.com", branches[1]),
            ("UDP", "192.168.255.111", branches[2])
        ]
    );
    let contact = message.contacts().next().unwrap().unwrap();
    assert_eq!(
        (contact.uri, contact.param("newparam"), contact.param("q")),
        ("sip:jdrosen@example.com", Some("newvalue"), Some("0.33"))
    );
    assert_eq!(message.body().len(), 150);
    prints_to_itself(&message);
}

#[test]
fn octets_after_the_content_length_are_left_out() {
    let Some(bytes) = message_named("dblreq") else { return };
    let message = Message::parse(&bytes).unwrap();
    assert_eq!(message.method().map(|m| m.as_str()), Some("REGISTER"));
    assert!(message.body().is_empty() && message.raw().len() < bytes.len());
    // The same two messages on a stream are framed one after the other.
    let sipwright::message::frame::Frame::Message { bytes: first } = sipwright::message::frame::next(&bytes) else {
        panic!()
    };
    assert_eq!(first, message.raw().len());
}
