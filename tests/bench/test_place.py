"""Where runs are: found by their keys, in few looks at the folder, and without torch."""

import json
import os
import shutil
from contextlib import nullcontext

import pytest
import torch

from archkit.bench.sweep import place
from archkit.bench.sweep.place import default_folder, folder_of, key_of
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.events import ignore
from archkit.errors import RunError
from archkit.spec import parse
from tests.bench.test_suite import TWO
from tests.test_imports import TORCH, run_refusing


@pytest.fixture
def looks(monkeypatch):
    """How many names each reading of a folder gave, in a world whose clock stands still."""
    counts, scandir = [], os.scandir

    class Counted:
        def __init__(self, path):
            self.entries = scandir(path)

        def __enter__(self):
            counts.append(0)
            return self

        def __exit__(self, *_):
            self.entries.close()

        def __iter__(self):
            for entry in self.entries:
                counts[-1] += 1
                yield entry

    now = [1000.0]
    monkeypatch.setattr(place.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(os, "scandir", Counted)
    counts_and_clock = counts, now
    yield counts_and_clock
    monkeypatch.undo()


def test_a_folder_of_many_runs_is_gone_through_once(tiny, brief, tmp_path, monkeypatch):
    """Every run asks for its folder, finished or not and whatever its label was; new ones are seen."""

    def folder(number, label="new"):
        return default_folder(tmp_path, label, brief, tiny, seed=0, key=f"{number:064x}"[::-1])

    def digits(number):
        return f"{number:08x}"[::-1]

    assert digits(3) == "30000000"
    for number in range(100):
        (tmp_path / f"old-{digits(number)}{'.partial' if number % 2 else ''}").mkdir()
    (tmp_path / f"file-{digits(100)}").touch()
    (tmp_path / f"older-{digits(0)}.partial").mkdir()
    (tmp_path / f"old-{digits(1)}.partial.lock").touch()
    os.utime(tmp_path, (0, 0))  # its last change was long ago
    calls, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: calls.append(path) or scandir(path))
    assert [folder(n).name for n in range(100)] == [f"old-{digits(n)}" for n in range(100)]
    assert folder(100).name == f"new-brief-tiny-s0-{digits(100)}"
    assert calls == [tmp_path]
    (tmp_path / f"x-{digits(100)}").mkdir()
    assert folder(100).name == f"x-{digits(100)}"
    (tmp_path / f"x-{digits(100)}").rename(tmp_path / f"y-{digits(101)}")
    assert folder(100).name == f"new-brief-tiny-s0-{digits(100)}"
    assert folder(101).name == f"y-{digits(101)}"


def test_a_folder_in_which_runs_come_and_go_is_read_in_linear_time(tiny, brief, tmp_path, looks):
    """A thousand runs ask, and the folder changes before each: read each time, it has 500,000 names."""
    counts, _ = looks
    for number in range(1000):
        key = f"{number:08d}{0:056d}"
        folder = default_folder(tmp_path, "net", brief, tiny, seed=number, key=key)
        assert folder.name == f"net-brief-tiny-s{number}-{number:08d}"
        folder.mkdir()
    assert sum(counts) <= 1000 * 128
    assert max(counts) >= 900  # it is still looked at


def test_what_another_process_makes_is_seen_a_second_later(tiny, brief, tmp_path, looks):
    counts, now = looks

    def folder():
        return default_folder(tmp_path, "net", brief, tiny, seed=0, key="0" * 64).name

    for number in range(1, 201):
        (tmp_path / f"net-{number:08d}").mkdir()
    assert folder() == "net-brief-tiny-s0-00000000"
    (tmp_path / "theirs-00000000.partial").mkdir()
    assert folder() == "net-brief-tiny-s0-00000000"
    now[0] += 1.0
    assert folder() == "theirs-00000000"
    assert counts == [200, 201]


def test_a_folder_that_takes_the_place_of_another_is_read_at_once(tiny, brief, tmp_path, looks):
    counts, _ = looks
    root = tmp_path / "runs"

    def folder():
        return default_folder(root, "net", brief, tiny, seed=0, key="0" * 64).name

    assert folder() == "net-brief-tiny-s0-00000000"  # there is none yet
    root.mkdir()
    for number in range(1, 201):
        (root / f"net-{number:08d}").mkdir()
    assert folder() == "net-brief-tiny-s0-00000000"
    other = tmp_path / "other"
    other.mkdir()
    (other / "theirs-00000000").mkdir()
    root.rename(tmp_path / "old")
    other.rename(root)
    assert folder() == "theirs-00000000"
    assert counts == [200, 1]


