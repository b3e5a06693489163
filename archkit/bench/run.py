"""`run_spec`: one training run and the folder it leaves, whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from archkit.bench.data import DataSet
from archkit.bench.device import environment
from archkit.bench.engine import Outcome, train
from archkit.bench.events import Event, Watch, ignore
from archkit.bench.recipe import Recipe
from archkit.bench.results import (
    EPOCHS_FILE,
    RESULT_FILE,
    WEIGHTS_FILE,
    DataRecord,
    EpochRow,
    Result,
    read_result,
    run_key,
)
from archkit.count import totals
from archkit.errors import DataError, OutputError
from archkit.spec import ArchSpec

__all__ = ["Finished", "adapt", "default_folder", "run_spec"]

_COLUMNS: Final = (
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
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A run's result and where it lies.

    Attributes:
        result: what it came to.
        folder: holds `result.json`, `epochs.csv` and `weights.safetensors`.
        fresh: whether it was run now, not found there.
    """

    result: Result
    folder: Path
    fresh: bool


def adapt(spec: ArchSpec, data: DataSet) -> ArchSpec:
    """The network with the data's image size and number of classes.

    Raises:
        SpecError: there is no such network for these images.
    """
    return spec.replace(input=data.input, classes=len(data.classes))


def default_folder(root: Path, label: str, recipe: Recipe, data: DataSet, *, seed: int, key: str) -> Path:
    """The folder of a run under `root`: a name to read and eight digits of its key.

    A run that is already there under another label is found by the key.
    """
    digits = key[:8]
    for found in sorted(root.glob(f"*-{digits}")):
        if found.is_dir():
            return found
    words = "-".join([_file_name(label)[:48], _file_name(recipe.name), _file_name(data.name), f"s{seed}"])
    return root / f"{words}-{digits}"


def run_spec(
    spec: ArchSpec,
    data: DataSet,
    recipe: Recipe,
    *,
    device: torch.device,
    seed: int = 0,
    out: Path | None = None,
    root: Path = Path("runs"),
    label: str | None = None,
    force: bool = False,
    watch: Watch = ignore,
) -> Finished:
    """Trains and tests a network, or finds the run that did.

    The run works in a folder beside its own, named `*.partial-<process>`, which takes its place when
    everything is written. When anything goes wrong nothing is left.

    Args:
        spec: the network; see `adapt`.
        data: what to train and test on.
        recipe: how.
        device: where.
        seed: of weights, order and augmentation; not negative.
        out: the run's folder; one under `root` with a name of its own unless given.
        root: where that lies.
        label: what the folder calls the network; its canonical text unless given.
        force: run again where the run is already there, and replace it.
        watch: is told the estimate, each step and each epoch.

    Raises:
        OutputError: the folder holds something else, or cannot be written.
        RunError: see `archkit.bench.engine.train`.
        DataError: there are too few images to split.
    """
    key = run_key(spec=str(spec), recipe=recipe, seed=seed, data=data.checksum)
    folder = (
        out if out is not None else default_folder(root, label or str(spec), recipe, data, seed=seed, key=key)
    )
    found = _already_there(folder, key, force=force)
    if found is not None:
        return Finished(result=found, folder=folder, fresh=False)
    with _working_folder(folder) as work:
        with (work / EPOCHS_FILE).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(_COLUMNS)
            file.flush()

            def note(event: Event) -> None:
                if isinstance(event, EpochRow):
                    table.writerow(_cells(event))
                    file.flush()  # so that the table can be watched
                watch(event)

            outcome = train(spec, data, recipe, seed=seed, device=device, watch=note)
        cost = totals(spec)
        result = Result(
            key=key,
            spec=str(spec),
            params=int(cost.params),
            macs=int(cost.macs),
            recipe=recipe,
            seed=seed,
            data=_record(data, outcome),
            environment=environment(device, recipe.precision),
            epoch=outcome.epoch,
            validation=outcome.validation,
            test=outcome.test,
            train_seconds=outcome.train_seconds,
            images_per_second=outcome.images_per_second,
            total_seconds=outcome.total_seconds,
        )
        described = {"spec": result.spec, "key": key, "epoch": str(result.epoch)}
        try:
            save_file(outcome.weights, work / WEIGHTS_FILE, metadata=described)
        except SafetensorError as error:
            raise OutputError(f"cannot write {folder / WEIGHTS_FILE}: {error}") from error
        text = json.dumps(result.to_mapping(), indent=2, ensure_ascii=False)
        (work / RESULT_FILE).write_text(text + "\n", encoding="utf-8")
    return Finished(result=result, folder=folder, fresh=True)


def _already_there(folder: Path, key: str, *, force: bool) -> Result | None:
    """The result of the same run in `folder`, unless it is to be replaced.

    Raises:
        OutputError: the folder holds something else.
    """
    if not folder.exists() and not folder.is_symlink():
        return None
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file, not a run's folder")
    if not (folder / RESULT_FILE).exists():
        if any(folder.iterdir()):
            raise OutputError(f"{folder} holds something that is not a run; it is left alone")
        return None
    if force:
        foreign = sorted({p.name for p in folder.iterdir()} - {RESULT_FILE, EPOCHS_FILE, WEIGHTS_FILE})
        if foreign:
            raise OutputError(f"{folder} holds {foreign[0]}, which is not the run's; it is not replaced")
        return None
    try:
        result = read_result(folder)
    except DataError as error:
        raise OutputError(f"{error}; --force replaces it") from error
    if result.key != key:
        raise OutputError(
            f"{folder} holds another run ({result.spec}, recipe {result.recipe.name}, seed {result.seed});"
            " --force replaces it"
        )
    return result


@contextmanager
def _working_folder(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` that becomes it when the block ends, and vanishes when it fails."""
    work = folder.with_name(f"{folder.name}.partial-{os.getpid()}")
    try:
        work.mkdir(parents=True)
        try:
            yield work
            _put(work, folder)
        except BaseException:
            shutil.rmtree(work)
            raise
    except BrokenPipeError:  # of whoever watches: nothing that was written here
        raise
    except OSError as error:
        where = error.filename or folder
        raise OutputError(f"cannot write {where}: {error.strerror or error}") from error


def _put(work: Path, folder: Path) -> None:
    """Renames `work` to `folder`; what was there goes only when the new is in its place."""
    if not folder.exists():
        work.rename(folder)
        return
    old = folder.with_name(f"{folder.name}.old-{os.getpid()}")
    folder.rename(old)
    work.rename(folder)
    shutil.rmtree(old)


def _record(data: DataSet, outcome: Outcome) -> DataRecord:
    return DataRecord(
        name=data.name,
        checksum=data.checksum,
        classes=data.classes,
        input=data.input,
        train=outcome.train,
        validation=outcome.apart,
        test=len(data.test_labels),
        whole_train=data.whole[0],
        whole_test=data.whole[1],
    )


def _cells(row: EpochRow) -> tuple[object, ...]:
    """A line of `epochs.csv`; without validation its cells are empty."""
    score = row.validation
    validation = ("", "", "") if score is None else (score.loss, score.correct, score.total)
    return (
        row.epoch,
        row.lr,
        row.train_loss,
        row.train_correct,
        row.train_total,
        *validation,
        row.seconds,
        int(row.best),
    )


def _file_name(text: str) -> str:
    """Text as a part of a file name: runs of anything but letters, digits and dots become one dash."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "x"
