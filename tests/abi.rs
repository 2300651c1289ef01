//! The C ABI as C and C++ programs see it: the library that `make lib` built, its symbols, its header, and programs run against it.
//! `make test-abi` runs these; SIPWRIGHT_LIB names the directory of the libraries.

#![allow(clippy::disallowed_methods, reason = "a test of programs opens files")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const STRICT: [&str; 4] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

fn lib() -> PathBuf {
    let dir = std::env::var_os("SIPWRIGHT_LIB").map_or_else(|| support::root().join("target/lib"), PathBuf::from);
    assert!(dir.join("libsipwright.so.0").exists(), "no library in {}; run: make test-abi", dir.display());
    dir
}

/// A fresh directory of one test.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("abi-{name}"));
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a scratch directory");
    dir
}

fn run(command: &mut Command) -> Output {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    output.unwrap_or_else(|e| {
        panic!("{program}: {e}; install it: apt-get install gcc g++ clang valgrind cmake pkg-config binutils")
    })
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// Compiles `source` (below the root) with the header and links it with the shared library.
fn build(compiler: &str, flags: &[&str], source: &str, out: &Path) -> PathBuf {
    let program = out.join(Path::new(source).file_name().expect("a file").to_string_lossy().replace('.', "_"));
    let mut command = Command::new(compiler);
    command.args(STRICT).args(flags).arg("-o").arg(&program).arg(support::root().join(source));
    command.arg("-I").arg(support::root().join("include")).arg("-L").arg(lib());
    command.arg(format!("-Wl,-rpath,{}", lib().display())).args(["-lsipwright", "-lpthread"]);
    succeed(&mut command);
    program
}

/// Names that the header declares as functions.
fn declared() -> BTreeSet<String> {
    let header = support::read("include/sipwright.h");
    let name = |line: &str| {
        let before = line.split_once('(')?.0;
        let name = before.rsplit([' ', '*']).next()?;
        (line.starts_with(|c: char| c.is_ascii_lowercase()) && name.starts_with("sipw_")).then(|| name.to_owned())
    };
    header.lines().filter_map(name).collect()
}

#[test]
fn exactly_the_functions_of_the_header_are_exported_under_one_version() {
    let listing = succeed(
        Command::new("nm")
            .args(["-D", "--defined-only", "--with-symbol-versions"])
            .arg(lib().join("libsipwright.so.0")),
    );
    let exported: BTreeSet<String> =
        listing.lines().filter_map(|l| l.split_whitespace().last()).map(str::to_owned).collect();
    let mut wanted: BTreeSet<String> = declared().iter().map(|name| format!("{name}@@SIPW_0")).collect();
    assert!(wanted.len() > 40, "only {} functions in the header", wanted.len());
    wanted.insert("SIPW_0".into());
    let exported: BTreeSet<String> = exported.into_iter().map(|s| s.replace("SIPW_0@@SIPW_0", "SIPW_0")).collect();
    assert_eq!(exported, wanted);
    let dynamic = succeed(Command::new("readelf").args(["-d", "-W"]).arg(lib().join("libsipwright.so.0")));
    assert!(dynamic.contains("[libsipwright.so.0]"), "{dynamic}");
}

#[test]
fn the_static_library_has_them_too() {
    let listing = succeed(Command::new("nm").args(["-g", "--defined-only"]).arg(lib().join("libsipwright.a")));
    let defined: BTreeSet<&str> = listing.lines().filter_map(|l| l.split_whitespace().last()).collect();
    for name in declared() {
        assert!(defined.contains(name.as_str()), "{name} is not in libsipwright.a");
    }
}

#[test]
fn the_header_compiles_alone_in_every_language_it_claims() {
    let dir = scratch("alone");
    for header in ["sipwright.h", "sipwright.hpp"] {
        let cpp = header.ends_with("hpp");
        let source = dir.join(if cpp { "alone_hpp.cpp" } else { "alone.c" });
        std::fs::write(&source, format!("#include <{header}>\nint alone(void);\nint alone(void) {{ return 0; }}\n"))
            .expect("a source");
        let languages: &[(&str, &str)] = if cpp {
            &[("c++", "c++17"), ("c++", "c++20")]
        } else {
            &[("c", "c99"), ("c", "c11"), ("c", "c2x"), ("c++", "c++17")]
        };
        for compiler in ["gcc", "clang"] {
            for (language, standard) in languages {
                let mut command = Command::new(compiler);
                command
                    .args(STRICT)
                    .args(["-Wconversion", "-Wundef", "-x", language, "-c", "-o"])
                    .arg(dir.join("alone.o"));
                command.arg(format!("-std={standard}")).arg("-I").arg(support::root().join("include")).arg(&source);
                succeed(&mut command);
            }
        }
    }
}

#[test]
fn every_function_refuses_misuse_from_everywhere() {
    let source = support::read("tests/abi/misuse.c");
    for name in declared() {
        // Those with a macro in front are called through it.
        let through = name.trim_end_matches("_sized");
        assert!(
            source.contains(&format!("{name}(")) || source.contains(&format!("{through}(")),
            "misuse.c leaves out {name}"
        );
    }
    let dir = scratch("misuse");
    let flags = ["-std=c99", "-Wconversion", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let program = build("gcc", &flags, "tests/abi/misuse.c", &dir);
    let said = succeed(Command::new(program).env("TMPDIR", &dir));
    assert!(said.contains(", 0 failed"), "{said}");
}

#[test]
fn a_program_with_a_shorter_struct_runs() {
    let dir = scratch("short");
    let program = dir.join("short_struct");
    let mut command = Command::new("gcc");
    command.args(STRICT).args(["-std=c99", "-g", "-fsanitize=address,undefined"]).arg("-o").arg(&program);
    command.arg("-I").arg(support::root().join("tests/abi/old")).arg(support::root().join("tests/abi/short_struct.c"));
    command.arg("-L").arg(lib()).arg(format!("-Wl,-rpath,{}", lib().display())).arg("-lsipwright");
    succeed(&mut command);
    assert!(succeed(&mut Command::new(program)).contains("1 passed"));
}

/// One second of 8 kHz tone.
fn prompt(dir: &Path) -> PathBuf {
    let path = dir.join("prompt.wav");
    let samples: Vec<u8> = (0..8000u32)
        .flat_map(|n| {
            (((f64::from(n) * 440.0 * std::f64::consts::TAU / 8000.0).sin() * 8000.0).round() as i16).to_le_bytes()
        })
        .collect();
    let length = samples.len() as u32;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + length).to_le_bytes());
    wav.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    wav.extend(length.to_le_bytes());
    wav.extend(samples);
    std::fs::write(&path, wav).expect("a prompt");
    path
}

