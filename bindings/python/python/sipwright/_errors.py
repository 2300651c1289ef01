"""What can go wrong, sorted so that a program can tell a busy peer from its own mistake."""

from __future__ import annotations

from typing import Any

from ._sipwright import EngineError


class SipError(Exception):
    """Anything that went wrong. `status` is the SIP status where there is one, `reason` says what happened and what to do."""

    def __init__(self, reason: str = "", status: int | None = None) -> None:
        super().__init__(f"{status} {reason}" if status else reason)
        self.status = status
        self.reason = reason


class CallFailed(SipError):
    """The call did not come up."""


class Busy(CallFailed):
    """486, 600."""


class Declined(CallFailed):
    """603."""


class NoAnswer(CallFailed):
    """408, 480, 487: nobody answered in time."""


class NotFound(CallFailed):
    """404, 410, 484, 604: there is no such user."""


class AuthFailed(CallFailed):
    """401, 403, 407: user or password are not what the other side wants."""


class CallEnded(SipError):
    """The call is over; what was asked of it cannot be done any more."""


class StateError(SipError):
    """Not possible now, or not with these arguments."""


class TransportError(SipError):
    """The network or the system refused: no route, no such name, port in use, file not readable."""


_BY_STATUS: dict[int, type[CallFailed]] = {
    401: AuthFailed, 403: AuthFailed, 407: AuthFailed,
    404: NotFound, 410: NotFound, 484: NotFound, 604: NotFound,
    408: NoAnswer, 480: NoAnswer, 487: NoAnswer,
    486: Busy, 600: Busy, 603: Declined,
}


def of_outcome(outcome: dict[str, Any]) -> SipError:
    """The exception for a call or request that failed with this outcome."""
    status, reason = outcome["status"], outcome["reason"]
    if outcome["local"] and status == 503:
        return TransportError(reason, status)
    return _BY_STATUS.get(status, CallFailed)(reason, status)


def of_engine(error: EngineError) -> SipError:
    """The exception for a failed call into the engine."""
    kind, reason = error.args
    if kind == "gone":
        return CallEnded(reason)
    if kind == "io":
        return TransportError(reason)
    if kind in ("invalid", "state"):
        return StateError(reason)
    return SipError(reason)
