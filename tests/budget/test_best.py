"""The best networks against a brute force, and the optimum against CP-SAT."""

from __future__ import annotations

import random
from itertools import combinations_with_replacement

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import Budget, Limit, Objective, candidates, entropy, rho, solve
from archkit.budget.tables import METRICS
from archkit.count import totals
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, parse, parse_space
from tests.budget.test_listing import small_spaces


@given(small_spaces(), st.data())
@settings(max_examples=200)
def test_against_brute_force(space: tuple[str, list[ArchSpec]], data: st.DataObject) -> None:
    text, networks = space
    limits = {}
    for name in data.draw(st.sets(st.sampled_from(METRICS), max_size=2)):
        figures = sorted(getattr(totals(spec), name) for spec in networks) or [0]
        ends = sorted(data.draw(st.tuples(st.sampled_from(figures), st.sampled_from(figures))))
        limits[name] = data.draw(st.sampled_from([Limit(*ends), Limit(None, ends[1]), Limit(ends[0], None)]))
    budget = Budget(**limits)
    max_rho = data.draw(st.sampled_from([0.05, 0.1, 0.3]))
    by = data.draw(st.sampled_from(["entropy", *(f"{s}-{m}" for s in ("most", "least") for m in METRICS)]))
    objective = Objective.read(by, max_rho=max_rho)
    fitting = [spec for spec in networks if budget.allows(totals(spec))]
    if by == "entropy":
        values = [entropy(spec) for spec in fitting if rho(spec) <= max_rho]
    else:
        values = [float(getattr(totals(spec), objective.name)) for spec in fitting]
    n = data.draw(st.sampled_from([1, 4, 1_000]))
    found = solve(parse_space(text), budget, objective, n)
    expected = sorted(values, reverse=objective.most)[:n]
    assert [row.value for row in found.networks] == pytest.approx(expected, rel=1e-9)
    assert len({row.network.spec for row in found.networks}) == len(found.networks)
    assert all(budget.allows(totals(parse(row.network.spec))) for row in found.networks)
    assert found.plans == found.too_large + found.bounded + found.searched


def test_a_value_is_the_networks_own_score() -> None:
    space = parse_space("[1..]*4x[32..256:32] order=nondecreasing")
    for row in solve(
        space, Budget.read({"max_params": "2M", "max_macs": "300M"}), Objective.read("entropy")
    ).networks:
        spec = parse(row.network.spec)
        assert row.value == pytest.approx(entropy(spec), rel=1e-12)
        assert rho(spec) <= 0.3
        assert totals(spec).params <= 2_000_000
        assert totals(spec).macs <= 300_000_000


def test_the_score_by_hand() -> None:
    from math import exp, log

    # Convs: the stem over 3 channels, two over 16, then 16 and 32; all 3x3. Maps of 32 and 16.
    one, two = log(27) + 2 * log(144), log(144) + log(288)
    expected = log(16 * 32 * 32) * one / 2 + 8 * log(32 * 16 * 16) * (one + two) / 2
    assert entropy(parse("[1,1]x[16,32]")) == pytest.approx(expected)
    assert rho(parse("[1,1]x[16,32]")) == pytest.approx(max(3 / exp(one / 3), 5 / exp((one + two) / 5)))


@pytest.mark.parametrize("seed", range(20))
def test_the_optimum_is_cp_sats(seed: int) -> None:
    cp_model = pytest.importorskip("ortools.sat.python.cp_model")
    generator = random.Random(seed)  # noqa: S311 - a test case, not a secret
    stages = generator.choice([3, 4])
    widths = sorted(generator.sample(range(16, 161, 16), 4))
    deepest = generator.randint(5, 30)
    high = generator.randint(300_000, 3_000_000)
    macs = generator.randint(50_000_000, 600_000_000)
    name = generator.choice(["params", "macs", "activations", "depth"])
    text = f"[1..{deepest}]*{stages}x[{{{','.join(map(str, widths))}}}] order=nondecreasing"
    budget = Budget(params=Limit(None, high), macs=Limit(None, macs))
    found = solve(parse_space(text), budget, Objective.read(name), 1)
    # One model: the plan of widths is a choice among all, and costs follow from whole networks.
    model = cp_model.CpModel()
    plans = list(combinations_with_replacement(widths, stages))
    chosen = [model.new_bool_var(f"plan{i}") for i in range(len(plans))]
    model.add_exactly_one(chosen)
    further = [model.new_int_var(0, deepest - 1, f"further{j}") for j in range(stages)]
    figure = {m: model.new_int_var(0, 2**50, m) for m in METRICS}
    for plan, yes in zip(plans, chosen, strict=True):
        base = totals(ArchSpec.make((1,) * stages, plan))
        steps = []
        for j in range(stages):
            deeper = totals(ArchSpec.make(tuple(2 if i == j else 1 for i in range(stages)), plan))
            steps.append([int(b - a) for a, b in zip(base, deeper, strict=True)])
        for m, metric in enumerate(METRICS):
            total = int(base[m]) + sum(steps[j][m] * further[j] for j in range(stages))
            model.add(figure[metric] == total).only_enforce_if(yes)
    model.add(figure["params"] <= high)
    model.add(figure["macs"] <= macs)
    model.maximize(figure[name])
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    status = solver.solve(model)
    if not found.networks:
        assert status == cp_model.INFEASIBLE
        return
    assert status == cp_model.OPTIMAL
    assert found.networks[0].value == solver.value(figure[name])


@pytest.mark.parametrize("text", ["colour", "most-", "least-entropy", "better-macs", ""])
def test_unknown_objectives(text: str) -> None:
    with pytest.raises(BudgetError):
        Objective.read(text)


@pytest.mark.parametrize("max_rho", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_effectiveness_limits(max_rho: float) -> None:
    with pytest.raises(BudgetError, match="max-rho"):
        Objective.read("entropy", max_rho=max_rho)


def test_a_space_without_end_needs_a_limit() -> None:
    with pytest.raises(BudgetError, match="no upper end"):
        solve(parse_space("[1..]x[8]"), Budget(), Objective.read("macs"))


def test_nothing_fits() -> None:
    found = solve(parse_space("[1..4]*2x[{8,16}]"), Budget.read({"max_params": "10"}), Objective.read("macs"))
    assert found.networks == ()
    assert found.too_large == found.plans == 4
    assert next(candidates(parse_space("[1]x[8]"), Budget()))
