//! Where the test material lies, and what to do without it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The directory of a set; `None`, with a word on what is left out, when it is not here.
pub fn set(name: &str, messages: usize) -> Option<PathBuf> {
    let root = std::env::var_os("SIPWRIGHT_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{name} is missing: set SIPWRIGHT_CORPUS to the corpus directory"
    );
    eprintln!("left out: {name}, {messages} messages (set SIPWRIGHT_CORPUS to the corpus directory)");
    None
}

/// All files under a directory that `want` accepts, with their bytes, in order.
pub fn files(dir: &Path, want: &dyn Fn(&Path) -> bool) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(&dir).expect("a readable directory") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                dirs.push(path);
            } else if want(&path) {
                let bytes = std::fs::read(&path).expect("a readable file");
                found.push((path, bytes));
            }
        }
    }
    found.sort();
    found
}

/// The members of a zip archive, read with Python's zipfile; `None` where there is no Python (which fails in CI).
pub fn unzip(archive: &Path) -> Option<Vec<Vec<u8>>> {
    const SCRIPT: &str = "import sys, zipfile, struct\nz = zipfile.ZipFile(sys.argv[1])\nfor n in sorted(z.namelist()):\n  d = z.read(n)\n  \
        sys.stdout.buffer.write(struct.pack('>I', len(d)) + d)\n";
    let output = match Command::new("python3").args(["-c", SCRIPT]).arg(archive).output() {
        Ok(output) if output.status.success() => output.stdout,
        other => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "cannot read {}: {other:?}", archive.display());
            eprintln!("left out: {} (python3 is needed to read it)", archive.display());
            return None;
        }
    };
    let mut members = Vec::new();
    let mut rest = output.as_slice();
    while let Some((len, after)) = rest.split_first_chunk::<4>() {
        let (member, after) = after.split_at(u32::from_be_bytes(*len) as usize);
        members.push(member.to_vec());
        rest = after;
    }
    Some(members)
}
