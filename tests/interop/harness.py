"""What the interop tests stand on: bounded processes, free ports, the peers' configurations, and ears for their recordings.

Everything runs on loopback. A peer that is not installed fails the test with the command that installs it; nothing is skipped.
The programs under test are those of `make all`: target/release, or the folder that SIPWRIGHT_BIN names.
"""
import array
import json
import math
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import wave
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = Path(os.environ.get("SIPWRIGHT_BIN", ROOT / "target" / "release"))
PACKAGES = {"sipp": "sip-tester", "baresip": "baresip-core", "kamailio": "kamailio", "nft": "nftables", "unshare": "util-linux",
            "nsenter": "util-linux", "sipsak": "sipsak", "sip-options": "sofia-sip-bin",
            "node": "nodejs", "openssl": "openssl", "gnutls-cli": "gnutls-bin", "svcrack": "sipvicious"}
REALM = "sip.test"


def program(name: str) -> str:
    """Where a peer is; a test error that says how to install it when it is not there."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not found:
        raise AssertionError(f"{name} is not installed: apt-get install {PACKAGES[name]}")
    return found


def sipwright_program() -> str:
    path = BIN / "sipwright"
    if not path.is_file():
        raise AssertionError(f"{path} is not built: make all")
    return str(path)


_given: set[int] = set()


def free_port(host: str = "127.0.0.1", span: int = 1) -> int:
    """A port that is free for UDP and TCP now (`span` of them in a row, the first even) and that no other caller got."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(200):
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            first = probe.getsockname()[1] & ~1
        ports = range(first, first + span)
        if first < 1024 or ports[-1] > 65000 or _given.intersection(ports):
            continue
        held = []
        try:
            for port in ports:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    s = socket.socket(family, kind)
                    held.append(s)
                    s.bind((host, port))
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
        _given.update(ports)
        return first
    raise AssertionError(f"no {span} free ports on {host}")


def until(what: str, seconds: float, probe):
    """Asks `probe` until it gives something true, and gives that; an error naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


def until_bound(what: str, protocol: str, host: str, port: int) -> None:
    """Waits until somebody holds a port: a request that comes before it would be refused, and the caller told so."""
    table, bound = Path(f"/proc/net/{protocol}{'6' if ':' in host else ''}"), f":{port:04X}"
    until(f"{what} listens", 10, lambda: any(line.split()[1].endswith(bound) for line in table.read_text().splitlines()[1:]))


def nth(found: list, count: int):
    """The `count`-th of what was found, or nothing."""
    return found[count - 1] if len(found) >= count else None


class Process:
    """A program that is ended at the end of its test, by pid, however the test ends. Its lines are kept."""

    def __init__(self, case: "Case", name: str, command: list, seconds: float = 120, env: dict | None = None, pipe: bool = False,
                 within: list | None = None):
        """`within`: words before the command, such as those that enter a namespace."""
        self.case, self.name, self.command = case, name, [str(c) for c in [*(within or []), *command]]
        self.lines: list[str] = []
        self.errors: list[str] = []
        self.child = subprocess.Popen(
            self.command, cwd=case.dir, stdin=subprocess.PIPE if pipe else subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", env={**os.environ, "TERM": "dumb", **(env or {})})
        self.readers = [threading.Thread(target=self._read, args=a, daemon=True)
                        for a in ((self.child.stdout, self.lines), (self.child.stderr, self.errors))]
        for reader in self.readers:
            reader.start()
        self.timer = threading.Timer(seconds, self._late)
        self.timer.daemon = True
        self.timer.start()
        self.late = False
        case.addCleanup(self.stop)

    def _read(self, stream, into: list) -> None:
        for line in stream:
            into.append(line.rstrip("\n"))

    def _late(self) -> None:
        self.late = True
        self.child.kill()

    def wait(self, seconds: float = 60) -> int:
        """Its exit code."""
        try:
            code = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds:g} s\n{self.said()}") from None
        for reader in self.readers:
            reader.join(5)
        return code

    def stop(self) -> int:
        """Asks it to end (SIGTERM), then makes it."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(8)
            except subprocess.TimeoutExpired:
                self.child.kill()
        code = self.child.wait(5)
        self.timer.cancel()
        for reader in self.readers:
            reader.join(5)
        for stream in (self.child.stdin, self.child.stdout, self.child.stderr):
            if stream:
                stream.close()
        return code

    def said(self, lines: int = 60) -> str:
        tail = "\n".join((self.lines + self.errors)[-lines:])
        return f"--- {' '.join(self.command)}\n{tail}\n---"

    def until(self, what: str, seconds: float, find):
        """What `find` gives, waited for, as long as the program runs."""
        def look():
            over = self.child.poll() is not None
            if over:
                for reader in self.readers:
                    reader.join(2)
            found = find()
            if over and not found:
                raise AssertionError(f"{self.name} ended with {self.child.returncode} before it told {what}")
            return found
        try:
            return until(f"{self.name} tells {what}", seconds, look)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}") from None

    def line(self, text: str, seconds: float = 10) -> str:
        """The first line that holds `text`, waited for."""
        return self.until(repr(text), seconds, lambda: next((l for l in self.lines + self.errors if text in l), None))


