"""`output_stride` against the networks of timm and torchvision that have dilations instead of strides."""

from __future__ import annotations

import pytest
import timm
import torch
import torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archkit.count import count, totals
from archkit.errors import InferError, SpecError
from archkit.nn import build, infer, load_weights
from archkit.spec import parse
from tests.nn.reference import randomise


def _of_torchvision() -> nn.Module:
    return torchvision.models.resnet50(replace_stride_with_dilation=[False, True, True])


@pytest.mark.parametrize(
    ("name", "stride", "library", "make"),
    [
        *(
            (
                name,
                stride,
                "timm",
                lambda name=name, stride=stride: timm.create_model(name, output_stride=stride),
            )
            for name, stride in (
                ("resnet18", 8),
                ("resnet26", 16),
                ("resnetv2_50", 8),
                ("regnety_002", 8),
                ("mobilenetv2_050", 16),
                ("efficientnet_b0", 8),
                ("tf_efficientnetv2_b0", 16),
            )
        ),
        ("resnet50", 8, "torchvision", _of_torchvision),
    ],
)
@torch.no_grad()
def test_the_same_outputs_and_macs(name, stride, library, make) -> None:
    theirs = make().eval()
    randomise(theirs)
    spec = parse(f"{name} output_stride={stride} input=3x64x64")
    ours = build(spec)
    load_weights(ours, theirs.state_dict(), library=library)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = theirs(images)
    assert torch.allclose(ours.eval()(images), expected, atol=1e-5 * float(expected.abs().max()))
    with FlopCounterMode(display=False) as counter:
        theirs(images[:1])
    assert totals(spec).macs == counter.get_total_flops() // 2
    assert totals(spec).params == sum(p.numel() for p in theirs.parameters())
    if name.startswith("resnet"):
        assert infer(theirs, input=(3, 64, 64)) == spec
    else:
        with pytest.raises(InferError, match=r"\d is dilated, which is read of ResNets alone"):
            infer(theirs, input=(3, 64, 64))


def test_the_last_map_is_as_much_smaller_as_it_says() -> None:
    shapes = {"": (2048, 7, 7), "output_stride=32": (2048, 7, 7), "output_stride=16": (2048, 14, 14)}
    for text, shape in shapes.items():
        stage = next(part for part in count(f"resnet50 {text}").parts if part.name == "stage4")
        assert stage.layers[-1].layer.out_shape == shape


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("resnet50 output_stride=2", "the stem alone has a stride of 4"),
        ("convnext_tiny output_stride=16", "output_stride needs"),
        ("resnet50d output_stride=8", "a shortcut does not pool"),
    ],
)
def test_what_cannot_be_said(text: str, says: str) -> None:
    with pytest.raises(SpecError, match=says):
        count(text)
