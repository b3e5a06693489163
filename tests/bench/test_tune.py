"""The search over recipes: real training on tiny images, and Optuna as it is."""

import json
import types
from contextlib import contextmanager, nullcontext

import pytest
import torch
from safetensors.torch import load_file

from archkit.bench.recipe import load_recipe, override
from archkit.bench.report import find_runs
from archkit.bench.sweep.conduct import Conduct
from archkit.bench.sweep.tune import JOURNAL_FILE, tune
from archkit.bench.sweep.tune_file import Choice, Halving, Range, Tuning, load_tuning
from archkit.bench.train.checkpoint import CHECKPOINT_FILE
from archkit.bench.train.engine import train
from archkit.bench.train.events import EpochRow, Saved
from archkit.bench.train.results import read_result
from archkit.errors import OutputError, RunError

pytest.importorskip("optuna")

CPU = torch.device("cpu")
SPEC = "[1]x[4]"
RATES = (0.1, 1e-6, 0.03, 2e-6, 0.05, 3e-6)


def nothing(*_):
    return nullcontext(lambda _event: None)


def searching(recipe, *, trials=5, halving=None, search=None):
    return Tuning(
        title="t",
        spec=SPEC,
        data="tiny",
        recipe=recipe,
        trials=trials,
        seed=3,
        search=search
        or {
            "optimizer.lr": Range(low=0.001, high=1.0, log=True),
            "batch_size": Choice(values=(8, 16)),
            "augment.pad": Range(low=0, high=3, whole=True),
        },
        halving=halving,
    )


def conduct(root):
    return Conduct(device=CPU, root=root, resume=True, threads=1)


def test_each_trial_is_an_ordinary_run_and_the_values_are_its_recipes(tiny, brief, tmp_path):
    tried = list(tune(searching(brief), tiny, conduct(tmp_path), watch=nothing))
    assert [one.number for one in tried] == [0, 1, 2, 3, 4]
    runs, skipped = find_runs([tmp_path])
    assert (len(runs), skipped) == (len({one.folder for one in tried}), ())
    for one in tried:
        result = read_result(tmp_path / one.folder)
        assert result.recipe == override(brief, list(one.values.items()))
        assert result.validation.accuracy == one.accuracy
        assert 0.001 <= one.values["optimizer.lr"] <= 1.0
        assert one.values["augment.pad"] in (0, 1, 2, 3)
    # Each line of the record is JSON, and nothing in it is code.
    assert all(json.loads(line) for line in (tmp_path / JOURNAL_FILE).read_text().splitlines())


def test_a_search_that_goes_on_draws_what_it_would_have_drawn(tiny, brief, tmp_path):
    whole = list(tune(searching(brief, trials=6), tiny, conduct(tmp_path / "whole"), watch=nothing))
    parts = tmp_path / "parts"
    list(tune(searching(brief, trials=4), tiny, conduct(parts), watch=nothing))
    again = list(tune(searching(brief, trials=6), tiny, conduct(parts), watch=nothing))
    assert [(one.values, one.accuracy) for one in again] == [(one.values, one.accuracy) for one in whole]


