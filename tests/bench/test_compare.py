"""`archkit report --compare`: runs whose right images a test chooses, and what is said of the two."""

import json
import math

import numpy as np
import pytest

from archkit.bench.recipe import load_recipe, override
from archkit.statistics import student_t
from tests.bench.runs import write_run
from tests.test_imports import TORCH, run_refusing

NETWORKS = ("resnet10", "resnet12")


def images(first: int, last: int, total: int = 1000):
    """The images from `first` to before `last` are right."""
    right = np.zeros(total, dtype=bool)
    right[first:last] = True
    return right


@pytest.fixture
def pair(tmp_path):
    """Of 1000 images, resnet10 alone has 40 right and resnet12 alone 70."""
    a = write_run(tmp_path / "runs", "resnet10", seed=0, right=images(30, 930))
    b = write_run(tmp_path / "runs", "resnet12", seed=4, right=images(70, 1000))
    return a, b


def test_two_runs_image_by_image(cli, pair):
    a, b = map(str, pair)
    done = cli("report", "--compare", a, b, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["difference"] == pytest.approx(-0.03)
    (one,) = found["images"]["pairs"]
    assert (one["seed_a"], one["seed_b"], one["only_a"], one["only_b"]) == (0, 4, 40, 70)
    assert one["p"] == pytest.approx(0.005447429511, rel=1e-9)  # scipy 1.17.1: binomtest(40, 110)
    low, high = found["images"]["interval"]
    # 0 is outside, since 30^2 / 110 > 1.96^2; Wald's ends, by hand, are near.
    half = 1.96 * math.sqrt(0.110 - 0.03**2) / math.sqrt(1000)
    assert (low, high) == pytest.approx((-0.03 - half, -0.03 + half), abs=1e-3)
    assert high < 0
    assert (found["seeds"], found["deviation"], found["seeds_needed"]) == (None, None, None)
    lines = [" ".join(line.split()) for line in cli("report", "--compare", a, b).stdout.splitlines()]
    assert "A less B -3.00 points" in lines
    assert "0, 4 40 70 -3.00 points 0.00545" in lines
    assert "With one seed on a side, nothing is known of other seeds" in lines[-1]


def test_several_seeds(cli, tmp_path):
    """Names among the runs; the intervals by hand from the counts, and by seed from the images."""
    root = tmp_path / "runs"
    for seed, (last_a, last_b) in enumerate([(900, 930), (906, 940), (903, 929)]):
        write_run(root, "resnet10", seed=seed, right=images(0, last_a))
        write_run(root, "resnet12", seed=seed, right=images(0, last_b))
    found = json.loads(cli("report", str(root), "--compare", "resnet12", "resnet10", "--json").stdout)
    assert found["a"]["correct"] == [930, 940, 929]
    assert (found["difference"], found["images"]["difference"]) == pytest.approx((0.03, 0.03))
    assert [(p["only_a"], p["only_b"]) for p in found["images"]["pairs"]] == [(30, 0), (34, 0), (26, 0)]
    assert found["images"]["pairs"][0]["p"] == 2 / 2**30
    # Of A the variance is 37e-6 and of B 9e-6: 930, 940, 929 and 900, 906, 903.
    assert found["deviation"] == pytest.approx(math.sqrt(23e-6))
    df = (37 / 3 + 9 / 3) ** 2 / ((37 / 3) ** 2 / 2 + (9 / 3) ** 2 / 2)
    error = math.sqrt((37e-6 + 9e-6) / 3)
    assert (found["seeds"]["t"], found["seeds"]["df"]) == pytest.approx((0.03 / error, df))
    half = student_t(df) * error
    assert found["seeds"]["interval"] == pytest.approx([0.03 - half, 0.03 + half])
    assert found["seeds_needed"] == 2
    out = " ".join(cli("report", str(root), "--compare", "resnet12", "resnet10").stdout.split())
    assert "If they are 3.00 points apart, 2 seeds a side tell them apart." in out
    assert "deviation between seeds is 0.48 points. A side of 3 seeds sees 1.46, 10 seeds sees 0.64," in out


def test_runs_without_a_bitmap_are_compared_by_their_seeds(cli, tmp_path):
    for spec, base in zip(NETWORKS, (9000, 9000), strict=True):
        for seed in (0, 1):
            write_run(tmp_path / "runs", spec, seed=seed, correct=base + 10 * seed)
    done = cli("report", "runs", "--compare", *NETWORKS, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Not compared image by image: runs/000-" in done.stdout
    assert "No number of seeds that anybody trains would tell the two apart." in done.stdout


def test_runs_are_told_apart_by_the_weights_they_began_with(cli, tmp_path):
    root = tmp_path / "runs"
    write_run(root, "resnet10", right=images(0, 900))
    write_run(root, "resnet10", right=images(0, 950), init="ab" * 32)
    done = cli("report", str(root), "--compare", "resnet10", "resnet10")
    assert done.returncode != 0
    assert "resnet10@fast on cifar10, resnet10@fast after abababab on cifar10" in " ".join(
        done.stderr.split()
    )
    done = cli("report", str(root), "--compare", "resnet10@fast", "resnet10@fast after abababab", "--json")
    assert json.loads(done.stdout)["difference"] == pytest.approx(-0.05)


def test_recipes_are_told_apart_by_name(cli, tmp_path):
    root = tmp_path / "runs"
    for seed in (0, 1):
        write_run(root, "resnet10", "fast", seed=seed, correct=9000 + seed)
        short = override(load_recipe("fast"), [("epochs", 5)])
        write_run(root, "resnet10", short, seed=seed, correct=8000 + seed)
    done = cli("report", str(root), "--compare", "resnet10", "resnet10@fast")
    assert (done.returncode, done.stdout) == (1, "")
    assert "may be resnet10@fast on cifar10, resnet10@fast epochs=5 on cifar10; NETWORK@" in done.stderr
    done = cli("report", str(root), "--compare", "resnet10@fast", "resnet10@fast epochs=5", "--json")
    assert json.loads(done.stdout)["difference"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("--compare", "A", "A"), 1, "a run cannot be compared with itself"),
        (("--compare", "A", "OTHER"), 1, "the two were tested on other images, and cannot be compared"),
        (("--compare", "RUNS", "A"), 1, "has more than one thing to compare: resnet10@fast on cifar10, "),
        (("--compare", "resnet10", "A"), 1, "to compare networks by name, say where their runs are"),
        (
            ("RUNS", "--compare", "resnet18", "A"),
            1,
            "there is no run of resnet18; there are resnet10@fast on",
        ),
        (
            ("RUNS", "--compare", "resnet10@slow", "A"),
            1,
            "no run of resnet10 with the recipe 'slow'",
        ),
        (("RUNS", "--compare", "no such", "A"), 1, "'no such' is neither a folder nor a network"),
        (("--compare", "EMPTY", "A"), 1, "no finished run in"),
        (("--compare", "A", "B", "--csv", "-"), 2, "--csv does not go with --compare"),
        (("RUNS", "--json"), 2, "--json goes with --compare"),
        ((), 2, "RUNS is missing: folders such as runs/, or single runs"),
    ],
)
def test_a_mistake_is_one_line(cli, pair, tmp_path, args, code, message):
    other = write_run(tmp_path / "other", "resnet12", right=images(0, 5), data="svhn")
    (tmp_path / "empty").mkdir()
    places = {
        "A": pair[0],
        "B": pair[1],
        "OTHER": other,
        "RUNS": tmp_path / "runs",
        "EMPTY": tmp_path / "empty",
    }
    done = cli("report", *(str(places.get(arg, arg)) for arg in args))
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_bitmap_of_other_images_is_refused(cli, pair, tmp_path):
    other = write_run(tmp_path / "other", "resnet12", right=images(0, 5), data="svhn")
    (other / "correct.safetensors").replace(pair[1] / "correct.safetensors")
    done = cli("report", "--compare", *map(str, pair))
    assert done.returncode == 1
    assert "correct.safetensors is of other images than the run" in done.stderr


def test_a_comparison_needs_no_torch(pair):
    code = "import sys; from archkit.cli import main; sys.argv = ['archkit', *sys.argv[1:]]; main()"
    done = run_refusing(TORCH, code, "report", "--compare", *map(str, pair))
    assert done.returncode == 0, done.stderr
