"""Who may call: digest authentication asked for by our answering side. RFC 3261 s22, RFC 8760.

Asked are our own caller, PJSIP, and sipvicious' password guesser.
"""
from harness import REALM, Case, Pjsip, Process, Sipwright, free_port, program, until_bound


class Doorkeeper(Case):
    def asking(self, *more) -> int:
        port = free_port()
        users = self.dir / "users"
        users.write_text("# who may call\nalice:alicepw\nbob:bobpw\n")
        self.us = Sipwright(self, "answer", "--no-media", "--json", "--listen", f"udp://127.0.0.1:{port}", "--auth-realm", REALM,
                            "--auth-users", users, "--stats", *more)
        until_bound("sipwright", "udp", "127.0.0.1", port)
        return port

    def stats(self) -> dict:
        """The figures that it gives at its end."""
        self.assertEqual(self.us.stop(), 0, self.us.said())
        return self.us.events("stats")[-1]

    def call(self, port: int, password: str | None) -> int:
        who = ["--user", f"sip:alice@{REALM}"] if password else []
        they = Sipwright(self, "call", f"sip:us@127.0.0.1:{port}", "--no-media", "--duration", 0.2, "--json", *who, password=password)
        return they.wait(20)

    def test_the_right_password_is_let_in_and_named(self):
        port = self.asking()
        self.assertEqual(self.call(port, "alicepw"), 0, self.us.said())
        self.assertEqual(self.us.event("call_incoming")["auth_user"], "alice")
        # Nothing is kept of the unauthenticated try, and nothing is left of the call.
        self.assertEqual(self.stats()["calls"], 0)

    def test_a_wrong_password_and_none_are_refused(self):
        port = self.asking()
        self.assertEqual(self.call(port, "wrong"), 14)
        self.assertEqual(self.call(port, None), 14)
        self.assertEqual(self.us.events("call_incoming"), [])

    def test_pjsip_is_let_in(self):
        port = self.asking()
        phone = Pjsip(self, "--user", "bob", "--password", "bobpw")
        phone.tell(f"call sip:us@127.0.0.1:{port}")
        phone.event("call", state="CONFIRMED")
        self.assertEqual(self.us.event("call_incoming")["auth_user"], "bob")
        phone.tell("hangup")
        self.us.event("call_ended")

    def test_a_password_guesser_finds_nothing_and_is_banned(self):
        port = self.asking("--defend")
        words = self.dir / "words"
        words.write_text("".join(f"guess{i}\n" for i in range(300)) + "alicepw\n")
        guesser = Process(self, "svcrack", [program("svcrack"), "-u", "alice", "-d", words, "-p", port, "127.0.0.1"], 60)
        guesser.wait(60)
        self.assertFalse(any("alicepw" in line for line in guesser.lines + guesser.errors), guesser.said())
        figures = self.stats()
        self.assertGreater(figures["auth_failures"] + figures["scanners"] + figures["bans"], 0, figures)
