"""`run_spec`: one training run and the folder that it leaves, whole or with a checkpoint to go on from."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from archkit.bench.data.dataset import DataSet
from archkit.bench.recipe import Recipe
from archkit.bench.sweep.claim import ClaimLostError
from archkit.bench.sweep.epochs import epoch_table
from archkit.bench.sweep.folder import finish, to_start_from, working_folder
from archkit.bench.sweep.place import already_there, default_folder, initial_key
from archkit.bench.sweep.run import Finished
from archkit.bench.train.checkpoint import CHECKPOINT_FILE, Checkpoint, Keeper
from archkit.bench.train.correct import CORRECT_FILE, Correct, write_correct
from archkit.bench.train.device import environment, peak_share
from archkit.bench.train.engine import train
from archkit.bench.train.events import Event, Saved, Watch, ignore
from archkit.bench.train.image_sizes import mean_macs
from archkit.bench.train.initial import read_initial
from archkit.bench.train.outcome import Outcome
from archkit.bench.train.results import (
    RESULT_FILE,
    WEIGHTS_FILE,
    DataRecord,
    Environment,
    EpochRow,
    Result,
    run_key,
)
from archkit.bench.train.threads import Threads
from archkit.bench.train.trainer import NotFiniteError
from archkit.count import totals
from archkit.errors import OutputError
from archkit.files import settle_header
from archkit.spec import ArchSpec, as_spec

__all__ = ["run_spec"]


def run_spec(
    spec: ArchSpec | str,
    data: DataSet,
    recipe: Recipe,
    *,
    device: torch.device,
    seed: int = 0,
    out: Path | None = None,
    root: Path = Path("runs"),
    label: str | None = None,
    init: Path | None = None,
    force: bool = False,
    resume: bool = False,
    threads: Threads = None,
    sharing: int = 1,
    watch: Watch = ignore,
) -> Finished:
    """Trains and tests a network, or finds the run that did.

    The run works in a folder beside its own, named `*.partial`, which takes the place of its own when
    everything is written. Checkpoints are written there, see `Keeper`. If anything goes wrong, the checkpoint
    of the last whole epoch is left; after a loss that is not finite, or an end in the first epoch, nothing is
    left.

    Args:
        spec: the network; see `archkit.bench.sweep.place.adapt`.
        data: what to train and test on.
        recipe: how to train.
        device: where to train.
        seed: the seed of the weights, the order and the augmentation; at least 0.
        out: the run's folder; unless given, one under `root` with a name of its own.
        root: where that folder is made.
        label: what that folder calls the network; its canonical text unless given.
        init: the folder of a finished run, with whose weights it begins instead of random ones.
        force: whether to run again if the run is already there, finished or not, and to replace it.
        resume: whether to go on from the checkpoint if there is one.
        threads: as in `archkit.bench.train.engine.train`.
        sharing: up to how many runs of a suite are given this device at once, for the record.
        watch: called with the estimate, each step, each epoch and each checkpoint.

    Raises:
        BusyError: another process is at work on this run.
        OutputError: the folder contains something else, or an interrupted run and neither `resume` nor
            `force` is set; another process has taken this run over; or the folder cannot be written.
        RunError: see `archkit.bench.train.engine.train`.
        DataError: there are too few images to split, or `init` is not the folder of a finished run.
    """
    spec = as_spec(spec)
    began = initial_key(init)
    key = run_key(spec=str(spec), recipe=recipe, seed=seed, data=data.checksum, init=began)
    folder = out
    if folder is None:
        folder = default_folder(root, label or str(spec), recipe, data, seed=seed, key=key)
    if (found := already_there(folder, key, force=force)) is not None:
        return Finished(folder=folder, result=found)
    with working_folder(folder) as (partial, claim):
        # Another process may have finished it in the meantime.
        if (found := already_there(folder, key, force=force)) is not None:
            return Finished(folder=folder, result=found)
        start = to_start_from(partial, key, device=device.type, resume=resume, force=force)
        with epoch_table(partial) as table:
            if start is not None:
                table.add(*start.rows)
                watch(Saved(epoch=len(start.rows), epochs=recipe.epochs, folder=partial, resumed=True))
            else:
                (partial / CHECKPOINT_FILE).unlink(missing_ok=True)

            def note(event: Event) -> None:
                claim.hold()
                if isinstance(event, EpochRow):
                    table.add(event)
                watch(event)

            def saved(checkpoint: Checkpoint) -> None:
                done = len(checkpoint.rows)
                watch(Saved(epoch=done, epochs=recipe.epochs, folder=partial, resumed=False))

            shared_by = sharing if start is None else _most(start.sharing, sharing)
            keeper = Keeper(partial / CHECKPOINT_FILE, key=key, sharing=shared_by, written=saved)
            with keeper.at_the_end(but=(NotFiniteError, ClaimLostError)):
                outcome = train(
                    spec,
                    data,
                    recipe,
                    seed=seed,
                    device=device,
                    threads=threads,
                    watch=note,
                    save=keeper,
                    start=start,
                    initial=None if init is None else read_initial(init),
                )
                env = environment(device, recipe.precision, threads=outcome.threads, sharing=shared_by)
                result = _result(spec, data, recipe, outcome, key=key, seed=seed, env=env, init=began)
                _write(partial, result, outcome)
                correct = Correct(right=outcome.right, test_checksum=data.test_checksum)
                write_correct(partial / CORRECT_FILE, correct)
        claim.hold_now()
        finish(partial, folder)
    return Finished(folder=folder, result=result, rows=outcome.epochs, fresh=True)


def _most(before: int | None, now: int) -> int | None:
    """Of a run that goes on: up to how many shared its device in any part of it; None if one is not known."""
    return None if before is None else max(before, now)


def _result(
    spec: ArchSpec,
    data: DataSet,
    recipe: Recipe,
    outcome: Outcome,
    *,
    key: str,
    seed: int,
    env: Environment,
    init: str | None,
) -> Result:
    """What is recorded of the run."""
    cost = totals(spec)
    return Result(
        key=key,
        spec=str(spec),
        params=int(cost.params),
        macs=int(cost.macs),
        recipe=recipe,
        seed=seed,
        data=DataRecord(
            name=data.name,
            checksum=data.checksum,
            classes=data.classes,
            input=data.input,
            train=outcome.train,
            validation=outcome.apart,
            test=len(data.test_labels),
            whole_train=data.whole[0],
            whole_test=data.whole[1],
            mean=outcome.mean,
            std=outcome.std,
            test_checksum=data.test_checksum,
            resized=data.resized,
        ),
        environment=env,
        epoch=outcome.epoch,
        validation=outcome.validation,
        test=outcome.test,
        train_seconds=outcome.train_seconds,
        images_per_second=outcome.images_per_second,
        total_seconds=outcome.total_seconds,
        validation_flip=outcome.validation_flip,
        test_flip=outcome.test_flip,
        validation_six=outcome.validation_six,
        test_six=outcome.test_six,
        compile_seconds=outcome.compile_seconds,
        peak_share=peak_share(env, macs=mean_macs(spec, recipe), images_per_second=outcome.images_per_second),
        init=init,
    )


def _write(folder: Path, result: Result, outcome: Outcome) -> None:
    """Writes the weights and the result, each as a file."""
    described = {
        "spec": result.spec,
        "key": result.key,
        "epoch": str(result.epoch),
        "archkit": result.environment.archkit,
        # What the network takes and what its logits mean, for whoever has the weights alone.
        **{
            name: json.dumps(getattr(result.data, name), ensure_ascii=False)
            for name in ("classes", "input", "mean", "std")
        },
    }
    try:
        save_file(outcome.weights, folder / WEIGHTS_FILE, metadata=described)
        settle_header(folder / WEIGHTS_FILE)
    except SafetensorError as error:
        raise OutputError(f"cannot write {folder / WEIGHTS_FILE}: {error}") from error
    text = json.dumps(result.to_mapping(), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / RESULT_FILE).write_text(text + "\n", encoding="utf-8")
