#!/usr/bin/env python3
"""run.py [parse] [calls] [--quick] [--no-write]: speed beside the peers, in one run, on this machine.

parse   parse, and parse + read five headers + print, per message: sipwright, rsip, rsipstack (benches/peers)
calls   CPU per call as UAS at 500 and 2000 calls/s, and the highest clean rate: sipwright, rsipstack, sipp -sn uas, and the floor
        (an answerer without any stack). The driver is benches/load/sipload.c; server on CPU 0, driver on the last CPU.

A ratio is the result; an absolute time belongs to the machine. Results go to docs/performance.md with machine and date.
Everything is on loopback and bounded; servers are ended by pid.
"""
import datetime
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT / "benches"
BUILD = ROOT / "target" / "bench"
PEERS = BENCH / "peers"
OURS = ROOT / "target" / "release" / "sipwright"
DRIVER = BUILD / "sipload"
RESULT = ROOT / "docs" / "performance.md"
TICK = os.sysconf("SC_CLK_TCK")
LAST_CPU = (os.cpu_count() or 1) - 1


def pin(cpu: int) -> None:
    """In the child: one CPU for itself, and before everything else on the machine where we may (root)."""
    os.sched_setaffinity(0, {cpu})
    try:
        os.nice(-15)
    except PermissionError:
        pass


def build(wanted: list[str]) -> None:
    """What the wanted parts need."""
    BUILD.mkdir(parents=True, exist_ok=True)
    release = ["cargo", "build", "--release", "-q"]
    commands = [[*release, "--manifest-path", str(PEERS / "Cargo.toml"), "--target-dir", str(BUILD / "peers")]]
    if "parse" in wanted:
        commands.append([*release, "--manifest-path", str(BENCH / "parse" / "Cargo.toml"), "--target-dir", str(BUILD / "parse")])
    if "calls" in wanted:
        commands.append([*release, "--workspace", "--features", "sipwright/full"])
        commands.append([os.environ.get("CC", "cc"), "-O2", "-o", str(DRIVER), str(BENCH / "load" / "sipload.c")])
    for command in commands:
        print("$", " ".join(command), flush=True)
        subprocess.run(command, cwd=ROOT, check=True)


def peer(name: str) -> str:
    return str(BUILD / "peers" / "release" / name)


# ---- calls ----

def server_commands(port: int) -> dict[str, list[str]]:
    commands = {
        "floor (no stack)": [str(DRIVER), "uas", str(port)],
        "sipwright": [str(OURS), "answer", "--no-media", "--quiet", "--listen", f"udp://127.0.0.1:{port}"],
        "rsipstack": [peer("uas_rsipstack"), str(port)],
    }
    if shutil.which("sipp"):
        commands["sipp -sn uas"] = ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-buff_size", "4194304",
                                    "-deadcall_wait", "0"]
    else:
        print("sipp is missing and left out: apt-get install sip-tester", file=sys.stderr)
    return commands


def stat(pid: int) -> list[str] | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def cpu_seconds(pid: int) -> float:
    """User and system time of the process. Its threads count, it has no children."""
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICK if fields else 0.0


