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

Floor of one image, in seconds: the larger of
    operations: 6 x MACs over the measured matrix peak (a multiply-add is two; backward is twice forward)
    bytes: what autograd keeps, in bfloat16, written once and read once, over the measured bandwidth
No training step can be faster than the larger; fused norms and activations come nearest to it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from machine import command, machine
from training import plain, time_of_each

from archkit.bench import load_data, load_recipe, override
from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.run_spec import adapt
from archkit.bench.train.device import backends, environment, pick_device, synchronize
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.trainer import Trainer
from archkit.count import totals
from archkit.count.memory import memory
from archkit.spec import ArchSpec, parse

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
KERNELS = 12  # of a profile


def measured(work: Callable[[], object], device: torch.device, *, warm_up: int, repeats: int) -> list[float]:
    """Seconds of each repeat, the device waited for."""
    for _ in range(warm_up):
        work()
    samples = []
    for _ in range(repeats):
        synchronize(device)
        start = time.perf_counter()
        work()
        synchronize(device)
        samples.append(time.perf_counter() - start)
    return samples


def ceilings(device: torch.device, *, quick: bool) -> dict[str, float]:
    """Operations a second of a bfloat16 matrix product, and bytes a second of a copy."""
    n, size = (512, 2**24) if quick else (8192, 2**30)
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    product = measured(lambda: a @ b, device, warm_up=3, repeats=20)
    source = torch.empty(size, device=device, dtype=torch.uint8).random_()
    target = torch.empty_like(source)
    copy = measured(lambda: target.copy_(source), device, warm_up=3, repeats=20)
    return {
        "operations_per_second": 2 * n**3 / statistics.median(product),
        "bytes_per_second": 2 * size / statistics.median(copy),  # read and written
    }


def floor(spec: ArchSpec, ceiling: dict[str, float]) -> dict[str, float]:
    """Seconds of an image that its operations, and that its bytes take at least."""
    kept = memory(spec, batch=1, optimizer="momentum").activations / 2  # float32 -> bfloat16
    by_operations = 6 * int(totals(spec).macs) / ceiling["operations_per_second"]
    by_bytes = 2 * kept / ceiling["bytes_per_second"]
    return {
        "operations": by_operations,
        "bytes": by_bytes,
        "images_per_second": 1 / max(by_operations, by_bytes),
    }


def speed(
    spec: ArchSpec,
    data: DataSet,
    changes: dict[str, Any],
    *,
    device: torch.device,
    batch: int,
    seconds: float,
    profiled: bool,
) -> dict[str, Any]:
    """Images a second of the engine's training steps, at least five of them and some seconds long."""
    recipe = override(load_recipe("fast"), [("batch_size", batch), *changes.items()])
    with backends(recipe.precision):
        on_device = DeviceData.of(data, recipe, device)
        trainer = Trainer(spec, on_device, recipe, seed=0, device=device)
        start = time.perf_counter()
        trainer.warm_up()
        compiling = time.perf_counter() - start
        trainer.model.train()
        images = len(on_device.train)

        def steps(count: int) -> None:
            for index in torch.randint(images, (count, batch), device=device):
                trainer.step(index)
            synchronize(device)  # once in a few steps, as an epoch hardly does: a little is lost here

        steps(10 if seconds else 1)
        rounds = []
        for _ in range(3):
            taken, start = 0, time.perf_counter()
            while taken < 5 or time.perf_counter() - start < seconds:
                steps(5)
                taken += 5
            rounds.append(taken * batch / (time.perf_counter() - start))
        seen = time_of_each(steps, 5, device=device) if profiled else []
    in_kernels = sum(spent for _, spent in seen)
    return {
        "batch": batch,
        "images_per_second": rounds,
        "median": statistics.median(rounds),
        "first_steps_seconds": compiling,
        "memory_bytes": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
        "kernels": [(name, spent / (in_kernels or 1.0)) for name, spent in seen[:KERNELS]] or None,
        # Of a step; the rest of it the device waits for work.
        "kernel_seconds": in_kernels / 5 or None,
    }


def tutorial(data: DataSet, *, device: torch.device, batch: int, seconds: float) -> dict[str, Any]:
    """Images a second of resnet10 by the loop of `benchmarks/training.py`, with the paper's augmentation."""
    recipe = override(load_recipe("paper-best"), [("batch_size", batch)])
    workers = min(16, os.cpu_count() or 1)
    steps = plain(adapt(parse("resnet10"), data), data, recipe, workers=workers, device=device)
    steps(2)
    synchronize(device)
    done, start = 0, time.perf_counter()
    while done < 2 or time.perf_counter() - start < 3 * seconds:
        steps(2)
        done += 2
    synchronize(device)
    rate = done * batch / (time.perf_counter() - start)
    return {"batch": batch, "workers": workers, "images_per_second": [rate], "median": rate}


def airbench(data: DataSet) -> dict[str, Any]:
    """Images a second of a whole `train94` of the package airbench, its own net and augmentation."""
    import airbench as package

    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        # It reads CIFAR-10 from a folder of this name, in this form, where it has once been downloaded.
        (Path(folder) / "cifar10").mkdir()
        for name, images, labels in (
            ("train", data.train_images, data.train_labels),
            ("test", data.test_images, data.test_labels),
        ):
            pixels = torch.from_numpy(images.transpose(0, 2, 3, 1).copy())
            held = {
                "images": pixels,
                "labels": torch.from_numpy(labels.copy()),
                "classes": list(data.classes),
            }
            torch.save(held, Path(folder) / "cifar10" / f"{name}.pt")
        os.chdir(folder)
        try:
            package.warmup94()
            torch.cuda.synchronize()
            start = time.perf_counter()
            package.train94(verbose=False)
            torch.cuda.synchronize()
            taken = time.perf_counter() - start
        finally:
            os.chdir(before)
    # Its defaults: 9.9 epochs of whole batches of 1,024.
    images = math.ceil(len(data.train_labels) // 1024 * 9.9) * 1024
    return {"batch": 1024, "seconds": taken, "images_per_second": [images / taken], "median": images / taken}


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
