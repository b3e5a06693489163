"""Reports: groups, the paper's figures, comparisons and folders; see also test_report_command."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archkit.bench.recipe import load_recipe, override, recipe_label
from archkit.bench.report import (
    COLUMNS,
    find_runs,
    front,
    group_runs,
    rows,
    to_csv,
)
from archkit.bench.report.curves import comparisons, curve
from archkit.bench.report.paper import printed_runs
from archkit.cli.tally import percent
from archkit.errors import DataError
from archkit.spec import parse
from tests.bench.runs import write_run

ADAM = [("optimizer.name", "adam"), ("optimizer.momentum", 0.0), ("optimizer.weight_decay", 0.0)]
ADADELTA = [("optimizer.name", "adadelta"), ("optimizer.momentum", 0.0)]


def sections_of(root):
    found, skipped = find_runs([root])
    assert skipped == ()
    return group_runs(found)


def only(root):
    (section,) = sections_of(root)
    return rows(section)


def test_seeds_are_grouped(tmp_path):
    """94, 95, 96: mean 95, sd 1, and 4.303 / sqrt(3) = 2.484 on either side."""
    for seed, correct in ((2, 9600), (0, 9400), (1, 9500)):
        write_run(tmp_path, seed=seed, correct=correct, flip=correct + 10)
    (row,) = only(tmp_path)
    test = row.group.test
    assert (test.n, test.mean, test.sd) == (3, pytest.approx(0.95), pytest.approx(0.01))
    assert test.interval == pytest.approx((0.95 - 0.02484, 0.95 + 0.02484), abs=1e-5)
    assert row.group.correct == (9400, 9500, 9600)
    assert row.group.flip.mean == pytest.approx(0.951)
    assert row.cells() == (
        "resnet10", "fast", "3", "95.00", "1.00", "92.52 to 97.48", "95.10", "-", "-", "-", "-",
        "4,980,234", "328,930,304", "9,400 9,500 9,600 of 10,000",
    )  # fmt: skip


def test_one_run_has_no_spread(tmp_path):
    write_run(tmp_path)
    (row,) = only(tmp_path)
    assert (row.group.test.sd, row.group.test.interval, row.group.flip) == (None, None, None)


def test_a_flip_that_one_seed_lacks_is_no_figure_of_the_group(tmp_path):
    write_run(tmp_path, seed=0, flip=9100)
    write_run(tmp_path, seed=1)
    (row,) = only(tmp_path)
    assert (row.group.test.n, row.group.flip) == (2, None)


def test_recipes_are_compared_on_the_images_set_apart(tmp_path):
    """2,300 and 2,500 of 5,000: a mean of 48%. A recipe that sets none apart has no such figure."""
    for seed, correct in ((0, 2300), (1, 2500)):
        write_run(tmp_path, recipe="paper-best", seed=seed, apart_correct=correct)
    write_run(tmp_path, recipe="fast")
    at = COLUMNS.index("validation")
    assert sorted(row.cells()[at] for row in only(tmp_path)) == ["-", "48.00"]


def test_other_networks_recipes_and_data_are_apart(tmp_path):
    write_run(tmp_path, "resnet10", "fast")
    write_run(tmp_path, "resnet12", "fast")
    write_run(tmp_path, "resnet10", override(load_recipe("fast"), [("epochs", 5)]))
    write_run(tmp_path, "resnet10", "fast", train=1000)
    first, second = sections_of(tmp_path)
    assert [row.recipe for row in rows(first)] == ["fast", "fast", "fast epochs=5"]
    assert [row.group.test.n for row in rows(first)] == [1, 1, 1]
    assert second.data.train + second.data.validation == 1000


def test_a_recipes_name_decides_nothing(tmp_path):
    fast = load_recipe("fast")
    write_run(tmp_path, recipe=fast, seed=0)
    write_run(tmp_path, recipe=override(fast, [("name", "mine")]), seed=1)
    assert [row.group.test.n for row in only(tmp_path)] == [2]


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=9))
def test_the_front_is_what_no_point_beats(points):
    """Against the definition, by brute force; so few values give many ties."""

    def beaten(c, a):
        return any(x <= c and y >= a and (x, y) != (c, a) for x, y in points)

    found = front([c for c, _ in points], [a for _, a in points])
    assert set(found) == {i for i, point in enumerate(points) if not beaten(*point)}
    assert [points[i][0] for i in found] == sorted(points[i][0] for i in found)


def test_runs_behind_links_are_found_once_and_circles_end(tmp_path):
    kept, root = tmp_path / "kept", tmp_path / "runs"
    write_run(kept, "resnet10", name="one")
    write_run(root, "resnet12", name="other")
    (root / "linked").symlink_to(kept / "one")
    (root / "again").symlink_to(kept)
    (kept / "up").symlink_to(kept)
    found, skipped = find_runs([root])
    assert {run.result.spec for run in found} == {str(parse(name)) for name in ("resnet10", "resnet12")}
    assert skipped == ()
    assert [group.test.n for section in group_runs(found) for group in section.groups] == [1, 1]


# --- the paper

# Table 4 as FACTS has it from the authors' log, to be compared with what the report knows.
LOGGED = """
resnet10       0.935489 onecycle .1 | 0.914550 sgd .1 | 0.876367 sgd .01 | 0.742968 sgd .001
resnet10       0.890625 adam .1 | 0.914355 adam .01
resnet10       0.865917 adadelta .1 | 0.690234 adadelta .01 | 0.467187 adadelta .001
resnet12       0.890332 sgd .1 | 0.870898 sgd .01 | 0.743945 sgd .001
resnet12       0.829785 adam .1 | 0.888476 adam .01 | 0.877636 adam .001
resnet12       0.835156 adadelta .1 | 0.607519 adadelta .01 | 0.379785 adadelta .001
resnet14-4     0.895605 sgd .1 | 0.893751 sgd .01 | 0.826855 sgd .001
resnet14-4     0.871582 adam .1 | 0.897363 adam .01 | 0.889257 adam .001
resnet14-4     0.869335 adadelta .1 | 0.718066 adadelta .01 | 0.463378 adadelta .001
resnet14-5     0.894531 sgd .1 | 0.887207 sgd .01 | 0.815722 sgd .001
resnet14-5     0.868066 adam .1 | 0.891503 adam .01 | 0.893652 adam .001
resnet14-5     0.865429 adadelta .1 | 0.679785 adadelta .01 | 0.440234 adadelta .001
paper-resnet18 0.902832 sgd .1 | 0.914355 sgd .01 | 0.859375 sgd .001
paper-resnet18 0.897074 adam .1 | 0.919726 adam .01 | 0.929785 adam .001
paper-resnet18 0.908984 adadelta .1 | 0.814843 adadelta .01 | 0.574511 adadelta .001
"""


def test_the_papers_figures_are_those_it_prints():
    """Six digits from the paper's own Table 4, the swapped rows put right."""
    expected = {("resnet10", "step", "adam", 0.001): 91.42}  # the log's; the table has another run's there
    for line in LOGGED.strip().splitlines():
        network, rest = line.split(maxsplit=1)
        for entry in rest.split("|"):
            share, name, rate = entry.split()
            schedule, optimizer = ("onecycle", "sgd") if name == "onecycle" else ("step", name)
            expected[network, schedule, optimizer, float(rate)] = float(share) * 100
    found = {
        (one.network, one.recipe.schedule.name, one.recipe.optimizer.name, one.recipe.optimizer.lr): one
        for one in printed_runs()
    }
    assert len(expected) == 46
    assert set(found) == set(expected)
    for key, one in found.items():
        assert one.percent == pytest.approx(expected[key], abs=0.01), key
    assert {key[0::2] + key[3:] for key, one in found.items() if one.moved} == {
        ("resnet10", "sgd", 0.1),  # the OneCycle run
        ("resnet10", "sgd", 0.001),
        ("resnet10", "adam", 0.001),
    }


