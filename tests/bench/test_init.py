"""`archkit bench SPEC --init RUN`: a network that begins with the weights of a finished run."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from archkit.bench.data.load import load_data
from archkit.bench.recipe import load_recipe, override
from archkit.bench.sweep.place import adapt
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train.device_data import DeviceData
from archkit.bench.train.initial import read_initial
from archkit.bench.train.trainer import Trainer
from archkit.nn import build
from archkit.spec import parse

SPEC = "[1,1]x[4,8] input=3x8x8"
ARGS = ("--recipe", "demo", "--epochs", "1", "--batch-size", "4", "--device", "cpu", "--quiet")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A finished run, and the images that it was trained on."""
    root = tmp_path_factory.mktemp("init")
    random = np.random.default_rng(1)
    for part, count in (("train", 10), ("test", 5)):
        for label in ("cat", "dog"):
            folder = root / "images" / part / label
            folder.mkdir(parents=True)
            for i in range(count):
                Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{i}.png")
    data = load_data(str(root / "images"), cache=root / "cache")
    recipe = override(load_recipe("demo"), [("epochs", 1), ("batch_size", 4)])
    run_spec(adapt(parse(SPEC), data), data, recipe, device=torch.device("cpu"), out=root / "first")
    return root / "first", root / "images"


def test_every_weight_is_taken_over(first):
    initial = read_initial(first[0])
    model = build(parse(SPEC).replace(classes=len(initial.classes)))
    initial.put_into(model, classes=initial.classes)
    expected = load_file(first[0] / "weights.safetensors")
    assert {name: tensor.tolist() for name, tensor in model.state_dict().items()} == {
        name: tensor.tolist() for name, tensor in expected.items()
    }


def test_for_other_classes_the_last_layer_is_new(first):
    initial = read_initial(first[0])
    fresh = build(parse(SPEC).replace(classes=7))
    before = {name: tensor.clone() for name, tensor in fresh.state_dict().items()}
    initial.put_into(fresh, classes=tuple("abcdefg"))
    for name, tensor in fresh.state_dict().items():
        expected = before[name] if name.startswith("head.fc.") else initial.weights[name]
        assert torch.equal(tensor, expected), name
    # As many classes, but others: their order means nothing to the last layer.
    same = build(parse(SPEC).replace(classes=len(initial.classes)))
    before = same.state_dict()["head.fc.weight"].clone()
    initial.put_into(same, classes=tuple(reversed(initial.classes)))
    assert torch.equal(same.state_dict()["head.fc.weight"], before)


def test_images_are_normalised_as_the_first_run_had_them(first):
    data = load_data(str(first[1]))
    darker = dataclasses.replace(data, train_images=data.train_images // 2)
    recipe = override(load_recipe("demo"), [("epochs", 1), ("batch_size", 4)])
    initial = read_initial(first[0])
    on_device = DeviceData.of(darker, recipe, torch.device("cpu"), initial=initial)
    result = json.loads((first[0] / "result.json").read_text())
    assert on_device.mean.tolist() == pytest.approx(result["data"]["mean"])
    assert on_device.std.tolist() == pytest.approx(result["data"]["std"])
    trainer = Trainer(
        parse(SPEC).replace(classes=len(data.classes)), on_device, recipe, seed=3, device=torch.device("cpu"),
        initial=initial, classes=tuple(data.classes),
    )  # fmt: skip
    assert all(torch.equal(tensor, initial.weights[name]) for name, tensor in trainer.weights().items())


def test_the_command(first, cli, tmp_path):
    run, data = first
    key = json.loads((run / "result.json").read_text())["key"]
    args = ("bench", SPEC, "--data", str(data), *ARGS)
    for more in (("--init", str(run)), ()):
        done = cli(*args, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    results = [json.loads(path.read_text()) for path in (tmp_path / "runs").glob("*/result.json")]
    assert sorted((one["init"] for one in results), key=str) == sorted([None, key], key=str)
    assert len({one["key"] for one in results}) == 2
    report = cli("report", "runs", cwd=tmp_path).stdout
    assert f"after {key[:8]}" in report  # and not one group of two seeds
    again = cli(*args, "--init", str(run), "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["init"] == key


@pytest.mark.parametrize(
    ("spec", "init", "says"),
    [
        ("[1,1]x[4,9] input=3x8x8", "first", "first has the weights of [1,1]x[4,8] input=3x8x8"),
        ("[1,1,1]x[4,8,8] input=3x8x8", "first", "another network than this one"),
        (SPEC, "nowhere", "cannot read nowhere/result.json: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line(first, cli, spec, init, says):
    done = cli("bench", spec, "--data", str(first[1]), *ARGS, "--init", init, cwd=first[0].parent)
    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
