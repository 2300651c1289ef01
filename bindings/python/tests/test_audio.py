"""Sound: files, recordings, keys, PCM, hold."""
import array
import asyncio
import contextlib
import unittest

import sipwright as sip
from support import LONG, Case, first, purity, read_wav, share, tone, until, uri, write_wav


class Files(Case):
    async def test_what_each_side_plays_is_what_the_other_records(self):
        high = write_wav(self.dir / "high.wav", tone(1000, 1.5, 8000), 8000)
        low = write_wav(self.dir / "low.wav", tone(440, 1.5, 16000), 16000)
        async with self.calls() as (ours, theirs):
            ours.record(self.dir / "stereo.wav")
            theirs.record(str(self.dir / "mono.wav"), stereo=False)
            self.assertEqual(await asyncio.gather(ours.play(high), theirs.play(low)), ["", ""])
        rate, (left, right) = read_wav(self.dir / "stereo.wav")
        self.assertGreater(share(left, 1000, rate), 0.9)
        self.assertGreater(share(right, 440, rate), 0.9)
        self.assertGreater(len(right), 1.4 * rate)
        rate, (mono,) = read_wav(self.dir / "mono.wav")
        self.assertGreater(share(mono, 1000, rate), 0.3)
        self.assertGreater(share(mono, 440, rate), 0.3)
        self.assertGreater(ours.quality.mos, 3.0)
        self.assertGreater(ours.quality.received, 50)
        self.assertGreater(theirs.quality.sent, 50)

    async def test_a_recording_can_end_before_the_call(self):
        high = write_wav(self.dir / "high.wav", tone(1000, 0.5, 8000), 8000)
        async with self.calls() as (ours, theirs):
            ours.record(self.dir / "part.wav")
            await ours.play(high)
            ours.stop_record()
            await ours.play(high)
        rate, (left, _) = read_wav(self.dir / "part.wav")
        self.assertLess(len(left), 0.95 * rate)

    async def test_a_file_that_cannot_be_played_says_why(self):
        (self.dir / "no.wav").write_text("this is no sound")
        async with self.calls() as (ours, theirs):
            await self.fails(sip.StateError, ours.play(self.dir / "no.wav"))
            await self.fails(sip.TransportError, ours.play(self.dir / "missing.wav"))
            with self.assertRaises(sip.TransportError):
                ours.record(self.dir / "nowhere" / "x.wav")
            self.assertEqual(ours.state, "up")

    async def test_a_cancelled_play_stops(self):
        long = write_wav(self.dir / "long.wav", tone(1000, 60, 8000), 8000)
        async with self.calls() as (ours, theirs):
            frames = theirs.audio(rate=8000)
            playing = asyncio.create_task(ours.play(long, repeat=True))
            await heard(frames, 1000, 8000)
            playing.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await playing
            await quiet(frames)
            await frames.aclose()

    async def test_before_the_answer_there_is_no_audio(self):
        alice, bob = await self.pair()
        call = alice.dial(uri("bob", bob))
        there = await first(bob)
        for end in (call, there):
            for wait in (end.play("x.wav"), end.send_digits("1"), end.send(bytes(320)), anext(end.audio())):
                await self.fails(sip.StateError, wait)
            with self.assertRaises(sip.StateError):
                end.record("x.wav")
        await call.hangup()
        await there.ended()


