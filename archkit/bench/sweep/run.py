"""The words for a run: a `Run` is what is to be run, `Finished` what it left, `Ended` how it ended."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import archkit
from archkit.bench.recipe import Recipe
from archkit.bench.train.events import Watch
from archkit.bench.train.results import EpochRow, Result
from archkit.errors import ArchkitError, RunError
from archkit.spec import ArchSpec
from archkit.spec.syntax import read

__all__ = ["Ended", "Finished", "Run", "WatchRun", "asked_input", "failed"]

_PACKAGE: Final = Path(archkit.__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A network, a recipe and a seed: what is to be run on some data.

    Attributes:
        label: the network as its author wrote it.
        spec: the network.
        recipe: how it is trained.
        seed: the seed of the weights, the order and the augmentation.
        folder: where the run goes; None for a folder with a name of its own, see `default_folder`.
        input: C, H, W if its author said so: then the images follow the network; else None.
        init: the folder of a finished run with whose weights it begins; None for random ones.
    """

    label: str
    spec: ArchSpec
    recipe: Recipe
    seed: int
    folder: Path | None = None
    input: tuple[int, int, int] | None = None
    init: Path | None = None


def asked_input(text: str, spec: ArchSpec) -> tuple[int, int, int] | None:
    """C, H, W of a network if its text says `input=`; a name, or the default, does not ask for anything.

    Raises:
        SpecError: the text is no spec.
    """
    return spec.input if any(option.key == "input" for option in read(text).options) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """A finished run and the folder in which it is.

    Attributes:
        folder: contains `result.json`, `epochs.csv`, `weights.safetensors` and `correct.safetensors`.
        result: what is recorded of the run.
        rows: its epochs, if `epochs.csv` was read.
        fresh: whether it was run just now rather than found there.
    """

    folder: Path
    result: Result
    rows: tuple[EpochRow, ...] = ()
    fresh: bool = False

    def _repr_html_(self) -> str:
        """The run in short, in a notebook."""
        return self.result._repr_html_()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """A run that finished, was found finished, or failed: either `done` or `error` is set.

    Attributes:
        run: the run.
        done: the finished run, or None.
        error: why it failed, or None.
    """

    run: Run
    done: Finished | None = None
    error: ArchkitError | None = None


def failed(run: Run, error: Exception) -> Ended:
    """How a run ended that `error` ended: an error of ours as it is, any other as a line that says where.

    The error keeps no frames: those of a run hold its network and its images, and a suite keeps every error
    to its end.
    """
    if not isinstance(error, ArchkitError):
        error = RunError(_line(error))
    error.__cause__ = error.__context__ = None
    return Ended(run=run, error=error.with_traceback(None))


def _line(error: Exception) -> str:
    """An unforeseen error as one line: its class, the first line of its text, and where it came from."""
    text = next((line for line in str(error).splitlines() if line.strip()), "").strip()
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if _PACKAGE in Path(frame.filename).parents]
    if not ours:
        return what
    return f"{what} ({Path(ours[-1].filename).relative_to(_PACKAGE.parent)}, line {ours[-1].lineno})"


WatchRun: TypeAlias = Callable[[int, Run, Path], AbstractContextManager[Watch]]
"""Called with a run's number from 0, the run and its folder; gives the Watch for it while it is running."""
