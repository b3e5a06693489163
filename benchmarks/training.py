"""Images a second of training on this CPU: archkit's engine against the loop most people start from.

    python benchmarks/training.py [--network SPEC] [--data NAME|DIR] [--batch 64] [--threads 1]

The plain loop is a DataLoader over PIL images, torchvision's transforms on each, float32, the same network,
optimizer and batch, with two worker processes or none, whichever is faster here. Augmentation is the paper's
(rotation, flip, crop). The loops take turns in one process, and only their ratio is asserted. The engine runs
in float32 too, to show how much of the ratio comes from bfloat16; where the processor is no faster in it,
both are the same, and the engine need only be no slower. One thread, because on busy cores two threads wait
for each other at every layer, and figures vary by a factor of five. Beside each rate is its share of the
processor's matrix peak, which a product of two large matrices reaches. Then it prints where the time goes,
from torch's profiler, and how long decoded images of CIFAR-10's size take to load, checksum included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.profiler import ProfilerActivity, profile
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from archkit.bench import load_data, load_recipe, override
from archkit.bench.data.cache import decoded_once
from archkit.bench.data.dataset import DataSet
from archkit.bench.recipe import Precision, Recipe
from archkit.bench.sweep.place import adapt
from archkit.bench.train.device import environment
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.trainer import Trainer
from archkit.count import totals
from archkit.nn import build
from archkit.spec import ArchSpec, parse

CPU = torch.device("cpu")
LEAST = {"bfloat16": 1.3, "float32": 1.0}  # times the plain loop
ROUNDS = 5
MATRIX = 2048  # rows and columns
CACHE_GOAL = 1.0  # seconds
SHOWN = 8  # operations of a profile

Steps = Callable[[int], None]


class Pictures(Dataset[tuple[torch.Tensor, int]]):
    """The training images as PIL images, each transformed when it is asked for."""

    def __init__(self, data: DataSet, transform: Callable[[Image.Image], torch.Tensor]) -> None:
        self.images = [Image.fromarray(pixels.transpose(1, 2, 0)) for pixels in data.train_images]
        self.labels = data.train_labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        return self.transform(self.images[i]), self.labels[i]


def plain(
    spec: ArchSpec, data: DataSet, recipe: Recipe, *, workers: int, device: torch.device = CPU
) -> Steps:
    """The loop of most tutorials: images are transformed on the CPU one by one, whatever the device."""
    augment, pixels = recipe.augment, data.train_images / np.float32(255)
    transform = transforms.Compose(
        [
            transforms.RandomRotation(augment.rotate),
            transforms.RandomHorizontalFlip(augment.flip),
            transforms.RandomCrop(data.input[1:], padding=augment.pad),
            transforms.ToTensor(),
            transforms.Normalize(pixels.mean((0, 2, 3)), pixels.std((0, 2, 3))),
        ]
    )
    loader = DataLoader(
        Pictures(data, transform),
        batch_size=recipe.batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )
    model = build(spec).to(device).train()
    criterion, config = nn.CrossEntropyLoss(), recipe.optimizer
    optimizer = torch.optim.SGD(
        model.parameters(), lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay
    )

    def endless() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            yield from loader

    batches = endless()

    def steps(count: int) -> None:
        running, correct = 0.0, 0
        for _ in range(count):
            images, labels = (tensor.to(device) for tensor in next(batches))
            optimizer.zero_grad()
            outputs = model(images)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running += loss.item()
            correct += int((outputs.argmax(1) == labels).sum().item())

    return steps


def engine(
    spec: ArchSpec, data: DataSet, recipe: Recipe, precision: Precision, *, compiled: bool = False
) -> Steps:
    """archkit's steps, as `archkit bench` takes them."""
    recipe = override(recipe, [("precision", precision), ("compile", "default" if compiled else "none")])
    trainer = Trainer(spec, DeviceData.of(data, recipe, CPU), recipe, seed=0, device=CPU)
    trainer.model.train()
    images = len(trainer.data.train)

    def steps(count: int) -> None:
        for index in torch.randint(images, (count, recipe.batch_size)):
            trainer.step(index)

    return steps


def where_time_goes(
    steps: Steps, count: int, *, device: torch.device = CPU, shown: int = SHOWN
) -> list[tuple[str, float]]:
    """Operations and their share of the time, the largest first."""
    found = time_of_each(steps, count, device=device)
    total = sum(spent for _, spent in found) or 1.0
    return [(name, spent / total) for name, spent in found[:shown]]


def time_of_each(steps: Steps, count: int, *, device: torch.device = CPU) -> list[tuple[str, float]]:
    """Operations and their seconds, the longest first.

    On a CPU the processor's time in the main process; on a GPU the device's, by kernel.
    """
    on_gpu = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CUDA if on_gpu else ProfilerActivity.CPU]) as seen:
        steps(count)
    name = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    # A named part of the program is not a kernel, but the sum of several.
    events = [one for one in seen.key_averages() if not getattr(one, "is_user_annotation", False)]
    found = [(event.key, float(getattr(event, name)) / 1e6) for event in events]
    return sorted(found, key=lambda one: -one[1])


