"""SIP calls with audio from asyncio.

    async with sipwright.Phone("sip:alice@example.com", password) as phone:
        async with phone.call("bob") as call:
            await call.play("hello.wav")

Everything runs on the event loop of the program; the engine has threads of its own and never calls back into Python.
"""

from ._call import Call, Quality
from ._errors import (
    AuthFailed,
    Busy,
    CallEnded,
    CallFailed,
    Declined,
    NoAnswer,
    NotFound,
    SipError,
    StateError,
    TransportError,
)
from ._log import Trace
from ._phone import Message, Phone
from ._request import Request, Response
from ._sipwright import Frame, Incoming, __version__

__all__ = [
    "AuthFailed",
    "Busy",
    "Call",
    "CallEnded",
    "CallFailed",
    "Declined",
    "Frame",
    "Incoming",
    "Message",
    "NoAnswer",
    "NotFound",
    "Phone",
    "Quality",
    "Request",
    "Response",
    "SipError",
    "StateError",
    "Trace",
    "TransportError",
    "__version__",
]
