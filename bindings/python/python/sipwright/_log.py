"""Where warnings about calls and the engine's own records go: the logger `sipwright`, silent unless the program wants it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import final

logger = logging.getLogger("sipwright")
logger.addHandler(logging.NullHandler())

# The engine's levels, most important first, from 1 on.
_LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, logging.DEBUG)


@final
@dataclass(frozen=True, slots=True)
class Trace:
    """One SIP message on the wire: a whole datagram, or the bytes of a stream as they came."""

    #: Seconds since the phone was opened.
    time: float
    #: We sent it; else it came.
    sent: bool
    #: udp, tcp, ..
    protocol: str
    #: Our address and port.
    local: str
    #: The other side's.
    remote: str
    #: The bytes.
    data: bytes


def record(level: int, target: str, message: str) -> None:
    """A record of the engine."""
    logger.log(_LEVELS[level - 1], "%s: %s", target, message)
