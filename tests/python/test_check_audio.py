#!/usr/bin/env python3
"""The audio check of `make demo` passes on what a call makes of a prompt, and fails on damage."""
import importlib.util
import math
import random
import subprocess
import sys
import tempfile
import unittest
import wave
from array import array
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PROMPT = ROOT / "examples" / "audio" / "prompt.wav"


def load(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


check_audio = load(ROOT / "examples" / "python" / "check_audio.py")
make_prompt = load(ROOT / "examples" / "audio" / "make_prompt.py")


def prompt() -> list[int]:
    return list(check_audio.read(str(PROMPT)))


class CheckAudio(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="swa-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def write(self, name: str, *channels: list[int], rate: int = 8000) -> str:
        samples = array("h", (s for frame in zip(*channels) for s in frame))
        with wave.open(str(self.folder / name), "wb") as file:
            file.setnchannels(len(channels))
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(samples.tobytes())
        return str(self.folder / name)

    def call(self, codec: str = "PCMU", delay: float = 0.137, damage=lambda heard: heard) -> str:
        """A stereo recording: left a melody of ours, right the prompt coded, delayed and then damaged."""
        heard = damage(list(check_audio.on_the_wire(array("h", prompt()), codec)))
        heard = [0] * int(8000 * delay) + heard + [0] * 2000
        ours = [int(5000 * math.sin(i * i * 1e-5)) for i in range(len(heard))]
        return self.write("call.wav", ours, heard)

    def check(self, recorded: str, **options):
        return check_audio.check(str(PROMPT), recorded, **{"channel": "right", **options})

    def test_a_coded_and_delayed_copy_passes(self):
        for codec in ("PCMU", "PCMA"):
            for delay in (0.0, 0.0371, 0.5, 2.0):
                result = self.check(self.call(codec, delay), codec=codec)
                self.assertTrue(result.ok, result)
                self.assertEqual((result.failing, result.exact), (0, result.windows), result)
                self.assertAlmostEqual(result.lag_ms, int(8000 * delay) / 8, msg=str(result))
                self.assertTrue(self.check(self.call(codec, delay)).ok, "without knowing the codec")

    def test_a_copy_at_another_rate_passes(self):
        played = [int(9000 * math.sin(i * 0.05 + 30 * math.sin(i * 1e-4)) * (0.6 + 0.4 * math.sin(i * 3e-4))) for i in range(48000)]
        heard = [0] * 999 + list(check_audio.on_the_wire(check_audio.resample(array("h", played), 16000), "PCMA")) + [0] * 500
        result = check_audio.check(self.write("played.wav", played, rate=16000), self.write("heard.wav", heard), codec="PCMA")
        self.assertTrue(result.ok, result)

    def test_a_lost_start_of_60_ms_passes_and_of_200_ms_fails(self):
        self.assertTrue(self.check(self.call(delay=0, damage=lambda heard: heard[480:])).ok)
        self.assertFalse(self.check(self.call(delay=0, damage=lambda heard: heard[1600:])).ok)

    def test_200_ms_silenced_fail_wherever_they_are(self):
        for at in (0, 6000, 16_000, 30_400):
            result = self.check(self.call(damage=lambda heard: heard[:at] + [0] * 1600 + heard[at + 1600:]))
            self.assertFalse(result.ok, f"at {at}: {result}")

    def test_swapped_channels_fail(self):
        self.assertFalse(self.check(self.call(), channel="left").ok)

    def test_5_percent_of_packets_removed_fail(self):
        rng = random.Random(4)
        packets = [p for p in range(200) if rng.random() >= 0.05]
        cut = self.check(self.call(damage=lambda heard: [s for p in packets for s in heard[160 * p:160 * p + 160]]))
        self.assertFalse(cut.ok, cut)
        kept = set(packets)
        silent = self.check(self.call(damage=lambda heard: [s if i // 160 in kept else 0 for i, s in enumerate(heard)]))
        self.assertFalse(silent.ok, silent)

    def test_an_unrelated_file_fails(self):
        rng = random.Random(9)
        noise = [rng.randrange(-8000, 8000) for _ in range(40_000)]
        self.assertFalse(self.check(self.write("noise.wav", noise, noise)).ok)
        backwards = prompt()[::-1]
        self.assertFalse(self.check(self.write("backwards.wav", backwards, backwards)).ok)

    def test_silence_a_wrong_level_and_inverted_audio_fail(self):
        self.assertFalse(self.check(self.write("silent.wav", [0] * 40_000, [0] * 40_000)).ok)
        self.assertFalse(self.check(self.call(damage=lambda heard: [s // 2 for s in heard])).ok)
        self.assertFalse(self.check(self.call(damage=lambda heard: [-s for s in heard])).ok)

    def test_packets_that_the_network_lost_are_excused_and_too_many_are_not(self):
        lost = {30, 77, 150, 151}
        recorded = self.call(damage=lambda heard: [0 if i // 160 in lost else s for i, s in enumerate(heard)])
        self.assertFalse(self.check(recorded).ok)
        self.assertTrue(self.check(recorded, sent=210, received=206).ok)
        self.assertFalse(self.check(self.call(), sent=210, received=200).ok)

    def test_unusable_files_are_named(self):
        for path, text in ((str(self.folder / "none.wav"), "no such file"), (__file__, "not a WAV file"),
                           (self.write("mono.wav", [1] * 8000), "no right one")):
            with self.assertRaisesRegex(check_audio.Unusable, text):
                self.check(path)

    def test_the_program_says_what_it_found(self):
        program = [sys.executable, str(ROOT / "examples" / "python" / "check_audio.py"), str(PROMPT)]
        done = subprocess.run([*program, self.call(), "--channel", "right", "--codec", "PCMU"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("audio: ok", done.stdout)
        self.assertIn("correlation >= 0.95", done.stdout)
        self.assertEqual(subprocess.run([*program, self.call(), "--channel", "left"], capture_output=True).returncode, 1)
        self.assertEqual(subprocess.run([*program, "/no/such"], capture_output=True).returncode, 2)


class Prompt(unittest.TestCase):
    def test_the_committed_prompt_is_what_the_script_makes(self):
        made, kept = make_prompt.prompt(), prompt()
        self.assertEqual(len(made), len(kept))
        self.assertLessEqual(max(abs(a - b) for a, b in zip(made, kept)), 1)

    def test_no_pause_is_longer_than_100_ms(self):
        samples = prompt()
        for start in range(0, len(samples) - 800, 80):
            part = samples[start:start + 800]
            self.assertGreater(math.sqrt(sum(s * s for s in part) / 800), 300, f"at {start / 8000} s")


if __name__ == "__main__":
    unittest.main(verbosity=2)
