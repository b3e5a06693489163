"""benchmarks/small_orders.py: which objective puts small networks in the order of their accuracies."""

from __future__ import annotations

from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def test_the_small_networks_are_the_suites(script):
    made = script("small_orders").suite(seed=0)
    assert made + "\n" == (BENCHMARKS / "small-orders.toml").read_text()


def test_objectives_are_judged_by_the_order_of_accuracies(script):
    """Four networks in the order of their MACs but for one pair; depth has them the other way round."""
    blank = {
        "training_memory": 1,
        "peak_memory": 1,
        "activations": 1,
        "params": 1,
        "entropy": 1.0,
        "rho": 0.1,
    }
    rows = [
        {**blank, "spec": f"{i}", "macs": macs, "depth": 9 - i, "correct": correct, "total": 100, "seed": 0}
        for i, (macs, correct) in enumerate([(1, 10), (3, 20), (2, 30), (4, 40)])
    ]
    rows += [{**rows[i], "correct": correct, "seed": 1} for i, correct in ((0, 12), (1, 36), (2, 30))]
    found = script("small_orders").judged(rows)
    shares = {name: one["share"] for name, one in found["objectives"].items()}
    assert found["pairs"] == 6
    assert shares["macs"] == pytest.approx(5 / 6)
    assert shares["depth"] == 0
    assert shares["params"] == 0.5
    # Of the three networks with two seeds, the second and the third change places.
    assert (found["seeds"]["pairs"], found["seeds"]["alike"]) == (3, 2)
    assert found["seeds"]["deviation"] == pytest.approx(((0.02**2 + 0.16**2) / 2 / 3) ** 0.5)
