"""`bench`: a network trained and tested, from texts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archkit.api.shown import Told, shown
from archkit.bench.recipe import Recipe, load_recipe, override
from archkit.spec import ArchSpec, as_spec

if TYPE_CHECKING:
    from archkit.bench.data.dataset import DataSet
    from archkit.bench.sweep.run import Finished
    from archkit.bench.train.events import Event

__all__ = ["bench"]


def bench(
    spec: ArchSpec | str,
    data: DataSet | str = "cifar10",
    *,
    recipe: Recipe | str = "fast",
    seed: int = 0,
    device: str = "auto",
    out: Path | str | None = None,
    root: Path | str = "runs",
    train_size: int | None = None,
    test_size: int | None = None,
    force: bool = False,
    resume: bool = False,
    progress: bool = True,
    **changes: Any,
) -> Finished:
    """Train a network and test it; a run that is there already is given again.

    >>> import archkit, tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     run = archkit.bench(
    ...         "[1]x[8]", "shapes", recipe="demo", epochs=1, train_size=100, test_size=50, root=place
    ...     )
    >>> run.result.params, run.result.test.total
    (1506, 50)

    Args:
        spec: the network; it is built for the data's images and classes.
        data: a data set or the name of one that `archkit bench --data` takes, or a folder of images.
        recipe: how to train: a recipe, its name or its file.
        seed: of the weights, the order and the augmentation.
        device: `auto`, `cpu`, `cuda` or `mps`.
        out: the run's folder; one of its own in `root` unless given.
        root: where that folder is made.
        train_size: how many training images to take, equally many of each class; all unless given.
        test_size: how many test images, likewise.
        force: whether to run again what is there already.
        resume: whether to go on with an interrupted run.
        progress: whether a notebook shows how far it is.
        **changes: fields of the recipe to change, `epochs=5`; a field inside another with two underscores,
            `optimizer__lr=0.1`.

    Raises:
        SpecError: the network is none, or there is none for these images.
        RunError: a field is unknown or wrong, or the training fails.
        DataError: the data cannot be read.
        OutputError: the folder cannot be used.
    """
    how = load_recipe(recipe) if isinstance(recipe, str) else recipe
    how = override(how, [(key.replace("__", "."), value) for key, value in changes.items()])
    network = as_spec(spec)

    from archkit.bench.data.load import load_data
    from archkit.bench.sweep.place import adapt
    from archkit.bench.sweep.run_spec import run_spec
    from archkit.bench.train.device import pick_device

    images = load_data(data) if isinstance(data, str) else data
    images = images.subset(train=train_size, test=test_size)
    with shown(wanted=progress) as tell:
        return run_spec(
            adapt(network, images),
            images,
            how,
            device=pick_device(device),
            seed=seed,
            out=None if out is None else Path(out),
            root=Path(root),
            force=force,
            resume=resume,
            threads=None if "OMP_NUM_THREADS" in os.environ else "auto",
            watch=lambda event: _tell(tell, event),
        )


def _tell(tell: Told, event: Event) -> None:
    """Say how far a run is, at each of its steps."""
    from archkit.bench.train.events import Step

    if isinstance(event, Step):
        done = (event.epoch - 1) * event.steps + event.step
        tell(f"epoch {event.epoch} of {event.epochs}; steps", done, event.epochs * event.steps)
