"""How far a suite has come, in a line: the same for every runner, because it goes by beginnings and ends."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from archkit.bench.sweep.run import Ended, Finished
from archkit.bench.train.results import Score
from archkit.cli import progress, tally
from archkit.cli.progress import watching_runs
from archkit.cli.tally import Tally
from archkit.errors import RunError


def done(correct, *, apart=None, fresh=True):
    score = None if apart is None else Score(correct=apart, total=100, loss=1.0)
    result = SimpleNamespace(test=Score(correct=correct, total=200, loss=1.0), validation=score)
    return Ended(run=None, done=Finished(folder=Path(), result=result, fresh=fresh))


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(tally, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_counts_the_best_and_the_time_left(clock):
    """10 runs, of which 2 have taken 30 s together: the other 7 that have not failed take 105 s."""
    made = Tally(10)
    assert made.text == "10 queued, 0 running, 0 done, 0 failed"
    made.begin(0)
    made.begin(1)
    assert made.text == "8 queued, 2 running, 0 done, 0 failed"
    clock[0] = 20.0
    made.end(0, done(180))
    clock[0] = 30.0
    made.end(1, done(160))
    made.begin(2)
    made.end(2, Ended(run=None, error=RunError("x")))
    assert made.text == "7 queued, 0 running, 2 done, 1 failed, best 90.00% of run 1, 2 min left"
    made.end(3, done(190, fresh=False))  # it was there: nothing is learned of the time
    assert made.seconds_left == 90.0
    assert "best 95.00% of run 4" in made.text


def test_the_best_goes_by_the_images_set_apart():
    made = Tally(2)
    made.end(0, done(180, apart=50))
    made.end(1, done(160, apart=70))
    assert made.text == "0 queued, 0 running, 2 done, 0 failed, best val 70.00% of run 2"


def test_lines_from_time_to_time(monkeypatch, capsys):
    monkeypatch.setattr(progress, "_TELL", -1.0)
    with watching_runs(2, quiet=False) as shown:
        with shown.run(0, "a"):
            pass
        shown.ended(0, done(100))
    assert "1 queued, 0 running, 1 done, 0 failed, best 50.00% of run 1" in capsys.readouterr().err
