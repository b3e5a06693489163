"""What a suite says before its first run starts: how long all of them will take."""

import pytest
import torch

from archkit.bench.recipe import override
from archkit.bench.sweep import ahead
from archkit.bench.sweep.ahead import look_ahead
from archkit.bench.sweep.conduct import Conduct
from archkit.bench.sweep.run import Run
from archkit.bench.sweep.run_suite import run_suite
from archkit.bench.train.events import TimeEstimate
from archkit.count import totals
from archkit.spec import parse
from tests.bench.test_at_once import Seen

CPU = torch.device("cpu")


def suite(recipe, *texts, seeds=(0, 1, 2)):
    return [Run(label=text, spec=parse(text), recipe=recipe, seed=seed) for text in texts for seed in seeds]


@pytest.fixture
def measured(monkeypatch):
    """Every network takes a second a step and none to evaluate; notes what was measured."""
    seen = []

    def measure(spec, _data, recipe, *, device, threads):  # noqa: ARG001 - the real one's arguments
        seen.append(str(spec))
        return TimeEstimate(
            step_seconds=(1.0,), evaluation_seconds=(0.0,), steps=recipe.epochs, evaluations=1
        )

    monkeypatch.setattr(ahead, "measure", measure)
    return seen


def test_each_network_and_recipe_is_measured_once_and_its_seeds_counted(measured, tiny, brief, tmp_path):
    runs = suite(brief, "[1]x[8]", "[1]x[4]") + suite(
        override(brief, [("epochs", 10)]), "[1]x[4]", seeds=(0,)
    )
    found = look_ahead(runs, tiny, Conduct(device=CPU, root=tmp_path))
    assert (found.runs, found.seconds) == (7, 3 * 2 + 3 * 2 + 10)
    assert len(measured) == 3


def test_without_patience_the_others_are_told_from_their_macs(measured, tiny, brief, tmp_path):
    found = look_ahead(
        suite(brief, "[1]x[8]", "[1]x[16]"), tiny, Conduct(device=CPU, root=tmp_path), patience=-1.0
    )
    assert len(measured) == 1
    one, two = (totals(parse(f"[1]x[{c}] input=3x8x8 classes=3")).macs for c in (8, 16))
    assert found.seconds == pytest.approx(6 * (1 + two / one))


def test_what_is_there_is_not_counted_and_what_is_said_is_of_the_right_size(tiny, brief, tmp_path):
    conduct = Conduct(device=CPU, root=tmp_path)
    runs = suite(brief, "[1]x[8]")
    before = look_ahead(runs, tiny, conduct)
    ended = list(run_suite(runs[:2], tiny, device=CPU, root=tmp_path, watch=Seen()))
    took = sum(one.done.result.total_seconds for one in ended)
    assert before.runs == 3
    assert took / 30 < before.seconds < took * 30
    assert look_ahead(runs, tiny, conduct).runs == 1
    assert look_ahead(runs, tiny, Conduct(device=CPU, root=tmp_path, force=True)).runs == 3
    assert look_ahead(runs[:2], tiny, conduct).seconds is None
