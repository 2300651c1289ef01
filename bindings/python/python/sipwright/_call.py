"""One call."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, final

from ._bridge import checked
from ._errors import CallEnded, SipError, StateError, of_outcome
from ._sipwright import Frame, Pcm

if TYPE_CHECKING:
    from ._phone import Phone
    from typing_extensions import Buffer

# Audio that may wait in `send` before it makes the caller wait: enough for a sentence, little enough to interrupt.
_SEND_AHEAD_S = 2.0


@final
@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of a call's audio. RFC 3550, ITU-T G.107."""

    mos: float = 0.0
    r_factor: float = 0.0
    loss_pct: float = 0.0
    jitter_ms: float = 0.0
    rtt_ms: float = 0.0
    buffer_ms: float = 0.0
    remote_loss_pct: float = 0.0
    remote_jitter_ms: float = 0.0
    sent: int = 0
    received: int = 0
    lost: int = 0
    late: int = 0
    duplicate: int = 0
    rejected: int = 0


@final
class Call:
    """A call, made by `Phone.call` or found in `Phone.calls()`. `async with` answers one that comes in, and hangs up on leaving."""

    def __init__(self, phone: Phone, number: int, peer: str, display: str, incoming: bool) -> None:
        self._phone = phone
        self._engine = phone._engine
        self._number = number
        self._incoming = incoming
        self._outcome: dict[str, Any] | None = None
        self._quality = Quality()
        self._digits: deque[str] = deque()
        self._plays: dict[int, asyncio.Future[bool]] = {}
        self._waiters: set[asyncio.Future[None]] = set()
        self._holds: deque[asyncio.Future[bool]] = deque()
        self._waiting_for_sent: deque[asyncio.Future[None]] = deque()
        self._up = asyncio.get_running_loop().create_future()
        self._over = asyncio.get_running_loop().create_future()
        self._ports: dict[int, Pcm] = {}
        #: The other side's URI.
        self.peer = peer
        #: The other side's display name, control characters removed.
        self.display = display
        #: Codec in use once the call is up: PCMU, PCMA, G722.
        self.codec: str | None = None

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.state} with {self.peer}>"

    @property
    def id(self) -> str:
        """The engine's number of this call, as text: the same as in JSON."""
        return str(self._number)

    @property
    def state(self) -> Literal["ringing", "up", "held", "ended"]:
        """Where the call is."""
        if self._outcome is not None:
            return "ended"
        state: Literal["ringing", "up", "held", "ended"] = self._engine.state(self._number)
        return state

    @property
    def quality(self) -> Quality:
        """The latest figures of the call's audio; after the end, the last."""
        if self._outcome is None:
            try:
                self._quality = Quality(**checked(self._engine.quality, self._number))
            except SipError:
                pass
        return self._quality

    # Answering and ending

    async def __aenter__(self) -> Self:
        if self._incoming and not self._up.done():
            await self.answer()
        return self

    async def __aexit__(
        self, t: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.hangup()

    def ring(self, *, early_media: bool = False) -> None:
        """Tells the caller that it rings; with `early_media` audio may flow before the answer."""
        self._do(self._engine.ring, 183 if early_media else 180, early_media)

    async def answer(self) -> None:
        """Answers, and returns when the call is up."""
        self._do(self._engine.answer)
        await asyncio.shield(self._up)

    async def reject(self, status: int = 486) -> None:
        """Refuses a call that comes in."""
        await self.hangup(status)

    async def hangup(self, status: int | None = None) -> None:
        """Ends the call, in whatever state it is; returns when that is done. A call that ended is left alone."""
        if self._outcome is None:
            try:
                checked(self._engine.hangup, self._number, status or 0)
            except CallEnded:
                pass
            await asyncio.shield(self._over)

    async def ended(self) -> None:
        """Waits for the end of the call."""
        await asyncio.shield(self._over)

    async def hold(self) -> None:
        """Puts the other side on hold; returns when it agreed."""
        await self._hold(True)

    async def resume(self) -> None:
        """Takes the other side back."""
        await self._hold(False)

    async def _hold(self, hold: bool) -> None:
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._holds.append(done)
        try:
            self._do(self._engine.hold, hold)
        except SipError:
            self._holds.remove(done)
            raise
        if not await done:
            raise StateError("the other side did not agree to hold or resume; the call goes on as before")

    # Files and keys

    async def play(self, path: str | os.PathLike[str], *, until: str = "") -> str:
        """Plays a WAV file to the other side. A key in `until` cuts it short and is returned; else the empty string, at its end."""
        early = self._take_key(until)
        if early:
            return early
        token = self._do(self._engine.play, os.fspath(path))
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._plays[token] = done
        try:
            while not done.done():
                await self._wait_for_key_or(done)
                key = self._take_key(until)
                if key:
                    return key
            if not done.result() and self._outcome is not None:
                raise CallEnded("the call ended while the file was playing")
            return ""
        finally:
            self._plays.pop(token, None)
            if not done.done() and self._outcome is None:
                try:
                    checked(self._engine.stop_play, self._number, token)
                except SipError:
                    pass

    def record(self, path: str | os.PathLike[str], *, stereo: bool = True) -> None:
        """Records both sides into a WAV file until the call ends: stereo (left us, right them), or a mono mix."""
        self._do(self._engine.record, os.fspath(path), stereo)

    def stop_record(self) -> None:
        """Ends the recording before the call ends."""
        self._do(self._engine.stop_record)

    async def digits(self, n: int, *, until: str = "#", timeout: float = 5.0) -> str:
        """Collects up to `n` keys: until one in `until` (not returned), or none for `timeout` seconds. Keys pressed before count."""
        got = ""
        while len(got) < n:
            if not self._digits:
                if self._outcome is not None:
                    break
                try:
                    async with asyncio.timeout(timeout):
                        await self._wait_for_key_or(None)
                except TimeoutError:
                    break
                continue
            key = self._digits.popleft()
            if key in until:
                break
            got += key
        return got

    async def send_digits(self, digits: str, *, duration: float = 0.16) -> None:
        """Presses keys (`0-9*#A-D`, `,` pauses for half a second); returns when the last one was sent."""
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting_for_sent.append(sent)
        try:
            self._do(self._engine.send_dtmf, digits, int(duration * 1000))
            await sent
        finally:
            if sent in self._waiting_for_sent:
                self._waiting_for_sent.remove(sent)

    # PCM

    def audio(self, *, rate: int = 16000) -> AsyncIterator[Frame]:
        """What the other side says: 20 ms of signed 16-bit PCM at a time, until the call ends."""
        return self._frames(rate)

    async def _frames(self, rate: int) -> AsyncIterator[Frame]:
        port = self._port(rate)
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        loop.add_reader(port.fileno(), ready.set)
        time = 0.0
        try:
            while True:
                frame = port.read(time)
                if frame is not None:
                    time += 0.02
                    yield frame
                    continue
                if port.ended or self._outcome is not None:
                    return
                ready.clear()
                await ready.wait()
        finally:
            loop.remove_reader(port.fileno())

    async def send(self, pcm: Buffer, *, rate: int = 16000) -> None:
        """Says signed 16-bit PCM to the other side, behind what waits already. Returns when it is queued; more than two seconds ahead, it
        waits. `interrupt` drops what was not said yet."""
        port = self._port(rate)
        rest = memoryview(pcm).cast("B")
        while rest:
            room = int(_SEND_AHEAD_S * rate) - port.queued
            written = port.write(rest[: room * 2]) if room > 0 else 0
            rest = rest[written:]
            if self._outcome is not None or port.ended:
                raise CallEnded("the call ended while audio was being sent")
            if rest:
                await asyncio.sleep(0.02)

    def interrupt(self) -> float:
        """Drops what `send` queued; returns how many seconds of it were said."""
        return max((port.interrupt() for port in self._ports.values()), default=0.0)

    def _port(self, rate: int) -> Pcm:
        port = self._ports.get(rate)
        if port is None:
            port = self._ports[rate] = self._do(self._engine.pcm, rate)
        return port

    # Inside

    def _do(self, function: Any, *args: Any) -> Any:
        if self._outcome is not None:
            raise CallEnded(f"the call is over: {self._outcome['status']} {self._outcome['reason']}")
        return checked(function, self._number, *args)

    def _take_key(self, wanted: str) -> str:
        if wanted and self._digits and self._digits[0] in wanted:
            return self._digits.popleft()
        return ""

    async def _wait_for_key_or(self, done: asyncio.Future[bool] | None) -> None:
        key: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(key)
        try:
            await asyncio.wait([key] if done is None else [key, done], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiters.discard(key)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _event(self, name: str, fields: dict[str, Any]) -> None:
        if name == "call_answered":
            self.codec = fields["codec"]
            if not self._up.done():
                self._up.set_result(None)
        elif name == "dtmf":
            self._digits.append(fields["digit"])
            self._wake()
        elif name == "dtmf_sent":
            while self._waiting_for_sent:
                sent = self._waiting_for_sent.popleft()
                if not sent.done():
                    sent.set_result(None)
        elif name == "play_done":
            done = self._plays.get(fields["token"])
            if done is not None and not done.done():
                done.set_result(not fields["interrupted"])
        elif name == "call_hold_done":
            while self._holds:
                hold = self._holds.popleft()
                if not hold.done():
                    hold.set_result(fields["ok"])
                    break
        elif name == "call_ended":
            self._end(fields)

    def _end(self, outcome: dict[str, Any]) -> None:
        self._outcome = outcome
        if outcome.get("quality"):
            self._quality = Quality(**outcome["quality"])
        error = of_outcome(outcome)
        if not self._up.done():
            self._up.set_exception(error)
            self._up.exception()        # nobody has to look at it
        if not self._over.done():
            self._over.set_result(None)
        over = CallEnded(f"the call ended: {outcome['status']} {outcome['reason']}", outcome["status"])
        for waiting in [*self._waiting_for_sent, *self._holds]:
            if not waiting.done():
                waiting.set_exception(over)
                waiting.exception()
        for done in self._plays.values():
            if not done.done():
                done.set_result(False)
        self._wake()