/// A running `answer_ivr` and where it listens. Ended when dropped.
struct Ivr {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    target: String,
}

impl Ivr {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().expect("answer_ivr starts");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("answer_ivr speaks");
        let at = line.trim().strip_prefix("listening on udp://").unwrap_or_else(|| panic!("answer_ivr said {line:?}"));
        Ivr { child, out, target: format!("sip:ivr@{at}") }
    }

    /// Waits for its end; what it said.
    fn end(mut self) -> (bool, String) {
        let mut said = String::new();
        self.out.read_to_string(&mut said).expect("answer_ivr speaks");
        let status = self.child.wait().expect("answer_ivr ends");
        (status.success(), said)
    }
}

impl Drop for Ivr {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A program that is ended after so many seconds.
fn limited(seconds: u32, program: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.arg("-k").arg("5").arg(seconds.to_string()).arg(program);
    command
}

/// Runs a command: its exit code, and what it said on both outputs.
fn finish(command: &mut Command) -> (Option<i32>, String) {
    let output = run(command);
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Stereo frames of a recording, and the energy of each side.
fn recording(path: &Path) -> (usize, f64, f64) {
    let mut reader = hound::WavReader::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    assert_eq!(reader.spec().channels, 2, "left us, right them");
    let samples: Vec<f64> = reader.samples::<i16>().map(|s| f64::from(s.expect("a sample"))).collect();
    let energy = |side: usize| samples.iter().skip(side).step_by(2).map(|s| s * s).sum::<f64>().sqrt();
    (samples.len() / 2, energy(0), energy(1))
}

fn calls(name: &str, ivr: &mut Command, caller: &mut Command) {
    let dir = scratch(name);
    let (prompt, theirs, ours) = (prompt(&dir), dir.join("ivr.wav"), dir.join("hello.wav"));
    let ivr = Ivr::start(ivr.arg("udp://127.0.0.1:0").arg(&prompt).arg(&theirs));
    let target = ivr.target.clone();
    let (code, said) =
        finish(caller.args(["sip:alice@127.0.0.1", &target]).arg(&prompt).arg(&ours).env_remove("SIP_PASSWORD"));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("ended: 200"), "{said}");
    let (ok, heard) = ivr.end();
    assert!(ok && heard.contains("audio of the caller arrives") && heard.contains("ended: 200"), "{heard}");
    for file in [&theirs, &ours] {
        let (frames, left, right) = recording(file);
        assert!(frames > 4000 && left > 1000.0 && right > 1000.0, "{}: {frames} {left} {right}", file.display());
    }
}

#[test]
fn the_hello_programs_call_the_ivr_unchanged() {
    let dir = scratch("hello-programs");
    let ivr = build("gcc", &["-std=gnu99", "-O1", "-g"], "examples/c/answer_ivr.c", &dir);
    for (source, compiler, standard) in [
        ("examples/c/hello_cb.c", "gcc", "-std=gnu99"),
        ("examples/c/hello_poll.c", "clang", "-std=c99"),
        ("examples/cpp/hello.cpp", "g++", "-std=c++17"),
    ] {
        let program = build(compiler, &[standard, "-O1", "-g"], source, &dir);
        let name = program.file_name().expect("a name").to_string_lossy().into_owned();
        calls(&name, &mut Command::new(&ivr), &mut limited(30, &program));
    }
}

#[test]
fn valgrind_finds_no_error_and_no_leak_on_either_side_of_a_call() {
    let dir = scratch("valgrind-programs");
    let valgrind = || {
        let mut command = limited(200, Path::new("valgrind"));
        command.args([
            "-q",
            "--error-exitcode=99",
            "--leak-check=full",
            "--show-leak-kinds=definite,indirect,possible",
        ]);
        command.args(["--errors-for-leak-kinds=definite,indirect,possible", "--fair-sched=yes"]);
        command.arg(format!("--suppressions={}", support::root().join("tests/abi/valgrind.supp").display()));
        command
    };
    let ivr = build("gcc", &["-std=gnu99", "-O1", "-g"], "examples/c/answer_ivr.c", &dir);
    let hello = build("gcc", &["-std=c99", "-O1", "-g"], "examples/c/hello_poll.c", &dir);
    calls("valgrind", valgrind().arg(&ivr), valgrind().arg(&hello));
}

#[test]
fn other_examples_build_and_say_what_is_wrong() {
    let dir = scratch("examples");
    let example = |name: &str| build("gcc", &["-std=gnu99", "-O1", "-g"], &format!("examples/c/{name}.c"), &dir);
    build("clang++", &["-std=c++17", "-g"], "examples/cpp/answer_ivr.cpp", &dir);
    let (code, said) = finish(limited(20, &example("message")).args(["sip:a@127.0.0.1", ""]));
    assert!(code == Some(1) && said.contains("the target is empty"), "{code:?} {said}");
    let (code, said) = finish(&mut limited(20, &example("call")));
    assert!(code == Some(2) && said.contains("usage"), "{code:?} {said}");
    let (code, said) = finish(&mut limited(20, &example("register")));
    assert!(code == Some(2) && said.contains("usage"), "{code:?} {said}");
}

#[test]
fn requests_of_any_kind_are_sent_and_answered() {
    let dir = scratch("request");
    let request = build("gcc", &["-std=c99", "-O1", "-g"], "examples/c/request.c", &dir);
    let message = build("gcc", &["-std=gnu99", "-O1", "-g"], "examples/c/message.c", &dir);
    let taking = Ivr::start(limited(60, &request).arg("INFO,SUBSCRIBE,BREW"));
    let target = taking.target.clone();
    for method in ["SUBSCRIBE", "BREW"] {
        let (code, said) = finish(limited(20, &request).args([method, &target, "some words"]));
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with("SIP/2.0 200 OK\r\n") && said.ends_with("\r\n\r\nsome words"), "{said}");
    }
    let (code, said) = finish(limited(20, &request).args(["PUBLISH", &target]));
    assert!(code == Some(1) && said.contains("Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO"), "{said}");
    let (code, said) = finish(limited(20, &request).args(["INVITE", &target]));
    assert!(code == Some(1) && said.contains("use dial"), "{said}");
    let (code, _) = finish(limited(20, &message).args(["sip:example@127.0.0.1", &target, "stop"]));
    assert_eq!(code, Some(0));
    let (good, said) = taking.end();
    assert!(good && said.contains("BREW from sip:example@127.0.0.1: some words"), "{said}");
}

