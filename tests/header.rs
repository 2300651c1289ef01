//! Invariant 11: the header is the code. Generates `include/sipwright.h` from `src/ffi` and compares; `UPDATE=1` writes it.

mod support;

use std::collections::BTreeSet;
use std::sync::OnceLock;

/// The files that make the header, in the order in which a reader wants them.
const SOURCES: [&str; 14] = [
    "error",
    "config",
    "event",
    "engine",
    "account",
    "call",
    "media",
    "stats",
    "request",
    "config_sip",
    "config_defence",
    "config_tls",
    "config_dns",
    "config_auth",
];

/// What cbindgen cannot say: version, and macros over sized functions (rule 8).
fn macros() -> String {
    let version = ["MAJOR", "MINOR", "PATCH"];
    let number = [env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"), env!("CARGO_PKG_VERSION_PATCH")];
    let mut text = String::from("\n/* Version of this header; sipw_version() gives that of the library loaded. */\n");
    for (name, number) in version.iter().zip(number) {
        text += &format!("#define SIPW_VERSION_{name} {number}\n");
    }
    text +=
        "#define SIPW_VERSION_NUM ((SIPW_VERSION_MAJOR << 16) | (SIPW_VERSION_MINOR << 8) | SIPW_VERSION_PATCH)\n\n";
    text += "/* Each struct knows how long it is, so that a newer library never touches what an older program does not have. */\n";
    for name in [
        "config",
        "account_options",
        "call_options",
        "record_options",
        "request_options",
        "sip_config",
        "defence_config",
        "tls_config",
        "dns_config",
        "auth_config",
    ] {
        text += &format!("#define sipw_{name}_init(s) sipw_{name}_init_sized((s), sizeof *(s))\n");
    }
    text += "#define sipw_engine_counters(eng, out) sipw_engine_counters_sized((eng), (out), sizeof *(out))\n";
    text += "#define sipw_engine_stats(eng, out) sipw_engine_stats_sized((eng), (out), sizeof *(out))\n";
    text + "#define sipw_call_quality(eng, call, out) sipw_call_quality_sized((eng), (call), (out), sizeof *(out))"
}

fn generate() -> String {
    let mut config = cbindgen::Config::from_file(support::root().join("cbindgen.toml")).expect("cbindgen.toml");
    config.after_includes = Some(macros());
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        builder = builder.with_src(support::root().join(format!("src/ffi/{source}.rs")));
    }
    let mut bytes = Vec::new();
    builder.generate().expect("cbindgen reads src/ffi").write(&mut bytes);
    let text = String::from_utf8(bytes).expect("a header in UTF-8");
    compact(&text.replace("#endif // __cplusplus", "#endif"))
}

/// Puts doc comments of one line on one line, and drops white space at line ends.
fn compact(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let mut out = String::new();
    let mut i = 0;
    while let Some(line) = lines.get(i) {
        match lines.get(i..i + 3) {
            Some([open, only, close]) if open.ends_with("/**") && close.trim() == "*/" => {
                out += &format!("{} {} */\n", open, only.trim().trim_start_matches("* ").trim_end_matches(" *"));
                i += 3;
            }
            _ => {
                out += line;
                out.push('\n');
                i += 1;
            }
        }
    }
    out
}

/// The stored header; with `UPDATE=1` it is written first.
fn stored() -> String {
    static ONCE: OnceLock<String> = OnceLock::new();
    let read = || {
        let path = support::root().join("include/sipwright.h");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, generate()).expect("include/ can be written");
        }
        std::fs::read_to_string(&path).expect("include/sipwright.h")
    };
    ONCE.get_or_init(read).clone()
}

#[test]
fn the_header_is_the_code() {
    let (fresh, stored) = (generate(), stored());
    let line = fresh.lines().zip(stored.lines()).position(|(a, b)| a != b).map_or(0, |n| n + 1);
    assert!(
        fresh == stored,
        "include/sipwright.h is stale from line {line} on; run: UPDATE=1 cargo test --test header"
    );
}

#[test]
fn every_exported_function_is_in_the_header_and_documented() {
    let header = stored();
    let mut exported = BTreeSet::new();
    for file in support::rust_files("src/ffi") {
        let source = support::read(&file);
        for (_, after) in source.match_indices("#[unsafe(no_mangle)]").map(|(i, m)| (i, &source[i + m.len()..])) {
            let name = after.split_once("fn ").and_then(|(_, rest)| rest.split_once('(')).expect("a function").0;
            assert!(name.starts_with("sipw_"), "{name} is exported without our prefix");
            exported.insert(name.to_owned());
        }
    }
    assert!(exported.len() > 40, "only {} exported functions found", exported.len());
    for name in exported {
        let declared = header.match_indices(&format!("{name}(")).find_map(|(i, _)| {
            let line = header[..i].rfind('\n').map_or(0, |n| n + 1);
            let before = &header[..line];
            header[line..].chars().next().filter(|c| c.is_ascii_alphabetic()).map(|_| before.trim_end().ends_with("*/"))
        });
        assert_eq!(declared, Some(true), "{name} is not in the header, or without a doc comment");
    }
}

#[test]
fn the_version_macros_are_cargos() {
    let header = stored();
    let of = |name: &str| {
        let line = header.lines().find_map(|l| l.strip_prefix(&format!("#define SIPW_VERSION_{name} ")));
        line.unwrap_or_else(|| panic!("no SIPW_VERSION_{name}")).to_owned()
    };
    let manifest = support::read("Cargo.toml");
    let version =
        manifest.lines().find_map(|l| l.strip_prefix("version = \"")).expect("a version").trim_end_matches('"');
    assert_eq!([of("MAJOR"), of("MINOR"), of("PATCH")].join("."), version);
}
