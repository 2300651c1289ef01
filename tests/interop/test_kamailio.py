"""kamailio 5.6 as registrar and proxy, digest for everything, Record-Route in place: two accounts of ours call each other through it."""
from harness import REALM, Case, Kamailio, Sipwright

ALICE, BOB = 700, 1300      # Hz each plays
LEFT, RIGHT = 0, 1


class ThroughKamailio(Case):
    def call(self, protocol: str, ipv6: bool = False, sha256: bool = False) -> None:
        proxy = Kamailio(self, ipv6, sha256)
        listen = f"{protocol}://{proxy.host}:0"
        common = ["--proxy", proxy.uri(protocol), "--listen", listen, "--json"]
        bob = Sipwright(self, "answer", "--user", f"sip:bob@{REALM}", *common, "--max-calls", 1, "--play", self.tone("bob.wav", BOB, 6),
                        "--record", self.dir / "at-bob.wav", password="bobpw")
        bob.event("registered")
        alice = Sipwright(self, "call", f"sip:bob@{REALM}", "--user", f"sip:alice@{REALM}", *common, "--duration", 4,
                          "--play", self.tone("alice.wav", ALICE, 6), "--record", self.dir / "at-alice.wav", password="alicepw")
        incoming = bob.event("call_incoming")
        self.assertIn("alice", incoming["from"])
        alice.event("call_answered")
        self.assertEqual(alice.wait(20), 0, alice.said())
        self.assertEqual(bob.wait(20), 0, bob.said())
        self.assert_tone(self.dir / "at-alice.wav", BOB, 2.0, RIGHT)
        self.assert_tone(self.dir / "at-bob.wav", ALICE, 2.0, RIGHT)
        self.assert_tone(self.dir / "at-bob.wav", BOB, 2.0, LEFT)

    def test_a_call_over_udp(self):
        self.call("udp")

    def test_a_call_over_tcp(self):
        self.call("tcp")

    def test_a_call_over_udp_and_ipv6(self):
        self.call("udp", ipv6=True)

    def test_a_call_over_tcp_and_ipv6(self):
        self.call("tcp", ipv6=True)

    def test_a_call_with_sha256_digest(self):
        self.call("udp", sha256=True)

    def test_the_wrong_password_is_told(self):
        proxy = Kamailio(self)
        us = Sipwright(self, "register", "--user", f"sip:alice@{REALM}", "--proxy", proxy.uri(), "--listen", "udp://127.0.0.1:0", "--json",
                       password="wrong")
        self.assertEqual(us.wait(20), 14, us.said())

    def test_nobody_there_is_told(self):
        proxy = Kamailio(self)
        us = Sipwright(self, "call", f"sip:dave@{REALM}", "--user", f"sip:alice@{REALM}", "--proxy", proxy.uri(), "--listen",
                       "udp://127.0.0.1:0", "--json", password="alicepw")
        self.assertEqual(us.wait(20), 13, us.said())