#[test]
fn the_flows_of_rfc_3665_run_against_a_c_program() {
    let dir = scratch("flows");
    let flags = ["-std=c99", "-Wconversion", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    let ua = build("gcc", &flags, "tests/flows/ua.c", &dir);
    let said = succeed(Command::new("python3").arg(support::root().join("tests/flows/peer.py")).arg(ua));
    assert!(said.contains(" passed, 0 failed"), "{said}");
}

#[test]
fn raw_pcm_goes_both_ways_and_keys_are_heard() {
    let dir = scratch("pcm");
    let (ivr, call) = ("examples/c/answer_ivr.c", "examples/c/call.c");
    let [ivr, call] = [ivr, call].map(|source| build("gcc", &["-std=gnu99", "-O1", "-g"], source, &dir));
    let (prompt, theirs) = (prompt(&dir), dir.join("ivr.wav"));
    let ivr = Ivr::start(Command::new(ivr).arg("udp://127.0.0.1:0").arg(&prompt).arg(&theirs));
    // Two seconds of a square wave, 16 kHz.
    let said: Vec<u8> =
        (0..32_000).flat_map(|n| (if n / 20 % 2 == 0 { 6000i16 } else { -6000 }).to_le_bytes()).collect();
    std::fs::write(dir.join("said.raw"), said).expect("a file");
    let mut command = limited(60, &call);
    command.args(["sip:alice@127.0.0.1", &ivr.target, "12,,,,3#", "20"]).env_remove("SIP_PASSWORD");
    command.stdin(std::fs::File::open(dir.join("said.raw")).expect("the file"));
    let output = command.output().expect("timeout runs");
    let progress = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && progress.contains("digits sent"), "{progress}");
    let heard: Vec<f64> = output.stdout.chunks_exact(2).map(|b| f64::from(i16::from_le_bytes([b[0], b[1]]))).collect();
    let energy = heard.iter().map(|s| s * s).sum::<f64>().sqrt();
    assert!(heard.len() > 16_000 && energy > 10_000.0, "{} samples, {energy}", heard.len());
    let (ok, log) = ivr.end();
    assert!(ok && log.contains("digits: 123\n"), "{log}");
    let (frames, left, right) = recording(&theirs);
    assert!(frames > 8000 && left > 1000.0 && right > 1000.0, "{frames} {left} {right}");
}

