"""Files of each format: in its own runtime they give the network's outputs, and they say what they are."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch._dynamo.exc import UserError, UserErrorType
from torch.torch_version import TorchVersion

import archkit.nn
from archkit.errors import ArchkitError, DataError, ExportError, OutputError
from archkit.export import FORMATS, About, export
from archkit.export.exporting import compared_on
from archkit.export.formats import find_format, format_of
from archkit.export.spellings import SPELLINGS
from archkit.nn import Network, build
from archkit.plan import KINDS
from archkit.spec import ArchSpec, parse
from tests.export.test_pytorch import TEXTS
from tests.nn.reference import randomise
from tests.strategies import share, specs

MEAN, STD = (120.0, 110.0, 100.0), (60.0, 61.0, 62.0)


def network(text: str = "[1,1]x[8,16] attn=se") -> Network:
    return randomise(build(text)).eval()


def about(net: Network, **more: object) -> About:
    return About(spec=str(net.spec), input=net.spec.input, weights="random, by seed 0", **more)


def assert_same(found: np.ndarray, net: Network, images: torch.Tensor) -> None:
    with torch.no_grad():
        expected = net(images)
    scale = float(expected.abs().max())
    torch.testing.assert_close(torch.from_numpy(found) / scale, expected / scale, rtol=0, atol=1e-4)


@pytest.mark.parametrize("text", TEXTS)
def test_onnx_in_onnxruntime(text: str, tmp_path: Path) -> None:
    """Batches of any size; one file, which onnx's own checker takes."""
    net = network(text)
    done = export(net, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == [tmp_path / "net.onnx"]
    onnx.checker.check_model(onnx.load(tmp_path / "net.onnx"), full_check=True)
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 3):
        images = torch.randn(batch, *net.spec.input)
        assert_same(session.run(["logits"], {"images": images.numpy()})[0], net, images)
    assert (done.images, done.difference <= 1e-4 * done.largest) == (64, True)


