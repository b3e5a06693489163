"""Several runs at once: the same results as one after the other, and every bad end leaves what it should."""

import json
import multiprocessing
import os
import signal
import sys
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from archkit.bench.recipe import override
from archkit.bench.sweep import at_once, worker
from archkit.bench.sweep.claim import lock_file
from archkit.bench.sweep.conduct import Conduct
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from archkit.bench.train.events import Saved, Step, TimeEstimate
from archkit.bench.train.results import EpochRow
from archkit.errors import RunError
from archkit.spec import parse

CPU = torch.device("cpu")


def suite(recipe, *texts, seeds=(0,)):
    return [Run(label=text, spec=parse(text), recipe=recipe, seed=seed) for text in texts for seed in seeds]


class Seen:
    """A WatchRun that notes what each run tells, calls `also` with it, and refuses to watch some."""

    def __init__(self, also=None, refused=()):
        self.events, self.open, self.most, self.also, self.refused = {}, 0, 0, also, refused

    @contextmanager
    def __call__(self, number, _run, _folder):
        if number in self.refused:
            raise RunError("cannot watch")
        self.open += 1
        self.most = max(self.most, self.open)

        def watch(event):
            self.events.setdefault(number, []).append(event)
            if self.also is not None:
                self.also(number, event)

        try:
            yield watch
        finally:
            self.open -= 1


def results(root):
    """By folder: the result without times, and the weights."""
    found = {}
    for folder in root.iterdir():
        table = json.loads((folder / "result.json").read_text())
        for key in ("train_seconds", "images_per_second", "total_seconds"):
            del table[key]
        found[folder.name] = table, load_file(folder / "weights.safetensors")
    return found


def test_the_same_bits_as_one_after_the_other(tiny, brief, tmp_path):
    runs, seen = suite(brief, "[1]x[8]", "[1,1]x[4,8]", seeds=(0, 1)), Seen()
    one = list(run_suite(runs, tiny, device=CPU, root=tmp_path / "one", watch=Seen()))
    two = list(run_suite(runs, tiny, device=CPU, root=tmp_path / "two", jobs=3, watch=seen))
    assert seen.most == 3
    assert seen.open == 0
    assert sorted(runs.index(ended.run) for ended in two) == [0, 1, 2, 3]
    assert all(ended.error is None and ended.done.fresh for ended in [*one, *two])
    expected, found = results(tmp_path / "one"), results(tmp_path / "two")
    assert expected.keys() == found.keys()
    for name, (table, weights) in expected.items():
        assert found[name][0] == table
        assert all(torch.equal(weights[key], found[name][1][key]) for key in weights)
    for events in seen.events.values():
        assert isinstance(events[0], TimeEstimate)
        assert [event.epoch for event in events if isinstance(event, EpochRow)] == [1, 2]
        steps = [(event.epoch, event.step) for event in events if isinstance(event, Step)]
        assert steps[0] == (1, 1)
        assert steps[-1] == (2, 3)
    again = list(run_suite(runs, tiny, device=CPU, root=tmp_path / "two", jobs=2, watch=Seen()))
    assert not any(ended.done.fresh for ended in again)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_bad_end_takes_only_its_own_run(tiny, brief, tmp_path):
    """A run that cannot be watched, a loss that is not finite, a process that is killed after an epoch."""
    runs = [
        *suite(brief, "[1]x[2]"),
        *suite(override(brief, [("optimizer.lr", 1e30)]), "[1]x[4]"),
        *suite(override(brief, [("epochs", 300)]), "[1]x[6]"),
        *suite(brief, "[1]x[8]", seeds=(0, 1)),
    ]
    killed = []

    def kill(number, event):
        if number == 2 and isinstance(event, Saved) and not killed:
            killed.extend(p.pid for p in multiprocessing.active_children() if locks(p.pid, event.folder))
            os.kill(killed[0], signal.SIGKILL)

    def locks(pid, folder):
        return any(
            file.resolve() == lock_file(folder).resolve() for file in Path(f"/proc/{pid}/fd").iterdir()
        )

    seen = Seen(kill, refused={0})
    ended = list(run_suite(runs, tiny, device=CPU, root=tmp_path, jobs=2, watch=seen))
    errors = {runs.index(one.run): str(one.error) for one in ended if one.error is not None}
    assert sorted(errors) == [0, 1, 2]
    assert errors[0] == "cannot watch"
    assert "the loss is not finite" in errors[1]
    assert errors[2] == "its process was ended by SIGKILL, as when memory runs out"
    assert [one.done.fresh for one in ended if one.error is None] == [True, True]
    assert not multiprocessing.active_children()
    assert [path.name for path in tmp_path.glob("*.partial/*.safetensors")] == [CHECKPOINT_FILE]


