"""benchmarks/objectives.py: what the published networks say of each objective."""

from __future__ import annotations

import importlib
import json
import math
from itertools import combinations
from pathlib import Path
from statistics import mean

import pytest

from archkit.budget import OBJECTIVES
from archkit.budget.published import published
from archkit.count import totals
from archkit.count.metrics import as_options
from archkit.spec import parse

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("objectives")


@pytest.fixture(scope="module")
def kept():
    return json.loads((BENCHMARKS / "results/cpu/objectives.json").read_text())


def test_every_objective_of_archkit_has_a_row(script, kept):
    assert {as_options(name) for name in OBJECTIVES} <= set(script.OBJECTIVES)
    assert list(kept["objectives"]) == list(script.OBJECTIVES)


def shares(score, within):
    """The share of right pairs, counted pair by pair off the plain table; the mean over the tables."""
    rows = [(one, totals(parse(one.spec))) for one in published() if one.table != "kuangliu"]
    found = {}
    for (a, x), (b, y) in combinations(rows, 2):
        if (a.table, a.recipe) != (b.table, b.recipe) or a.accuracy == b.accuracy:
            continue
        if max(x.params, y.params) > within * min(x.params, y.params):
            continue
        gap = (score(x) - score(y)) * (1 if a.accuracy > b.accuracy else -1)
        found.setdefault(a.table, []).append(0.5 if abs(gap) < 1e-9 else float(gap > 0))
    return {name: mean(each) for name, each in found.items()}


@pytest.mark.parametrize(
    ("name", "score"),
    [
        ("macs", lambda cost: cost.macs),
        ("params", lambda cost: cost.params),
        (
            "capacity",
            lambda cost: (
                math.log(cost.macs) + 0.75 * math.log(cost.activations) + 0.25 * math.log(cost.params)
            ),
        ),
    ],
)
def test_the_shares_by_another_count(kept, name, score):
    for within in (1.1, 1.25):
        row = kept["objectives"][name]["pairs"][str(within)]
        tables = shares(score, within)
        assert row["tables"] == pytest.approx(tables)
        assert row["mean"] == pytest.approx(mean(tables.values()))
        assert row["interval"][0] < row["mean"] < row["interval"][1]


def network(script, recipe, accuracy, params, macs):
    figures = {"params": params, "macs": macs}
    return script.Network("t", recipe, accuracy, figures, 0.0, 0.0)


def test_the_regret_by_hand(script):
    """Under 20 parameters MACs pick the second, a point worse than the first; under 30 the third, the best.

    The fourth has a recipe of its own, and the first nothing to choose from.
    """
    found = [
        network(script, "r", 90.0, 10, 100),
        network(script, "r", 89.0, 20, 200),
        network(script, "r", 91.0, 30, 300),
        network(script, "s", 50.0, 10, 400),
    ]
    evidence = script.Evidence(found)
    choices = evidence.choices(("params",))
    assert [one.tolist() for one in choices] == [[1, 0, 1], [2, 0, 1, 2]]
    macs = script.np.array([float(one.figures["macs"]) for one in found])
    assert script.regret(macs, evidence.accuracy, choices).tolist() == [1.0, 0.0]
    # Equally high ones are chosen by lot: half a point under 20, 91 less the mean of 90, 89 and 91 under 30.
    assert script.regret(macs * 0, evidence.accuracy, choices).tolist() == [0.5, 1.0]


def test_a_pair_by_hand(script):
    found = [network(script, "r", 90.0, 100, 1), network(script, "r", 91.0, 109, 2)]
    found += [network(script, "r", 92.0, 120, 2), network(script, "s", 10.0, 100, 1)]
    evidence = script.Evidence(found)
    assert evidence.near(1.1).tolist() == [[0, 1]] + [[1, 2]] * (120 <= 109 * 1.1)
    pairs = evidence.near(1.25)
    assert pairs.tolist() == [[0, 1], [0, 2], [1, 2]]
    macs = script.np.array([float(one.figures["macs"]) for one in found])
    assert script.right(macs, evidence.accuracy, pairs).tolist() == [1.0, 1.0, 0.5]