@pytest.fixture
def finished(tiny, brief, tmp_path):
    """A hundred finished runs, copies of one, in the folder `runs`."""
    root = tmp_path / "runs"
    runs = [Run(label="net", spec=parse("[1]x[8]"), recipe=brief, seed=seed) for seed in range(100)]
    (one,) = run_suite(runs[:1], tiny, device="cpu", root=root, watch=lambda *_: nullcontext(ignore))
    table = one.done.result.to_mapping()
    for run in runs[1:]:
        folder = folder_of(run, tiny, root)
        shutil.copytree(one.done.folder, folder)
        (folder / "result.json").write_text(json.dumps({**table, "key": key_of(run, tiny), "seed": run.seed}))
    return runs, root


@pytest.mark.parametrize("jobs", [1, 2])
def test_finished_runs_are_found_with_one_reading_of_each(finished, tiny, monkeypatch, jobs):
    runs, root = finished
    os.utime(root, (0, 0))
    read, scanned = [], []
    read_result, scandir = place.read_result, os.scandir
    monkeypatch.setattr(place, "read_result", lambda path: read.append(path) or read_result(path))
    monkeypatch.setattr(os, "scandir", lambda path: scanned.append(path) or scandir(path))
    monkeypatch.setattr("archkit.bench.train.device.pick_device", None)  # no device is asked for
    watched = []

    def watch(number, run, folder):
        watched.append((number, run.seed, folder))
        return nullcontext(ignore)

    ended = list(run_suite(runs, tiny, device="cuda", root=root, jobs=jobs, watch=watch))
    assert [one.run for one in ended] == runs
    assert [(one.done.fresh, one.done.result.seed) for one in ended] == [(False, seed) for seed in range(100)]
    assert watched == [(seed, seed, ended[seed].done.folder) for seed in range(100)]
    assert read == [one.done.folder for one in ended]
    assert len(set(read)) == 100
    assert scanned == [root]


def test_what_is_there_comes_first_and_what_is_wrong_with_it_in_its_turn(finished, tiny):
    runs, root = finished
    runs = runs[:5]
    shutil.rmtree(folder_of(runs[0], tiny, root))
    (folder_of(runs[1], tiny, root) / "result.json").write_text("{")
    cut = folder_of(runs[4], tiny, root)
    shutil.rmtree(cut)
    cut.mkdir()
    (cut / "thesis.tex").write_text("years of work")

    def watch(number, _run, _folder):
        if number == 3:
            raise RunError("cannot watch")
        return nullcontext(ignore)

    ended = list(run_suite(runs, tiny, device=torch.device("cpu"), root=root, watch=watch))
    assert [one.run.seed for one in ended] == [2, 3, 0, 1, 4]
    assert [one.done is None for one in ended] == [False, True, False, True, True]
    assert [one.done.fresh for one in ended if one.done] == [False, True]
    assert str(ended[1].error) == "cannot watch"
    assert "--force replaces it" in str(ended[3].error)
    assert "holds something that is not a run" in str(ended[4].error)
    again = list(
        run_suite(runs[2:3], tiny, device="cpu", root=root, force=True, watch=lambda *_: nullcontext(ignore))
    )
    assert again[0].done.fresh


def test_a_suite_that_is_there_is_shown_without_torch(cli, write, write_folder, tmp_path):
    """Torch takes two seconds to be imported, in which thousands of finished runs are read."""
    folder = write_folder(train=10, test=5, size=(8, 8))
    args = ("bench", str(write(TWO)), "--data", str(folder), "--out", str(tmp_path / "runs"))
    first = cli(*args, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    for more in (("--resume",), ("--resume", "--quiet"), ("--jobs", "2"), ("--device", "cpu")):
        again = run_refusing(TORCH, "from archkit.cli import main; main()", *args, *more)
        assert again.returncode == 0, again.stderr
        assert again.stdout == first.stdout
    assert again.stderr.splitlines()[0] == "4 runs, 4 of them there already or not possible"
    assert again.stderr.count("already there: ") == 4
    refused = run_refusing(TORCH, "from archkit.cli import main; main()", *args, "--force")
    assert "imported torch" in refused.stderr
