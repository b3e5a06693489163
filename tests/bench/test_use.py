"""A trained network from its folder alone: the recorded count to the image, and what it says of images."""

import json
import math
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

import archkit
from archkit.bench import load_data, load_recipe, override, preprocess, read_result
from archkit.bench.sweep.place import adapt
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.train.correct import read_correct
from archkit.bench.train.evaluation import Answers
from archkit.bench.train.results import Score
from archkit.bench.use.assess import assess
from archkit.errors import DataError
from archkit.nn import build
from archkit.spec import parse

SMALL = ("bench", "[1]x[8]", "--recipe", "fast", "--epochs", "1", "--batch-size", "4", "--device", "cpu")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder of images whose classes are bright and dark, and a run on it; the recipe tests with flips."""
    root = tmp_path_factory.mktemp("use")
    random = np.random.default_rng(3)
    for part, count in (("train", 24), ("test", 10)):
        for label, low in (("bright", 100), ("dark", 0)):
            folder = root / "images" / part / label
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = random.integers(low, low + 150, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    data = load_data(str(root / "images"), cache=root / "cache")
    recipe = override(load_recipe("fast"), [("epochs", 3), ("batch_size", 8)])
    spec = adapt(parse("[1]x[8]"), data)
    run_spec(spec, data, recipe, device=torch.device("cpu"), out=root / "run")
    return root


def test_the_result_and_the_weights_say_what_the_network_takes(made):
    raw = json.loads((made / "run" / "result.json").read_text())
    data = load_data(str(made / "images"))
    pixels = data.train_images.astype(np.float64)
    assert raw["data"]["mean"] == pytest.approx(pixels.mean((0, 2, 3)), rel=1e-6)
    assert raw["data"]["std"] == pytest.approx(pixels.std((0, 2, 3)), rel=1e-6)
    assert raw["data"]["classes"] == ["bright", "dark"]
    assert raw["data"]["resized"] is False
    with safe_open(made / "run" / "weights.safetensors", "pt") as file:
        said = file.metadata()
    for name in ("classes", "input", "mean", "std"):
        assert json.loads(said[name]) == raw["data"][name]
    assert said["archkit"] == archkit.__version__


def test_preprocess_and_a_plain_module_come_to_the_recorded_count(made):
    """As docs/bench.md has it, without `archkit.bench.use`: images one by one, by hand."""
    result = read_result(made / "run")
    model = build(parse(result.spec))
    model.load_state_dict(load_file(made / "run" / "weights.safetensors"))
    prepare = preprocess(result)
    right = 0
    for label, name in enumerate(result.data.classes):
        images = torch.stack([prepare(path) for path in sorted((made / "images/test" / name).iterdir())])
        with (
            torch.inference_mode(),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=result.environment.precision == "bfloat16"),
        ):
            right += int((model.eval()(images).argmax(1) == label).sum())
    assert right == result.test.correct


def test_preprocess_takes_paths_images_and_pixels(made):
    result = read_result(made / "run")
    prepare = preprocess(result)
    path = made / "images/test/dark/0.png"
    pixels = np.asarray(Image.open(path)).transpose(2, 0, 1)
    mean, std = (np.float32(each)[:, None, None] for each in (result.data.mean, result.data.std))
    expected = (pixels.astype(np.float32) - mean) / std
    for image in (path, str(path), Image.open(path), pixels, torch.tensor(pixels)):
        assert np.array_equal(prepare(image).numpy(), expected)
    assert np.array_equal(prepare(np.stack([pixels, pixels])).numpy(), np.stack([expected, expected]))
    with pytest.raises(DataError, match="pixels must be uint8"):
        prepare(pixels / 255)
    with pytest.raises(DataError, match=r"pixels must be ... x 3x8x8, not ... x 3x4x8"):
        prepare(pixels[:, :4])
    with pytest.raises(DataError, match="the image is 5x9, the network takes 8x8"):
        prepare(Image.new("L", (9, 5)))
    assert preprocess(result, resize=True)(Image.new("L", (9, 5))).shape == (3, 8, 8)


def test_eval_gives_back_the_recorded_count(cli, made):
    """In a process of its own, from the result, the weights and the test images alone."""
    result = read_result(made / "run")
    bare = made / "bare"
    bare.mkdir()
    for name in ("result.json", "weights.safetensors"):
        shutil.copy(made / "run" / name, bare)
    shutil.copytree(made / "images" / "test", made / "only" / "test")
    done = cli("eval", str(bare), "--data", str(made / "only"))
    assert done.returncode == 0, done.stderr
    assert f"{result.test.correct} of 20, the same images and the same count" in done.stdout
    assert f"{result.test_flip.correct} of 20" in done.stdout
    line = json.loads(cli("eval", str(bare), "--data", str(made / "images"), "--json").stdout)
    assert line["test"] == {"correct": result.test.correct, "total": 20, "loss": result.test.loss}
    assert line["test_flip"]["loss"] == result.test_flip.loss
    assert line["same_images"] is True


def test_eval_keeps_which_images_are_right(cli, made, tmp_path):
    """What the run left stays; a run without it gets it; other images have a file of their own."""
    run, images = tmp_path / "run", str(made / "images")
    shutil.copytree(made / "run", run)
    left = read_correct(run / "correct.safetensors")
    (run / "correct.safetensors").unlink()
    assert cli("eval", str(run), "--data", images).returncode == 0
    kept = read_correct(run / "correct.safetensors")
    assert (kept.right.tolist(), kept.test_checksum) == (left.right.tolist(), left.test_checksum)
    fewer = tmp_path / "fewer" / "test"
    shutil.copytree(made / "images" / "test", fewer)
    (fewer / "dark" / "0.png").unlink()
    done = cli("eval", str(run), "--data", str(fewer.parent), "--json")
    (other,) = run.glob("correct-*.safetensors")
    kept = read_correct(other)
    assert kept.test_checksum[:8] == other.name[8:16]
    assert (len(kept.right), kept.right.sum()) == (19, json.loads(done.stdout)["test"]["correct"])
    dark = read_correct(run / "correct.safetensors").right[10:]
    assert kept.right[10:].tolist() == dark[1:].tolist()  # the images in their order, without the first
    data = load_data(images, cache=tmp_path / "cache")
    recipe = override(load_recipe("fast"), [("epochs", 3), ("batch_size", 8)])
    again = run_spec(adapt("[1]x[8]", data), data, recipe, device=torch.device("cpu"), out=run, force=True)
    assert again.fresh  # a run that was tested on other images too can be run again


def test_eval_says_what_is_wrong(cli, made):
    """Against each image's answer, one by one, from `archkit predict`."""
    paths = sorted((made / "images" / "test").glob("*/*.png"))
    said = cli("predict", str(made / "run"), *map(str, paths), "--json").stdout.splitlines()
    firsts = [json.loads(line)["classes"][0] for line in said]
    names = ("bright", "dark")
    confusion = [
        [
            sum(path.parent.name == one and first["class"] == other
                for path, first in zip(paths, firsts, strict=True))
            for other in names
        ]
        for one in names
    ]  # fmt: skip
    found = json.loads(cli("eval", str(made / "run"), "--data", str(made / "images"), "--json").stdout)
    assert found["confusion"] == confusion
    assert found["classes"] == [
        {"class": name, "images": 10, "correct": confusion[at][at], "chosen": sum(r[at] for r in confusion)}
        for at, name in enumerate(names)
    ]
    assert found["nll"] == found["test"]["loss"]
    gaps = [0.0] * 15  # of each bin: right images less the probabilities that were given
    for path, first in zip(paths, firsts, strict=True):
        right, sure = path.parent.name == first["class"], first["probability"]
        gaps[math.ceil(sure * 15) - 1] += right - sure
    assert found["calibration_error"] == pytest.approx(sum(map(abs, gaps)) / 20, abs=1e-6)
    table = cli("eval", str(made / "run"), "--data", str(made / "images")).stdout
    for at, name in enumerate(names):
        cells = [str(n) if n else "." for n in confusion[at]]
        (line,) = (line.split() for line in table.splitlines() if line.startswith(name))
        assert line == [name, str(at), f"{confusion[at][at] / 10:.2%}", *cells]


