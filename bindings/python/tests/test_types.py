"""The package's types: strict mypy over it and over the examples, stubtest over the extension module."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import PACKAGE, ROOT, environment

VENV = ROOT / "build" / "mypy"
CI = os.environ.get("CI") == "true"
#: The first that knows the Buffer type; Debian 12 has 1.0.
OLDEST = (1, 6)
HOW = f"python3 -m venv {VENV} && {VENV}/bin/pip install mypy (Debian: apt-get install python3-venv first)"
LOUD_ENOUGH = {"check": False, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}


def new_enough(command: list[str]) -> bool:
    try:
        said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return False
    version = re.search(r"(\d+)\.(\d+)", said)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST


def tools() -> tuple[list[str], list[str]] | None:
    """Commands of mypy and stubtest, wherever they are."""
    for python in (sys.executable, str(VENV / "bin" / "python")):
        if new_enough([python, "-m", "mypy"]):
            return [python, "-m", "mypy"], [python, "-m", "mypy.stubtest"]
    if shutil.which("stubtest") and new_enough(["mypy"]):
        return ["mypy"], ["stubtest"]
    return None


def install() -> None:
    """Into a folder of our own; as root, first with what a fresh Debian lacks for that."""
    def into_venv() -> bool:
        shutil.rmtree(VENV, ignore_errors=True)
        steps = [[sys.executable, "-m", "venv", str(VENV)], [str(VENV / "bin" / "python"), "-m", "pip", "install", "-q", "mypy"]]
        return all(subprocess.run(step, **LOUD_ENOUGH).returncode == 0 for step in steps)

    if not into_venv() and os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = {**LOUD_ENOUGH, "env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}}
        subprocess.run(["apt-get", "update", "-qq"], **quiet)
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "python3-venv"], **quiet)
        into_venv()


class Types(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        found = tools()
        if found is None and CI:
            install()
            found = tools()
        if found is None and CI:
            raise AssertionError(f"mypy is not installed: {HOW}")
        if found is None:
            raise unittest.SkipTest(f"mypy is not installed: {HOW}")
        cls.mypy, cls.stubtest = found

    def run_tool(self, *command: object) -> None:
        cache = str(ROOT / "build" / "mypy-cache")
        done = subprocess.run([str(c) for c in command], cwd=PACKAGE, env=environment(MYPYPATH=str(PACKAGE), MYPY_CACHE_DIR=cache),
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_package_is_strictly_typed(self):
        self.run_tool(*self.mypy, "--strict", "--no-error-summary", "-p", "sipwright")

    def test_the_examples_are_strictly_typed(self):
        for name in ("hello.py", "bot.py"):
            self.run_tool(*self.mypy, "--strict", "--no-error-summary", ROOT / "examples" / "python" / name)

    def test_the_stubs_are_what_the_extension_is(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as known:
            # The buffer protocol has a name in Python from 3.12 on only.
            known.write("sipwright._sipwright.Frame.__buffer__\n")
            known.flush()
            self.run_tool(*self.stubtest, "--allowlist", known.name, "--ignore-unused-allowlist", "sipwright._sipwright")


if __name__ == "__main__":
    unittest.main()
