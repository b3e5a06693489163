"""The convolutions of a residual block: the one place that knows a block's shape.

The layout, the closed form and the solver all read it, so none can differ from another. The
arithmetic uses only `+ - * //`, so widths may be Python integers or integer arrays.

Legend: `c_in` channels that enter the block, `c` the block's base width (torchvision and timm
say "planes"), K the kernel size.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

__all__ = ["EXPANSION", "PREACT", "ConvShape", "body_convs", "eca_kernel", "out_channels", "se_width"]

EXPANSION: Final = {"basic": 1, "bottleneck": 4, "preact": 1, "preact-bottleneck": 4}
"""Output channels over base width, by kind of block (He et al. 2016a, section 4.1)."""

PREACT: Final = frozenset({"preact", "preact-bottleneck"})
"""The kinds that norm and activate before each conv (He et al. 2016b)."""


class ConvShape(NamedTuple):
    """One conv of a block: a KxK kernel from `c_in` to `c_out` channels in `groups` groups.

    `strided` marks the conv that carries the block's stride. Channels are integers, or integer
    arrays of one shape.
    """

    kernel: int
    c_in: Any
    c_out: Any
    groups: int
    strided: bool


def out_channels(kind: str, c: Any) -> Any:
    """Channels that a block of this kind and base width `c` puts out."""
    return c * EXPANSION[kind]


def body_convs(
    kind: str, c_in: Any, c: Any, kernel: int = 3, groups: int = 1, base_width: int = 64, reduce: int = 1
) -> tuple[ConvShape, ...]:
    """The convs of a block's residual branch, in order; the shortcut is not among them.

    A bottleneck's middle conv is `c * base_width // 64 * groups` wide (ResNeXt, Wide ResNet) and
    carries the stride, as in torchvision and timm ("v1.5"); He et al. put it on the first.

    Args:
        kind: a key of `EXPANSION`.
        c_in: channels that enter.
        c: base width.
        kernel: K of the basic block's convs or of the bottleneck's middle one.
        groups: groups of the bottleneck's middle conv.
        base_width: its width at 64 channels, for each group.
        reduce: divisor of the first conv's width (2 in SENet-154).
    """
    if EXPANSION[kind] == 1:
        first = c // reduce
        return (ConvShape(kernel, c_in, first, 1, True), ConvShape(kernel, first, c, 1, False))
    width = c * base_width // 64 * groups
    first = width // reduce
    return (
        ConvShape(1, c_in, first, 1, False),
        ConvShape(kernel, first, width, groups, True),
        ConvShape(1, width, 4 * c, 1, False),
    )


def se_width(kind: str, channels: Any, reduction: int) -> Any:
    """Channels between the two convs of squeeze-and-excitation.

    `se-plain`: the quotient `channels / reduction`, and 1 at least (Hu et al. 2018). `se`: to the
    nearest 8, halves rounded up, and 8 at least, as timm does it (`make_divisible` with a
    `round_limit` of 0).
    """
    if kind == "se-plain":
        width = channels // reduction
        return width + (width < 1) * (1 - width)
    # int(channels / reduction + 4) // 8 * 8 in timm: the same in integers.
    rounded = (channels + 4 * reduction) // (8 * reduction) * 8
    return rounded + (rounded < 8) * (8 - rounded)


def eca_kernel(channels: int) -> int:
    """Kernel of efficient channel attention at so many channels (Wang et al. 2020, equation 12)."""
    # floor of (log2(C) + 1) / 2, made odd upward; log2 in integers, so that no rounding can differ.
    t = channels.bit_length() // 2
    return max(t if t % 2 else t + 1, 3)
