"""How many threads a run has: as told, as measured, as before it was interrupted; torch's are left alone."""

import json

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train import threads as module
from archkit.bench.train.engine import train
from archkit.bench.train.events import TimeEstimate
from archkit.bench.train.threads import choose_threads, worth_it
from archkit.spec import parse

CPU = torch.device("cpu")
SPEC = parse("[1]x[8] input=3x8x8 classes=3")


@pytest.fixture
def four(monkeypatch):
    """torch says that it has four threads; none is started, which on a busy machine would be slow."""
    held = [4]
    monkeypatch.setattr(torch, "get_num_threads", lambda: held[0])
    monkeypatch.setattr(torch, "set_num_threads", lambda number: held.__setitem__(0, number))
    yield
    assert held == [4]


@pytest.fixture
def takes(monkeypatch, four):  # noqa: ARG001 - it is used for what it does
    """Lets a step take the seconds that a test says, by the number of threads; notes what was measured."""

    def set_up(seconds):
        measured = []

        def timed(what, _device, times):
            what()
            measured.append(torch.get_num_threads())
            return (seconds[torch.get_num_threads()],) * times

        monkeypatch.setattr(module, "timed", timed)
        return measured

    return set_up


@pytest.mark.parametrize(
    ("seconds", "chosen", "measured"),
    [
        ({4: 1.5, 2: 1.5, 1: 0.03}, 1, [4, 2, 1]),  # a busy machine
        ({4: 0.01, 2: 0.02}, 4, [4, 2]),  # an idle one: with half of them slower, one is not tried
        ({4: 0.011, 2: 0.0105, 1: 0.01}, 4, [4, 2, 1]),  # no difference to speak of
        ({4: 0.03, 2: 0.01, 1: 0.02}, 2, [4, 2, 1]),
    ],
)
def test_the_measured_steps_choose(takes, seconds, chosen, measured):
    before = torch.get_num_threads()
    tried = takes(seconds)
    choose_threads(lambda: None)
    assert (torch.get_num_threads(), tried) == (chosen, measured)
    torch.set_num_threads(before)


def test_the_most_that_are_worth_it():
    assert worth_it({8: 1.0, 4: 0.9, 2: 0.5, 1: 0.45}) == 2


def test_a_run_records_its_threads_and_the_measuring_leaves_no_trace(takes, tiny, brief, tmp_path):
    takes({4: 1.5, 2: 1.5, 1: 0.03})
    told = []
    chosen = run_spec(SPEC, tiny, brief, device=CPU, out=tmp_path / "a", threads="auto", watch=told.append)
    fixed = run_spec(SPEC, tiny, brief, device=CPU, out=tmp_path / "b", threads=1)
    assert [one.result.environment.threads for one in (chosen, fixed)] == [1, 1]
    assert chosen.result.test == fixed.result.test
    assert [event.threads for event in told if isinstance(event, TimeEstimate)] == [1]
    assert json.loads((tmp_path / "a" / "result.json").read_text())["environment"]["threads"] == 1
    own = run_spec(SPEC, tiny, brief, device=CPU, out=tmp_path / "c")
    assert own.result.environment.threads == 4


def test_a_resumed_run_keeps_the_number_that_was_chosen(takes, tiny, brief):
    tried = takes({4: 0.03, 2: 0.01, 1: 0.02})
    recipe, kept = override(brief, [("epochs", 3)]), []
    train(SPEC, tiny, recipe, seed=0, device=CPU, threads="auto", save=kept.append)
    assert (kept[0].threads, tried) == (2, [4, 2, 1])
    resumed = train(SPEC, tiny, recipe, seed=0, device=CPU, threads="auto", start=kept[0])
    assert (resumed.threads, tried) == (2, [4, 2, 1])  # not measured again
    assert train(SPEC, tiny, recipe, seed=0, device=CPU, threads=1, start=kept[0]).threads == 1
