"""Modules whose parts have other names than the libraries give them.

They are written here from scratch; each calls its parts as one of the ResNets that many people copy does.
"""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own customary name

from archkit.errors import InferError
from archkit.nn import infer
from archkit.spec import parse


def conv(c_in: int, c: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(c_in, c, kernel, stride, kernel // 2, bias=False)


def stages(block: type[nn.Module], blocks: list[int], channels: list[int], c: int) -> list[nn.Sequential]:
    found = []
    for i, (n, width) in enumerate(zip(blocks, channels, strict=True)):
        chain = []
        for j in range(n):
            chain.append(block(c, width, 2 if i and not j else 1))
            c = width * getattr(block, "expansion", 1)
        found.append(nn.Sequential(*chain))
    return found


class ShortcutBlock(nn.Module):
    """`shortcut` beside numbered convs."""

    def __init__(self, c_in: int, c: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(c_in, c, 3, stride), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = conv(c, c, 3), nn.BatchNorm2d(c)
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != c:
            self.shortcut = nn.Sequential(conv(c_in, c, 1, stride), nn.BatchNorm2d(c))

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


class ShortcutBottleneck(nn.Module):
    expansion = 4

    def __init__(self, c_in: int, c: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(c_in, c, 1), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = conv(c, c, 3, stride), nn.BatchNorm2d(c)
        self.conv3, self.bn3 = conv(c, 4 * c, 1), nn.BatchNorm2d(4 * c)
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != 4 * c:
            self.shortcut = nn.Sequential(conv(c_in, 4 * c, 1, stride), nn.BatchNorm2d(4 * c))

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(out)) + self.shortcut(x))


class OptionABlock(ShortcutBlock):
    """Zero-padding by a function: behind the old channels, or half before."""

    around = False

    def __init__(self, c_in: int, c: int, stride: int) -> None:
        super().__init__(c_in, c, stride)
        self.new, self.stride = c - c_in, stride
        del self.shortcut

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        before = self.new // 2 if self.around else 0
        x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.new - before))
        return F.relu(out + x)


class AroundBlock(OptionABlock):
    around = True


class StrideLessBlock(OptionABlock):
    """It shrinks the map by averages, which option A does not."""

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        x = F.avg_pool2d(x, self.stride)
        return F.relu(out + F.pad(x, (0, 0, 0, 0, 0, self.new)))


class Kuangliu(nn.Module):
    """`linear` at the end, pooled by a function."""

    def __init__(self, block: type[nn.Module], blocks: list[int], channels: list[int]) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(3, channels[0], 3), nn.BatchNorm2d(channels[0])
        for i, stage in enumerate(stages(block, blocks, channels, channels[0]), 1):
            setattr(self, f"layer{i}", stage)
        self.count = len(blocks)
        self.linear = nn.Linear(channels[-1] * getattr(block, "expansion", 1), 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        for i in range(self.count):
            x = getattr(self, f"layer{i + 1}")(x)
        return self.linear(F.avg_pool2d(x, x.shape[-1]).flatten(1))


class ResidualFunctionBlock(nn.Module):
    """The body as one chain, `residual_function`."""

    def __init__(self, c_in: int, c: int, stride: int) -> None:
        super().__init__()
        self.residual_function = nn.Sequential(
            conv(c_in, c, 3, stride), nn.BatchNorm2d(c), nn.ReLU(), conv(c, c, 3), nn.BatchNorm2d(c)
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or c_in != c:
            self.shortcut = nn.Sequential(conv(c_in, c, 1, stride), nn.BatchNorm2d(c))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.residual_function(x) + self.shortcut(x))


class Weiaicunzai(nn.Module):
    """`conv1` as a chain, then `conv2_x`, `conv3_x`, ..., `avg_pool`."""

    def __init__(self, blocks: list[int], channels: list[int]) -> None:
        super().__init__()
        c = channels[0]
        self.conv1 = nn.Sequential(conv(3, c, 3), nn.BatchNorm2d(c), nn.ReLU())
        self.conv2_x, self.conv3_x, self.conv4_x = stages(ResidualFunctionBlock, blocks, channels, c)
        self.avg_pool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(channels[-1], 100)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv4_x(self.conv3_x(self.conv2_x(self.conv1(x))))
        return self.fc(self.avg_pool(x).flatten(1))


class ConvLayer(nn.Module):
    def __init__(self, c_in: int, c: int, kernel: int, stride: int = 1, act: bool = True) -> None:
        super().__init__()
        self.convolution, self.normalization = conv(c_in, c, kernel, stride), nn.BatchNorm2d(c)
        self.activation = nn.ReLU() if act else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.normalization(self.convolution(x)))


class LayerBlock(nn.Module):
    """The shortcut first, and each conv in a module with its norm."""

    expansion = 4

    def __init__(self, c_in: int, c: int, stride: int) -> None:
        super().__init__()
        out = 4 * c
        changes = stride != 1 or c_in != out
        self.shortcut = ConvLayer(c_in, out, 1, stride, act=False) if changes else nn.Identity()
        self.layer = nn.Sequential(
            ConvLayer(c_in, c, 1), ConvLayer(c, c, 3, stride), ConvLayer(c, out, 1, act=False)
        )
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.layer(x) + self.shortcut(x))