def test_runs_are_set_against_the_papers(tmp_path):
    grid = load_recipe("paper-grid")
    write_run(tmp_path, "resnet10", "paper-best", correct=9300)
    write_run(tmp_path, "resnet14-4", override(grid, [*ADAM, ("optimizer.lr", 0.01)]), correct=9000)
    write_run(tmp_path, "resnet10", override(grid, [("precision", "bfloat16"), ("optimizer.lr", 0.01)]))
    write_run(tmp_path, "resnet10", override(grid, [("epochs", 71)]))
    write_run(tmp_path, "[2,1,1,1]x[64,128,256,512]", "paper-best")  # without the bias
    found = [(row.cells()[9], row.cells()[10]) for row in only(tmp_path)]
    assert found == [("93.54*", "-0.54"), ("89.74", "+0.26"), ("87.64", "+2.36"), ("-", "-"), ("-", "-")]


def test_runs_that_began_with_other_weights_are_not_the_papers(tmp_path):
    write_run(tmp_path, "resnet10", "paper-best", init="ab" * 32)
    (row,) = only(tmp_path)
    assert (row.recipe, row.printed) == ("paper-best after abababab", None)


def test_a_part_of_the_data_is_not_the_papers(tmp_path):
    write_run(tmp_path, "resnet10", "paper-best", train=5000)
    write_run(tmp_path, "resnet10", "paper-best", total=1000, correct=900)
    assert [row.printed for section in sections_of(tmp_path) for row in rows(section)] == [None, None]


