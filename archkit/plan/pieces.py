"""`Piece`: a stem, a block or a head by all that what it costs can depend on.

A table that gives a cost for each piece gives one for every network, since networks are made of pieces.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import numpy as np

from archkit.blocks import FAMILIES, STEMS, HeadSetting, Pen, StemSetting, draw_block, draw_stem
from archkit.spec import ArchSpec
from archkit.spec.options import options

__all__ = ["PARTS", "Piece", "option_texts", "pieces", "sites"]

PARTS: Final = ("stem", "first", "further", "head")
"""The parts of a network: the stem, the first block of a stage, each further block of it, the head."""

_STEM_KEYS: Final = {"pool": "stem_pool", "attn": "stem_attn", "standardised": "weight_std"}
_HEAD_KEYS: Final = {"conv": "head_conv", "hidden": "head_hidden", "hidden_bias": "head_bias"}
_BLOCK_KEYS: Final = {"output_stride": "dilation"}  # that is what it makes of a block


class Piece(NamedTuple):
    """A stem, a block or a head.

    Where widths are arrays, so are the channels here: the piece stands for one at each width.

    part: one of `PARTS`.
    stage: of the block, counted from 1; 0 of the stem and the head.
    block: the kind of block, or of stem; empty of the head.
    channels_in: channels of the map that enters.
    channels: the base width of the block's stage, the stem's own number, the head's classes.
    stride: of the block; None of the stem and the head.
    rows: of the map that enters.
    columns: of that map.
    options: those that are not at the default of the kind, by key, as the language writes them.
    """

    part: str
    stage: int
    block: str
    channels_in: Any
    channels: Any
    stride: int | None
    rows: int
    columns: int
    options: tuple[tuple[str, str], ...]


def pieces(spec: ArchSpec) -> Counter[Piece]:
    """What a network is made of, and how many of each piece it has; a stem of no layers is none.

    >>> from archkit.spec import parse
    >>> for piece, n in pieces(parse("[2,1]x[16,32]")).items():
    ...     print(n, *piece[:-1])
    1 stem 0 conv3 3 16 None 32 32
    1 first 1 basic 16 16 1 32 32
    1 further 1 basic 16 16 1 32 32
    1 first 2 basic 16 32 2 32 32
    1 head 0  32 10 None 16 16
    """
    found: Counter[Piece] = Counter()
    for piece in sites(spec, spec.channels, spec.stem.width):
        n = spec.blocks[piece.stage - 1] - 1 if piece.part == "further" else 1
        if n:
            found[piece] += n
    return found


@np.errstate(divide="ignore", invalid="ignore")  # of pairs of widths that no network has
def sites(like: ArchSpec, widths: Sequence[Any], stem_width: Any) -> Iterator[Piece]:
    """The stem, the first and a further block of each stage, and the head, in order.

    Args:
        like: everything except the widths is read off it.
        widths: base widths of each stage: integers, or C integers each. In the second case the channels that
            enter a first block are P x 1, of the widths of the stage before.
        stem_width: an integer, or C integers as the first stage has.
    """
    parts = like.parts
    pen = _ShapePen(*like.input)
    if parts.stem.kind != "none":
        kept = _of_stem(parts.stem)
        yield Piece("stem", 0, parts.stem.kind, pen.c, stem_width, None, pen.h, pen.w, kept)
    draw_stem(pen, parts.stem, stem_width)
    for i, (setting, c) in enumerate(zip(parts.stages, widths, strict=True), 1):
        kept, name, stride = _of_block(setting), setting.family.name, parts.strides[i - 1]
        if i > 1 and not isinstance(c, int):
            pen.c = pen.c[:, None]
        yield Piece("first", i, name, pen.c, c, stride, pen.h, pen.w, kept)
        draw_block(pen, setting, c, stride, first=True)
        yield Piece("further", i, name, pen.c, c, 1, pen.h, pen.w, kept)
    yield Piece("head", 0, "", pen.c, like.classes, None, pen.h, pen.w, _of_head(parts.head))


class _ShapePen(Pen):
    """Follows the map alone."""

    __slots__ = ()

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:  # noqa: ARG002
        self.moved(out)


def option_texts(part: str, block: str) -> dict[str, str]:
    """The options of a kind of block or stem, or of a head, at their defaults; none of an unknown kind."""
    if part == "head":
        return _texts(_like().parts.head, _HEAD_KEYS)
    if part == "stem":
        return _texts(_like(stem=block).parts.stem, _STEM_KEYS) if block in STEMS else {}
    return _texts(_like(block=block).parts.stages[0], _BLOCK_KEYS) if block in FAMILIES else {}


def _like(**given: Any) -> ArchSpec:
    return ArchSpec.frame((1,), (64,), **given)


@lru_cache(maxsize=4096)
def _of_block(setting: Any) -> tuple[tuple[str, str], ...]:
    default = _like(block=setting.family.name).parts.stages[0]
    return _unusual(setting, default, _BLOCK_KEYS)


@lru_cache(maxsize=1024)
def _of_stem(setting: StemSetting) -> tuple[tuple[str, str], ...]:
    return _unusual(setting, _like(stem=setting.kind).parts.stem, _STEM_KEYS)


@lru_cache(maxsize=1024)
def _of_head(setting: HeadSetting) -> tuple[tuple[str, str], ...]:
    return _unusual(setting, _like().parts.head, _HEAD_KEYS)


def _unusual(setting: Any, default: Any, keys: dict[str, str]) -> tuple[tuple[str, str], ...]:
    usual = _texts(default, keys)
    return tuple((key, text) for key, text in _texts(setting, keys).items() if text != usual[key])


def _texts(setting: Any, keys: dict[str, str]) -> dict[str, str]:
    """The values of a setting as the language writes them, without the kind that it is of."""
    rows, found = options(), {}
    for name, value in setting._asdict().items():
        if name in ("family", "kind"):
            continue
        key = keys.get(name, name)
        if isinstance(value, bool):
            found[key] = "yes" if value else "no"
        elif key in rows:
            found[key] = rows[key].values.text(value)
        else:  # a word, or the dilations of a stage's first conv and of the others
            found[key] = value if isinstance(value, str) else "/".join(map(str, value))
    return found
