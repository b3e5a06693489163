"""A network written as a module of Python: that module, run by itself, is the network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import torchvision
from hypothesis import given, settings
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from archkit.blocks import FAMILIES, Family, Pen, family_for_now
from archkit.count import totals
from archkit.errors import ExportError
from archkit.export import About, export
from archkit.export.module_text import module_text
from archkit.nn import Network, build, load_weights, state_shapes
from archkit.spec import ArchSpec, parse, zoo
from tests.families import OTHERS
from tests.nn.reference import randomise
from tests.strategies import share, specs

# One of each family, and what tells the classes of one family apart.
TEXTS = [
    "[2,1,1,1]x[64,128,256,512]",
    "[2,2]x[8,16] shortcut=pad norm=group:4 attn=eca aa=blur",
    "[2,2]x[8,16] block=bottleneck stem=deep:8 stem_pool=max attn=se shortcut=avg groups=2",
    "[2,2]x[8,16] block=preact aa=avg bias=yes kernel=[5,3] pool=16",
    "[2,2]x[4,8] block=preact-bottleneck stem=conv7:8 stem_pool=conv stem_attn=se-plain",
    "[1,2,2]x[8,16,16] block=mbconv se=[none,input:4,v3] act=[relu,hswish,silu] padding=same",
    "[1,2]x[8,16] block=fused-mbconv expand=4",
    "[2,2]x[8,16] block=depthwise act=relu6",
    "[2,2]x[8,16] block=regnet group_width=4 se=input:4",
    "[2,2]x[8,16] block=convnext stem=patch2:8",
    "[2,2]x[8,16] block=plain norm=none bias=yes head_hidden=32 input=3x16x16",
    "[2,2]x[8,16] block=[basic,mbconv]",
    "[2,2,2]x[8,16,16] output_stride=2 norm=rms",
    "[2,2]x[8,16] block=preact weight_std=yes aa=blur-zeros norm=group:4",
    "[2,2]x[9,18] block=mbconv mix=[2,3] split=both padding=same expand=2",
    "[2,2]x[8,16] block=convnext grn=yes act=gelu-tanh norm=simple stem=patch2:8",
    "[2,2]x[8,16] block=uib start=[3,0] head_hidden=32 head_bias=norm",
    "[2,2]x[8,16] block=regnetv se=input shortcut=avg",
    "[2,2]x[8,16] block=regnetz se=input group_width=4",
]


def written(spec: ArchSpec, **about: Any) -> SimpleNamespace:
    text = module_text(About(spec=str(spec), input=spec.input, weights="random", **about))
    found: dict[str, object] = {"__file__": "network.py", "__name__": "network"}
    exec(compile(text, "network.py", "exec"), found)  # noqa: S102 - the text that is tested
    return SimpleNamespace(text=text, **found)


@torch.no_grad()
def assert_same(network: Network, module: nn.Module) -> None:
    """The same keys, the same outputs with the same weights, and as many parameters as are counted."""
    module.load_state_dict(network.state_dict(), strict=True)
    images = torch.randn(2, *network.spec.input, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(module.eval()(images), network.eval()(images), rtol=1e-5, atol=1e-5)
    assert sum(p.numel() for p in module.parameters()) == totals(network.spec).params


@settings(max_examples=share(0.6))
@given(specs(max_stages=4, max_blocks=3, widths=(1, 40), max_size=32))
def test_any_network_is_written_as_it_is(spec: ArchSpec) -> None:
    assert_same(randomise(build(spec)), written(spec).Network())


@pytest.mark.parametrize("text", TEXTS)
def test_each_family_and_what_it_prints(text: str) -> None:
    """Its docstring has the parameters that torch holds and the MACs that torch counts."""
    spec = parse(text)
    found = written(spec)
    module = found.Network()
    assert_same(randomise(build(spec)), module)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(torch.zeros(1, *spec.input))
    says = " ".join(found.text.partition('"""')[2].partition('"""')[0].split())
    assert f"{sum(p.numel() for p in module.parameters()):,} parameters" in says
    if "attn=eca" not in text and "aa=blur" not in text:  # torch counts the blur as a conv
        assert f"{counter.get_total_flops() // 2:,} multiply-accumulates" in says


def test_every_family_is_among_them() -> None:
    used = {stage.family.name for text in TEXTS for stage in parse(text).parts.stages}
    assert used == set(FAMILIES)


@pytest.mark.parametrize("family", OTHERS, ids=lambda family: family.name)
def test_a_family_of_ones_own(family: Family) -> None:
    """Sums within sums, sums whose body begins with an activation, widths that nothing says."""
    with family_for_now(family):
        for text in (
            f"[2,2,3]x[8,16,16] block={family.name}",
            f"[1,2]x[8,24] block={family.name} stride=[2,2]",
        ):
            spec = parse(text)
            assert_same(randomise(build(spec)), written(spec).Network())


def meta_shapes(name: str) -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        module = written(parse(name)).Network()
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


@pytest.mark.parametrize(
    "name", ["resnet152", "efficientnet_b7", "regnet_y_16gf", "convnext_large", "vgg19_bn"]
)
def test_deep_networks_are_short(name: str) -> None:
    """A class for each kind of block and a row for alike blocks, however many there are."""
    text = written(parse(name)).text
    assert len(text.splitlines()) < 200
    assert max(map(len, text.splitlines())) <= 130
    assert meta_shapes(name) == dict(state_shapes(parse(name)))


@pytest.mark.long
@pytest.mark.parametrize("name", zoo.names())
def test_the_zoo_has_the_same_keys(name: str) -> None:
    assert meta_shapes(name) == dict(state_shapes(parse(name)))


def test_torchvisions_network_with_its_weights() -> None:
    """From torchvision through archkit to the file, whose outputs are torchvision's."""
    theirs = randomise(torchvision.models.mobilenet_v3_small()).eval()
    ours = build("mobilenet_v3_small")
    load_weights(ours, theirs.state_dict(), library="torchvision")
    module = written(parse("mobilenet_v3_small")).Network().eval()
    module.load_state_dict(ours.state_dict())
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(module(images), theirs(images), rtol=1e-4, atol=1e-4)