def matrix_peak(dtype: torch.dtype) -> float:
    """Operations a second of a product of two large matrices, the best of some."""
    a, b = torch.rand(2, MATRIX, MATRIX).to(dtype)
    seconds = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        torch.mm(a, b)
        seconds.append(time.perf_counter() - start)
    return 2 * MATRIX**3 / min(seconds)


def cache_seconds() -> list[float]:
    """Loading 60,000 images of 3 x 32 x 32 from the cache, five times."""
    random = np.random.default_rng(0)

    def decode() -> tuple[tuple[str, ...], tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        parts = [
            (
                random.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8),
                np.arange(count, dtype=np.int64) % 10,
            )
            for count in (50_000, 10_000)
        ]
        return tuple("abcdefghij"), parts[0], parts[1]

    def never() -> None:
        raise AssertionError("the cache was not read")

    samples = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.safetensors"
        decoded_once(path, "random", "here", decode)
        for _ in range(5):
            start = time.perf_counter()
            decoded_once(path, "random", "here", never)
            samples.append(time.perf_counter() - start)
    return samples


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", default="resnet10")
    parser.add_argument("--data", default="shapes")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3, help="of each of five rounds")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    data = load_data(args.data)
    recipe = override(
        load_recipe("paper-grid"),
        [("batch_size", args.batch), ("protocol.validation", 0.0), ("protocol.select", "last")],
    )
    spec = adapt(parse(args.network), data)
    loops: dict[str, Steps] = {
        "plain, no workers": plain(spec, data, recipe, workers=0),
        "plain, 2 workers": plain(spec, data, recipe, workers=2),
        "archkit, float32": engine(spec, data, recipe, "float32"),
        "archkit, float32, compiled": engine(spec, data, recipe, "float32", compiled=True),
        "archkit": engine(spec, data, recipe, "auto"),
        "archkit, compiled": engine(spec, data, recipe, "auto", compiled=True),
    }
    rates: dict[str, list[float]] = {name: [] for name in loops}
    for steps in loops.values():
        steps(2)
    for _ in range(ROUNDS):
        for name, steps in loops.items():
            start = time.perf_counter()
            steps(args.steps)
            rates[name].append(args.steps * args.batch / (time.perf_counter() - start))
    middle = {name: statistics.median(samples) for name, samples in rates.items()}
    best = max((name for name in loops if name.startswith("plain")), key=lambda name: middle[name])
    ratios = {name: middle[name] / middle[best] for name in loops}
    peaks = {name: matrix_peak(getattr(torch, name)) for name in ("float32", "bfloat16")}
    # A step takes a multiply-accumulate three times: forward, and for the gradients of inputs and of weights.
    operations = 6 * totals(spec).macs
    own = environment(CPU, "auto").precision
    computed = {name: own if name in ("archkit", "archkit, compiled") else "float32" for name in loops}
    of_peak = {name: middle[name] * operations / peaks[computed[name]] for name in loops}
    profiles = {name: where_time_goes(loops[name], 3) for name in (best, "archkit")}
    loading = cache_seconds()
    where = environment(CPU, "auto")
    if args.json:
        record = {
            "name": args.network,
            "network": str(spec),
            "batch": args.batch,
            "images_per_second": rates,
            "ratios": ratios,
            "matrix_peak": peaks,
            "of_peak": of_peak,
            "profiles": profiles,
            "cache_seconds": loading,
            "environment": asdict(where),
        }
        print(json.dumps(record))
    else:
        print(f"{spec}, batch {args.batch}, {where.device}, threads: {where.threads}, torch {where.torch}")
        for name, samples in rates.items():
            low, high = min(samples), max(samples)
            rate = f"{middle[name]:8.1f} images/s ({low:.1f} to {high:.1f})"
            print(f"  {name:26}{rate}  x {ratios[name]:.2f}  {of_peak[name]:.0%} of the matrix peak")
        print(f"  archkit computes in {where.precision}; ratios are to the faster plain loop")
        said = ", ".join(f"{rate / 1e9:.0f} G a second in {name}" for name, rate in peaks.items())
        print(f"  the matrix peak, operations of a product of {MATRIX} x {MATRIX} matrices: {said}")
        for name, shares in profiles.items():
            print(f"where the time goes, {name}:")
            for operation, share in shares:
                print(f"  {share:6.1%}  {operation}")
        load = statistics.median(loading)
        reached = "reached" if load < CACHE_GOAL else "not reached"
        print(f"60,000 decoded images load in {load:.2f} s; the goal of {CACHE_GOAL:.0f} s: {reached}")
    least = LEAST[where.precision]
    if ratios["archkit"] < least:
        print(f"error: {ratios['archkit']:.2f} times the plain loop is less than {least}", file=sys.stderr)
    return 0 if ratios["archkit"] >= least else 1


if __name__ == "__main__":
    sys.exit(main())
