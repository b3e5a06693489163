"""`check`: whether a run's figures can be true. A report prints what it reads, on a terminal too."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from archkit.bench.report.names import network_name
from archkit.bench.sweep.run import Finished
from archkit.bench.train.results import EpochRow, Result, Score
from archkit.errors import DataError, SpecError

__all__ = ["check"]

_MOST: Final = 10**18  # far above what anybody counts, and what a float can still divide


def check(run: Finished) -> None:
    """Refuse a run whose record cannot be true or cannot be printed.

    Raises:
        DataError: the message names the folder and what is wrong.
    """
    wrong = next(_faults(run), None)
    if wrong is not None:
        raise DataError(f"{run.folder} is not the record of a run: {wrong}")


def _faults(run: Finished) -> Iterator[str]:
    result = run.result
    yield from _texts(result)
    counts = {"params": result.params, "macs": result.macs, "epoch": result.epoch}
    yield from (f"{name} is {n}" for name, n in counts.items() if not 1 <= n <= _MOST)
    if result.epoch > result.recipe.epochs:
        yield f"epoch {result.epoch} of {result.recipe.epochs}"
    if result.train_seconds < 0 or result.images_per_second < 0 or result.total_seconds < 0:
        yield "a time is negative"
    shared_by = result.environment.gpu_shared_by
    if shared_by is not None and not 1 <= shared_by <= _MOST:
        yield f"environment.gpu_shared_by is {shared_by}"
    data = result.data
    parts = (data.train, data.validation, data.test, data.whole_train, data.whole_test)
    if not all(0 <= n <= _MOST for n in parts) or len(data.input) != 3:
        yield "a size of its data is wrong"
    else:
        try:
            network_name(result.spec, data)
        except SpecError as error:
            yield f"its data are not images for a network: {error.reason}"
    tested, apart = (data.test, "test"), (data.validation, "validation")
    for score, (total, name) in (
        *((one, tested) for one in (result.test, result.test_flip, result.test_six)),
        *((one, apart) for one in (result.validation, result.validation_flip, result.validation_six)),
    ):
        if score is not None:
            yield from _of(score, name)
            if score.total != total:
                yield f"{name} is of {score.total} images, and its data have {total}"
    for number, row in enumerate(run.rows, 1):
        yield from _of_epoch(row, number)


def _texts(result: Result) -> Iterator[str]:
    """Texts that a terminal or a table would take for more than text."""
    texts = {
        "key": result.key,
        "spec": result.spec,
        "recipe.name": result.recipe.name,
        "recipe.optimizer.name": result.recipe.optimizer.name,
        "data.name": result.data.name,
        "data.checksum": result.data.checksum,
        "environment.device": result.environment.device,
        "environment.precision": result.environment.precision,
        "environment.archkit": result.environment.archkit,
        "environment.torch": result.environment.torch,
    }
    yield from (
        f"{name} holds what cannot be printed: {text!a}"
        for name, text in texts.items()
        if not text.isprintable()
    )


def _of(score: Score, name: str) -> Iterator[str]:
    if score.total < 1:
        yield f"{name} is of {score.total} images"
    elif not 0 <= score.correct <= score.total <= _MOST:
        yield f"{name} has {score.correct} of {score.total} images right"


def _of_epoch(row: EpochRow, number: int) -> Iterator[str]:
    where = f"epoch {number} of its table"
    if row.epoch != number:
        yield f"{where} is epoch {row.epoch}"
    if row.train_total < 1 or not 0 <= row.train_correct <= row.train_total <= _MOST:
        yield f"{where} has {row.train_correct} of {row.train_total} images right"
    if not math.isfinite(row.train_loss):
        yield f"{where} has a loss of {row.train_loss}"
    if row.validation is not None:
        yield from _of(row.validation, f"the validation of {where}")
        if not math.isfinite(row.validation.loss):
            yield f"{where} has a validation loss of {row.validation.loss}"
