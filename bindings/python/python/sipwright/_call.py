"""One call."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, final

from ._audio import Ear, Mouth
from ._bridge import checked
from ._errors import CallEnded, SipError, StateError, of_outcome
from ._log import logger
from ._request import Response
from ._sipwright import Frame, Pcm

if TYPE_CHECKING:
    from ._phone import Phone
    from typing_extensions import Buffer

T = TypeVar("T")

# Keys that wait to be read; of more, the oldest are forgotten.
_KEYS_MAX = 256


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
    """A call, made by `Phone.call` or found in `Phone.calls()`. `async with` answers one that comes in, and hangs up on leaving.

    The engine owns the call: dropping this object ends nothing.
    """

    __slots__ = (
        "_phone", "_engine", "_number", "_incoming", "_outcome", "_figures", "_held", "_early", "_keys", "_plays", "_waiters", "_holding",
        "_sending", "_up", "_over", "_mouths", "_loop", "peer", "display", "codec", "progress", "__weakref__",
    )

    def __init__(self, phone: Phone, number: int, peer: str, display: str, incoming: bool) -> None:
        self._phone = phone
        self._engine = phone._engine
        self._loop = asyncio.get_running_loop()
        self._number = number
        self._incoming = incoming
        self._outcome: dict[str, Any] | None = None
        self._figures: tuple[tuple[Any, ...], tuple[Any, ...]] = ((), ())
        self._held = [False, False]     # by us, by them
        self._early = False
        self._keys: deque[str] = deque(maxlen=_KEYS_MAX)
        self._plays: dict[int, asyncio.Future[bool]] = {}
        self._waiters: set[asyncio.Future[None]] = set()
        self._holding: asyncio.Future[bool] | None = None
        self._sending: deque[asyncio.Future[None]] = deque()
        self._up: asyncio.Future[None] = self._loop.create_future()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._mouths: dict[int, Mouth] = {}
        #: The other side's URI.
        self.peer = peer
        #: The other side's display name, control characters removed.
        self.display = display
        #: Codec in use once the call is up: PCMU, PCMA, G722.
        self.codec: str | None = None
        #: The latest provisional status of a call we made: 180 when it rings there.
        self.progress: int | None = None

    def __repr__(self) -> str:
        return f"<Call {self.id} {self.state} with {self.peer}>"

    @property
    def id(self) -> str:
        """The engine's number of this call, as text: the same as in JSON."""
        return str(self._number)

    @property
    def state(self) -> Literal["ringing", "up", "held", "ended"]:
        """Where the call is; `held` when either side holds the other."""
        if self._outcome is not None:
            return "ended"
        if not self._up.done():
            return "ringing"
        return "held" if any(self._held) else "up"

    @property
    def quality(self) -> Quality:
        """The latest figures of the call's audio; after the end, the last."""
        if self._outcome is None:
            try:
                self._figures = checked(self._engine.quality, self._number)
            except SipError:
                pass
        rates, counts = self._figures
        return Quality(*rates, *counts)

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
        self._only_incoming("ring")
        self._do(self._engine.ring, 183 if early_media else 180, early_media)
        self._early |= early_media

    async def answer(self) -> None:
        """Answers, and returns when the call is up."""
        self._only_incoming("answer")
        if not self._up.done():
            self._do(self._engine.answer)
        await self.answered()

    async def answered(self) -> None:
        """Waits until the call is up; raises what `Phone.call` would when it does not come up."""
        if not self._up.done():
            await asyncio.shield(self._up)
        self._up.result()

    async def reject(self, status: int = 486) -> None:
        """Refuses a call that comes in."""
        self._only_incoming("reject")
        await self.hangup(status)

    async def hangup(self, status: int | None = None) -> None:
        """Ends the call, in whatever state it is; returns when that is done. A call that ended is left alone.

        `status` is for a call that comes in and was not answered: 486 busy (the default), 603 declined, or any from 300 to 699.
        """
        self._end_it(status or 0)
        if not self._over.done():
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

    async def request(
        self, method: str, *, body: bytes = b"", content_type: str = "", headers: Mapping[str, str] = {}
    ) -> Response:
        """Sends a request inside the call (INFO, UPDATE, one of yours) and gives the final response, whatever it is."""
        if self._outcome is not None:
            raise self._ended()
        return await self._phone._send(self._number, method, "", body, content_type, headers)

    # Files and keys

    async def play(self, path: str | os.PathLike[str], *, until: str = "", repeat: bool = False) -> str:
        """Plays a WAV file to the other side. A key in `until` cuts it short and is returned; else the empty string, at its end.

        Keys pressed before count; those before the one that is returned are forgotten, all others stay for `digits`.
        """
        self._needs_audio()
        early = self._take_key(until)
        if early:
            return early
        token: int = self._do(self._engine.play, os.fspath(path), repeat)
        done = self._plays[token] = self._loop.create_future()
        try:
            while not done.done():
                await self._key_or(done)
                key = self._take_key(until)
                if key:
                    return key
            if done.result():
                return ""
            raise CallEnded("the call's audio ended while the file was playing")
        finally:
            self._plays.pop(token, None)
            if not done.done() and self._outcome is None:
                try:
                    checked(self._engine.stop_play, self._number, token)
                except SipError:
                    pass

    def record(self, path: str | os.PathLike[str], *, stereo: bool = True) -> None:
        """Records both sides into a WAV file until the call ends: stereo (left us, right them), or a mono mix.

        The file is complete when `hangup` or `ended` has returned.
        """
        self._needs_audio()
        self._do(self._engine.record, os.fspath(path), stereo)

    def stop_record(self) -> None:
        """Ends the recording before the call ends."""
        self._do(self._engine.stop_record)

    async def digits(self, n: int, *, until: str = "#", timeout: float = 5.0) -> str:
        """Collects up to `n` keys: until one in `until` (not returned), or none for `timeout` seconds. Keys pressed before count.

        When the call ends meanwhile, the keys so far are returned; if there are none, `CallEnded` is raised.
        """
        got = ""
        while len(got) < n:
            if self._keys:
                key = self._keys.popleft()
                if key in until:
                    break
                got += key
            elif self._outcome is not None:
                if not got:
                    raise self._ended()
                break
            else:
                try:
                    async with asyncio.timeout(timeout):
                        await self._key_or(None)
                except TimeoutError:
                    break
        return got

    async def send_digits(self, digits: str, *, duration: float = 0.16) -> None:
        """Presses keys (`0-9*#A-D`, `,` pauses for half a second) for `duration` seconds each; returns when the last one was sent."""
        self._needs_audio()
        self._do(self._engine.send_dtmf, digits, round(duration * 1000))
        sent: asyncio.Future[None] = self._loop.create_future()
        self._sending.append(sent)
        try:
            await sent
        finally:
            if sent in self._sending:
                self._sending.remove(sent)

    # PCM

    async def audio(self, *, rate: int = 16000) -> AsyncIterator[Frame]:
        """What the other side says from now on: 20 ms of signed 16-bit PCM at a time, until the call ends.

        `rate` is one of 8000, 16000, 24000, 32000, 44100 and 48000. A program that falls more than five seconds behind loses the newest
        audio; the frames' `time` shows the gap. Every iteration hears everything.
        """
        if self._outcome is not None:
            return
        self._needs_audio()
        mouth = self._mouth(rate)
        ear = Ear(mouth.lend() or self._port(rate), rate)
        try:
            while (frame := await ear.next()) is not None:
                yield frame
        finally:
            mouth.take_back(ear.port)

    async def send(self, pcm: Buffer, *, rate: int = 16000) -> None:
        """Says signed 16-bit mono PCM to the other side, behind what waits already. Returns when it is queued; more than two seconds
        ahead, it waits. `interrupt` drops what was not said yet."""
        if self._outcome is not None:
            raise self._ended()
        self._needs_audio()
        if not await self._mouth(rate).say(pcm):
            raise CallEnded("the call ended while audio was being sent")

    def interrupt(self) -> float:
        """Drops what `send` queued, also what a `send` that still waits would queue; returns how many seconds of it were said."""
        return max((mouth.interrupt() for mouth in self._mouths.values()), default=0.0)

    # Inside

    def _mouth(self, rate: int) -> Mouth:
        mouth = self._mouths.get(rate)
        if mouth is None:
            mouth = self._mouths[rate] = Mouth(self._port(rate), rate)
        return mouth

    def _port(self, rate: int) -> Pcm:
        port: Pcm = self._do(self._engine.pcm, rate)
        return port

    def _do(self, function: Any, *args: Any) -> Any:
        if self._outcome is not None:
            raise self._ended()
        return checked(function, self._number, *args)

    def _ended(self) -> CallEnded:
        outcome = self._outcome or {"status": None, "reason": ""}
        return CallEnded(f"the call is over: {outcome['reason']}", outcome["status"])

    def _only_incoming(self, what: str) -> None:
        if not self._incoming:
            raise StateError(f"{what} is for calls that come in; this one was made by us")

    def _needs_audio(self) -> None:
        if self._outcome is None and not self._early and not self._up.done():
            raise StateError("the call has no audio yet: wait for the answer, or ring(early_media=True)")

    def _end_it(self, status: int = 0) -> None:
        if self._outcome is None:
            try:
                checked(self._engine.hangup, self._number, status)
            except CallEnded:
                pass        # its last event is on the way

    async def _hold(self, hold: bool) -> None:
        while self._holding is not None:        # one at a time, also behind one whose task was cancelled
            await asyncio.shield(self._holding)
        self._do(self._engine.hold, hold)
        self._holding = self._loop.create_future()
        if not await asyncio.shield(self._holding):
            raise StateError("the other side did not agree to hold or resume; the call goes on as before")

    def _take_key(self, wanted: str) -> str:
        if wanted and any(key in wanted for key in self._keys):
            while (key := self._keys.popleft()) not in wanted:
                pass
            return key
        return ""

    async def _key_or(self, done: asyncio.Future[bool] | None) -> None:
        key: asyncio.Future[None] = self._loop.create_future()
        self._waiters.add(key)
        try:
            if done is None:
                await key
            else:
                either: list[asyncio.Future[Any]] = [key, done]
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiters.discard(key)

    def _wake(self) -> None:
        for waiter in self._waiters:
            _settle(waiter, None)

    def _event(self, name: str, fields: dict[str, Any]) -> None:
        if name == "call_progress":
            self.progress = fields["status"]
            self._early |= fields["early_media"]
        elif name == "call_answered":
            self.codec = fields["codec"]
            _settle(self._up, None)
        elif name == "dtmf":
            self._keys.append(fields["digit"])
            self._wake()
        elif name == "dtmf_sent":
            while self._sending:
                _settle(self._sending.popleft(), None)
        elif name == "play_done":
            done = self._plays.get(fields["token"])
            if done is not None:
                _settle(done, not fields["interrupted"])
        elif name == "call_held":
            self._held[1] = fields["held"]
        elif name == "call_hold_done":
            self._held[0] = fields["held"]
            if self._holding is not None:
                _settle(self._holding, fields["ok"])
                self._holding = None
        elif name == "call_ended":
            self._end(fields)
        elif name == "media_failed":
            self._fail_waiting(StateError(fields["reason"]))
            logger.warning("call %s: %s", self.id, fields["reason"])
        elif name == "rtp_timeout":
            logger.warning("call %s: nothing is heard of the other side", self.id)
        elif name == "trouble":
            logger.warning("call %s: %s", self.id, fields["reason"])

    def _end(self, outcome: dict[str, Any]) -> None:
        if self._outcome is not None:
            return
        self._outcome = outcome
        if outcome.get("quality"):
            self._figures = outcome["quality"]
        if not self._up.done():
            _fail(self._up, of_outcome(outcome))
        _settle(self._over, None)
        self._fail_waiting(self._ended())
        for done in self._plays.values():
            _settle(done, False)
        self._mouths.clear()        # an iteration of `audio` keeps its port until it has read the rest
        self._wake()

    def _fail_waiting(self, error: SipError) -> None:
        while self._sending:
            _fail(self._sending.popleft(), error)
        if self._holding is not None and self._outcome is not None:
            _fail(self._holding, error)
            self._holding = None


def _settle(future: asyncio.Future[T], value: T) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[Any], error: SipError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()      # nobody has to look at it
