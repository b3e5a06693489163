"""How long `archkit count` takes as a whole process, beside what importing torch alone takes.

The commands run in turn, so that all see the same machine. Only a ratio is asserted: the script exits with 1
if `archkit count` is not at least 5 times as fast as importing torch.

    python benchmarks/startup.py [--runs 11] [--json]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from machine import machine

SPEC = "[2,1,1,1]x[64,128,256,512]"
ARCHKIT = str(Path(sys.executable).with_name("archkit"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    f"archkit count {SPEC}": [ARCHKIT, "count", SPEC],
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
}
BARE, COUNT, TORCH = COMMANDS

LEAST_RUNS = 10
LEAST_RATIO = 5.0  # about 11 on two shared cores; a process that imports torch stays below 1
GOAL = 0.2  # seconds, on a quiet machine: printed, not asserted


def measure(runs: int) -> dict[str, list[float]]:
    """Wall seconds of each command, run in turn `runs` times after a first round that is not counted."""
    samples: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(runs + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if turn:
                samples[name].append(time.perf_counter() - start)
    return samples


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=11, help=f"runs of each command, at least {LEAST_RUNS}")
    parser.add_argument("--json", action="store_true", help="all samples as one JSON object")
    args = parser.parse_args()
    if args.runs < LEAST_RUNS:
        parser.error(f"--runs takes at least {LEAST_RUNS}, not {args.runs}")
    samples = measure(args.runs)
    median = {name: statistics.median(seconds) for name, seconds in samples.items()}
    to_torch, to_bare = median[TORCH] / median[COUNT], median[COUNT] / median[BARE]
    where = machine("typer", "rich", "torch")
    if args.json:
        ratios = {"torch_to_count": to_torch, "count_to_bare": to_bare}
        print(json.dumps({"seconds": samples, "median": median, "ratios": ratios, "environment": where}))
    else:
        for name, seconds in samples.items():
            print(f"{name:42} {min(seconds):6.3f} {median[name]:6.3f} {max(seconds):6.3f} s")
        print(f"(min, median, max of {args.runs} runs each, in turn)")
        print(", ".join(f"{key} {value}" for key, value in where.items()))
        print(f"importing torch takes {to_torch:.1f} times as long as archkit count")
        print(f"archkit count takes {to_bare:.1f} times as long as an empty Python")
        print(f"archkit count is {'under' if median[COUNT] < GOAL else 'not under'} {GOAL} s here")
    if to_torch < LEAST_RATIO:
        print(f"error: {to_torch:.1f} times as long is less than {LEAST_RATIO}", file=sys.stderr)
    return 0 if to_torch >= LEAST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