def test_closed_early_it_leaves_checkpoints(tiny, brief, tmp_path):
    runs, seen = suite(override(brief, [("epochs", 5000)]), "[1]x[4]", "[1]x[6]"), Seen()
    quick = suite(override(brief, [("epochs", 60)]), "[1]x[8]", "[1]x[2]")  # so that all three have begun
    with closing(
        run_suite([quick[0], *runs, quick[1]], tiny, device=CPU, root=tmp_path, jobs=3, watch=seen)
    ) as ending:
        assert next(ending).done.fresh
        started = time.monotonic()
        # The generator stands still between two of its values: the others wait to be heard.
    assert time.monotonic() - started < 60
    assert seen.open == 0
    assert not multiprocessing.active_children()
    kept = [[event.epoch for event in seen.events.get(n, ()) if isinstance(event, Saved)] for n in (1, 2)]
    there = sorted(tmp_path.glob(f"*.partial/{CHECKPOINT_FILE}"))
    assert len(there) == sum(bool(epochs) for epochs in kept)


def test_a_warning_of_a_process_is_said_here():
    """It is heard as its events are: the process waits for an answer."""
    ours, theirs = multiprocessing.Pipe()
    heard = at_once._Worker.__new__(at_once._Worker)  # without a process
    heard.pipe, heard._run, heard._watch = ours, "a run", None
    heard._owes_answer = False
    ours.send(None)
    worker.Teller(theirs).warn(UserWarning("it is late"), UserWarning, "file.py", 7)
    with pytest.warns(UserWarning, match="^it is late$"):
        assert heard.hear() is None
    assert theirs.recv() is None


def test_a_message_is_never_cut_off():
    """Told to stop while it waits for an answer, a process stops when it has it; else at once."""
    ours, theirs = multiprocessing.Pipe()
    teller = worker.Teller(theirs)
    with pytest.raises(worker.Stopped):
        teller.stop()
    answer = threading.Timer(0.1, lambda: (ours.recv(), teller.stop(), ours.send(None)))
    answer.start()
    with pytest.raises(worker.Stopped):
        teller(Saved(epoch=1, epochs=2, folder=Path("x"), resumed=False))
    answer.join()
    assert not theirs.poll()  # the answer was taken
    ours.close()
    with pytest.raises(BrokenPipeError):
        teller(Saved(epoch=1, epochs=2, folder=Path("x"), resumed=False))


def blocked(pipe, *_others):
    """Says which signals are blocked where it runs."""
    pipe.send(signal.pthread_sigmask(signal.SIG_BLOCK, ()))


@pytest.mark.skipif(sys.platform == "win32", reason="no signal masks there")
def test_no_process_sees_a_ctrl_c(monkeypatch):
    """From its first moment on; the first of them is started together with multiprocessing's own helper."""
    monkeypatch.setattr(at_once, "serve", blocked)
    for _ in range(2):
        process = at_once._Worker({}, Conduct(device=CPU, root=Path(), force=False, resume=False), 1)
        assert process.pipe.recv() == {signal.SIGINT}
        process.close()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_who_watches_may_fail_and_all_end_soon(tiny, brief, tmp_path):
    """As by a Ctrl-C while something is shown: the run that was heard last still waits for its answer."""

    def fail(number, event):
        if number == 1 and isinstance(event, EpochRow) and event.epoch == 3:
            raise KeyboardInterrupt

    runs = suite(override(brief, [("epochs", 5000)]), "[1]x[4]", "[1]x[6]")
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        list(run_suite(runs, tiny, device=CPU, root=tmp_path, jobs=2, watch=Seen(fail)))
    assert time.monotonic() - started < at_once._TO_LEAVE
    assert not multiprocessing.active_children()
    (kept,) = tmp_path.glob(f"1-x-6-*.partial/{CHECKPOINT_FILE}")
    with safe_open(kept, "pt") as file:
        assert len(json.loads(file.metadata()["checkpoint"])["rows"]) >= 2


def test_the_error_of_a_process_that_ends_by_itself(tiny, brief, tmp_path, monkeypatch):
    monkeypatch.setattr(at_once, "serve", sys.exit)  # with its first argument, a pipe: code 1
    ended = list(run_suite(suite(brief, "[1]x[4]"), tiny, device=CPU, root=tmp_path, jobs=2, watch=Seen()))
    assert isinstance(ended[0].error, RunError)
    assert str(ended[0].error) == "its process ended with code 1"