class Sipwright(Process):
    """The command-line program with `--json`: its events, waited for by type."""

    def __init__(self, case: "Case", *arguments, seconds: float = 120, password: str | None = None, within: list | None = None):
        env = {"SIP_PASSWORD": password} if password else {}
        super().__init__(case, f"sipwright {arguments[0]}", [sipwright_program(), *arguments], seconds, env, within=within)

    def events(self, kind: str | None = None) -> list[dict]:
        out = []
        for line in list(self.lines):
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict) and kind in (None, value.get("type")):
                out.append(value)
        return out

    def event(self, kind: str, seconds: float = 10, count: int = 1) -> dict:
        """The `count`-th event of that type."""
        return self.until(kind, seconds, lambda: nth(self.events(kind), count))


class Kamailio(Process):
    """Registrar and proxy: digest for REGISTER and INVITE, Record-Route. Users alice, bob, carol, dave; password NAMEpw."""

    def __init__(self, case: "Case", ipv6: bool = False, sha256: bool = False):
        self.port = free_port()
        modules = next((p for p in Path("/usr/lib").glob("*/kamailio/modules")), Path("/usr/lib/kamailio/modules"))
        text = (HERE / "kamailio.cfg").read_text()
        for key, value in {"PORT": self.port, "MODULES": modules, "REALM": REALM}.items():
            text = text.replace(f"@{key}@", str(value))
        config = case.dir / "kamailio.cfg"
        config.write_text(text)
        flags = (["-A", "WITH_IPV6"] if ipv6 else []) + (["-A", "WITH_SHA256"] if sha256 else [])
        super().__init__(case, "kamailio", [program("kamailio"), "-f", config, "-P", case.dir / "kamailio.pid", "-m", 64, "-M", 8,
                                            "-n", 2, "-DD", "-E", "-w", case.dir, *flags])
        self.host = "[::1]" if ipv6 else "127.0.0.1"
        until("kamailio answers", 15, self._alive)

    def _alive(self) -> bool:
        if self.child.poll() is not None:
            raise AssertionError(f"kamailio did not start\n{self.said()}")
        family, host = (socket.AF_INET6, "::1") if self.host == "[::1]" else (socket.AF_INET, "127.0.0.1")
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(0.3)
            s.bind((host, 0))
            here = s.getsockname()[1]
            ask = (f"OPTIONS sip:{self.host}:{self.port} SIP/2.0\r\nVia: SIP/2.0/UDP {self.host}:{here};branch=z9hG4bKprobe{here}\r\n"
                   f"From: <sip:probe@{REALM}>;tag=p{here}\r\nTo: <sip:{self.host}>\r\nCall-ID: probe{here}\r\nCSeq: 1 OPTIONS\r\n"
                   "Max-Forwards: 1\r\nContent-Length: 0\r\n\r\n")
            try:
                s.sendto(ask.encode(), (host, self.port))
                return s.recv(4096).startswith(b"SIP/2.0 200")
            except OSError:
                return False

    def uri(self, protocol: str = "udp") -> str:
        return f"sip:{self.host}:{self.port};transport={protocol};lr"


