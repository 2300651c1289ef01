"""Calls over a network that loses packets, on real sockets: both programs in a network namespace of their own whose loopback drops.

The kernel drops each received UDP datagram with the given probability, so each way loses that share. RFC 3261 s17 and s13.3.1.4 bring
the calls through: requests, responses and the 2xx are repeated until they are answered.
"""
import os
import subprocess
from pathlib import Path

from harness import Case, Process, Sipwright, program, until

RULES = """table ip loss {{
    chain in {{
        type filter hook input priority 0;
        iifname lo meta l4proto udp numgen random mod 1000 < {share} counter drop
    }}
}}
"""


class Network:
    """A network namespace with nothing but a loopback that loses `percent` of the datagrams, each way."""

    def __init__(self, case: Case, percent: float):
        as_root = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        # It holds the namespace until its input ends.
        ready = "ip link set lo up && nft -f rules && echo ready && exec cat"
        (case.dir / "rules").write_text(RULES.format(share=round(percent * 10)))
        self.holder = Process(case, "namespace", [program("unshare"), "--net", *as_root, "sh", "-c", ready], 600, pipe=True,
                              env={"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"})
        self.holder.line("ready")
        self.enter = [program("nsenter"), "--target", str(self.holder.child.pid), "--net",
                      *([] if not as_root else ["--user", "--preserve-credentials"])]

    def dropped(self) -> int:
        """Datagrams that the network lost so far."""
        said = subprocess.run([*self.enter, program("nft"), "list", "ruleset"], check=True, capture_output=True, text=True).stdout
        return int(said.split("counter packets ")[1].split()[0])

    def bound(self, port: int) -> None:
        """Waits until somebody in the namespace holds a UDP port."""
        table = Path(f"/proc/{self.holder.child.pid}/net/udp")
        until(f"port {port} is held", 10, lambda: f":{port:04X} " in table.read_text())


class Loss(Case):
    CALLS = 1000

    def start(self, percent: float) -> tuple:
        net = Network(self, percent)
        us = Sipwright(self, "answer", "--no-media", "--quiet", "--listen", "udp://127.0.0.1:5070", seconds=300, within=net.enter)
        net.bound(5070)
        they = Sipwright(self, "call", "sip:s@127.0.0.1:5070", "--no-media", "--max-calls", self.CALLS, "--rate", 50, "--duration", 0.5,
                         "--listen", "udp://127.0.0.1:5080", "--json", "--quiet", seconds=300, within=net.enter)
        return net, us, they

    def test_calls_come_through(self):
        """At 10 % each way no call is lost, at 20 % one in a thousand at most, at 30 % one in a hundred at most."""
        goals = {10: self.CALLS, 20: self.CALLS - 1, 30: self.CALLS - 10}
        running = {percent: self.start(percent) for percent in goals}
        for percent, (net, us, they) in running.items():
            they.wait(280)
            ended = they.events("call_ended")
            good = sum(200 <= e["status"] < 300 for e in ended)
            lost = net.dropped()
            print(f"{good} of {self.CALLS} calls at {percent} % loss each way; {lost} datagrams lost", flush=True)
            with self.subTest(percent=percent):
                self.assertEqual(len(ended), self.CALLS, "each call ends once")
                self.assertGreaterEqual(good, goals[percent], they.said(10))
                # A call has five messages at least: the network did what it was told.
                self.assertGreater(lost, self.CALLS * 5 * percent / 100 * 0.7)
                self.assertEqual(us.stop(), 0, us.said())


class SippLoss(Case):
    """sipp repeats its requests, and we our 2xx."""

    def test_sipp_calls_us(self):
        net = Network(self, 10)
        us = Sipwright(self, "answer", "--no-media", "--quiet", "--listen", "udp://127.0.0.1:5070", seconds=240, within=net.enter)
        net.bound(5070)
        counts = self.sipp_done(self.sipp("-sn", "uac", "127.0.0.1:5070", "-i", "127.0.0.1", "-p", 5080, "-m", 200, "-r", 50, "-d", 200,
                                          "-timeout", 120, within=net.enter))
        self.assertEqual(counts["Successful call"], 200)
        self.assertGreater(net.dropped(), 50)
        self.assertEqual(us.stop(), 0, us.said())
