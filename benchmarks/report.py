"""How long `archkit report` takes for 2,000 finished runs: 400 recipes of a network with five seeds each.

The runs are those of a measured one with other seeds, learning rates and counts, in a temporary folder. The
seconds of the whole process are printed, without and with a page, beside the goals.

    python benchmarks/report.py [--runs 2000]
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LIKE = Path(__file__).parent / "results" / "cpu" / "runs" / "demo"
ARCHKIT = str(Path(sys.executable).with_name("archkit"))
SEEDS = 5
GOALS = {"tables": 3.0, "tables and page": 5.0}  # seconds, on two cores


def write_runs(root: Path, runs: int) -> None:
    like = json.loads((LIKE / "result.json").read_text(encoding="utf-8"))
    for number in range(runs):
        folder = root / f"{number:05d}"
        folder.mkdir()
        shutil.copy(LIKE / "epochs.csv", folder)
        like["key"], like["seed"] = f"{number:064x}", number % SEEDS
        like["recipe"]["optimizer"]["lr"] = (1 + number // SEEDS) / 1000
        like["test"]["correct"] = number % like["test"]["total"]
        (folder / "result.json").write_text(json.dumps(like), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "runs"
        root.mkdir()
        write_runs(root, args.runs)
        commands = {
            "tables": [ARCHKIT, "report", str(root)],
            "tables and page": [ARCHKIT, "report", str(root), "--html", str(Path(place) / "report.html")],
        }
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            seconds = time.perf_counter() - start
            print(f"{args.runs:,} runs, {name}: {seconds:.2f} s (goal: {GOALS[name]:g} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
