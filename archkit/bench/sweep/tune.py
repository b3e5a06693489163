"""`tune`: a search over fields of a recipe, by Optuna's TPE, each trial an ordinary run.

Optuna keeps the trials in a journal of lines of JSON, beside the runs. The same call goes on where the last
one ended: a trial that was cut off is taken up again, and goes on from its run's checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from archkit.bench.data.dataset import DataSet
from archkit.bench.recipe import override
from archkit.bench.sweep.conduct import Conduct
from archkit.bench.sweep.place import folder_of
from archkit.bench.sweep.run import Ended, Run, WatchRun, asked_input
from archkit.bench.sweep.tune_file import Choice, Searched, Tuning
from archkit.bench.train.events import Event, Step, Watch
from archkit.bench.train.results import EpochRow
from archkit.errors import ArchkitError, OutputError, RunError, first_line
from archkit.spec import parse

if TYPE_CHECKING:
    import optuna

__all__ = ["JOURNAL_FILE", "Tried", "tune"]

JOURNAL_FILE: Final = "tune.journal"
"""Optuna's record of the trials, in the folder of their runs."""

_LOCK_FILE: Final = "tune.lock"  # not the journal's name and .lock, which is Optuna's own
_RESUMES: Final = "resumes"  # the attribute of a trial that takes up another one, with that one's number
_FOLDER: Final = "folder"
_ERROR: Final = "error"


class _StoppedError(Exception):
    """A run is stopped early; it leaves its checkpoint."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tried:
    """A trial that has ended.

    Attributes:
        number: of the trial, from 0; one that takes up a stopped one has a number of its own.
        values: of the searched fields.
        accuracy: on the images set apart, of the epoch that was kept; of the last one where it was stopped;
            None if it failed.
        epochs: how many it was trained for.
        state: `done`, `stopped` (early, with its checkpoint) or `failed`.
        folder: of its run.
        error: why it failed, a line; None otherwise.
    """

    number: int
    values: dict[str, Any]
    accuracy: float | None
    epochs: int
    state: str
    folder: Path | None
    error: str | None = None


def tune(tuning: Tuning, data: DataSet, conduct: Conduct, *, watch: WatchRun) -> Iterator[Tried]:
    """Tries recipes until there are as many trials as the tuning says, and yields each when it ends.

    Trials of earlier calls are yielded first. A stopped trial that has come to be among the best of its rung,
    because later ones were worse, is taken up again from its checkpoint before a new one begins.

    Args:
        tuning: what is searched.
        data: the images.
        conduct: how runs are carried out; `root` is where the journal and the runs are.
        watch: entered before a run and left after it; see `WatchRun`.

    Raises:
        RunError: Optuna is not installed, or the journal is of another search.
        OutputError: another process is at work there, or nothing can be written.
    """
    with _only_one(conduct.root):
        study = _study(tuning, data, conduct.root)
        import optuna

        before = study.get_trials(deepcopy=False)
        taken_up = {trial.user_attrs.get(_RESUMES) for trial in before}
        for old in before:
            if (
                old.state == optuna.trial.TrialState.RUNNING
            ):  # cut off: it is tried again, from its checkpoint
                study.tell(old.number, state=optuna.trial.TrialState.FAIL)
                study.enqueue_trial(old.params, user_attrs={_RESUMES: old.number})
            elif old.state.is_finished() and not (
                old.state == optuna.trial.TrialState.FAIL and old.number in taken_up
            ):
                yield _tried(old, tuning)
        while True:
            trials = study.get_trials(deepcopy=False)
            waiting = any(trial.state == optuna.trial.TrialState.WAITING for trial in trials)
            again = None if waiting else _promoted(trials, tuning)
            if again is not None:
                study.enqueue_trial(again.params, user_attrs={_RESUMES: again.number})
            elif not waiting and sum(_RESUMES not in trial.user_attrs for trial in trials) >= tuning.trials:
                return
            # A seed for each trial, so that a search that goes on draws what it would have drawn.
            study.sampler = optuna.samplers.TPESampler(seed=(tuning.seed * 10_007 + len(trials)) % 2**32)
            trial = study.ask()
            _try(trial, study, tuning, data, conduct, watch)
            yield _tried(study.get_trials(deepcopy=False)[trial.number], tuning)


def _try(
    trial: optuna.Trial, study: optuna.Study, tuning: Tuning, data: DataSet, conduct: Conduct, watch: WatchRun
) -> None:
    """Carries out the run of a trial, and tells Optuna how it ended."""
    import optuna

    states = optuna.trial.TrialState
    values = {name: _suggested(trial, name, searched) for name, searched in tuning.search.items()}
    spec = parse(tuning.spec)
    stopped = False
    ended: Ended | None
    reason: ArchkitError | None

    def heed(watching: Watch) -> Watch:
        def heeded(event: Event) -> None:
            nonlocal stopped
            if stopped and isinstance(event, Step):
                # The first of the next epoch: by now the checkpoint of the last one is there.
                raise _StoppedError
            watching(event)
            if isinstance(event, EpochRow) and event.validation is not None:
                trial.report(event.validation.accuracy, event.epoch)
                stopped = _falls_behind(study, folder.name, event.epoch, tuning)

        return heeded

    try:
        run = Run(
            label=tuning.spec,
            spec=spec,
            recipe=override(tuning.recipe, list(values.items())),
            seed=tuning.seed,
            input=asked_input(tuning.spec, spec),
        )
        folder = folder_of(run, data, conduct.root)
        trial.set_user_attr(_FOLDER, folder.name)
        with watch(trial.number, run, folder) as watching:
            ended = conduct.carry_out(run, folder, data, heed(watching))
        reason = ended.error
    except ArchkitError as error:
        ended, reason = None, error
    if stopped:
        study.tell(trial, state=states.PRUNED)
    elif ended is None or ended.done is None:
        trial.set_user_attr(_ERROR, first_line(reason))
        study.tell(trial, state=states.FAIL)
    else:
        study.tell(trial, _accuracy(ended))


def _accuracy(ended: Ended) -> float:
    if ended.done is None or ended.done.result.validation is None:
        raise RunError("the run has no images set apart")  # cannot be: the file is refused without
    return ended.done.result.validation.accuracy


def _falls_behind(study: optuna.Study, folder: str, epoch: int, tuning: Tuning) -> bool:
    """Whether a run is at a rung, and not among the best there; the first at a rung are compared too.

    The rungs are those of successive halving, as Li et al. 2020 let them be reached one by one (ASHA).
    """
    if tuning.halving is None or epoch >= tuning.recipe.epochs:
        return False
    rung = tuning.halving.first
    while rung < epoch:
        rung *= tuning.halving.factor
    if rung != epoch:
        return False
    of_rung = _of_rung(study.get_trials(deepcopy=False), rung)
    best = sorted(of_rung.values(), reverse=True)[: max(1, len(of_rung) // tuning.halving.factor)]
    return of_rung[folder] < best[-1]


def _of_rung(trials: list[optuna.trial.FrozenTrial], rung: int) -> dict[str, float]:
    """The accuracies after so many epochs, by the run's folder: several trials may have been at one run."""
    return {
        trial.user_attrs[_FOLDER]: trial.intermediate_values[rung]
        for trial in trials
        if rung in trial.intermediate_values
    }


