"""Kills the driver of a sweep at random moments, and says what the same command then finds and finishes.

    python benchmarks/faults/kill_driver.py --runner one|jobs|ray|slurm [--rounds 50] [--out FILE]

Each round begins with an empty folder. `archkit bench suite.toml --resume` is started, killed by SIGKILL
after a random part of the time that an undisturbed sweep takes, and started again, to its end. Then every
trial must be there exactly once, with the files and the figures of the undisturbed sweep, and nothing else.
The command is the user's; only the imports are done once, because each driver is forked from this process.
Ray's cluster, and SLURM, which is started here (see `slurm_here`), go on over all rounds, as real ones do; on
SLURM the jobs of a driver that is killed go on too, beside those of the next.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from slurm_here import slurm_here

SUITE = """
data = "shapes"
train_size = 100
test_size = 50
seeds = [0, 1]
[[runs]]
specs = ["[1]x[2]", "[1]x[3]"]
recipe = "demo"
set = { epochs = 3, batch_size = 50 }
"""
TIMES = ("train_seconds", "images_per_second", "total_seconds")
PATIENCE = 300.0  # seconds for a sweep that takes a few
CLUSTER = """
import sys
from ray.cluster_utils import Cluster
made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
print(made.address, flush=True)
sys.stdin.read()
made.shutdown()
"""


@contextmanager
def here(*options: str) -> Iterator[list[str]]:
    yield list(options)


@contextmanager
def ray() -> Iterator[list[str]]:
    """A cluster of Ray's in a process of its own, and the options that lead to it."""
    cluster = subprocess.Popen(
        [sys.executable, "-c", CLUSTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        address = cluster.stdout.readline().strip() if cluster.stdout is not None else ""
        yield ["--on", "ray", "--address", address]
    finally:
        cluster.communicate("")


@contextmanager
def slurm() -> Iterator[list[str]]:
    """SLURM on this machine, and the options of a job."""
    with slurm_here() as environment:
        os.environ.update(environment)
        yield ["--on", "submitit", "--slurm", "slurm_partition=low", "--slurm", "timeout_min=5"]


RUNNERS: dict[str, Callable[[], AbstractContextManager[list[str]]]] = {
    "one": here,
    "jobs": lambda: here("--jobs", "2"),
    "ray": ray,
    "slurm": slurm,
}


def without_jobs(runner: str) -> None:
    """Waits until SLURM has no job left, those of killed drivers included."""
    ask = ["squeue", "--noheader"]
    while runner == "slurm" and subprocess.run(ask, check=True, capture_output=True).stdout.strip():
        time.sleep(0.2)


def content(root: Path) -> dict[str, Any]:
    """The finished runs of a folder, without times: equal for equal sweeps."""
    found: dict[str, Any] = {}
    for folder in sorted(root.iterdir()):
        if folder.name.startswith("."):  # where submitit writes
            continue
        if not (folder / "result.json").exists():
            found[folder.name] = "no result"
            continue
        table = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        for key in TIMES:
            del table[key]
        with (folder / "epochs.csv").open(newline="", encoding="utf-8") as file:
            rows = [{**row, "seconds": ""} for row in csv.DictReader(file)]
        weights = (folder / "weights.safetensors").read_bytes()
        names = sorted(path.name for path in folder.iterdir())
        found[folder.name] = table, rows, weights, names
    return found


def forked(command: list[str], log: Path) -> int:
    """A driver in a process of its own, as the command line starts it."""
    if pid := os.fork():
        return pid
    code = 70
    try:
        os.setsid()
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        from archkit.cli import main

        sys.argv = ["archkit", *command]
        main()
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(code)


def waited(pid: int, seconds: float) -> int | None:
    """The exit code of a process, or None if it takes longer."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runner", choices=("one", "jobs", "ray", "slurm"), default="one")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    from archkit.bench.sweep import run_suite  # noqa: F401 - imported once, for all drivers

    with tempfile.TemporaryDirectory() as place:
        root, suite = Path(place) / "runs", Path(place) / "suite.toml"
        log = Path(place) / "log"
        suite.write_text(SUITE, encoding="utf-8")
        command = ["bench", str(suite), "--out", str(root), "--resume", "--device", "cpu"]
        command += ["--threads", "1", "--quiet"]
        with RUNNERS[args.runner]() as options:
            record = rounds(args, [*command, *options], root, log)
    print(json.dumps({key: value for key, value in record.items() if key != "problems"}))
    for problem in record["problems"]:
        print(problem)
    if args.out is not None:
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 1 if record["problems"] else 0


def rounds(args: argparse.Namespace, command: list[str], root: Path, log: Path) -> dict[str, Any]:
    """All rounds, and what came of them."""
    draw = random.Random(args.seed)  # noqa: S311 - moments, no secrets
    waited(forked(command, log), PATIENCE)  # the images are drawn and kept
    without_jobs(args.runner)
    shutil.rmtree(root, ignore_errors=True)
    started = time.monotonic()
    if waited(forked(command, log), PATIENCE) != 0:
        raise SystemExit(f"the undisturbed sweep failed:\n{log.read_text(encoding='utf-8')[-2000:]}")
    took = time.monotonic() - started
    without_jobs(args.runner)
    expected = content(root)
    problems: list[str] = []
    counts = {
        "killed": 0,
        "before_the_first": 0,
        "with_some_finished": 0,
        "with_a_checkpoint": 0,
        "after_the_end": 0,
    }
    for number in range(args.rounds):
        shutil.rmtree(root, ignore_errors=True)
        log.unlink(missing_ok=True)
        moment = draw.uniform(0.0, took)
        pid = forked(command, log)
        if waited(pid, moment) is not None:
            counts["after_the_end"] += 1
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            counts["killed"] += 1
        names = [path.name for path in root.glob("[!.]*")]
        counts["before_the_first"] += not names
        counts["with_some_finished"] += any(not name.endswith((".partial", ".lock")) for name in names)
        counts["with_a_checkpoint"] += any(root.glob("*.partial/checkpoint.safetensors"))
        code = waited(forked(command, log), PATIENCE)
        without_jobs(args.runner)
        found = content(root)
        if code != 0 or found != expected:
            which = [name for name in {*found, *expected} if found.get(name) != expected.get(name)]
            problems.append(
                f"round {number}, killed after {moment:.3f} s: exit code {code}, differing: {which}"
            )
            problems.append(log.read_text(encoding="utf-8")[-1500:])
    finished = args.rounds - sum(text.startswith("round") for text in problems)
    return {
        "runner": args.runner,
        "rounds": args.rounds,
        "trials": len(expected),
        "seconds_undisturbed": round(took, 2),
        **counts,
        "finished_as_undisturbed": finished,
        "problems": problems,
    }


if __name__ == "__main__":
    multiprocessing.set_start_method("spawn")
    sys.exit(main())
