"""What the page shows of a space, against the whole of it."""

from __future__ import annotations

import pytest

from archkit.budget import Budget, Objective, candidates, capacity, pareto, read_directions
from archkit.budget.published import published
from archkit.errors import BudgetError, DataError
from archkit.explore import exploration as module
from archkit.explore import explore
from archkit.spec import parse, parse_space
from tests.bench.runs import write_run
from tests.explore.space import LIMITS, SPACE


def whole():
    return {one.spec: one for one in candidates(parse_space(SPACE), Budget.read(LIMITS))}


def shown(found, kind):
    return [one for one in found.points if one.kind == kind]


def test_every_network_is_shown_once_with_what_it_costs():
    found = explore(parse_space(SPACE), Budget.read(LIMITS), draws=100, best=3)
    assert len({one.spec for one in found.points}) == len(found.points)
    every = whole()
    assert found.fit == len(every)
    assert found.drawn == 100
    for point, cost in zip(found.points, found.costs, strict=True):
        if point.kind == "published":
            continue
        there = every[point.spec]
        assert (cost["params"], cost["macs"], cost["depth"]) == (there.params, there.macs, there.depth)
        assert cost["capacity"] == capacity(parse(point.spec))


def test_the_front_is_that_of_the_whole_space():
    found = explore(parse_space(SPACE), Budget.read(LIMITS), draws=5, best=1)
    every = list(whole().values())
    front = {
        (a.params, a.macs)
        for a in every
        if not any(
            b.params <= a.params and b.macs >= a.macs and (b.params, b.macs) != (a.params, a.macs)
            for b in every
        )
    }
    said = [
        i for i, one in enumerate(found.points) if any(note.startswith("on the exact") for note in one.notes)
    ]
    assert {(found.costs[i]["params"], found.costs[i]["macs"]) for i in said} == front
    assert found.notes == ()


def test_where_the_front_would_take_long_some_of_it_is_shown(monkeypatch):
    def refuse(*_, **__):
        raise BudgetError("too long")

    space, budget = parse_space(SPACE), Budget.read({**LIMITS, "max_macs": "9M"})
    exact = {(one.params, one.macs) for one in pareto(space, budget, read_directions("params,+macs"))}
    monkeypatch.setattr(module, "pareto", refuse)
    found = explore(space, budget, draws=5, best=1)
    some = {
        (cost["params"], cost["macs"])
        for one, cost in zip(found.points, found.costs, strict=True)
        if any(note.startswith("on the exact") for note in one.notes)
    }
    assert len(some) > 5
    assert some <= exact
    assert "would take long in full" in found.notes[0]


def test_the_best_are_the_best_of_the_whole_space():
    objective = Objective.read("macs")
    found = explore(parse_space(SPACE), Budget.read(LIMITS), objective, draws=5, best=4)
    most = sorted((one.macs for one in whole().values()), reverse=True)[:4]
    assert (
        sorted(
            (found.costs[i]["macs"] for i, one in enumerate(found.points) if one.kind == "best"), reverse=True
        )
        == most
    )
    for one in shown(found, "stop"):
        (note,) = (note for note in one.notes if note.startswith("best by macs with at most"))
        limit, _, words = note.removeprefix("best by macs with at most ").partition(" ")
        figure = {"parameters": "params", "MACs": "macs"}[words]
        limit = int(limit.replace(",", ""))
        best = max(c.macs for c in whole().values() if getattr(c, figure) <= limit)
        assert whole()[one.spec].macs == best


def test_runs_and_published_networks_are_marked(tmp_path):
    write_run(tmp_path, "[1,1,1]x[8,8,8]", seed=0, correct=8000)
    write_run(tmp_path, "[1,1,1]x[8,8,8]", seed=1, correct=9000)
    found = explore(
        parse_space("[1..9]*3x[{16,32,64}]"), Budget.read({"max_params": "300k"}), draws=5, runs=[tmp_path]
    )
    (one,) = shown(found, "measured")
    assert (one.spec, one.accuracy) == ("[1,1,1]x[8,8,8]", pytest.approx(85))
    assert one.notes == ("measured: 85.00% of 10,000 test images of cifar10, mean of 2 seeds, recipe fast",)
    resnet20 = next(p for p in published() if p.name == "ResNet-20" and p.table == "imgclsmob/cifar10")
    point = next(one for one in found.points if one.spec == str(parse(resnet20.spec)))
    assert any(f"{resnet20.accuracy:g}% on CIFAR-10" in note for note in point.notes)
    assert all(parse(one.spec).input == (3, 32, 32) for one in shown(found, "published"))


def test_a_run_that_is_damaged_is_named(tmp_path):
    write_run(tmp_path, "[1,1,1]x[8,8,8]", name="good")
    bad = write_run(tmp_path, "[1,1,1]x[8,8,16]", name="bad")
    (bad / "result.json").write_text("{", encoding="utf-8")
    found = explore(parse_space(SPACE), Budget.read(LIMITS), draws=5, runs=[tmp_path])
    assert any("bad" in note for note in found.notes)
    with pytest.raises(DataError, match="no finished run"):
        explore(parse_space(SPACE), Budget.read(LIMITS), draws=5, runs=[bad])


def test_a_limit_on_a_device_is_kept_and_shown():
    """Arena is no sum over blocks: it has no line, and the counts keep to it."""
    from archkit.budget import count_within

    space, budget = parse_space("[1..2]*2x[{8,16}]"), Budget.read({"max_params": "20k", "max_arena": "30kB"})
    found = explore(space, budget, draws=10, best=2)
    assert [line.figure for line in found.lines] == ["params", "macs"]
    assert found.fit == count_within(space, budget) < count_within(space, Budget.read({"max_params": "20k"}))
    assert "arena" in found.figures
    assert all(cost["arena"] <= 30_000 for cost in found.costs)
