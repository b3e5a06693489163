"""A run's folder: whole or not there, found again, never overwritten unasked."""

import csv
import hashlib
import json
import platform

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

import archkit
from archkit.bench.recipe import override
from archkit.bench.sweep.folder import finish, working_folder
from archkit.bench.sweep.place import adapt
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train.device import peak_share
from archkit.bench.train.events import Step
from archkit.bench.train.results import Environment, read_result, run_key
from archkit.errors import DataError, OutputError, RunError
from archkit.nn import build
from archkit.spec import parse

CPU = torch.device("cpu")


@pytest.fixture
def spec(tiny):
    return adapt(parse("[1]x[8]"), tiny)


def counted_macs(spec):
    model, counted = build(spec), []

    def count(module, _args, output):
        weight = module.weight
        counted.append(output.numel() * weight[0].numel())

    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            module.register_forward_hook(count)
    model.eval()(torch.zeros(1, *spec.input))
    return sum(counted)


def test_a_network_is_adapted_to_the_data(tiny):
    assert str(adapt(parse("[1]x[8]"), tiny)) == str(parse("[1]x[8] input=3x8x8 classes=3"))


def test_the_folder_holds_the_whole_run(tiny, brief, spec, tmp_path):
    done = run_spec(spec, tiny, brief, device=CPU, seed=3, root=tmp_path / "runs", label="My net!")
    assert done.fresh
    assert [p.name for p in (tmp_path / "runs").iterdir()] == [done.folder.name]
    assert done.folder.name == f"My-net-brief-tiny-s3-{done.result.key[:8]}"
    assert sorted(p.name for p in done.folder.iterdir()) == [
        "correct.safetensors",
        "epochs.csv",
        "result.json",
        "weights.safetensors",
    ]

    raw = json.loads((done.folder / "result.json").read_text())
    assert raw["spec"] == str(spec)
    assert raw["params"] == sum(p.numel() for p in build(spec).parameters())
    assert raw["recipe"] == brief.to_mapping()
    assert raw["seed"] == 3
    assert raw["data"]["checksum"] == tiny.checksum
    assert [raw["data"][k] for k in ("train", "validation", "test", "whole_train")] == [48, 12, 30, 60]
    assert raw["test"]["total"] == 30
    environment = raw["environment"]
    assert environment["torch"] == torch.__version__
    assert environment["archkit"] == archkit.__version__
    assert environment["python"] == platform.python_version()
    assert (environment["device_type"], environment["precision"]) == ("cpu", "float32")
    assert environment["threads"] == torch.get_num_threads()
    assert environment["device"]
    # Multiply-accumulates by hooks on the network itself: outputs times the inputs that each is made of.
    assert raw["macs"] == counted_macs(spec)
    seconds = [float(line.split(",")[8]) for line in (done.folder / "epochs.csv").read_text().split()[1:]]
    assert raw["train_seconds"] == pytest.approx(sum(seconds))
    assert raw["images_per_second"] == pytest.approx(2 * 48 / sum(seconds))
    assert raw["total_seconds"] > raw["train_seconds"]
    assert raw["compile_seconds"] is None
    assert raw["peak_share"] is None  # nobody knows a CPU's
    assert read_result(done.folder) == done.result

    with (done.folder / "epochs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    best = max(range(2), key=lambda i: (int(rows[i]["validation_correct"]), -i))
    assert raw["epoch"] == best + 1
    assert int(rows[best]["validation_correct"]) == raw["validation"]["correct"]

    model = build(spec)
    model.load_state_dict(load_file(done.folder / "weights.safetensors"))
    with safe_open(done.folder / "weights.safetensors", "pt") as file:
        said = file.metadata()
    assert (said["spec"], said["key"], said["epoch"]) == (str(spec), done.result.key, str(raw["epoch"]))


def test_the_key_is_the_documented_hash(brief):
    # What decides in a recipe is written out by hand in test_techniques.py.
    what = {"format": 3, "spec": "[1]x[8]", "recipe": brief.deciding(), "seed": 0, "data": "abc"}
    text = json.dumps(what, sort_keys=True, separators=(",", ":"))
    key = run_key(spec="[1]x[8]", recipe=brief, seed=0, data="abc")
    assert key == hashlib.sha256(text.encode()).hexdigest()
    others = {
        run_key(spec="[1]x[9]", recipe=brief, seed=0, data="abc"),
        run_key(spec="[1]x[8]", recipe=override(brief, [("epochs", 3)]), seed=0, data="abc"),
        run_key(spec="[1]x[8]", recipe=brief, seed=1, data="abc"),
        run_key(spec="[1]x[8]", recipe=brief, seed=0, data="abd"),
    }
    assert len(others | {key}) == 5
    assert run_key(spec="[1]x[8]", recipe=override(brief, [("name", "else")]), seed=0, data="abc") == key


def test_a_finished_run_is_found_and_not_run_again(tiny, brief, spec, tmp_path):
    first = run_spec(spec, tiny, brief, device=CPU, root=tmp_path, label="one")

    def never(_event):
        raise AssertionError("it was run again")

    again = run_spec(spec, tiny, brief, device=CPU, root=tmp_path, label="another name", watch=never)
    assert (again.fresh, again.folder, again.result) == (False, first.folder, first.result)


def test_force_runs_again_and_replaces(tiny, brief, spec, tmp_path):
    out = tmp_path / "run"
    first = run_spec(spec, tiny, brief, device=CPU, out=out)
    again = run_spec(spec, tiny, brief, device=CPU, out=out, force=True)
    assert again.fresh
    assert again.result.test == first.result.test
    other = run_spec(spec, tiny, brief, device=CPU, out=out, force=True, seed=1)
    assert read_result(out) == other.result
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_what_is_not_this_run_is_never_overwritten(tiny, brief, spec, tmp_path):
    def run(out, **options):
        return run_spec(spec, tiny, brief, device=CPU, out=out, **options)

    run(tmp_path / "run")
    with pytest.raises(OutputError, match=r"holds another run \(.*, recipe brief, seed 0\); --force"):
        run(tmp_path / "run", seed=1)
    (tmp_path / "run" / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"holds thesis\.tex, which is not the run's"):
        run(tmp_path / "run", seed=1, force=True)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.tex").write_text("years of work")
    for force in (False, True):
        with pytest.raises(OutputError, match="holds something that is not a run"):
            run(tmp_path / "folder", force=force)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        run(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot write"):
        run(tmp_path / "file" / "below")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder", "run"]


def test_an_empty_folder_will_do(tiny, brief, spec, tmp_path):
    (tmp_path / "run").mkdir()
    assert run_spec(spec, tiny, brief, device=CPU, out=tmp_path / "run").fresh


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, OSError(28, "No space left on device")])
def test_a_run_that_ends_badly_in_its_first_epoch_leaves_nothing(tiny, brief, spec, tmp_path, error):
    def fail(event):
        if isinstance(event, Step):
            # The epoch table can be read while the run goes on.
            assert len(next(tmp_path.glob("runs/*.partial/epochs.csv")).read_text().splitlines()) == 1
            raise error

    expected = OutputError if isinstance(error, OSError) else error
    with pytest.raises(expected):
        run_spec(spec, tiny, brief, device=CPU, root=tmp_path / "runs", watch=fail)
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_loss_that_is_not_finite_leaves_nothing(tiny, brief, spec, tmp_path):
    recipe = override(brief, [("optimizer.lr", 1e30)])
    with pytest.raises(RunError, match="not finite"):
        run_spec(spec, tiny, recipe, device=CPU, root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_forced_run_that_fails_leaves_the_old_one(tiny, brief, spec, tmp_path):
    first = run_spec(spec, tiny, brief, device=CPU, root=tmp_path)

    def fail(_event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_spec(spec, tiny, brief, device=CPU, root=tmp_path, force=True, watch=fail)
    assert read_result(first.folder) == first.result
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not the result of a run"),
        ("[]", "not an object"),
        ("[" * 50_000 + "]" * 50_000, "more than 100 levels are nested in one another"),
        ('{"a":' * 500 + "1" + "}" * 500, "more than 100 levels are nested in one another"),
        ('{"kye": 1}', "no field 'kye'; did you mean key"),
    ],
)
def test_a_result_that_is_none_is_refused(tmp_path, text, message):
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(DataError) as caught:
        read_result(tmp_path)
    assert message in str(caught.value)


