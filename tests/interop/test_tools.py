"""The probes that people point at a server: sofia-sip's sip-options, sipsak."""
from harness import Case, Process, Sipwright, free_port, program, until_bound


class Probes(Case):
    def setUp(self) -> None:
        super().setUp()
        self.port = free_port()
        self.us = Sipwright(self, "answer", "--no-media", "--quiet", "--json", "--listen", f"udp://127.0.0.1:{self.port}", "--listen",
                            f"tcp://127.0.0.1:{self.port}", "--listen", f"udp://[::1]:{self.port}")
        until_bound("sipwright", "udp", "127.0.0.1", self.port)

    def said_by(self, name: str, *arguments) -> list[str]:
        """What a probe prints; it has to end with 0."""
        probe = Process(self, name, [program(name), *arguments], 30)
        self.assertEqual(probe.wait(20), 0, probe.said())
        return probe.lines + probe.errors

    def test_sip_options(self):
        for host, transport in (("127.0.0.1", "udp"), ("127.0.0.1", "tcp"), ("[::1]", "udp")):
            with self.subTest(host=host, transport=transport):
                lines = self.said_by("sip-options", "-m", f"sip:{host}:{free_port(host.strip('[]'))};transport={transport}",
                                     f"sip:{host}:{self.port};transport={transport}")
                self.assertEqual(lines[0], "SIP/2.0 200 OK", lines)
                allow = next(line for line in lines if line.startswith("Allow:"))
                self.assertIn("INVITE", allow)

    def test_sipsak_asks(self):
        lines = self.said_by("sipsak", "-vv", "-s", f"sip:anybody@127.0.0.1:{self.port}")
        self.assertIn("SIP/2.0 200 OK", [line.strip() for line in lines])

    def test_a_burst_of_sipsak_is_survived(self):
        self.said_by("sipsak", "-F", "-e", "200", "-s", f"sip:127.0.0.1:{self.port}")
        self.test_sipsak_asks()
