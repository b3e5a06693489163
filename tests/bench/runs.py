"""Folders of runs that were never trained: results with figures that a test chooses."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from archkit.bench.recipe import Recipe, load_recipe
from archkit.bench.train.correct import CORRECT_FILE, Correct, write_correct
from archkit.bench.train.results import (
    RESULT_FILE,
    WEIGHTS_FILE,
    DataRecord,
    Environment,
    Result,
    Score,
    run_key,
)
from archkit.count import totals
from archkit.spec import parse

HEAD = [
    "epoch",
    "lr",
    "train_loss",
    "train_correct",
    "train_total",
    "validation_loss",
    "validation_correct",
    "validation_total",
    "seconds",
    "best",
]


def write_run(
    root: Path,
    spec: str = "resnet10",
    recipe: Recipe | str = "fast",
    *,
    seed: int = 0,
    correct: int = 9000,
    flip: int | None = None,
    losses: Sequence[float] | None = None,
    total: int = 10_000,
    train: int = 50_000,
    data: str = "cifar10",
    apart_correct: int | None = None,
    name: str | None = None,
    right: NDArray[np.bool_] | None = None,
    init: str | None = None,
) -> Path:
    """Writes a finished run as `archkit bench` leaves it, with nonsense for weights; returns its folder.

    With `right`, it also says which of its test images are right, and has as many. With `init`, a key, it
    began with that run's weights.
    """
    test_checksum = None
    if right is not None:
        correct, total, test_checksum = int(right.sum()), len(right), f"{data}{len(right)}".encode().hex()
    network = parse(spec)
    how = load_recipe(recipe) if isinstance(recipe, str) else recipe
    cost = totals(network)
    apart = round(train * how.protocol.validation)
    apart_correct = apart // 2 if apart_correct is None else apart_correct
    checksum = f"{data}{train}{total}".encode().hex().ljust(64, "0")[:64]
    curve = [2.0 / (epoch + 1) for epoch in range(how.epochs)] if losses is None else list(losses)
    result = Result(
        key=run_key(spec=str(network), recipe=how, seed=seed, data=checksum, init=init),
        spec=str(network),
        params=int(cost.params),
        macs=int(cost.macs),
        recipe=how,
        seed=seed,
        data=DataRecord(
            name=data,
            checksum=checksum,
            classes=tuple(f"class {i}" for i in range(10)),
            input=(3, 32, 32),
            train=train - apart,
            validation=apart,
            test=total,
            whole_train=50_000,
            whole_test=10_000,
            test_checksum=test_checksum,
        ),
        environment=Environment(
            archkit="0",
            python="3",
            torch="2",
            platform="a system",
            device="a device",
            device_type="cpu",
            threads=1,
            precision="float32",
        ),
        epoch=how.epochs,
        validation=Score(correct=apart_correct, total=apart, loss=0.5) if apart else None,
        test=Score(correct=correct, total=total, loss=0.5),
        train_seconds=10.0,
        images_per_second=1000.0,
        total_seconds=11.0,
        test_flip=None if flip is None else Score(correct=flip, total=total, loss=0.4),
        init=init,
    )
    folder = root / (name or f"{len(list(root.glob('*'))) if root.exists() else 0:03d}-{result.key[:8]}")
    folder.mkdir(parents=True)
    (folder / RESULT_FILE).write_text(json.dumps(result.to_mapping()), encoding="utf-8")
    (folder / WEIGHTS_FILE).write_bytes(b"no weights")
    if right is not None and test_checksum is not None:
        write_correct(folder / CORRECT_FILE, Correct(right=right, test_checksum=test_checksum))
    with (folder / "epochs.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(HEAD)
        for epoch, loss in enumerate(curve, 1):
            seen = train - apart
            share = [loss, apart_correct, apart] if apart else ["", "", ""]
            right = int(seen * (1 - 0.9**epoch))
            table.writerow([epoch, 0.1, loss, right, seen, *share, 1.0, 0])
    return folder
