"""PJSIP 2.15: calls both ways over UDP and TCP with the sound of both sides measured, keys, hold, and texts.

PJSIP says a 440 Hz tone; we play a 1000 Hz one. Each side's recording must hold the other's tone and nothing else.
"""
from harness import Case, Pjsip, Sipwright, free_port, until

OURS, THEIRS = 1000, 440
LEFT, RIGHT = 0, 1      # our recordings: left us, right them
KEYS = "147*"


class PjsipCalls(Case):
    def ears(self) -> None:
        self.assert_tone(self.dir / "ours.wav", THEIRS, 2.0, RIGHT)
        self.assert_tone(self.dir / "ours.wav", OURS, 2.0, LEFT)
        self.assert_tone(self.dir / "theirs.wav", OURS, 2.0)

    def call_it(self, transport: str, codec: str) -> None:
        phone = Pjsip(self, "--transport", transport, "--codec", codec, "--record", self.dir / "theirs.wav")
        us = Sipwright(self, "call", f"sip:pjsip@127.0.0.1:{phone.port};transport={transport}", "--listen",
                       f"{transport}://127.0.0.1:{free_port()}", "--listen", f"udp://127.0.0.1:{free_port()}", "--codec", codec, "--play",
                       self.tone("tone.wav", OURS, 6), "--record", self.dir / "ours.wav", "--duration", 4, "--json")
        phone.event("call", state="CONFIRMED")
        self.assertEqual(us.wait(25), 0, us.said())
        phone.event("call", state="DISCONNECTED")
        quality = us.events("call_ended")[0]["quality"]
        self.assertEqual(quality["lost"], 0, quality)
        phone.stop()
        self.ears()

    def called_by_it(self, transport: str, codec: str) -> None:
        port = free_port()
        us = Sipwright(self, "answer", "--listen", f"{transport}://127.0.0.1:{port}", "--codec", codec, "--max-calls", 1, "--play",
                       self.tone("tone.wav", OURS, 4), "--record", self.dir / "ours.wav", "--json")
        phone = Pjsip(self, "--transport", transport, "--codec", codec, "--record", self.dir / "theirs.wav")
        phone.tell(f"call sip:us@127.0.0.1:{port};transport={transport}")
        phone.event("call", state="CONFIRMED")
        us.event("play_done", 15)
        phone.tell("stats")
        self.assertEqual(phone.event("stats")["lost"], 0)
        phone.tell("hangup")
        self.assertEqual(us.wait(20), 0, us.said())
        phone.stop()
        self.ears()

    def test_we_call_it(self):
        self.call_it("udp", "PCMU")

    def test_we_call_it_over_tcp_with_g722(self):
        self.call_it("tcp", "G722")

    def test_it_calls_us(self):
        self.called_by_it("udp", "PCMA")

    def test_it_calls_us_over_tcp(self):
        self.called_by_it("tcp", "PCMU")

    def test_it_holds_and_resumes(self):
        port = free_port()
        us = Sipwright(self, "answer", "--listen", f"udp://127.0.0.1:{port}", "--max-calls", 1, "--json")
        phone = Pjsip(self)
        phone.tell(f"call sip:us@127.0.0.1:{port}")
        us.event("call_answered")
        phone.event("media", status=1)
        phone.tell("hold")
        us.event("call_held")
        phone.tell("resume")
        us.event("call_resumed")
        phone.event("media", status=1, count=2)
        phone.tell("hangup")
        self.assertEqual(us.wait(20), 0, us.said())

    def test_keys_go_both_ways(self):
        port = free_port()
        us = Sipwright(self, "answer", "--listen", f"udp://127.0.0.1:{port}", "--max-calls", 1, "--send-dtmf", KEYS, "--json")
        phone = Pjsip(self)
        phone.tell(f"call sip:us@127.0.0.1:{port}")
        us.event("call_answered")
        us.event("dtmf_sent", 15)
        phone.tell(f"dtmf {KEYS}")
        us.event("dtmf", 15, len(KEYS))
        phone.event("dtmf", count=len(KEYS))
        phone.tell("hangup")
        self.assertEqual(us.wait(20), 0, us.said())
        self.assertEqual("".join(e["digit"] for e in us.events("dtmf")), KEYS)
        self.assertEqual("".join(e["digit"] for e in phone.events("dtmf")), KEYS)

    def test_texts_go_both_ways(self):
        port = free_port()
        us = Sipwright(self, "answer", "--listen", f"udp://127.0.0.1:{port}", "--json")
        phone = Pjsip(self)
        phone.tell(f"message sip:us@127.0.0.1:{port} good morning")
        self.assertEqual(us.event("message")["body"], "good morning")
        self.assertEqual(phone.event("message_done")["code"], 200)
        they = Sipwright(self, "message", f"sip:pjsip@127.0.0.1:{phone.port}", "good night", "--json")
        self.assertEqual(they.wait(20), 0, they.said())
        self.assertEqual(phone.event("message")["body"], "good night")

    def test_it_rings_and_we_give_up(self):
        phone = Pjsip(self, "--answer", 180)
        us = Sipwright(self, "call", f"sip:pjsip@127.0.0.1:{phone.port}", "--listen", f"udp://127.0.0.1:{free_port()}", "--ring-timeout", 2,
                       "--json")
        us.event("call_progress")
        self.assertEqual(us.wait(20), 12, us.said())
        until("PJSIP sees the CANCEL", 10, lambda: phone.events("call", state="DISCONNECTED"))
