"""`train`: a spec, data and a recipe -> weights and exact scores; `estimate`: how long that will take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

import torch
from torch import Tensor

from archkit.bench.data.dataset import DataSet, split
from archkit.bench.recipe import Recipe
from archkit.bench.train.checkpoint import Checkpoint
from archkit.bench.train.compiling import compiled_afresh
from archkit.bench.train.device import arithmetic, backends, timed
from archkit.bench.train.evaluation import Answers, Views, evaluation_batch
from archkit.bench.train.events import Step, TimeEstimate, Watch, ignore
from archkit.bench.train.guards import generators_kept, memory_errors
from archkit.bench.train.initial import Initial
from archkit.bench.train.outcome import Outcome
from archkit.bench.train.results import EpochRow
from archkit.bench.train.room import check_room
from archkit.bench.train.threads import Threads, choose_threads, threads_kept
from archkit.bench.train.trainer import DeviceData, Labelled, NotFiniteError, Trainer
from archkit.errors import RunError
from archkit.spec import ArchSpec, as_spec

__all__ = ["Save", "estimate", "measure", "train"]

Save: TypeAlias = Callable[[Checkpoint], None]

_WARM_UP: Final = {"cpu": 1, "cuda": 10}  # steps that are not timed: memory is allocated, cuDNN chooses
_MEASURED: Final = {"cpu": 5, "cuda": 20}  # steps that are timed, at most


def train(
    spec: ArchSpec | str,
    data: DataSet,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
    threads: Threads = None,
    watch: Watch = ignore,
    save: Save | None = None,
    start: Checkpoint | None = None,
    initial: Initial | None = None,
) -> Outcome:
    """Trains a network, keeps the epoch that the recipe's protocol selects, and tests it once.

    On a CPU the same arguments and the same number of threads give the same bits, whether the run goes
    straight through or goes on from a checkpoint. torch's global generators are left as they were.

    Args:
        spec: the network; its input and classes must be those of the data.
        data: what to train and test on.
        recipe: how to train.
        seed: the seed of the weights, the order and the augmentation; at least 0.
        device: where to train.
        threads: of the CPU, for the length of the run: so many; None for as many as torch has now; or `auto`,
            for a number up to that which is chosen by measuring steps on the CPU, and kept when the run is
            resumed. On busy cores two threads wait for each other, and may take 50 times as long as one.
        watch: called with the estimate, each step and each epoch.
        save: called with a checkpoint after every epoch except the last.
        start: the checkpoint to go on from; it must come from a run with the same arguments.
        initial: the weights of another run, which take the place of random ones.

    Raises:
        RunError: the recipe does not fit the data, the network cannot be compiled, the loss is not finite, or
            memory runs out.
        DataError: there are too few images to split.
    """
    spec = as_spec(spec)
    if spec.input != data.input or spec.classes != len(data.classes):
        raise RunError(
            f"the network takes {spec.input} and {spec.classes} classes, {data.name} has {data.input} and"
            f" {len(data.classes)}"
        )
    with (
        generators_kept(device),
        threads_kept(),
        backends(recipe.precision),
        memory_errors(recipe),
        compiled_afresh(recipe.compile),
    ):
        if isinstance(threads, int):
            torch.set_num_threads(threads)
        elif threads == "auto" and start is not None and device.type == "cpu":
            torch.set_num_threads(start.threads)
        held = _check_room(spec, data, recipe, device)
        on_device = DeviceData.of(data, recipe, device, initial=initial)
        classes = tuple(data.classes)
        trainer = Trainer(spec, on_device, recipe, seed=seed, device=device, initial=initial, classes=classes)
        # Compiling and measuring take steps of this trainer, which are undone afterwards.
        before = trainer.state() if start is None else start.state
        compiling = _compile(trainer)
        if threads == "auto" and start is None and device.type == "cpu" and recipe.compile == "none":
            index = torch.arange(trainer.batch_sizes[-1])
            choose_threads(lambda: trainer.step(index))
        ahead = estimate(trainer, done=0 if start is None else len(start.rows))
        watch(replace(ahead, held=held))
        trainer.restore(before)
        if start is not None and start.compile_seconds is not None and compiling is not None:
            compiling += start.compile_seconds
        return _run(trainer, watch, save, start, compile_seconds=compiling)


def _check_room(spec: ArchSpec, data: DataSet, recipe: Recipe, device: torch.device) -> int:
    """Bytes that training holds at least, the images among them.

    Raises:
        RunError: the device has less.
    """
    half = arithmetic(recipe.precision, device) == "bfloat16"
    images = data.train_images.nbytes + data.test_images.nbytes
    batch = min(recipe.batch_size, len(split(len(data.train_labels), recipe.protocol.validation)[0]))
    return check_room(spec, replace(recipe, batch_size=batch), device, half=half, images=images)


def _compile(trainer: Trainer) -> float | None:
    """Compiles what the trainer needs; how many seconds it took, or None if nothing is compiled."""
    if trainer.recipe.compile == "none":
        return None
    from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

    started = time.perf_counter()
    try:
        trainer.warm_up()
    except (TorchDynamoException, FailOnRecompileLimitHit) as error:
        reason = str(error).strip().splitlines()[0]
        raise RunError(f"torch.compile failed ({reason}); --set compile=none does without") from error
    return time.perf_counter() - started


def estimate(trainer: Trainer, *, done: int = 0) -> TimeEstimate:
    """Measures a few steps and evaluation batches of a trainer, which has moved on afterwards.

    Args:
        trainer: the trainer to measure; `Trainer.state` and `restore` undo it.
        done: how many epochs are done already.
    """
    kind, data = trainer.device.type, trainer.data
    # Of full size, where images are smaller at first: a run may be quicker than is said, and not slower.
    full = trainer.recipe.epochs - 1
    index = torch.arange(0)
    with trainer.as_in(full):
        # A smaller batch at the end of an epoch too: cuDNN chooses anew for its size, which is no training.
        for size in trainer.batch_sizes:
            index = torch.arange(size, device=trainer.device)
            for _ in range(_WARM_UP[kind]):
                trainer.step(index)
        steps = timed(lambda: trainer.step(index), trainer.device, _MEASURED[kind])
    # With training images: the test set is read at the end of the run, and only then.
    size = evaluation_batch(data.train.images)
    some = Labelled(images=data.train.images[:size], labels=data.train.labels[:size])
    trainer.evaluate(some)
    evaluations = timed(lambda: trainer.evaluate(some), trainer.device, 3)
    epochs = trainer.recipe.epochs - done
    apart, tested = (-(-len(part) // size) for part in (data.validation, data.test))
    views = {"none": 0, "flip": 2, "six": 2 + 6}[trainer.recipe.protocol.test_augment]
    return TimeEstimate(
        step_seconds=steps,
        evaluation_seconds=evaluations,
        steps=trainer.steps * epochs,
        evaluations=apart * epochs + tested + views * (apart + tested),
        threads=torch.get_num_threads() if kind == "cpu" else None,
    )


def measure(
    spec: ArchSpec | str, data: DataSet, recipe: Recipe, *, device: torch.device, threads: Threads = None
) -> TimeEstimate:
    """How long a run will take from its first epoch to its test, without compiling; nothing is kept of it.

    Args:
        spec: the network; its input and classes must be those of the data.
        data: what to train and test on.
        recipe: how to train.
        device: where to train.
        threads: as in `train`.

    Raises:
        RunError: the recipe does not fit the data, or memory runs out.
        DataError: there are too few images to split.
    """
    recipe = replace(recipe, compile="none")
    with generators_kept(device), threads_kept(), backends(recipe.precision), memory_errors(recipe):
        if isinstance(threads, int):
            torch.set_num_threads(threads)
        held = _check_room(as_spec(spec), data, recipe, device)
        trainer = Trainer(as_spec(spec), DeviceData.of(data, recipe, device), recipe, seed=0, device=device)
        if threads == "auto" and device.type == "cpu":
            index = torch.arange(trainer.batch_sizes[-1])
            choose_threads(lambda: trainer.step(index))
        return replace(estimate(trainer), held=held)


def _run(
    trainer: Trainer,
    watch: Watch,
    save: Save | None,
    start: Checkpoint | None,
    *,
    compile_seconds: float | None,
) -> Outcome:
    recipe, data = trainer.recipe, trainer.data
    started = time.perf_counter() - (0.0 if start is None else start.total_seconds)
    rows: list[EpochRow] = [] if start is None else list(start.rows)
    kept: tuple[EpochRow, dict[str, Tensor]] | None = None
    if start is not None and start.kept is not None:
        kept = (rows[start.kept - 1], dict(start.weights))
    for epoch in range(len(rows) + 1, recipe.epochs + 1):

        def on_step(step: int, epoch: int = epoch) -> None:
            watch(Step(epoch=epoch, epochs=recipe.epochs, step=step, steps=trainer.steps))

        try:
            passed = trainer.epoch(on_step)
            score = _ask(trainer, data.validation, "images set apart").score if len(data.validation) else None
        except RunError as error:
            raise type(error)(f"epoch {epoch}: {error}") from error
        best_yet = max((row.validation.correct for row in rows if row.validation is not None), default=-1)
        row = EpochRow(
            epoch=epoch,
            lr=passed.lr,
            train_loss=passed.loss,
            train_correct=passed.correct,
            train_total=passed.total,
            validation=score,
            seconds=passed.seconds,
            best=score is not None and score.correct > best_yet,
        )
        rows.append(row)
        if row.best if recipe.protocol.select == "best" else epoch == recipe.epochs:
            kept = (row, trainer.weights())
        watch(row)
        if save is not None and epoch < recipe.epochs:
            save(
                Checkpoint(
                    rows=tuple(rows),
                    kept=None if kept is None else kept[0].epoch,
                    weights={} if kept is None else kept[1],
                    state=trainer.state(),
                    compile_seconds=compile_seconds,
                    total_seconds=time.perf_counter() - started,
                    device=trainer.device.type,
                    threads=torch.get_num_threads(),
                )
            )
    if kept is None:  # cannot be: a recipe has an epoch, and the first one is always kept
        raise RunError("no epoch was kept")
    selected, weights = kept
    trainer.load(weights)
    test = _ask(trainer, data.test, "test images")
    asked = recipe.protocol.test_augment
    flip, six = asked != "none", asked == "six"
    apart = len(data.validation)
    seconds = sum(row.seconds for row in rows)
    return Outcome(
        weights=weights,
        epochs=tuple(rows),
        epoch=selected.epoch,
        validation=selected.validation,
        test=test.score,
        right=test.right,
        validation_flip=_ask(trainer, data.validation, "images set apart", "flip").score
        if flip and apart
        else None,
        test_flip=_ask(trainer, data.test, "test images", "flip").score if flip else None,
        validation_six=_ask(trainer, data.validation, "images set apart", "six").score
        if six and apart
        else None,
        test_six=_ask(trainer, data.test, "test images", "six").score if six else None,
        train=len(data.train),
        apart=len(data.validation),
        train_seconds=seconds,
        images_per_second=sum(row.train_total for row in rows) / seconds,
        total_seconds=time.perf_counter() - started,
        compile_seconds=compile_seconds,
        threads=torch.get_num_threads(),
        mean=tuple(data.mean.tolist()),
        std=tuple(data.std.tolist()),
    )


def _ask(trainer: Trainer, part: Labelled, what: str, views: Views = "one") -> Answers:
    """What the weights as they are say and score; `what` names the images in the message.

    Raises:
        NotFiniteError: the loss is not finite, as after a last step that was too large.
    """
    found = trainer.evaluate(part, views)
    if not math.isfinite(found.score.loss):
        raise NotFiniteError(
            f"the loss on the {what} is not finite, after steps at a learning rate of {trainer.rate:g};"
            " a lower --lr may help"
        )
    return found