def test_a_missing_result_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*result\.json: No such file"):
        read_result(tmp_path)


def write_and_finish(folder, *, then=None):
    with working_folder(folder) as (work, _):
        (work / "result.json").write_text("new")
        finish(work, folder)
        if then is not None:
            raise then


def test_a_rename_that_fails_puts_the_old_run_back(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "result.json").write_text("old")
    rename = type(folder).rename

    def fail(self, target):
        if self.name == "run.partial":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(type(folder), "rename", fail)
    with pytest.raises(KeyboardInterrupt):
        write_and_finish(folder)
    assert (folder / "result.json").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_an_interruption_after_the_rename_leaves_the_new_run(tmp_path):
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        write_and_finish(folder, then=KeyboardInterrupt)
    assert (folder / "result.json").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(
    ("device", "precision", "expected"),
    [
        # 1e9 MACs, forward and twice as much backward, two operations each: 6e9 an image.
        ("NVIDIA A100-SXM4-40GB", "bfloat16", 10_400 * 6e9 / 312e12),
        ("NVIDIA A100-SXM4-40GB", "float32", None),
        ("NVIDIA GeForce 256", "bfloat16", None),
        ("AMD EPYC", "bfloat16", None),
    ],
)
def test_the_share_of_the_peak_is_told_where_the_peak_is_known(device, precision, expected):
    environment = Environment(
        archkit="0",
        python="3",
        torch="2",
        platform="x",
        device=device,
        device_type="cuda",
        threads=1,
        precision=precision,
    )
    share = peak_share(environment, macs=10**9, images_per_second=10_400)
    assert share == (None if expected is None else pytest.approx(expected))
