"""Suites: what their files may say, and the suites that ship."""

import json
import re
from pathlib import Path

import pytest

from archkit.bench.recipe import load_recipe
from archkit.bench.sweep.numbers import read_seeds
from archkit.bench.sweep.suite import load_suite
from archkit.errors import RunError
from archkit.spec import parse

ROOT = Path(__file__).parents[2]

TWO = """
data = "cifar10"
seeds = [0, 1]
[[runs]]
specs = ["[1]x[8]", "[1]x[4]"]
recipe = "demo"
set = { epochs = 2, batch_size = 4 }
"""


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


MILLION = f"""
    seeds = {list(range(100))}
    [[runs]]
    specs = {["resnet10"] * 100}
    recipe = "fast"
    set = {{ epochs = {list(range(1, 101))} }}
"""
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
        ("x = " + "[" * 50_000 + "]" * 50_000, "is not TOML: more than 100 levels are nested in one another"),
        ("x = " + "{a=" * 50_000 + "1" + "}" * 50_000, "is not TOML: more than 100 levels"),
        (".".join("a" * 500) + " = 1", "is not TOML: more than 100 levels"),
        ("x = " + "9" * 5000, "is not TOML: an integer in it has thousands of digits"),
        (f"seeds = [{2**64}]\n" + RUN, "seeds[0] must be a number below 2**64 in size"),
        (MILLION, "it has 1,000,000 runs, and 10,000 are the most"),
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
