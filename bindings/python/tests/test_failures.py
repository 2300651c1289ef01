"""Calls, registrations and requests that fail: each says what it was."""
import asyncio
import socket
import unittest

import sipwright as sip
from support import LONG, Case, Peer, first, taken, until, uri


class Calls(Case):
    async def test_what_the_peer_says_becomes_its_class(self):
        kinds = {486: sip.Busy, 600: sip.Busy, 603: sip.Declined, 404: sip.NotFound, 410: sip.NotFound, 480: sip.NoAnswer,
                 403: sip.AuthFailed, 488: sip.CallFailed, 500: sip.CallFailed}
        said = {"status": 486}
        alice = await self.phone("alice")
        async with Peer(lambda method, fields: (said["status"], "As scripted", [])) as peer:
            for said["status"], kind in kinds.items():
                error = await self.fails(kind, alice.call(f"sip:x@127.0.0.1:{peer.port}"), said["status"])
                self.assertEqual(str(error), f"{said['status']} As scripted")
                self.assertIsInstance(error, sip.CallFailed)

    async def test_a_phone_that_rejects(self):
        alice, bob = await self.pair()
        for status, kind in ((486, sip.Busy), (603, sip.Declined), (404, sip.NotFound)):
            calling = asyncio.create_task(alice.call(uri("bob", bob)).__aenter__())
            there = await first(bob)
            await there.reject(status)
            await self.fails(kind, calling, status)
            self.assertEqual(there.state, "ended")
        calling = asyncio.create_task(alice.call(uri("bob", bob)).__aenter__())
        there = await first(bob)
        await self.fails(sip.StateError, there.reject(200))
        await there.reject()
        await self.fails(sip.Busy, calling, 486)

    async def test_nobody_answers(self):
        alice, bob = await self.pair()
        calling = asyncio.create_task(alice.call(uri("bob", bob), timeout=1).__aenter__())
        there = await first(bob)
        there.ring()
        await self.fails(sip.NoAnswer, calling)
        await self.fails(sip.NoAnswer, there.answered())

    async def test_a_wrong_password(self):
        challenge = ['WWW-Authenticate: Digest realm="sip.test", nonce="abc", algorithm=MD5, qop="auth"']
        async with Peer(lambda method, fields: (401, "Unauthorized", challenge)) as peer:
            phone = await self.enterAsyncContext(
                sip.Phone(f"sip:alice@127.0.0.1:{peer.port}", "wrong", listen="udp://127.0.0.1:0"))
            await self.fails(sip.AuthFailed, phone.registered())
            await self.fails(sip.AuthFailed, phone.call("bob"))
            self.assertIn("REGISTER", [method for method, _ in peer.requests])

    async def test_no_way_to_the_peer(self):
        alice = await self.phone("alice", listen="tcp://127.0.0.1:0,udp://127.0.0.1:0")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            await self.fails(sip.TransportError, alice.call(f"sip:x@127.0.0.1:{free.getsockname()[1]};transport=tcp"), 503)

    async def test_a_bad_target_or_option(self):
        alice = await self.phone("alice")
        for target in ("", "sip:a\r\nVia: x"):
            await self.fails(sip.StateError, alice.call(target))
        await self.fails(sip.StateError, alice.call("sip:x@127.0.0.1", codecs=("opus9",)))
        await self.fails(sip.StateError, alice.call("sip:x@127.0.0.1", headers={"X": "a\r\nb"}))
        await self.fails(sip.StateError, alice.call("sip:x@127.0.0.1", timeout=-1))


class Phones(Case):
    async def test_a_port_in_use(self):
        alice = await self.phone("alice")
        await self.fails(sip.TransportError, sip.Phone("sip:b@127.0.0.1", listen=alice.addresses[0]).__aenter__())

    async def test_bad_arguments(self):
        for aor, options in (("sip:b@127.0.0.1", {"listen": "nonsense://"}), ("sip:b@127.0.0.1", {"codecs": ["x"]}),
                             ("sip:b\r\n@127.0.0.1", {}), ("sip:b@127.0.0.1", {"log": "loud"})):
            await self.fails(sip.StateError, sip.Phone(aor, **options).__aenter__())
        with self.assertRaises(TypeError):
            await sip.Phone("sip:b@127.0.0.1", no_such_option=1).__aenter__()

    async def test_a_failure_in_the_programs_own_trace_is_told_and_costs_nothing(self):
        def broken(trace: sip.Trace) -> None:
            raise ValueError("mine")

        alice, bob = await self.phone("alice", trace=broken), await self.phone("bob")
        async with asyncio.timeout(LONG):
            theirs, ours = await asyncio.gather(taken(bob), alice.call(uri("bob", bob)))
            await ours.hangup()
        self.assertTrue(self.unseen)
        self.assertTrue(all(isinstance(context["exception"], ValueError) for context in self.unseen))
        self.unseen.clear()
        alice._trace = None

    async def test_the_engines_records_go_to_the_logger(self):
        alice = await self.phone("alice", log="debug")
        host, port = alice.addresses[0].split("//")[1].split(":")
        with self.assertLogs("sipwright", "DEBUG") as logs, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"this is no SIP message at all\r\n\r\n", (host, int(port)))
            await until("it is logged", lambda: logs.records)
        self.assertIn("cannot be read", logs.output[0])


class Requests(Case):
    async def test_messages_arrive(self):
        alice, bob = await self.pair()
        async with asyncio.timeout(LONG):
            await alice.send_message(uri("bob", bob), "grüß dich")
            async for message in bob.messages():
                break
        self.assertEqual(message.text, "grüß dich")
        self.assertIn("alice", message.sender)
        self.assertIn("text/plain", message.content_type)

    async def test_a_message_that_is_refused(self):
        alice = await self.phone("alice")
        async with Peer(lambda method, fields: (404, "Not Found", [])) as peer:
            await self.fails(sip.NotFound, alice.send_message(f"sip:x@127.0.0.1:{peer.port}", "x"), 404)

    async def test_ping(self):
        alice, bob = await self.pair()
        async with asyncio.timeout(LONG):
            await alice.ping(uri("bob", bob))
            async with Peer(lambda method, fields: (404, "Not Found", [])) as peer:
                await alice.ping(f"sip:x@127.0.0.1:{peer.port}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            await self.fails(sip.TransportError, alice.ping(f"sip:x@127.0.0.1:{free.getsockname()[1]};transport=tcp"), 503)

    async def test_a_request_given_up_leaves_nothing(self):
        alice = await self.phone("alice")
        async with Peer(lambda method, fields: None) as peer:
            with self.assertRaises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await alice.ping(f"sip:x@127.0.0.1:{peer.port}")
        self.assertFalse(alice._requests)

    async def test_registration_and_its_latest_outcome(self):
        async with Peer(lambda method, fields: (200, "OK", [f"Contact: {fields['contact']};expires=60"])) as peer:
            phone = await self.enterAsyncContext(
                sip.Phone(f"sip:alice@127.0.0.1:{peer.port}", "pw", listen="udp://127.0.0.1:0"))
            async with asyncio.timeout(LONG):
                await phone.registered()
                await phone.registered()


if __name__ == "__main__":
    unittest.main()
