"""From the engine's descriptors to the event loop: a few lines instead of a thread per await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ._errors import of_engine
from ._sipwright import Engine, EngineError

# Taken in one turn of the loop, so that a flood of events starves nobody.
_BATCH = 64

Handler = Callable[[str, int, int, int, dict[str, Any]], None]
Teller = Callable[[tuple[Any, ...]], None]


class Bridge:
    """Reads events whenever the loop has time and hands each to `handle`; traces and log records go to `tell`."""

    def __init__(self, engine: Engine, handle: Handler, tell: Teller) -> None:
        self._engine = engine
        self._handle = handle
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._files = [engine.fileno()]
        self._loop.add_reader(engine.fileno(), self._drain)
        tape = engine.tape_fileno()
        if tape >= 0:
            self._files.append(tape)
            self._loop.add_reader(tape, self._drain_tape)

    def close(self) -> None:
        """Hands over what is left and reads no more."""
        while self._drain() or self._drain_tape():
            pass
        for file in self._files:
            self._loop.remove_reader(file)
        self._files.clear()

    def _drain(self) -> int:
        events = self._engine.next_events(_BATCH)
        for event in events:
            self._guarded(self._handle, *event)
        return len(events)

    def _drain_tape(self) -> int:
        entries, lost = self._engine.take_tape(_BATCH)
        if lost:
            self._guarded(self._tell, ("lost", lost))
        for entry in entries:
            self._guarded(self._tell, entry)
        return len(entries)

    def _guarded(self, function: Callable[..., None], *args: Any) -> None:
        # One failure costs one event, never the ones behind it.
        try:
            function(*args)
        except Exception as error:
            context = {"message": f"sipwright: {args[0]!r} could not be handled", "exception": error}
            self._loop.call_exception_handler(context)


def checked(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls into the engine; its failures become exceptions of ours."""
    try:
        return function(*args, **kwargs)
    except EngineError as error:
        raise of_engine(error) from None
