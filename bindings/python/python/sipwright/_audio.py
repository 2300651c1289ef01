"""PCM of a call: an ear that waits for frames, and a mouth that keeps a little ahead."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from ._errors import StateError
from ._sipwright import Frame, Pcm

if TYPE_CHECKING:
    from typing_extensions import Buffer

# Audio that may wait in `send` before it makes the caller wait: enough for a sentence, little enough to interrupt.
_AHEAD_S = 2.0
# How often a `send` that waits looks for room.
_LOOK_S = 0.02
_FRAMES = 50
_ORDER = {"little": "<", "big": ">"}[sys.byteorder]
# What a buffer may call its items: bytes, or signed 16-bit samples in machine order.
_FORMATS = frozenset(("B", "b", "c", "h", "=h", "@h", f"{_ORDER}h"))


class Ear:
    """One iteration over what is heard."""

    def __init__(self, port: Pcm, rate: int) -> None:
        self.port = port
        self._rate = rate
        self._frames = 0
        self._dropped = port.dropped
        port.skip()     # what was heard before is nobody's any more

    async def next(self) -> Frame | None:
        """The next frame; None at the end of the call."""
        while True:
            ended = self.port.ended
            frame = self.port.read(self._frames / _FRAMES + (self.port.dropped - self._dropped) / self._rate)
            if frame is not None:
                self._frames += 1
                return frame
            if ended:
                return None
            await self._ready()

    async def _ready(self) -> None:
        # The loop looks at the descriptor only while somebody waits: audio that waits for a slow program must not keep it spinning.
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self.port.fileno(), _set, ready)
        try:
            await ready
        finally:
            loop.remove_reader(self.port.fileno())


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


class Mouth:
    """What `send` fills at one rate. Its port can also be listened to, by one iteration at a time."""

    def __init__(self, port: Pcm, rate: int) -> None:
        self._port = port
        self._rate = rate
        self._lent = False
        self._interrupts = 0
        self._turn = asyncio.Lock()

    def lend(self) -> Pcm | None:
        """The port to listen to, if nobody does."""
        if self._lent:
            return None
        self._lent = True
        return self._port

    def take_back(self, port: Pcm) -> None:
        """The iteration is over."""
        if port is self._port:
            self._lent = False

    async def say(self, pcm: Buffer) -> bool:
        """Queues samples; False when the call ended before the last was queued."""
        rest = _bytes(pcm)
        interrupts = self._interrupts
        async with self._turn:      # two utterances never mix
            while rest and interrupts == self._interrupts:
                room = int(_AHEAD_S * self._rate) - self._port.queued
                if room > 0:
                    rest = rest[self._port.write(rest[: room * 2]) :]
                if not rest:
                    break
                if self._port.ended:
                    return False
                await asyncio.sleep(_LOOK_S)
        return True

    def interrupt(self) -> float:
        """Drops what waits; seconds that were said."""
        self._interrupts += 1
        return self._port.interrupt()


def _bytes(pcm: Buffer) -> memoryview:
    view = memoryview(pcm)
    if view.format not in _FORMATS:
        raise StateError(f"audio with items of format {view.format!r}: give signed 16-bit samples ('h'), or their bytes")
    if view.nbytes % 2:
        raise StateError(f"{view.nbytes} bytes of audio: a sample has two, so the number must be even")
    if not view.c_contiguous:
        view = memoryview(view.tobytes())
    return view if view.format == "B" and view.ndim == 1 else view.cast("B")
