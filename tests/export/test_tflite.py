"""TensorFlow Lite files against torch, through TensorFlow Lite's own interpreters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from archkit.count.tflm import file_size, lower
from archkit.errors import ExportError
from archkit.export.tflite import (
    QUANTISATIONS,
    interpreter_of,
    run_tflite,
    tflite_bytes,
    write_c_array,
    write_tflite,
)
from archkit.nn import build
from archkit.plan import layout
from tests.export.networks import (
    MEAN,
    OF_PIXELS,
    SPECS,
    STD,
    images,
    logits,
    network,
    normalised,
    pixels,
)

pytest.importorskip("ai_edge_litert", reason="TensorFlow Lite's interpreter is not installed")


@pytest.mark.parametrize("spec", SPECS)
def test_float_logits_are_those_of_the_network(spec: str, tmp_path: Path) -> None:
    made = network(spec)
    some = images(made, 4)
    write_tflite(made, tmp_path / "net.tflite")
    found = run_tflite(tmp_path / "net.tflite")(some)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, logits(made, some), atol=1e-4)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("quantize", ["int8", "int16x8"])
def test_integer_logits_are_near(spec: str, quantize: str, tmp_path: Path) -> None:
    """Within a tenth of the widest logit: a mistake in a scale or in a zero point is far beyond that."""
    made = network(spec)
    some = images(made, 8)
    try:
        write_tflite(made, tmp_path / "net.tflite", quantize=quantize, images=some)
    except ExportError as error:
        assert quantize == "int16x8", error
        pytest.skip(str(error))
    want = logits(made, some)
    assert np.abs(run_tflite(tmp_path / "net.tflite")(some) - want).max() <= 0.1 * np.abs(want).max()


@pytest.mark.parametrize("spec", OF_PIXELS)
@pytest.mark.parametrize(("quantize", "near"), [("none", 1e-4), ("int8", 0.1), ("int16x8", 0.1)])
def test_a_file_that_takes_pixels(spec: str, quantize: str, near: float, tmp_path: Path) -> None:
    """Bytes go in as they are, or less 128, and the logits are those of the images normalised by hand."""
    made, some = network(spec), pixels(spec, 8)
    write_tflite(normalised(made), tmp_path / "net.tflite", quantize=quantize, images=some)
    mean, std = (np.array(one, np.float32)[: len(some[0]), None, None] for one in (MEAN, STD))
    want = logits(made, (some - mean) / std)
    found = run_tflite(tmp_path / "net.tflite")(some)
    assert np.abs(found - want).max() <= near * np.abs(want).max()
    (entry,) = interpreter_of((tmp_path / "net.tflite").read_bytes()).get_input_details()
    assert entry["quantization"] == {"none": (0.0, 0), "int8": (1.0, -128), "int16x8": (1.0, 0)}[quantize]


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("quantize", QUANTISATIONS)
def test_the_size_of_the_file_is_known_before(spec: str, quantize: str) -> None:
    made = network(spec)
    try:
        content = tflite_bytes(made, quantize=quantize, images=images(made, 1))
    except ExportError as error:
        pytest.skip(str(error))
    assert len(content) == file_size(lower(layout(spec)), QUANTISATIONS[quantize])


def test_int8_keeps_the_accuracy_of_a_trained_network(tmp_path: Path) -> None:
    """Four textures in noise: all but a few of 400 new images are classed as the float network does."""
    made = build("[1,1]x[8,16] input=1x16x16 classes=4")
    torch.manual_seed(0)
    optimizer = torch.optim.Adam(made.parameters(), lr=0.01)
    for step in range(40):
        some, classes = _textures(64, seed=step)
        loss = torch.nn.functional.cross_entropy(made(some), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made.eval()
    few, _ = _textures(64, seed=1000)
    write_tflite(made, tmp_path / "net.tflite", quantize="int8", images=few.numpy())
    new, classes = _textures(400, seed=2000)
    of_float = logits(made, new.numpy()).argmax(1)
    of_int8 = run_tflite(tmp_path / "net.tflite")(new.numpy()).argmax(1)
    assert (of_float == classes.numpy()).mean() > 0.6  # it has learned something, and errs too
    assert (of_int8 == of_float).mean() >= 0.97
    assert (of_int8 == classes.numpy()).mean() >= (of_float == classes.numpy()).mean() - 0.02


def _textures(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Stripes: upright, level, both ways aslant; with so much noise that some cannot be told."""
    generator = torch.Generator().manual_seed(seed)
    classes = torch.randint(4, (count,), generator=generator)
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    stripes = torch.stack([torch.sin(at * 1.5) for at in (rows, columns, rows + columns, rows - columns)])
    noise = torch.randn(count, 16, 16, generator=generator)
    return (0.7 * stripes[classes] + noise)[:, None], classes


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ("[1,1]x[8,16] block=convnext stem=patch4:8", "layer norm"),
        ("[1,1]x[32,32] norm=group", "group norm"),
        ("[1,1]x[8,16] block=mbconv act=gelu", "GELU"),
        ("[1,1]x[8,16] stride=[1,3] shortcut=avg input=3x10x10", "average pooling of 10x10 by 3"),
    ],
)
def test_what_the_format_cannot_have_is_refused(spec: str, what: str) -> None:
    with pytest.raises(ExportError, match=what) as error:
        tflite_bytes(network(spec))
    assert "\n" not in str(error.value)


def test_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    made = network("[1]x[4]")
    with pytest.raises(ExportError, match="int8 needs images"):
        tflite_bytes(made, quantize="int8")
    with pytest.raises(ExportError, match="int7"):
        tflite_bytes(made, quantize="int7")
    with pytest.raises(ExportError, match="cannot be read"):
        run_tflite(tmp_path / "none.tflite")
    (tmp_path / "text.tflite").write_text("no model")
    with pytest.raises(ExportError, match="no TensorFlow Lite file"):
        run_tflite(tmp_path / "text.tflite")
    whole = tflite_bytes(made)
    (tmp_path / "cut.tflite").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ExportError, match="refuses the file"):
        run_tflite(tmp_path / "cut.tflite")


def test_the_c_array_holds_the_file(tmp_path: Path) -> None:
    content = bytes(range(256)) * 3
    write_c_array(content, tmp_path / "model_data.cc", name="net")
    text = (tmp_path / "model_data.cc").read_text()
    body = text.partition("{")[2].partition("}")[0]
    assert bytes(int(byte, 16) for byte in body.replace(",", " ").split()) == content
    assert "alignas(16) const unsigned char net[]" in text
    assert "const unsigned int net_len = 768;" in text


def test_a_c_compiler_takes_the_array(tmp_path: Path) -> None:
    import shutil
    import subprocess

    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")
    write_c_array(b"TFL3" * 5, tmp_path / "model_data.cc", name="net")
    (tmp_path / "main.cc").write_text(
        "extern const unsigned char net[]; extern const unsigned int net_len;\n"
        "int main() { return net_len == 20 && net[4] == 'T' && (unsigned long)net % 16 == 0 ? 0 : 1; }\n"
    )
    sources = [str(tmp_path / "model_data.cc"), str(tmp_path / "main.cc")]
    subprocess.run([compiler, *sources, "-o", str(tmp_path / "main")], check=True, timeout=60)
    assert subprocess.run([str(tmp_path / "main")], check=False, timeout=60).returncode == 0
