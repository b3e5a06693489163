"""Suites: what their files may say, and `archkit bench SUITE.toml` from beginning to end."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from archkit.bench.recipe import load_recipe
from archkit.bench.sweep.suite import load_suite, read_seeds
from archkit.errors import RunError
from archkit.spec import parse
from tests.bench.terminal import on_a_terminal

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-c", "from archkit.cli import main; main()"]

TWO = """
data = "cifar10"
seeds = [0, 1]
[[runs]]
specs = ["[1]x[8]", "[1]x[4]"]
recipe = "demo"
set = { epochs = 2, batch_size = 4 }
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="suite.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


# --- the file


def test_a_product(write):
    suite = load_suite(
        write(
            """
            title = "A title"
            data = "shapes"
            seeds = [3, 5]
            train_size = 100
            [[runs]]
            specs = ["resnet10", "[1]x[8]"]
            recipe = "fast"
            set = { epochs = 7, optimizer.lr = [0.1, 0.2] }
            [[runs]]
            specs = ["resnet12"]
            recipe = "strong"
            seeds = [0]
            """
        )
    )
    assert (suite.title, suite.data, suite.train_size, suite.test_size) == ("A title", "shapes", 100, None)
    found = [(run.label, run.recipe.name, run.recipe.optimizer.lr, run.seed) for run in suite.runs]
    assert found == [
        ("resnet10", "fast", 0.1, 3),
        ("resnet10", "fast", 0.1, 5),
        ("resnet10", "fast", 0.2, 3),
        ("resnet10", "fast", 0.2, 5),
        ("[1]x[8]", "fast", 0.1, 3),
        ("[1]x[8]", "fast", 0.1, 5),
        ("[1]x[8]", "fast", 0.2, 3),
        ("[1]x[8]", "fast", 0.2, 5),
        ("resnet12", "strong", load_recipe("strong").optimizer.lr, 0),
    ]
    assert suite.runs[0].spec == parse("resnet10")
    assert {run.recipe.epochs for run in suite.runs[:8]} == {7}


def test_the_command_line_has_the_last_word(write):
    suite = load_suite(write(TWO), seeds=[9], changes=[("epochs", 1), ("optimizer.lr", "0.5")])
    assert [(run.seed, run.recipe.epochs, run.recipe.optimizer.lr) for run in suite.runs] == [(9, 1, 0.5)] * 2


def test_defaults(write):
    suite = load_suite(write('[[runs]]\nspecs = ["resnet10"]\nrecipe = "fast"'))
    assert (suite.title, suite.data, [run.seed for run in suite.runs]) == ("suite", "cifar10", [0, 1, 2])


def test_a_recipe_beside_the_suite(write):
    write('epochs = 3\nbatch_size = 8\n[optimizer]\nname = "sgd"\nlr = 0.5\n', "own.toml")
    suite = load_suite(write('[[runs]]\nspecs = ["resnet10"]\nrecipe = "own.toml"'))
    assert (suite.runs[0].recipe.name, suite.runs[0].recipe.epochs) == ("own", 3)


RUN = '[[runs]]\nspecs = ["resnet10"]\nrecipe = "fast"\n'


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("", "runs is missing"),
        ("runs = 3", "runs is missing"),
        ("runs = [3]", "runs[0] must be a table"),
        ("sedes = [1]\n" + RUN, "no field 'sedes'; did you mean seeds?"),
        ("seeds = []\n" + RUN, "seeds has no seed"),
        ("seeds = [-1]\n" + RUN, "seeds has a negative seed"),
        ("seeds = [1, 1]\n" + RUN, "seeds has a seed twice"),
        ('seeds = ["1"]\n' + RUN, "seeds[0] must be an integer"),
        ("seeds = [true]\n" + RUN, "seeds[0] must be an integer"),
        (RUN + "sed = 1", "no field 'runs[0].sed'; did you mean runs[0].seeds"),
        (RUN + "seeds = []", "runs[0].seeds has no seed"),
        (RUN + "set = 1", "runs[0].set must be a table"),
        (RUN + "set = { epoch = 1 }", "runs[0].set: there is no field 'epoch'; did you mean epochs?"),
        (RUN + "set = { epochs = 0 }", "runs[0].set: epochs must be at least 1"),
        (RUN + "set = { epochs = [] }", "runs[0].set.epochs is an empty list"),
        (RUN + "set = { optimizer = 3 }", "runs[0].set: there is no field 'optimizer'"),
        (RUN + '[[runs]]\nrecipe = "fast"', "runs[1].specs is missing"),
        ('[[runs]]\nspecs = ["resnet10"]', "runs[0].recipe is missing"),
        ('[[runs]]\nspecs = []\nrecipe = "fast"', "runs[0].specs has no network"),
        ('[[runs]]\nspecs = "resnet10"\nrecipe = "fast"', "runs[0].specs must be a list"),
        ('[[runs]]\nspecs = ["resnet10", "resnt10"]\nrecipe = "fast"', "runs[0].specs[1]: "),
        ('[[runs]]\nspecs = ["resnet10"]\nrecipe = "fats"', "runs[0].recipe: no recipe is called 'fats'"),
        (RUN + RUN, "runs[1] has a run that is in runs[0] already: resnet10, recipe fast, seed 0"),
        ("x = ", "is not TOML"),
    ],
)
def test_mistakes_are_one_line_with_the_file_and_the_key(write, text, key):
    path = write(text)
    with pytest.raises(RunError) as error:
        load_suite(path)
    message = str(error.value)
    assert str(path) in message
    assert key in message
    assert "\n" not in message


