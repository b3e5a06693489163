"""Modules that the language cannot say: the error names the place and what stands there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import pytest
import timm
import torch
import torchvision
from torch import nn

from archkit.errors import InferError
from archkit.nn import build, infer
from archkit.spec import parse
from tests.nn.reference import Numbers, on_meta


def with_timm(**options: object) -> Callable[[], nn.Module]:
    return lambda: timm.create_model("resnet26", **options)


def changed(path: str, make: Callable[[], nn.Module], name: str = "resnet18", library: str = "torchvision"):
    def module() -> nn.Module:
        network = on_meta(name, library)
        network.set_submodule(path, make())
        return network

    return module


def with_a_lone_conv() -> nn.Module:
    """A shortcut's conv, without a norm, where no shortcut is needed."""
    network = on_meta("resnet18", "torchvision")
    network.layer1[1].downsample = nn.Sequential(nn.Conv2d(64, 64, 1))
    return network


def dilated() -> nn.Module:
    """Torchvision's resnet50 with one conv dilated, as no output stride does it."""
    network = torchvision.models.resnet50()
    conv = network.layer3[0].conv2
    conv.dilation, conv.padding = (2, 2), (2, 2)
    return network


REFUSED = [
    (dilated, r"layer3\.0\.conv2 has dilation 2x2, expected 1x1"),
    (with_timm(act_layer="silu"), r"act1 is SiLU where a relu is expected"),
    (with_timm(block_args={"attn_layer": "cbam"}), r"attention of the blocks is CbamModule"),
    # Circular padding, by a function: the module's own conv has none.
    (with_timm(block_args={"attn_layer": "ceca"}), r"layer1\.0\.se\.conv has padding 0, expected 2"),
    (with_timm(global_pool="max"), r"global_pool\.pool is AdaptiveMaxPool2d where a global_pool is expected"),
    (with_timm(global_pool="fast"), r"global_pool\.pool is FastAdaptiveAvgPool"),
    (with_timm(num_classes=0), r"fc is Identity, expected Linear"),
    (
        with_timm(norm_layer=timm.layers.BatchNormAct2d),
        r"bn1 is BatchNormAct2d where a batch_norm is expected",
    ),
    (changed("fc", lambda: nn.Linear(512, 10, bias=False)), r"fc has bias off, expected on"),
    (changed("bn1", lambda: nn.BatchNorm2d(64, eps=1e-3)), r"bn1 has eps 0\.001, expected 1e-05"),
    (changed("bn1", lambda: nn.BatchNorm2d(64, affine=False)), r"bn1 has affine off"),
    (changed("conv1", lambda: nn.Conv2d(3, 64, 5, padding=2)), r"stem's conv is 5x5 with stride 1"),
    (
        changed(
            "layer1.1.conv2",
            lambda: nn.Conv2d(64, 64, 3, padding=1, bias=False, padding_mode="reflect"),
        ),
        r"layer1\.1\.conv2 has padding_mode reflect, expected zeros",
    ),
    (changed("layer1.1.conv2", lambda: nn.Conv2d(64, 64, 3, padding=1)), r"layer1\.1\.conv2 has bias on"),
    (
        changed("layer1.1.conv2", lambda: nn.Linear(3, 3)),
        r"layer1\.1\.conv2 is Linear where a conv is expected",
    ),
    (with_a_lone_conv, r"layer1\.1\.downsample\.0 \(Conv2d\)"),
    (changed("maxpool", lambda: nn.MaxPool2d(2)), r"maxpool has kernel_size 2x2, expected 3x3"),
    (changed("avgpool", lambda: nn.AdaptiveAvgPool2d(2)), r"avgpool has output_size 2x2"),
    (changed("layer1", lambda: nn.Identity()), r"layer1 is Identity, expected blocks"),
    (
        lambda: timm.create_model("resnetv2_50d_evos"),
        r"EvoNorm2dS0 is a norm that the language has no word for",
    ),
    (lambda: nn.Linear(3, 3), r"Linear is no ResNet: it has neither conv1"),
    (lambda: timm.create_model("skresnet18"), r"layer1\.0 \(SelectiveKernelBasic\)|layer1\.0\.conv1 is"),
]


@pytest.mark.parametrize(("make", "reason"), REFUSED)
def test_what_the_language_cannot_say_is_named(make: Callable[[], nn.Module], reason: str) -> None:
    with torch.device("meta"), Numbers():
        module = make()
    with pytest.raises(InferError, match=reason):
        infer(module)


def test_weight_standardisation_is_not_a_plain_conv() -> None:
    """A subclass may compute something else: timm's StdConv2d is an nn.Conv2d."""
    std = timm.layers.StdConv2d(64, 64, 3, padding=1, device="meta")
    with pytest.raises(InferError, match=r"layer1\.0\.conv2 is StdConv2d where a conv is expected"):
        infer(changed("layer1.0.conv2", lambda: std)())


def test_the_order_of_archkits_own_modules() -> None:
    network = build(parse("[1,1]x[4,8]"))
    network.stem = nn.Sequential(
        OrderedDict((key, network.stem.get_submodule(key)) for key in ("norm", "conv", "relu"))
    )
    with pytest.raises(InferError, match="another order"):
        infer(network)
