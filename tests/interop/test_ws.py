"""SIP over WebSockets with JsSIP: its requests, ours, and calls both ways over the one connection. RFC 7118."""
from harness import JsSip, Sipwright, free_port, until_bound
from test_tls import Certificates


class JsSipCalls(Certificates):
    def connected(self, protocol: str) -> None:
        self.port = free_port()
        secure = ["--tls-cert", self.cert, "--tls-key", self.key] if protocol == "wss" else []
        self.us = Sipwright(self, "answer", "--no-media", "--json", "--take", "INFO", "--listen", f"{protocol}://127.0.0.1:{self.port}", *secure)
        until_bound("sipwright", "tcp", "127.0.0.1", self.port)
        self.phone = JsSip(self, f"{protocol}://127.0.0.1:{self.port}", "sip:browser@127.0.0.1", ca=self.ca if secure else "")
        self.assertEqual(self.phone.event("open")["protocol"], "sip")

    def talk(self, protocol: str) -> None:
        self.connected(protocol)
        self.phone.tell("options sip:us@127.0.0.1")
        self.assertEqual(self.phone.event("options_done")["code"], 200)
        self.phone.tell("message sip:us@127.0.0.1 good morning")
        self.assertEqual(self.us.event("message")["body"], "good morning")
        self.assertEqual(self.phone.event("message_done")["code"], 200)
        self.phone.tell("call sip:us@127.0.0.1")
        self.phone.event("confirmed")
        self.us.event("call_answered")
        self.phone.tell("hangup")
        self.us.event("call_ended")
        self.phone.event("ended", by="local")

    def test_over_ws(self):
        self.talk("ws")

    def test_over_wss(self):
        self.talk("wss")

    def test_we_hang_up_over_its_connection(self):
        self.port = free_port()
        self.us = Sipwright(self, "answer", "--no-media", "--json", "--duration", 0.5, "--listen", f"ws://127.0.0.1:{self.port}")
        until_bound("sipwright", "tcp", "127.0.0.1", self.port)
        phone = JsSip(self, f"ws://127.0.0.1:{self.port}", "sip:browser@127.0.0.1")
        phone.tell("call sip:us@127.0.0.1")
        phone.event("confirmed")
        phone.event("ended", by="remote")
        self.assertEqual(self.us.event("call_ended")["status"], 200)
