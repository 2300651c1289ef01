//! SIP as products sent it, PROTOS, and the seeds of other projects' fuzzers: no panic, and what real products sent is understood.

use super::{corpus, exercise};
use sipwright::message::{Message, check};

#[test]
fn captured_messages_of_real_products() {
    let Some(set) = corpus::set("sip-from-pcaps", 221) else { return };
    let messages = corpus::files(&set, &|path| path.extension().is_some_and(|e| e == "sip"));
    assert_eq!(messages.len(), 221);
    let mut refused = Vec::new();
    for (path, bytes) in &messages {
        exercise(bytes);
        let name = path.file_name().unwrap().to_str().unwrap();
        let checked = Message::parse(bytes).map_err(|error| error.to_string()).and_then(|message| {
            let checked = match message.is_request() {
                true => check::request(&message).map(|_| ()),
                false => check::response(&message).map(|_| ()),
            };
            checked.map_err(|rejection| rejection.to_string())
        });
        refused.extend(checked.err().map(|why| format!("{name}: {why}")));
    }
    // One cut off by its capture; the others testers made: a second To, Content-Lengths that are no numbers, a REGISTER of nothing but
    // Expires.
    let why = [
        "0131.sip: A header line",
        "0183.sip: Several To",
        "0448.sip: Content-Length",
        "0449.sip: Content-Length",
        "0450.sip: Missing Via",
    ];
    assert_eq!(refused.len(), why.len(), "{refused:#?}");
    assert!(refused.iter().zip(why).all(|(got, want)| got.starts_with(want)), "{refused:#?}");
}

#[test]
fn protos_and_other_fuzzers_seeds_cause_no_panic() {
    let mut count = 0;
    if let Some(set) = corpus::set("protos-c07-sip", 2264) {
        for archive in ["expanded-first-pdu.zip", "testcases-raw.zip"] {
            let cases = corpus::unzip(&set.join(archive)).unwrap_or_default();
            cases.iter().for_each(|case| exercise(case));
            count += cases.len();
        }
    }
    if let Some(set) = corpus::set("fuzz-seeds", 60) {
        for dir in ["belle-sip-afl/sip", "profuzzbench-sip", "sipgo/FuzzParseSipMessage"] {
            let seeds = corpus::files(&set.join(dir), &|_| true);
            seeds.iter().for_each(|(_, bytes)| exercise(bytes));
            count += seeds.len();
        }
        for archive in ["fuzz-sip_seed_corpus.zip", "fuzz-sip-dialog_seed_corpus.zip", "fuzz-uri_seed_corpus.zip"] {
            let seeds = corpus::unzip(&set.join("pjsip").join(archive)).unwrap_or_default();
            seeds.iter().for_each(|seed| exercise(seed));
            count += seeds.len();
        }
    }
    eprintln!("{count} messages");
}
