"""The residual blocks of He et al. and their kin: basic, bottleneck, and both with pre-activation.

Sources: He et al. 2016a (basic, bottleneck), He et al. 2016b (pre-activation), Xie et al. 2017 (groups),
Zagoruyko and Komodakis 2016 (wide bottlenecks), He et al. 2019 (average pooling on the shortcut), Hu et
al. 2018 (attention, and SENet-154's halved first conv), Zhang 2019 (anti-aliasing), Kolesnikov et al. 2020
(BiT: weight standardisation).

A bottleneck's middle conv carries the stride, as in torchvision and timm ("v1.5"), unless `stride_at`
says the first, where He et al. have it ("v1"). An average-pooled shortcut with a stride of 1 pools nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from archkit.blocks.dilation import OUTPUT_STRIDE, Dilation
from archkit.blocks.family import Family, add_family
from archkit.blocks.gates import attend
from archkit.blocks.norms import normalise
from archkit.blocks.option import Option
from archkit.blocks.pen import Pen
from archkit.blocks.pooling import halve
from archkit.blocks.preact_keys import PREACT_PLACES
from archkit.blocks.shortcuts import draw_shortcut
from archkit.blocks.value_sorts import Switch

__all__ = ["BOTTLENECK_EXPANSION"]

BOTTLENECK_EXPANSION: Final = 4
"""Output channels of a bottleneck over its base width (He et al. 2016a, section 4.1)."""


class _Conv(NamedTuple):
    """A conv of a body: KxK to `c_out` channels; `strided` where it carries the block's stride."""

    kernel: int
    c_out: Any
    groups: int = 1
    strided: bool = False