class Keys(Case):
    async def test_keys_go_both_ways(self):
        async with self.calls() as (ours, theirs):
            _, _, here, there = await asyncio.gather(
                ours.send_digits("123#"), theirs.send_digits("*9,D#"), ours.digits(9), theirs.digits(9))
            self.assertEqual((here, there), ("*9D", "123"))

    async def test_keys_pressed_before_count_and_the_limit_holds(self):
        async with self.calls() as (ours, theirs):
            await theirs.send_digits("1234")
            self.assertEqual(await ours.digits(2), "12")
            self.assertEqual(await ours.digits(2), "34")
            self.assertEqual(await ours.digits(2, timeout=0.01), "")

    async def test_a_key_cuts_a_prompt_short(self):
        long = write_wav(self.dir / "long.wav", tone(1000, 60, 8000), 8000)
        async with self.calls() as (ours, theirs):
            frames = theirs.audio(rate=8000)
            playing = asyncio.create_task(ours.play(long, until="#*"))
            await heard(frames, 1000, 8000)
            await theirs.send_digits("5#7")
            self.assertEqual(await playing, "#")
            await quiet(frames)
            self.assertEqual(await ours.digits(1), "7")
            await frames.aclose()

    async def test_a_key_pressed_early_keeps_the_prompt_from_starting(self):
        async with self.calls() as (ours, theirs):
            await theirs.send_digits("1")
            await until("the key is there", lambda: ours._keys)
            self.assertEqual(await ours.play("not even opened.wav", until="1"), "1")

    async def test_what_is_no_key_is_refused(self):
        async with self.calls() as (ours, theirs):
            for digits in ("", "x", "12 3"):
                await self.fails(sip.StateError, ours.send_digits(digits))


