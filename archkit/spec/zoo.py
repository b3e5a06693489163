"""Architectures that have a name, each with the source of its shape.

A name says an architecture, not a set of weights: ImageNet's are counted at 224x224 and 1,000
classes whatever size a published set of weights was trained at, CIFAR's at 32x32 and 10.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from archkit.spec.known import Known
from archkit.spec.zoo_convnext import convnexts
from archkit.spec.zoo_efficient import efficient
from archkit.spec.zoo_mixnet import mixnets
from archkit.spec.zoo_mobile import mobile
from archkit.spec.zoo_plain import plain
from archkit.spec.zoo_regnet import regnets

__all__ = ["Known", "entries", "find", "names"]


_PAPER: Final = "the 5M-parameter ResNet on CIFAR-10 (docs/paper.md)"
_HE: Final = "He et al. 2016, Deep Residual Learning"
_V15: Final = "Goyal et al. 2017, Accurate, Large Minibatch SGD; torchvision (v1.5: the stride in the 3x3)"
_HE2: Final = "He et al. 2016, Identity Mappings"
_WRN: Final = "Zagoruyko and Komodakis 2016, Wide Residual Networks"
_NEXT: Final = "Xie et al. 2017, Aggregated Residual Transformations"
_TRICKS: Final = "He et al. 2019, Bag of Tricks"
_SE: Final = "Hu et al. 2018, Squeeze-and-Excitation Networks"
_ECA: Final = "Wang et al. 2020, ECA-Net"
_BLUR: Final = "Zhang 2019, Making Convolutional Networks Shift-Invariant Again"
_AA: Final = "Lee et al. 2020, Compounding (Assembled-CNN); timm"
_RS: Final = "Bello et al. 2021, Revisiting ResNets"
_GN: Final = "Wu and He 2018, Group Normalization"
_TIMM: Final = "timm, models/resnet.py"
_HE2_V15: Final = f"{_HE2} (the stride in the 3x3; theirs stands in the first 1x1)"

_PAPER_ENTRIES: Final = (
    Known("resnet10", "[2,1,1,1]x[64,128,256,512] bias=yes", _PAPER),
    Known("resnet12", "[2,2,2]x[16,32,64] shortcut=conv3", _PAPER),
    Known("resnet14-4", "[2,2,2,1]x[16,32,64,512] stride=[1,2,2,1] shortcut=conv3", _PAPER),
    Known("resnet14-5", "[2,3,3,1,1]x[16,32,64,128,512] stride=[1,2,2,1,1] shortcut=conv3", _PAPER),
    # Bare `resnet18` is ImageNet's, as everywhere else.
    Known("paper-resnet18", "[2,2,2,2]x[64,128,256,512] bias=yes", _PAPER),
)

_CIFAR_DEPTHS: Final = (20, 32, 44, 56, 110, 1202)


def _cifar() -> Iterator[Known]:
    """He et al., section 4.2: 6n + 2 layers; `-b` has projections in place of zero-padding."""
    for depth in _CIFAR_DEPTHS:
        n = (depth - 2) // 6
        base = f"[{n},{n},{n}]x[16,32,64]"
        yield Known(f"resnet{depth}", f"{base} shortcut=pad", f"{_HE} (option A)")
        yield Known(f"resnet{depth}-b", base, f"{_HE} (option B)")
    yield Known("preact-resnet110", "[18,18,18]x[16,32,64] block=preact shortcut=pad", _HE2)
    yield Known("preact-resnet164", "[18,18,18]x[16,32,64] block=preact-bottleneck stem=16", _HE2_V15)
    yield Known("preact-resnet1001", "[111,111,111]x[16,32,64] block=preact-bottleneck stem=16", _HE2_V15)
    # The depths of ImageNet on 32x32 images, as they are commonly trained on CIFAR.
    for depth, blocks, kind in (
        (18, "[2,2,2,2]", "preact"),
        (34, "[3,4,6,3]", "preact"),
        (50, "[3,4,6,3]", "preact-bottleneck"),
        (101, "[3,4,23,3]", "preact-bottleneck"),
        (152, "[3,8,36,3]", "preact-bottleneck"),
    ):
        yield Known(f"preact-resnet{depth}", f"{blocks}x[64,128,256,512] block={kind}", f"{_HE2} (for 32x32)")


# name: (blocks, kind of block, options, source)
_BASIC: Final = "basic"
_DEEP: Final = "bottleneck"
_D: Final = "stem=deep shortcut=avg"
_T: Final = "stem=tiered shortcut=avg"
_C7: Final = "stem=conv7"
_V1: Final = f"stride_at=first {_C7}"
_X32: Final = "groups=32 base_width=4"
_X32X8: Final = "groups=32 base_width=8"
_RS_STEM: Final = "stem=deep stem_pool=conv shortcut=avg attn=se:4"

_IMAGENET: Final = {
    "resnet10t": ("1,1,1,1", _BASIC, _T, _TIMM),
    "resnet14t": ("1,1,1,1", _DEEP, _T, _TIMM),
    "resnet18": ("2,2,2,2", _BASIC, _C7, _HE),
    "resnet18d": ("2,2,2,2", _BASIC, _D, _TRICKS),
    "resnet34": ("3,4,6,3", _BASIC, _C7, _HE),
    "resnet34d": ("3,4,6,3", _BASIC, _D, _TRICKS),
    "resnet26": ("2,2,2,2", _DEEP, _C7, _TIMM),
    "resnet26t": ("2,2,2,2", _DEEP, _T, _TIMM),
    "resnet26d": ("2,2,2,2", _DEEP, _D, _TRICKS),
    "resnet50": ("3,4,6,3", _DEEP, _C7, _V15),
    "resnet50-v1": ("3,4,6,3", _DEEP, _V1, _HE),
    "resnet50c": ("3,4,6,3", _DEEP, "stem=deep", _TRICKS),
    "resnet50d": ("3,4,6,3", _DEEP, _D, _TRICKS),
    "resnet50s": ("3,4,6,3", _DEEP, "stem=deep:64", _TIMM),
    "resnet50t": ("3,4,6,3", _DEEP, _T, _TIMM),
    "resnet101": ("3,4,23,3", _DEEP, _C7, _V15),
    "resnet101-v1": ("3,4,23,3", _DEEP, _V1, _HE),
    "resnet101c": ("3,4,23,3", _DEEP, "stem=deep", _TRICKS),
    "resnet101d": ("3,4,23,3", _DEEP, _D, _TRICKS),
    "resnet101s": ("3,4,23,3", _DEEP, "stem=deep:64", _TIMM),
    "resnet152": ("3,8,36,3", _DEEP, _C7, _V15),
    "resnet152-v1": ("3,8,36,3", _DEEP, _V1, _HE),
    "resnet152c": ("3,8,36,3", _DEEP, "stem=deep", _TRICKS),
    "resnet152d": ("3,8,36,3", _DEEP, _D, _TRICKS),
    "resnet152s": ("3,8,36,3", _DEEP, "stem=deep:64", _TIMM),
    "resnet200": ("3,24,36,3", _DEEP, _C7, _TIMM),
    "resnet200d": ("3,24,36,3", _DEEP, _D, _TRICKS),
    "wide_resnet50_2": ("3,4,6,3", _DEEP, f"base_width=128 {_C7}", _WRN),
    "wide_resnet101_2": ("3,4,23,3", _DEEP, f"base_width=128 {_C7}", _WRN),
    "resnet50_gn": ("3,4,6,3", _DEEP, f"{_C7} norm=group", _GN),
    "resnext50_32x4d": ("3,4,6,3", _DEEP, f"{_X32} {_C7}", _NEXT),
    "resnext50d_32x4d": ("3,4,6,3", _DEEP, f"{_X32} {_D}", _TRICKS),
    "resnext101_32x4d": ("3,4,23,3", _DEEP, f"{_X32} {_C7}", _NEXT),
    "resnext101_32x8d": ("3,4,23,3", _DEEP, f"{_X32X8} {_C7}", _NEXT),
    "resnext101_32x16d": ("3,4,23,3", _DEEP, f"groups=32 base_width=16 {_C7}", _NEXT),
    "resnext101_32x32d": ("3,4,23,3", _DEEP, f"groups=32 base_width=32 {_C7}", _NEXT),
    "resnext101_64x4d": ("3,4,23,3", _DEEP, f"groups=64 base_width=4 {_C7}", _NEXT),
    "ecaresnet26t": ("2,2,2,2", _DEEP, f"{_T} attn=eca", _ECA),
    "ecaresnet50d": ("3,4,6,3", _DEEP, f"{_D} attn=eca", _ECA),
    "ecaresnet50t": ("3,4,6,3", _DEEP, f"{_T} attn=eca", _ECA),
    "ecaresnetlight": ("1,1,11,3", _DEEP, f"{_C7} shortcut=avg attn=eca", _ECA),
    "ecaresnet101d": ("3,4,23,3", _DEEP, f"{_D} attn=eca", _ECA),
    "ecaresnet200d": ("3,24,36,3", _DEEP, f"{_D} attn=eca", _ECA),
    "ecaresnet269d": ("3,30,48,8", _DEEP, f"{_D} attn=eca", _ECA),
    "ecaresnext26t_32x4d": ("2,2,2,2", _DEEP, f"{_X32} {_T} attn=eca", _ECA),
    "ecaresnext50t_32x4d": ("3,4,6,3", _DEEP, f"{_X32} {_T} attn=eca", _ECA),
    "seresnet18": ("2,2,2,2", _BASIC, f"{_C7} attn=se", _SE),
    "seresnet34": ("3,4,6,3", _BASIC, f"{_C7} attn=se", _SE),
    "seresnet50": ("3,4,6,3", _DEEP, f"{_C7} attn=se", _SE),
    "seresnet50t": ("3,4,6,3", _DEEP, f"{_T} attn=se", _SE),
    "seresnet101": ("3,4,23,3", _DEEP, f"{_C7} attn=se", _SE),
    "seresnet152": ("3,8,36,3", _DEEP, f"{_C7} attn=se", _SE),
    "seresnet152d": ("3,8,36,3", _DEEP, f"{_D} attn=se", _SE),
    "seresnet200d": ("3,24,36,3", _DEEP, f"{_D} attn=se", _SE),
    "seresnet269d": ("3,30,48,8", _DEEP, f"{_D} attn=se", _SE),
    "seresnext26d_32x4d": ("2,2,2,2", _DEEP, f"{_X32} {_D} attn=se", _SE),
    "seresnext26t_32x4d": ("2,2,2,2", _DEEP, f"{_X32} {_T} attn=se", _SE),
    "seresnext50_32x4d": ("3,4,6,3", _DEEP, f"{_X32} {_C7} attn=se", _SE),
    "seresnext101_32x4d": ("3,4,23,3", _DEEP, f"{_X32} {_C7} attn=se", _SE),
    "seresnext101_32x8d": ("3,4,23,3", _DEEP, f"{_X32X8} {_C7} attn=se", _SE),
    "seresnext101d_32x8d": ("3,4,23,3", _DEEP, f"{_X32X8} {_D} attn=se", _SE),
    "seresnext101_64x4d": ("3,4,23,3", _DEEP, f"groups=64 base_width=4 {_C7} attn=se", _SE),
    "senet154": (
        "3,8,36,3",
        _DEEP,
        "groups=64 base_width=4 reduce=2 stem=deep:64 shortcut=[conv1,conv3,conv3,conv3] attn=se",
        _SE,
    ),
    "resnetblur18": ("2,2,2,2", _BASIC, f"{_C7} aa=blur", _BLUR),
    "resnetblur50": ("3,4,6,3", _DEEP, f"{_C7} aa=blur", _BLUR),
    "resnetblur50d": ("3,4,6,3", _DEEP, f"{_D} aa=blur", _BLUR),
    "resnetblur101d": ("3,4,23,3", _DEEP, f"{_D} aa=blur", _BLUR),
    "resnetaa34d": ("3,4,6,3", _BASIC, f"{_D} aa=avg", _AA),
    "resnetaa50": ("3,4,6,3", _DEEP, f"{_C7} aa=avg", _AA),
    "resnetaa50d": ("3,4,6,3", _DEEP, f"{_D} aa=avg", _AA),
    "resnetaa101d": ("3,4,23,3", _DEEP, f"{_D} aa=avg", _AA),
    "seresnetaa50d": ("3,4,6,3", _DEEP, f"{_D} attn=se aa=avg", _AA),
    "seresnextaa101d_32x8d": ("3,4,23,3", _DEEP, f"{_X32X8} {_D} attn=se aa=avg", _AA),
    "seresnextaa201d_32x8d": (
        "3,24,36,4",
        _DEEP,
        f"{_X32X8} stem=deep:64 shortcut=avg attn=se aa=avg",
        _AA,
    ),
    "resnetrs50": ("3,4,6,3", _DEEP, _RS_STEM, _RS),
    "resnetrs101": ("3,4,23,3", _DEEP, _RS_STEM, _RS),
    "resnetrs152": ("3,8,36,3", _DEEP, _RS_STEM, _RS),
    "resnetrs200": ("3,24,36,3", _DEEP, _RS_STEM, _RS),
    "resnetrs270": ("4,29,53,4", _DEEP, _RS_STEM, _RS),
    "resnetrs350": ("4,36,72,4", _DEEP, _RS_STEM, _RS),
    "resnetrs420": ("4,44,87,4", _DEEP, _RS_STEM, _RS),
}


def _imagenet() -> Iterator[Known]:
    for name, (blocks, kind, options, source) in _IMAGENET.items():
        block = "" if kind == _BASIC else f" block={kind}"
        spec = f"[{blocks}]x[64,128,256,512]{block} {options} input=3x224x224 classes=1000"
        yield Known(name, spec, source)
    mixed = "block=[basic,basic,bottleneck,basic] stem=deep:16 shortcut=avg"
    yield Known("test_resnet", f"[1,1,1,1]x[32,48,48,96] {mixed} input=3x224x224 classes=1000", _TIMM)


def _preact() -> Iterator[Known]:
    """Timm's ResNetV2."""
    for depth, blocks, kind in (
        (18, "2,2,2,2", "preact"),
        (34, "3,4,6,3", "preact"),
        (50, "3,4,6,3", "preact-bottleneck"),
        (101, "3,4,23,3", "preact-bottleneck"),
        (152, "3,8,36,3", "preact-bottleneck"),
    ):
        for suffix, options in (("", _C7), ("d", _D), ("t", _T), ("d_gn", f"{_D} norm=group")):
            if suffix in ("", "d") or depth == 50:
                spec = f"[{blocks}]x[64,128,256,512] block={kind} {options} input=3x224x224 classes=1000"
                yield Known(f"resnetv2_{depth}{suffix}", spec, f"{_HE2}; timm, models/resnetv2.py")
    for depth, blocks, times in (
        (50, "3,4,6,3", (1, 3)),
        (101, "3,4,23,3", (1, 3)),
        (152, "3,8,36,3", (2, 4)),
    ):
        for k in times:
            channels = ",".join(str(64 * k * i) for i in (1, 2, 4, 8))
            stem = f"stem=conv7:{64 * k}" if k > 1 else _C7
            options = f"weight_std=yes {stem} stem_pool=max-zeros norm=group input=3x224x224 classes=1000"
            spec = f"[{blocks}]x[{channels}] block=preact-bottleneck {options}"
            yield Known(f"resnetv2_{depth}x{k}_bit", spec, "Kolesnikov et al. 2020, Big Transfer; timm")


