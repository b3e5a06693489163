"""What a notebook shows of a value: well-formed HTML with the value's figures."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import archkit
from archkit.bench.recipe import load_recipe
from archkit.bench.report import find_runs, group_runs
from archkit.budget import Budget, CountEstimate, headroom, ladder, relaxations, solve
from archkit.count import count
from archkit.count.memory import memory
from archkit.spec import parse_space
from tests.bench.runs import write_run

SPEC = "[2,1,1,1]x[64,128,256,512]"


def shown(value: object) -> str:
    """The form of a value, without marks; it is well-formed."""
    root = ET.fromstring(f"<all>{value._repr_html_()}</all>")  # noqa: S314 - our own
    return " ".join("".join(root.itertext()).split())


def cells(value: object) -> list[list[str]]:
    root = ET.fromstring(f"<all>{value._repr_html_()}</all>")  # noqa: S314 - our own
    return [["".join(cell.itertext()) for cell in row] for row in root.iter("tr")]


@pytest.mark.parametrize(
    "value", [archkit.parse("resnet10"), archkit.layout("resnet10")], ids=["spec", "plan"]
)
def test_a_network_is_drawn(value: object) -> None:
    assert value._repr_html_() == archkit.draw(archkit.parse("resnet10")).svg
    assert "4,980,234" in shown(value)


def test_a_drawing_shows_itself() -> None:
    drawing = archkit.draw("resnet10", "resnet12")
    assert drawing._repr_svg_() == drawing.svg


def test_counts() -> None:
    table = cells(count(SPEC))
    assert table[0] == ["part", "output", "params", "MACs", "activations"]
    assert table[5] == ["stage4", "512x4x4", "3,673,088", "58,720,256", str(f"{3 * 512 * 16:,}")]
    assert table[-1] == ["total", "", "4,977,226", "328,930,304", "499,722"]
    assert cells(archkit.totals(SPEC))[1] == ["4,977,226", "328,930,304", "499,722", "12"]
    assert archkit.totals(SPEC)._replace(params=np.array([1]))._repr_html_() is None
    found = memory(SPEC, batch=2, optimizer="adam")
    table = dict(cells(found)[1:])
    assert table["weights"] == f"{4 * 4_977_226:,}"
    assert table["training"] == f"{found.training:,}"


def test_answers_of_a_budget() -> None:
    best = solve(parse_space("[1..2]*2x[{16,32}]"), Budget.read({"max_params": "50k"}), n=2)
    table = cells(best)
    assert [row[0] for row in table[1:]] == [one.network.spec for one in best.networks]
    assert best.proof() in shown(best)
    left = headroom(SPEC, Budget.read({"max_params": "5M"}))
    assert "22,774 parameters left" in shown(left)  # 5,000,000 - 4,977,226
    assert len(cells(left)) == 1 + len(left.changes)


def test_how_many_fit_and_why_none_does() -> None:
    """Small enough to be counted by hand: 4 networks, of which the smallest has 1,506 parameters."""
    space = parse_space("[1..2]*1x[{8,16}]")
    found = archkit.enumerate(space, max_params="20k")
    assert [row[0] for row in cells(found)[1:]] == [one.spec for one in found.networks]
    assert "4 fit." in shown(found)
    estimate = CountEstimate(low=10, high=20, most=1_000, draws=400, hits=6)
    assert cells(estimate)[1] == ["10", "20", "1,000"]
    assert "6 of 400 networks" in shown(estimate)
    (nearest,) = relaxations(space, Budget.read({"max_params": 9}))
    smallest = min(archkit.totals(one.spec).params for one in found.networks)
    assert cells(nearest)[1] == ["max-params", "9", f"{smallest:,}", nearest.spec]
    assert str(nearest) in shown(nearest)
    rung = ladder(space, Budget.read({"max_params": "20k"}))[-1]
    assert cells(rung)[1][:2] == [f"{rung.macs:,}", rung.best.networks[0].network.spec]
    assert rung.held_by() in shown(rung)


@pytest.fixture
def runs(tmp_path):
    grid = load_recipe("paper-grid")
    for seed, correct in ((0, 9_100), (1, 9_200)):
        write_run(tmp_path, "resnet10", grid, seed=seed, correct=correct)
    write_run(tmp_path, "[1]x[8]", grid, correct=5_000)
    return tmp_path


def test_results_and_reports(runs) -> None:
    found, _ = find_runs([runs])
    by_seed = {run.result.seed: run.result for run in found if run.result.params > 1_000_000}
    assert "91.00%, 9,100 of 10,000 images" in shown(by_seed[0])
    assert "4,980,234" in shown(by_seed[0])
    assert found[0]._repr_html_() == found[0].result._repr_html_()
    (section,) = group_runs(found)
    table = cells(section)
    assert table[0][:4] == ["network", "recipe", "n", "mean"]
    assert {row[3] for row in table[1:]} == {"91.50", "50.00"}


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_runs_as_a_data_frame(runs, library) -> None:
    frame = archkit.load_runs(runs, library=library)
    columns = {
        "pandas": lambda name: frame[name].tolist(),
        "polars": lambda name: frame[name].to_list(),
        "arrow": lambda name: frame[name].to_pylist(),
    }[library]
    assert sorted(columns("accuracy")) == [0.5, 0.91, 0.92]
    assert sorted(columns("test_correct")) == [5_000, 9_100, 9_200]
    assert set(columns("network")) == {"resnet10", "[1]x[8]"}
    assert all(type(one) is int for one in columns("params"))


def test_runs_that_are_left_out_are_named(runs) -> None:
    (runs / "broken").mkdir()
    (runs / "broken" / "result.json").write_text("{")
    with pytest.warns(UserWarning, match="left out: .*broken"):
        assert len(archkit.load_runs(str(runs))) == 3
    with pytest.raises(archkit.ArchkitError, match="no folder"):
        archkit.load_runs(runs / "nowhere")
    (runs / "empty").mkdir()
    with pytest.raises(archkit.ArchkitError, match=r"no finished run in .*empty"):
        archkit.load_runs(runs / "empty")


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_lists_as_data_frames(library, runs) -> None:
    best = solve(parse_space("[1..2]*2x[{16,32}]"), Budget.read({"max_params": "50k"}), n=3)
    frame = archkit.to_frame(best.networks, library)
    names = list(getattr(frame, "column_names", None) or frame.columns)
    costs = ("params", "macs", "activations", "depth")
    assert names == ["network.spec", *(f"network.{cost}" for cost in costs), "value"]
    found, _ = find_runs([runs])
    frame = archkit.to_frame([run.result for run in found], library)
    names = list(getattr(frame, "column_names", None) or frame.columns)
    assert {"spec", "test.correct", "recipe.optimizer.lr", "environment.device", "data.classes"} <= set(names)
    mixed = archkit.to_frame([{"a": 1}] * 200 + [{"a": 1.5, "b": "x"}], library)
    assert list(getattr(mixed, "column_names", None) or mixed.columns) == ["a", "b"]
    assert float(mixed["a"].sum() if library != "arrow" else sum(mixed["a"].to_pylist())) == 201.5


def test_what_is_no_row_is_refused() -> None:
    with pytest.raises(archkit.ArchkitError, match="a value with fields, not int"):
        archkit.to_frame([1])
    with pytest.raises(archkit.ArchkitError, match="unknown library 'panda'; did you mean pandas"):
        archkit.to_frame([{"a": 1}], "panda")
    for library in ("polars", "arrow"):
        with pytest.raises(archkit.ArchkitError, match="64 bits"):
            archkit.to_frame([{"a": 2**70}], library)
    assert archkit.to_frame([{"a": 2**70}])["a"].tolist() == [2**70]


def test_a_library_that_is_not_installed_is_named() -> None:
    code = (
        "import sys; sys.modules['pandas'] = None; import archkit\n"
        "try: archkit.to_frame([{'a': 1}])\n"
        "except archkit.ArchkitError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "a frame of pandas needs the package pandas: pip install pandas\n"


def test_what_the_top_promises_is_what_is_there() -> None:
    """`load_runs` is written out in archkit/__init__.py, for type checkers."""
    from archkit.bench.report.frame import load_runs

    assert archkit.load_runs is load_runs
    nodes = ast.walk(ast.parse(inspect.getsource(archkit)))
    written = next(node for node in nodes if getattr(node, "name", "") == "load_runs")
    there = ast.parse(inspect.getsource(load_runs)).body[0]
    assert ast.dump(written.args) == ast.dump(there.args)
    assert set(archkit.__all__) <= set(dir(archkit))
    for name in archkit.__all__:
        assert getattr(archkit, name) is not None