class Baresip(Process):
    """A phone without a face: a 440 Hz tone as its microphone, what it says and hears recorded as WAV, JSON control."""

    def __init__(self, case: "Case", user: str, codecs: str = "PCMU/8000/1", proxy: str | None = None, answer: str = "auto"):
        self.user, self.port, self.control = user, free_port(), free_port()
        self.rtp = free_port(span=20)
        self.folder = case.dir / f"baresip-{user}"
        self.recordings = self.folder / "rec"
        self.recordings.mkdir(parents=True)
        modules = next((p for p in (Path("/usr/lib/baresip/modules"), *Path("/usr/lib").glob("*/baresip/modules")) if p.is_dir()),
                       Path("/usr/lib/baresip/modules"))
        text = (HERE / "baresip.config").read_text()
        for key, value in {"MODULES": modules, "SIP": self.port, "RTP": self.rtp, "RTPEND": self.rtp + 19, "CONTROL": self.control,
                           "REC": self.recordings}.items():
            text = text.replace(f"@{key}@", str(value))
        (self.folder / "config").write_text(text)
        if proxy:
            account = f'<sip:{user}@{REALM};transport=udp>;auth_user={user};auth_pass={user}pw;outbound="{proxy}";regint=120'
        else:
            account = f"<sip:{user}@127.0.0.1:{self.port}>;regint=0"
        (self.folder / "accounts").write_text(f"{account};answermode={answer};audio_codecs={codecs};ptime=20\n")
        self.told: list[dict] = []
        super().__init__(case, f"baresip {user}", [program("baresip"), "-f", self.folder, "-t", 110, "-v"],
                         env={"HOME": str(self.folder)})
        self.link = until("baresip listens for control", 15, self._connect)
        threading.Thread(target=self._listen, daemon=True).start()
        if proxy:
            self.line("200 OK", 15)

    def _connect(self):
        if self.child.poll() is not None:
            raise AssertionError(f"baresip did not start\n{self.said()}")
        try:
            return socket.create_connection(("127.0.0.1", self.control), 1)
        except OSError:
            return None

    def stop(self) -> int:
        if hasattr(self, "link"):
            self.link.close()
        return super().stop()

    def _listen(self) -> None:
        data = b""
        self.link.settimeout(None)
        while True:
            try:
                more = self.link.recv(65536)
            except OSError:
                return
            if not more:
                return
            data += more
            while b":" in data:
                length, rest = data.split(b":", 1)
                if len(rest) < int(length) + 1:
                    break
                self.told.append(json.loads(rest[:int(length)]))
                data = rest[int(length) + 1:]

    def tell(self, command: str, parameter: str = "") -> None:
        """A command, such as `dial URI`, `hangup`."""
        body = json.dumps({"command": command, "params": parameter, "token": "t"}).encode()
        self.link.sendall(str(len(body)).encode() + b":" + body + b",")

    def event(self, kind: str, seconds: float = 15) -> dict:
        try:
            return until(f"baresip tells {kind}", seconds,
                         lambda: next((e for e in list(self.told) if e.get("type") == kind), None))
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.told[-20:]}\n{self.said()}") from None

    def keys(self) -> str:
        """The keys it was sent."""
        return "".join(e.get("param", "") for e in list(self.told) if e.get("type") == "CALL_DTMF_START")

    def heard(self) -> Path:
        """The recording of what it heard."""
        return until("baresip's recording", 5, lambda: next(iter(sorted(self.recordings.glob("*dec.wav"))), None))


class Phone(Process):
    """A peer that takes commands as lines and tells its events as JSON lines."""

    def tell(self, command: str) -> None:
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()

    def events(self, kind: str | None = None, **values) -> list[dict]:
        told = []
        for line in list(self.lines):
            if line.startswith("{"):
                event = json.loads(line)
                if kind in (None, event["event"]) and all(event.get(k) == v for k, v in values.items()):
                    told.append(event)
        return told

    def event(self, kind: str, seconds: float = 15, count: int = 1, **values) -> dict:
        """The `count`-th event of that kind with these values."""
        return self.until(f"{kind} {values}", seconds, lambda: nth(self.events(kind, **values), count))


class Pjsip(Phone):
    """PJSIP (pjsip_peer.py), a 440 Hz tone as its microphone."""

    def __init__(self, case: "Case", *arguments, seconds: float = 120):
        self.port, self.rtp = free_port(), free_port(span=20)
        python = ROOT / "target" / "interop-python" / "bin" / "python"
        if not python.is_file():
            raise AssertionError(f"{python} is missing: make deps")
        super().__init__(case, "pjsip", [python, HERE / "pjsip_peer.py", "--port", self.port, "--rtp", self.rtp, *arguments], seconds,
                         pipe=True)
        self.event("ready", 20)


class JsSip(Phone):
    """JsSIP in Node over a WebSocket (jssip_peer.js), connected."""

    def __init__(self, case: "Case", url: str, uri: str, password: str = "", ca: Path | str = "", seconds: float = 120):
        modules = ROOT / "target" / "interop-node" / "node_modules"
        if not (modules / "jssip").is_dir():
            raise AssertionError(f"{modules} is missing: make deps")
        super().__init__(case, "jssip", [program("node"), HERE / "jssip_peer.js", url, uri, password, ca], seconds, {"NODE_PATH": str(modules)},
                         pipe=True)
        self.event("ready", 20)


