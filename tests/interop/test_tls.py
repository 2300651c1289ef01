"""SIP over TLS with real peers: PJSIP both ways, openssl and gnutls clients, certificates that must be refused. RFC 3261 s26.3, RFC 5922.

The certificates are made by openssl for each test: an authority, a good one for 127.0.0.1 and localhost, and bad ones.
"""
import subprocess

from harness import Case, Pjsip, Process, Sipwright, free_port, program, until_bound

OPTIONS = ("OPTIONS sip:us@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKopenssl;rport\r\nFrom: <sip:probe@127.0.0.1>;tag=1\r\n"
           "To: <sip:us@127.0.0.1>\r\nCall-ID: openssl\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")
GOOD = "subjectAltName=IP:127.0.0.1,DNS:localhost"


class Certificates(Case):
    """A test with an authority of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.ca = self.authority("ca")
        self.cert, self.key = self.signed("server", GOOD)

    def openssl(self, *arguments) -> None:
        done = subprocess.run([program("openssl"), *map(str, arguments)], cwd=self.dir, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def authority(self, name: str):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                     f"{name}.pem", "-days", 2, "-subj", f"/CN=authority {name}", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        return self.dir / f"{name}.pem"

    def signed(self, name: str, names: str, days: int = 2, rsa: bool = False):
        kind = ["rsa:2048"] if rsa else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        self.openssl("req", "-newkey", *kind, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=127.0.0.1")
        (self.dir / f"{name}.ext").write_text(f"basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n{names}\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", days, "-extfile",
                     f"{name}.ext", "-out", f"{name}.pem")
        return self.dir / f"{name}.pem", self.dir / f"{name}.key"

    def answering(self, *more, cert=None, key=None) -> int:
        port = free_port()
        self.us = Sipwright(self, "answer", "--no-media", "--json", "--listen", f"tls://127.0.0.1:{port}", "--tls-cert", cert or self.cert,
                            "--tls-key", key or self.key, *more)
        until_bound("sipwright", "tcp", "127.0.0.1", port)
        return port

    def call(self, port: int, *more) -> tuple[int, str]:
        """Calls over TLS, and gives the exit code and the reason."""
        they = Sipwright(self, "call", f"sip:us@127.0.0.1:{port};transport=tls", "--no-media", "--duration", 0.3, "--listen",
                         "udp://127.0.0.1:0", "--json", *more)
        code = they.wait(30)
        return code, they.events("call_ended")[0]["reason"]


class Phones(Certificates):
    def test_pjsip_calls_us(self):
        port = self.answering()
        phone = Pjsip(self, "--transport", "tls", "--ca", self.ca)
        phone.tell(f"call sip:us@127.0.0.1:{port};transport=tls")
        phone.event("call", state="CONFIRMED")
        self.us.event("call_answered")
        phone.tell("hangup")
        self.us.event("call_ended")

    def test_we_call_pjsip(self):
        cert, key = self.signed("pjsip", GOOD, rsa=True)
        phone = Pjsip(self, "--transport", "tls", "--cert", cert, "--key", key)
        self.assertEqual(self.call(phone.port, "--tls-ca", self.ca), (0, "OK"))
        phone.event("call", state="DISCONNECTED")

    def test_pjsip_shows_its_certificate(self):
        port = self.answering("--tls-ca", self.ca, "--tls-clients")
        cert, key = self.signed("pjsip", GOOD)
        phone = Pjsip(self, "--transport", "tls", "--ca", self.ca, "--cert", cert, "--key", key)
        phone.tell(f"call sip:us@127.0.0.1:{port};transport=tls")
        phone.event("call", state="CONFIRMED")
        phone.tell("hangup")
        self.us.event("call_ended")

    def test_sips(self):
        port = self.answering()
        they = Sipwright(self, "call", f"sips:us@127.0.0.1:{port}", "--no-media", "--duration", 0.3, "--tls-ca", self.ca, "--json")
        self.assertEqual(they.wait(30), 0, they.said())


class Clients(Certificates):
    def s_client(self, port: int, *more) -> str:
        """What openssl prints when it asks OPTIONS."""
        client = Process(self, "openssl", [program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", self.ca, "-ign_eof",
                                           "-servername", "localhost", *more], 30, pipe=True)
        client.child.stdin.write(OPTIONS)
        client.child.stdin.flush()
        client.line("SIP/2.0 200 OK", 15)
        client.stop()
        return "\n".join(client.lines)

    def test_openssl_speaks_both_versions(self):
        port = self.answering()
        for version in ("1_2", "1_3"):
            with self.subTest(version=version):
                said = self.s_client(port, f"-tls{version}", "-verify_return_error")
                self.assertIn("Verify return code: 0", said)
                self.assertIn(f"TLSv{version.replace('_', '.')}", said)

    def test_openssl_is_refused_an_old_version(self):
        port = self.answering()
        done = subprocess.run([program("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        self.assertNotEqual(done.returncode, 0)

    def test_gnutls(self):
        port = self.answering()
        for priority in ("NORMAL:-VERS-ALL:+VERS-TLS1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.3"):
            with self.subTest(priority=priority):
                client = Process(self, "gnutls-cli", [program("gnutls-cli"), "--x509cafile", self.ca, "--priority", priority, "-p", port,
                                                      "localhost"], 30, pipe=True)
                client.line("Simple Client Mode", 15)
                client.child.stdin.write(OPTIONS)
                client.child.stdin.flush()
                client.line("SIP/2.0 200 OK", 15)
                client.stop()

    def test_no_certificate_no_entry(self):
        port = self.answering("--tls-ca", self.ca, "--tls-clients")
        # With TLS 1.3 the client is done before the server has looked: the refusal comes as the end of the connection.
        self.assertNotEqual(self.call(port, "--tls-ca", self.ca)[0], 0)
        self.assertEqual(self.us.events("call_incoming"), [])
        cert, key = self.signed("client", GOOD)
        self.assertEqual(self.call(port, "--tls-ca", self.ca, "--tls-cert", cert, "--tls-key", key), (0, "OK"))


class Refused(Certificates):
    """Servers that must not be believed; the reason says why."""

    def refused(self, cert, key, word: str, *trust) -> None:
        port = self.answering(cert=cert, key=key)
        code, reason = self.call(port, *(trust or ("--tls-ca", self.ca)))
        self.assertNotEqual(code, 0)
        self.assertIn(word, reason)
        self.assertEqual(self.us.events("call_incoming"), [])

    def test_another_name(self):
        self.refused(*self.signed("wrong", "subjectAltName=DNS:other.example"), "another name")

    def test_a_common_name_alone(self):
        self.refused(*self.signed("cn", ""), "another name")

    def test_a_wildcard(self):
        self.refused(*self.signed("wild", "subjectAltName=DNS:*.0.0.1"), "another name")

    def test_an_unknown_authority(self):
        self.refused(self.cert, self.key, "not trusted", "--tls-ca", self.authority("other"))

    def test_no_authority_of_the_system(self):
        self.refused(self.cert, self.key, "", "--quiet")

    def test_expired(self):
        self.refused(*self.signed("old", GOOD, days=-1), "expired")

    def test_whoever_asks_for_it_takes_anybody(self):
        port = self.answering(cert=self.signed("any", "subjectAltName=DNS:other.example")[0], key=self.dir / "any.key")
        self.assertEqual(self.call(port, "--tls-no-verify"), (0, "OK"))
