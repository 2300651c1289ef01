"""From the engine's descriptor to the event loop: about twenty lines instead of a thread per await."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from ._errors import of_engine
from ._sipwright import Engine, EngineError

# Events taken in one turn of the loop, so that a flood of them starves nobody.
_BATCH = 256


class Bridge:
    """Reads events whenever the loop has time and hands each to `handle`."""

    def __init__(self, engine: Engine, handle: Callable[[str, int, int, int, dict[str, Any]], None]) -> None:
        self._engine = engine
        self._handle = handle
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(engine.fileno(), self._drain)

    def close(self) -> None:
        """Reads no more."""
        self._loop.remove_reader(self._engine.fileno())

    def _drain(self) -> None:
        for _ in range(_BATCH):
            event = self._engine.next_event()
            if event is None:
                return
            self._handle(*event)


def checked(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Calls into the engine; its failures become exceptions of ours."""
    try:
        return function(*args, **kwargs)
    except EngineError as error:
        raise of_engine(error) from None
