#!/usr/bin/env python3
"""test.py [SUITE...]: runs the suites in order, each under its time budget, and prints a table of counts and times.

Exit 0 only when every suite passed and every suite ran at least one test. The last line is 'N passed, N failed'. What a suite prints also
goes to target/test-logs/SUITE.log. With CI=true nothing may be skipped.
"""
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / "target" / "test-logs"
PYTHON = sys.executable
CI = os.environ.get("CI") == "true"


@dataclass
class Suite:
    name: str
    commands: list          # each a list of words; all must succeed
    minutes: float          # budget; the suite is ended when it is over
    counted: bool = True    # prints test counts; otherwise each command counts as one
    env: dict = field(default_factory=dict)


FULL = ["--workspace", "--features", "sipwright/full"]
SUITES = [
    Suite("deps", [["sh", "scripts/deps.sh", "install"]], 15, counted=False),
    Suite("fmt", [["cargo", "fmt", "--all", "--check"]], 1, counted=False),
    Suite("clippy", [["cargo", "clippy", "-q", *FULL, "--all-targets", "--", "-D", "warnings"]], 15, counted=False),
    Suite("unit", [["cargo", "nextest", "run", "--features", "full", "-E", "not (binary(fuzz_replay) or binary(abi))"]], 25),
    Suite("build", [["make", "--no-print-directory", "all", "lib", "python"]], 20, counted=False),
    Suite("abi", [["make", "--no-print-directory", "test-abi"]], 10),
    Suite("python", [[PYTHON, "bindings/python/run_tests.py"],
                     [PYTHON, "-m", "unittest", "discover", "-v", "-s", "tests/python", "-t", "tests/python"]], 10),
    Suite("interop", [[PYTHON, "-m", "unittest", "discover", "-v", "-s", "tests/interop", "-t", "tests/interop"]], 20),
    Suite("demo", [["make", "--no-print-directory", "demo"]], 10, counted=False),
    Suite("docs", [[PYTHON, "tests/docs.py"]], 10),
    Suite("cost", [[PYTHON, "tests/instructions.py"]], 5),
    Suite("fuzz", [["cargo", "nextest", "run", "--features", "full", "--test", "fuzz_replay"]], 10),
]

# What test runners print at their end -> (passed, failed, skipped).
NEXTEST = re.compile(r"Summary \[[^\]]*\]\s+(?:\d+/)?\d+ tests? run: (\d+) passed(?: \([^)]*\))?"
                     r"(?:, (\d+) failed(?: \([^)]*\))?)?(?:, (\d+) exec failed)?(?:, (\d+) timed out)?")
UNITTEST = re.compile(r"^Ran (\d+) tests? in ", re.M)
OUTCOME = re.compile(r"^FAILED \(([^)]*)\)|^OK(?: \(([^)]*)\))?$", re.M)
PLAIN = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)


def count(text: str) -> tuple[int, int, int]:
    """Adds up what every known closing line in the text says."""
    passed = failed = skipped = 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    for m in NEXTEST.finditer(text):
        passed += int(m[1])
        failed += sum(int(n or 0) for n in m.groups()[1:])
        # nextest counts what a filter leaves out as skipped, so its figure says nothing about tests that could not run
    for m in PLAIN.finditer(text):
        passed, failed, skipped = passed + int(m[1]), failed + int(m[2]), skipped + int(m[3] or 0)
    outcomes = list(OUTCOME.finditer(text))
    for ran, m in zip(UNITTEST.finditer(text), outcomes):
        words = dict(p.split("=") for p in re.findall(r"[\w ]+=\d+", m[1] or m[2] or ""))
        number = {k.strip(): int(v) for k, v in words.items()}
        bad = number.get("failures", 0) + number.get("errors", 0) + number.get("unexpected successes", 0)
        left = number.get("skipped", 0)
        passed, failed, skipped = passed + int(ran[1]) - bad - left, failed + bad, skipped + left
    return passed, failed, skipped


def run(command: list, seconds: float, log, env: dict) -> tuple[int, str]:
    """Runs one command, showing and keeping what it prints; ends its whole process group when the time is over."""
    log.write(f"$ {' '.join(command)}\n")
    print(f"\033[1m$ {' '.join(command)}\033[0m" if sys.stdout.isatty() else f"$ {' '.join(command)}", flush=True)
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, errors="replace", start_new_session=True, env={**os.environ, **env})

    def end() -> None:
        print(f"out of time after {seconds:.0f} s", flush=True)
        for sig in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(child.pid, sig)
            except ProcessLookupError:
                return
            time.sleep(2)

    timer = threading.Timer(seconds, end)
    timer.start()
    text = []
    try:
        for line in child.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            log.write(line)
            text.append(line)
        return child.wait(), "".join(text)
    finally:
        timer.cancel()


def main(names: list[str]) -> int:
    known = {s.name: s for s in SUITES}
    unknown = [n for n in names if n not in known]
    if unknown:
        print(f"no such suite: {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    chosen = [known[n] for n in names] if names else SUITES
    LOGS.mkdir(parents=True, exist_ok=True)
    rows = []
    for suite in chosen:
        start = time.monotonic()
        passed = failed = skipped = 0
        note = ""
        print(f"\n== {suite.name}", flush=True)
        with open(LOGS / f"{suite.name}.log", "w", encoding="utf-8") as log:
            for command in suite.commands:
                left = suite.minutes * 60 - (time.monotonic() - start)
                try:
                    code, text = run(command, max(left, 1), log, suite.env)
                except FileNotFoundError as error:
                    code, text = 127, str(error)
                    print(text, flush=True)
                p, f, s = count(text) if suite.counted else (int(code == 0), int(code != 0), 0)
                if code != 0 and f == 0:
                    f, note = 1, f"exit {code}"
                passed, failed, skipped = passed + p, failed + f, skipped + s
                if code != 0:
                    break
        if passed + failed == 0:
            failed, note = 1, "ran no test"
        if skipped and CI:
            failed, note = failed + skipped, "skipped in CI"
        rows.append((suite.name, passed, failed, skipped, time.monotonic() - start, note))
        if failed and suite.name in ("deps", "build"):
            break   # nothing after it can mean anything
    print(f"\n{'suite':<10}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>9}")
    for name, passed, failed, skipped, seconds, note in rows:
        print(f"{name:<10}{passed:>8}{failed:>8}{skipped:>9}{seconds:>9.1f}  {note}".rstrip())
    good, bad = sum(r[1] for r in rows), sum(r[2] for r in rows)
    print(f"total {sum(r[4] for r in rows):.0f} s; what each suite printed is in {LOGS.relative_to(ROOT)}/")
    print(f"{good} passed, {bad} failed", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
