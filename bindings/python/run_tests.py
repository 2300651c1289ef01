#!/usr/bin/env python3
"""run_tests.py [TEST...]: the tests of the Python package in build/python (`make python` first), and of its types.

Without arguments all of tests/; with them, tests by unittest's names, such as test_calls.Start. SIPWRIGHT_PYTHON names another folder
with the package.
"""
import faulthandler
import os
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACKAGE = Path(os.environ.get("SIPWRIGHT_PYTHON", HERE.parents[1] / "build" / "python")).resolve()
# Less than what scripts/test.py allows: a hang shows where it is.
MINUTES = 9


def main(names: list[str]) -> int:
    if not (PACKAGE / "sipwright" / "_sipwright.abi3.so").is_file():
        print(f"{PACKAGE}/sipwright is not built: make python", file=sys.stderr)
        return 1
    sys.path[:0] = [str(PACKAGE), str(HERE / "tests")]
    faulthandler.dump_traceback_later(MINUTES * 60, exit=True)
    loader = unittest.defaultTestLoader
    tests = loader.loadTestsFromNames(names) if names else loader.discover(str(HERE / "tests"))
    outcome = unittest.TextTestRunner(verbosity=2).run(tests)
    return 0 if outcome.wasSuccessful() and outcome.testsRun else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
