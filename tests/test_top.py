"""What is found on `archkit` itself: by Tab, without anything heavy, with types, each with an example."""

from __future__ import annotations

import doctest
import inspect

import pytest

import archkit
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