_ENTRIES: Final = (*_PAPER_ENTRIES, *_cifar(), *_imagenet(), *_preact())
_BY_NAME: Final = {known.name: known for known in _ENTRIES}
_WRN_NAME: Final = re.compile(r"wrn-([0-9]{1,4})-([0-9]{1,3})")
_WRN_COMMON: Final = ("wrn-16-4", "wrn-16-8", "wrn-22-8", "wrn-28-10", "wrn-40-1", "wrn-40-2", "wrn-40-4")


def find(name: str) -> Known | None:
    """The architecture of a name, letters of either case, or None."""
    lower = name.lower()
    return _BY_NAME.get(lower) or _wide(lower) or _of_families().get(lower)


@lru_cache(maxsize=1)
def _of_families() -> dict[str, Known]:
    """Those that are no ResNets, put together when one is first asked for."""
    parts = (mobile(), efficient(), mixnets(), regnets(), convnexts(), plain())
    return {known.name: known for part in parts for known in part}


def _wide(name: str) -> Known | None:
    """`wrn-d-k`: depth d = 6n + 4, widened k times."""
    found = _WRN_NAME.fullmatch(name)
    if found is None:
        return None
    depth, k = int(found[1]), int(found[2])
    n, left = divmod(depth - 4, 6)
    if left or n < 1 or k < 1:
        return None
    return Known(name, f"[{n},{n},{n}]x[{16 * k},{32 * k},{64 * k}] block=preact stem=16", _WRN)


def names() -> tuple[str, ...]:
    """Every name of the list, and some of the wide ones (`wrn-d-k` takes any d = 6n + 4 and any k)."""
    return (*_BY_NAME, *_WRN_COMMON, *_of_families())


def entries() -> Iterator[Known]:
    """Every architecture of `names`, in its order."""
    for name in names():
        known = find(name)
        if known is not None:
            yield known
