"""Recipes: what ships, what can be changed, and what is refused in one line."""

import pytest

from archkit.bench.recipe import Recipe, differences, load_recipe, override, recipe_names
from archkit.errors import RunError


@pytest.mark.parametrize("name", recipe_names())
def test_shipped_recipes_survive_a_round_trip(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert Recipe.from_mapping(recipe.to_mapping()) == recipe


def test_the_promised_recipes_ship():
    assert {"fast", "paper-best"} <= set(recipe_names())


def test_paper_best_is_the_published_run():
    """100 epochs, batch 256, SGD 0.9, decay 5e-4, one cycle to 0.1, 5 degrees, flip, pad 2, 45,000/5,000."""
    r = load_recipe("paper-best")
    assert (r.epochs, r.batch_size, r.drop_last, r.label_smoothing) == (100, 256, False, 0.0)
    assert (r.optimizer.name, r.optimizer.momentum, r.optimizer.nesterov) == ("sgd", 0.9, False)
    assert (r.optimizer.lr, r.optimizer.weight_decay, r.optimizer.decay_norm_bias) == (0.1, 5e-4, True)
    assert (r.schedule.name, r.schedule.warmup) == ("onecycle", 0.3)
    assert (r.augment.rotate, r.augment.flip, r.augment.pad, r.augment.pad_mode) == (5.0, 0.5, 2, "zeros")
    assert (r.protocol.validation, r.protocol.select) == (0.1, "best")


def test_fast_trains_on_everything_and_tests_the_last_epoch():
    protocol = load_recipe("fast").protocol
    assert (protocol.validation, protocol.select) == (0.0, "last")


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


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epoch", "3", "no field 'epoch'; did you mean epochs"),
        ("lr", "3", "no field 'lr'; did you mean optimizer.lr?"),
        ("augment", "3", "no field 'augment'"),
        ("augment.flip.p", "3", "no field 'augment.flip.p'"),
        ("epochs", "many", "epochs must be an integer, not 'many'"),
        ("epochs", "2.5", "epochs must be an integer"),
        ("epochs", "true", "epochs must be an integer"),
        ("epochs", "0", "epochs must be at least 1, not 0"),
        ("batch_size", "1", "batch_size must be at least 2"),
        ("optimizer.lr", "nan", "optimizer.lr must be finite"),
        ("optimizer.lr", "0", "optimizer.lr must be positive"),
        ("optimizer.name", "sdg", "optimizer.name is sgd | adam | adadelta, not 'sdg'"),
        ("optimizer.name", "adam", "optimizer.momentum is for sgd"),
        ("optimizer.momentum", "0", "optimizer.nesterov needs a momentum"),
        ("augment.flip", "1.5", "augment.flip must be a probability"),
        ("augment.pad", "-1", "augment.pad must not be negative"),
        ("protocol.select", "best", "needs validation images"),
        ("precision", "fp8", "precision is auto | float32 | bfloat16"),
        ("drop_last", "1", "drop_last must be true or false"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(key, value, message):
    with pytest.raises(RunError) as caught:
        override(load_recipe("fast"), [(key, value)])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


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
