//! Every SIP message printed in an RFC. Many are no whole messages: lines are left out as `...`, Content-Length is not filled in, a long
//! URI is broken. Those must still be indexed and printed; the others must pass `check`.

use super::{corpus, exercise, prints_to_itself};
use sipwright::message::{Message, check};

#[test]
fn messages_printed_in_rfcs_parse_and_print_to_themselves() {
    let Some(set) = corpus::set("rfc-examples", 1327) else { return };
    let messages = corpus::files(&set, &|path| path.extension().is_some_and(|e| e == "sip"));
    assert_eq!(messages.len(), 1327);
    let (mut refused, mut unread) = (Vec::new(), Vec::new());
    for (path, bytes) in &messages {
        exercise(bytes);
        let name = path.strip_prefix(&set).unwrap().display().to_string();
        match Message::parse(bytes) {
            Ok(message) => {
                prints_to_itself(&message);
                let checked = match message.is_request() {
                    true => check::request(&message).map(|_| ()),
                    false => check::response(&message).map(|_| ()),
                };
                refused.extend(checked.err().map(|rejection| format!("{name}: {rejection}")));
            }
            Err(error) => unread.push(format!("{name}: {error}")),
        }
    }
    assert!(unread.is_empty(), "{unread:#?}");
    let of = |what: &str| refused.iter().filter(|line| line.contains(what)).count();
    let elided =
        [of("A header line without name"), of("Content-Length is not a number"), of("Content-Length is larger")];
    // What is left are faults of the RFCs' printers: Request-URIs without scheme (RFC 3327, 3666), CSeq of another method (RFC 5806),
    // URIs broken by white space, and the invalid message of RFC 5118.
    let faulty = [
        of("has no scheme"),
        of("CSeq method"),
        of("white space"),
        of("sent-by"),
        of("port is not"),
        of("Missing From"),
        of("Bad Route: unexpected"),
        of("no >"),
    ];
    eprintln!("{} taken, {elided:?} elided, {faulty:?} misprinted", messages.len() - refused.len());
    assert_eq!((messages.len() - refused.len(), faulty), (843, [12, 7, 7, 3, 1, 1, 1, 1]), "{refused:#?}");
    assert_eq!(elided.iter().sum::<usize>() + faulty.iter().sum::<usize>(), refused.len(), "{refused:#?}");
}