@settings(
    max_examples=share(0.05),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(specs(max_stages=3, max_blocks=2, widths=(1, 32), max_size=32))
def test_any_network_as_onnx(tmp_path: Path, spec: ArchSpec) -> None:
    """`export` itself compares; a file that computes something else is an error."""
    export(randomise(build(spec)), tmp_path / "net.onnx", force=True)


@pytest.mark.parametrize("text", TEXTS)
def test_the_program_of_torch_export(text: str, tmp_path: Path) -> None:
    net = network(text)
    export(net, tmp_path / "net.pt2")
    module = torch.export.load(tmp_path / "net.pt2").module()
    for batch in (1, 3):
        images = torch.randn(batch, *net.spec.input)
        with torch.no_grad():
            assert_same(module(images).numpy(), net, images)


@pytest.mark.parametrize("folded", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_a_file_says_what_it_is(name: str, folded: bool, tmp_path: Path) -> None:
    """And takes pixels where it does: as the network does behind the subtraction and the division by hand."""
    net = network()
    said = about(net, mean=MEAN, std=STD, folded=folded, classes=("cat", "dög"), correct=7, total=10)
    path = tmp_path / f"net{FORMATS[name].suffix}"
    export(net, path, to=name, about=said)
    assert format_of(path).read_about(path) == said
    pixels = torch.randint(0, 256, (2, *net.spec.input)).float()
    mean, std = (torch.tensor(one)[:, None, None] for one in (MEAN, STD))
    normalised = (pixels - mean) / std
    found = FORMATS[name].run(path)((pixels if folded else normalised).numpy())
    assert_same(found, net, normalised)


def test_onnx_has_metadata_that_anything_can_read(tmp_path: Path) -> None:
    net = network()
    export(net, tmp_path / "net.onnx", about=about(net, mean=MEAN, std=STD, classes=("cat", "dog")))
    model = onnx.load(tmp_path / "net.onnx")
    found = {one.key: one.value for one in model.metadata_props}
    assert found["spec"] == "[1,1]x[8,16] attn=se"
    assert found["classes"] == '["cat", "dog"]'
    assert (found["mean"], found["std"]) == ("[120.0, 110.0, 100.0]", "[60.0, 61.0, 62.0]")
    assert model.producer_name == "archkit"


@pytest.mark.parametrize("opset", [18, 21])
def test_the_opset_that_is_chosen(opset: int, tmp_path: Path) -> None:
    done = export(network(), tmp_path / "net.onnx", opset=opset)
    (imported,) = (one.version for one in onnx.load(tmp_path / "net.onnx").opset_import if not one.domain)
    assert (imported, done.said) == (opset, f"opset {opset}")


@pytest.mark.parametrize("opset", [1, 9, 99])
def test_an_opset_that_cannot_be(opset: int, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=f"^opset {opset} cannot be: torch .* opset [0-9]+ instead"):
        export(network("[1]x[8] aa=blur stem=deep:8 stem_pool=max"), tmp_path / "net.onnx", opset=opset)
    assert list(tmp_path.iterdir()) == []


def test_a_torch_that_is_too_old_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", TorchVersion("2.9.1+cpu"))
    with pytest.raises(ExportError, match=r"^ONNX needs torch 2\.10 or later, and this is 2\.9\.1\+cpu$"):
        export(network(), tmp_path / "net.onnx")

    def refused(*_args: object, **_options: object) -> None:
        raise UserError(UserErrorType.CONSTRAINT_VIOLATION, "Constraints violated (batch)!\nMore of it.")

    monkeypatch.setattr(torch.export, "export", refused)
    with pytest.raises(
        ExportError, match=r"^torch 2\.9\.1\+cpu cannot export this network: Constraints violated \(batch\)!$"
    ):
        export(network(), tmp_path / "net.pt2")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "more", "message"),
    [
        ("net.onnx", {"to": "onix"}, "unknown format 'onix'; did you mean onnx?"),
        ("net.onnx", {"to": "timm"}, "timm has no file: `import archkit.export.timm` registers the zoo"),
        ("net.onnx", {"to": "pytorch"}, "net.onnx does not end in .py, as files of the format pytorch do"),
        ("net.bin", {}, "net.bin ends in none of .py (pytorch), .onnx (onnx)"),
        ("net.pt2", {"opset": 18}, "opset goes with the format onnx, not with torch-export"),
        ("net.onnx", {"quantize": "int8"}, "quantize goes with the format tflite, not with onnx"),
        ("net.tflite", {"quantize": "int4"}, "unknown quantisation 'int4'"),
        ("there.onnx", {}, "there.onnx is there already; --force, or force=True, replaces it"),
        ("nowhere/net.onnx", {}, "there is no folder"),
    ],
)
def test_what_is_refused(name: str, more: dict[str, object], message: str, tmp_path: Path) -> None:
    (tmp_path / "there.onnx").write_text("mine")
    with pytest.raises((ExportError, OutputError), match=re.escape(message)) as caught:
        export(network(), tmp_path / name, **more)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["there.onnx"]
    assert (tmp_path / "there.onnx").read_text() == "mine"


def test_what_is_beside_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_text("my weights")
    with pytest.raises(OutputError, match=r"net.pt is there already"):
        export(network(), tmp_path / "net.py")
    export(network(), tmp_path / "net.py", force=True)
    assert set(torch.load(tmp_path / "net.pt")) == set(network().state_dict())


def test_the_network_is_left_as_it_is(tmp_path: Path) -> None:
    """In training mode, in float64, in channels_last: a copy is what is written."""
    net = network("[1,1]x[8,16] aa=blur").double().to(memory_format=torch.channels_last).train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    export(net, tmp_path / "net.pt2")
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert net.stem.conv.weight.dtype == torch.float64
    images = torch.randn(2, *net.spec.input)
    found = FORMATS["torch-export"].run(tmp_path / "net.pt2")(images.numpy())
    assert_same(found, net.eval().float(), images)


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="the network lies on the meta device and has no numbers"):
        export(build("[1]x[8]", device="meta"), tmp_path / "net.py")
    with pytest.raises(ExportError, match="images are N x 3 x 32 x 32, not 2 x 3 x 8 x 8"):
        export(network(), tmp_path / "net.py", images=np.zeros((2, 3, 8, 8), np.float32))
    net = network()
    net.head.fc.bias.data[0] = float("nan")
    with pytest.raises(ExportError, match="the network's own outputs are not all finite"):
        export(net, tmp_path / "net.py")
    assert list(tmp_path.iterdir()) == []