class Stage(nn.Module):
    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class HuggingFace(nn.Module):
    """`embedder`, `encoder.stages`, `pooler`, and a `classifier` that is a chain; the output has `logits`."""

    def __init__(self, blocks: list[int], channels: list[int]) -> None:
        super().__init__()
        self.resnet = nn.Module()
        self.resnet.embedder = nn.Module()
        self.resnet.embedder.embedder = ConvLayer(3, 64, 7, 2)
        self.resnet.embedder.pooler = nn.MaxPool2d(3, 2, 1)
        self.resnet.encoder = nn.Module()
        self.resnet.encoder.stages = nn.ModuleList(map(Stage, stages(LayerBlock, blocks, channels, 64)))
        self.resnet.pooler = nn.AdaptiveAvgPool2d((1, 1))
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(4 * channels[-1], 7))

    def forward(self, x: Tensor) -> object:
        x = self.resnet.embedder.pooler(self.resnet.embedder.embedder(x))
        for stage in self.resnet.encoder.stages:
            x = stage(x)
        return SimpleNamespace(logits=self.classifier(self.resnet.pooler(x)))


class WideBlock(nn.Module):
    """Pre-activation, the shortcut a conv beside the others, which reads the activated map."""

    def __init__(self, c_in: int, c: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(c_in), conv(c_in, c, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(c), conv(c, c, 3)
        self.equal = c_in == c and stride == 1
        self.convShortcut = None if self.equal else nn.Conv2d(c_in, c, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.bn1(x))
        out = self.conv2(F.relu(self.bn2(self.conv1(h))))
        return out + (x if self.convShortcut is None else self.convShortcut(h))


class Wide(nn.Module):
    """All blocks in one chain."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = conv(3, 16, 3)
        self.blocks = nn.Sequential(*[b for s in stages(WideBlock, [2, 1, 2], [32, 64, 128], 16) for b in s])
        self.bn1, self.fc = nn.BatchNorm2d(128), nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(F.relu(self.bn1(self.blocks(self.conv1(x)))).mean((2, 3)))


@pytest.mark.parametrize(
    ("module", "text"),
    [
        (Kuangliu(ShortcutBlock, [2, 1, 1, 2], [8, 16, 32, 64]), "[2,1,1,2]x[8,16,32,64]"),
        # A 1x1 stem's width is its first stage's; the first bottleneck widens four times and so projects.
        (Kuangliu(ShortcutBottleneck, [1, 2], [8, 16]), "[1,2]x[8,16] block=bottleneck"),
        (Kuangliu(OptionABlock, [2, 2, 1], [16, 32, 64]), "[2,2,1]x[16,32,64] shortcut=pad"),
        (Kuangliu(AroundBlock, [2, 2, 1], [16, 32, 64]), "[2,2,1]x[16,32,64] shortcut=pad"),
        (Weiaicunzai([1, 2, 1], [16, 32, 64]), "[1,2,1]x[16,32,64] classes=100"),
        (HuggingFace([1, 2], [64, 128]), "[1,2]x[64,128] block=bottleneck stem=conv7 classes=7"),
        (Wide(), "[2,1,2]x[32,64,128] block=preact stem=conv3:16"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_other_names(module: nn.Module, text: str) -> None:
    assert infer(module, input=(3, 32, 32)) == parse(text)


def test_what_is_no_option_a() -> None:
    with pytest.raises(
        InferError, match=r"its outputs are not those of the nearest spec, \[1,1\].*shortcut=pad"
    ):
        infer(Kuangliu(StrideLessBlock, [1, 1], [8, 16]), input=(3, 32, 32))


def test_without_numbers_nothing_can_be_proved() -> None:
    with torch.device("meta"):
        module = Kuangliu(ShortcutBlock, [1, 1], [8, 16])
    with pytest.raises(InferError, match=r"the module \(Kuangliu\).*on the meta device"):
        infer(module, input=(3, 32, 32))


class TestRefused:
    def test_what_has_no_blocks(self) -> None:
        with pytest.raises(
            InferError, match=r"Sequential is no ResNet.*no container in it holds residual blocks"
        ):
            infer(nn.Sequential(conv(3, 8, 3), nn.Flatten(), nn.Linear(8, 10)))

    def test_two_linear_layers(self) -> None:
        module = Weiaicunzai([1, 1, 1], [8, 16, 32])
        module.fc = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 10))
        with pytest.raises(InferError, match="1 convs and 2 linear layers"):
            infer(module, input=(3, 32, 32))

    def test_a_norm_too_few(self) -> None:
        module = Weiaicunzai([1, 1, 1], [8, 16, 32])
        module.conv3_x[0].residual_function[1] = nn.Identity()
        with pytest.raises(InferError, match=r"conv3_x\.0 has 1 norms, expected 2"):
            infer(module, input=(3, 32, 32))
