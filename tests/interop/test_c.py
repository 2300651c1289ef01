"""The C and C++ programs of examples/, linked to the shared library of `make lib`, with peers that are not ours."""
import os
import subprocess
from pathlib import Path

from harness import REALM, ROOT, Case, Kamailio, Process, free_port, until_bound

LIB = Path(os.environ.get("SIPWRIGHT_LIB", ROOT / "target" / "lib"))


class Programs(Case):
    def built(self, source: str) -> Path:
        """An example, compiled as a stranger would."""
        if not (LIB / "libsipwright.so.0").exists():
            raise AssertionError(f"{LIB}/libsipwright.so.0 is not built: make lib")
        program = self.dir / Path(source).name.replace(".", "_")
        compiler = ["c++", "-std=c++17"] if source.endswith("cpp") else ["cc", "-std=gnu99"]
        done = subprocess.run([*compiler, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", f"-I{ROOT / 'include'}", str(ROOT / "examples" / source),
                               "-o", str(program), f"-L{LIB}", f"-Wl,-rpath,{LIB}", "-lsipwright"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def hello(self, source: str) -> None:
        port = free_port()
        sipp = self.sipp("-sn", "uas", "-i", "127.0.0.1", "-p", port, "-m", 1, "-timeout", 60)
        until_bound("sipp", "udp", "127.0.0.1", port)
        us = Process(self, source, [self.built(source), "sip:alice@127.0.0.1", f"sip:s@127.0.0.1:{port}", self.tone("play.wav", 700, 1),
                                    self.dir / "record.wav"])
        self.assertEqual(us.wait(60), 0, us.said())
        self.assertTrue(us.lines[-1].startswith("ended: 200"), us.said())
        self.assertEqual(self.sipp_done(sipp)["Successful call"], 1)
        self.assert_tone(self.dir / "record.wav", 700, 0.5, 0)

    def test_hello_with_callbacks(self):
        self.hello("c/hello_cb.c")

    def test_hello_with_a_descriptor(self):
        self.hello("c/hello_poll.c")

    def test_hello_in_cpp(self):
        self.hello("cpp/hello.cpp")

    def register(self, password: str, protocol: str = "udp") -> tuple[int, Process]:
        registrar = Kamailio(self)
        us = Process(self, "register", [self.built("c/register.c"), f"sip:alice@{REALM}", registrar.uri(protocol), 1],
                     env={"SIP_PASSWORD": password})
        return us.wait(60), us

    def registered(self, protocol: str) -> None:
        code, us = self.register("alicepw", protocol)
        self.assertEqual(code, 0, us.said())
        self.assertTrue(us.lines[0].startswith("registered for ") and us.lines[-1] == "unregistered", us.said())

    def test_register_and_unregister_over_udp(self):
        self.registered("udp")

    def test_register_and_unregister_over_tcp(self):
        self.registered("tcp")

    def test_the_wrong_password_is_told(self):
        code, us = self.register("wrong")
        self.assertEqual(code, 1, us.said())
        self.assertTrue(us.lines[0].startswith("failed: 401"), us.said())