ALONE = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("archkit", "timm", "torchvision", "safetensors"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Refuse())
import net, torch
torch.save(net.load()(torch.load("images.pt")), "logits.pt")
"""


def test_the_file_needs_torch_alone(tmp_path: Path) -> None:
    """In a process without archkit, with the weights beside it; it takes pixels."""
    network = randomise(build("[2,2]x[8,16] attn=se")).eval()
    mean, std = (120.0, 110.0, 100.0), (60.0, 61.0, 62.0)
    spec = network.spec
    about = About(
        spec=str(spec),
        input=spec.input,
        weights="random",
        mean=mean,
        std=std,
        folded=True,
        classes=("a", "b"),
    )
    done = export(network, tmp_path / "net.py", about=about)
    assert [file.name for file in done.files] == ["net.py", "net.pt", "net.py.json"]
    assert sorted(tmp_path.iterdir()) == sorted(done.files)
    pixels = torch.randint(0, 256, (3, *spec.input)).float()
    torch.save(pixels, tmp_path / "images.pt")
    ran = subprocess.run(
        [sys.executable, "-c", ALONE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    m, s = (torch.tensor(one)[:, None, None] for one in (mean, std))
    with torch.no_grad():
        expected: Tensor = network((pixels - m) / s)
    torch.testing.assert_close(torch.load(tmp_path / "logits.pt"), expected)
    lint = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--isolated",
        "--select",
        "E,F,B,I,UP",
        "--line-length",
        "110",
    ]
    linted = subprocess.run([*lint, str(tmp_path / "net.py")], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout


def _sum_aside(pen: Pen, _at: Any, c: Any, stride: int, _first: bool) -> None:
    def shortcut(pen: Pen) -> None:
        pen.conv("conv", 1, c, stride=stride)
        pen.residual(lambda pen: pen.conv("inner", 3, c))

    pen.residual(lambda pen: pen.conv("conv", 3, c, stride=stride), shortcut, always=True)


def test_what_cannot_be_written_is_refused_in_a_line(tmp_path: Path) -> None:
    family = Family(name="sum-aside", draw=_sum_aside, options=("stride",), source="to test")
    with family_for_now(family):
        network = build("[2]x[8] block=sum-aside")
        with pytest.raises(ExportError, match="a sum outside a block has no way to be written as a module"):
            export(network, tmp_path / "net.py")
        assert list(tmp_path.iterdir()) == []
        assert export(network, tmp_path / "net.pt2").images == 64
