"""Attacks on a sipwright that answers, with the tools that attackers use: sipvicious."""
import os
import signal
import subprocess

from harness import PACKAGES, Case, Sipwright, free_port, program, until_bound

PACKAGES.update(svmap="sipvicious")


class Sipvicious(Case):
    def test_a_scan_by_name_meets_silence(self):
        port = free_port()
        us = Sipwright(self, "answer", "--no-media", "--quiet", "--stats", "--json", "--listen", f"udp://127.0.0.1:{port}", "--defend")
        until_bound("sipwright", "udp", "127.0.0.1", port)
        scan = subprocess.run([program("svmap"), "127.0.0.1", "-p", str(port)], capture_output=True, text=True, timeout=90,
                              cwd=self.dir, env={**os.environ, "HOME": str(self.dir)}, check=False)
        self.assertNotIn("sipwright", scan.stdout + scan.stderr)
        us.child.send_signal(signal.SIGUSR1)
        self.assertGreater(us.event("stats", 20)["scanners"], 0)
