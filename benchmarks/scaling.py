"""What a sweep of 10,000 trials costs besides the trials: on a Ray cluster of several nodes on this machine.

    python benchmarks/scaling.py [--trials 10000] [--nodes 3] [--seconds 0] [--out FILE]

Each trial writes the files of a finished run, with weights of 100 kB, and does nothing else; `--seconds` lets
it sleep for a time drawn from an exponential distribution with that mean. Everything else is as in
`archkit bench --on ray`: claims, results sent to the driver's machine, folders written, news for the display.
The goals are 50 ms a trial and 1 GB of memory in the driver. On Linux the processor's seconds are counted, by
kind of process, from the twentieth trial on, when most have started: other work on the machine changes them
less.

    python benchmarks/scaling.py --trials 10000                       # no length: 8 minutes at the goal
    python benchmarks/scaling.py --trials 2000 --cpus 4 --seconds 2   # simulated lengths: 6 minutes
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import command, machine

import archkit
from archkit.bench.data.dataset import DataSet
from archkit.bench.recipe import load_recipe
from archkit.bench.sweep.on_ray import OnRay
from archkit.bench.sweep.run import Ended, Finished, Run
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.events import Watch
from archkit.bench.train.results import read_result

LIKE = Path(__file__).resolve().parent / "results" / "cpu" / "runs" / "demo"
WARM = 20  # trials before processor seconds are counted
GOALS = {"milliseconds_a_trial": 50.0, "driver_megabytes": 1000.0}


class Instant:
    """What carries out a trial that trains nothing."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.like = seconds, read_result(LIKE)
        self.epochs = (LIKE / "epochs.csv").read_bytes()

    def __call__(self, _conduct: Any, run: Run, folder: Path, _data: DataSet, _watch: Watch) -> Ended:
        if self.seconds:
            time.sleep(random.Random(run.seed).expovariate(1 / self.seconds))  # noqa: S311 - no secret
        result = replace(self.like, seed=run.seed, key=f"{run.seed:064x}")
        folder.mkdir()
        (folder / "result.json").write_text(json.dumps(result.to_mapping()), encoding="utf-8")
        (folder / "epochs.csv").write_bytes(self.epochs)
        (folder / "weights.safetensors").write_bytes(bytes(100_000))
        return Ended(run=run, done=Finished(folder=folder, result=result, fresh=True))


def processor_seconds() -> dict[int, tuple[str, float]]:
    """What this process and those that it started are called, and what they have used; by their numbers."""
    parents: dict[int, int] = {}
    used: dict[int, tuple[str, float]] = {}
    tick = os.sysconf("SC_CLK_TCK")
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            title = (folder / "cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
        except OSError:  # it has ended in the meantime
            continue
        pid = int(folder.name)
        parents[pid] = int(fields[1])
        name = "driver" if pid == os.getpid() else title.rpartition("/")[2].partition("(")[0]
        used[pid] = name, (int(fields[11]) + int(fields[12])) / tick
    ours = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in ours} - ours:
        ours |= more
    return {pid: used[pid] for pid in ours if pid in used}


def spent(before: dict[int, tuple[str, float]], trials: int) -> dict[str, float]:
    """Milliseconds of the processor for each trial since then, by what processes are called now."""
    found: dict[str, float] = {}
    for pid, (name, seconds) in processor_seconds().items():
        since = seconds - (before[pid][1] if pid in before else 0.0)
        found[name] = found.get(name, 0.0) + 1000 * since / trials
    return {
        name: round(used, 2) for name, used in sorted(found.items(), key=lambda one: -one[1]) if used >= 0.01
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--cpus", type=int, default=1, help="of each node: so many trials at once")
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(args.nodes):
        cluster.add_node(num_cpus=args.cpus)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        found = measured(args)
    finally:
        ray.shutdown()
        cluster.shutdown()
    print(json.dumps(found, indent=1))
    if args.out is not None:
        record = {"machine": machine("ray", "torch"), "command": command(), "goals": GOALS, "results": found}
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 0


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """The sweep, and what it cost."""
    images = np.zeros((64, 3, 32, 32), np.uint8), np.arange(64, dtype=np.int64) % 10
    data = DataSet.of("nothing", tuple("abcdefghij"), images, images)
    spec, recipe = archkit.parse("[1,1,1]x[16,32,64]"), load_recipe("demo")
    runs = [Run(label="net", spec=spec, recipe=recipe, seed=seed) for seed in range(args.trials)]
    heard = [0]

    @contextmanager
    def watch(_number: int, _run: Run, _folder: Path) -> Iterator[Watch]:
        heard[0] += 1
        yield lambda _event: None

    runner = OnRay(device="cpu", work=Instant(args.seconds))
    with tempfile.TemporaryDirectory() as place:
        started, first = time.perf_counter(), 0.0
        failed: list[str] = []
        fresh = 0
        processor: dict[str, float] = {}
        before: dict[int, tuple[str, float]] = {}
        ending = run_suite(
            runs, data, device=torch.device("cpu"), root=Path(place), runner=runner, watch=watch
        )
        for ends, ended in enumerate(ending, 1):
            first = first or time.perf_counter()
            if ends == WARM:
                before = processor_seconds()
            if ends == args.trials > WARM:
                processor = spent(before, ends - WARM)
            if ended.error is not None:
                failed.append(str(ended.error))
            else:
                fresh += ended.done is not None and ended.done.fresh
        seconds = time.perf_counter() - started
        after_the_first = started + seconds - first
        folders = sum(1 for path in Path(place).iterdir() if (path / "result.json").exists())
        names = sum(1 for _ in Path(place).iterdir())
    slots = args.nodes * args.cpus
    work = sum(
        random.Random(seed).expovariate(1 / args.seconds) if args.seconds else 0.0  # noqa: S311 - likewise
        for seed in range(args.trials)
    )
    return {
        "trials": args.trials,
        "slots": slots,
        "mean_length_s": args.seconds,
        "fresh": fresh,
        "failed": len(failed),
        "first_failure": failed[0] if failed else None,
        "folders": folders,
        "other_names": names - folders,
        "begun": heard[0],
        "seconds_to_the_first": round(first - started, 2),
        "seconds": round(seconds, 2),
        "milliseconds_a_trial": round(1000 * (after_the_first - work / slots) / args.trials, 2),
        "processor_milliseconds_a_trial": processor,
        "driver_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }


if __name__ == "__main__":
    sys.exit(main())