def test_large_networks_are_compared_on_fewer_images() -> None:
    """torchvision gives 4.09 billion MACs for ResNet-50, and 37.75 billion for EfficientNet-B7 at 600x600."""
    assert compared_on(parse("resnet50")) == 64
    assert compared_on(parse("efficientnet_b7 input=3x600x600")) == 13


def test_a_run_may_be_called_anything(tmp_path: Path) -> None:
    net = network()
    said = About(
        spec=str(net.spec), input=net.spec.input, weights='of the run a"""\nraise SystemExit \\N{x} \\'
    )
    export(net, tmp_path / "net.py", about=said)
    assert FORMATS["pytorch"].read_about(tmp_path / "net.py") == said


def test_pixels_need_a_mean(tmp_path: Path) -> None:
    net = network()
    with pytest.raises(ExportError, match="no mean and no deviation are known"):
        export(net, tmp_path / "net.onnx", about=about(net, folded=True))


def test_a_file_that_computes_something_else_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module("archkit.export.torch_export")
    true = module.run
    monkeypatch.setattr(module, "run", lambda path: lambda images: true(path)(images) * 1.001)
    with pytest.raises(
        ExportError, match=r"outputs differ from the network's by up to .* nothing is written"
    ):
        export(network(), tmp_path / "net.pt2")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("row", FORMATS.values(), ids=lambda row: row.name)
@pytest.mark.parametrize("content", [b"", b"no model at all\n" * 99])
def test_a_file_that_is_no_model(row: object, content: bytes, tmp_path: Path) -> None:
    """Nor is one that archkit has not described: a module of Python is not run then."""
    path = tmp_path / f"net{row.suffix}"
    with pytest.raises(DataError, match=r"No such file"):
        row.read_about(path)
    path.write_bytes(content)
    for use in (row.read_about, *([] if row.name == "pytorch" and not content else [row.run])):
        with pytest.raises(ArchkitError) as caught:
            use(path)
        assert str(path.name) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_what_stands_beside_a_file_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "net.tflite"
    path.write_bytes(b"\x1c\0\0\0TFL3")
    with pytest.raises(
        DataError, match=r"net\.tflite\.json: it is not there, and it would say what net\.tflite is"
    ):
        find_format("tflite").read_about(path)


def test_another_onnx_model_is_told_apart(tmp_path: Path) -> None:
    one = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    two = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Relu", ["x"], ["y"])], "g", [one], [two])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(DataError, match=r"net.onnx: it does not say what archkit exported: spec is missing"):
        FORMATS["onnx"].read_about(tmp_path / "net.onnx")
    with pytest.raises(DataError, match="takes x and gives y: archkit did not write it"):
        FORMATS["onnx"].run(tmp_path / "net.onnx")


def test_names_and_endings() -> None:
    assert [find_format(name).name for name in FORMATS] == list(FORMATS)
    with pytest.raises(
        DataError, match=r"net.h5 is no exported model: its name ends in none of .py, .onnx, .pt2"
    ):
        format_of(Path("net.h5"))
    assert archkit.nn.export is export
    with pytest.raises(AttributeError, match="no attribute 'exprot'"):
        archkit.nn.exprot  # noqa: B018 - the access is the test


def test_every_row_has_its_module() -> None:
    for row in FORMATS.values():
        module = importlib.import_module(f"archkit.export.{row.name.replace('-', '_')}")
        expected = {"write", "run"} | ({"read_about"} if row.inside else set())
        assert expected <= set(module.__all__)
        row.check_installed()


def test_every_kind_of_layer_can_be_written() -> None:
    """But the two that join inputs, which are no modules."""
    assert set(SPELLINGS) == set(KINDS) - {"add", "scale"}
