"""Calls from their start to their end."""
import asyncio
import gc
import unittest

import sipwright as sip
from support import LONG, Case, Peer, first, taken, tone, until, uri, write_wav


class Start(Case):
    async def test_a_call_comes_up_on_both_sides_and_ends_on_both(self):
        async with self.calls() as (ours, theirs):
            self.assertEqual((ours.state, theirs.state), ("up", "up"))
            self.assertEqual(ours.codec, theirs.codec)
            self.assertIn("alice", theirs.peer)
            self.assertIn("bob", ours.peer)
            self.assertNotEqual(ours.id, theirs.id)
        self.assertEqual((ours.state, theirs.state), ("ended", "ended"))

    async def test_entering_an_incoming_call_answers_it_and_leaving_hangs_up(self):
        alice, bob = await self.pair()

        async def serve() -> None:
            async with await first(bob) as call:
                self.assertEqual(call.state, "up")

        async with asyncio.timeout(LONG):
            serving = asyncio.create_task(serve())
            async with alice.call(uri("bob", bob)) as call:
                await call.ended()
            await serving

    async def test_over_tcp_and_ipv6(self):
        alice = await self.phone("alice", listen="tcp://127.0.0.1:0,udp://[::1]:0")
        bob = await self.phone("bob", listen="tcp://127.0.0.1:0,udp://[::1]:0")
        for protocol in ("tcp", "udp"):
            async with asyncio.timeout(LONG):
                theirs, ours = await asyncio.gather(taken(bob), alice.call(uri("bob", bob, protocol)))
                await theirs.hangup()
                await ours.ended()

    async def test_a_codec_asked_for_is_the_codec_of_the_call(self):
        alice, bob = await self.pair()
        for codec in ("PCMA", "PCMU", "G722"):
            async with asyncio.timeout(LONG):
                theirs, ours = await asyncio.gather(taken(bob), alice.call(uri("bob", bob), codecs=(codec,)))
                self.assertEqual((ours.codec, theirs.codec), (codec, codec))
                await ours.hangup()

    async def test_dial_does_not_wait_and_progress_shows_ringing(self):
        alice, bob = await self.pair()
        call = alice.dial(uri("bob", bob))
        self.assertEqual((call.state, call.progress), ("ringing", None))
        there = await first(bob)
        there.ring()
        await until("it rings", lambda: call.progress == 180)
        await asyncio.gather(there.answer(), call.answered())
        self.assertEqual(call.state, "up")
        await call.hangup()

    async def test_extra_headers_reach_the_wire(self):
        seen = []
        alice, bob = await self.phone("alice", trace=seen.append), await self.phone("bob")
        async with asyncio.timeout(LONG):
            theirs, ours = await asyncio.gather(taken(bob), alice.call(uri("bob", bob), headers={"X-Case": "42"}))
            await ours.hangup()
        invite = next(trace for trace in seen if trace.data.startswith(b"INVITE "))
        self.assertTrue(invite.sent)
        self.assertEqual((invite.protocol, f"udp://{invite.remote}"), ("udp", bob.addresses[0]))
        self.assertIn(b"X-Case: 42\r\n", invite.data)
        await until("the answer is traced", lambda: any(not t.sent and b" 200 " in t.data for t in seen))
        self.assertEqual([t.time for t in seen], sorted(t.time for t in seen))

    async def test_many_phones_live_in_one_process(self):
        phones = [await self.phone(f"user{n}") for n in range(8)]
        async with asyncio.timeout(LONG):
            ends = await asyncio.gather(
                *(asyncio.gather(taken(b), a.call(uri("b", b))) for a, b in zip(phones, phones[1:] + phones[:1])))
            for theirs, ours in ends:
                self.assertEqual((theirs.state, ours.state), ("up", "up"))
                await ours.hangup()
                await theirs.ended()

    async def test_a_phone_is_entered_once_and_used_while_open(self):
        phone = sip.Phone("sip:a@127.0.0.1", listen="udp://127.0.0.1:0")
        with self.assertRaises(sip.StateError):
            phone.dial("sip:b@127.0.0.1")
        async with phone:
            with self.assertRaises(sip.StateError):
                await phone.__aenter__()
            with self.assertRaises(sip.StateError):
                await phone.registered()
        for use in (lambda: phone.call("sip:b@127.0.0.1"), lambda: phone.ping("sip:b@127.0.0.1"), phone.registered):
            with self.assertRaises(sip.StateError):
                await use()

    async def test_an_incoming_call_is_only_what_it_is(self):
        async with self.calls() as (ours, theirs):
            for wrong in (ours.answer(), ours.reject()):
                with self.assertRaises(sip.StateError):
                    await wrong
            with self.assertRaises(sip.StateError):
                ours.ring()
            await theirs.answer()       # answered already: nothing to do


