#!/usr/bin/env python3
"""make_prompt.py OUT.wav: four seconds of singing vowels, the prompt of `make demo`.

A wandering voice over changing formants, with breath noise: every piece is unlike every other, the whole telephone band is in it,
and no pause is longer than 40 ms, so that whatever is cut, moved or swapped can be heard, and found by check_audio.py.
"""
import math
import random
import sys
import wave
from array import array

RATE_HZ = 8000
SECONDS = 4.0
PEAK = 14000
# Notes of a pentatonic scale in Hz, and the first three formants of five vowels.
NOTES = (131.0, 147.0, 165.0, 196.0, 220.0, 262.0)
VOWELS = ((730, 1090, 2440), (530, 1840, 2480), (390, 1990, 2550), (570, 840, 2410), (300, 870, 2240))


def syllables(rng: random.Random):
    """(start in samples, length, note from, note to, vowel from, vowel to) until the end."""
    at, total = 0, int(RATE_HZ * SECONDS)
    note, vowel = rng.choice(NOTES), rng.choice(VOWELS)
    while at < total:
        length = min(int(RATE_HZ * rng.uniform(0.12, 0.3)), total - at)
        next_note, next_vowel = rng.choice(NOTES), rng.choice(VOWELS)
        yield at, length, note, next_note, vowel, next_vowel
        at, note, vowel = at + length, next_note, next_vowel


def prompt() -> array:
    rng = random.Random(5060)
    out, phase = [0.0] * int(RATE_HZ * SECONDS), 0.0
    for start, length, note, next_note, vowel, next_vowel in syllables(rng):
        for i in range(length):
            along = i / length
            hz = note + (next_note - note) * along + 2.5 * math.sin(2 * math.pi * 5.5 * (start + i) / RATE_HZ)
            phase += hz / RATE_HZ
            formants = [a + (b - a) * along for a, b in zip(vowel, next_vowel)]
            voice = 0.0
            for harmonic in range(1, int(3400 / hz) + 1):
                f = harmonic * hz
                gain = 0.05 + sum(1 / (1 + ((f - formant) / (80 + 40 * n)) ** 2) for n, formant in enumerate(formants))
                voice += gain * math.sin(2 * math.pi * harmonic * phase)
            # 20 ms in and out of each syllable.
            edge = min(1.0, (i + 1) / 160, (length - i) / 160)
            out[start + i] = edge * (voice + rng.uniform(-0.25, 0.25))
    loudest = max(abs(s) for s in out)
    return array("h", (round(s * PEAK / loudest) for s in out))


def main(path: str) -> None:
    samples = prompt()
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.tobytes())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
