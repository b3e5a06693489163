"""`archkit export` and `archkit eval FILE`, as a user runs them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

from archkit.bench import load_data, load_recipe, override, read_result
from archkit.bench.sweep.place import adapt
from archkit.bench.sweep.run_spec import run_spec
from archkit.bench.use.exported import trained_file
from archkit.bench.use.trained import trained
from archkit.errors import DataError
from archkit.export import FORMATS
from archkit.nn import build
from archkit.spec import parse
from tests.conftest import Cli

SPEC = "[1]x[8]"
SUFFIXES = [row.suffix for row in FORMATS.values()]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of three classes that overlap, and a run on them that was tested on a part."""
    root = tmp_path_factory.mktemp("export")
    random = np.random.default_rng(3)
    for part, count in (("train", 24), ("test", 30)):
        for label, level in (("bright", 160), ("dark", 60), ("middle", 110)):
            folder = root / "images" / part / label
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = random.normal(random.normal(level, 30), 20, (8, 8, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{i:02}.png")
    data = load_data(str(root / "images"), cache=root / "cache").subset(test=60)
    recipe = override(load_recipe("fast"), [("epochs", 3), ("batch_size", 8), ("precision", "float32")])
    run_spec(adapt(parse(SPEC), data), data, recipe, device=torch.device("cpu"), out=root / "run")
    return root


@pytest.mark.parametrize(("suffix", "fold"), [(suffix, suffix != ".onnx") for suffix in SUFFIXES])
def test_a_run_and_its_file_have_the_same_images_right(
    cli: Cli, made: Path, tmp_path: Path, suffix: str, fold: bool
) -> None:
    """The file alone: without the folder of the run, and on the part that the run was tested on."""
    file, images = str(tmp_path / f"net{suffix}"), str(made / "images")
    more = ["--fold-normalisation"] if fold else []
    done = cli("export", str(made / "run"), "-o", file, "--data", images, *more)
    assert (done.returncode, done.stderr) == (0, "")
    assert "of the run run" in done.stdout
    assert "on 64 test images of images: largest difference" in done.stdout
    result = read_result(made / "run")
    assert result.test.correct not in (0, 20, 60)
    found = json.loads(cli("eval", file, "--data", images, "--json").stdout)
    assert found["test"]["correct"] == found["recorded"] == result.test.correct
    assert found["test"]["loss"] == pytest.approx(result.test.loss, abs=1e-5)
    assert (found["same_images"], found["test"]["total"]) == (True, 60)
    assert [row["class"] for row in found["classes"]] == ["bright", "dark", "middle"]


@pytest.mark.parametrize("quantize", ["int8", "int16x8"])
@pytest.mark.parametrize("fold", [False, True])
def test_the_ranges_are_those_of_what_the_file_takes(
    cli: Cli, made: Path, tmp_path: Path, fold: bool, quantize: str
) -> None:
    more = ["--fold-normalisation"] if fold else []
    args = ["export", str(made / "run"), "-o", str(tmp_path / "net.tflite"), "--data", str(made / "images")]
    done = json.loads(cli(*args, "--quantize", quantize, "--json", *more).stdout)
    assert done["difference"] < 0.1 * done["largest"]


def test_a_user_feeds_bytes(cli: Cli, made: Path, tmp_path: Path) -> None:
    """onnxruntime and Pillow alone, and the class that `archkit predict` says."""
    file = tmp_path / "net.onnx"
    assert cli("export", str(made / "run"), "-o", str(file), "--fold-normalisation").returncode == 0
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    classes = json.loads(session.get_modelmeta().custom_metadata_map["classes"])
    paths = sorted((made / "images/test").glob("*/0*.png"))
    pixels = np.stack([np.asarray(Image.open(path)).transpose(2, 0, 1) for path in paths])
    logits = session.run(None, {"images": pixels.astype(np.float32)})[0]
    said = cli("predict", str(made / "run"), *map(str, paths), "--json").stdout.splitlines()
    assert [classes[k] for k in logits.argmax(1)] == [
        json.loads(line)["classes"][0]["class"] for line in said
    ]


def test_a_file_that_a_run_did_not_make_has_other_answers(cli: Cli, made: Path, tmp_path: Path) -> None:
    """One weight is altered: eval tests the file, not the run."""
    file = tmp_path / "net.onnx"
    cli("export", str(made / "run"), "-o", str(file))
    model = onnx.load(file)
    (bias,) = (one for one in model.graph.initializer if one.name.endswith("fc.bias"))
    bias.raw_data = np.array([-99, 99, -99], dtype=np.float32).tobytes()
    onnx.save(model, file)
    shown = cli("eval", str(file), "--data", str(made / "images")).stdout
    assert "33.33%  20 of 60" in shown  # every image is taken for dark
    fewer = read_result(made / "run").test.correct - 20
    assert f"on the same images: the file has {fewer} fewer right" in shown


def test_other_images(cli: Cli, made: Path, tmp_path: Path) -> None:
    file = str(tmp_path / "net.pt2")
    cli("export", str(made / "run"), "-o", file)
    shutil.copytree(made / "images/test", tmp_path / "images/test")
    (tmp_path / "images/test/dark/00.png").unlink()
    found = json.loads(cli("eval", file, "--data", str(tmp_path / "images"), "--json").stdout)
    assert (found["test"]["total"], found["same_images"]) == (89, False)
    part = load_data(str(made / "images"), cache=tmp_path / "cache")
    keep = np.arange(90) != 30
    ours = trained(made / "run").evaluate((part.test_images[keep], part.test_labels[keep]))
    assert found["test"]["correct"] == ours.score.correct
    shutil.move(tmp_path / "images/test/dark", tmp_path / "images/test/black")
    done = cli("eval", file, "--data", str(tmp_path / "images"))
    assert "has other classes than the run: 'black' is none of the run's" in done.stderr


def test_a_spec_says_by_what_seed_its_weights_are(cli: Cli, tmp_path: Path) -> None:
    done = cli("export", SPEC, "-o", "net.py", "--seed", "7", "--json", cwd=tmp_path)
    found = json.loads(done.stdout)
    assert found["files"] == ["net.py", "net.pt", "net.py.json"]
    assert found["about"]["weights"] == "random, by seed 7"
    assert (found["difference"], found["images"], found["of"]) == (0, 64, "random images")
    torch.manual_seed(7)
    expected = build(SPEC).state_dict()
    weights = torch.load(tmp_path / "net.pt")
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (("export", "resnt10", "-o", "a.py"), 2, "no architecture is called 'resnt10'"),
        (("export", SPEC), 2, "Missing option '--output'"),
        (("export", SPEC, "-o", "a.onnx", "--to", "onix"), 1, "unknown format 'onix'; did you mean onnx?"),
        (("export", SPEC, "-o", "a.bin"), 1, "a.bin ends in none of .py (pytorch)"),
        (("export", SPEC, "-o", "there.py"), 1, "there.py is there already; --force"),
        (("export", SPEC, "-o", "no/a.py"), 1, "there is no folder no"),
        (("export", SPEC, "-o", "a.py", "--opset", "18"), 2, "--opset does not go with pytorch"),
        (("export", SPEC, "-o", "a.onnx", "--opset", "99"), 1, "opset 99 cannot be: torch"),
        (("export", SPEC, "-o", "a.py", "--fold-normalisation"), 2, "--fold-normalisation goes with a RUN"),
        (("export", SPEC, "-o", "a.py", "--data", "shapes"), 2, "--data goes with a RUN"),
        (("export", "RUN", "-o", "a.py", "--seed", "1"), 2, "--seed goes with a SPEC"),
        (("export", "RUN", "-o", "a.py", "--data", "shapes"), 1, "shapes has images of 32x32"),
        (("export", "BARE", "-o", "a.py"), 1, "is a run without weights: it has no weights.safetensors"),
        (("export", "runs/no", "-o", "a.py"), 1, "runs/no is not the folder of a run"),
        (("export", ".", "-o", "a.py"), 1, "cannot read result.json: No such file"),
        (("eval", "no.onnx", "--data", "DATA"), 1, "cannot read no.onnx: No such file"),
        (("eval", "no.py", "--data", "DATA"), 1, "cannot read no.py: No such file"),
        (
            ("eval", "there.py", "--data", "DATA"),
            1,
            "there.py.json: it is not there, and it would say what there.py is",
        ),
        (("eval", "bad.onnx", "--data", "DATA"), 1, "cannot run bad.onnx"),
        (("eval", "bad.pt2", "--data", "DATA"), 1, "torch.export cannot load bad.pt2"),
        (("eval", "bad.txt", "--data", "DATA"), 1, "bad.txt is no exported model: its name ends in none of"),
        (("eval", "bad.onnx"), 2, "which images a file is tested on is said by --data"),
        (("eval", "bad.onnx", "--data", "DATA", "--whole"), 2, "--whole goes with a RUN"),
        (("eval", "bad.onnx", "--data", "DATA", "--device", "cuda"), 2, "--device goes with a RUN"),
    ],
)
def test_a_mistake_is_one_line(
    cli: Cli, made: Path, tmp_path: Path, args: tuple[str, ...], code: int, message: str
) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(made / "run/result.json", bare)
    (tmp_path / "there.py").write_text("raise SystemExit('it was run')\n")
    for name in ("bad.onnx", "bad.pt2", "bad.txt"):
        (tmp_path / name).write_text("no model\n")
    before = sorted(tmp_path.iterdir())
    places = {"RUN": made / "run", "DATA": made / "images", "BARE": bare}
    done = cli(*(str(places.get(arg, arg)) for arg in args), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert len(re.sub(r"\n  .*", "", done.stderr).splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_file_of_a_spec_has_no_accuracy(cli: Cli, made: Path, tmp_path: Path) -> None:
    cli("export", SPEC, "-o", "net.py", cwd=tmp_path)
    with pytest.raises(DataError, match="no classes and no normalisation: it was exported without a run"):
        trained_file(tmp_path / "net.py")
    text = (tmp_path / "net.py").read_text().replace("fc=nn.Linear(8, 10)", "fc=nn.Linear(8, 11)")
    assert "Linear(8, 11)" in text
    cli("export", str(made / "run"), "-o", "run.py", cwd=tmp_path)
    (tmp_path / "run.py").write_text(text)
    done = cli("eval", "run.py", "--data", str(made / "images"), cwd=tmp_path)
    assert "run.py does not run with its weights: RuntimeError" in done.stderr
    assert len(done.stderr.splitlines()) == 1