class Pcm(Case):
    async def test_an_echo_comes_back_at_any_rate(self):
        alice, bob = await self.pair()
        for rate in (8000, 16000, 48000):
            async with self.between(alice, bob) as (ours, theirs):
                echoing = asyncio.create_task(echo(theirs, rate))
                frames = ours.audio(rate=rate)
                async with talking(ours, 700, rate):
                    got = await heard(frames, 700, rate)
                self.assertEqual((len(got), got.rate), (2 * rate // 50, rate))
                await frames.aclose()
            self.assertGreater(await echoing, 0)

    async def test_frames_are_readable_without_a_copy_and_stamped(self):
        async with self.calls() as (ours, theirs), asyncio.timeout(LONG):
            times = []
            async for frame in ours.audio():
                view = memoryview(frame)
                self.assertTrue(view.readonly)
                self.assertEqual((view.nbytes, len(frame), view.cast("h").nbytes), (640, 640, 640))
                self.assertIn("320 samples", repr(frame))
                times.append(frame.time)
                if len(times) == 10:
                    break
            self.assertEqual(times, [n / 50 for n in range(10)])

    async def test_two_iterations_hear_the_same(self):
        async with self.calls() as (ours, theirs):
            a, b, c = ours.audio(rate=8000), ours.audio(rate=8000), ours.audio(rate=24000)
            async with talking(theirs, 500, 8000):
                await asyncio.gather(heard(a, 500, 8000), heard(b, 500, 8000), heard(c, 500, 24000))
                await a.aclose()
                await heard(b, 500, 8000)       # one that ends takes nothing from the other
            await theirs.hangup()
            async with asyncio.timeout(LONG):
                for frames in (b, c):
                    async for _ in frames:
                        pass

    async def test_audio_that_waits_for_a_slow_program_does_not_spin_the_loop(self):
        async with self.calls() as (ours, theirs):
            frames = ours.audio()
            await anext(frames)
            selector = asyncio.get_running_loop()._selector
            turns, select = 0, selector.select

            def counted(timeout=None):
                nonlocal turns
                turns += 1
                return select(timeout)

            selector.select = counted
            await theirs.send_digits("1234")        # takes a while, and nobody reads
            selector.select = select
            self.assertLess(turns, 200)
            await frames.aclose()

    async def test_an_iteration_hears_nothing_old(self):
        async with self.calls() as (ours, theirs):
            await ours.send(bytes(640))     # opens the port
            await theirs.send(tone(500, 0.5, 16000))
            other = ours.audio(rate=8000)
            await heard(other, 500, 8000)
            await quiet(other)
            late = ours.audio()
            self.assertLess(max(map(abs, memoryview(await anext(late)).cast("h"))), 1000)
            await late.aclose()
            await other.aclose()

    async def test_interrupt_drops_what_was_not_said(self):
        async with self.calls() as (ours, theirs):
            frames = theirs.audio(rate=8000)
            sending = asyncio.create_task(ours.send(tone(500, 30, 16000)))
            await heard(frames, 500, 8000)
            said = ours.interrupt()
            self.assertGreater(said, 0.0)
            self.assertLess(said, 29.0)
            async with asyncio.timeout(LONG):
                await sending       # what waited to be queued is dropped too
            await quiet(frames)
            async with talking(ours, 900, 16000):
                await heard(frames, 900, 8000)
            await frames.aclose()

    async def test_samples_of_another_kind_are_refused(self):
        async with self.calls() as (ours, theirs):
            for wrong in (array.array("f", [0.5]), array.array("H", [1]), b"odd"):
                await self.fails(sip.StateError, ours.send(wrong))
            await self.fails(sip.StateError, ours.send(bytes(2), rate=11025))
            await self.fails(sip.StateError, anext(ours.audio(rate=1)))
            for right in (bytes(640), bytearray(640), memoryview(array.array("h", [0] * 320)), memoryview(bytes(1280))[::2]):
                await ours.send(right)
            await ours.send(b"")

    async def test_early_media_is_heard_before_the_answer(self):
        alice, bob = await self.pair()
        call = alice.dial(uri("bob", bob))
        there = await first(bob)
        prompt = write_wav(self.dir / "early.wav", tone(440, 1, 8000), 8000)
        there.ring(early_media=True)
        async with asyncio.timeout(LONG):
            playing = asyncio.create_task(there.play(prompt, repeat=True))      # at once
            await until("audio may flow", lambda: call.progress == 183)
            frames = call.audio(rate=8000)
            await heard(frames, 440, 8000)
            playing.cancel()
            async with talking(there, 660, 8000):
                await heard(frames, 660, 8000)
            self.assertEqual(call.state, "ringing")
            await asyncio.gather(there.answer(), call.answered())
            async with talking(there, 880, 8000):
                await heard(frames, 880, 8000)
            await frames.aclose()
            await call.hangup()


class Hold(Case):
    async def test_hold_and_resume_by_either_side(self):
        alice, bob = await self.pair()
        async with self.between(alice, bob) as ends:
            for one, other in (ends, ends[::-1]):
                await one.hold()
                self.assertEqual(one.state, "held")
                await until("the other side knows", lambda: other.state == "held")
                await one.resume()
                self.assertEqual(one.state, "up")
                await until("the other side knows", lambda: other.state == "up")

    async def test_orders_given_at_once_or_given_up_stay_in_order(self):
        async with self.calls() as (ours, theirs):
            given_up = asyncio.create_task(ours.hold())
            await asyncio.sleep(0)
            given_up.cancel()
            async with asyncio.timeout(LONG):
                await asyncio.gather(ours.resume(), ours.hold(), ours.resume(), ours.hold())
            self.assertEqual(ours.state, "held")
            await until("the other side knows", lambda: theirs.state == "held")


async def heard(frames, hz: float, rate: int) -> sip.Frame:
    """Listens until 60 ms are that tone."""
    window = array.array("h")
    async with asyncio.timeout(LONG):
        async for frame in frames:
            window.extend(memoryview(frame).cast("h"))
            if len(window) == 3 * rate // 50:
                if max(map(abs, window)) > 1000 and purity(window, hz, rate) > 0.8:
                    return frame
                del window[:]
    raise AssertionError(f"{hz} Hz was not heard before the call ended")


@contextlib.asynccontextmanager
async def talking(call: sip.Call, hz: float, rate: int):
    """Says a tone for as long as it is entered."""
    second = tone(hz, 1, rate)

    async def talk() -> None:
        while True:
            await call.send(second, rate=rate)

    talker = asyncio.create_task(talk())
    try:
        yield
    finally:
        talker.cancel()
        await asyncio.gather(talker, return_exceptions=True)
        call.interrupt()


async def quiet(frames) -> None:
    """Listens until 100 ms are silent."""
    silent = 0
    async with asyncio.timeout(LONG):
        async for frame in frames:
            silent = silent + 1 if max(map(abs, memoryview(frame).cast("h"))) < 200 else 0
            if silent == 5:
                return


async def echo(call: sip.Call, rate: int) -> int:
    count = 0
    try:
        async for frame in call.audio(rate=rate):
            await call.send(frame, rate=rate)
            count += 1
    except sip.CallEnded:
        pass
    return count


if __name__ == "__main__":
    unittest.main()
