#!/usr/bin/env python3
"""instructions.py: a gate on the cost of a message, counted in instructions (callgrind), which no other load on the machine can change.

Each budget is what the code needs, rounded up by about a tenth. A change that is over it shows its reason and raises it here, in the open.
"""
import os
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "target" / "bench" / "parse"
PROGRAM = TARGET / "release" / "parse"

# (message, task) -> instructions per message. The best peer measured needs 25,900 for invite/parse and 32,500 for invite/full.
BUDGET = {
    ("options", "parse"): 4_600,
    ("options", "full"): 8_200,
    ("invite", "parse"): 7_400,
    ("invite", "typed"): 10_000,
    ("invite", "full"): 11_100,
    ("ok200", "parse"): 6_800,
    ("ok200", "full"): 10_400,
}


def instructions(message: str, task: str) -> float:
    """Per message: the difference of two runs, so that start-up does not count."""
    totals = []
    for n in (500, 1500):
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(PROGRAM),
                   str(ROOT / "benches" / "messages" / f"{message}.sip"), task, str(n)]
        said = subprocess.run(command, capture_output=True, text=True).stderr
        found = re.search(r"Collected : (\d+)", said)
        if not found:
            raise AssertionError(said)
        totals.append(int(found[1]))
    return (totals[1] - totals[0]) / 1000


class Instructions(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        if not shutil.which("valgrind"):
            raise AssertionError("valgrind is not installed: apt-get install valgrind")
        subprocess.run(["cargo", "build", "--release", "-q", "--manifest-path", str(ROOT / "benches" / "parse" / "Cargo.toml"), "--target-dir",
                        str(TARGET)], check=True, env={**os.environ, "RUSTFLAGS": ""})

    def test_a_message_costs_no_more_than_its_budget(self):
        for (message, task), budget in BUDGET.items():
            with self.subTest(message=message, task=task):
                used = instructions(message, task)
                print(f"{message} {task}: {used:,.0f} instructions, budget {budget:,}", file=sys.stderr)
                self.assertLessEqual(used, budget)
                self.assertGreater(used, budget * 0.6, "far below its budget: lower the budget")


if __name__ == "__main__":
    unittest.main(verbosity=2)
