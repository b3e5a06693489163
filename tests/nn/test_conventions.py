"""Conventions that a notation does not show: modules built, read back, and counted by the tools."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own customary name
from torch.utils.flop_counter import FlopCounterMode

from archkit.count import totals
from archkit.nn import build, infer
from archkit.nn.crosscheck import crosscheck
from archkit.spec import parse

SPECS = [
    "[2,2]x[16,24] block=bottleneck stride=[2,2] stride_at=first bias=yes input=3x33x47",
    "[1,2]x[16,24] block=bottleneck stride_at=first aa=blur shortcut=avg attn=se:4",
    "[1,1,1]x[16,32,64] bias=yes shortcut_norm=no",
    "[1,2]x[16,24] shortcut_norm=no shortcut=conv3 project=stage norm=group:8",
    "[1,2]x[16,24] block=preact stem=conv7:16 stem_norm=yes input=3x64x64",
    "[1,2]x[16,24] stem=conv10x4s2:16 pool=7x5",
    "ds-cnn",
    "[1,2]x[16,24] block=preact-bottleneck stem=deep stem_norm=yes stride_at=first input=3x64x64",
]


@pytest.mark.parametrize("text", SPECS)
def test_what_is_built_is_read_back_and_counted(text: str) -> None:
    spec = parse(text)
    assert infer(build(spec)) == spec
    checks = [check for check in crosscheck(spec) if check.version is not None]
    assert len(checks) >= 6
    assert all(check.agrees for check in checks)


def v1(name: str) -> nn.Module:
    """A network of torchvision with the stride of its bottlenecks moved to where He et al. have it."""
    module: nn.Module = torchvision.models.get_model(name)
    for part in module.modules():
        if isinstance(part, torchvision.models.resnet.Bottleneck):
            part.conv1.stride, part.conv2.stride = part.conv2.stride, (1, 1)
    return module


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_torchvisions_with_the_stride_moved(device: str) -> None:
    with torch.device(device):
        module = v1("resnet50")
    assert infer(module, input=(3, 64, 64)) == parse("resnet50-v1 input=3x64x64")


class TinyBlock(nn.Module):
    """Of MLPerf Tiny's ResNet-8: biases everywhere, and a conv alone on the shortcut."""

    def __init__(self, c_in: int, c: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(c_in, c, 3, stride, 1), nn.BatchNorm2d(c)
        self.conv2, self.bn2 = nn.Conv2d(c, c, 3, 1, 1), nn.BatchNorm2d(c)
        self.shortcut = nn.Conv2d(c_in, c, 1, stride) if stride != 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16)
        self.blocks = nn.Sequential(TinyBlock(16, 16, 1), TinyBlock(16, 32, 2), TinyBlock(32, 64, 2))
        self.out = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.blocks(F.relu(self.bn(self.conv(x)))).mean((2, 3)))


def test_resnet8_of_mlperf_tiny() -> None:
    module = Tiny()
    assert sum(p.numel() for p in module.parameters()) == 78_186
    statistics = [b for name, b in module.named_buffers() if "running" in name]
    assert 78_186 + sum(b.numel() for b in statistics) == 78_666
    assert infer(module, input=(3, 32, 32)) == parse("[1,1,1]x[16,32,64] bias=yes shortcut_norm=no")


class Spotter(nn.Module):
    """MLPerf Tiny's DS-CNN, with the zeros that TensorFlow's `SAME` has: 4 rows above, 5 below."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 64, (10, 4), 2), nn.BatchNorm2d(64, eps=1e-3)
        self.blocks = nn.Sequential()
        for _ in range(4):
            for conv in (nn.Conv2d(64, 64, 3, padding=1, groups=64), nn.Conv2d(64, 64, 1)):
                self.blocks.extend([conv, nn.BatchNorm2d(64, eps=1e-3), nn.ReLU()])
        self.out = nn.Linear(64, 12)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu(self.norm(self.conv(F.pad(x, (1, 1, 4, 5))))))
        return self.out(x[:, :, :24].mean((2, 3)))  # its window of 24x5 leaves out the last of 25 rows


def test_ds_cnn_of_mlperf_tiny() -> None:
    torch.manual_seed(0)
    theirs = Spotter().eval()
    for part in theirs.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.running_mean)  # type: ignore[arg-type]  # it has one
            nn.init.uniform_(part.running_var, 0.5, 2)  # type: ignore[arg-type]
    ours = build("ds-cnn").eval()
    state = theirs.state_dict().values()
    ours.load_state_dict(dict(zip(ours.state_dict(), state, strict=True)))
    images = torch.randn(2, 1, 49, 10)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        expected = theirs(images)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), expected)
    assert counter.get_total_flops() == 2 * 2 * totals("ds-cnn").macs  # of two images
    assert sum(p.numel() for p in theirs.parameters()) == totals("ds-cnn").params


class PreUnit(nn.Module):
    """Norms and activates first; what stands on the shortcut reads the activated map."""

    def __init__(self, c_in: int, c: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(c_in), nn.Conv2d(c_in, c, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(c), nn.Conv2d(c, c, 3, 1, 1, bias=False)
        self.identity_conv = nn.Conv2d(c_in, c, 1, stride, bias=False) if stride != 1 else None

    def forward(self, x: Tensor) -> Tensor:
        ahead = F.relu(self.bn1(x))
        out = self.conv2(F.relu(self.bn2(self.conv1(ahead))))
        return out + (x if self.identity_conv is None else self.identity_conv(ahead))


class PreNet(nn.Module):
    """A stem that norms and activates by itself, and then blocks that do so again."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.units = nn.Sequential(PreUnit(64, 64, 1), PreUnit(64, 128, 2))
        self.last = nn.BatchNorm2d(128)
        self.out = nn.Linear(128, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.bn(self.conv(x))))
        return self.out(F.relu(self.last(self.units(x))).mean((2, 3)))


def test_a_norm_behind_the_stem_of_pre_activation() -> None:
    found = infer(PreNet(), input=(3, 64, 64))
    assert found == parse("[1,1]x[64,128] block=preact stem=conv7 stem_norm=yes input=3x64x64")