def rss_kb(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    except OSError:
        return 0


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def one_run(name: str, rate: int, seconds: int) -> dict:
    """Drives one fresh server; what came out, with its CPU per finished call."""
    port = free_port()
    log = open(BUILD / "server.log", "ab")
    server = subprocess.Popen(server_commands(port)[name], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                              env={**os.environ, "TERM": "dumb"}, preexec_fn=lambda: pin(0))
    try:
        time.sleep(0.7)     # the benchmark's own warm-up, not a test
        if server.poll() is not None:
            raise SystemExit(f"{name} did not start; see {BUILD / 'server.log'}")
        start, memory = cpu_seconds(server.pid), rss_kb(server.pid)
        out = subprocess.run([str(DRIVER), "uac", str(free_port()), str(port), "s", str(rate), str(seconds)], capture_output=True,
                             text=True, timeout=seconds + 60, preexec_fn=lambda: pin(LAST_CPU)).stdout
        used, grown = cpu_seconds(server.pid) - start, rss_kb(server.pid) - memory
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(4)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        log.close()
    number = {k: float(v) for k, v in re.findall(r"(\w+) ([\d.]+)(?= |$)", out)}
    ok = int(number["ok"])
    return {"n": int(number["n"]), "ok": ok, "failed": int(number["failed"]), "retrans": int(number["retrans"]), "p99": number["p99"],
            "elapsed": number["elapsed"], "us": used * 1e6 / max(ok, 1), "kb_left": grown / max(ok, 1)}


def clean(run: dict, seconds: int) -> bool:
    return run["ok"] == run["n"] and run["failed"] == 0 and run["retrans"] == 0 and run["elapsed"] < seconds + 1


def max_clean(name: str, seconds: int, start: int, step: float) -> tuple[int, dict | None]:
    """The highest rate of a rising series that came out clean; one second try per rate, the machine is not quiet."""
    best, kept, rate = 0, None, float(start)
    while rate < 80_000:
        run = next((r for r in (one_run(name, int(rate), seconds) for _ in range(2)) if clean(r, seconds)), None)
        print(f"  {name}: {rate:.0f} calls/s {'clean' if run else 'not clean'}", flush=True)
        if not run:
            break
        best, kept, rate = int(rate), run, rate * step
    return best, kept


def calls(quick: bool) -> list[str]:
    seconds, repeats = (2, 1) if quick else (5, 3)
    names = list(server_commands(0))
    rows: dict[str, dict] = {n: {} for n in names}
    for rate in (500, 2000):
        runs: dict[str, list] = {n: [] for n in names}
        for _ in range(repeats):        # round robin: what disturbs the machine disturbs all
            for name in names:
                runs[name].append(one_run(name, rate, seconds))
        for name in names:
            figures = [r["us"] for r in runs[name]]
            rows[name][rate] = (statistics.median(figures), min(figures), max(figures), sum(r["failed"] + r["retrans"] for r in runs[name]),
                                statistics.median(r["p99"] for r in runs[name]))
            print(f"{name}: {rate} calls/s {rows[name][rate][0]:.1f} us/call", flush=True)
    for name in names:
        rows[name]["max"] = max_clean(name, seconds, 3000, 1.6 if quick else 1.3)
    ours = rows["sipwright"]
    out = ["| UAS | us CPU/call at 500 cps (min-max) | at 2000 cps (min-max) | to ours at 2000 | highest clean rate, one core | us/call there | "
           "p99 setup ms at 2000 cps | kB kept per call there |", "|---|---|---|---|---|---|---|---|"]
    for name in names:
        low, high, (best, run) = rows[name][500], rows[name][2000], rows[name]["max"]
        flaw = lambda r: f", {r[3]} failed or repeated" if r[3] else ""
        ratio = high[0] / ours[2000][0] if ours[2000][0] else 0
        there, kept = (f"{run['us']:.1f}", f"{run['kb_left']:.2f}") if run else ("-", "-")
        out.append(f"| {name} | {low[0]:.0f} ({low[1]:.0f}-{low[2]:.0f}{flaw(low)}) | {high[0]:.1f} ({high[1]:.1f}-{high[2]:.1f}{flaw(high)}) | "
                   f"{ratio:.2f}x | {best or 'below 3000'} | {there} | {high[4]:.2f} | {kept} |")
    return out


# ---- parse ----

def parse_commands() -> dict[str, list[str]]:
    return {"sipwright": [str(BUILD / "parse" / "release" / "parse")], "rsip": [peer("parse_peers"), "rsip"],
            "rsipstack": [peer("parse_peers"), "rsipstack"]}


def nanoseconds(command: list[str], message: str, task: str, n: int) -> float:
    """CPU per message: of the whole process, whose start is lost in n messages. Wall time would count what else the machine does."""
    child = subprocess.Popen([*command, str(BENCH / "messages" / f"{message}.sip"), task, str(n)], stdout=subprocess.DEVNULL,
                             preexec_fn=lambda: pin(LAST_CPU))
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} {message} {task} failed")
    return (used.ru_utime + used.ru_stime) / n * 1e9


def instructions(command: list[str], message: str, task: str) -> float | None:
    """Per message, by callgrind: the difference of two runs."""
    if not shutil.which("valgrind"):
        return None
    totals = []
    for n in (500, 1500):
        said = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command,
                               str(BENCH / "messages" / f"{message}.sip"), task, str(n)], capture_output=True, text=True).stderr
        totals.append(int(re.search(r"Collected : (\d+)", said)[1]))
    return (totals[1] - totals[0]) / 1000


def parse(quick: bool) -> list[str]:
    commands, rounds, n = parse_commands(), 3 if quick else 7, 30_000 if quick else 100_000
    out = ["| message | task | peer | CPU ns per message (min-max) | to ours | instructions | to ours |", "|---|---|---|---|---|---|---|"]
    for message in ("options", "invite", "ok200"):
        for task in ("parse", "full"):
            times: dict[str, list] = {name: [] for name in commands}
            for _ in range(rounds):
                for name, command in commands.items():
                    times[name].append(nanoseconds(command, message, task, n))
            counts = {name: instructions(command, message, task) for name, command in commands.items()}
            ours, own_count = statistics.median(times["sipwright"]), counts["sipwright"]
            for name in commands:
                middle, count = statistics.median(times[name]), counts[name]
                counted = f"{count:,.0f} | {count / own_count:.2f}x" if count and own_count else "- | -"
                out.append(f"| {message} | {task} | {name} | {middle:.0f} ({min(times[name]):.0f}-{max(times[name]):.0f}) | {middle / ours:.2f}x | {counted} |")
                print(out[-1], flush=True)
    return out


# ---- the page ----

def machine() -> str:
    model = next((l.split(":", 1)[1].strip() for l in Path("/proc/cpuinfo").read_text().splitlines() if l.startswith("model name")), platform.machine())
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()
    return f"{os.cpu_count()} CPUs ({model}), Linux {platform.release().split('-')[0]}, {rustc}"


def write(section: str, lines: list[str]) -> None:
    """Replaces the lines between the marks of that section in docs/performance.md."""
    text = RESULT.read_text()
    begin, end = f"<!-- begin {section} -->\n", f"<!-- end {section} -->\n"
    head, rest = text.split(begin)
    tail = rest.split(end)[1]
    stamp = f"{datetime.date.today().isoformat()}, {machine()}; load average at the end {os.getloadavg()[0]:.1f}.\n\n"
    RESULT.write_text(head + begin + stamp + "\n".join(lines) + "\n" + end + tail)


def main(arguments: list[str]) -> int:
    wanted = [a for a in arguments if not a.startswith("--")] or ["parse", "calls"]
    quick = "--quick" in arguments
    build(wanted)
    for name in wanted:
        lines = {"parse": parse, "calls": calls}[name](quick)
        print("\n" + "\n".join(lines) + "\n", flush=True)
        if "--no-write" not in arguments:
            write(name, lines)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