#[test]
fn a_text_and_a_ping_are_answered() {
    let dir = scratch("message");
    let ivr = build("gcc", &["-std=gnu99", "-O1", "-g"], "examples/c/answer_ivr.c", &dir);
    let message = build("gcc", &["-std=gnu99", "-O1", "-g"], "examples/c/message.c", &dir);
    let peer = Ivr::start(Command::new(ivr).arg("udp://127.0.0.1:0"));
    for text in [&["hello"][..], &[]] {
        let mut command = limited(40, &message);
        command.args(["sip:a@127.0.0.1", &peer.target]).args(text);
        let (code, said) = finish(&mut command);
        assert!(code == Some(0) && said.starts_with("200 "), "{code:?} {said}");
    }
}

#[test]
fn an_installed_package_serves_pkg_config_and_cmake() {
    let dir = scratch("install");
    let (stage, prefix) = (dir.join("stage"), "/opt/sipwright");
    let mut make = Command::new("make");
    make.current_dir(support::root()).args(["--no-print-directory", "install-files"]).arg(format!("PREFIX={prefix}"));
    succeed(make.arg(format!("DESTDIR={}", stage.display())).arg(format!("LIB_OUT={}", lib().display())));
    let root = stage.join("opt/sipwright");
    let (libdir, pkgconfig) = (root.join("lib"), root.join("lib/pkgconfig"));

    // The file names the prefix that was given; --define-prefix moves it to where it lies.
    let stored = std::fs::read_to_string(pkgconfig.join("sipwright.pc")).expect("sipwright.pc");
    assert!(
        stored.contains("libdir=/opt/sipwright/lib\n")
            && stored.contains(concat!("Version: ", env!("CARGO_PKG_VERSION")))
    );
    let mut pc = Command::new("pkg-config");
    pc.env("PKG_CONFIG_PATH", &pkgconfig).env("PKG_CONFIG_SYSROOT_DIR", &stage).args([
        "--cflags",
        "--libs",
        "sipwright",
    ]);
    let flags = succeed(&mut pc);
    let shared = dir.join("hello_cb");
    let mut cc = Command::new("cc");
    cc.arg("-o").arg(&shared).arg(support::root().join("examples/c/hello_cb.c")).args(flags.split_whitespace());
    succeed(&mut cc);
    assert_eq!(run(Command::new(&shared).env("LD_LIBRARY_PATH", &libdir)).status.code(), Some(2), "usage");

    let build_dir = dir.join("cmake");
    let mut configure = Command::new("cmake");
    configure.arg("-S").arg(support::root().join("bindings/cpp")).arg("-B").arg(&build_dir);
    succeed(configure.arg(format!("-DCMAKE_PREFIX_PATH={}", root.display())));
    succeed(Command::new("cmake").arg("--build").arg(&build_dir));
    for program in ["package_test", "package_test_static"] {
        let said = succeed(Command::new(build_dir.join(program)).env("LD_LIBRARY_PATH", &libdir));
        assert!(said.contains(" passed, 0 failed"), "{said}");
    }
}
