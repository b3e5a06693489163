"""How many runs at once are worth it: images trained a second, all runs together, for several `--jobs`.

    python benchmarks/at_once.py [--spec SPEC] [--data NAME|DIR] [--jobs 1 2 4] [--mps] [--out FILE.json]

For each number of jobs, as many runs of one network, which differ in their seeds. Counted are the images
from the moment when all of them train until the first has ended, so that neither the start of the processes
nor a run that is left alone counts. `--mps` measures each number above 1 once more under NVIDIA's MPS;
without it, runs take turns on a GPU. `--quick` takes small sizes, to try the script.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import torch
from machine import command, machine
from mps import mps

import archkit
from archkit.bench import load_data, load_recipe, override
from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.device import environment, pick_device, takes_turns
from archkit.bench.train.events import Event, Step, Watch


class Together:
    """Counts the steps that are taken while all of some runs train."""

    def __init__(self, runs: int, warm_up: int) -> None:
        self._runs, self._warm_up = runs, warm_up
        self._at: dict[int, int] = {}
        self._from: tuple[float, int] | None = None
        self._until: tuple[float, int] | None = None

    @contextmanager
    def __call__(self, number: int, _run: Run, _folder: Path) -> Iterator[Watch]:
        def watch(event: Event) -> None:
            if not isinstance(event, Step):
                return
            self._at[number] = (event.epoch - 1) * event.steps + event.step
            now = time.perf_counter(), sum(self._at.values())
            if self._from is None:
                if len(self._at) == self._runs and min(self._at.values()) >= self._warm_up:
                    self._from = now
            elif not self._until and event.epoch == event.epochs and event.step == event.steps:
                self._until = now

        yield watch

    @property
    def steps_per_second(self) -> float | None:
        """Of all runs together; None where they were never all at work."""
        if self._from is None or self._until is None or self._until[1] <= self._from[1]:
            return None
        return (self._until[1] - self._from[1]) / (self._until[0] - self._from[0])


class MpsError(Exception):
    """MPS does not start."""


def measured(
    spec: str,
    data: DataSet,
    changes: list[tuple[str, Any]],
    *,
    device: torch.device,
    jobs: int,
    shared: bool,
) -> dict[str, Any]:
    """What so many runs at once come to."""
    recipe = override(load_recipe("fast"), changes)
    runs = [Run(label=spec, spec=archkit.parse(spec), recipe=recipe, seed=seed) for seed in range(jobs)]
    steps = len(data.train_labels) // recipe.batch_size
    together = Together(jobs, warm_up=max(1, steps // 4))
    started = time.perf_counter()
    with mps() if shared else nullcontext(False) as under, tempfile.TemporaryDirectory() as root:
        if shared and not under:
            raise MpsError
        took_turns = takes_turns(device)
        ended = list(run_suite(runs, data, device=device, root=Path(root), jobs=jobs, watch=together))
    failed = [str(one.error) for one in ended if one.error is not None]
    rate = together.steps_per_second
    return {
        "jobs": jobs,
        "mps": device.type == "cuda" and not took_turns,
        "images_per_second": None if rate is None else rate * recipe.batch_size,
        "seconds": time.perf_counter() - started,
        "failed": failed,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spec", default="resnet12")
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--mps", action="store_true")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    device, data = pick_device(args.device), load_data(args.data)
    changes: list[tuple[str, Any]] = [("epochs", args.epochs)]
    changes += [tuple(one.split("=", 1)) for one in args.set]
    if args.quick:
        data, changes = data.subset(train=400, test=100), [*changes, ("batch_size", 32), ("epochs", 3)]
    where = machine("torch")
    name = environment(device, "auto").device
    print(f"{args.spec} on {name}, {where['cores']} cores, torch {where['torch']}")
    found = []
    measurements = [(jobs, False) for jobs in args.jobs]
    if args.mps:
        measurements += [(jobs, True) for jobs in args.jobs if jobs > 1]
    for jobs, shared in measurements:
        try:
            one = measured(args.spec, data, changes, device=device, jobs=jobs, shared=shared)
        except MpsError:
            print(f"  {jobs:3} at once under MPS: it does not start", flush=True)
            continue
        found.append(one)
        rate, first = one["images_per_second"], found[0]["images_per_second"]
        said = "never all at work" if rate is None else f"{rate:10,.0f} images/s"
        if rate and first:
            said += f", {rate / first:.2f} times those of {args.jobs[0]}"
        how = f"{jobs:3} at once{' under MPS' if shared else ''}"
        print(f"  {how}: {said}; {one['seconds']:.0f} s with the start", flush=True)
        for text in one["failed"]:
            print(f"      failed: {text}", flush=True)
    if args.out is not None:
        record = {
            "device": name,
            "machine": where,
            "command": command(),
            "spec": args.spec,
            "results": found,
        }
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return 1 if any(one["failed"] for one in found) else 0


if __name__ == "__main__":
    sys.exit(main())
