"""The best networks that are like published ones, against a list of all."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache

import pytest

from archkit.budget import Budget, Objective, candidates, entropy, guarded, rho
from archkit.budget.guarded import solve_guarded
from archkit.budget.published import outside
from archkit.spec import parse, parse_space

SPACE = "[1..3]*3..5x[{32,64,128,256}] order=nondecreasing"
BUDGET = Budget.read({"max_params": "2M"})
BY = Objective.read("entropy")


@cache
def every() -> list[tuple[float, str]]:
    """All that fit, best first, by brute force."""
    found = [parse(row.spec) for row in candidates(parse_space(SPACE), BUDGET)]
    return sorted(((entropy(spec), str(spec)) for spec in found if rho(spec) <= 0.3), reverse=True)


@cache
def inside() -> list[tuple[float, str]]:
    """Of these, those that are like published networks."""
    return [(value, text) for value, text in every() if not outside(parse(text))]


@pytest.mark.parametrize("n", [1, pytest.param(5, marks=pytest.mark.long), 30])
def test_they_are_the_best_of_those_inside(n: int) -> None:
    found = solve_guarded(parse_space(SPACE), BUDGET, BY, n)
    assert [row.value for row in found.best.networks] == pytest.approx([value for value, _ in inside()[:n]])
    assert found.best.exact
    before = sum(value > inside()[n - 1][0] + 1e-9 for value, _ in every())
    assert found.looked_at - n == before - (n - 1) > 0
    assert found.said() == (
        f"Better, but left out because unlike every published network: {before - n + 1:,} "
        "(--extrapolate lists them)."
    )


def test_it_says_how_many_it_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarded, "MOST_LOOKED_AT", 8)
    some = [not outside(parse(text)) for _, text in every()[:8]]
    found = solve_guarded(parse_space(SPACE), BUDGET, BY, 8)
    assert len(found.best.networks) == (sum(some) or 8)
    assert found.looked_at == 8
    assert "the best 8" in (found.said() or "")


def test_where_none_is_inside_the_best_are_given() -> None:
    found = solve_guarded(parse_space("[40]*3x[{8,16}]"), Budget(), Objective.read("macs"), 3)
    assert len(found.best.networks) == 3
    assert found.said() == "None of the 8 that fit is like a published network: these are guesses."


def test_where_all_are_inside_nothing_is_said() -> None:
    found = solve_guarded(parse_space("[3,3,{3,4}]x[16,32,64]"), Budget(), Objective.read("macs"), 30)
    assert (len(found.best.networks), found.said()) == (2, None)


def solved(*args: str) -> subprocess.CompletedProcess[str]:
    """`archkit solve`, with the entropy guarded as the capacity is."""
    code = (
        "import archkit.cli.solve as solve\n"
        "solve._GUARDED = frozenset({'entropy'})\n"
        "from archkit.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "solve", SPACE, "--max-params", "2M", "--by", "entropy", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command() -> None:
    done = solved("--best", "3")
    assert "left out because unlike every published network" in done.stderr
    assert "Unlike every published" not in done.stdout
    rows = [json.loads(line) for line in solved("--best", "3", "--json").stdout.splitlines()]
    assert [row["outside"] for row in rows] == ["", "", ""]
    open_ended = solved("--best", "3", "--extrapolate")
    assert open_ended.stderr == ""
    assert "Unlike every published network: [" in open_ended.stdout
    rows = [json.loads(line) for line in solved("--best", "3", "--extrapolate", "--json").stdout.splitlines()]
    assert [row["spec"] for row in rows] == [text for _, text in every()[:3]]
    assert all(row["outside"] for row in rows)


def test_other_objectives_do_not_guess() -> None:
    command = [sys.executable, "-m", "archkit", "solve", SPACE, "--by", "macs", "--extrapolate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--extrapolate does not go with --by macs" in done.stderr