def _promoted(trials: list[optuna.trial.FrozenTrial], tuning: Tuning) -> optuna.trial.FrozenTrial | None:
    """A stopped trial that is among the best of its rung by now, and was not taken up yet; or None."""
    import optuna

    if tuning.halving is None:
        return None
    taken_up = {trial.user_attrs.get(_RESUMES) for trial in trials}
    for trial in trials:
        if (
            trial.state != optuna.trial.TrialState.PRUNED
            or trial.number in taken_up
            or trial.last_step is None
        ):
            continue
        rung = trial.last_step
        of_rung = sorted(_of_rung(trials, rung).values(), reverse=True)
        best = len(of_rung) // tuning.halving.factor
        if best and trial.intermediate_values[rung] >= of_rung[best - 1]:
            return trial
    return None


def _tried(trial: optuna.trial.FrozenTrial, tuning: Tuning) -> Tried:
    import optuna

    states = {optuna.trial.TrialState.COMPLETE: "done", optuna.trial.TrialState.PRUNED: "stopped"}
    state = states.get(trial.state, "failed")
    last = trial.last_step or 0
    accuracy = trial.value if state == "done" else trial.intermediate_values.get(last)
    folder = trial.user_attrs.get(_FOLDER)
    return Tried(
        number=trial.number,
        values={name: trial.params[name] for name in tuning.search if name in trial.params},
        accuracy=None if state == "failed" else accuracy,
        epochs=tuning.recipe.epochs if state == "done" else last,
        state=state,
        folder=None if folder is None else Path(folder),
        error=trial.user_attrs.get(_ERROR),
    )


def _suggested(trial: optuna.Trial, name: str, searched: Searched) -> Any:
    if isinstance(searched, Choice):
        return trial.suggest_categorical(name, searched.values)
    low, high, step = searched.low, searched.high, searched.step
    if searched.whole:
        return trial.suggest_int(name, int(low), int(high), step=int(step or 1), log=searched.log)
    return trial.suggest_float(name, low, high, step=step, log=searched.log)


def _study(tuning: Tuning, data: DataSet, root: Path) -> optuna.Study:
    """The study of a folder, new or as it was left; of other images, it is another one.

    Raises:
        RunError: Optuna is not installed, or the study is of another search.
    """
    try:
        import optuna
    except ImportError as error:
        raise RunError("tune needs the package optuna: pip install optuna") from error
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(root / JOURNAL_FILE))),
        study_name="archkit",
        direction="maximize",
        load_if_exists=True,
        # Runs are stopped here: Optuna's pruner takes the epoch in which a trial begins for its first rung.
        pruner=optuna.pruners.NopPruner(),
    )
    what = repr((tuning.spec, tuning.recipe.settings(), tuning.seed, sorted(tuning.search.items())))
    what += repr((data.checksum, tuning.halving))
    before = study.user_attrs.get("what")
    if before is None:
        study.set_user_attr("what", what)
    elif before != what:
        raise RunError(f"{root / JOURNAL_FILE} is of another search; --out takes another folder")
    return study


@contextmanager
def _only_one(root: Path) -> Iterator[None]:
    """Keeps other processes out of a search's folder.

    Raises:
        OutputError: one is there, or the folder cannot be made.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / _LOCK_FILE, timeout=0):
            yield
    except Timeout as error:
        raise OutputError(f"another process is at work in {root}") from error
    except OSError as error:
        raise OutputError(f"cannot write {root}: {error.strerror or error}") from error
