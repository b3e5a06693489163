"""`run_spec`: one training run and the folder it leaves, whole or to be resumed."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from archkit.bench.checkpoint import CHECKPOINT_FILE, Checkpoint, Keeper
from archkit.bench.data import DataSet
from archkit.bench.device import environment, peak_share
from archkit.bench.engine import Outcome, train
from archkit.bench.events import Event, Saved, Watch, ignore
from archkit.bench.recipe import Recipe
from archkit.bench.results import (
    EPOCHS_FILE,
    RESULT_FILE,
    WEIGHTS_FILE,
    DataRecord,
    EpochRow,
    Result,
    run_key,
)
from archkit.bench.run_folder import already_there, default_folder, finish, to_start_from, working_folder
from archkit.bench.trainer import NotFiniteError
from archkit.count import totals
from archkit.errors import OutputError
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
    resume: bool = False,
    watch: Watch = ignore,
) -> Finished:
    """Trains and tests a network, or finds the run that did.

    The run works in a folder beside its own, named `*.partial`, which takes its place when everything is
    written. Checkpoints are written there, see `Keeper`, and that of the last whole epoch is all that is left
    when anything goes wrong later; a loss that is not finite, or an end in the first epoch, leaves nothing.

    Args:
        spec: the network; see `adapt`.
        data: what to train and test on.
        recipe: how.
        device: where.
        seed: of weights, order and augmentation; not negative.
        out: the run's folder; one under `root` with a name of its own unless given.
        root: where that lies.
        label: what the folder calls the network; its canonical text unless given.
        force: run again where the run is already there, finished or not, and replace it.
        resume: go on from the checkpoint where there is one.
        watch: is told the estimate, each step, each epoch and each checkpoint.

    Raises:
        OutputError: the folder holds something else, or an interrupted run that `resume` would go on with;
            another process is at work on this run; or it cannot be written.
        RunError: see `archkit.bench.engine.train`.
        DataError: there are too few images to split.
    """
    key = run_key(spec=str(spec), recipe=recipe, seed=seed, data=data.checksum)
    folder = (
        out if out is not None else default_folder(root, label or str(spec), recipe, data, seed=seed, key=key)
    )
    found = already_there(folder, key, force=force)
    if found is not None:
        return Finished(result=found, folder=folder, fresh=False)
    with working_folder(folder) as work:
        # Another process may have finished it since.
        if (found := already_there(folder, key, force=force)) is not None:
            return Finished(result=found, folder=folder, fresh=False)
        start = to_start_from(work, key, resume=resume, force=force)
        with (work / EPOCHS_FILE).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(_COLUMNS)
            if start is not None:
                table.writerows(_cells(row) for row in start.rows)
                done = len(start.rows)
                watch(Saved(epoch=done, epochs=recipe.epochs, folder=work, resumed=True))
            else:
                (work / CHECKPOINT_FILE).unlink(missing_ok=True)
            file.flush()

            def note(event: Event) -> None:
                if isinstance(event, EpochRow):
                    table.writerow(_cells(event))
                    file.flush()  # so that the table can be watched
                watch(event)

            def saved(checkpoint: Checkpoint) -> None:
                done = len(checkpoint.rows)
                watch(Saved(epoch=done, epochs=recipe.epochs, folder=work, resumed=False))

            keeper = Keeper(work / CHECKPOINT_FILE, key=key, written=saved)
            with keeper.at_the_end(but=NotFiniteError):
                outcome = train(
                    spec, data, recipe, seed=seed, device=device, watch=note, save=keeper, start=start
                )
                result = _result(spec, data, recipe, outcome, key=key, seed=seed, device=device)
                _write(work, result, outcome)
        finish(work, folder)
    return Finished(result=result, folder=folder, fresh=True)


def _result(
    spec: ArchSpec,
    data: DataSet,
    recipe: Recipe,
    outcome: Outcome,
    *,
    key: str,
    seed: int,
    device: torch.device,
) -> Result:
    cost, env = totals(spec), environment(device, recipe.precision)
    return Result(
        key=key,
        spec=str(spec),
        params=int(cost.params),
        macs=int(cost.macs),
        recipe=recipe,
        seed=seed,
        data=_record(data, outcome),
        environment=env,
        epoch=outcome.epoch,
        validation=outcome.validation,
        test=outcome.test,
        train_seconds=outcome.train_seconds,
        images_per_second=outcome.images_per_second,
        total_seconds=outcome.total_seconds,
        validation_flip=outcome.validation_flip,
        test_flip=outcome.test_flip,
        compile_seconds=outcome.compile_seconds,
        peak_share=peak_share(env, macs=int(cost.macs), images_per_second=outcome.images_per_second),
    )


def _write(work: Path, result: Result, outcome: Outcome) -> None:
    """The weights and the result, each as a file in `work`."""
    described = {"spec": result.spec, "key": result.key, "epoch": str(result.epoch)}
    try:
        save_file(outcome.weights, work / WEIGHTS_FILE, metadata=described)
    except SafetensorError as error:
        raise OutputError(f"cannot write {work / WEIGHTS_FILE}: {error}") from error
    text = json.dumps(result.to_mapping(), indent=2, ensure_ascii=False)
    (work / RESULT_FILE).write_text(text + "\n", encoding="utf-8")


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
