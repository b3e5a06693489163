"""Recipes: what ships, what can be changed, and what is refused in one line."""

import re
from pathlib import Path

import pytest

from archkit.bench.recipe import Recipe, differences, load_recipe, override, recipe_names
from archkit.bench.recipe.parts import Optimizer, Schedule
from archkit.errors import RunError


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_survive_a_round_trip(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert Recipe.from_mapping(recipe.to_mapping()) == recipe


def test_the_promised_recipes_ship():
    assert {"contest", "fast", "strong", "paper-grid", "paper-best"} <= set(recipe_names())


# What the paper's own code does in every run: batches of 256, of which the last has 200 images; rotation
# within 5 degrees, a flip, a crop after padding 2 with black; 5,000 of 50,000 images set apart, the best
# epoch on them kept; plain cross entropy in float32, nothing averaged or mixed, everything decayed.
PAPER = {
    "batch_size": 256,
    "drop_last": False,
    "label_smoothing": 0.0,
    "precision": "float32",
    "compile": "none",
    "ema": 0.0,
    "augment": {
        "rotate": 5.0,
        "flip": 0.5,
        "pad": 2,
        "pad_mode": "zeros",
        "trivial": False,
        "cutout": 0,
        "erase": 0.0,
        "mixup": 0.0,
        "cutmix": 0.0,
        "mix": 1.0,
        "alternate": False,
        "randaugment": 0,
        "randaugment_strength": 9,
        "autoaugment": "none",
        "ricap": 0.0,
    },
    "protocol": {"validation": 0.1, "select": "best", "test_augment": "none"},
    "stochastic_depth": 0.0,
    "initialise": {"whitening": False, "dirac": False},
    "resolution": {"start": 1.0, "until": 0.5, "steps": 2},
}


def test_paper_best_is_the_published_run():
    """Field by field: 100 epochs, SGD of momentum 0.9, decay 5e-4, OneCycleLR(max_lr=0.1)."""
    recipe = load_recipe("paper-best")
    cycle = Schedule(name="onecycle", warmup=0.3, cycle_momentum=True)  # torch's defaults
    assert recipe.schedule == cycle
    assert recipe.optimizer == Optimizer(
        name="sgd", lr=0.1, momentum=0.9, nesterov=False, weight_decay=5e-4, decay_norm_bias=True
    )
    fields = recipe.to_mapping()
    assert {key: fields[key] for key in PAPER} == PAPER
    assert fields.keys() - PAPER.keys() == {"name", "epochs", "optimizer", "schedule"}
    assert recipe.epochs == 100


@pytest.mark.parametrize("lr", [0.1, 0.01, 0.001])
@pytest.mark.parametrize(
    ("changes", "optimizer"),
    [
        ([], {"name": "sgd", "momentum": 0.9, "weight_decay": 1e-4}),
        (
            ["optimizer.name=adadelta", "optimizer.momentum=0"],
            {"name": "adadelta", "momentum": 0.0, "weight_decay": 1e-4},
        ),
        (
            ["optimizer.name=adam", "optimizer.momentum=0", "optimizer.weight_decay=0"],
            {"name": "adam", "momentum": 0.0, "weight_decay": 0.0},
        ),
    ],
    ids=["SGD", "AdaDelta", "Adam"],
)
def test_paper_grid_is_the_published_grid(changes, optimizer, lr):
    """Its nine columns by the overrides that its comment names: 70 epochs, divided by 3 every 20."""
    pairs = [tuple(text.split("=")) for text in [*changes, f"optimizer.lr={lr}"]]
    recipe = override(load_recipe("paper-grid"), pairs)
    assert recipe.optimizer == Optimizer(lr=lr, nesterov=False, decay_norm_bias=True, **optimizer)
    fields = recipe.to_mapping()
    assert {key: fields[key] for key in PAPER} == PAPER
    assert recipe.epochs == 70
    assert (recipe.schedule.name, recipe.schedule.every, recipe.schedule.divide) == ("step", 20, 3.0)


@pytest.mark.parametrize("name", ["fast", "strong", "contest"])
def test_what_is_not_the_papers_trains_on_everything_and_tests_the_last_epoch(name):
    recipe = load_recipe(name)
    protocol = recipe.protocol
    assert (protocol.validation, protocol.select, protocol.test_augment) == (
        0.0,
        "last",
        "six" if name == "contest" else "flip",
    )
    assert recipe.epochs == {"fast": 30, "strong": 200, "contest": 100}[name]


# Another value for each field that there is, as text; what another field must be for it, before.
OTHERS = {
    "name": ("mine",),
    "epochs": ("7",),
    "batch_size": ("33",),
    "drop_last": ("false",),
    "label_smoothing": ("0.25",),
    "precision": ("bfloat16",),
    "compile": ("reduce-overhead",),
    "ema": ("0.99",),
    "optimizer.name": ("timm:lion",),
    "optimizer.lr": ("0.015",),
    "optimizer.momentum": ("0.8",),
    "optimizer.nesterov": ("false",),
    "optimizer.weight_decay": ("0.02",),
    "optimizer.decay_norm_bias": ("true",),
    "optimizer.norm_bias_lr": ("64.0",),
    "optimizer.norm_bias_decay": ("0.1", "optimizer.decay_norm_bias=true"),
    "optimizer.lookahead": ("5",),
    "optimizer.lookahead_share": ("0.8",),
    "schedule.name": ("step",),
    "schedule.warmup": ("0.01",),
    "schedule.cycle_momentum": ("true",),
    "schedule.every": ("3",),
    "schedule.divide": ("10",),
    "schedule.floor": ("0.05",),
    "schedule.flat": ("0.2", "schedule.floor=0.1"),
    "augment.rotate": ("15",),
    "augment.flip": ("0.1",),
    "augment.pad": ("3",),
    "augment.pad_mode": ("zeros",),
    "augment.trivial": ("true",),
    "augment.cutout": ("8",),
    "augment.erase": ("0.3",),
    "augment.mixup": ("0.4",),
    "augment.cutmix": ("0.5",),
    "augment.mix": ("0.6",),
    "augment.alternate": ("true",),
    "augment.randaugment": ("2",),
    "augment.randaugment_strength": ("14",),
    "augment.autoaugment": ("imagenet",),
    "augment.ricap": ("0.3",),
    "protocol.validation": ("0.2",),
    "protocol.select": ("best", "protocol.validation=0.1"),
    "protocol.test_augment": ("none",),
    "stochastic_depth": ("0.2",),
    "initialise.whitening": ("true",),
    "initialise.dirac": ("true",),
    "resolution.start": ("0.5",),
    "resolution.until": ("0.75",),
    "resolution.steps": ("3",),
}


def leaves(table, prefix=""):
    for key, value in table.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def test_every_field_has_a_case_below():
    assert set(OTHERS) == {name for name, _ in leaves(load_recipe("fast").to_mapping())}


@pytest.mark.parametrize("name", OTHERS)
def test_every_field_can_be_overridden(name):
    """By text as `--set` gives it; that field changes and no other."""
    text, *before = OTHERS[name]
    if name == "optimizer.name":
        before = ["optimizer.nesterov=false"]  # that is SGD's
    base = override(load_recipe("fast"), [tuple(one.split("=")) for one in before])
    changed = override(base, [(name, text)])
    was, now = dict(leaves(base.to_mapping())), dict(leaves(changed.to_mapping()))
    assert {key for key in was if was[key] != now[key]} == {name}
    assert str(now[name]).lower() in (text, f"{text}.0")


def test_fields_can_be_changed_by_text_and_by_value():
    changed = override(
        load_recipe("fast"),
        [
            ("epochs", "3"),
            ("optimizer.lr", "5e-2"),
            ("augment.pad_mode", "zeros"),
            ("batch_size", 64),
            ("drop_last", "false"),
        ],
    )
    assert (changed.epochs, changed.batch_size, changed.optimizer.lr) == (3, 64, 0.05)
    assert (changed.augment.pad_mode, changed.drop_last) == ("zeros", False)
    assert load_recipe("fast").epochs == 30


def test_changes_are_judged_together():
    adam = [("optimizer.name", "adam"), ("optimizer.momentum", "0"), ("optimizer.nesterov", "false")]
    assert override(load_recipe("fast"), adam).optimizer.name == "adam"


def test_an_integer_will_do_for_a_number():
    assert override(load_recipe("fast"), [("optimizer.lr", "1")]).optimizer.lr == 1.0


def test_an_unknown_recipe_names_the_nearest():
    with pytest.raises(RunError, match=r"no recipe is called 'fats'; did you mean fast\?"):
        load_recipe("fats")


def test_a_recipe_is_read_from_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('epochs = 2\nbatch_size = 8\n[optimizer]\nname = "adam"\nlr = 0.001\n')
    recipe = load_recipe(str(path))
    assert (recipe.name, recipe.epochs, recipe.optimizer.name) == ("mine", 2, "adam")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs = ", "is not TOML"),
        ("epochs = 2\nbatch_size = 8", "optimizer is missing"),
        ("epochs = 2\nbatch_size = 8\noptimizer = 1", "optimizer must be a table"),
        (
            'epochs = 2\nbatch_size = 8\n[optimizer]\nname = "adam"\nlr = 1\nbeta = 2',
            "no field 'optimizer.beta'",
        ),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(RunError, match="the recipe mine") as caught:
        load_recipe(str(path))
    assert message in str(caught.value)


def test_a_missing_file_is_named():
    with pytest.raises(RunError, match=r"cannot read the recipe nowhere\.toml: No such file"):
        load_recipe("nowhere.toml")


def test_what_was_changed_can_be_told():
    fast = load_recipe("fast")
    changed = override(fast, [("epochs", 3), ("optimizer.lr", 0.05), ("name", "mine")])
    assert differences(changed, fast) == ("epochs=3", "optimizer.lr=0.05")
    assert differences(fast, fast) == ()


def test_the_documentation_names_every_field_and_its_default():
    page = Path(__file__).parents[2] / "docs" / "bench.md"
    rows = re.findall(r"^\| `([a-z_.]+)` \| `?([^|`]+)`? \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: default for name, default in rows if name in OTHERS}
    least = {"name": "x", "epochs": 1, "batch_size": 2, "optimizer": {"name": "adam", "lr": 1.0}}
    defaults = dict(leaves(Recipe.from_mapping(least).to_mapping()))
    required = {"epochs", "batch_size", "optimizer.name", "optimizer.lr"}
    expected = {
        name: "required"
        if name in required
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
        for name, value in defaults.items()
        if name != "name"
    }
    assert told == expected
