"""Requests that are no calls: what comes back to one of ours, and one of a peer that the program answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

from ._bridge import checked
from ._errors import CallEnded, StateError

if TYPE_CHECKING:
    from ._call import Call
    from ._sipwright import Engine


@final
@dataclass(frozen=True, slots=True)
class Response:
    """The final response to a request of ours."""

    #: SIP status.
    status: int
    #: Reason phrase, or what happened here and what to do.
    reason: str
    #: The whole response as it was on the wire; empty when none came and the status was made here.
    message: bytes

    @property
    def body(self) -> bytes:
        """The body of the response."""
        return self.message.partition(b"\r\n\r\n")[2]

    def header(self, name: str) -> str | None:
        """The first header of that name (in its long form), or None."""
        return _header(self.message, name)


@final
class Request:
    """A request of a peer whose method the phone takes (`Phone(methods=..)`): answer it."""

    __slots__ = ("_engine", "_number", "method", "uri", "sender", "to", "content_type", "body", "message", "call")

    def __init__(self, engine: Engine, number: int, fields: dict[str, Any], call: Call | None) -> None:
        self._engine = engine
        self._number = number
        #: Method.
        self.method: str = fields["method"]
        #: Request-URI.
        self.uri: str = fields["uri"]
        #: From as URI.
        self.sender: str = fields["from"]
        #: To as URI.
        self.to: str = fields["to"]
        #: Content-Type; empty without body.
        self.content_type: str = fields["content_type"]
        #: The body.
        self.body: bytes = fields["body"]
        #: The whole request as it was on the wire.
        self.message: bytes = fields["message"]
        #: The call inside whose dialog it came, if any.
        self.call = call

    def __repr__(self) -> str:
        return f"<Request {self.method} from {self.sender}>"

    def header(self, name: str) -> str | None:
        """The first header of that name (in its long form), or None."""
        return _header(self.message, name)

    def answer(
        self,
        status: int = 200,
        reason: str = "",
        *,
        body: bytes = b"",
        content_type: str = "",
        headers: Mapping[str, str] = {},
    ) -> None:
        """Answers it, with 200 to 699. Without an answer the library gives 500 after 24 s."""
        try:
            checked(self._engine.answer_request, self._number, status, reason, content_type, body, list(headers.items()))
        except CallEnded:
            raise StateError("the request is over: it was answered, or has run out of time") from None


def _header(message: bytes, name: str) -> str | None:
    head = message.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    for line in head.split("\r\n")[1:]:
        key, colon, value = line.partition(":")
        if colon and key.strip().lower() == name.lower():
            return value.strip()
    return None
