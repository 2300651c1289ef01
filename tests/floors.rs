//! Invariants 1, 3 and 5 of ARCHITECTURE.md: a module of `src/` names only floors below its own, the floors below `engine` hold no
//! lock, thread, clock, global or async, and `unsafe` stands in two places only.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use support::{Token, lex, read, root, rust_files};

/// Module name -> floor.
type Floors = BTreeMap<String, u32>;

const ENGINE: u32 = 8;

/// Reads the table that `src/lib.rs` is: `// Floor N` above `pub mod x;` lines.
fn floors(lib: &str) -> Floors {
    let mut table = Floors::new();
    let mut floor = None;
    for line in lib.lines().map(str::trim) {
        if let Some(n) = line.strip_prefix("// Floor ") {
            floor = Some(n.trim().parse().expect("a floor number"));
        } else if let Some(name) = line.strip_prefix("pub mod ").or_else(|| line.strip_prefix("mod ")) {
            let name = name.trim_end_matches(';').to_string();
            let floor = floor.unwrap_or_else(|| panic!("`{name}` stands on no floor in src/lib.rs"));
            assert!(table.insert(name.clone(), floor).is_none(), "`{name}` stands twice in src/lib.rs");
        }
    }
    table
}

/// Module path of a file below `src/`: `src/message/uri.rs` -> `[message, uri]`.
fn module_of(path: &Path) -> Vec<String> {
    let mut parts: Vec<String> =
        path.iter().skip(1).map(|p| p.to_string_lossy().trim_end_matches(".rs").to_string()).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// Every top-level module that the file names, with the line it does so on. `None` stands for the whole crate root.
fn named(path: &Path, source: &str) -> Vec<(usize, Option<String>)> {
    let tokens = lex(source);
    let token = |i: usize| tokens.get(i).map(|t| &t.1);
    let module = module_of(path);
    let mut inline: Vec<(String, usize)> = Vec::new();
    let (mut depth, mut i) = (0usize, 0);
    let mut out = Vec::new();
    while i < tokens.len() {
        let (line, ref now) = tokens[i];
        match now {
            Token::Punct('{') => depth += 1,
            Token::Punct('}') => {
                depth = depth.saturating_sub(1);
                if inline.last().is_some_and(|(_, d)| *d == depth) {
                    inline.pop();
                }
            }
            Token::Word(w) if w == "mod" => {
                if let (Some(Token::Word(name)), Some(Token::Punct('{'))) = (token(i + 1), token(i + 2)) {
                    inline.push((name.clone(), depth));
                }
            }
            Token::Word(w)
                if matches!(w.as_str(), "crate" | "super" | "sipwright")
                    && !(i > 0 && matches!(token(i - 1), Some(Token::PathSep))) =>
            {
                // Where the path starts: the root for `crate`, some module for `super`.
                let mut base: Vec<String> = Vec::new();
                let mut j = i + 1;
                if w == "super" {
                    base = module.iter().cloned().chain(inline.iter().map(|(n, _)| n.clone())).collect();
                    base.pop();
                    while token(j) == Some(&Token::PathSep) && token(j + 1).is_some_and(|t| t.is("super")) {
                        base.pop();
                        j += 2;
                    }
                }
                if token(j) == Some(&Token::PathSep) {
                    if let Some(first) = base.first() {
                        out.push((line, Some(first.clone())));
                    } else {
                        heads(&tokens, j + 1, &mut out);
                    }
                } else if w == "crate" && !in_visibility(&tokens, i)
                    || w == "super" && base.is_empty() && !in_visibility(&tokens, i)
                {
                    out.push((line, None));
                }
                i = j;
                continue;
            }
            _ => {}
        }
        i += 1;
    }
    out
}

/// `pub(crate)`, `pub(super)`: no path, only a reach.
fn in_visibility(tokens: &[(usize, Token)], i: usize) -> bool {
    i >= 2 && tokens[i - 1].1 == Token::Punct('(') && tokens[i - 2].1.is("pub")
}

/// The first names after `crate::`: one, or each of a `{..}` group.
fn heads(tokens: &[(usize, Token)], i: usize, out: &mut Vec<(usize, Option<String>)>) {
    match tokens.get(i) {
        Some((line, Token::Word(name))) => out.push((*line, Some(name.clone()))),
        Some((_, Token::Punct('{'))) => {
            let (mut depth, mut j, mut head) = (1, i + 1, true);
            while depth > 0 && j < tokens.len() {
                let (line, token) = &tokens[j];
                match token {
                    Token::Punct('{') => depth += 1,
                    Token::Punct('}') => depth -= 1,
                    Token::Punct(',') if depth == 1 => head = true,
                    Token::Word(name) if head => {
                        out.push((*line, Some(name.clone())));
                        head = false;
                    }
                    _ => head = false,
                }
                j += 1;
            }
        }
        Some((line, _)) => out.push((*line, None)),
        None => {}
    }
}

/// What is wrong with one file.
fn violations(floors: &Floors, path: &Path, source: &str) -> Vec<String> {
    let shown = path.display();
    let Some(own) = module_of(path).first().cloned() else { return Vec::new() };
    let bin = own == "bin";
    let own_floor = if bin { u32::MAX } else { *floors.get(&own).unwrap_or_else(|| panic!("{shown}: no floor")) };
    let mut bad = Vec::new();
    for (line, name) in named(path, source) {
        match name {
            None if bin => {}
            None => bad.push(format!("{shown}:{line}: names the whole crate; name a floor")),
            Some(name) if name == own => {}
            Some(name) => match floors.get(&name) {
                Some(floor) if *floor < own_floor => {}
                Some(floor) => {
                    bad.push(format!("{shown}:{line}: `{own}` (floor {own_floor}) imports `{name}` (floor {floor})"));
                }
                // Of the program's own crate, or a macro; below the program there is nothing at the root but floors.
                None if bin => {}
                None => bad.push(format!("{shown}:{line}: `crate::{name}` is on no floor")),
            },
        }
    }
    for (line, token) in lex(source) {
        let Token::Word(word) = token else { continue };
        let unsafe_here = path.starts_with("src/ffi") || path == Path::new("src/engine/net/batch.rs");
        if word == "unsafe" && !unsafe_here {
            bad.push(format!("{shown}:{line}: `unsafe` outside ffi/ and engine/net/batch.rs"));
        }
        let outside = matches!(
            word.as_str(),
            "async"
                | "await"
                | "tokio"
                | "Mutex"
                | "RwLock"
                | "Condvar"
                | "thread_local"
                | "OnceLock"
                | "LazyLock"
                | "SystemTime"
                | "UdpSocket"
                | "TcpStream"
                | "TcpListener"
                | "File"
                | "OsRng"
                | "getrandom"
        ) || word.starts_with("Atomic") && path != Path::new("src/base/pii.rs");
        if own_floor < ENGINE && outside {
            bad.push(format!("{shown}:{line}: `{word}` below engine/"));
        }
    }
    bad
}

#[test]
fn every_module_names_only_floors_below_it() {
    let floors = floors(&read("src/lib.rs"));
    assert!(floors.len() >= 20, "src/lib.rs was not understood: {floors:?}");
    let mut bad = Vec::new();
    for path in rust_files("src") {
        bad.extend(violations(&floors, &path, &read(&path)));
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn every_folder_of_src_is_a_floor_and_every_floor_a_folder() {
    let floors = floors(&read("src/lib.rs"));
    for entry in std::fs::read_dir(root().join("src")).expect("src") {
        let path = entry.expect("entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().to_string();
        assert!(
            name == "lib" || name == "bin" || floors.contains_key(&name),
            "src/{name} is on no floor of src/lib.rs"
        );
    }
    for name in floors.keys() {
        assert!(root().join(format!("src/{name}/mod.rs")).is_file(), "src/{name}/mod.rs is missing");
    }
}

#[test]
fn every_floor_but_two_forbids_unsafe_code() {
    let floors = floors(&read("src/lib.rs"));
    let mods = floors.keys().filter(|n| !matches!(n.as_str(), "engine" | "ffi")).map(|n| format!("src/{n}/mod.rs"));
    let bare: Vec<String> = mods
        .chain(["src/bin/sipwright/main.rs".to_string()])
        .filter(|path| !read(path).contains("#![forbid(unsafe_code)]"))
        .collect();
    assert!(bare.is_empty(), "without #![forbid(unsafe_code)]: {bare:?}");
}

#[test]
fn floors_that_read_the_wire_deny_what_panics() {
    let mut bare = Vec::new();
    for name in ["message", "sdp", "rtp", "auth", "transport", "transaction"] {
        let text = read(format!("src/{name}/mod.rs"));
        for lint in ["unwrap_used", "expect_used", "indexing_slicing", "arithmetic_side_effects"] {
            if !text.contains(&format!("clippy::{lint}")) {
                bare.push(format!("src/{name}/mod.rs: clippy::{lint}"));
            }
        }
    }
    assert!(bare.is_empty(), "not denied: {bare:?}");
}

/// The test tested: planted violations are all found, and nothing is found in what is right.
#[test]
fn planted_violations_are_found() {
    let floors: Floors =
        [("base", 0), ("message", 1), ("sdp", 1), ("dialog", 4), ("agent", 7), ("engine", 8), ("ffi", 9)]
            .map(|(n, f)| (n.to_string(), f))
            .into();
    let count = |path: &str, source: &str| violations(&floors, Path::new(path), source).len();
    let planted = [
        ("src/message/uri.rs", "use crate::agent::Agent;"),
        ("src/message/uri.rs", "use crate::{base::text, dialog};"),
        ("src/message/uri.rs", "fn f() -> crate::sdp::Session { todo() }"),
        ("src/message/mod.rs", "use super::dialog::Dialog;"),
        ("src/message/uri.rs", "use super::super::agent;"),
        ("src/message/uri.rs", "mod tests { use super::super::super::agent; }"),
        ("src/message/mod.rs", "use super::{base, agent};"),
        ("src/message/mod.rs", "use crate as everything;"),
        ("src/message/mod.rs", "use crate::*;"),
        ("src/message/mod.rs", "use super::*;"),
        ("src/agent/mod.rs", "use crate::unheard_of;"),
        ("src/dialog/mod.rs", "fn f() { unsafe { g() } }"),
        ("src/engine/net/udp.rs", "fn f() { unsafe { g() } }"),
        ("src/dialog/mod.rs", "use std::sync::Mutex;"),
        ("src/dialog/mod.rs", "async fn f() {}"),
        ("src/dialog/mod.rs", "static N: std::sync::atomic::AtomicU8 = todo();"),
        ("src/engine/mod.rs", "#[cfg(test)] mod tests { use crate::ffi::call; }"),
    ];
    for (path, source) in planted {
        assert_eq!(count(path, source), 1, "{path}: {source}: {:?}", violations(&floors, Path::new(path), source));
    }
    let right = [
        ("src/message/uri.rs", "use crate::base::text; use super::names::Name; pub(crate) fn f() {}"),
        ("src/message/uri.rs", "mod tests { use super::*; use crate::message::Message; }"),
        (
            "src/message/uri.rs",
            "// crate::agent in a comment\n/* super::super::agent */ const A: &str = \"crate::agent\";",
        ),
        ("src/message/uri.rs", "const A: &str = r#\"crate::agent\"#; const B: char = '\"'; const C: char = '\\''; "),
        ("src/message/uri.rs", "fn f<'a>(x: &'a str) -> &'a str { x } pub(in crate::message) fn g() {}"),
        ("src/agent/mod.rs", "use crate::{base::{id, time}, dialog::{self, Dialog}};"),
        ("src/ffi/call.rs", "use crate::engine::Engine; fn f() { unsafe { g() } }"),
        ("src/engine/net/batch.rs", "use std::sync::Mutex; fn f() { unsafe { g() } }"),
        ("src/bin/sipwright/main.rs", "use sipwright::engine::Engine; use crate::ladder; use std::fs::File;"),
    ];
    for (path, source) in right {
        assert_eq!(violations(&floors, Path::new(path), source), Vec::<String>::new(), "{path}: {source}");
    }
}
