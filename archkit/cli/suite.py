"""`archkit bench SUITE.toml`, and `--seeds`: many runs, and what they came to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from archkit.cli.progress import watching_suite
from archkit.cli.render import json_line, say
from archkit.cli.report import show_sections
from archkit.errors import RunError

if TYPE_CHECKING:
    import torch

    from archkit.bench.data import DataSet
    from archkit.bench.events import Watch
    from archkit.bench.one_run import Ended
    from archkit.bench.recipe import Recipe
    from archkit.bench.suite import Suite, SuiteRun
    from archkit.spec import ArchSpec

__all__ = ["Conduct", "conduct", "logged", "one_network", "read_suite"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conduct:
    """How a suite is run, as the command line says.

    Attributes:
        root: where the runs' folders lie.
        force: run again what is there.
        resume: go on with what was interrupted.
        log: `tensorboard` for its events in the runs' folders, or None.
        quiet: show no progress.
        as_json: print the results as they come, one a line, and no table.
        jobs: runs at once.
    """

    root: Path
    force: bool
    resume: bool
    log: str | None
    quiet: bool
    as_json: bool
    jobs: int


def read_suite(path: Path, *, seeds: str | None, changes: Sequence[tuple[str, Any]]) -> Suite:
    """The suite; what is wrong with it is a mistake in the command."""
    from archkit.bench.suite import load_suite, read_seeds

    try:
        return load_suite(path, seeds=None if seeds is None else read_seeds(seeds), changes=changes)
    except RunError as error:
        raise typer.BadParameter(str(error)) from error


def one_network(label: str, spec: ArchSpec, recipe: Recipe, *, seeds: str) -> Suite:
    """A network and a recipe with several seeds, as a suite; bad seeds are a mistake in the command."""
    from archkit.bench.suite import Suite, SuiteRun, read_seeds

    try:
        chosen = read_seeds(seeds)
    except RunError as error:
        raise typer.BadParameter(str(error)) from error
    runs = tuple(SuiteRun(label=label, spec=spec, recipe=recipe, seed=seed) for seed in chosen)
    return Suite(title=label, data="cifar10", train_size=None, test_size=None, runs=runs)


def logged(folder: Path, watch: Watch, log: str | None) -> AbstractContextManager[Watch]:
    """`watch`, with events written beside it where they are wanted.

    Args:
        folder: the run's.
        watch: is told everything.
        log: `tensorboard` or None.
    """
    if log is None:
        return nullcontext(watch)
    from archkit.bench.tensorboard import logging

    return logging(folder, watch)


def conduct(
    runs: Sequence[SuiteRun],
    data: DataSet,
    device: torch.device,
    how: Conduct,
    *,
    noted: Callable[[Watch], Watch],
) -> None:
    """Runs all, says which were there or failed, and shows the results.

    Args:
        runs: what to run.
        data: for all of them.
        device: where.
        how: the rest.
        noted: wraps each run's watch; remembers its checkpoints.

    Raises:
        RunError: a run failed, or several; said when all have ended.
    """
    from archkit.bench.run_suite import run_suite

    ended: list[Ended] = []
    with watching_suite(len(runs), quiet=how.quiet, jobs=how.jobs) as progress:

        @contextmanager
        def watch(number: int, run: SuiteRun, folder: Path) -> Iterator[Watch]:
            title = f"{run.label}, {run.recipe.name}, seed {run.seed}"
            with progress.run(number, title) as shown, logged(folder, noted(shown), how.log) as watching:
                yield watching

        ending = run_suite(
            runs,
            data,
            device=device,
            root=how.root,
            force=how.force,
            resume=how.resume,
            jobs=how.jobs,
            watch=watch,
        )
        try:
            # Closed before anything is said of an end that comes too early: what goes on ends first.
            with closing(ending):
                for one in ending:
                    ended.append(one)
                    number = runs.index(one.run)
                    if one.error is not None:
                        progress.say(f"failed: {_first_line(one.error)}", number)
                    elif one.done is not None:
                        if not one.done.fresh:
                            progress.say(f"already there: {one.done.folder}", number)
                        if how.as_json:
                            json_line({**one.done.result.to_mapping(), "folder": str(one.done.folder)})
                            sys.stdout.flush()  # hours may pass until the next
        except BaseException:  # Ctrl-C, or the reader of the lines has gone
            finished = sum(one.done is not None for one in ended)
            progress.say(f"{finished} of {len(runs)} runs are finished, and are not run again")
            raise
    if not how.as_json:
        _show(ended)
    failed = [one for one in ended if one.error is not None]
    if failed:
        for one in failed:
            run = one.run
            say(f"{run.label}, recipe {run.recipe.name}, seed {run.seed}: {_first_line(one.error)}")
        raise RunError(f"{len(failed)} of {len(ended)} runs failed")


def _show(ended: Sequence[Ended]) -> None:
    """The finished runs' table, as `archkit report` prints it."""
    from archkit.bench.report import Run, group_runs

    done = [one.done for one in ended if one.done is not None]
    if done:
        show_sections(group_runs(Run(folder=d.folder, result=d.result, rows=()) for d in done))


def _first_line(error: BaseException | None) -> str:
    return str(error).partition("\n")[0]
