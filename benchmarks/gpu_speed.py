"""Images a second of training on a GPU, against the floor that the device itself sets.

    python benchmarks/gpu_speed.py [--data NAME|DIR] [--out FILE.json] [--minutes 5] [--quick]

First the device: its matrix product and its copy, timed. Then the floor of a training step of each
network, from those two and the plan. Then the engine's steps, augmentation and optimizer included: resnet10
in every set-up, each with the kernels in which its time goes; the other networks in the two that were
fastest; the autotuned one last, for it takes minutes to compile. A set-up that fails says why, one for which
no time is left says so, and the next one follows. After resnet10, for scale: the loop most people start from
(DataLoader, transforms on the CPU, float32 as torch has it, which rounds convolutions to TF32) on resnet10,
and the package airbench on a net of its own, where it is installed. FILE is written anew after each.
`--quick` takes small sizes, to try the script on a CPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gpu_floor import ceilings, floor
from gpu_loops import airbench, speed, tutorial
from machine import command, machine

from archkit.bench import load_data
from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.place import adapt
from archkit.bench.train.device import environment, pick_device
from archkit.spec import parse

GOALS = {"resnet10": 100_000, "paper-resnet18": 60_000, "[4,4,3]x[64,128,256]": 40_000}
"""Images a second that are aimed at on an H100."""

Setup = tuple[str, dict[str, Any]]

SETUPS: tuple[Setup, ...] = (
    ("float32, eager", {"precision": "float32", "compile": "none"}),
    ("TF32, eager", {"precision": "tf32", "compile": "none"}),
    ("bfloat16, eager", {"precision": "bfloat16", "compile": "none"}),
    ("bfloat16, compiled", {"precision": "bfloat16", "compile": "default"}),
    ("bfloat16, CUDA graphs", {"precision": "bfloat16", "compile": "reduce-overhead"}),
)
AUTOTUNED: Setup = ("bfloat16, autotuned", {"precision": "bfloat16", "compile": "max-autotune"})
TAKEN_ON = 2  # set-ups in which the other networks are measured


def others(data: DataSet, *, device: torch.device, batch: int, seconds: float) -> list[dict[str, Any]]:
    """What stands beside, for scale; one that fails or is not there says why."""
    work: dict[str, Callable[[], dict[str, Any]]] = {
        "DataLoader, float32, resnet10": lambda: tutorial(data, device=device, batch=batch, seconds=seconds)
    }
    if device.type == "cuda":
        work["airbench94, its own net"] = lambda: airbench(data)
    found = []
    for title, run in work.items():
        try:
            one = run()
        except Exception as error:  # noqa: BLE001 - the next one may do
            one = {"failure": said_of(error)}
        said = one.get("failure") or f"{one['median']:,.0f} images/s"
        print(f"  {title:30} batch {one.get('batch', '-'):5}  {said}", flush=True)
        found.append({"title": title, **one})
    return found


class Measuring:
    """Measures set-ups of networks one by one, says and keeps what comes, until the time is over."""

    def __init__(
        self, data: DataSet, device: torch.device, ceiling: dict[str, float], *, seconds: float, until: float
    ) -> None:
        self._data, self._device, self._ceiling = data, device, ceiling
        self._seconds, self._until = seconds, until
        self.found: list[dict[str, Any]] = []

    def __call__(self, text: str, setup: Setup, batch: int, *, profiled: bool = False) -> None:
        title, changes = setup
        spec = adapt(parse(text), self._data)
        least = floor(spec, self._ceiling)
        try:
            if time.monotonic() > self._until:
                raise TimeoutError("no time was left")
            one = speed(
                spec,
                self._data,
                changes,
                device=self._device,
                batch=batch,
                seconds=self._seconds,
                profiled=profiled,
            )
        except Exception as error:  # noqa: BLE001 - the next set-up may do
            one = {"batch": batch, "failure": said_of(error)}
        self.found.append({"network": text, "setup": title, "floor": least, "goal": GOALS[text], **one})
        said = one.get("failure") or (
            f"{one['median']:12,.0f} images/s, {one['median'] / least['images_per_second']:5.1%} of the"
            f" floor's; first steps {one['first_steps_seconds']:.1f} s"
        )
        print(f"  {text:20} {title:22} batch {batch:5}  {said}", flush=True)
        torch.compiler.reset()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self._device)

    def fastest(self, text: str) -> list[tuple[str, int]]:
        """Set-ups of a network with their best batch, the fastest first."""
        done = [one for one in self.found if one["network"] == text and "median" in one]
        best: dict[str, int] = {}
        for one in sorted(done, key=lambda one: -one["median"]):
            best.setdefault(one["setup"], one["batch"])
        return list(best.items())


def said_of(error: Exception) -> str:
    """The error in a line."""
    if isinstance(error, TimeoutError):
        return str(error)
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each of three rounds")
    parser.add_argument("--minutes", type=float, default=60.0, help="after which nothing more is begun")
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 1024])
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    until = time.monotonic() + 60 * args.minutes
    device, data = pick_device(args.device), load_data(args.data)
    setups = SETUPS
    if args.quick:
        data, args.batches, args.seconds = data.subset(train=200, test=100), [32], 0.0
        setups = (SETUPS[0], SETUPS[2])
    ceiling = ceilings(device, quick=args.quick)
    where = machine("torch")
    name = environment(device, "auto").device
    print(f"{name}, torch {where['torch']}")
    print(
        f"matrix product {ceiling['operations_per_second'] / 1e12:.1f} T operations/s, "
        f"copy {ceiling['bytes_per_second'] / 1e9:.0f} GB/s"
    )
    measure = Measuring(data, device, ceiling, seconds=args.seconds, until=until)
    scale: list[dict[str, Any]] = []

    def keep() -> None:
        if args.out is not None:
            record = {
                "device": name,
                "machine": where,
                "command": command(),
                "ceilings": ceiling,
                "results": measure.found,
                "for_scale": scale,
            }
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    first, *rest = GOALS
    for text, goal in GOALS.items():
        least = floor(adapt(parse(text), data), ceiling)
        print(f"{text}: floor {least['images_per_second']:,.0f} images/s, goal {goal:,}")
    for setup in setups:
        for batch in args.batches:
            measure(first, setup, batch, profiled=batch == args.batches[0])
            keep()
    print("for scale:")
    scale.extend(others(data, device=device, batch=args.batches[0], seconds=args.seconds))
    keep()
    named = dict(setups)
    for title, _ in measure.fastest(first)[:TAKEN_ON]:
        for text in rest:
            for batch in args.batches:
                measure(text, (title, named[title]), batch, profiled=batch == args.batches[0])
                keep()
    if not args.quick:
        for _, batch in measure.fastest(first)[:1]:
            measure(first, AUTOTUNED, batch)
            keep()
    return 0


if __name__ == "__main__":
    sys.exit(main())