def test_many_classes_are_shown_by_their_mistakes():
    answers = Answers(
        score=Score(correct=3, total=6, loss=0.5),
        chosen=np.array([0, 1, 1, 2, 2, 0]),
        right=np.array([1, 1, 0, 1, 0, 0], dtype=bool),
        confidence=np.full(6, 0.5, dtype=np.float32),
    )
    found = assess(answers, np.array([0, 1, 2, 2, 1, 2]), 4)
    assert found.confusion.tolist() == [[1, 0, 0, 0], [0, 1, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    assert (found.images, found.correct, found.chosen) == ((1, 2, 3, 0), (1, 1, 1, 0), (2, 2, 2, 0))
    assert found.mistakes() == ((1, 2, 1), (2, 0, 1), (2, 1, 1))


def test_eval_takes_the_part_that_the_run_was_tested_on(cli, made, tmp_path):
    images = str(made / "images")
    done = cli(*SMALL, "--data", images, "--test-size", "6", "--out", str(tmp_path / "run"), "--json")
    recorded = json.loads(done.stdout)["test"]
    part = json.loads(cli("eval", str(tmp_path / "run"), "--data", images, "--json").stdout)
    assert (part["test"], part["same_images"]) == (recorded, True)
    whole = json.loads(cli("eval", str(tmp_path / "run"), "--data", images, "--whole", "--json").stdout)
    assert (whole["test"]["total"], whole["same_images"]) == (20, False)


def test_eval_and_predict_scale_as_the_run_did(cli, made, tmp_path):
    run = str(tmp_path / "run")
    small = [arg if arg != "[1]x[8]" else "[1]x[8] input=1x6x7" for arg in SMALL]
    done = cli(*small, "--data", str(made / "images"), "--resize", "--out", run, "--json")
    recorded = json.loads(done.stdout)
    assert (recorded["data"]["resized"], recorded["data"]["input"]) == (True, [1, 6, 7])
    again = json.loads(cli("eval", run, "--data", str(made / "images"), "--json").stdout)
    assert (again["test"], again["same_images"]) == (recorded["test"], True)
    assert cli("predict", run, str(made / "images/test/dark/0.png")).returncode == 0


def test_predict_names_the_classes(cli, made):
    """The count over all test images is the recorded one: the same network, the same pixels."""
    result = read_result(made / "run")
    paths = sorted((made / "images" / "test").glob("*/*.png"))
    done = cli("predict", str(made / "run"), *map(str, paths), "--top", "2", "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["image"] for line in lines] == [str(path) for path in paths]
    firsts = [line["classes"][0]["class"] for line in lines]
    assert sum(a == path.parent.name for a, path in zip(firsts, paths, strict=True)) == result.test.correct
    for line in lines:
        assert sum(one["probability"] for one in line["classes"]) == pytest.approx(1)
    table = cli("predict", str(made / "run"), str(paths[0]))
    assert str(paths[0]) in table.stdout
    assert firsts[0] in table.stdout


def older(made, tmp_path):
    """The run as it was recorded before there was a mean."""
    folder = tmp_path / "older"
    shutil.copytree(made / "run", folder)
    raw = json.loads((folder / "result.json").read_text())
    for name in ("mean", "std", "test_checksum", "resized"):
        del raw["data"][name]
    (folder / "result.json").write_text(json.dumps(raw))
    return folder


def test_a_run_of_an_older_schema_says_what_it_lacks(cli, made, tmp_path):
    folder = older(made, tmp_path)
    message = "this run lacks data.mean and data.std in its result"
    with pytest.raises(DataError, match=message):
        preprocess(read_result(folder))
    image = str(made / "images/test/dark/0.png")
    for args in (("eval", str(folder), "--data", str(made / "images")), ("predict", str(folder), image)):
        done = cli(*args)
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: {message}: it was recorded before archkit kept")
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("eval", "nowhere"), 1, "cannot read nowhere/result.json: No such file"),
        (("eval", "RUN"), 2, "the run's images came from a folder called images: --data says where it is"),
        (("eval", "RUN", "--data", "./nowhere"), 1, "./nowhere is not a folder"),
        (("eval", "RUN", "--data", "shapes"), 1, "shapes has images of 32x32, the network takes 8x8"),
        (("eval", "RUN", "--data", "shapes", "--resize"), 1, "other classes than the run: 'disc' is none of"),
        (("predict", "nowhere", "IMAGE"), 1, "nowhere is not the folder of a run"),
        (("predict", "RUN", "no.png"), 1, "there is no image no.png"),
        (("predict", "RUN", "RUN/result.json"), 1, "result.json is not a readable image"),
        (("predict", "RUN", "BIG"), 1, "is 5x9, the network takes 8x8 (height x width): --resize"),
    ],
)
def test_a_mistake_is_one_line(cli, made, tmp_path, args, code, message):
    Image.new("RGB", (9, 5)).save(tmp_path / "big.png")
    places = {"RUN": made / "run", "IMAGE": made / "images/test/dark/0.png", "BIG": tmp_path / "big.png"}
    found = [re.sub("RUN|IMAGE|BIG", lambda key: str(places[key[0]]), arg) for arg in args]
    done = cli(*found, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.long
@pytest.mark.cifar10
def test_the_count_on_real_images(cli, cifar10_folder, tmp_path):
    sizes = ("--train-size", "2000", "--test-size", "1000", "--out", str(tmp_path / "run"), "--json")
    done = cli(*SMALL, "--batch-size", "64", "--data", str(cifar10_folder), *sizes)
    recorded = json.loads(done.stdout)["test"]
    again = json.loads(cli("eval", str(tmp_path / "run"), "--data", str(cifar10_folder), "--json").stdout)
    assert (again["test"], again["same_images"]) == (recorded, True)