def test_labels():
    grid = load_recipe("paper-grid")
    assert recipe_label(grid) == "paper-grid"
    assert (
        recipe_label(override(grid, [*ADAM, ("optimizer.lr", 0.01)]))
        == "paper-grid adam lr=0.01 weight_decay=0"
    )
    assert recipe_label(override(grid, [("schedule.name", "cosine"), ("augment.trivial", True)])) == (
        "paper-grid cosine trivial=yes"
    )
    assert recipe_label(override(grid, [("name", "own")])) == "own"


# --- the paper's figures 3 to 5


def test_comparisons_are_those_of_the_papers_figures(tmp_path):
    """The grid's best network is resnet12 here: at its rate all optimizers, with its optimizer all rates."""
    grid = load_recipe("paper-grid")
    scores = iter((9000, 8800, 7000, 9200, 9100, 8900, 8000, 7500, 6000))
    for changes in ([], ADAM, ADADELTA):
        for lr in (0.1, 0.01, 0.001):
            write_run(
                tmp_path, "resnet12", override(grid, [*changes, ("optimizer.lr", lr)]), correct=next(scores)
            )
    write_run(tmp_path, "resnet10", grid, correct=9150)
    write_run(tmp_path, "resnet10", "paper-best", correct=9354)  # the best of all, and alone
    table = only(tmp_path)
    networks, optimizers, rates = comparisons(table)
    assert networks.names == ("resnet10, paper-best", "resnet12, paper-grid adam weight_decay=0")
    assert optimizers.title == "Optimizers of resnet12 at the learning rate 0.1"
    assert optimizers.names == ("adam", "sgd", "adadelta")
    assert [table[at].group.correct for at in optimizers.rows] == [(9200,), (9000,), (8000,)]
    assert rates.title == "Learning rates of resnet12 with adam"
    assert rates.names == ("0.1", "0.01", "0.001")
    assert [table[at].group.correct for at in rates.rows] == [(9200,), (9100,), (8900,)]


def test_one_network_alone_is_compared_with_nothing(tmp_path):
    write_run(tmp_path)
    assert comparisons(only(tmp_path)) == ()


