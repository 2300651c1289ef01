"""Requests of any kind, both ways, outside of calls and inside one."""
import asyncio
import unittest

import sipwright as sip
from support import LONG, Case, Peer, uri


async def asked(phone: sip.Phone) -> sip.Request:
    """The next request that comes in."""
    async with asyncio.timeout(LONG):
        async for request in phone.requests():
            return request
    raise AssertionError("the phone was closed")


class Requests(Case):
    async def test_a_request_is_answered_by_the_program(self):
        alice, bob = await self.pair(methods=["SUBSCRIBE", "BREW"])
        for method in ("SUBSCRIBE", "BREW"):
            sending = asyncio.create_task(
                alice.request(method, uri("bob", bob), body=b"ping", content_type="text/x", headers={"Event": "e"})
            )
            request = await asked(bob)
            self.assertEqual((request.method, request.body, request.content_type), (method, b"ping", "text/x"))
            self.assertEqual((request.header("event"), request.call), ("e", None))
            request.answer(202, "Fine", body=b"pong", content_type="text/y", headers={"X-Mine": "1"})
            async with asyncio.timeout(LONG):
                response = await sending
            self.assertEqual((response.status, response.reason, response.body), (202, "Fine", b"pong"))
            self.assertEqual(response.header("x-mine"), "1")
            with self.assertRaises(sip.StateError):
                await self.again(request)

    async def again(self, request: sip.Request) -> None:
        """Answers again until the library says that it is over."""
        async with asyncio.timeout(LONG):
            while True:
                request.answer(200)
                await asyncio.sleep(0.005)

    async def test_inside_a_call(self):
        alice, bob = await self.pair(methods=["INFO"])
        async with self.between(alice, bob) as (ours, theirs):
            sending = asyncio.create_task(ours.request("INFO", body=b"x", content_type="text/x"))
            request = await asked(bob)
            self.assertIs(request.call, theirs)
            request.answer()
            async with asyncio.timeout(LONG):
                self.assertEqual((await sending).status, 200)
        with self.assertRaises(sip.CallEnded):
            await ours.request("INFO")

    async def test_refusals_and_mistakes(self):
        alice, bob = await self.pair()
        async with asyncio.timeout(LONG):
            response = await alice.request("PUBLISH", uri("bob", bob))
        self.assertEqual(response.status, 405)
        self.assertIn("MESSAGE", response.header("Allow") or "")
        for mistake in (
            lambda: alice.request("INVITE", uri("bob", bob)),
            lambda: alice.request("INFO", uri("bob", bob), headers={"Via": "x"}),
            lambda: alice.request("INFO", uri("bob", bob), routes=("nowhere",)),
        ):
            with self.assertRaises(sip.StateError):
                await mistake()

    async def test_progress_and_routes(self):
        async with Peer(lambda method, fields: (200, "OK", ["Warning: 399 x y"])) as peer:
            alice = await self.phone("alice")
            async with asyncio.timeout(LONG):
                response = await alice.request(
                    "BREW", "sip:pot@192.0.2.7", routes=(f"<sip:127.0.0.1:{peer.port};lr>", "<sip:192.0.2.9;lr>")
                )
            self.assertEqual(response.status, 200)
            method, fields = peer.requests[0]
            self.assertEqual((method, fields["route"]), ("BREW", "<sip:192.0.2.9;lr>"))     # the last Route line


if __name__ == "__main__":
    unittest.main()