class End(Case):
    async def test_either_side_may_end_it_and_a_second_hangup_does_nothing(self):
        alice, bob = await self.pair()
        for who in (0, 1):
            async with self.between(alice, bob) as ends:
                await ends[who].hangup()
                await ends[1 - who].ended()
                await ends[1 - who].hangup()
                await ends[who].hangup()

    async def test_a_call_that_nobody_holds_lives_on(self):
        alice, bob = await self.pair()
        async with asyncio.timeout(LONG):
            theirs, ours = await asyncio.gather(taken(bob), alice.call(uri("bob", bob)))
            del ours
            gc.collect()
            self.assertEqual(len(alice._calls), 1)
            await theirs.send_digits("1")       # its media is alive: this takes a while
            self.assertEqual(theirs.state, "up")
            await theirs.hangup()
            await until("the other side is gone too", lambda: not alice._calls)

    async def test_closing_the_phone_ends_calls_and_iterations(self):
        bob = await self.phone("bob")
        async with asyncio.timeout(LONG):
            async with sip.Phone("sip:alice@127.0.0.1", listen="udp://127.0.0.1:0") as alice:
                theirs, ours = await asyncio.gather(taken(bob), alice.call(uri("bob", bob)))
                waiting = [asyncio.create_task(drained(it)) for it in (alice.calls(), alice.calls(), alice.messages())]
                ended = asyncio.create_task(ours.ended())
                listening = asyncio.create_task(drained(ours.audio()))
                await asyncio.sleep(0)
            await ended
            await theirs.ended()
            await asyncio.gather(*waiting, listening)

    async def test_closing_the_phone_ends_what_is_being_dialled(self):
        async with Peer(lambda method, fields: (180, "Ringing", []) if method == "INVITE" else None) as peer:
            async with sip.Phone("sip:alice@127.0.0.1", listen="udp://127.0.0.1:0") as alice:
                dialling = asyncio.create_task(alice.call(f"sip:x@127.0.0.1:{peer.port}").__aenter__())
                await until("the INVITE is there", lambda: peer.requests)
            await self.fails(sip.NoAnswer, dialling, 487)

    async def test_a_cancelled_dial_cancels_the_call(self):
        alice, bob = await self.pair()
        dialling = asyncio.create_task(alice.call(uri("bob", bob)).__aenter__())
        there = await first(bob)
        there.ring()
        dialling.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await dialling
        async with asyncio.timeout(LONG):
            await there.ended()
        self.assertFalse(alice._calls)

    async def test_an_error_inside_a_call_ends_it_and_is_kept(self):
        alice, bob = await self.pair()
        async with asyncio.timeout(LONG):
            taking = asyncio.create_task(taken(bob))
            with self.assertRaisesRegex(ValueError, "mine"):
                async with alice.call(uri("bob", bob)):
                    theirs = await taking
                    raise ValueError("mine")
            await theirs.ended()

    async def test_leaving_in_any_order(self):
        async with asyncio.timeout(LONG):
            alice = await sip.Phone("sip:alice@127.0.0.1", listen="udp://127.0.0.1:0").__aenter__()
            bob = await sip.Phone("sip:bob@127.0.0.1", listen="udp://127.0.0.1:0").__aenter__()
            dialling = alice.call(uri("bob", bob))
            theirs, ours = await asyncio.gather(taken(bob), dialling.__aenter__())
            await alice.__aexit__(None, None, None)
            await dialling.__aexit__(None, None, None)
            await theirs.__aexit__(None, None, None)
            await bob.__aexit__(None, None, None)
        self.assertEqual((ours.state, theirs.state), ("ended", "ended"))


class While(Case):
    """The other side hangs up while we wait for something."""

    async def cut(self, what):
        async with self.calls() as (ours, theirs):
            waiting = asyncio.create_task(what(ours))
            await theirs.send_digits("1")       # the wait has begun
            await theirs.hangup()
            return await waiting

    async def test_play(self):
        prompt = str(self.prompt())
        await self.fails(sip.CallEnded, self.cut(lambda call: call.play(prompt)))

    async def test_digits(self):
        self.assertEqual(await self.cut(lambda call: call.digits(4, timeout=LONG)), "1")

        async def no_key(call: sip.Call) -> None:
            await call.digits(1, timeout=LONG)
            await call.digits(4, timeout=LONG)

        await self.fails(sip.CallEnded, self.cut(no_key), 200)

    async def test_send_digits(self):
        await self.fails(sip.CallEnded, self.cut(lambda call: call.send_digits("1234567890" * 3)))

    async def test_audio(self):
        await self.cut(lambda call: drained(call.audio()))

    async def test_send(self):
        await self.fails(sip.CallEnded, self.cut(lambda call: call.send(bytes(2 * 16000 * 20))))

    async def test_ended(self):
        await self.cut(lambda call: call.ended())

    async def test_hangup_from_both_sides_at_once(self):
        async with self.calls() as (ours, theirs):
            await asyncio.gather(ours.hangup(), theirs.hangup())

    async def test_hold(self):
        async with self.calls() as (ours, theirs):
            outcome, _ = await asyncio.gather(ours.hold(), theirs.hangup(), return_exceptions=True)
            self.assertIn(type(outcome), (type(None), sip.StateError, sip.CallEnded))

    async def test_after_the_end_everything_says_so(self):
        async with self.calls() as (ours, theirs):
            await theirs.hangup()
            await ours.ended()
        with self.assertRaises(sip.CallEnded):
            ours.record(self.dir / "x.wav")
        for wait in (ours.play(self.prompt()), ours.hold(), ours.send_digits("1"), ours.send(bytes(320)), ours.digits(1)):
            await self.fails(sip.CallEnded, wait, 200)
        self.assertEqual(await drained(ours.audio()), 0)
        self.assertEqual(ours.interrupt(), 0.0)
        await ours.hangup()
        await ours.answered()

    def prompt(self):
        return write_wav(self.dir / "long.wav", tone(440, 30, 8000), 8000)


async def drained(items) -> int:
    count = 0
    async for _ in items:
        count += 1
    return count


if __name__ == "__main__":
    unittest.main()
