"""call.py TARGET-URI RECORD.wav KEYS [LISTEN-URI]: calls, records what is said, presses KEYS, waits for the other side to hang up.

Prints one line of JSON: the figures of the call, and the messages on the wire as [seconds, "sent" | "received", first line].
"""
import asyncio
import json
import sys

import sipwright as sip


async def main(target: str, record: str, keys: str, listen: str = "udp://127.0.0.1:0") -> None:
    wire: list[tuple[float, str, str]] = []

    def on_trace(message: sip.Trace) -> None:
        line = message.data.split(b"\r\n", 1)[0].decode("utf-8", "replace")
        wire.append((message.time, "sent" if message.sent else "received", line))

    async with sip.Phone("sip:caller@127.0.0.1", listen=listen, trace=on_trace) as phone:
        async with phone.call(target, timeout=30) as call:      # entered when answered
            call.record(record)                                 # stereo: left us, right them
            await asyncio.sleep(1)                              # the prompt has begun
            await call.send_digits(keys)
            await call.ended()                                  # the other side says good-bye
            quality = call.quality
    print(json.dumps({
        "wire": wire, "sent": quality.sent, "received": quality.received, "lost": quality.lost, "loss_pct": quality.loss_pct,
        "jitter_ms": quality.jitter_ms, "rtt_ms": quality.rtt_ms, "mos": quality.mos,
    }))


asyncio.run(main(*sys.argv[1:]))
