#!/usr/bin/env python3
"""check_audio.py PLAYED.wav RECORDED.wav: is the recorded audio the audio that was played?

What counts is what the network delivered. The played file is brought to the call's sample rate and, with --codec, coded and
decoded as it was on the wire. It is aligned with the recording by cross-correlation, and then compared in windows of 20 ms:

    a window matches          when its correlation is 0.95 or more and its level within 3 dB;
    a lost packet             (--sent, --received) excuses two windows, which it may touch;
    besides, at most          1 % of the windows may fail to match, and 3 windows at either end are not counted;
    more than 3 % loss        is a failure of its own.

Codecs cost far less than that: G.711 correlates with 0.999 and G.722 with 0.99. Half a packet cut out, 200 ms of silence, the other
channel or another file do not pass. Exit status: 0 passed, 1 failed, 2 a file cannot be used. Python 3 alone, no packages.
"""
from __future__ import annotations

import argparse
import math
import sys
import wave
from array import array
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

RATE_HZ = 8000                  # everything is compared at this rate
WINDOW = RATE_HZ // 50          # 20 ms
CORRELATION = 0.95
LEVEL_DB = 3.0
FAILING_SHARE = 0.01
EDGE_WINDOWS = 3
LOSS_SHARE = 0.03
WINDOWS_PER_LOST_PACKET = 2
QUIET_RMS = 60.0                # below it a window holds nothing to correlate
SLACK = 4                       # samples, half a millisecond, that a window may be off
COARSE = 8                      # decimation of the first search


class Unusable(Exception):
    """A file that cannot be compared."""


@dataclass
class Result:
    """What came out."""
    ok: bool
    reason: str
    lag_ms: float = 0.0         # where the played audio starts in the recording
    windows: int = 0            # compared
    failing: int = 0            # of those
    allowed: int = 0            # of those
    median: float = 0.0         # correlation
    exact: int = 0              # windows equal to the last bit
    first_bad_ms: float | None = None

    def __str__(self) -> str:
        if not self.windows:
            return f"audio: FAILED: {self.reason}"
        where = "" if self.first_bad_ms is None else f", the first at {self.first_bad_ms / 1000:.2f} s"
        return (f"audio: {'ok' if self.ok else 'FAILED: ' + self.reason}: {self.windows - self.failing} of {self.windows} windows of 20 ms match "
                f"(correlation >= {CORRELATION}, level within {LEVEL_DB:.0f} dB){where}; {self.failing} do not and {self.allowed} may; "
                f"median correlation {self.median:.4f}, {self.exact} equal to the bit, aligned at {self.lag_ms / 1000:.3f} s")


