"""sipp 3.6: its built-in caller and callee both ways, and digest with sipp as the one who asks."""
import hashlib
import re

from harness import HERE, REALM, Case, Sipwright, free_port, until_bound

CALLS = 1000
# sipp reads late while the machine is busy, and its scenarios do not forgive an ACK that its socket had no room for.
ROOM = ("-buff_size", 4 << 20)


class SippCalls(Case):
    def listening(self, protocol: str = "udp", host: str = "127.0.0.1") -> int:
        """Starts our answering side without media; the port it listens on."""
        port = free_port(host.strip("[]"))
        self.us = Sipwright(self, "answer", "--no-media", "--quiet", "--listen", f"{protocol}://{host}:{port}")
        until_bound("sipwright", protocol, host, port)
        return port

    def called_by_sipp(self, transport: str, host: str, calls: int) -> None:
        port = self.listening("udp" if transport == "u1" else "tcp", host)
        counts = self.sipp_done(self.sipp(
            "-sn", "uac", f"{host}:{port}", "-i", host.strip("[]"), "-p", free_port(host.strip("[]")), "-t", transport, "-m", calls,
            "-r", 200, "-l", calls, "-d", 50, "-timeout", 60, *ROOM))
        self.assertEqual(counts["Successful call"], calls)
        self.assertEqual(self.us.stop(), 0, self.us.said())

    def calling_sipp(self, transport: str, host: str, calls: int) -> None:
        port = free_port(host.strip("[]"))
        sipp = self.sipp("-sn", "uas", "-i", host.strip("[]"), "-p", port, "-t", transport, "-m", calls, "-timeout", 90,
                         "-reconnect_close", "false", *ROOM)
        protocol = "udp" if transport == "u1" else "tcp"
        until_bound("sipp", protocol, host, port)
        us = Sipwright(self, "call", f"sip:s@{host}:{port};transport={protocol}", "--no-media", "--max-calls", calls, "--rate", 100,
                       "--duration", 0.5, "--listen", f"{protocol}://{host}:{free_port(host.strip('[]'))}", "--json")
        self.assertEqual(us.wait(90), 0, us.said())
        counts = self.sipp_done(sipp)
        self.assertEqual(counts["Successful call"], calls)
        ended = us.events("call_ended")
        self.assertEqual(len(ended), calls)

    def test_a_load_of_ours_on_sipp(self):
        calls, port = 600, free_port()
        sipp = self.sipp("-sn", "uas", "-i", "127.0.0.1", "-p", port, "-m", calls, "-timeout", 90, *ROOM)
        until_bound("sipp", "udp", "127.0.0.1", port)
        us = Sipwright(self, "load", f"sip:s@127.0.0.1:{port}", "--rate", 200, "--duration", 3, "--hold", 0.2, "--json", "--listen",
                       "udp://127.0.0.1:0")
        self.assertEqual(us.wait(90), 0, us.said())
        told = us.events("load")[0]
        self.assertEqual((told["attempted"], told["ok"], told["failed"]), (calls, calls, 0))
        self.assertGreater(told["setup_ms"]["p99"], 0)
        self.assertEqual(self.sipp_done(sipp)["Successful call"], calls)

    def test_sipp_calls_us(self):
        self.called_by_sipp("u1", "127.0.0.1", CALLS)

    def test_we_call_sipp(self):
        self.calling_sipp("u1", "127.0.0.1", CALLS)

    def test_sipp_calls_us_over_tcp(self):
        self.called_by_sipp("t1", "127.0.0.1", 200)

    def test_we_call_sipp_over_tcp(self):
        self.calling_sipp("t1", "127.0.0.1", 200)

    def test_sipp_calls_us_over_ipv6(self):
        self.called_by_sipp("u1", "[::1]", 200)

    def test_we_call_sipp_over_ipv6(self):
        self.calling_sipp("u1", "[::1]", 200)


def digest(credentials: str, method: str, password: str) -> str:
    """The response that RFC 7616 s3.4.1 asks for, from the parameters that came along."""
    p = {k.lower(): v.strip('"') for k, v in re.findall(r'(\w+)=("[^"]*"|[^,\s]*)', credentials)}
    h = lambda text: hashlib.md5(text.encode()).hexdigest()
    who, what = h(f"{p['username']}:{p['realm']}:{password}"), h(f"{method}:{p['uri']}")
    return h(":".join((who, p["nonce"], p["nc"], p["cnonce"], p["qop"], what)))


class SippAsks(Case):
    def registrar(self):
        port = free_port()
        sipp = self.sipp("-sf", HERE / "sipp" / "register-401.xml", "-i", "127.0.0.1", "-p", port, "-m", 1, "-timeout", 30)
        until_bound("sipp", "udp", "127.0.0.1", port)
        return port, sipp

    def test_we_register_with_digest_and_unregister(self):
        port, sipp = self.registrar()
        us = Sipwright(self, "register", "--user", f"sip:alice@{REALM}", "--proxy", f"sip:127.0.0.1:{port}", "--listen",
                       "udp://127.0.0.1:0", "--duration", 0.2, "--json", password="alicepw")
        self.assertEqual(us.wait(20), 0, us.said())
        self.assertTrue(us.events("registered"), us.said())
        self.sipp_done(sipp)

    def test_a_wrong_password_ends_with_its_own_exit_code(self):
        port, sipp = self.registrar()
        us = Sipwright(self, "register", "--user", f"sip:alice@{REALM}", "--proxy", f"sip:127.0.0.1:{port}", "--listen",
                       "udp://127.0.0.1:0", "--json", password="wrong")
        self.assertEqual(us.wait(20), 14, us.said())
        self.sipp_done(sipp)

    def test_a_challenged_invite_is_repeated_with_credentials(self):
        port = free_port()
        sipp = self.sipp("-sf", HERE / "sipp" / "invite-407.xml", "-i", "127.0.0.1", "-p", port, "-m", 1, "-timeout", 30, "-trace_logs",
                         "-log_file", self.dir / "sipp.log")
        until_bound("sipp", "udp", "127.0.0.1", port)
        us = Sipwright(self, "call", f"sip:bob@{REALM}", "--user", f"sip:alice@{REALM}", "--no-register", "--proxy",
                       f"sip:127.0.0.1:{port}", "--listen", "udp://127.0.0.1:0", "--duration", 0.3, "--no-media", "--json",
                       password="alicepw")
        self.assertEqual(us.wait(20), 0, us.said())
        self.sipp_done(sipp)
        log = (self.dir / "sipp.log").read_text()
        sent = re.search(r"CREDENTIALS\s*(.*)", log)[1]
        self.assertIn('username="alice"', sent)
        self.assertIn('opaque="5ccc"', sent)
        self.assertEqual(re.search(r'response="(\w+)"', sent)[1], digest(sent, "INVITE", "alicepw"))
