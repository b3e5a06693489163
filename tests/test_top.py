"""What is found on `archkit` itself: by Tab, without anything heavy, with types, each with an example."""

from __future__ import annotations

import doctest
import inspect

import pytest

import archkit
from archkit.budget import Budget
from archkit.errors import BudgetError, SpecError
from tests.test_imports import TORCH, run_refusing

NAMES = ("bench", "build", "count", "draw", "enumerate", "parse", "reconcile", "solve")


@pytest.mark.parametrize("name", NAMES)
def test_tab_finds_it_and_its_example_runs(name):
    assert name in dir(archkit)
    assert name in archkit.__all__
    function = getattr(archkit, name)
    assert callable(function)
    if inspect.ismodule(function):  # a package that has the name of its function
        from archkit.api import bench
        from archkit.count import count

        function = {"bench": bench, "count": count}[name]
    assert inspect.signature(function).return_annotation is not inspect.Signature.empty
    examples = [one for one in doctest.DocTestFinder(recurse=False).find(function, name) if one.examples]
    assert examples, f"archkit.{name} has no example"
    for one in examples:
        assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(one).failed == 0


def test_looking_around_imports_nothing_heavy():
    code = "import archkit; dir(archkit); archkit.count('resnet10'); archkit.parse; archkit.bench"
    done = run_refusing((*TORCH, "numpy", "rich", "typer", "IPython"), code)
    assert done.returncode == 0, done.stderr


def test_a_package_that_is_called_is_a_package_still():
    from archkit.count import totals

    assert archkit.count.totals is totals
    assert archkit.count("resnet10").params == totals("resnet10").params
    assert inspect.ismodule(archkit.count)
    assert "bench" not in vars(archkit) or inspect.ismodule(archkit.bench)


def test_enumerate_and_solve_take_what_the_commands_take():
    from archkit.budget import Budget, Objective, read_space_and_budget, solve

    space = "[1..3]*2x[{8,16,32}]"
    found = archkit.enumerate(space, max_params="20k", max_macs="3M", sort="least-macs", n=3)
    assert [one.macs for one in found.networks] == sorted(one.macs for one in found.networks)
    assert archkit.enumerate(space, budget=Budget.read({"max_params": "20k"}), n=1).within == 37
    named = archkit.solve(budget="cifar10-0.27m", by="macs", n=2)
    expected = solve(*read_space_and_budget(None, "cifar10-0.27m", {}), Objective.read("macs"), 2)
    assert [one.value for one in named.networks] == [one.value for one in expected.networks]
    with pytest.raises(archkit.ArchkitError, match="unknown limit 'max_size'"):
        archkit.solve(space, max_size=3)


SPACE = "[1..3]*2x[{8,16,32}]"


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({"max_params": "20k"}, {"min_params": "10k"}),
        ({"max_macs": "1G"}, {"max_peak_memory": "64KiB", "peak_bits": 8}),
        ({"max_training_memory": "3MB"}, {"batch": 4}),
        ({"max_training_memory": "3MB"}, {"optimizer": "adam"}),
        ({"max_params": "20k"}, {"max_weight_bytes": "1MB"}),
        ({"max_params": "20k"}, {"max_params": "30k", "min_params": None}),
    ],
)
def test_a_budget_and_keywords_are_what_all_of_them_as_keywords_are(given, more):
    both = archkit.enumerate(SPACE, budget=Budget.read(given), **more)
    assert both == archkit.enumerate(SPACE, **{**given, **more})


def test_ends_that_contradict_each_other_are_refused():
    with pytest.raises(BudgetError, match="min-params 30,000 is above max-params 20,000"):
        archkit.enumerate(SPACE, budget=Budget.read({"max_params": "20k"}), min_params="30k")


def test_wrong_arguments_are_said_in_a_line():
    for wrong in (5, ["[1]x[8]"], b"x"):
        with pytest.raises(SpecError, match="a space is a text"):
            archkit.enumerate(wrong)
    for what in (archkit.enumerate, archkit.solve):
        with pytest.raises(BudgetError, match="n is how many networks to give, not -1"):
            what(SPACE, max_params="20k", n=-1)
