"""The other side of tests/flows/*.flow over real UDP: reads a flow, drives a user agent by its stdin, and is the SIP peer itself.

peer.py COMMAND [ARGUMENT ..]: runs every flow against the program (ua.c, ua.py); it gets HOST:PORT of the peer as its last argument.
"""
import queue
import re
import socket
import subprocess
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: No wait is longer; nothing takes so long when all is well.
LONG = 30.0


class Failed(Exception):
    """The flow went another way."""


def parse(text: str) -> tuple[str, list[tuple[str, str]], str]:
    head, _, body = text.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return first, [(k.strip(), v.strip()) for k, v in (line.split(":", 1) for line in lines)], body


def header(text: str, name: str) -> str | None:
    """The first header of that name; all of Record-Route in one."""
    found = [v for k, v in parse(text)[1] if k.lower() == name.lower()]
    if not found:
        return None
    return ", ".join(found) if name == "Record-Route" else found[0]


def kind(text: str) -> str:
    first, cseq = text.split("\r\n", 1)[0], header(text, "CSeq") or ""
    return f"{first.split()[1]} {cseq.split()[1]}" if first.startswith("SIP/2.0") else first.split()[0]


class Run:
    def __init__(self, command: list[str]) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(LONG)
        self.me = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.sdp = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                    f"m=audio {self.socket.getsockname()[1] ^ 1} RTP/AVP 0\r\n")
        self.ua = subprocess.Popen([*command, self.me], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.ua.stdin and self.ua.stdout
        self.events: queue.Queue[str] = queue.Queue()
        self.contact = self.ua.stdout.readline().strip().removeprefix("udp://")
        threading.Thread(target=self.listen, daemon=True).start()
        self.known: set[str] = set()
        self.requests: list[str] = []
        self.ours: list[str] = []
        self.refused = False
        self.dialog: list[str] | None = None
        self.cseq = 0

    def listen(self) -> None:
        for line in self.ua.stdout or ():
            self.events.put(line.strip())

    def close(self) -> None:
        self.socket.close()
        if self.ua.poll() is None:
            self.do("end")
        if self.ua.wait(LONG):
            raise Failed(f"the user agent ended with {self.ua.returncode}")

    def do(self, act: str) -> None:
        assert self.ua.stdin
        self.ua.stdin.write(act + "\n")
        self.ua.stdin.flush()

    def sent(self) -> str:
        """What the user agent sends next; a 100 is no line of any flow, and a repeat is none."""
        while True:
            text = self.socket.recv(65535).decode()
            if text not in self.known and not text.startswith("SIP/2.0 100"):
                self.known.add(text)
                return text

    def expect(self, line: str) -> None:
        what, rest = split(line)
        text = self.sent()
        if kind(text) != what:
            raise Failed(f"{kind(text)} came")
        if bool(parse(text)[2]) != bool(re.match(r"sdp\b", rest)):
            raise Failed("a session description that should not be there, or none")
        if (no := re.search(r"\bno (\S+)", rest)) and header(text, no[1]) is not None:
            raise Failed(f"{no[1]} is there")
        if has := re.search(r"\bhas ([^:]+)(?:: (.*))?$", rest):
            found = header(text, has[1])
            if found is None or (has[2] and found != has[2].replace("PEER", self.me)):
                raise Failed(f"{has[1]} is {found!r}")
        contact = re.search(r"<([^>]*)>", header(text, "Contact") or "")
        if not text.startswith("SIP/2.0"):
            self.requests.append(text)
            if what == "INVITE" and self.dialog is None:
                assert contact
                self.dialog = [f"{header(text, 'To')};tag=peer", header(text, "From") or "", header(text, "Call-ID") or "", contact[1]]
        elif self.dialog:
            self.refused = what[0] > "2"
            self.dialog[1] = header(text, "To") or ""
            if contact:
                self.dialog[3] = contact[1]

    def send(self, line: str) -> None:
        line, _, more = line.partition(" + ")
        what, rest = split(line)
        extra = f"{more.replace('PEER', self.me)}\r\n" if more else ""
        body = self.sdp if "sdp" in rest else ""
        if body:
            extra += f"Content-Type: application/sdp\r\nContact: <sip:bob@{self.me}>\r\n"
        status, _, method = what.rpartition(" ")
        if status:
            request = next(r for r in reversed(self.requests) if kind(r) == method)
            if "contact" in rest:
                extra += f"Contact: {header(request, 'Contact')};expires=3600\r\n"
            to = header(request, "To") or ""
            if status != "100" and ";tag=" not in to:
                to += ";tag=peer"
            same = "".join(f"{n}: {header(request, n)}\r\n" for n in ("Via", "From", "Call-ID", "CSeq"))
            text = f"SIP/2.0 {status} Text\r\n{same}To: {to}\r\n{extra}"
        else:
            text = self.request(method) + extra
        text += f"Content-Length: {len(body)}\r\n\r\n{body}"
        if not status:
            self.ours.append(text)
        host, port = self.contact.rsplit(":", 1)
        self.socket.sendto(text.encode(), (host, int(port)))

    def request(self, method: str) -> str:
        if method not in ("ACK", "CANCEL"):
            self.cseq += 1
        if self.dialog is None:
            self.dialog = [f"<sip:bob@{self.me}>;tag=peer", f"<sip:alice@{self.contact}>", f"flow-{self.me}", f"sip:alice@{self.contact}"]
        who, to, call_id, target = self.dialog
        via = f"SIP/2.0/UDP {self.me};branch=z9hG4bK-{method}-{self.cseq}"
        invite = next((r for r in reversed(self.ours) if kind(r) == "INVITE"), None)
        # CANCEL, and the ACK to a refusal, have the branch of their INVITE; To of a CANCEL is that of the INVITE.
        if invite and (method == "CANCEL" or (method == "ACK" and self.refused)):
            via = header(invite, "Via") or via
        if invite and method == "CANCEL":
            to, target = header(invite, "To") or to, invite.split()[1]
        return (f"{method} {target} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {who}\r\nTo: {to}\r\n"
                f"Call-ID: {call_id}\r\nCSeq: {self.cseq} {method}\r\n")

    def hear(self, wanted: str) -> None:
        name, _, status = wanted.partition(" ")
        while True:
            try:
                got, number = self.events.get(timeout=LONG).split()
            except queue.Empty:
                raise Failed("the event never came") from None
            if got == name:
                if status and status != number:
                    raise Failed(f"it came with {number}")
                return


def split(line: str) -> tuple[str, str]:
    """`180 INVITE sdp` into what it is and the rest."""
    found = re.match(r"(\d+ \S+|\S+) ?(.*)", line)
    assert found, line
    return found[1], found[2]


def run(flow: Path, command: list[str]) -> str | None:
    """Runs a flow; what went wrong."""
    run = Run(command)
    line = ""
    try:
        for line in flow.read_text().splitlines():
            if not line or line.startswith("#"):
                continue
            verb, _, rest = line.partition(" ")
            {"do": run.do, "->": run.expect, "<-": run.send, "event": run.hear}[verb](rest)
        run.close()
    except (Failed, TimeoutError, subprocess.TimeoutExpired) as error:
        run.ua.kill()
        run.ua.wait()
        return f"{flow.name}, {line!r}: {error}"
    return None


def main(command: list[str]) -> int:
    flows = sorted(HERE.glob("*.flow"))
    failures = [failure for flow in flows if (failure := run(flow, command))]
    print("\n".join(failures), f"flows: {len(flows) - len(failures)} passed, {len(failures)} failed", sep="\n")
    return 1 if failures or not flows else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
