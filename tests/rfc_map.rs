//! Invariant 8 of ARCHITECTURE.md: each RFC rule has one home. Every row of `docs/rfc.md` names a file that exists and a test that runs.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use support::{Token, lex, read, root, rust_files};

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    line: usize,
    rfc: String,
    rule: String,
    homes: Vec<String>,
    tests: Vec<String>,
}

/// The rows of every table in the text whose head is `| RFC | rule | home | test |`.
fn rows(text: &str) -> Result<Vec<Row>, String> {
    let mut out = Vec::new();
    let mut inside = false;
    for (n, line) in text.lines().enumerate() {
        let Some(cells) = line.strip_prefix('|').and_then(|l| l.trim_end().strip_suffix('|')) else {
            inside = false;
            continue;
        };
        let cells: Vec<&str> = cells.split('|').map(str::trim).collect();
        if cells == ["RFC", "rule", "home", "test"] {
            inside = true;
        } else if inside && !cells.iter().all(|c| c.chars().all(|c| c == '-')) {
            let [rfc, rule, home, test] = cells[..] else { return Err(format!("line {}: not four cells", n + 1)) };
            let coded = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>();
            out.push(Row { line: n + 1, rfc: rfc.into(), rule: rule.into(), homes: coded(home), tests: coded(test) });
        }
    }
    Ok(out)
}

/// Names of the tests that the source holds: functions under `#[test]`, and those inside `proptest!`. Ignored ones do not count.
fn tests_in(source: &str) -> BTreeSet<String> {
    let tokens = lex(source);
    let mut found = BTreeSet::new();
    let (mut armed, mut ignored) = (false, false);
    for i in 0..tokens.len() {
        let after = |word: &str| i >= 1 && tokens[i].1.is(word) && tokens[i - 1].1 == Token::Punct('[');
        if after("test") {
            armed = true;
        } else if after("ignore") {
            ignored = true;
        } else if tokens[i].1.is("fn") {
            if let (true, false, Some((_, Token::Word(name)))) = (armed, ignored, tokens.get(i + 1)) {
                found.insert(name.clone());
            }
            (armed, ignored) = (false, false);
        }
    }
    found
}

/// What is wrong with the table.
fn faults(rows: &[Row], tests: &BTreeSet<String>, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut bad = Vec::new();
    let mut rules: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for row in rows {
        let line = row.line;
        if let Some(before) = rules.insert((&row.rfc, &row.rule), line) {
            bad.push(format!("line {line}: {} {} has a second home; the first is on line {before}", row.rfc, row.rule));
        }
        if row.homes.len() != 1 {
            bad.push(format!("line {line}: a rule has exactly one home, this one {}", row.homes.len()));
        }
        if row.tests.is_empty() {
            bad.push(format!("line {line}: no test"));
        }
        bad.extend(row.homes.iter().filter(|h| !exists(h)).map(|h| format!("line {line}: `{h}` does not exist")));
        // `name` or `path::to::name`: the last part is the function.
        let missing = row.tests.iter().filter(|t| !tests.contains(t.rsplit("::").next().unwrap_or(t)));
        bad.extend(missing.map(|t| format!("line {line}: no test `{t}` runs")));
    }
    bad
}

#[test]
fn every_rule_has_a_home_and_a_test_that_runs() {
    let rows = rows(&read("docs/rfc.md")).expect("docs/rfc.md");
    assert!(!rows.is_empty(), "docs/rfc.md has no table");
    let files = ["src", "tests", "bindings"].into_iter().flat_map(rust_files);
    let tests: BTreeSet<String> = files.flat_map(|f| tests_in(&read(f))).collect();
    let bad = faults(&rows, &tests, |home| root().join(home).is_file());
    assert!(bad.is_empty(), "docs/rfc.md:\n{}", bad.join("\n"));
}

#[test]
fn planted_faults_are_found() {
    let text = "| RFC | rule | home | test |\n|---|---|---|---|\n| 3261 s17 | a | `src/a.rs` | `runs` |\n| 3261 s17 | a | `src/a.rs` | `runs` |\n\
                | 1 | b | `src/no.rs` | `mod::runs` |\n| 2 | c | `src/a.rs` | `gone` |\n| 3 | d | `src/a.rs` `src/b.rs` | `off` |\n| 4 | e | `src/a.rs` |  |\n";
    let table = rows(text).expect("a table");
    assert_eq!(table.len(), 6);
    let tests = tests_in(
        "#[test]\nfn runs() {} fn gone() {} #[test] #[ignore] fn off() {} proptest! { #[test] fn prop(x in 0..1) {} }",
    );
    assert_eq!(tests.iter().map(String::as_str).collect::<Vec<_>>(), ["prop", "runs"]);
    let bad = faults(&table, &tests, |home| home != "src/no.rs");
    assert_eq!(bad.len(), 6, "{bad:#?}");
    assert!(rows("| RFC | rule | home | test |\n| 1 | 2 |\n").is_err());
}
