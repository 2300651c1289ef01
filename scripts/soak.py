#!/usr/bin/env python3
"""soak.py [MINUTES]: what is too long for every change. Fuzzes each target for its share of MINUTES (default 20); a finding ends it with the
input's path, and becomes a file of fuzz/corpus once it is mended.

Needs cargo-fuzz (cargo install --locked cargo-fuzz) and clang.
"""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
    for program, remedy in (("cargo-fuzz", "cargo install --locked cargo-fuzz"), ("clang", "apt-get install clang")):
        if not shutil.which(program):
            print(f"{program} is missing; install it: {remedy}", file=sys.stderr)
            return 1
    targets = re.findall(r'^name = "(\w+)"\npath = "fuzz_targets', (ROOT / "fuzz" / "Cargo.toml").read_text(), re.M)
    seconds = max(1, int(minutes * 60 / len(targets)))
    found = []
    for target in targets:
        command = ["cargo", "fuzz", "run", "--release", target, "--", f"-max_total_time={seconds}", "-timeout=1", "-rss_limit_mb=512",
                   "-max_len=65535", "-print_final_stats=1"]
        print("$", " ".join(command), flush=True)
        # libFuzzer and its sanitizer want flags that a stable compiler has only under this name.
        if subprocess.run(command, cwd=ROOT, env={**os.environ, "RUSTC_BOOTSTRAP": "1"}).returncode:
            found.append(target)
    print(f"{len(targets) - len(found)} passed, {len(found)} failed" + (f": {', '.join(found)}" if found else ""))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
