"""What the benchmarks' scripts make of what was measured, and whether the pages say it."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from archkit.bench import read_result
from archkit.bench.recipe import load_recipe, override
from archkit.bench.train.correct import CORRECT_FILE, read_correct
from tests.bench.runs import write_run

ROOT = Path(__file__).parent.parent
BENCHMARKS = ROOT / "benchmarks"


def test_the_pages_say_what_was_measured():
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "figures.py"), "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_tutorial_says_what_contest_reached():
    found = {}
    for folder in (BENCHMARKS / "results" / "h200-recipes" / "runs").glob("*-contest-*"):
        if not folder.name.endswith(".partial"):
            right = read_correct(folder / CORRECT_FILE).right
            found[read_result(folder).spec] = right, f"{right.mean():.2%}"
    (larger, its), (paper, theirs) = (
        found[spec] for spec in ("[4,4,3]x[64,128,256]", "[2,1,1,1]x[64,128,256,512] bias=yes")
    )
    page = " ".join((ROOT / "docs" / "tutorials" / "cifar10-5m.md").read_text(encoding="utf-8").split())
    assert f"`resnet10` comes to {theirs} and `[4,4,3]x[64,128,256]` to {its}" in page
    alone = (larger & ~paper).sum(), (paper & ~larger).sum()
    assert "{} of the 10,000 test images are right in the second alone, and {} in the".format(*alone) in page


# --- figures.py


@pytest.fixture
def results(tmp_path):
    """The figures of a GPU that there is not."""
    folder = tmp_path / "gpu"
    for seed, correct in ((0, 9400), (1, 9500), (2, 9600)):
        write_run(folder / "runs", "resnet10", "fast", seed=seed, correct=correct)
    write_run(folder / "runs", "paper-resnet18", "fast", correct=9700)
    where = {
        "device": "GPU X",
        "driver": "1.2",
        "commit": "0123456789abcdef",
        "machine": {"torch": "3", "python": "4"},
    }
    (folder / "where.json").write_text(json.dumps(where))
    one = {
        "network": "resnet10", "setup": "bfloat16, eager", "batch": 256, "goal": 100_000,
        "floor": {"images_per_second": 200_000.0}, "median": 50_000.0, "kernels": [["conv", 0.75]],
    }  # fmt: skip
    speed = {
        "ceilings": {"operations_per_second": 8e14, "bytes_per_second": 3e12},
        "results": [one, {**one, "batch": 1024, "kernels": None, "failure": "no time was left"}],
        "for_scale": [{"title": "a loop", "batch": 256, "median": 5_000.0}],
    }  # fmt: skip
    (folder / "speed.json").write_text(json.dumps(speed))
    runs = [{"jobs": 1, "images_per_second": 10_000.0}, {"jobs": 2, "images_per_second": None}]
    (folder / "at-once.json").write_text(json.dumps({"spec": "resnet12", "results": runs}))
    head = "budget,spec,params,macs,activations,depth,entropy,correct,total,accuracy,seed,recipe,device"
    lines = [f"270000,x,{p},{m},1,{d},5,9,10,{a},0,short,GPU X" for p, m, d, a in
             ((1, 1, 4, 0.1), (2, 3, 3, 0.2), (3, 2, 2, 0.3), (4, 4, 1, 0.4))]  # fmt: skip
    (folder / "budget-buys.csv").write_text("\n".join([head, *lines]) + "\n")
    return tmp_path


def table_lines(script, results, name):
    page = f"above\n<!-- figures: {name} -->\nold\n<!-- end of figures -->\nbelow\n"
    new = script("figures").written(page, results)
    assert new.startswith(f"above\n<!-- figures: {name} -->\n")
    assert new.endswith("\n<!-- end of figures -->\nbelow\n")
    assert script("figures").written(new, results) == new
    return new.splitlines()[2:-2]


def test_the_speed_of_each_set_up(script, results):
    lines = table_lines(script, results, "gpu-speed")
    assert lines[0] == "GPU X; driver 1.2, torch 3, Python 4; commit 0123456789ab; `benchmarks/results/gpu`."
    assert "Matrix product 800 T operations/s, copy 3,000 GB/s." in lines
    assert "| resnet10 | bfloat16, eager | 256 | 50,000 | 25% | 200,000 | 100,000 |" in lines
    assert "| resnet10 | bfloat16, eager | 1,024 | no time was left | - | 200,000 | 100,000 |" in lines
    assert "| a loop | for scale | 256 | 5,000 | - | - | - |" in lines
    assert "| `conv` | 75.0% |" in lines


def test_what_each_set_up_brought(script, results):
    """100 and 50 ms of a step, the kernels 40 and 20 of them; at the other batch one is missing."""
    path = results / "gpu" / "speed.json"
    speed = json.loads(path.read_text())
    one = {**speed["results"][0], "median": 2_560.0, "kernel_seconds": 0.04}
    graphs = {**one, "setup": "bfloat16, CUDA graphs", "median": 5_120.0, "kernel_seconds": 0.02}
    failed = {"network": "resnet10", "setup": "bfloat16, compiled", "batch": 256, "failure": "x",
              "floor": one["floor"], "goal": 1}  # fmt: skip
    path.write_text(json.dumps({**speed, "results": [one, {**one, "batch": 1024}, failed, graphs]}))
    lines = table_lines(script, results, "gpu-speed")
    assert "| bfloat16, CUDA graphs | bfloat16, eager | 2.00 | - | 2.00 |" in lines
    assert "| resnet10 | bfloat16, eager | 256 | 100.00 | 40.00 | 40% |" in lines
    assert "| resnet10 | bfloat16, CUDA graphs | 256 | 50.00 | 20.00 | 40% |" in lines


def test_what_works(script, results):
    checks = [{"what": "a step", "failed": False, "said": "loss 2"},
              {"what": "a run", "failed": True, "said": "RuntimeError: no"}]  # fmt: skip
    (results / "gpu" / "check.json").write_text(json.dumps({"checks": checks}))
    lines = table_lines(script, results, "gpu-check")
    assert lines[-2:] == ["| a step | works | loss 2 |", "| a run | failed | RuntimeError: no |"]


def test_runs_at_once(script, results):
    lines = table_lines(script, results, "gpu-at-once")
    assert "| 1 | 10,000 |" in lines
    assert "| 2 | - |" in lines


def test_the_accuracies(script, results):
    """94, 95 and 96%: a mean of 95, and of the seeds the exact counts."""
    lines = table_lines(script, results, "gpu-runs")
    (row,) = (line for line in lines if line.startswith("| resnet10 | fast | 3 |"))
    assert row == (
        "| resnet10 | fast | 3 | 95.00 | 1.00 | 92.52 to 97.48 | 4,980,234 | 328,930,304"
        " | 9,400 9,500 9,600 of 10,000 |"
    )
    assert not any(line.startswith("#") for line in lines)


def test_what_each_recipe_reached(script, results):
    """As it ships, or only computed otherwise; a run with fewer epochs says nothing of a recipe."""
    runs = results / "gpu" / "runs"
    for key, value, correct in (("epochs", 3, 100), ("compile", "default", 9300)):
        write_run(runs, recipe=override(load_recipe("fast"), [(key, value)]), correct=correct)
    write_run(runs, "[1]x[8]", "demo", data="shapes", correct=1000, total=2000, train=10_000)
    lines = table_lines(script, results, "recipes")
    where = "cifar10, 50,000 images trained on; a device, float32"
    (demo,) = (line for line in lines if line.startswith("| `demo`"))
    assert demo == (
        "| `demo` | `[1]x[8]` | 1,506 | 50.00%, 1 run | 10.0"
        " | shapes, 9,000 images trained on; a device, float32 |"
    )
    fast = "| `fast` | `resnet10` | 4,980,234 |"
    assert f"{fast} 95.00%, mean of 3 runs (95% interval 92.52 to 97.48) | 10.0 | {where} |" in lines
    assert f"{fast} 93.00%, 1 run | 10.0 | {where}; compile=default |" in lines
    assert "| `strong` | - | - | not measured yet | - | - |" in lines
    assert not any("1.00%" in line for line in lines)


def test_a_run_that_is_not_finished_is_named(script, results):
    """With what it had come to; one that has no epoch is not."""
    folder = results / "gpu" / "runs"
    head = "epoch,lr,train_loss,train_correct,train_total,validation_loss,validation_correct,validation_total"
    for name, lines in (("one", ["1,0.1,1,40,100,1,6,10", "2,0.1,1,50,100,1,5,10"]),
                        ("two", ["1,0.1,1,40,100,,,"]), ("three", [])):  # fmt: skip
        (folder / f"{name}.partial").mkdir()
        (folder / f"{name}.partial" / "epochs.csv").write_text("\n".join([head, *lines]) + "\n")
    lines = table_lines(script, results, "gpu-runs")
    assert lines[-2:] == ["| `one` | 2 | 50.00% | 60.00% |", "| `two` | 1 | 40.00% | - |"]


def test_what_a_budget_buys(script, results):
    """Parameters rise with accuracy, depth falls, MACs exchange two neighbours: 1 - 6 * 2 / (4 * 15)."""
    assert "| 270,000 | short | 4 | +1.00 | +0.80 | - | -1.00 | - |" in table_lines(
        script, results, "gpu-budget"
    )


def test_without_a_gpu_it_says_so(script, tmp_path):
    for name in ("gpu-speed", "gpu-at-once", "gpu-runs", "gpu-budget"):
        assert table_lines(script, tmp_path, name) == ["Nothing has been measured on a GPU yet."]


def test_a_measurement_that_was_not_made_says_so(script, results):
    (results / "gpu" / "at-once.json").unlink()
    assert table_lines(script, results, "gpu-at-once") == ["Not measured yet."]


def test_the_headline_takes_networks_under_5m_with_three_seeds(script, results):
    (results / "cpu").symlink_to(BENCHMARKS / "results" / "cpu")
    lines = [line for line in table_lines(script, results, "headline") if "GPU X" in line]
    assert len(lines) == 1
    assert lines[0].startswith(
        "| resnet10, 4,980,234 parameters, recipe fast, on cifar10, GPU X | 95.00%, mean of 3 "
    )


def test_a_mark_that_names_no_table(script, results):
    with pytest.raises(KeyError):
        table_lines(script, results, "gpu-temperature")


# --- gpu.py, budget_buys.py


def session(script, out):
    return script("gpu").Session(data="cifar10", out=out, deadline=0.0, quick=False)


def test_what_was_fastest_is_what_the_suites_use(script, tmp_path):
    gpu = script("gpu")
    assert gpu.fastest(session(script, tmp_path)) == ()
    rates = (
        ("resnet10", "float32, eager", 256, 9.0),  # not the suites' precision
        ("resnet10", "bfloat16, eager", 256, 5.0),
        ("resnet10", "bfloat16, compiled", 256, 7.0),
        ("resnet10", "bfloat16, CUDA graphs", 1024, 8.0),  # not their batch
        ("paper-resnet18", "bfloat16, CUDA graphs", 256, 8.0),
    )
    found = [{"network": n, "setup": s, "batch": b, "median": m} for n, s, b, m in rates]
    failed = {"network": "resnet10", "setup": "bfloat16, CUDA graphs", "batch": 256, "failure": "x"}
    (tmp_path / "speed.json").write_text(json.dumps({"results": [*found, failed]}))
    assert gpu.fastest(session(script, tmp_path)) == ("--set", "compile=default")


def test_a_measurement_may_have_minutes(script):
    gpu = script("gpu")
    assert gpu.limited("speed") == ("speed", float("inf"))
    assert gpu.limited("best=3.5") == ("best", 3.5)
    for wrong in ("spead", "best=soon"):
        with pytest.raises(argparse.ArgumentTypeError):
            gpu.limited(wrong)


def test_after_a_measurement_that_fails_the_next_one_has_its_turn(script, tmp_path, monkeypatch, capsys):
    gpu = script("gpu")
    taken = []

    def breaks(_session):
        raise ValueError("no such thing")

    def works(session):
        taken.append(session.left)
        return True

    monkeypatch.setattr(gpu, "WORK", {"check": breaks, "speed": works, "best": works})
    only = ["--only", "check", "speed=0.5", "best"]
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(tmp_path), "--minutes", "5", *only])
    assert gpu.main() == 1
    assert 20 < taken[0] <= 30
    assert taken[1] > 200
    assert "ValueError: no such thing" in capsys.readouterr().err
    assert (tmp_path / "results.tar.gz").exists()


@pytest.mark.parametrize(
    ("rates", "shared", "best"),
    [
        ({}, {}, (1, False)),
        ({1: 100.0, 2: 105.0, 4: 109.0}, {}, (1, False)),
        ({1: 100.0, 2: 160.0, 4: 165.0, 8: 150.0}, {}, (2, False)),
        ({1: 100.0, 2: 160.0, 4: 300.0, 8: None}, {}, (4, False)),
        ({1: 100.0, 2: 110.0, 4: 110.0}, {2: 160.0, 4: 300.0}, (4, True)),
        ({1: 100.0, 2: 160.0}, {2: 165.0}, (2, False)),
    ],
)
def test_the_fewest_runs_at_once_that_are_worth_it(script, tmp_path, rates, shared, best):
    found = [
        {"jobs": n, "mps": mps, "images_per_second": rate}
        for mps, each in ((False, rates), (True, shared))
        for n, rate in each.items()
    ]
    (tmp_path / "at-once.json").write_text(json.dumps({"results": found}))
    assert script("gpu").together(session(script, tmp_path)) == best


@pytest.fixture
def control(tmp_path, monkeypatch):
    """Puts a program in the place of MPS's that writes down what it is told and where, and then does more."""
    if os.name != "posix":
        pytest.skip("the program is a shell script")

    def make(then=""):
        program = tmp_path / "nvidia-cuda-mps-control"
        told = f'echo "$1 $(cat) $CUDA_MPS_PIPE_DIRECTORY" >> {tmp_path}/told'
        program.write_text(f"#!/bin/sh\n{told}\n{then}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        return tmp_path / "told"

    return make


def test_runs_share_the_gpu_through_mps_as_long_as_it_is_asked_for(script, control, monkeypatch):
    told = control()
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", "mine")
    with suppress(KeyError), script("mps").mps() as started:
        pipes = os.environ["CUDA_MPS_PIPE_DIRECTORY"]
        assert (started, Path(pipes).is_dir()) == (True, True)
        raise KeyError
    assert told.read_text().splitlines() == [f"-d  {pipes}", f" quit {pipes}"]
    assert os.environ["CUDA_MPS_PIPE_DIRECTORY"] == "mine"


def test_without_mps_the_work_is_done_all_the_same(script, control):
    told = control("exit 1")
    with script("mps").mps() as started:
        assert not started
        assert "CUDA_MPS_PIPE_DIRECTORY" not in os.environ
    assert len(told.read_text().splitlines()) == 1


def test_mps_that_does_not_end_loses_nothing(script, control, monkeypatch):
    monkeypatch.setattr(script("mps"), "TO_END", 0.2)
    control('[ "$1" = -d ] || sleep 5')
    with script("mps").mps() as started:
        assert started
    assert "CUDA_MPS_PIPE_DIRECTORY" not in os.environ


@pytest.mark.parametrize(
    ("x", "y", "rho"),
    [
        ([1, 2, 3, 4], [10, 30, 20, 40], 0.8),
        ([1, 2, 3], [3, 2, 1], -1.0),
        # Ties share the mean of their ranks: 4.5 / sqrt(4.5 * 5).
        ([1, 2, 2, 3], [1, 2, 3, 4], 0.9486833),
        ([1, 1, 1], [1, 2, 3], None),
    ],
)
def test_rank_correlation(script, x, y, rho):
    assert script("budget_buys").spearman(x, y) == (None if rho is None else pytest.approx(rho))