def test_a_trial_that_is_cut_off_goes_on_from_its_checkpoint(tiny, brief, tmp_path):
    recipe = override(brief, [("epochs", 3)])
    calm = list(tune(searching(recipe, trials=2), tiny, conduct(tmp_path / "calm"), watch=nothing))

    @contextmanager
    def cut(number, _run, _folder):
        def watching(event):
            if number == 1 and isinstance(event, EpochRow) and event.epoch == 2:
                raise KeyboardInterrupt

        yield watching

    with pytest.raises(KeyboardInterrupt):
        list(tune(searching(recipe, trials=2), tiny, conduct(tmp_path / "cut"), watch=cut))
    resumed = []

    @contextmanager
    def seen(_number, _run, _folder):
        yield (
            lambda event: resumed.append(event.epoch) if isinstance(event, Saved) and event.resumed else None
        )

    *_, last = tune(searching(recipe, trials=2), tiny, conduct(tmp_path / "cut"), watch=seen)
    assert resumed == [1]
    assert (last.values, last.accuracy) == (calm[1].values, calm[1].accuracy)
    one, other = (
        load_file(tmp_path / place / last.folder / "weights.safetensors") for place in ("calm", "cut")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    # What was cut off and then finished is no failure, however often the command is given again.
    again = list(tune(searching(recipe, trials=2), tiny, conduct(tmp_path / "cut"), watch=nothing))
    assert [(one.state, one.folder) for one in again] == [(one.state, one.folder) for one in calm]


def test_halving_stops_what_is_not_among_the_best_and_takes_it_up_again(tiny, brief, tmp_path):
    """Against the rule, by hand: at 1 and 2 epochs, one in two of those that came so far goes on."""
    recipe = override(brief, [("epochs", 4), ("protocol.validation", 0.5)])
    search = {"optimizer.lr": Choice(values=RATES)}
    tuning = searching(recipe, trials=8, halving=Halving(first=1, factor=2), search=search)
    reported = {}

    @contextmanager
    def seen(number, _run, _folder):
        def watching(event):
            if isinstance(event, EpochRow):
                reported.setdefault(number, {})[event.epoch] = event.validation.accuracy

        yield watching

    tried = list(tune(tuning, tiny, conduct(tmp_path), watch=seen))
    rungs = {1: [], 2: [], 4: []}
    for one in tried:
        values = reported.get(one.number)
        if values is None or min(values) > 1:  # found there, or taken up
            continue
        stopped = None
        for rung, before in rungs.items():
            if rung >= 4:
                break
            before.append(values[rung])
            best = sorted(before, reverse=True)[max(0, len(before) // 2 - 1)]
            if values[rung] < best:
                stopped = rung
                break
        assert (one.state, one.epochs) == (("done", 4) if stopped is None else ("stopped", stopped))
    left = [one for one in tried if one.state == "stopped"]
    done = {one.folder for one in tried if one.state == "done"}
    assert left
    for one in left:
        partial = tmp_path / f"{one.folder}.partial"
        assert (partial / CHECKPOINT_FILE).exists() != (one.folder in done)
    # A stopped run goes on, by an ordinary call, to the bits of one that was never stopped.
    stopped = next(one for one in left if one.folder not in done)
    from archkit.bench.sweep.place import adapt
    from archkit.bench.sweep.run_spec import run_spec

    how = override(recipe, list(stopped.values.items()))
    spec = adapt(SPEC, tiny)
    events = []
    torch.set_num_threads(1)
    went_on = run_spec(
        spec, tiny, how, device=CPU, seed=3, out=tmp_path / stopped.folder, resume=True, watch=events.append
    )
    assert [event.epoch for event in events if isinstance(event, Saved) and event.resumed] == [stopped.epochs]
    straight = train(spec, tiny, how, seed=3, device=CPU)
    weights = load_file(went_on.folder / "weights.safetensors")
    assert all(torch.equal(weights[name], straight.weights[name]) for name in weights)


def test_a_stopped_run_that_turns_out_to_be_among_the_best_is_taken_up_again():
    """Values at the first rung, trial by trial: with the fourth, the second is one of the best two."""
    import optuna

    from archkit.bench.sweep.tune import _promoted

    def trial(number, value, state, **attributes):
        made = optuna.trial.create_trial(
            state=state, value=value if state.name == "COMPLETE" else None, intermediate_values={1: value},
            user_attrs={"folder": f"run{number}", **attributes},
        )  # fmt: skip
        made.number = number
        return made

    states = optuna.trial.TrialState
    tuning = searching(None, halving=Halving(first=1, factor=2))
    trials = [trial(0, 0.9, states.COMPLETE), trial(1, 0.8, states.PRUNED), trial(2, 0.1, states.PRUNED)]
    assert _promoted(trials, tuning) is None
    trials.append(trial(3, 0.2, states.PRUNED))
    assert _promoted(trials, tuning).number == 1
    taken_up = optuna.trial.create_trial(state=states.RUNNING, user_attrs={"resumes": 1})
    assert _promoted([*trials, taken_up], tuning) is None
    assert _promoted(trials, searching(None)) is None


def test_a_run_that_was_taken_up_counts_once_and_at_its_own_rungs():
    """Three trials of two runs: the third goes on with the second's, and begins in the second epoch."""
    import optuna

    from archkit.bench.sweep.tune import _falls_behind, _of_rung

    def trial(folder, values, state):
        return optuna.trial.create_trial(
            state=state, intermediate_values=values, user_attrs={"folder": folder},
            value=0.6 if state.name == "COMPLETE" else None,
        )  # fmt: skip

    states = optuna.trial.TrialState
    tuning = searching(load_recipe("demo"), halving=Halving(first=1, factor=2))
    trials = [
        trial("a", {1: 0.5, 2: 0.6}, states.COMPLETE),
        trial("b", {1: 0.4}, states.PRUNED),
        trial("b", {2: 0.7}, states.RUNNING),
    ]
    study = types.SimpleNamespace(get_trials=lambda **_: trials)
    assert _of_rung(trials, 1) == {"a": 0.5, "b": 0.4}
    assert _of_rung(trials, 2) == {"a": 0.6, "b": 0.7}
    assert [_falls_behind(study, name, 1, tuning) for name in "ab"] == [False, True]
    assert [_falls_behind(study, name, 2, tuning) for name in "ab"] == [True, False]
    assert not _falls_behind(study, "a", 3, tuning)


def test_other_images_are_another_search(tiny, brief, tmp_path):
    list(tune(searching(brief, trials=1), tiny, conduct(tmp_path), watch=nothing))
    fewer = tiny.subset(train=30, test=None)
    with pytest.raises(RunError, match=r"tune\.journal is of another search"):
        list(tune(searching(brief, trials=1), fewer, conduct(tmp_path), watch=nothing))


def test_another_search_and_another_process_are_refused(tiny, brief, tmp_path):
    list(tune(searching(brief, trials=1), tiny, conduct(tmp_path), watch=nothing))
    with pytest.raises(RunError, match=r"tune\.journal is of another search; --out takes another folder"):
        list(tune(searching(override(brief, [("epochs", 1)])), tiny, conduct(tmp_path), watch=nothing))
    first = tune(searching(brief, trials=2), tiny, conduct(tmp_path), watch=nothing)
    next(first)
    with pytest.raises(OutputError, match="another process is at work in"):
        list(tune(searching(brief, trials=2), tiny, conduct(tmp_path), watch=nothing))
    first.close()


FILE = """
spec = "[1]x[4]"
data = "shapes"
recipe = "demo"
trials = 2
train_size = 200
test_size = 20
set = { epochs = 1 }
[search]
optimizer.lr = { low = 0.01, high = 0.2, log = true }
augment.flip = [0.0, 0.5]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "optimizer.lr =",
            "optimizer.lrr =",
            "search: there is no field 'optimizer.lrr'; did you mean optim",
        ),
        ("[0.0, 0.5]", "[0.5]", "search.augment.flip needs two values or more"),
        ("[0.0, 0.5]", "0.5", "search.augment.flip is a list, or a table of low, high"),
        ("low = 0.01", "low = 0.0", "search.optimizer.lr: log is true or false, and goes with low above 0"),
        ("low = 0.01", "low = 0.5", "search.optimizer.lr: low must be below high"),
        ("trials = 2", "trials = 0", "trials must be 1 to 10,000, not 0"),
        ("trials = 2", "", "trials is missing"),
        (
            "epochs = 1 }",
            "protocol = { validation = 0.0, select = 'last' } }",
            "there are none: set.protocol.v",
        ),
        ("[search]", "halving = { first = 0 }\n[search]", "halving.first must be at least 1 epoch, not 0"),
        ("augment.flip = [0.0, 0.5]", "augment.trivial = { low = 0, high = 1 }", "the field is no number"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(write, old, new, message):
    with pytest.raises(RunError) as caught:
        load_tuning(write(FILE.replace(old, new, 1)))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_searches_and_says_what_is_best(cli, write, tmp_path):
    args = ["tune", str(write(FILE)), "--out", str(tmp_path / "tune"), "--device", "cpu", "--threads", "1"]
    done = cli(*args, "--json", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    first = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["state"] for one in first] == ["done", "done"]
    again = cli(*args)
    assert "2 recipes tried, 0 of them stopped early; 0 trials failed" in again.stderr
    best = max(first, key=lambda one: one["validation"])
    assert f"--set optimizer.lr={best['values']['optimizer.lr']:.4g}" in again.stderr
    wrong = cli("tune", str(tmp_path / "none.toml"))
    assert wrong.returncode == 2
    assert "none.toml: No such file" in wrong.stderr
