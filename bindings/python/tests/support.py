"""What the tests stand on: phones on loopback, tones and ears for them, a scripted peer, bounded waits."""
import array
import asyncio
import contextlib
import math
import os
import re
import shutil
import sys
import tempfile
import unittest
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import sipwright as sip

ROOT = Path(__file__).resolve().parents[3]
#: Where the package under test is: for programs that the tests start.
PACKAGE = Path(sip.__file__).resolve().parent.parent
#: No wait in any test is longer than this.
LONG = 60.0


def environment(**more: str) -> dict[str, str]:
    """For a program that imports the package."""
    given = {k: v for k, v in os.environ.items() if k != "SIP_PASSWORD"}
    return {**given, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "PYTHONUNBUFFERED": "1", **more}


def tone(hz: float, seconds: float, rate: int, loud: int = 8000) -> array.array:
    """A sine."""
    return array.array("h", (round(loud * math.sin(2 * math.pi * hz * i / rate)) for i in range(int(seconds * rate))))


def write_wav(path: Path, samples: array.array, rate: int) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())
    return path


def read_wav(path: Path) -> tuple[int, list[array.array]]:
    """(rate, one array per channel)."""
    with wave.open(str(path), "rb") as file:
        channels, rate = file.getnchannels(), file.getframerate()
        samples = array.array("h", file.readframes(file.getnframes()))
    return rate, [samples[n::channels] for n in range(channels)]


def share(samples: array.array, hz: float, rate: int) -> float:
    """How much of the energy of the loud part lies at one frequency, 0 to 1."""
    piece = rate // 10
    pieces = [samples[i : i + piece] for i in range(0, len(samples) - piece + 1, piece)]
    loud = [p for p in pieces if max(map(abs, p)) > 1000]
    if not loud:
        return 0.0
    return sum(purity(p, hz, rate) for p in loud) / len(loud)


def purity(samples: array.array, hz: float, rate: int) -> float:
    """How much of the energy lies at one frequency, 0 to 1 (Goertzel)."""
    turn = 2 * math.cos(2 * math.pi * hz / rate)
    a = b = 0.0
    for sample in samples:
        a, b = sample + turn * a - b, a
    energy = sum(s * s for s in samples)
    return 2 * (a * a + b * b - turn * a * b) / (len(samples) * energy) if energy else 0.0


async def until(what: str, probe: Callable[[], object], seconds: float = 20.0) -> None:
    """Lets the loop run until `probe` holds."""
    try:
        async with asyncio.timeout(seconds):
            while not probe():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {seconds:g} s") from None


class Case(unittest.IsolatedAsyncioTestCase):
    """A test with a folder and phones that are closed at its end. Exceptions that only the event loop saw fail it."""

    async def asyncSetUp(self) -> None:
        self.dir = Path(tempfile.mkdtemp(prefix="sipwright-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        asyncio.get_running_loop().slow_callback_duration = 10
        self.unseen: list[dict] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self.unseen.append(context))

    async def asyncTearDown(self) -> None:
        self.assertEqual(self.unseen, [])

    async def phone(self, name: str, **options: object) -> sip.Phone:
        options.setdefault("listen", "udp://127.0.0.1:0")
        return await self.enterAsyncContext(sip.Phone(f"sip:{name}@127.0.0.1", **options))

    async def pair(self, **options: object) -> tuple[sip.Phone, sip.Phone]:
        return await self.phone("alice", **options), await self.phone("bob", **options)

    @contextlib.asynccontextmanager
    async def calls(self, **options: object) -> AsyncIterator[tuple[sip.Call, sip.Call]]:
        """Both ends of a call that is up; ended at the end."""
        alice, bob = await self.pair(**options)
        async with self.between(alice, bob) as ends:
            yield ends

    @contextlib.asynccontextmanager
    async def between(self, alice: sip.Phone, bob: sip.Phone) -> AsyncIterator[tuple[sip.Call, sip.Call]]:
        async with asyncio.timeout(LONG):
            theirs, ours = await asyncio.gather(taken(bob), alice.call(uri("bob", bob)))
            try:
                yield ours, theirs
            finally:
                await ours.hangup()
                await theirs.ended()

    async def fails(self, kind: type[sip.SipError], wait: Awaitable[object], status: int | None = None) -> sip.SipError:
        async with asyncio.timeout(LONG):
            with self.assertRaises(kind) as caught:
                await wait
        self.assertIs(type(caught.exception), kind)
        self.assertTrue(caught.exception.reason)
        if status is not None:
            self.assertEqual(caught.exception.status, status)
        return caught.exception

    async def program(self, *words: object, **more: str) -> asyncio.subprocess.Process:
        """A Python program, ended at the end of the test."""
        child = await asyncio.create_subprocess_exec(
            sys.executable, *map(str, words), env=environment(**more), cwd=self.dir, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)

        async def end() -> None:
            if child.returncode is None:
                child.kill()
                await child.communicate()

        self.addAsyncCleanup(end)
        return child

    async def finished(self, child: asyncio.subprocess.Process, code: int = 0) -> tuple[str, str]:
        """(stdout, stderr) of a program that must end with that code."""
        async with asyncio.timeout(LONG):
            out, err = (text.decode() for text in await child.communicate())
        self.assertEqual(child.returncode, code, f"stdout: {out}\nstderr: {err}")
        return out, err


async def first(phone: sip.Phone) -> sip.Call:
    """The next call that comes in."""
    async with asyncio.timeout(LONG):
        async for call in phone.calls():
            return call
    raise AssertionError("the phone was closed")


async def taken(phone: sip.Phone) -> sip.Call:
    """The next call that comes in, answered."""
    call = await first(phone)
    await call.answer()
    return call


def uri(name: str, phone: sip.Phone, protocol: str = "udp") -> str:
    """How to call a phone directly."""
    address = next(a for a in phone.addresses if a.startswith(f"{protocol}://"))
    return f"sip:{name}@{address.split('//')[1]}" + ("" if protocol == "udp" else f";transport={protocol}")


class Peer(asyncio.DatagramProtocol):
    """A scripted SIP peer: `answer` says what a request gets, as (status, reason, extra header lines), or None for silence."""

    def __init__(self, answer: Callable[[str, dict[str, str]], tuple[int, str, list[str]] | None]) -> None:
        self.answer = answer
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def __aenter__(self) -> "Peer":
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.port = self.transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.transport.close()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        head = data.decode().split("\r\n\r\n")[0].split("\r\n")
        method = head[0].split(" ")[0]
        fields = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in head[1:])}
        self.requests.append((method, fields))
        if method == "ACK":
            return
        if (said := self.answer(method, fields)) is None:
            return
        status, reason, more = said
        to = fields["to"] if ";tag=" in fields["to"] or status == 100 else fields["to"] + ";tag=peer"
        lines = [f"SIP/2.0 {status} {reason}", f"Via: {fields['via']}", f"From: {fields['from']}", f"To: {to}",
                 f"Call-ID: {fields['call-id']}", f"CSeq: {fields['cseq']}", *more, "Content-Length: 0", "", ""]
        self.transport.sendto("\r\n".join(lines).encode(), address)


def contact(fields: dict[str, str]) -> str:
    """The URI of a Contact."""
    found = re.search(r"<(sip:[^>]*)>", fields["contact"])
    assert found, fields
    return found[1]