def _two(at: Any, c: Any) -> tuple[_Conv, ...]:
    return (_Conv(at.kernel, c // at.reduce, strided=True), _Conv(at.kernel, c))


def _three(at: Any, c: Any) -> tuple[_Conv, ...]:
    middle = c * at.base_width // 64 * at.groups
    first = at.stride_at == "first"
    return (
        _Conv(1, middle // at.reduce, strided=first),
        _Conv(at.kernel, middle, at.groups, strided=not first),
        _Conv(1, BOTTLENECK_EXPANSION * c),
    )


def _draw(convs_of: Callable[[Any, Any], tuple[_Conv, ...]], *, preact: bool) -> Callable[..., None]:
    """The drawing of a block with these convs."""

    def draw(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
        convs = convs_of(at, c)
        dilations = _dilations(convs, at.output_stride, first=first)
        halves = at.aa != "none" and stride == 2  # the conv runs at stride 1 and a pooling follows

        def pre(pen: Pen) -> None:
            normalise(pen, "norm1", at.norm)
            pen.act("relu1")

        def body(pen: Pen) -> None:
            for i, conv in enumerate(convs, 1):
                if preact and i > 1:
                    normalise(pen, f"norm{i}", at.norm)
                    pen.act(f"relu{i}")
                at_once = stride if conv.strided and not halves else 1
                pen.conv(
                    f"conv{i}",
                    conv.kernel,
                    conv.c_out,
                    stride=at_once,
                    groups=conv.groups,
                    bias=at.bias,
                    dilation=dilations[i - 1],
                    standardised=at.weight_std,
                )
                if not preact:
                    normalise(pen, f"norm{i}", at.norm)
                    if i < len(convs):
                        pen.act(f"relu{i}")
                if conv.strided and halves:
                    halve(pen, at.aa)
            attend(pen, at.attn)

        def shortcut(pen: Pen) -> None:
            # He et al. 2016b project with a conv alone: the norm has come before it.
            norm = None if preact or not at.shortcut_norm else at.norm
            pen.need(
                at.shortcut != "avg" or at.output_stride == Dilation(),
                "with the dilations of output_stride a shortcut does not pool",
                "shortcut",
            )
            how = {"bias": at.bias, "norm": norm, "standardised": at.weight_std}
            draw_shortcut(pen, at.shortcut, convs[-1].c_out, stride, **how)

        if preact:
            pen.need(at.norm.kind != "none", "a pre-activation block needs a norm", "norm")
        pen.residual(
            body,
            shortcut,
            always=stride != 1 or (first and at.project == "stage" and at.shortcut != "pad"),
            before=pre if preact else None,
            # A projection reads the activated map, zero-padding the block's input (He et al. 2016b).
            after_before=not first or at.shortcut != "pad",
        )
        if not preact:
            pen.act(f"relu{len(convs)}")

    return draw


def _dilations(convs: tuple[_Conv, ...], dilation: Dilation, *, first: bool) -> list[int]:
    """The dilation of each conv; a stage's first one of more than a pixel has that of the stage before."""
    found = [dilation.further if conv.kernel > 1 else 1 for conv in convs]
    if first:
        at = next((i for i, conv in enumerate(convs) if conv.kernel > 1), None)
        if at is not None:
            found[at] = dilation.entering
    return found


def _timm_keys(at: Any) -> dict[str, str]:
    """Inside a block of timm: `conv1`, `bn1`, `act1`, `aa`, `se.fc1`, `downsample.0`."""
    found = {"aa": "aa", **_downsample(at)}
    for i in (1, 2, 3):
        found.update({f"conv{i}": f"conv{i}", f"norm{i}": f"bn{i}", f"relu{i}": f"act{i}"})
    gate = {"fc1": "fc1", "relu": "act", "fc2": "fc2", "conv": "conv", "sigmoid": "gate"}
    found.update({f"attn.{ours}": f"se.{theirs}" for ours, theirs in gate.items()})
    return found


def _torchvision_keys(at: Any) -> dict[str, str]:
    """Inside a block of torchvision: `conv1`, `bn1`, `downsample.0`, and one `relu` for all."""
    found = _downsample(at)
    for i in (1, 2, 3):
        found.update({f"conv{i}": f"conv{i}", f"norm{i}": f"bn{i}", f"relu{i}": "relu"})
    return found


def _downsample(at: Any) -> dict[str, str]:
    # Average pooling stands in the shortcut's chain even where its stride of 1 leaves none.
    conv = 1 if at.shortcut == "avg" else 0
    return {
        "shortcut.pool": "downsample.0",
        "shortcut.conv": f"downsample.{conv}",
        "shortcut.norm": f"downsample.{conv + 1}",
    }


# Both libraries' ResNets activate behind the convs.
_KEYS: Final = {"timm": _timm_keys, "torchvision": _torchvision_keys}
WEIGHT_STD: Final = Option(
    key="weight_std",
    values=Switch(),
    default=False,
    says="whether the weights of the convs of stem and blocks are standardised, filter by filter (Qiao et al."
    " 2019, BiT)",
)
_SHAPES: Final = ("kernel", "stride", "shortcut", "project", "reduce", OUTPUT_STRIDE)
_OPTIONS: Final = (*_SHAPES, "attn", "norm", "aa", "bias", WEIGHT_STD)
_OF_BOTTLENECKS: Final = ("stride_at", "groups", "base_width")

add_family(
    Family(
        name="basic",
        draw=_draw(_two, preact=False),
        options=(*_OPTIONS, "shortcut_norm"),
        keys=_KEYS,
        source="He et al. 2016a, Deep Residual Learning",
    )
)
add_family(
    Family(
        name="bottleneck",
        noun="bottlenecks",
        draw=_draw(_three, preact=False),
        options=(*_OPTIONS, "shortcut_norm", *_OF_BOTTLENECKS),
        keys=_KEYS,
        source="He et al. 2016a, Deep Residual Learning; Xie et al. 2017",
    )
)
add_family(
    Family(
        name="preact",
        noun="basic blocks",
        draw=_draw(_two, preact=True),
        options=(*_OPTIONS, "stem_norm"),
        activates_first=True,
        places=PREACT_PLACES,
        source="He et al. 2016b, Identity Mappings",
    )
)
add_family(
    Family(
        name="preact-bottleneck",
        noun="bottlenecks",
        draw=_draw(_three, preact=True),
        options=(*_OPTIONS, "stem_norm", *_OF_BOTTLENECKS),
        activates_first=True,
        places=PREACT_PLACES,
        source="He et al. 2016b, Identity Mappings",
    )
)
