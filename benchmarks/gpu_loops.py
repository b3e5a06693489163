"""The training loops whose images a second are measured on a GPU: the engine's, and two for scale."""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from training import plain, time_of_each

from archkit.bench import load_recipe, override
from archkit.bench.data.dataset import DataSet
from archkit.bench.sweep.place import adapt
from archkit.bench.train.device import backends, synchronize
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.trainer import Trainer
from archkit.spec import ArchSpec, parse

__all__ = ["airbench", "speed", "tutorial"]

KERNELS = 12  # of a profile
TOGETHER = 32  # steps: on a GPU the images of several are augmented at once


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
    """Images a second of the engine's training steps, for some seconds at least."""
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
            for index, pixels in trainer.feed.ready(torch.randint(images, (count, batch), device=device), 0):
                trainer.step(index, pixels)
            synchronize(device)  # once in a few steps, as an epoch hardly does: a little is lost here

        some = TOGETHER if device.type == "cuda" else 5
        steps(some if seconds else 1)
        rounds = []
        for _ in range(3):
            taken, start = 0, time.perf_counter()
            while taken < some or time.perf_counter() - start < seconds:
                steps(some)
                taken += some
            rounds.append(taken * batch / (time.perf_counter() - start))
        seen = time_of_each(steps, some, device=device) if profiled else []
    in_kernels = sum(spent for _, spent in seen)
    return {
        "batch": batch,
        "images_per_second": rounds,
        "median": statistics.median(rounds),
        "first_steps_seconds": compiling,
        "memory_bytes": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
        "kernels": [(name, spent / (in_kernels or 1.0)) for name, spent in seen[:KERNELS]] or None,
        # Of a step; the rest of it the device waits for work.
        "kernel_seconds": in_kernels / some or None,
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
