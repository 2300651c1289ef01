"""A phone: an engine with an account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, TypeVar, cast, final

from ._bridge import Bridge, checked
from ._call import Call
from ._errors import SipError, StateError, of_outcome
from ._log import Trace, logger, record
from ._request import Request, Response
from ._sipwright import Engine

T = TypeVar("T")

# Calls and messages that may wait for the program to look at them; more calls are refused as busy, more messages dropped.
_WAITING_MAX = 1024
# Seconds that ending calls and accounts may take when the phone is closed.
_GRACE_S = 2.0
_ACCOUNT_OPTIONS = ("auth_user", "realm", "registrar", "proxy", "routes", "expires", "tls_profile", "ws_path", "keep_alive",
    "keep_alive_interval")
_CLOSED = {"status": 487, "reason": "the phone was closed", "local": True, "by_peer": False}


@final
@dataclass(frozen=True, slots=True)
class Message:
    """A text message. RFC 3428."""

    sender: str
    content_type: str
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


@final
class _Dialing(Awaitable[Call]):
    """A call being dialled: await it for the call, or `async with` it to hang up on leaving."""

    __slots__ = ("_dial", "_call")

    def __init__(self, dial: Callable[[], Call]) -> None:
        self._dial = dial
        self._call: Call | None = None

    def __await__(self) -> Generator[Any, None, Call]:
        return self._answered().__await__()

    async def __aenter__(self) -> Call:
        self._call = await self._answered()
        return self._call

    async def __aexit__(
        self, t: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._call is not None:
            await self._call.hangup()

    async def _answered(self) -> Call:
        call = self._dial()
        try:
            await call.answered()
        except asyncio.CancelledError:
            call._end_it()      # the engine does the rest; a cancelled task must not wait for it
            raise
        return call


@final
class Phone:
    """A phone for `async with`. With a password it registers; without, it calls and is called directly.

    `listen` names addresses, comma-separated: `udp://127.0.0.1:5070,tcp://[::]:5060`; the default is any free port. Options: `user_agent`,
    `public_address`, `signalling_threads`, `media_threads`, `max_calls`, `codecs`, `ring_timeout`, `rtp_timeout`, `rtp_timeout_hangup`,
    `quality_interval`, `rtp_ports`, `methods` (requests that come as `requests()`: INFO, NOTIFY, REFER ..),
    `force_rport`, `udp_size_limit`, `tls` (a dict, docs/tls.md) (of the engine); `auth_user`,
    `realm`, `registrar`, `proxy`, `routes`, `expires`, `register`, `tls_profile`, `ws_path`, `keep_alive`
    (True, False, or None: as the registrar wants), `keep_alive_interval` (of the account);
    `defence`, a dict of rates and bans per source (`requests`, `auth_failures`, `malformed`: a minute, or `(a minute, at once)`; `ban`, `ban_max`,
    `overload_delay` in seconds; `allow`, `drop_scanners`, `overload_control`); `filter`, a function that gets an `Incoming` of each new request,
    on the engine's own thread, and returns None or True (accept), False (drop), a status, or (status, reason);
    `dns`, a list of name servers (`192.0.2.53`, `[2001:db8::53]:5353`), and `hosts`, a hosts file ("" for none), instead of the system's;
    `trace`, a function that gets a `Trace` of every SIP message; `log`, one of error, warning, info, debug, trace: what the engine tells
    the logger `sipwright`.
    """

    def __init__(
        self, aor: str | None = None, password: str | None = None, *, listen: str | None = None, **options: object
    ) -> None:
        self._aor = aor or "sip:anonymous@anonymous.invalid"
        self._password = password or ""
        self._register = bool(options.pop("register", bool(self._password)))
        self._account_options: dict[str, Any] = {
            name: options.pop(name) for name in _ACCOUNT_OPTIONS if name in options
        }
        self._trace = cast("Callable[[Trace], object] | None", options.pop("trace", None))
        self._engine_options: dict[str, Any] = {"trace": self._trace is not None, **options}
        self._engine_options["listen"] = [part.strip() for part in (listen or "").split(",") if part.strip()]
        self._calls: dict[int, Call] = {}
        self._requests: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._incoming: asyncio.Queue[Call | None] = asyncio.Queue()
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        self._asked: asyncio.Queue[Request | None] = asyncio.Queue()
        self._progress: dict[int, Callable[[Response], object]] = {}
        self._started = False
        self._closed = False

    async def __aenter__(self) -> Self:
        if self._started:
            raise StateError("a Phone is entered once; make a new one")
        self._started = True
        self._registered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._engine: Engine = checked(Engine, **self._engine_options)
        self._bridge = Bridge(self._engine, self._event, self._tell)
        try:
            self._account: int = checked(
                self._engine.add_account, self._aor, self._password, register=self._register, **self._account_options
            )
        except BaseException:
            self._closed = True
            self._bridge.close()
            self._engine.shutdown(0.0)
            raise
        return self

    async def __aexit__(
        self, t: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._closed = True
        self._incoming.put_nowait(None)
        self._messages.put_nowait(None)
        self._asked.put_nowait(None)
        closing = asyncio.get_running_loop().run_in_executor(None, self._engine.shutdown, _GRACE_S)
        try:
            await asyncio.shield(closing)
        finally:
            self._bridge.close()
            for call in list(self._calls.values()):
                call._end(_CLOSED)
            self._calls.clear()
            for waiting in self._requests.values():
                if not waiting.done():
                    waiting.set_result(_CLOSED)
            self._settle_registered(of_outcome(_CLOSED))

    @property
    def addresses(self) -> list[str]:
        """Where the phone listens: `udp://127.0.0.1:5070`."""
        self._open()
        return self._engine.listeners()

    def stats(self) -> dict[str, int]:
        """Counts since the start, how full the tables are, and their bounds (`.._max`), by name."""
        self._open()
        return self._engine.stats()

    async def registered(self) -> None:
        """Waits for the outcome of the registration, and raises what the registrar said when it failed. Later it tells the latest."""
        self._open()
        if not self._register:
            raise StateError("this phone does not register: give a password, or register=True")
        await asyncio.shield(self._registered)

    def call(
        self,
        to: str,
        *,
        timeout: float = 60.0,
        headers: Mapping[str, str] = {},
        codecs: tuple[str, ...] = (),
        routes: tuple[str, ...] = (),
    ) -> _Dialing:
        """Calls a URI, or a user of the account's domain. `await` it, or `async with` it; nobody answers within `timeout`: `NoAnswer`."""
        return _Dialing(lambda: self.dial(to, timeout=timeout, headers=headers, codecs=codecs, routes=routes))

    def dial(
        self,
        to: str,
        *,
        timeout: float = 60.0,
        headers: Mapping[str, str] = {},
        codecs: tuple[str, ...] = (),
        routes: tuple[str, ...] = (),
    ) -> Call:
        """The same without waiting for the answer: for early media, or to give up at will. `Call.answered` waits."""
        self._open()
        number: int = checked(
            self._engine.dial, self._account, to, headers=list(headers.items()), codecs=list(codecs), ring_timeout=timeout,
            routes=list(routes),
        )
        call = self._calls[number] = Call(self, number, to, "", incoming=False)
        return call

    async def calls(self) -> AsyncIterator[Call]:
        """Calls that come in, until the phone is closed."""
        while (call := await _next(self._incoming)) is not None:
            if call.state != "ended":
                yield call

    async def messages(self) -> AsyncIterator[Message]:
        """Text messages that come in, until the phone is closed."""
        while (message := await _next(self._messages)) is not None:
            yield message

    async def requests(self) -> AsyncIterator[Request]:
        """Requests that come in of the methods that the phone takes (`methods`), until it is closed: each wants an answer."""
        while (request := await _next(self._asked)) is not None:
            yield request

    async def request(
        self,
        method: str,
        to: str,
        *,
        body: bytes = b"",
        content_type: str = "",
        headers: Mapping[str, str] = {},
        routes: tuple[str, ...] = (),
        progress: Callable[[Response], object] | None = None,
    ) -> Response:
        """Sends any request outside of calls (SUBSCRIBE, REFER, PUBLISH, one of yours) and gives the final response, whatever it is.

        `routes` is the pre-loaded route set, topmost first, instead of the account's; `progress` gets provisional responses.
        """
        return await self._send(self._account, method, to, body, content_type, headers, routes, progress)

    async def send_message(self, to: str, text: str) -> None:
        """Sends a text message; returns when it was accepted."""
        outcome = await self._request("MESSAGE", to, "text/plain;charset=UTF-8", text.encode())
        if not 200 <= outcome["status"] < 300:
            raise of_outcome(outcome)

    async def ping(self, to: str) -> None:
        """Asks a peer whether it is there (OPTIONS). Any answer but silence counts."""
        outcome = await self._request("OPTIONS", to, "", b"")
        if outcome["local"]:
            raise of_outcome(outcome)

    # Inside

    async def _request(self, method: str, to: str, content_type: str, body: bytes) -> dict[str, Any]:
        self._open()
        number: int = checked(self._engine.request, self._account, method, to, content_type, body)
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._requests[number] = done
        try:
            return await done
        finally:
            self._requests.pop(number, None)

    async def _send(
        self,
        sender: int,
        method: str,
        to: str,
        body: bytes,
        content_type: str,
        headers: Mapping[str, str],
        routes: tuple[str, ...] = (),
        progress: Callable[[Response], object] | None = None,
    ) -> Response:
        self._open()
        number: int = checked(
            self._engine.send_request, sender, method, to, content_type, body, list(headers.items()), list(routes)
        )
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._requests[number] = done
        if progress is not None:
            self._progress[number] = progress
        try:
            return _response(await done)
        finally:
            self._requests.pop(number, None)
            self._progress.pop(number, None)

    def _open(self) -> None:
        if not self._started or self._closed:
            raise StateError("the phone is not open: use it inside `async with Phone(..) as phone`")

    def _event(self, name: str, account: int, number: int, request: int, fields: dict[str, Any]) -> None:
        if name == "call_incoming":
            self._call_incoming(number, fields)
        elif request:
            self._request_event(name, number, request, fields)
        elif number:
            call = self._calls.get(number)
            if call is not None:
                if name == "call_ended":
                    del self._calls[number]
                call._event(name, fields)
        elif name == "registered":
            self._settle_registered(None)
        elif name == "register_failed":
            self._settle_registered(of_outcome(fields))
        elif name == "flow_failed":
            logger.warning("registering anew: %s", fields["reason"])
        elif name == "message":
            if self._messages.qsize() < _WAITING_MAX:
                self._messages.put_nowait(Message(fields["from"], fields["content_type"], fields["body"]))
            else:
                logger.warning("a message was dropped: %d wait already; iterate over Phone.messages()", _WAITING_MAX)
        elif name == "trouble":
            logger.warning("%s", fields["reason"])

    def _request_event(self, name: str, call: int, number: int, fields: dict[str, Any]) -> None:
        if name == "request":
            request = Request(self._engine, number, fields, self._calls.get(call))
            if self._closed or self._asked.qsize() >= _WAITING_MAX:
                logger.warning("a request was refused: %d wait already; iterate over Phone.requests()", self._asked.qsize())
                request.answer(503)
            else:
                self._asked.put_nowait(request)
        elif name == "request_progress":
            if number in self._progress:
                self._progress[number](_response(fields))
        else:
            done = self._requests.get(number)
            if done is not None and not done.done():
                done.set_result(fields)

    def _call_incoming(self, number: int, fields: dict[str, Any]) -> None:
        call = self._calls[number] = Call(self, number, fields["from"], fields["display"], incoming=True)
        if self._closed:
            call._end_it()
        elif self._incoming.qsize() >= _WAITING_MAX:
            logger.warning("a call was refused: %d wait already; iterate over Phone.calls()", _WAITING_MAX)
            call._end_it()
        else:
            self._incoming.put_nowait(call)

    def _settle_registered(self, error: SipError | None) -> None:
        # The latest outcome stands; who waits already gets the first.
        if self._registered.done():
            if self._closed:
                return
            self._registered = asyncio.get_running_loop().create_future()
        if error is None:
            self._registered.set_result(None)
        else:
            self._registered.set_exception(error)
            self._registered.exception()        # nobody has to look at it

    def _tell(self, entry: tuple[Any, ...]) -> None:
        kind, *rest = entry
        if kind == "trace" and self._trace is not None:
            self._trace(Trace(*rest))
        elif kind == "log":
            record(*rest)
        elif kind == "lost":
            logger.warning("%d traces and log records were lost: the event loop was busy", *rest)


def _response(fields: dict[str, Any]) -> Response:
    return Response(fields["status"], fields["reason"], fields.get("message", b""))


async def _next(queue: asyncio.Queue[T | None]) -> T | None:
    item = await queue.get()
    if item is None:
        queue.put_nowait(None)      # for whoever iterates beside us
    return item