class Case(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="swi-"))
        self.addCleanup(shutil.rmtree, self.dir, True)

    def sipp(self, *arguments, seconds: float = 120, name: str = "sipp", within: list | None = None) -> Process:
        return Process(self, name, [program("sipp"), *arguments, "-nostdin"], seconds, within=within)

    def sipp_done(self, sipp: Process, seconds: float = 120) -> dict:
        """Waits for its end and gives the counts of its closing screen."""
        code = sipp.wait(seconds)
        counts = {}
        for line in sipp.lines:
            cells = [c.strip() for c in line.split("|")]
            if len(cells) == 3 and cells[0] in ("Successful call", "Failed call", "Retransmissions", "Outgoing calls created",
                                                "Incoming calls created"):
                counts[cells[0]] = int(cells[2])
            elif "Successful call" in line or "Failed call" in line:
                words = line.replace("|", " ").split()
                counts[" ".join(words[:2])] = int(words[-1])
        self.assertEqual(code, 0, f"{counts}\n{sipp.said()}")
        self.assertEqual(counts.get("Failed call"), 0, f"{counts}\n{sipp.said()}")
        return counts

    def tone(self, name: str, hz: float, seconds: float, rate: int = 8000) -> Path:
        """A WAV with a pure tone, mono, 16 bit, at a quarter of full scale."""
        path = self.dir / name
        write_tone(path, hz, seconds, rate)
        return path

    def assert_tone(self, path: Path, hz: float, seconds: float, channel: int = 0) -> None:
        """At least `seconds` of the recording are that tone and next to nothing else."""
        share, length = tone_share(path, hz, channel)
        good = sum(s > 0.9 for s in share) * BLOCK
        self.assertGreaterEqual(good, seconds, f"{path.name}: {good:.2f} s of {hz:g} Hz in {length:.2f} s; shares "
                                               f"{[round(s, 2) for s in share]}")


BLOCK = 0.1   # seconds judged at once by tone_share


def write_tone(path: Path, hz: float, seconds: float, rate: int = 8000) -> None:
    samples = array.array("h", (int(8192 * math.sin(2 * math.pi * hz * i / rate)) for i in range(int(seconds * rate))))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())


def read_wav(path: Path, channel: int = 0) -> tuple[array.array, int]:
    """Samples of one channel and the rate. A WAV whose writer did not close it is read to its end."""
    data = path.read_bytes()
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AssertionError(f"{path} is no WAV")
    at, channels, rate, bits, body = 12, 0, 0, 0, b""
    while at + 8 <= len(data):
        name, size = data[at:at + 4], int.from_bytes(data[at + 4:at + 8], "little")
        if name == b"fmt ":
            channels, rate = int.from_bytes(data[at + 10:at + 12], "little"), int.from_bytes(data[at + 12:at + 16], "little")
            bits = int.from_bytes(data[at + 22:at + 24], "little")
        elif name == b"data":
            body = data[at + 8:] if size in (0, 0xFFFFFFFF) else data[at + 8:at + 8 + size]
            break
        at += 8 + size + (size & 1)
    if bits != 16 or not channels:
        raise AssertionError(f"{path}: {bits} bits, {channels} channels")
    if channel >= channels:
        raise AssertionError(f"{path}: no channel {channel} in {channels}")
    samples = array.array("h", body[:len(body) // (2 * channels) * 2 * channels])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples[channel::channels], rate


def tone_share(path: Path, hz: float, channel: int = 0) -> tuple[list[float], float]:
    """For each tenth of a second: the share of its energy at `hz` (Goertzel, +-1 bin). And the length in seconds."""
    samples, rate = read_wav(path, channel)
    size = int(BLOCK * rate)
    out = []
    for start in range(0, len(samples) - size + 1, size):
        block = samples[start:start + size]
        energy = sum(s * s for s in block)
        if energy < size * 100 * 100:      # quieter than -50 dB of full scale: silence
            out.append(0.0)
            continue
        step = 2 * math.cos(2 * math.pi * hz / rate)
        one = two = 0.0
        for s in block:
            one, two = s + step * one - two, one
        power = one * one + two * two - step * one * two
        out.append(min(1.0, 2 * power / (size * energy)))
    return out, len(samples) / rate