def test_a_curve_is_the_mean_of_the_seeds(tmp_path):
    recipe = override(load_recipe("fast"), [("epochs", 2)])
    write_run(tmp_path, recipe=recipe, seed=0, losses=[2.0, 1.0])
    write_run(tmp_path, recipe=recipe, seed=1, losses=[3.0, 0.5])
    (row,) = only(tmp_path)
    found = curve(row.group, "training loss")
    assert (found.mean, found.low, found.high) == ((2.5, 0.75), (2.0, 0.5), (3.0, 1.0))
    assert curve(row.group, "validation loss") is None  # `fast` sets nothing apart


# --- folders


def test_what_is_unfinished_or_damaged_is_named_and_skipped(tmp_path):
    good = write_run(tmp_path, name="a-good")
    (write_run(tmp_path, seed=1, name="b.partial") / "result.json").unlink()
    (write_run(tmp_path, seed=2, name="c-cut") / "result.json").write_text('{"key": ')
    lacking = write_run(tmp_path, seed=3, name="d-lacking") / "result.json"
    lacking.write_text(json.dumps({k: v for k, v in json.loads(lacking.read_text()).items() if k != "test"}))
    (write_run(tmp_path, seed=4, name="e-no-epochs") / "epochs.csv").unlink()
    (write_run(tmp_path, seed=5, name="f-foreign") / "epochs.csv").write_text("a,b\n1,2\n")
    short = write_run(tmp_path, seed=6, name="g-short") / "epochs.csv"
    short.write_text("".join(short.read_text().splitlines(keepends=True)[:-1]))
    (tmp_path / "something else").mkdir()
    found, skipped = find_runs([tmp_path])
    assert [run.folder for run in found] == [good]
    assert len(skipped) == 6
    for name, reason in zip(
        "bcdefg", sorted(skipped, key=lambda s: s.partition(f"{tmp_path}/")[2]), strict=True
    ):
        assert f"{tmp_path}/{name}" in reason
    assert "29 epochs of 30" in skipped[-1]


def test_folders_within_folders_and_runs_themselves(tmp_path):
    one = write_run(tmp_path / "x" / "y")
    two = write_run(tmp_path / "z", seed=1)
    assert {run.folder for run in find_runs([tmp_path])[0]} == {one, two}
    assert [run.folder for run in find_runs([two, one, tmp_path])[0]] == [two, one]


def test_a_path_that_is_no_folder(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        find_runs([tmp_path / "none"])
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="is not a folder"):
        find_runs([tmp_path / "file"])


def test_the_most_accurate_is_on_top_and_the_csv_keeps_the_order_of_the_folders(tmp_path):
    for at, correct in enumerate((7000, 9000, 8000)):
        write_run(tmp_path, f"[1]x[{8 + at}]", correct=correct, name=f"{at}")
    sections = sections_of(tmp_path)
    assert [row.group.correct for row in rows(sections[0])] == [(9000,), (8000,), (7000,)]
    lines = csv.DictReader(io.StringIO(to_csv(sections)))
    assert [line["test_correct"] for line in lines] == ["7000", "9000", "8000"]


def test_a_share_is_printed_one_way(tmp_path):
    """5 of 7 is 71.428...%: the run and the report round it alike."""
    write_run(tmp_path, "[1]x[8]", correct=5, total=7)
    (row,) = only(tmp_path)
    assert dict(zip(COLUMNS, row.cells(), strict=True))["mean"] == "71.43"
    assert percent(5, 7) == "71.43%"
    assert percent(0, 7) == "0.00%"


def test_an_interval_ends_where_accuracies_end(tmp_path):
    for seed, correct in enumerate((9990, 9000)):
        write_run(tmp_path, "[1]x[8]", correct=correct, seed=seed)
    ((group,),) = (section.groups for section in sections_of(tmp_path))
    low, high = group.test.interval
    # 94.95 -+ 12.706 * 7.0004 / sqrt(2)
    assert low == pytest.approx(0.9495 - 12.7062 * 0.0700036 / 2**0.5, abs=1e-5)
    assert high == 1.0
