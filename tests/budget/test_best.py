"""The best networks against a brute force, and the optimum against CP-SAT."""

from __future__ import annotations

import random
from itertools import combinations_with_replacement, product
from math import exp, log

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archkit.budget import (
    FIGURES,
    Budget,
    Limit,
    Objective,
    candidates,
    entropy,
    levels,
    rho,
    search,
    solve,
    stream,
)
from archkit.budget.deepmad import deepest
from archkit.budget.stage_tables import METRICS
from archkit.count import count, totals
from archkit.errors import BudgetError
from archkit.spec import ArchSpec, parse, parse_space
from tests.budget.brute import budgets, fitting, small_spaces
from tests.strategies import share


def score(row: dict[str, int]) -> float:
    """Capacity as its page states it."""
    return log(row["macs"]) + 0.75 * log(row["activations"]) + 0.25 * log(row["params"])


# Whether a small space is solved as a large one is: after coarser ones, by prices, a few at a time.
@pytest.mark.parametrize("as_large", [False, True])
@given(small_spaces(), st.data())
@settings(max_examples=share(0.6), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_against_brute_force(
    monkeypatch: pytest.MonkeyPatch, as_large: bool, space: tuple[str, list[ArchSpec]], data: st.DataObject
) -> None:
    if as_large:
        for name, value in (("_SMALL", 0), ("_COARSER", 2), ("_BLOCK", 7), ("_TOGETHER", 2), ("_NEW", 5)):
            monkeypatch.setattr(levels, name, value)
        for name, value in (("_PIECES", 2), ("_WORTH_PIECES", 1), ("_CELLS", 4)):
            monkeypatch.setattr(stream, name, value)
        for name, value in (("_ROWS", 3), ("_CELLS", 8)):
            monkeypatch.setattr(search, name, value)
    text, networks = space
    budget, table = data.draw(budgets(networks))
    max_rho = data.draw(st.sampled_from([0.05, 0.1, 0.3]))
    figures = (f"{s}-{m}" for s in ("most", "least") for m in FIGURES)
    by = data.draw(st.just("capacity") | st.just("entropy") | st.sampled_from([*figures]))
    objective = Objective.read(by, max_rho=max_rho)
    expected = fitting(budget, table)
    if by == "entropy":
        values = {spec: entropy(parse(spec)) for spec in expected if rho(parse(spec)) <= max_rho}
    elif by == "capacity":
        values = {spec: score(row) for spec, row in expected.items()}
    else:
        values = {spec: float(row[objective.name]) for spec, row in expected.items()}
    n = data.draw(st.sampled_from([1, 4, 1_000]))
    found = solve(parse_space(text), budget, objective, n)
    best = sorted(values.values(), reverse=objective.most)[:n]
    assert [row.value for row in found.networks] == pytest.approx(best, rel=1e-9)
    assert len({row.network.spec for row in found.networks}) == len(found.networks)
    assert all(row.value == pytest.approx(values[row.network.spec], rel=1e-9) for row in found.networks)
    assert min(found.too_large, found.bounded, found.searched) >= 0
    assert found.profiles == found.too_large + found.bounded + found.searched
    assert found.exact


def test_the_effectiveness_of_blocks_whose_first_has_a_conv_more() -> None:
    """ConvNeXt's first block of a stage begins with a conv that the others do not have."""
    objective = Objective.read("entropy", max_rho=0.3)
    found = solve(parse_space("[1..3]*3x[{8,16,32}] block=convnext"), Budget(), objective, 10)
    assert found.networks
    assert all(rho(parse(row.network.spec)) <= 0.3 for row in found.networks)
    assert solve(parse_space("[1..2]*3x[{8,12,16}] block=convnext"), Budget(), objective, 1).networks == ()


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
    # One model: the width profile is a choice among all, and costs follow from whole networks.
    model = cp_model.CpModel()
    profiles = list(combinations_with_replacement(widths, stages))
    chosen = [model.new_bool_var(f"profile{i}") for i in range(len(profiles))]
    model.add_exactly_one(chosen)
    further = [model.new_int_var(0, deepest - 1, f"further{j}") for j in range(stages)]
    figure = {m: model.new_int_var(0, 2**50, m) for m in METRICS}
    for profile, yes in zip(profiles, chosen, strict=True):
        base = totals(ArchSpec.make((1,) * stages, profile))
        steps = []
        for j in range(stages):
            deeper = totals(ArchSpec.make(tuple(2 if i == j else 1 for i in range(stages)), profile))
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


@pytest.mark.parametrize("seed", range(12))
def test_the_best_by_capacity_are_those_of_a_list(seed: int) -> None:
    generator = random.Random(seed)  # noqa: S311 - a test case, not a secret
    stages = generator.choice([2, 3])
    widths = sorted(generator.sample(range(8, 257, 8), 12 if stages == 2 else 7))
    order = generator.choice(["any", "nondecreasing"])
    extra = generator.choice(["", " block=bottleneck", " stem=conv7 input=3x64x64", " attn={none,se}"])
    text = f"[1..{generator.randint(3, 9)}]*{stages}x[{{{','.join(map(str, widths))}}}] order={order}{extra}"
    rows = list(candidates(parse_space(text), Budget()))
    limits = {}
    for name in generator.sample(["params", "macs", "activations", "depth"], generator.randint(1, 3)):
        low, high = sorted(generator.choice(rows)._asdict()[name] for _ in range(2))
        limits[name] = Limit(generator.choice([None, low]), high)
    budget = Budget(**limits)
    fit = [row for row in rows if all(limit.allows(row._asdict()[name]) for name, limit in limits.items())]
    found = solve(parse_space(text), budget, n=20)
    assert found.exact
    expected = sorted((score(row._asdict()) for row in fit), reverse=True)[:20]
    assert [row.value for row in found.networks] == pytest.approx(expected, rel=1e-9)


def test_the_best_by_entropy_are_those_of_a_list() -> None:
    blocks, widths = range(1, 8), range(16, 113, 16)
    scored = [
        (entropy(spec), str(spec))
        for ns in product(blocks, repeat=3)
        for cs in combinations_with_replacement(widths, 3)
        if (cost := totals(spec := ArchSpec.make(ns, cs))).params <= 600_000
        and 60_000_000 <= cost.macs <= 90_000_000
        and rho(spec) <= 0.1
    ]
    budget = Budget.read({"max_params": "600k", "min_macs": "60M", "max_macs": "90M"})
    space = parse_space("[1..7]*3x[16..112:16] order=nondecreasing")
    found = solve(space, budget, Objective.read("entropy", max_rho=0.1), 8)
    assert found.exact
    assert [row.network.spec for row in found.networks] == [spec for _, spec in sorted(scored)[:-9:-1]]


def test_a_tangent_with_a_negative_weight_does_not_bound_the_depths() -> None:
    # 2 m1 - m2 <= 3 lets m1 be anything as m2 grows; 2 m1 + m2 <= 3 holds m1 to 1 and m2 to 3.
    most = np.array([[9, 9]])
    assert deepest(most, [(np.array([[2.0, -1.0]]), np.array([3.0]))]).tolist() == [[9, 9]]
    assert deepest(most, [(np.array([[2.0, 1.0]]), np.array([3.0]))]).tolist() == [[1, 3]]


@pytest.mark.parametrize("text", ["colour", "most-", "least-entropy", "least-capacity", "better-macs", ""])
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
    assert found.too_large == found.profiles == 4
    assert next(candidates(parse_space("[1]x[8]"), Budget()))


def test_a_search_that_is_cut_off_says_how_far_it_came() -> None:
    space = parse_space("[1..4]*3x[{16,24,32,48,64}]")
    budget = Budget.read({"max_params": "200k", "max_macs": "20M"})
    objective = Objective.read("entropy")
    whole, cut = solve(space, budget, objective, 3), solve(space, budget, objective, 3, effort=1)
    assert whole.exact
    assert not cut.exact
    assert cut.open_bound is not None
    assert cut.open_bound >= whole.networks[0].value
    assert cut.proof().startswith("Not exact: stopped after")
    assert whole.proof().startswith("Exact")


@given(small_spaces(), st.data())
@settings(max_examples=share(0.6), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_gap_holds_what_was_not_found(
    monkeypatch: pytest.MonkeyPatch, space: tuple[str, list[ArchSpec]], data: st.DataObject
) -> None:
    for module, name, value in (
        *((levels, name, 2) for name in ("_COARSER", "_TOGETHER", "_NEW", "_MOST_HELD")),
        *((levels, "_SMALL", 0), (stream, "_CELLS", 2), (search, "_CELLS", 4)),
    ):
        monkeypatch.setattr(module, name, value)
    text, networks = space
    budget, table = data.draw(budgets(networks))
    objective = Objective.read(
        data.draw(st.sampled_from(["capacity", "macs", "least-params", "peak-memory"]))
    )
    rows = fitting(budget, table).values()
    values = [score(row) if objective.name == "capacity" else row[objective.name] for row in rows]
    found = solve(parse_space(text), budget, objective, 1, effort=data.draw(st.integers(0, 60)))
    best = (max if objective.most else min)(values, default=None)
    if found.exact:
        assert [row.value for row in found.networks] == pytest.approx([] if best is None else [best])
    elif best is not None:
        assert found.open_bound is not None
        beyond = found.open_bound - best if objective.most else best - found.open_bound
        assert beyond >= -1e-9 * abs(best)


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("most-macs", ("macs", True)),
        ("least-peak-memory", ("peak_memory", False)),
        ("training_memory", ("training_memory", True)),
        ("peak-memory", ("peak_memory", True)),
    ],
)
def test_ways_to_write_an_objective(text: str, objective: tuple[str, bool]) -> None:
    found = Objective.read(text)
    assert (found.name, found.most) == objective


def test_the_budget_is_filled_among_trillions() -> None:
    # Beyond any listing: that none is better follows from the limit, and that it fits from its plan.
    space = parse_space("[1..]*4x[8..512:8] order=nondecreasing")
    budget = Budget.read({"max_params": "5M", "max_macs": "400M"})
    found = solve(space, budget, Objective.read("params"), 2)
    assert found.exact
    for row in found.networks:
        cost = count(parse(row.network.spec))
        # Every width is a multiple of 8 and the head's bias counts 10: no figure is nearer to 5M.
        assert cost.params == row.value == 4_999_994
        assert cost.macs <= 400_000_000
