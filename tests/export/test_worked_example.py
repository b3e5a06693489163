"""docs/devices.md, from one end to the other: own gray images of 96x96, 256 kB of flash and 64 kB of RAM."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from archkit.bench import read_result
from tests.conftest import Cli
from tests.export.micro import allocated

SPACE = "[1..2]*3x[4..16:4] order=nondecreasing input=1x96x96 classes=2 stem=conv3s2:8"
DEVICE = ("--max-arena", "64kB", "--max-flash", "256kB")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gray images of two classes, which a glance tells apart."""
    root = tmp_path_factory.mktemp("device")
    random = np.random.default_rng(7)
    for part, count in (("train", 24), ("test", 10)):
        for label, level in (("day", 150), ("night", 90)):
            folder = root / "images" / part / label
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = random.normal(random.normal(level, 20), 30, (96, 96)).clip(0, 255).astype(np.uint8)
                Image.fromarray(pixels).save(folder / f"{i:02}.png")
    return root


def test_a_microcontroller(cli: Cli, root: Path) -> None:
    def ask(*args: str) -> list[dict]:
        done = cli(*args, cwd=root)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    best, *_ = ask("solve", SPACE, *DEVICE, "--max-macs", "5M", "--best", "1", "--extrapolate", "--json")
    assert best["exact"]
    spec = best["spec"]
    trained, = ask(
        "bench", spec, "--data", "images", "--recipe", "demo", "--epochs", "2", "--batch-size", "8", "--out",
        "run", "--json", "--quiet",
    )  # fmt: skip
    assert trained["data"]["input"] == [1, 96, 96]
    (memory,) = ask("count", spec, "--memory", "--target", "tflm", "--json")
    assert memory["flash"] == best["flash"] <= 256_000
    assert memory["arena"] == best["arena"] <= 64_000

    ask(
        "export",
        "run",
        "--to",
        "tflite",
        "--quantize",
        "int8",
        "--data",
        "images",
        "-o",
        "net.tflite",
        "--json",
    )
    content = (root / "net.tflite").read_bytes()
    assert len(content) == memory["flash"]
    assert tuple(allocated(content)) == (memory["head"], memory["tail"])
    array = (root / "net.cc").read_text()
    assert f"model_data_len = {len(content)};" in array

    said = cli("eval", "net.tflite", "--data", "images", cwd=root).stdout
    assert "its run" in said
    (file,) = ask("eval", "net.tflite", "--data", "images", "--json")
    assert abs(file["test"]["correct"] - read_result(root / "run").test.correct) <= 2


def test_a_phone(cli: Cli, root: Path) -> None:
    """docs/latency.md, from one end to the other, with a table that onnxruntime gave, and an ONNX file."""
    pytest.importorskip("onnxscript")

    def ask(*args: str) -> list[dict]:
        done = cli(*args, cwd=root)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]

    space = "[1..2]*2x[16] block=mbconv act=relu6 input=1x96x96 classes=2 stem=conv3s2:16"
    ask("measure", space, "--on", "onnxruntime", "-o", "latency.csv")
    record = json.loads((root / "latency.json").read_text())
    assert (record["on"], record["batch"]) == ("onnxruntime", 1)
    listed = ask("enumerate", space, "--latency", "latency.csv", "--json")
    middle = sorted(row["latency"] for row in listed)[len(listed) // 2]
    limits = ("--latency", "latency.csv", "--max-latency", f"{middle:.6f}ms", "--max-macs", "300M")
    (best,) = ask("solve", space, *limits, "--by", "macs", "--best", "1", "--json")
    within = [row for row in listed if row["latency"] <= middle and row["macs"] <= 300_000_000]
    assert best["macs"] == max(row["macs"] for row in within)
    assert best["latency"] <= middle + 1e-6
    ask(
        "bench", best["spec"], "--data", "images", "--recipe", "demo", "--epochs", "1", "--batch-size", "8",
        "--out", "phone", "--json", "--quiet",
    )  # fmt: skip
    ask("export", "phone", "-o", "phone.onnx", "--json")
    session = onnxruntime.InferenceSession(root / "phone.onnx", providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape[1:] == [1, 96, 96]
    (file,) = ask("eval", "phone.onnx", "--data", "images", "--json")
    assert file["test"]["correct"] == read_result(root / "phone").test.correct


@pytest.mark.long
def test_a_phone_of_the_shipped_budget(cli: Cli, tmp_path: Path) -> None:
    """MobileNetV2's budget, an ONNX file, and what onnxruntime makes of it."""
    done = cli("solve", "--budget", "phone", "--best", "1", "--json")
    best = json.loads(done.stdout.splitlines()[0])
    assert best["macs"] <= 300_774_272
    file = tmp_path / "phone.onnx"
    done = cli("export", best["spec"], "-o", str(file))
    assert done.returncode == 0, done.stderr
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape[1:] == [3, 224, 224]
    (logits,) = session.run(None, {session.get_inputs()[0].name: np.zeros((1, 3, 224, 224), np.float32)})
    assert logits.shape == (1, 1000)
