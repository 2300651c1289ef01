#!/usr/bin/env python3
"""demo.py: what `make demo` runs. A C program (examples/c/answer_ivr.c, linked to the shared library) answers and plays a prompt; a Python
program (examples/python/call.py) calls it, records, and presses keys; the C program hears them and hangs up. Then the call flow is drawn, the figures
are printed, and the recording is compared with what was played. Ends with 'demo: ok' and exit code 0.

Needs cargo, make, a C compiler and Python 3.11; fetches nothing but cargo's crates. Everything runs on loopback.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "build" / "demo"
PROMPT = ROOT / "examples" / "audio" / "prompt.wav"
KEYS = "42#"
STEPS = 5
# Lines of the C program that are its own and not part of a SIP message.
SAYS = re.compile(r"listening|call from|answered|playing|prompt|digit|hanging up|digits:|sent \d|ended:|audio|media|answer_ivr:|\w+ failed:")


def fail(text: str) -> None:
    print(f"demo: {text}", file=sys.stderr)
    sys.exit(1)


def step(number: int, text: str) -> None:
    print(f"[{number}/{STEPS}] {text}", flush=True)


def tools() -> None:
    if sys.version_info < (3, 11):
        fail(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}: apt-get install python3")
    for program, remedy in (("cargo", "apt-get install rustup && rustup default stable"), ("make", "apt-get install make"),
                            ("cc", "apt-get install gcc libc6-dev")):
        if not shutil.which(program):
            fail(f"{program} is missing; install it: {remedy}")


def build() -> None:
    for target in ("python", "lib"):
        if subprocess.run(["make", "--no-print-directory", target], cwd=ROOT).returncode:
            fail(f"make {target} failed; what it said is above")
    compiler = [os.environ.get("CC", "cc"), "-Wall", "-Wextra", "-O2", "-Iinclude", "examples/c/answer_ivr.c", "-o", str(OUT / "answer_ivr"),
                "-Ltarget/lib", f"-Wl,-rpath,{ROOT / 'target' / 'lib'}", "-lsipwright"]
    if subprocess.run(compiler, cwd=ROOT).returncode:
        fail("the C program does not compile; what the compiler said is above")


class Answerer:
    """The C program: its lines as they come, the SIP messages among them apart; ended by pid."""

    def __init__(self, port: int):
        self.lines: list[str] = []
        self.wire: list[tuple[float, str, str]] = []
        self.ready = threading.Event()
        self.child = subprocess.Popen([str(OUT / "answer_ivr"), "-t", f"udp://127.0.0.1:{port}", str(PROMPT)], cwd=OUT, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        way = ""
        for line in map(str.rstrip, self.child.stdout):
            if line.startswith("--- "):
                way = line.split()[1]
            elif way:
                self.wire.append((time.monotonic(), way, line))     # the start line; the rest of the message is passed over
                way = ""
            elif SAYS.match(line):
                self.lines.append(line)
                print(f"      C: {line}", flush=True)
            self.ready.set()
        self.ready.set()

    def end(self) -> int:
        try:
            code = self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.terminate()
            code = self.child.wait(5)
        self.reader.join(5)
        return code

    def sent(self) -> int:
        """RTP packets that the C program sent."""
        found = re.search(r"^sent (\d+) packets", "\n".join(self.lines), re.M)
        return int(found[1]) if found else 0


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def call(port: int, recording: Path) -> dict:
    env = {**os.environ, "PYTHONPATH": str(ROOT / "build" / "python")}
    with wave.open(str(PROMPT)) as prompt:
        seconds = prompt.getnframes() / prompt.getframerate() + 0.5
    done = subprocess.run([sys.executable, str(ROOT / "examples" / "python" / "call.py"), f"sip:ivr@127.0.0.1:{port}", str(recording), KEYS,
                           str(seconds)], env=env, capture_output=True, text=True, timeout=60)
    if done.returncode:
        fail(f"the Python program failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def ladder(wire: list[tuple[float, str, str]]) -> list[str]:
    """The call flow as text: who said what when, as the C program saw it."""
    width, out = 34, [f"{'':>10}{'Python':^8}{'':{34}}{'C':^8}"]
    start = wire[0][0] if wire else 0.0
    for at, way, line in wire:
        words = line.split()
        text = " ".join(words[1:]) if words[:1] == ["SIP/2.0"] else words[0] if words else ""
        arrow = f"<{f' {text} ':-^{width - 1}}" if way == "sent" else f"{f' {text} ':-^{width - 1}}>"
        out.append(f"{at - start:8.3f}s {'|':^8}{arrow}{'|':^8}".rstrip())
    return out


def check(recording: Path, sent: int, received: int) -> None:
    command = [sys.executable, str(ROOT / "examples" / "python" / "check_audio.py"), str(PROMPT), str(recording), "--channel", "right",
               "--codec", "PCMU", "--sent", str(sent), "--received", str(received)]
    if subprocess.run(command).returncode:
        fail("the recording is not what was played")


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    step(1, "tools")
    tools()
    step(2, "building the shared library, the Python package and the C program (the first time takes minutes)")
    build()
    step(3, "the C program answers calls")
    port = free_port()
    answerer = Answerer(port)
    try:
        if not answerer.ready.wait(10) or answerer.child.poll() is not None:
            fail("the C program did not start")
        step(4, "the Python program calls it, listens, and presses " + KEYS)
        recording = OUT / "heard.wav"
        recording.unlink(missing_ok=True)
        figures = call(port, recording)
    finally:
        code = answerer.end()
    if code:
        fail(f"the C program ended with {code}")
    print("\n".join(ladder(answerer.wire)))
    step(5, "what came of it")
    print(f"      packets: {figures['received']} received, {figures['lost']} lost ({figures['loss_pct']:.1f} %), {figures['sent']} sent")
    print(f"      jitter {figures['jitter_ms']:.2f} ms, round trip {figures['rtt_ms']:.2f} ms, MOS {figures['mos']:.2f}")
    print(f"      recording: {recording}")
    check(recording, answerer.sent(), figures["received"])
    keys = "".join(re.findall(r"digit (.)", "\n".join(answerer.lines)))
    if keys != KEYS:
        fail(f"the C program heard the keys {keys!r}, not {KEYS!r}")
    print(f"      keys heard by the C program: {keys}")
    print("demo: ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
