"""Weights of timm and torchvision give the same outputs here: the proof that a name is the same network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from torch import nn

from archkit.count import totals
from archkit.errors import WeightsError
from archkit.nn import build, key_map, load_weights, state_shapes
from archkit.spec import ArchSpec, parse, zoo
from tests.nn.reference import TIMM, TORCHVISION, materialise, on_meta, randomise
from tests.strategies import share, specs

# Larger networks are compared in the long run: 468 million parameters take 40 s and 8 GB.
LARGE = 30e6

COVERED = [("torchvision", name) for name in TORCHVISION]
COVERED += [("timm", name) for name in TIMM if zoo.find(name) is not None]


def cases() -> Iterator[object]:
    for library, name in COVERED:
        long = totals(parse(name)).params > LARGE
        yield pytest.param(name, library, id=f"{library}-{name}", marks=pytest.mark.long if long else ())


def relative_difference(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    assert torch.isfinite(theirs).all()
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


@torch.no_grad()
def difference(ours: nn.Module, theirs: nn.Module, size: tuple[int, int]) -> float:
    """The largest difference of two networks' outputs, relative to the largest output."""
    images = torch.randn(2, 3, *size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    return relative_difference(ours(images), theirs(images))


@pytest.mark.parametrize(("name", "library"), list(cases()))
def test_the_same_weights_give_the_same_outputs(name: str, library: str) -> None:
    spec = parse(name)
    theirs = randomise(materialise(on_meta(name, library)))
    ours = materialise(build(spec, device="meta"))
    load_weights(ours, theirs.state_dict(), library=library)
    # An odd size tells paddings and ceilings apart; averages of 2x2 need maps of an even one.
    for size in [(64, 64), (65, 97) if spec.aa != "avg" else (96, 64)]:
        assert difference(ours, theirs, size) < 1e-5


def test_as_many_networks_as_promised() -> None:
    assert len([name for library, name in COVERED if library == "torchvision"]) == 10
    assert len([name for library, name in COVERED if library == "timm"]) >= 70
    normal = [case for case in cases() if not case.marks]
    assert len(normal) >= 40


def test_swapping_two_norms_shows() -> None:
    """What the comparison above can see: the statistics of two norms of one width exchanged."""
    theirs = randomise(materialise(on_meta("resnet18", "torchvision")))
    ours = materialise(build(parse("resnet18"), device="meta"))
    load_weights(ours, theirs.state_dict(), library="torchvision")
    block = ours.get_submodule("stage3.block2")
    first, second = block.norm1.running_mean.clone(), block.norm2.running_mean.clone()
    block.norm1.running_mean.copy_(second)
    block.norm2.running_mean.copy_(first)
    assert difference(ours, theirs, (64, 64)) > 1e-3


@given(specs(max_blocks=2, widths=(4, 24)))
@settings(max_examples=share(0.6))
def test_the_shapes_of_a_state_dict_are_the_plans(spec: ArchSpec) -> None:
    network = build(spec, device="meta")
    assert state_shapes(spec) == {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}


@pytest.mark.parametrize(("library", "name"), COVERED, ids=lambda value: value)
def test_the_keys_are_exactly_the_librarys(library: str, name: str) -> None:
    spec = parse(name)
    keys = key_map(spec, library)
    theirs = {key: tuple(tensor.shape) for key, tensor in on_meta(name, library).state_dict().items()}
    shapes = state_shapes(spec)
    assert {there: shapes[here] for there, here in keys.items()} == theirs
    assert list(keys.values()) == list(shapes)  # one to one, none left out


def test_keys_of_each_part() -> None:
    deep = key_map(parse("resnetrs50"), "timm")
    assert deep["conv1.0.weight"] == "stem.conv1.weight"
    assert deep["conv1.6.weight"] == "stem.conv3.weight"
    assert deep["bn1.running_var"] == "stem.norm.running_var"
    assert deep["maxpool.0.weight"] == "stem.pool_conv.weight"
    assert deep["maxpool.1.bias"] == "stem.pool_norm.bias"
    assert deep["layer1.0.downsample.1.weight"] == "stage1.block1.shortcut.conv.weight"
    assert deep["layer4.2.se.fc2.bias"] == "stage4.block3.attn.fc2.bias"
    assert deep["fc.weight"] == "head.fc.weight"
    assert (
        key_map(parse("ecaresnet26t"), "timm")["layer2.0.se.conv.weight"] == "stage2.block1.attn.conv.weight"
    )


def test_archkits_own_keys_are_themselves() -> None:
    spec = parse("[2,1]x[8,16] block=preact attn=se stem_attn=eca")
    assert key_map(spec, "archkit") == {key: key for key in build(spec, device="meta").state_dict()}


@pytest.mark.parametrize(
    ("text", "library", "layer"),
    [
        ("[1,1]x[8,16] block=preact", "torchvision", "stage1.block1.norm1"),
        ("[1,1]x[8,16] block=preact attn=se", "timm", "stage1.block1.attn.fc1"),
        ("[1,1]x[8,16] block=mbconv head_conv=8 head_hidden=8x8", "torchvision", "head.fc2"),
        ("[1,1]x[8,16] stem_attn=se", "timm", "stem.attn.fc1"),
        ("[1,1]x[8,16] attn=se", "torchvision", "stage1.block1.attn.fc1"),
        ("[1,1]x[8,16] stem=deep", "torchvision", "stem.conv1"),
        ("[1,1]x[8,16] stem_pool=conv", "torchvision", "stem.pool_conv"),
    ],
)
def test_a_layer_that_the_library_has_no_name_for(text: str, library: str, layer: str) -> None:
    with pytest.raises(WeightsError, match=rf"{library}'s [A-Z]\w+ has no place for {layer} of \["):
        key_map(parse(text), library)


def test_an_unknown_library() -> None:
    with pytest.raises(WeightsError, match=r"library is archkit \| timm \| torchvision, not keras"):
        key_map(parse("resnet18"), "keras")
