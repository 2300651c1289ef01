#!/usr/bin/env python3
"""docs.py: runs what README.md and docs/ show. `make all lib python` come first (`make test` does that).

A fenced block of c, cpp, python or sh must say what it is by the comment line before it:

    <!-- file: NAME -->             the block is that file
    <!-- run: TEXT -->              a shell block that must succeed and print TEXT (TEXT may be empty)
    <!-- not run: REASON -->        left alone, for that reason

Blocks of one document share a folder, in order, with the product installed by `make install-files` into a prefix of its own, and with
prompt.wav, two seconds of speech-like sound.
"""
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from array import array
import wave
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(?:<!-- (file|run|not run):\s*(.*?)\s*-->\n)?```(\w*)[^\n]*\n(.*?)^```$", re.M | re.S)
CODE = {"c", "cpp", "python", "sh", "bash", "console"}


def blocks(text: str) -> list[tuple[str | None, str, str, str]]:
    """(mark, argument, language, code) of each fenced block."""
    return [(m[1], m[2] or "", m[3], m[4]) for m in FENCE.finditer(text)]


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def write_prompt(path: Path, seconds: float = 2.0, rate: int = 8000) -> None:
    """A wandering mixture with pauses: every piece of it is unlike every other."""
    rng, samples, phase = random.Random(1), array("h"), 0.0
    for _ in range(int(seconds / 0.1)):
        hz, loud = rng.uniform(200, 3000), rng.choice((0, 3000, 6000, 9000))
        for _ in range(int(0.1 * rate)):
            phase += 2 * math.pi * hz / rate
            samples.append(int(loud * math.sin(phase)))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.tobytes())


class Marks(unittest.TestCase):
    def test_every_code_block_says_what_it_is(self):
        bare = [f"{path.relative_to(ROOT)}: {(code.splitlines() or [''])[0]!r}" for path in documents()
                for mark, _, language, code in blocks(path.read_text()) if language in CODE and not mark]
        self.assertEqual(bare, [])

    def test_every_link_inside_the_project_leads_somewhere(self):
        dead = []
        for path in (*documents(), *(ROOT / n for n in ("ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"))):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", FENCE.sub("", path.read_text())):
                if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists():
                    dead.append(f"{path.relative_to(ROOT)}: {target}")
        self.assertEqual(dead, [])

    def test_blocks_are_found(self):
        text = "a\n<!-- file: x.c -->\n```c\nint x;\n```\n<!-- run: ok -->\n```sh\necho ok\n```\n```python\npass\n```\n"
        self.assertEqual(blocks(text), [("file", "x.c", "c", "int x;\n"), ("run", "ok", "sh", "echo ok\n"), (None, "", "python", "pass\n")])


class Snippets(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls) -> None:
        cls.prefix = Path(tempfile.mkdtemp(prefix="swd-"))
        cls.addClassCleanup(shutil.rmtree, cls.prefix, True)
        done = subprocess.run(["make", "--no-print-directory", "install-files", f"PREFIX={cls.prefix}"], cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise AssertionError(f"make install-files: {done.stdout}{done.stderr}")

    def run_document(self, path: Path) -> None:
        folder = Path(tempfile.mkdtemp(prefix="swd-"))
        self.addCleanup(shutil.rmtree, folder, True)
        write_prompt(folder / "prompt.wav")
        lib = self.prefix / "lib"
        env = {**os.environ, "PATH": f"{self.prefix / 'bin'}:{os.environ['PATH']}", "PKG_CONFIG_PATH": str(lib / "pkgconfig"),
               "LD_LIBRARY_PATH": str(lib), "PYTHONPATH": str(ROOT / "build" / "python"), "TERM": "dumb"}
        for mark, argument, _, code in blocks(path.read_text()):
            if mark == "file":
                (folder / argument).write_text(code)
            elif mark == "run":
                self.run_shell(code, argument, folder, env)

    def run_shell(self, code: str, expected: str, folder: Path, env: dict) -> None:
        with open(folder / "out", "wb") as out:
            shell = subprocess.Popen(["bash", "-euo", "pipefail", "-c", code], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = shell.wait(90)
        except subprocess.TimeoutExpired:
            status = "still running after 90 s"
        finally:
            try:
                os.killpg(shell.pid, signal.SIGTERM)    # what the block left in the background
            except ProcessLookupError:
                pass
            shell.wait(10)
        said = (folder / "out").read_text(errors="replace")
        self.assertEqual(status, 0, f"{code}\n--- said:\n{said}")
        self.assertIn(expected, said, code)


def _add(path: Path) -> None:
    name = "test_" + re.sub(r"\W", "_", str(path.relative_to(ROOT))).lower()
    setattr(Snippets, name, lambda self: self.run_document(path))


for _path in documents():
    if _path.exists() and any(mark == "run" for mark, *_ in blocks(_path.read_text())):
        _add(_path)

if __name__ == "__main__":
    unittest.main(verbosity=2)
