"""Sorted lists, against Python's sort of the whole list."""

from __future__ import annotations

import pytest

from archkit.budget import Budget, Objective, candidates
from archkit.budget.rows import columns, rows_of
from archkit.budget.sorting import rows_of_batches, sorted_batches
from archkit.spec import parse_space


@pytest.mark.parametrize("by", ["params", "least-macs", "depth", "peak-memory"])
@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("[1..3]*2..3x[8..24:8] attn={none,se}", {"max_params": "60k"}),
        ("[1..2]*1..3x[{8,16,24}] stem={conv3,tiered:16}", {"max_training_memory": "4M", "min_depth": "5"}),
        ("[1..2]*2x[{8,16}]", {"max_params": "10"}),
    ],
)
def test_against_sorting_the_list(
    text: str, limits: dict[str, str], by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archkit.budget.sorting._BATCH", 100)  # networks of several skeletons in a batch
    space, budget = parse_space(text), Budget.read(limits)
    order = Objective.read_figure(by, option="--sort")
    at = columns(budget, order.name).index(order.name)
    expected = list(rows_of(candidates(space, budget), budget, order.name))
    expected.sort(key=lambda row: -row[at] if order.most else row[at])
    assert list(rows_of_batches(sorted_batches(space, budget, order))) == expected
