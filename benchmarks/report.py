"""How long finished runs take to be listed, resumed and reported: 2,000 of them, or 20,000.

The runs are those of a measured one with other seeds, learning rates and counts, in a temporary folder: 400
recipes of a network with five seeds each. The seconds of the whole process are printed beside the goals:
`archkit report`, without and with a page, and `archkit bench SUITE --resume`, which finds all runs there; a
suite has 10,000 runs at most, so that 20,000 are two suites, one after the other. The processor's seconds
are what other work on the machine changes least.

    python benchmarks/report.py [--runs 2000] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import command as command_line
from machine import machine

LIKE = Path(__file__).parent / "results" / "cpu" / "runs" / "demo"
ARCHKIT = str(Path(sys.executable).with_name("archkit"))
SEEDS = 5
GOALS = {  # seconds, on two cores: for 2,000 runs, and for 20,000
    "tables": (3.0, 20.0),
    "tables and page": (5.0, None),
    "resumed": (3.0, 20.0),
}
SUITE = """
data = "shapes"
train_size = 100
test_size = 50
[[runs]]
specs = ["[1,1,1]x[16,32,64]"]
recipe = "demo"
seeds = [0, 1, 2, 3, 4]
[runs.set]
"optimizer.lr" = [%s]
"""


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


def write_suites(place: Path, runs: int) -> list[Path]:
    """Suites of so many runs in all, which are finished in the folder `resumed` beside them."""
    from archkit.bench.data.load import load_data
    from archkit.bench.sweep.numbers import MOST_RUNS
    from archkit.bench.sweep.place import folder_of, key_of
    from archkit.bench.sweep.suite import load_suite

    root, data = place / "resumed", load_data("shapes").subset(train=100, test=50)
    like = json.loads((LIKE / "result.json").read_text(encoding="utf-8"))
    files = []
    for start in range(0, runs, MOST_RUNS):
        file = place / f"suite-{start}.toml"
        numbers = range(start // SEEDS, min(runs, start + MOST_RUNS) // SEEDS)
        file.write_text(
            SUITE % ", ".join(repr((1 + number) / 100_000) for number in numbers), encoding="utf-8"
        )
        suite = load_suite(file)
        folders = [folder_of(run, data, root) for run in suite.runs]
        for run, folder in zip(suite.runs, folders, strict=True):
            folder.mkdir(parents=True)
            shutil.copy(LIKE / "epochs.csv", folder)
            (folder / "weights.safetensors").write_bytes(b"nonsense")
            like["key"], like["seed"], like["recipe"] = key_of(run, data), run.seed, run.recipe.to_mapping()
            (folder / "result.json").write_text(json.dumps(like), encoding="utf-8")
        files.append(file)
    return files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "runs"
        root.mkdir()
        write_runs(root, args.runs)
        suites = write_suites(Path(place), args.runs)
        resumed = ["--resume", "--quiet", "--out", f"{place}/resumed"]
        commands = {
            "tables": [["report", str(root)]],
            "tables and page": [["report", str(root), "--html", str(Path(place) / "report.html")]],
            "resumed": [["bench", str(suite), *resumed] for suite in suites],
        }
        found = {}
        for name, lines in commands.items():
            start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            for line in lines:
                subprocess.run(
                    [ARCHKIT, *line], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
            seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            goal = GOALS[name][args.runs > 2000]
            wanted = "" if goal is None else f" (goal: {goal:g} s)"
            print(f"{args.runs:,} runs, {name}: {seconds:.2f} s, of the processor {cpu:.2f} s{wanted}")
            found[name] = {"seconds": seconds, "cpu_seconds": cpu, "goal": goal}
    if args.out is not None:
        record = {"runs": args.runs, "machine": machine("rich"), "command": command_line(), "results": found}
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
