"""call.py TARGET-URI RECORD.wav KEYS SECONDS: calls, records, presses KEYS one by one within SECONDS, waits for the other side to hang up.

Prints one line of JSON: the figures of the call as this side counted them.
"""
import asyncio
import dataclasses
import json
import sys

import sipwright as sip


async def main(target: str, record: str, keys: str, seconds: str) -> None:
    async with sip.Phone("sip:caller@127.0.0.1", listen="udp://127.0.0.1:0", codecs=["PCMU"]) as phone:
        async with phone.call(target, timeout=30) as call:      # entered when answered, left by hanging up
            call.record(record)                                 # stereo: left us, right them
            for key in keys:
                await asyncio.sleep(float(seconds) / len(keys))
                await call.send_digits(key)
            await call.ended()                                  # the other side says good-bye
        print(json.dumps(dataclasses.asdict(call.quality)))


asyncio.run(main(*sys.argv[1:]))
