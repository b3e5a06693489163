"""Faults in a sweep: a clear line for each trial, and the others go on; a killed driver loses nothing."""

import json
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.sweep.at_once import run_at_once
from archkit.bench.sweep.place import adapt, partial_folder
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.sweep.run_suite import one_by_one, run_suite
from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from archkit.bench.train.events import Step
from archkit.spec import parse
from tests.bench.test_at_once import Seen

CPU = torch.device("cpu")
KILL = Path(__file__).parents[2] / "benchmarks" / "faults" / "kill_driver.py"


def run(recipe, text, folder):
    return Run(label=text, spec=parse(text), recipe=recipe, seed=0, folder=folder)


class Stop(BaseException):
    pass


def interrupted(one, data):
    """Leaves a checkpoint of a run."""

    def stop(event):
        if isinstance(event, Step) and event.epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        run_spec(adapt(one.spec, data), data, one.recipe, device=CPU, out=one.folder, watch=stop)
    return partial_folder(one.folder) / CHECKPOINT_FILE


@pytest.mark.parametrize(
    "runner", [one_by_one, pytest.param(partial(run_at_once, jobs=2), marks=pytest.mark.long)]
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/sys is where nobody can write")
def test_each_fault_is_a_line_of_its_trial_and_the_others_go_on(tiny, brief, tmp_path, runner):
    text = "[1]x[4]"
    good = [run(brief, text, tmp_path / name) for name in ("first", "last")]
    cut, altered = run(brief, text, tmp_path / "cut"), run(brief, text, tmp_path / "altered")
    path = interrupted(cut, tiny)
    path.write_bytes(path.read_bytes()[:-100])
    path = interrupted(altered, tiny)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    older, newer = run(brief, text, tmp_path / "older"), run(brief, text, tmp_path / "newer")
    for one, change in ((older, ("macs", None)), (newer, ("energy", 3))):
        (ended,) = run_suite([one], tiny, device=CPU, watch=Seen())
        result = ended.done.folder / "result.json"
        table = json.loads(result.read_text())
        table["environment"]["archkit"] = {"macs": "0.0.1", "energy": "99.1"}[change[0]]
        table.pop(change[0], None)
        if change[1] is not None:
            table[change[0]] = change[1]
        result.write_text(json.dumps(table))
    diverging = run(override(brief, [("optimizer.lr", 1e30)]), text, tmp_path / "diverging")
    few = run(override(brief, [("protocol.validation", 0.001)]), text, tmp_path / "few")
    nowhere = run(brief, text, Path("/sys/archkit"))
    foreign = run(brief, text, tmp_path / "foreign")
    foreign.folder.mkdir()
    (foreign.folder / "thesis.tex").touch()
    faults = {
        "cut": (cut, "is damaged"),
        "altered": (altered, "is damaged: it does not hold what was written; --force begins again"),
        "older": (older, "(archkit 0.0.1 wrote it): macs is missing; --force replaces it"),
        "newer": (newer, "(archkit 99.1 wrote it): there is no field 'energy'"),
        "diverging": (diverging, "the loss is not finite"),
        "few": (few, "images"),
        "nowhere": (nowhere, "cannot write /sys/archkit"),
        "foreign": (foreign, "holds something that is not a run; it is left alone"),
    }
    runs = [good[0], *(one for one, _ in faults.values()), good[1]]
    ended = list(run_suite(runs, tiny, device=CPU, root=tmp_path, resume=True, runner=runner, watch=Seen()))
    assert len(ended) == len(runs)
    by_run = {one.run.folder: one for one in ended}
    assert all(by_run[one.folder].done.fresh for one in good)
    for one, words in faults.values():
        said = str(by_run[one.folder].error)
        assert words in said
        assert "\n" not in said
    assert (foreign.folder / "thesis.tex").exists()


def test_a_full_disk_is_a_line_and_smaller_trials_go_on(tiny, brief, tmp_path):
    """No file may be larger than 60 kB: the checkpoint and the weights of the wide network are."""
    runs = [run(brief, "[1]x[64]", tmp_path / "wide"), run(brief, "[1]x[4]", tmp_path / "small")]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, before[1]))
    try:
        wide, small = run_suite(runs, tiny, device=CPU, root=tmp_path, watch=Seen())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert str(wide.error).startswith("cannot write ")
    assert "File too large" in str(wide.error)
    assert small.done.fresh
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small"]
    (again,) = run_suite(runs[:1], tiny, device=CPU, root=tmp_path, watch=Seen())
    assert again.done.fresh


def test_memory_that_the_system_refuses_is_a_line(tiny, brief, tmp_path, monkeypatch):
    from archkit.bench.train.trainer import Trainer

    step = Trainer.step

    def refused(self, index, pixels=None):
        if self.recipe.batch_size == 8:
            raise MemoryError
        return step(self, index, pixels)

    monkeypatch.setattr(Trainer, "step", refused)
    eager = override(brief, [("batch_size", 8)])
    runs = [run(eager, "[1]x[4]", tmp_path / "a"), run(brief, "[1]x[4]", tmp_path / "b")]
    first, second = run_suite(runs, tiny, device=CPU, root=tmp_path, watch=Seen())
    assert str(first.error) == "the device is out of memory at batches of 8; a smaller --batch-size may fit"
    assert second.done.fresh


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize(
    ("runner", "rounds"),
    [
        ("one", 2),
        pytest.param("jobs", 3, marks=pytest.mark.long),
        pytest.param("ray", 3, marks=pytest.mark.long),
    ],
)
def test_a_killed_driver_loses_nothing(runner, rounds):
    if runner == "ray":
        pytest.importorskip("ray")
    done = subprocess.run(
        [sys.executable, str(KILL), "--runner", runner, "--rounds", str(rounds)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads(done.stdout)
    assert (record["rounds"], record["finished_as_undisturbed"]) == (rounds, rounds)
