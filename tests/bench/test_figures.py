"""The report's charts as matplotlib draws them: their colours and their axes."""

import pytest
from matplotlib.colors import to_hex

from archkit.bench.recipe import load_recipe, override
from archkit.bench.report import find_runs, group_runs
from archkit.bench.report.figures import _figures
from tests.bench.runs import write_run
from tests.bench.test_report import ADAM


def drawn(root):
    """The figures of the only section by their names, each with its axes."""
    (section,) = group_runs(find_runs([root])[0])
    return {name: figure.axes[0] for name, figure in _figures(section)}


def colours_by_place(axes, of):
    """The colour of each mark by its place on the axis of accuracies, x or y."""
    found = {}
    for bars in axes.containers:
        line = bars.lines[0]
        (place,) = line.get_xdata() if of == "x" else line.get_ydata()
        found[round(float(place), 2)] = to_hex(line.get_color())
    return found


def test_a_network_has_one_colour_in_all_figures(tmp_path):
    """The best network by MACs is not the first in the folder, and one has two recipes."""
    grid = load_recipe("paper-grid")
    for spec, changes, correct in (
        ("resnet12", [], 9100),
        ("resnet10", [], 9000),
        ("resnet12", ADAM, 8000),
        ("[1,1,1]x[16,32,64]", [], 9200),
    ):
        write_run(tmp_path, spec, override(grid, changes), correct=correct)
    axes = drawn(tmp_path)
    for_params, for_macs = (colours_by_place(axes[f"accuracy-{of}"], "y") for of in ("params", "macs"))
    assert for_params.keys() == {80.0, 90.0, 91.0, 92.0}
    assert for_params == for_macs
    assert for_params[80.0] == for_params[91.0]
    assert len({for_params[at] for at in (90.0, 91.0, 92.0)}) == 3
    best = {at: for_params[at] for at in (90.0, 91.0, 92.0)}
    assert colours_by_place(axes["networks"], "x") == best
    title = "Networks, each with its best recipe"
    assert axes["curves-1"].get_title(loc="left").startswith(title)
    lines = {line.get_label().partition(",")[0]: to_hex(line.get_color()) for line in axes["curves-1"].lines}
    assert lines["resnet12"] == best[91.0]
    assert lines["resnet10"] == best[90.0]


def test_the_axis_is_scaled_to_the_points_and_not_to_a_wide_interval(tmp_path):
    """Two seeds, 34 and 38%: t is 12.706, so that the interval is 36 +- 25.4; the other network has 40%.

    The points are 4 apart, so the axis goes 4 further on either side, from 32 to 44, and a margin.
    """
    for seed, correct in enumerate((3400, 3800)):
        write_run(tmp_path, "[1]x[8]", seed=seed, correct=correct)
    write_run(tmp_path, "[1]x[16]", correct=4000)
    axes = drawn(tmp_path)
    for name, ends in (
        ("accuracy-params", axes["accuracy-params"].get_ylim()),
        ("networks", axes["networks"].get_xlim()),
    ):
        assert ends == pytest.approx((32 - 0.6, 44 + 0.6)), name
    error = axes["accuracy-params"].containers[1].lines[2][0].get_segments()[0]
    assert {round(float(y), 1) for _, y in error} == {10.6, 61.4}


def test_one_point_has_an_axis_too(tmp_path):
    write_run(tmp_path, "[1]x[8]", correct=5000)
    low, high = drawn(tmp_path)["accuracy-params"].get_ylim()
    assert low < 50 < high
    assert high - low <= 2
