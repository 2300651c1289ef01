"""The example programs, run unchanged, and what the README shows, run."""
import array
import asyncio
import contextlib
import io
import re
import unittest
from pathlib import Path

import sipwright as sip
from support import LONG, ROOT, Case, Peer, contact, first, read_wav, share, taken, tone, until, uri, write_wav
from test_audio import heard, talking

EXAMPLES = ROOT / "examples" / "python"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.M | re.S)


class Examples(Case):
    async def hello(self, bob: sip.Phone, prompt: Path) -> asyncio.subprocess.Process:
        return await self.program(
            EXAMPLES / "hello.py", "sip:hello@127.0.0.1", uri("bob", bob), prompt, self.dir / "record.wav")

    async def test_hello_plays_until_a_key(self):
        bob = await self.phone("bob")
        child = await self.hello(bob, write_wav(self.dir / "prompt.wav", tone(440, 60, 8000), 8000))
        call = await taken(bob)
        self.assertEqual(call.peer, "sip:hello@127.0.0.1")
        frames = call.audio(rate=8000)
        await heard(frames, 440, 8000)
        async with talking(call, 900, 16000):
            with contextlib.suppress(sip.CallEnded):    # hello hangs up as soon as the key is down
                await call.send_digits("5,,,#")         # a key that is not asked for does not cut it short
            out, _ = await self.finished(child)
        self.assertRegex(out, r"^key '#' MOS \d\.\d\d\n$")
        async with asyncio.timeout(LONG):
            await call.ended()
        rate, (left, right) = read_wav(self.dir / "record.wav")
        self.assertGreater(share(left, 440, rate), 0.9)
        self.assertGreater(share(right, 900, rate), 0.7)

    async def test_hello_plays_to_the_end(self):
        bob = await self.phone("bob")
        child = await self.hello(bob, write_wav(self.dir / "prompt.wav", tone(440, 0.5, 8000), 8000))
        call = await taken(bob)
        out, _ = await self.finished(child)
        self.assertRegex(out, r"^key '' MOS ")
        async with asyncio.timeout(LONG):
            await call.ended()

    async def test_hello_meets_a_busy_phone(self):
        bob = await self.phone("bob")
        child = await self.hello(bob, self.dir / "unused.wav")
        await (await first(bob)).reject()
        self.assertEqual(await self.finished(child), ("busy\n", ""))

    async def test_request_is_sent_and_taken(self):
        taking = await self.program(EXAMPLES / "request.py", "SUBSCRIBE,BREW")
        assert taking.stdout
        async with asyncio.timeout(LONG):
            at = (await taking.stdout.readline()).decode().strip().removeprefix("udp://")
        child = await self.program(EXAMPLES / "request.py", "BREW", f"sip:pot@{at}", "two cups")
        out, _ = await self.finished(child)
        self.assertTrue(out.startswith("SIP/2.0 200 OK") and out.rstrip().endswith("two cups"), out)
        async with asyncio.timeout(LONG):
            self.assertEqual(await taking.stdout.readline(), b"BREW from sip:example@127.0.0.1: two cups\n")
        taking.terminate()
        await taking.wait()

    async def test_bot_registers_and_echoes(self):
        async with Peer(lambda method, fields: (200, "OK", [f"Contact: {fields['contact']};expires=600"])) as registrar:
            child = await self.program(EXAMPLES / "bot.py", f"sip:bot@127.0.0.1:{registrar.port}", SIP_PASSWORD="pw")
            await until("the bot registers", lambda: registrar.requests)
            target = contact(registrar.requests[0][1])
            alice = await self.phone("alice")

            async def talk(hz: float) -> None:
                async with asyncio.timeout(LONG), alice.call(target) as call:
                    frames = call.audio(rate=8000)
                    async with talking(call, hz, 8000):
                        await heard(frames, hz, 8000)
                    await frames.aclose()

            await asyncio.gather(talk(500), talk(700), talk(1100))      # each caller hears itself
            await talk(900)
            self.assertIsNone(child.returncode)
            child.terminate()
            await child.wait()


class Readme(Case):
    """Every block of bindings/python/README.md runs; its functions are named after what they need."""

    async def test_its_programs_run(self):
        text = (ROOT / "bindings" / "python" / "README.md").read_text()
        blocks = BLOCK.findall(text)
        self.assertGreater(len(blocks), 3)
        space: dict = {}
        for block in blocks:
            exec(compile(block, "README.md", "exec"), space)
        prompt = write_wav(self.dir / "hello.wav", tone(440, 0.3, 8000), 8000)
        bob, alice = await self.pair()

        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            # quick start: calls somebody who answers and presses a key
            async def press(call: sip.Call) -> None:
                with contextlib.suppress(sip.CallEnded):
                    await call.send_digits("1")
                await call.ended()

            pressing = asyncio.create_task(taken(bob))
            async with asyncio.timeout(LONG):
                running = asyncio.create_task(space["call_somebody"](uri("bob", bob), prompt, self.dir / "call.wav"))
                await press(await pressing)
                await running
            self.assertIn("1", said.getvalue())
            self.assertTrue((self.dir / "call.wav").is_file())

            # a menu that answers
            async with asyncio.timeout(LONG):
                serving = asyncio.create_task(space["menu"](bob, prompt))
                async with alice.call(uri("bob", bob)) as call:
                    with contextlib.suppress(sip.CallEnded):
                        await call.send_digits("42#")
                    await call.ended()
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
            self.assertIn("42", said.getvalue())

            # an echo
            async with asyncio.timeout(LONG):
                echoing = asyncio.create_task(space["echo"](bob))
                async with alice.call(uri("bob", bob)) as call:
                    frames = call.audio(rate=8000)
                    async with talking(call, 700, 8000):
                        await heard(frames, 700, 8000)
                    await frames.aclose()
                echoing.cancel()
                await asyncio.gather(echoing, return_exceptions=True)

            # errors
            async with asyncio.timeout(LONG):
                trying = asyncio.create_task(space["try_to_reach"](alice, uri("bob", bob)))
                await (await first(bob)).reject(603)
                await trying
            self.assertIn("declined", said.getvalue())


if __name__ == "__main__":
    unittest.main()
