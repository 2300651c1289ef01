//! Class A, parsers and printers: every file of the corpus goes through all that reads bytes of a peer, and what was read prints. Nothing
//! panics; no value leaves its line; no body has more parts than its bound.

use sipwright::base::limits;
use sipwright::message::{Message, Typed, check, describe, frame};
use std::path::{Path, PathBuf};

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files(&path, out) } else { out.push(path) }
    }
}

fn read_all(bytes: &[u8]) {
    let _ = (frame::next(bytes), describe(bytes));
    let Ok(message) = Message::parse(bytes) else { return };
    let _ = (check::request(&message).is_ok(), check::response(&message).is_ok());
    for header in message.headers() {
        let Ok(text) = std::str::from_utf8(header.value) else { continue };
        for value in Typed::parse_all(header.name, text).flatten() {
            let printed = value.to_string();
            assert!(!printed.contains(['\r', '\n', '\0']), "{}: {printed:?}", header.name);
        }
    }
    assert!(message.parts().flatten().count() <= limits::BODY_PARTS);
    let mut out = Vec::new();
    message.write(&mut out);
    assert!(out.len() <= 2 * message.raw().len() + 64 * limits::HEADER_FIELDS, "printed far beyond what came");
}

#[test]
fn class_a_the_whole_corpus_is_read_and_printed() {
    let root = std::env::var_os("SIPWRIGHT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let sets = ["rfc4475-torture", "rfc5118-ipv6-torture", "rfc-examples", "sip-from-pcaps", "fuzz-seeds"];
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus"), &mut all);
    assert!(all.len() > 100);
    if root.is_dir() {
        for set in sets {
            let before = all.len();
            files(&root.join(set), &mut all);
            assert!(all.len() > before, "{set} is empty");
        }
        assert!(all.len() > 2000, "{}", all.len());
    } else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "the corpus is missing: set SIPWRIGHT_CORPUS");
        eprintln!("left out: {} (set SIPWRIGHT_CORPUS to the corpus directory)", sets.join(", "));
    }
    for path in &all {
        let bytes = std::fs::read(path).expect("a readable file");
        if let Err(panic) = std::panic::catch_unwind(|| read_all(&bytes)) {
            eprintln!("{}", path.display());
            std::panic::resume_unwind(panic);
        }
    }
    eprintln!("{} files", all.len());
}
