"""A phone: an engine with an account."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Generator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, final

from ._bridge import Bridge, checked
from ._call import Call
from ._errors import SipError, StateError, of_outcome
from ._sipwright import Engine

# Calls and messages that may wait for the program to look at them; more calls are refused as busy, more messages dropped.
_WAITING_MAX = 1024
_ACCOUNT_OPTIONS = ("auth_user", "realm", "registrar", "proxy", "expires")


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

    def __init__(self, phone: Phone, to: str, timeout: float, headers: Mapping[str, str], codecs: tuple[str, ...]) -> None:
        self._phone = phone
        self._to = to
        self._timeout = timeout
        self._headers = headers
        self._codecs = codecs
        self._call: Call | None = None

    def __await__(self) -> Generator[None, None, Call]:
        return self._dial().__await__()

    async def __aenter__(self) -> Call:
        self._call = await self._dial()
        return self._call

    async def __aexit__(
        self, t: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        if self._call is not None:
            await self._call.hangup()

    async def _dial(self) -> Call:
        call = self._phone._dial(self._to, self._timeout, self._headers, self._codecs)
        try:
            await asyncio.shield(call._up)
        except asyncio.CancelledError:
            await call.hangup()
            raise
        return call


@final
class Phone:
    """A phone for `async with`. With a password it registers; without, it calls and is called directly.

    `listen` names addresses, comma-separated: `udp://127.0.0.1:5070,tcp://[::]:5060`; the default is any free port. Options: `user_agent`,
    `public_address`, `signalling_threads`, `media_threads`, `max_calls`, `codecs`, `ring_timeout`, `rtp_timeout`, `rtp_timeout_hangup`,
    `quality_interval`, `rtp_ports` (of the engine); `auth_user`, `realm`, `registrar`, `proxy`, `expires`, `register` (of the account).
    """

    def __init__(
        self, aor: str | None = None, password: str | None = None, *, listen: str | None = None, **options: object
    ) -> None:
        self._aor = aor or "sip:anonymous@anonymous.invalid"
        self._password = password or ""
        account = {name: options.pop(name) for name in _ACCOUNT_OPTIONS if name in options}
        self._account_options = {"register": options.pop("register", bool(self._password)), **account}
        self._engine_options: dict[str, Any] = dict(options)
        self._engine_options["listen"] = [part.strip() for part in (listen or "").split(",") if part.strip()]
        self._calls: dict[int, Call] = {}
        self._incoming: asyncio.Queue[Call | None] = asyncio.Queue()
        self._messages: asyncio.Queue[Message | None] = asyncio.Queue()
        self._requests: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._started = False
        self._closed = False

    async def __aenter__(self) -> Self:
        if self._started:
            raise StateError("a Phone is entered once; make a new one")
        self._started = True
        self._registered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._engine: Engine = checked(Engine, **self._engine_options)
        self._bridge = Bridge(self._engine, self._event)
        try:
            self._account: int = checked(
                self._engine.add_account, self._aor, self._password, **self._account_options
            )
        except BaseException:
            self._bridge.close()
            await asyncio.to_thread(self._engine.shutdown, 0.0)
            raise
        return self

    async def __aexit__(
        self, t: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._closed = True
        self._incoming.put_nowait(None)
        self._messages.put_nowait(None)
        closing = asyncio.get_running_loop().run_in_executor(None, self._engine.shutdown, 2.0)
        try:
            await asyncio.shield(closing)
        finally:
            self._bridge._drain()
            self._bridge.close()
            gone = {"status": 487, "reason": "the phone was closed", "local": True, "by_peer": False}
            for call in list(self._calls.values()):
                call._end(gone)
            for waiting in self._requests.values():
                if not waiting.done():
                    waiting.set_result(gone)

    @property
    def addresses(self) -> list[str]:
        """Where the phone listens: `udp://127.0.0.1:5070`."""
        return self._engine.listeners()

    async def registered(self) -> None:
        """Waits for the first registration; raises what the registrar said when it fails."""
        if not self._account_options["register"]:
            raise StateError("this phone does not register: give a password, or register=True")
        await asyncio.shield(self._registered)

    def call(
        self,
        to: str,
        *,
        timeout: float = 60.0,
        headers: Mapping[str, str] = {},
        codecs: tuple[str, ...] = (),
    ) -> _Dialing:
        """Calls a URI, or a user of the account's domain. `await` it, or `async with` it; nobody answers within `timeout`: `NoAnswer`."""
        return _Dialing(self, to, timeout, headers, codecs)

    async def calls(self) -> AsyncIterator[Call]:
        """Calls that come in, until the phone is closed."""
        while (call := await self._incoming.get()) is not None:
            if call.state != "ended":
                yield call

    async def messages(self) -> AsyncIterator[Message]:
        """Text messages that come in, until the phone is closed."""
        while (message := await self._messages.get()) is not None:
            yield message

    async def send_message(self, to: str, text: str) -> None:
        """Sends a text message; returns when it was accepted."""
        await self._request("MESSAGE", to, "text/plain;charset=UTF-8", text.encode())

    async def ping(self, to: str) -> None:
        """Asks a peer whether it is there (OPTIONS). Any answer but silence counts."""
        outcome = await self._send("OPTIONS", to, "", b"")
        if outcome["local"]:
            raise of_outcome(outcome)

    async def _request(self, method: str, to: str, content_type: str, body: bytes) -> None:
        outcome = await self._send(method, to, content_type, body)
        if not 200 <= outcome["status"] < 300:
            raise of_outcome(outcome)

    async def _send(self, method: str, to: str, content_type: str, body: bytes) -> dict[str, Any]:
        self._open()
        number = checked(self._engine.request, self._account, method, to, content_type, body)
        done: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._requests[number] = done
        try:
            return await done
        finally:
            self._requests.pop(number, None)

    def _open(self) -> None:
        if not self._started or self._closed:
            raise StateError("the phone is not open: use it inside `async with Phone(..) as phone`")

    def _dial(self, to: str, timeout: float, headers: Mapping[str, str], codecs: tuple[str, ...]) -> Call:
        self._open()
        number = checked(
            self._engine.dial, self._account, to, headers=list(headers.items()), codecs=list(codecs), ring_timeout=timeout
        )
        call = self._calls[number] = Call(self, number, to, "", incoming=False)
        return call

    def _event(self, name: str, account: int, number: int, request: int, fields: dict[str, Any]) -> None:
        if name == "call_incoming":
            call = self._calls[number] = Call(self, number, fields["from"], fields["display"], incoming=True)
            if self._closed or self._incoming.qsize() >= _WAITING_MAX:
                checked(self._engine.hangup, number, 486)
            else:
                self._incoming.put_nowait(call)
        elif number:
            known = self._calls.get(number)
            if known is not None:
                known._event(name, fields)
                if name == "call_ended":
                    del self._calls[number]
        elif request:
            done = self._requests.get(request)
            if done is not None and not done.done():
                done.set_result(fields)
        elif name == "registered":
            if not self._registered.done():
                self._registered.set_result(None)
        elif name == "register_failed":
            if not self._registered.done():
                error: SipError = of_outcome(fields)
                self._registered.set_exception(error)
                self._registered.exception()        # nobody has to look at it
        elif name == "message" and self._messages.qsize() < _WAITING_MAX:
            self._messages.put_nowait(Message(fields["from"], fields["content_type"], fields["body"]))
