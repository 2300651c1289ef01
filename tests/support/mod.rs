//! Reading this crate's own source: files, and a lexer that knows comments, strings and lifetimes.
#![allow(dead_code)]

use std::path::{Path, PathBuf};

/// The root of the project.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every `.rs` file below `dir` (relative to the root), as relative paths in order.
pub fn rust_files(dir: &str) -> Vec<PathBuf> {
    fn walk(dir: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display())) {
            let path = entry.expect("a directory entry").path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path.strip_prefix(root()).expect("below the root").to_path_buf());
            }
        }
    }
    let mut out = Vec::new();
    if root().join(dir).is_dir() {
        walk(&root().join(dir), &mut out);
    }
    out.sort();
    out
}

/// The text of a file of the project.
pub fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A piece of Rust source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// An identifier, keyword or number.
    Word(String),
    /// A punctuation character; `::` comes as `PathSep`.
    Punct(char),
    /// `::`
    PathSep,
    /// The content of a string literal.
    Text(String),
}

impl Token {
    /// Whether this is that word.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(w) if w == word)
    }
}

/// Splits source into tokens with their line numbers. Comments and lifetimes are dropped.
pub fn lex(source: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = source.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut out, mut i, mut line) = (Vec::new(), 0, 1);
    while i < chars.len() {
        let c = chars[i];
        let start = line;
        match c {
            '\n' => {
                line += 1;
                i += 1;
            }
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && chars[i] != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                while i < chars.len() {
                    match (chars[i], at(i + 1)) {
                        ('/', '*') => {
                            depth += 1;
                            i += 2;
                        }
                        ('*', '/') => {
                            depth -= 1;
                            i += 2;
                            if depth == 0 {
                                break;
                            }
                        }
                        (c, _) => {
                            line += usize::from(c == '\n');
                            i += 1;
                        }
                    }
                }
            }
            '"' => {
                let mut text = String::new();
                i += 1;
                while i < chars.len() && chars[i] != '"' {
                    if chars[i] == '\\' {
                        text.push(chars[i]);
                        i += 1;
                    }
                    line += usize::from(at(i) == '\n');
                    text.push(at(i));
                    i += 1;
                }
                i += 1;
                out.push((start, Token::Text(text)));
            }
            '\'' if at(i + 1) == '\\' => {
                i += 3;
                while i < chars.len() && chars[i] != '\'' {
                    i += 1;
                }
                i += 1;
            }
            '\'' if at(i + 2) == '\'' => i += 3,
            '\'' => {
                i += 1;
                while word(at(i)) {
                    i += 1;
                }
            }
            ':' if at(i + 1) == ':' => {
                out.push((start, Token::PathSep));
                i += 2;
            }
            c if word(c) => {
                let begin = i;
                while word(at(i)) {
                    i += 1;
                }
                let text: String = chars[begin..i].iter().collect();
                let raw = matches!(text.as_str(), "r" | "br" | "cr");
                let hashes = chars[i..].iter().take_while(|c| **c == '#').count();
                if raw && at(i + hashes) == '"' {
                    i += hashes + 1;
                    let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
                    let rest: String = chars[i..].iter().collect();
                    let stop = rest.find(&end).unwrap_or(rest.len());
                    line += rest[..stop].matches('\n').count();
                    i += rest[..stop].chars().count() + end.len();
                    out.push((start, Token::Text(rest[..stop].to_string())));
                } else {
                    out.push((start, Token::Word(text)));
                }
            }
            c if c.is_whitespace() => i += 1,
            c => {
                out.push((start, Token::Punct(c)));
                i += 1;
            }
        }
    }
    out
}