def read(path: str, channel: str = "mix") -> array:
    """One channel of a 16-bit WAV file, at RATE_HZ."""
    try:
        with wave.open(path, "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            samples = array("h", file.readframes(file.getnframes())) if width == 2 else None
    except FileNotFoundError:
        raise Unusable(f"{path}: there is no such file") from None
    except (OSError, EOFError, wave.Error) as error:
        raise Unusable(f"{path}: not a WAV file that can be read: {error}") from None
    if samples is None:
        raise Unusable(f"{path}: {8 * width} bits; convert it to 16 bits: sox IN -b 16 OUT.wav")
    if sys.byteorder == "big":
        samples.byteswap()
    if channel in ("left", "right"):
        if channels != 2:
            raise Unusable(f"{path}: has {channels} channel(s), so no {channel} one; record in stereo")
        samples = samples[0 if channel == "left" else 1::2]
    elif channels > 1:
        samples = array("h", (sum(samples[i:i + channels]) // channels for i in range(0, len(samples) - channels + 1, channels)))
    return resample(samples, rate)


def resample(samples: array, rate: int) -> array:
    """To RATE_HZ by a windowed sinc, without delay."""
    if rate == RATE_HZ:
        return samples
    cutoff = min(rate, RATE_HZ) / 2 * 0.92 / rate
    half = math.ceil(16 / (2 * cutoff))
    divisor = math.gcd(rate, RATE_HZ)
    up, down = RATE_HZ // divisor, rate // divisor
    phases = []
    for phase in range(up):
        row = []
        for tap in range(-half + 1, half + 1):
            x = tap - phase / up
            sinc = 1.0 if abs(x) < 1e-9 else math.sin(2 * math.pi * cutoff * x) / (2 * math.pi * cutoff * x)
            row.append(sinc * (0.5 + 0.5 * math.cos(math.pi * x / (half + 1))))
        gain = sum(row)
        phases.append([c / gain for c in row])
    padded = [0] * (half - 1) + list(samples) + [0] * half
    out = array("h")
    for n in range(len(samples) * up // down):
        whole, phase = divmod(n * down, up)
        value = round(sum(map(mul, phases[phase], padded[whole:whole + 2 * half])))
        out.append(max(-32768, min(32767, value)))
    return out


def g711(sample: int, mu: bool) -> int:
    """A sample after G.711 coding and decoding."""
    bits = 2 if mu else 4
    magnitude = (~sample if sample < 0 else sample) >> bits
    if mu:
        magnitude = min(magnitude + 33, 0x1fff)
        shift = magnitude.bit_length() - 5
        value = ((((magnitude >> shift) << shift) + (1 << shift >> 1)) - 33) << 2
    else:
        shift = max(magnitude.bit_length() - 5, 0)
        value = (((magnitude >> shift) << shift) << 4) + (8 << shift)
    return -value if sample < 0 else value


def on_the_wire(samples: array, codec: str) -> array:
    """What the codec makes of the samples. G.722 is left out: it costs little enough."""
    if codec.upper() not in ("PCMU", "PCMA"):
        return samples
    mu = codec.upper() == "PCMU"
    known: dict[int, int] = {}
    return array("h", (known[s] if s in known else known.setdefault(s, g711(s, mu)) for s in samples))


def correlation(a, b) -> float:
    """Normalised, -1 ..= 1; 0 where one side is silent."""
    energy = sum(map(mul, a, a)) * sum(map(mul, b, b))
    return sum(map(mul, a, b)) / math.sqrt(energy) if energy else 0.0


def align(played, recorded) -> int:
    """Where the played audio starts in the recording; negative when its start is missing there."""
    def coarse(samples):
        return [sum(samples[i:i + COARSE]) for i in range(0, len(samples) - COARSE + 1, COARSE)]
    head = EDGE_WINDOWS * WINDOW // COARSE
    mine, theirs = coarse(played), [0] * head + coarse(recorded) + [0] * head
    energy = [0, *accumulate(s * s for s in theirs)]
    piece = min(len(mine), RATE_HZ // COARSE // 4)
    # Three pieces from all over vote, so that damage in one place does not lead astray.
    votes: dict[int, float] = {}
    for start in (0, (len(mine) - piece) // 2, len(mine) - piece):
        part = mine[start:start + piece]
        strength = sum(map(mul, part, part))
        for shift in range(len(theirs) - piece + 1):
            product = sum(map(mul, part, theirs[shift:shift + piece]))
            both = strength * (energy[shift + piece] - energy[shift])
            if product > 0 and product * product > 0.1 * both:
                place = shift - head - start
                votes[place] = votes.get(place, 0.0) + product / math.sqrt(both)
    lag = COARSE * max(votes, key=lambda place: votes[place], default=0)

    def fine(shift: int) -> int:
        skipped = max(0, -shift)
        return sum(map(mul, played[skipped:], recorded[shift + skipped:shift + len(played)]))
    return max(range(lag - 2 * COARSE, lag + 2 * COARSE + 1), key=fine)


def window_matches(mine, recorded, at: int) -> tuple[float, bool]:
    """Correlation of a window with the recording around `at`, and whether it matches."""
    energy = sum(map(mul, mine, mine))
    best = 0.0
    for shift in sorted(range(-SLACK, SLACK + 1), key=abs):
        if at + shift < 0:
            continue
        other = recorded[at + shift:at + shift + len(mine)]
        if len(other) < len(mine):
            continue
        theirs = sum(map(mul, other, other))
        if energy < QUIET_RMS ** 2 * len(mine):
            return 1.0, theirs < (4 * QUIET_RMS) ** 2 * len(mine)
        score = correlation(mine, other)
        best = max(best, score)
        if score >= CORRELATION and abs(10 * math.log10(theirs / energy)) <= LEVEL_DB:
            return score, True
    return best, False


def check(played: str, recorded: str, channel: str = "mix", codec: str = "", sent: int = 0, received: int = 0) -> Result:
    """Compares two files. `sent` and `received` are RTP packets; 0 sent stands for no loss."""
    reference, heard = on_the_wire(read(played), codec), read(recorded, channel)
    if len(reference) < 20 * WINDOW:
        raise Unusable(f"{played}: shorter than 0.4 s; there is too little to compare")
    if not any(heard):
        return Result(False, f"the recording is silent ({len(heard) / RATE_HZ:.1f} s)")
    lost = max(0, sent - received)
    if lost > LOSS_SHARE * sent:
        return Result(False, f"{lost} of {sent} packets were lost, more than {LOSS_SHARE:.0%}")
    lag = align(reference, heard)
    windows = range(EDGE_WINDOWS, len(reference) // WINDOW - EDGE_WINDOWS)
    scores, failing, exact, first_bad = [], 0, 0, None
    for n in windows:
        mine = reference[n * WINDOW:(n + 1) * WINDOW]
        at = lag + n * WINDOW
        score, matches = window_matches(mine, heard, at)
        scores.append(score)
        exact += at >= 0 and mine == heard[at:at + WINDOW]
        if not matches:
            failing += 1
            first_bad = n * WINDOW if first_bad is None else first_bad
    allowed = int(FAILING_SHARE * len(windows)) + WINDOWS_PER_LOST_PACKET * lost
    return Result(
        ok=failing <= allowed, reason="the recording is not what was played", lag_ms=1000 * lag / RATE_HZ, windows=len(windows),
        failing=failing, allowed=allowed, median=sorted(scores)[len(scores) // 2], exact=exact,
        first_bad_ms=None if first_bad is None else 1000 * first_bad / RATE_HZ)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("played")
    parser.add_argument("recorded")
    parser.add_argument("--channel", choices=("left", "right", "mix"), default="mix", help="of the recording: left is what we said, right what we heard")
    parser.add_argument("--codec", default="", help="PCMU, PCMA or G722: code the played file as it was on the wire")
    parser.add_argument("--sent", type=int, default=0, help="RTP packets that the player sent")
    parser.add_argument("--received", type=int, default=0, help="RTP packets that the recorder received")
    args = parser.parse_args()
    try:
        result = check(args.played, args.recorded, args.channel, args.codec, args.sent, args.received)
    except Unusable as error:
        print(f"audio: {error}", file=sys.stderr)
        return 2
    print(result)
    return 0 if result.ok else 1


if __name__ == "__main__":
    sys.exit(main())
