"""Many calls: at once, one after the other, and in a program that ends while they are up."""
import asyncio
import gc
import os
import signal
import threading
import unittest

import sipwright as sip
from support import LONG, Case, taken, uri

AT_ONCE = 200
IN_A_ROW = 2000


def resident() -> int:
    """Bytes of memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Many(Case):
    async def test_calls_at_once(self):
        alice, bob = await self.pair(quality_interval=0)

        async def serve(call: sip.Call, keys: list[str]) -> None:
            async with call:
                keys.append(await call.digits(1, timeout=LONG))
                await call.ended()

        async def answer(keys: list[str]) -> None:
            async with asyncio.TaskGroup() as tasks:
                count = 0
                async for call in bob.calls():
                    tasks.create_task(serve(call, keys))
                    count += 1
                    if count == AT_ONCE:
                        return

        keys: list[str] = []
        async with asyncio.timeout(2 * LONG):
            answering = asyncio.create_task(answer(keys))
            calls = await asyncio.gather(*(alice.call(uri("bob", bob)) for _ in range(AT_ONCE)))
            self.assertEqual({call.state for call in calls}, {"up"})
            self.assertEqual(len({call.id for call in calls}), AT_ONCE)
            await asyncio.gather(*(call.send_digits("5") for call in calls))
            await asyncio.gather(*(call.hangup() for call in calls))
            await answering
        self.assertEqual(keys, ["5"] * AT_ONCE)
        self.assertFalse(alice._calls or bob._calls)

    async def test_calls_in_a_row_leave_nothing_behind(self):
        alice, bob = await self.pair(quality_interval=0)
        target = uri("bob", bob)

        async def answer() -> None:
            async for call in bob.calls():
                await call.answer()

        async def dial(count: int) -> None:
            for _ in range(count):
                async with asyncio.timeout(LONG):
                    async with alice.call(target) as call:
                        await call.send(bytes(640))
                    del call

        async def settled() -> tuple[int, int, int]:
            async with asyncio.timeout(LONG):
                while bob._calls:
                    await asyncio.sleep(0.01)
            gc.collect()
            return descriptors(), threading.active_count() + len(os.listdir("/proc/self/task")), resident()

        answering = asyncio.create_task(answer())
        await asyncio.gather(*(dial(IN_A_ROW // 40) for _ in range(10)))
        files, threads, memory = await settled()
        await asyncio.gather(*(dial(IN_A_ROW * 3 // 40) for _ in range(10)))
        more_files, more_threads, more_memory = await settled()
        answering.cancel()
        self.assertLessEqual(more_files, files + 4)
        self.assertLessEqual(more_threads, threads + 1)
        self.assertLess(more_memory - memory, 24 << 20)

    async def test_phones_one_after_the_other_leave_nothing_behind(self):
        async def open_and_close() -> None:
            async with sip.Phone("sip:a@127.0.0.1", listen="udp://127.0.0.1:0", trace=lambda trace: None):
                pass

        await open_and_close()
        gc.collect()
        files, threads = descriptors(), len(os.listdir("/proc/self/task"))
        for _ in range(20):
            await open_and_close()
        gc.collect()
        self.assertLessEqual(descriptors(), files + 2)
        self.assertLessEqual(len(os.listdir("/proc/self/task")), threads + 2)


ENDING = """
import asyncio, os, sys
import sipwright as sip

kept = []

async def main(target, how):
    phone = await sip.Phone("sip:a@127.0.0.1", listen="udp://127.0.0.1:0", log="trace", trace=lambda trace: None).__aenter__()
    call = await phone.call(target)
    listening = asyncio.create_task(anext(call.audio()))
    await listening
    print("up", flush=True)
    if how == "kept":
        kept.extend((phone, call))
    elif how == "raised":
        raise ValueError("mine")
    elif how == "exited":
        sys.exit(3)
    elif how == "interrupted":
        kept.extend((phone, call))
        await call.ended()
    elif how == "left":
        async with phone.call(target):
            pass

asyncio.run(main(*sys.argv[1:]))
"""


class Ending(Case):
    """A program that ends with a call up neither hangs nor crashes."""

    async def ending(self, how: str, code: int) -> str:
        bob = await self.phone("bob")

        async def serve() -> None:
            async for call in bob.calls():
                await call.answer()

        serving = asyncio.create_task(serve())
        child = await self.program("-X", "faulthandler", "-c", ENDING, uri("bob", bob), how)
        async with asyncio.timeout(LONG):
            self.assertEqual(await child.stdout.readline(), b"up\n")
        if how == "interrupted":
            child.send_signal(signal.SIGINT)
        _, err = await self.finished(child, code)
        serving.cancel()
        self.assertNotIn("Fatal", err)
        return err

    async def test_with_references_kept(self):
        self.assertEqual(await self.ending("kept", 0), "")

    async def test_with_references_dropped(self):
        self.assertEqual(await self.ending("dropped", 0), "")

    async def test_with_an_exception(self):
        self.assertIn("ValueError: mine", await self.ending("raised", 1))

    async def test_with_sys_exit(self):
        await self.ending("exited", 3)

    async def test_with_control_c(self):
        self.assertIn("KeyboardInterrupt", await self.ending("interrupted", -signal.SIGINT))

    async def test_after_calls_were_left(self):
        self.assertEqual(await self.ending("left", 0), "")


if __name__ == "__main__":
    unittest.main()
