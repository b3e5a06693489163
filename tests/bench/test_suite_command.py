"""`archkit bench SUITE.toml`, and several seeds of one network, from beginning to end."""

import json
import re
import signal
import subprocess
import sys

import pytest

from tests.bench.terminal import on_a_terminal
from tests.bench.test_suite import TWO

COMMAND = [sys.executable, "-c", "from archkit.cli import main; main()"]


@pytest.fixture
def folder(write_folder):
    return write_folder(train=10, test=5, size=(8, 8))


def test_a_suite_from_beginning_to_end(cli, write, folder, tmp_path):
    args = ("bench", str(write(TWO)), "--data", str(folder), "--device", "cpu")
    first = cli(*args, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert "run 1/4  [1]x[8], demo, seed 0" in first.stderr
    assert "run 4/4  [1]x[4], demo, seed 1" in first.stderr
    head, *_ = (line for line in first.stdout.splitlines() if line.startswith("network"))
    assert head.split() == [
        "network", "recipe", "n", "mean", "sd", "95%", "interval", "validation", "params", "MACs",
    ]  # fmt: skip
    runs = sorted((tmp_path / "runs").iterdir())
    assert len(runs) == 4
    shares = [
        100 * json.loads((run / "result.json").read_text())["test"]["correct"] / 10
        for run in runs
        if run.name.startswith("1-x-8")
    ]
    mean = f"{sum(shares) / 2:.2f}"
    (row,) = (line for line in first.stdout.splitlines() if line.startswith("[1]x[8]") and " to " in line)
    assert mean in row.split()

    times = {run: (run / "result.json").stat().st_mtime_ns for run in runs}
    again = cli(*args, "--json", cwd=tmp_path)
    assert again.returncode == 0
    assert again.stderr.count("already there: ") == 4
    results = [json.loads(line) for line in again.stdout.splitlines()]
    assert [(one["spec"].split()[0], one["seed"]) for one in results] == [
        ("[1]x[8]", 0), ("[1]x[8]", 1), ("[1]x[4]", 0), ("[1]x[4]", 1),
    ]  # fmt: skip
    assert times == {run: (run / "result.json").stat().st_mtime_ns for run in runs}


def test_seeds_and_options_override(cli, write, folder, tmp_path):
    done = cli(
        "bench", str(write(TWO)), "--data", str(folder), "--seeds", "4..5", "--epochs", "1", "--set",
        "augment.flip=0.25", "--train-size", "8", "--json", "--quiet", "--out", "elsewhere", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["seed"] for one in results] == [4, 5, 4, 5]
    assert {(r["recipe"]["epochs"], r["recipe"]["augment"]["flip"]) for r in results} == {(1, 0.25)}
    assert {one["data"]["train"] + one["data"]["validation"] for one in results} == {8}
    assert len(list((tmp_path / "elsewhere").iterdir())) == 4


def test_seeds_of_one_network(cli, folder, tmp_path):
    done = cli(
        "bench", "[1]x[8]", "--recipe", "demo", "--epochs", "1", "--batch-size", "4", "--data", str(folder),
        "--seeds", "0,2", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert [json.loads(line)["seed"] for line in done.stdout.splitlines()] == [0, 2]


def test_a_run_that_fails_does_not_end_the_suite(cli, write, folder, tmp_path):
    bad = """
        [[runs]]
        specs = ["[1]x[6]"]
        recipe = "demo"
        set = { epochs = 1, optimizer.lr = 1e30, batch_size = 4 }
    """
    head, good = TWO.replace("[0, 1]", "[0]").split("[[runs]]")
    done = cli("bench", str(write(f"{head}{bad}\n[[runs]]{good}")), "--data", str(folder), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("[1]x[8]") == 2  # its figures, its counts
    assert done.stderr.splitlines()[-1] == "error: 1 of 3 runs failed"
    assert done.stderr.splitlines()[0].startswith("3 runs: about ")
    assert done.stderr.splitlines()[0].endswith(" in all")
    assert "[1]x[6], recipe demo, seed 0: " in done.stderr
    assert "the loss is not finite" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["none.toml"], "cannot read the suite none.toml"),
        (["suite.toml", "--recipe", "fast"], "a suite has its own recipes"),
        (["suite.toml", "--seed", "1"], "a suite has its own recipes"),
        (["suite.toml", "--seeds", "2..1"], "no seed in it"),
        (["resnet10", "--seeds", "x"], "seeds are numbers and ranges"),
        (["resnet10", "--seeds", "1", "--seed", "1"], "--seed or --seeds, not both"),
        (["suite.toml", "--set", "epoch=3"], "no field 'epoch'"),
        (["suite.toml", "--log", "neptune"], "tensorboard"),
    ],
)
def test_mistakes_in_the_command(cli, write, tmp_path, args, message):
    write(TWO)
    done = cli("bench", *args, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["suite.toml"]


def test_ctrl_c_and_on(cli, write, folder, tmp_path):
    """Interrupted in its second run, a suite goes on where it was with --resume, and not without."""
    text = TWO.replace("epochs = 2", "epochs = [1, 400]").replace("[0, 1]", "[0]").replace(', "[1]x[4]"', "")
    args = ["bench", str(write(text)), "--data", str(folder), "--device", "cpu"]
    process = subprocess.Popen([*COMMAND, *args], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    shown = ""
    for line in process.stderr:
        shown += line
        if line.startswith("epoch 3/400"):
            process.send_signal(signal.SIGINT)
            break
    shown += process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 130
    assert "1 of 2 runs are finished" in shown
    assert "with --resume goes on" in shown
    assert "Traceback" not in shown

    without = cli(*args, cwd=tmp_path)
    assert without.returncode == 1
    assert "--resume goes on with it" in without.stderr
    on = cli(*args, "--resume", "--json", cwd=tmp_path)
    assert on.returncode == 0, on.stderr
    assert "already there" in on.stderr
    assert "resumed after epoch " in on.stderr
    assert [json.loads(line)["recipe"]["epochs"] for line in on.stdout.splitlines()] == [1, 400]


def test_a_terminal_gets_a_bar_for_the_suite(write, folder, tmp_path):
    args = ["bench", str(write(TWO)), "--data", str(folder), "--device", "cpu"]
    text, _ = on_a_terminal(*args, columns=120, cwd=tmp_path)
    assert re.search(r"suite .*━", text)
    assert re.search(r"epoch 2/2 .*━", text)
    assert "3/4" in text
    assert "run 2/4  [1]x[8], demo, seed 1" in text
