"""How long `archkit count` takes as a whole process, beside what importing torch alone takes.

Runs each command in turn, so that all see the same machine, and asserts only a ratio.

    python benchmarks/startup.py [--runs 11] [--json]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

SPEC = "[2,1,1,1]x[64,128,256,512]"
ARCHKIT = str(Path(sys.executable).with_name("archkit"))
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    f"archkit count {SPEC}": [ARCHKIT, "count", SPEC],
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
}
COUNT, TORCH = list(COMMANDS)[1:]

# A process that imported torch could not be this much faster than importing torch.
LEAST_RATIO = 4.0
GOAL = 0.2  # seconds, on a quiet machine


def measure(runs: int) -> dict[str, list[float]]:
    """Wall seconds of each command, `runs` times in turn after one round that is not counted."""
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
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    samples = measure(args.runs)
    ratios = [torch / count for count, torch in zip(samples[COUNT], samples[TORCH], strict=True)]
    ratio = statistics.median(ratios)
    environment = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
    }
    if args.json:
        print(json.dumps({"seconds": samples, "ratio_to_importing_torch": ratio, "environment": environment}))
    else:
        for name, seconds in samples.items():
            low, middle, high = min(seconds), statistics.median(seconds), max(seconds)
            print(f"{name:42} {low:6.3f} {middle:6.3f} {high:6.3f} s (min, median, max)")
        under = "under" if statistics.median(samples[COUNT]) < GOAL else "over"
        print(f"archkit count is {ratio:.1f} times as fast as importing torch, and {under} {GOAL} s (median)")
    return 0 if ratio >= LEAST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