def test_a_missing_file(tmp_path):
    with pytest.raises(RunError, match=r"cannot read the suite .*none.toml: No such file"):
        load_suite(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "seeds"), [("0..2", (0, 1, 2)), ("5", (5,)), (" 1, 3..4 ,9", (1, 3, 4, 9)), ("7..7", (7,))]
)
def test_seeds(text, seeds):
    assert read_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "a", "-1", "1..", "..2", "3..1", "0,0", "0..2,1", "0...2", "1.5", "0..99999"]
)
def test_no_seeds(text):
    with pytest.raises(RunError):
        read_seeds(text)


# --- the suites that ship


def test_table_4_is_the_papers_grid():
    """5 networks x 3 optimizers x 3 rates; the optimizers' settings typed from the paper's code."""
    runs = load_suite(ROOT / "benchmarks" / "paper-table4.toml").runs
    assert len(runs) == 45
    assert {run.seed for run in runs} == {0}
    optimizers = [(run.label, run.recipe.optimizer) for run in runs]
    found = {
        (label, one.name, one.lr, one.momentum, one.weight_decay, one.decay_norm_bias)
        for label, one in optimizers
    }
    networks = ("resnet10", "resnet12", "resnet14-4", "resnet14-5", "paper-resnet18")
    settings = (("sgd", 0.9, 1e-4), ("adadelta", 0.0, 1e-4), ("adam", 0.0, 0.0))
    assert found == {
        (network, name, lr, momentum, decay, True)
        for network in networks
        for name, momentum, decay in settings
        for lr in (0.1, 0.01, 0.001)
    }
    assert {(run.recipe.name, run.recipe.epochs, run.recipe.batch_size) for run in runs} == {
        ("paper-grid", 70, 256)
    }


def test_table_3_has_the_papers_six_rows():
    runs = load_suite(ROOT / "benchmarks" / "paper-table3.toml").runs
    found = {
        (run.label, run.recipe.schedule.name, run.recipe.optimizer.name, run.recipe.optimizer.lr)
        for run in runs
    }
    assert found == {
        ("resnet10", "step", "sgd", 0.1),
        ("resnet10", "onecycle", "sgd", 0.1),
        ("resnet12", "step", "sgd", 0.1),
        ("resnet14-4", "step", "adam", 0.01),
        ("resnet14-5", "step", "sgd", 0.1),
        ("paper-resnet18", "step", "adam", 0.001),
    }


def test_under_5m_is_under_5m_and_has_what_the_solver_proposes(cli):
    from archkit.count import totals

    text = (ROOT / "benchmarks" / "under-5m.toml").read_text()
    runs = load_suite(ROOT / "benchmarks" / "under-5m.toml").runs
    assert all(totals(run.spec).params < 5_000_000 for run in runs)
    assert {run.seed for run in runs} == {0, 1, 2}
    (command,) = re.findall(r"^# archkit (solve .*)$", text, re.MULTILINE)
    done = cli(*command.split(), "--json")
    proposed = {json.loads(line)["spec"] for line in done.stdout.splitlines()}
    assert len(proposed) == 3
    assert proposed <= {str(run.spec) for run in runs}


def test_smoke_is_small():
    suite = load_suite(ROOT / "benchmarks" / "smoke.toml")
    assert len(suite.runs) == 4
    assert sum(run.recipe.epochs for run in suite.runs) * suite.train_size <= 100_000


# --- the command


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
        (["suite.toml", "--log", "wandb"], "tensorboard"),
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
