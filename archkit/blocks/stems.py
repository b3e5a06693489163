"""What stands before the first stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from archkit.blocks.activations import activate
from archkit.blocks.convs import conv
from archkit.blocks.gates import Attention, attend
from archkit.blocks.norms import Norm, normalise
from archkit.blocks.pen import Pen
from archkit.blocks.pooling import anti_alias
from archkit.blocks.sides import Sides, alike, both
from archkit.blocks.widths import divisible

__all__ = ["STEMS", "STEM_KEYS", "Stem", "StemKind", "StemSetting", "draw_stem"]


class StemKind(NamedTuple):
    """A kind of stem.

    kernel: K of its convs, or their rows and columns.
    stride: of the first one; the others have 1, but for `patch`.
    widths: output channels of each conv, from the number behind the kind.
    width: that number where none is given; None is the first stage's width.
    least: the smallest number that leaves every conv a channel.
    pool: what follows unless `stem_pool` says otherwise.
    patch: whether it is one of ConvNeXt's: each conv has the stride and a bias, and no activation follows;
        windows of an even size lie side by side.
    acts: whether an activation follows each of their convs but the last.
    """

    kernel: Sides
    stride: int
    widths: Callable[[Any], tuple[Any, ...]]
    width: int | None
    least: int
    pool: str
    patch: bool = False
    acts: bool = False


STEMS: Final[Mapping[str, StemKind]] = {
    "conv3": StemKind(3, 1, lambda n: (n,), None, 1, "none"),
    # He et al. 2016a, for ImageNet.
    "conv7": StemKind(7, 2, lambda n: (n,), 64, 1, "max"),
    # VGG's first conv is that of its first block.
    "none": StemKind(1, 1, lambda _: (), 1, 1, "none"),
    # ResNet-C and -D (He et al. 2019).
    "deep": StemKind(3, 2, lambda n: (n, n, 2 * n), 32, 1, "max"),
    # timm's -T.
    "tiered": StemKind(3, 2, lambda n: (3 * (n // 4), n, 2 * n), 32, 4, "max"),
    # Mobile networks.
    "conv3s2": StemKind(3, 2, lambda n: (n,), 32, 1, "none"),
    "conv5s2": StemKind(5, 2, lambda n: (n,), 32, 1, "none"),
    # Keyword spotting: rows are moments, columns are features (Zhang et al. 2017, Hello Edge).
    "conv10x4s2": StemKind((10, 4), 2, lambda n: (n,), 64, 1, "none"),
    # ConvNeXt (Liu et al. 2022), and for small images.
    "patch4": StemKind(4, 4, lambda n: (n,), 96, 1, "none", patch=True),
    "patch2": StemKind(2, 2, lambda n: (n,), 96, 1, "none", patch=True),
    # timm's ConvNeXts with "overlapping" stems.
    "overlap": StemKind(3, 2, lambda n: (n, n), 96, 1, "none", patch=True),
    "overlap-tiered": StemKind(3, 2, lambda n: (divisible(n // 2, 1, 1, 8), n), 96, 1, "none", patch=True),
    "overlap-act": StemKind(3, 2, lambda n: (n, n), 96, 1, "none", patch=True, acts=True),
}
"""The kinds of stem, the default first."""


class Stem(NamedTuple):
    """What stands before the first stage.

    kind: `none`; `conv3`, one 3x3 conv of stride 1; `conv7`, one 7x7 conv of stride 2 (He et al. for
        ImageNet);
        `conv3s2`, one 3x3 conv of stride 2 (mobile networks), and `conv5s2`, one 5x5;
        `conv10x4s2`, one of 10 rows and 4 columns (keyword spotting);
        `patch4` and `patch2`, one conv of 4x4 or 2x2 whose windows lie side by side (ConvNeXt);
        `overlap`, `overlap-tiered` and `overlap-act`, two 3x3 convs of stride 2 (timm's ConvNeXts);
        `deep`, three 3x3 convs of `width`, `width` and `2 * width` channels, the first of stride 2
        (ResNet-C and -D); `tiered`, the same with `3 * (width // 4)`, `width`, `2 * width` (timm's -T).
    width: channels.
    """

    kind: str
    width: int

    @property
    def widths(self) -> tuple[int, ...]:
        """Output channels of each conv."""
        return STEMS[self.kind].widths(self.width)


class StemSetting(NamedTuple):
    """Everything that decides how a stem is drawn, except its width and the images."""

    kind: str
    pool: str
    attn: Attention
    norm: Norm
    bias: bool
    aa: str
    bare: bool  # the first block norms and activates what the stem puts out
    act: str = "relu"
    padding: str = "symmetric"
    standardised: bool = False


def draw_stem(pen: Pen, at: StemSetting, width: Any) -> None:
    """Draws a stem of so many channels."""
    kind = STEMS[at.kind]
    widths = kind.widths(width)
    if not widths and (at.pool != "none" or at.attn.kind != "none"):
        # Nothing that is learned would stand before them.
        pen.need(False, "stem=none has nothing to pool or to weigh", "stem")
    if kind.patch:
        rows, columns = (k // 2 if k % 2 else 0 for k in both(kind.kernel))
        for i, c in enumerate(widths, 1):
            number = "" if len(widths) == 1 else str(i)
            pen.conv(
                f"conv{number}",
                kind.kernel,
                c,
                stride=kind.stride,
                padding=alike(rows, columns),
                bias=True,
                standardised=at.standardised,
            )
            if kind.acts and i < len(widths):
                activate(pen, at.act, number)
        if not at.bare:
            normalise(pen, "norm", at.norm)
        widths = ()
    for i, c in enumerate(widths, 1):
        number = "" if len(widths) == 1 else str(i)
        stride = kind.stride if i == 1 else 1
        conv(
            pen,
            f"conv{number}",
            kind.kernel,
            c,
            stride=stride,
            bias=at.bias,
            padding=at.padding,
            standardised=at.standardised,
        )
        if i < len(widths):
            normalise(pen, f"norm{number}", at.norm)
            activate(pen, at.act, number)
    if widths and not at.bare:
        normalise(pen, "norm", at.norm)
        activate(pen, at.act)
    attend(pen, at.attn)
    if at.pool in ("max", "max-zeros"):
        if at.aa != "avg":  # which pools in place of it
            zeros = at.pool == "max-zeros"
            if zeros:
                pen.zeros("pool_pad", 1)
            pen.pool("pool", "max_pool", 3, 2 if at.aa == "none" else 1, 0 if zeros else 1)
        if at.aa != "none":
            anti_alias(pen, at.aa)
    elif at.pool == "conv":
        stride = 2 if at.aa == "none" else 1
        pen.conv("pool_conv", 3, pen.c, stride=stride, bias=at.bias, standardised=at.standardised)
        if at.aa != "none":
            anti_alias(pen, at.aa)
        if not at.bare:
            normalise(pen, "pool_norm", at.norm)
            pen.act("pool_relu")


def _timm_keys(at: StemSetting) -> dict[str, str]:
    """In timm's ResNet: `conv1`, or the chain `conv1.0`, `conv1.1`, ...; `bn1`, `act1`, `maxpool`."""
    found = {"conv": "conv1", "norm": "bn1", "relu": "act1"}
    for i in range(3):  # conv, norm, act, conv, norm, act, conv
        for j, name in enumerate(("conv", "norm", "relu")):
            found[f"{name}{i + 1}"] = f"conv1.{3 * i + j}"
    pooling = [name for name, there in _pooling(at).items() if there]
    # It calls whatever pools `maxpool`: one layer alone, or a chain, which a conv always begins.
    alone = pooling == ["pool"] or pooling == ["aa"]
    found.update({name: "maxpool" if alone else f"maxpool.{i}" for i, name in enumerate(pooling)})
    return found


def _pooling(at: StemSetting) -> dict[str, bool]:
    """The layers that may halve the map behind the stem, in order, and whether they do."""
    conv = at.pool == "conv"
    return {
        "pool": at.pool == "max" and at.aa != "avg",
        "pool_conv": conv,
        "aa": at.pool != "none" and at.aa != "none",
        "pool_norm": conv and not at.bare and at.norm.kind != "none",
        "pool_relu": conv and not at.bare,
    }


def _torchvision_keys(_at: StemSetting) -> dict[str, str]:
    return {"conv": "conv1", "norm": "bn1", "relu": "relu", "pool": "maxpool"}


STEM_KEYS: Final[Mapping[str, Callable[[StemSetting], dict[str, str]]]] = {
    "timm": _timm_keys,
    "torchvision": _torchvision_keys,
}
"""For a library, the names that the stem's layers have in its ResNet; see `Family.keys`."""
