"""Runs carried out and shown: a single one, those of a suite, or those of `--seeds`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from archkit.cli.progress import watching_runs
from archkit.cli.render import json_line, say
from archkit.cli.report import show_sections
from archkit.cli.result import show_result
from archkit.cli.tally import duration
from archkit.errors import RunError, first_line

if TYPE_CHECKING:
    from archkit.bench.data.dataset import DataSet
    from archkit.bench.sweep.run import Ended, Run
    from archkit.bench.sweep.run_suite import Runner
    from archkit.bench.train.events import Watch
    from archkit.bench.train.threads import Threads

__all__ = ["Options", "carry_out"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How runs are carried out and shown, as the command line says.

    Attributes:
        device: the name of where they run.
        root: the folder for the folders of the runs.
        force: whether runs that are there already are run again.
        resume: whether interrupted runs go on.
        jobs: how many runs go on at once.
        runner: what carries them out; None for this process, or so many of this machine as `jobs` says.
        threads: of the CPU, for each run; as in `archkit.bench.train.engine.train`.
        log: what else epochs are written for, one of `archkit.bench.sweep.loggers.LOGGERS`; or None.
        quiet: whether no progress is shown.
        as_json: whether results are printed as they come, one a line, and no table.
        alone: whether a single run is asked for: its error is the command's, and its figures are shown in
            full.
    """

    device: str
    root: Path
    force: bool
    resume: bool
    jobs: int
    runner: Runner | None
    threads: Threads
    log: str | None
    quiet: bool
    as_json: bool
    alone: bool


def carry_out(
    runs: Sequence[Run], data: DataSet, options: Options, *, noted: Callable[[Watch], Watch]
) -> None:
    """Carries out the runs, says which were there already and which failed, and shows the results.

    Args:
        runs: what to run; a single one if `options.alone`.
        data: the images, for all of them.
        options: everything else.
        noted: wraps the Watch of each run, and remembers its checkpoints.

    Raises:
        ArchkitError: the single run failed.
        RunError: one or more of several runs failed; raised when all have ended.
    """
    ended: list[Ended] = []
    numbers = {run: number for number, run in enumerate(runs)}
    beside = options.jobs > 1 or options.runner is not None
    with watching_runs(len(runs), quiet=options.quiet, beside=beside, alone=options.alone) as progress:

        @contextmanager
        def watch(number: int, run: Run, folder: Path) -> Iterator[Watch]:
            title = f"{run.label}, {run.recipe.name}, seed {run.seed}"
            with (
                progress.run(number, title) as shown,
                _logged(run, folder, noted(shown), options.log) as watching,
            ):
                yield watching

        from archkit.bench.sweep.run_suite import run_suite

        if not options.alone and not options.quiet:
            progress.say(_ahead(runs, data, options))
        ending = run_suite(
            runs,
            data,
            device=options.device,
            root=options.root,
            force=options.force,
            resume=options.resume,
            jobs=options.jobs,
            threads=options.threads,
            runner=options.runner,
            wait=not options.alone,
            watch=watch,
        )
        try:
            # If it is cut short, it is closed before anything is said: runs that are going on end first.
            with closing(ending):
                for one in ending:
                    ended.append(one)
                    number = numbers[one.run]
                    progress.ended(number, one)
                    if one.done is None:
                        if not options.alone:
                            progress.say(f"failed: {first_line(one.error)}", number)
                        continue
                    if not one.done.fresh:
                        progress.say(_there(one.done.folder), number)
                    if options.as_json:
                        json_line({**one.done.result.to_mapping(), "folder": str(one.done.folder)})
                        sys.stdout.flush()  # the next may be hours away
        except BaseException:  # Ctrl-C, or the reader of the output has gone
            if not options.alone:
                finished = sum(one.done is not None for one in ended)
                progress.say(f"{finished} of {len(runs)} runs are finished, and will not be run again")
            raise
    if options.alone and ended[0].error is not None:
        raise ended[0].error
    if not options.as_json:
        _show(ended, alone=options.alone)
    failed = [one for one in ended if one.error is not None]
    if failed:
        for one in failed:
            run = one.run
            say(f"{run.label}, recipe {run.recipe.name}, seed {run.seed}: {first_line(one.error)}")
        raise RunError(f"{len(failed)} of {len(ended)} runs failed")


def _there(folder: Path) -> str:
    """What is said of a run that is not run again."""
    from archkit.bench.train.results import WEIGHTS_FILE

    gone = "" if (folder / WEIGHTS_FILE).exists() else ", but its weights are gone"
    return f"already there: {folder}{gone} (--force runs it again)"


def _ahead(runs: Sequence[Run], data: DataSet, options: Options) -> str:
    """How long the runs will take in all, before the first starts."""
    from archkit.bench.sweep.place import missing

    if options.runner is not None:  # elsewhere, where a step may take another time
        return f"{len(runs)} runs"
    there = len(runs) - missing(runs, data, options.root, force=options.force).total()
    text = f"{len(runs)} runs" + (f", {there} of them there already or not possible" if there else "")
    if there == len(runs):
        return text
    from archkit.bench.sweep.ahead import look_ahead
    from archkit.bench.sweep.conduct import Conduct
    from archkit.bench.train.device import pick_device

    device = pick_device(options.device)
    conduct = Conduct(device=device, root=options.root, force=options.force, threads=options.threads)
    ahead = look_ahead(runs, data, conduct)
    if ahead.seconds is None:
        return text
    return f"{text}: about {duration(ahead.seconds)} in all" + (" one after the other" * (options.jobs > 1))


def _logged(run: Run, folder: Path, watch: Watch, log: str | None) -> AbstractContextManager[Watch]:
    """`watch`, which also writes the epochs for a logger if one is wanted."""
    if log is None:
        return nullcontext(watch)
    from archkit.bench.sweep.loggers import logging
    from archkit.toml_values import leaves

    about = {"network": run.label, "spec": str(run.spec), "seed": run.seed}
    about.update({f"recipe.{name}": value for name, value in leaves(run.recipe.to_mapping()).items()})
    return logging(log, folder, watch, about=about)


def _show(ended: Sequence[Ended], *, alone: bool) -> None:
    """Shows the figures of a single run, or a table of several as `archkit report` prints it."""
    from archkit.bench.report import group_runs

    done = [one.done for one in ended if one.done is not None]
    if alone:
        show_result(done[0])
    elif done:
        show_sections(group_runs(done))
