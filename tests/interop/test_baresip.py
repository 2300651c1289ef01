"""baresip 1.0: it calls us and we call it, with the sound of both sides measured, and keys both ways.

baresip says a 440 Hz tone; we play a 1000 Hz one. Each side's recording must hold the other's tone and nothing else.
"""
from harness import Baresip, Case, Sipwright, free_port

OURS, THEIRS = 1000, 440
LEFT, RIGHT = 0, 1      # our recordings: left us, right them
KEYS = "159#"


class BaresipCalls(Case):
    def ears(self, codec: str) -> None:
        """Judges both recordings: two seconds of the other's tone on each side."""
        self.assert_tone(self.dir / "ours.wav", THEIRS, 2.0, RIGHT)
        self.assert_tone(self.dir / "ours.wav", OURS, 2.0, LEFT)
        self.assert_tone(self.phone.heard(), OURS, 2.0)

    def call_it(self, codec: str, name: str) -> None:
        self.phone = Baresip(self, "bob", codecs=codec)
        us = Sipwright(self, "call", f"sip:bob@127.0.0.1:{self.phone.port}", "--listen", f"udp://127.0.0.1:{free_port()}", "--codec", name,
                       "--play", self.tone("tone.wav", OURS, 6), "--record", self.dir / "ours.wav", "--duration", 4, "--json")
        answered = us.event("call_answered")
        self.assertEqual(answered.get("codec", "").upper().split("/")[0], name.upper(), answered)
        self.phone.event("CALL_ESTABLISHED")
        self.assertEqual(us.wait(20), 0, us.said())
        self.phone.event("CALL_CLOSED")
        self.ears(codec)
        quality = us.events("call_ended")[0]["quality"]
        self.assertGreater(quality["mos"], 4.0, quality)
        self.assertEqual(quality["lost"], 0, quality)

    def called_by_it(self, codec: str, name: str) -> None:
        port = free_port()
        us = Sipwright(self, "answer", "--listen", f"udp://127.0.0.1:{port}", "--codec", name, "--max-calls", 1, "--play",
                       self.tone("tone.wav", OURS, 6), "--record", self.dir / "ours.wav", "--json")
        self.phone = Baresip(self, "bob", codecs=codec)
        self.phone.tell("dial", f"sip:us@127.0.0.1:{port}")
        us.event("call_answered")
        us.event("quality", 15)
        us.event("play_done", 15)
        self.phone.tell("hangup")
        self.assertEqual(us.wait(20), 0, us.said())
        self.ears(codec)

    def test_we_call_it_with_pcmu(self):
        self.call_it("PCMU/8000/1", "PCMU")

    def test_we_call_it_with_pcma(self):
        self.call_it("PCMA/8000/1", "PCMA")

    def test_we_call_it_with_g722(self):
        self.call_it("G722/16000/1", "G722")

    def test_it_calls_us_with_pcmu(self):
        self.called_by_it("PCMU/8000/1", "PCMU")

    def test_it_calls_us_with_g722(self):
        self.called_by_it("G722/16000/1", "G722")

    def test_keys_go_both_ways(self):
        port = free_port()
        us = Sipwright(self, "answer", "--listen", f"udp://127.0.0.1:{port}", "--max-calls", 1, "--send-dtmf", KEYS, "--json")
        phone = Baresip(self, "bob")
        phone.tell("dial", f"sip:us@127.0.0.1:{port}")
        us.event("call_answered")
        us.event("dtmf_sent", 15)
        for number, key in enumerate(KEYS, 1):
            phone.tell("sndcode", key)
            us.event("dtmf", 5, number)
        phone.tell("hangup")
        self.assertEqual(us.wait(20), 0, us.said())
        self.assertEqual("".join(e["digit"] for e in us.events("dtmf")), KEYS)
        self.assertEqual(phone.keys(), KEYS)

    def test_it_rings_and_we_give_up(self):
        phone = Baresip(self, "bob", answer="manual")
        us = Sipwright(self, "call", f"sip:bob@127.0.0.1:{phone.port}", "--listen", f"udp://127.0.0.1:{free_port()}", "--ring-timeout", 2,
                       "--json")
        us.event("call_progress")
        phone.event("CALL_INCOMING")
        self.assertEqual(us.wait(20), 12, us.said())
        phone.event("CALL_CLOSED")

    def test_it_declines(self):
        phone = Baresip(self, "bob", answer="manual")
        us = Sipwright(self, "call", f"sip:bob@127.0.0.1:{phone.port}", "--listen", f"udp://127.0.0.1:{free_port()}", "--json")
        phone.event("CALL_INCOMING")
        phone.tell("hangup")
        self.assertIn(us.wait(20), (10, 11), us.said())     # baresip says 486 Rejected
