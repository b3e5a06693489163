"""The values of the option `stem`: a width, or a kind with or without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from archkit.blocks.option import Variant
from archkit.blocks.stems import STEMS, Stem
from archkit.blocks.values import Field, Range, Token, checked_number, pair, wrong
from archkit.errors import SpecError, nearest

__all__ = ["StemValues", "stem_variants"]

_STEMS_OF_RESNETS: Final = ("conv3", "conv7", "deep", "tiered")


class StemValues:
    """A stem: `16` is one 3x3 conv of 16 channels, `deep` and `deep:32` are kinds of `STEMS`."""

    noun = "a width or a kind"

    def __init__(self, width: Range) -> None:
        self._width = width

    @staticmethod
    def as_wide_as(channels: Sequence[int]) -> Stem:
        """The default: one 3x3 conv as wide as the first stage."""
        return Stem("conv3", channels[0])

    @property
    def expected(self) -> str:
        return "a width, or " + " | ".join(f"{kind}[:N]" for kind in STEMS)

    def read(self, key: str, token: Token, came: str) -> Stem | str | int:
        if token.number is not None:
            return token.number
        if token.word is not None and token.word in STEMS:
            return token.word if token.argument is None else Stem(token.word, token.argument)
        raise wrong(key, self.expected, came, nearest(token.word or "", STEMS))

    def accept(self, value: Any, field: Field) -> Any:
        """A stem, or None for `conv3` without a width: as wide as the first stage, which is the default."""
        name = field[0]
        if isinstance(value, int) and not isinstance(value, bool):
            value = Stem("conv3", value)
        elif isinstance(value, str):
            width = STEMS[value].width if value in STEMS else 1
            if width is None:
                return None
            value = Stem(value, width)
        kind, width = pair(value, name, "a width, a kind, or a kind and its width", field)
        if not isinstance(kind, str) or kind not in STEMS:
            raise SpecError(f"{name} is {' | '.join(STEMS)}, not {kind}", field=field)
        checked_number(name, width, self._width, field)
        if width < STEMS[kind].least:
            raise SpecError(f"a {kind} stem is at least {STEMS[kind].least} wide", field=field)
        return Stem(kind, width if STEMS[kind].widths(width) else 1)

    def text(self, value: Stem) -> str:
        kind, width = value
        if kind == "conv3":
            return str(width)
        return kind if width == STEMS[kind].width else f"{kind}:{width}"

    def shown(self) -> str:
        return "a width; " + " ".join(
            f"`{kind}[:N]`" if STEMS[kind].widths(1) else f"`{kind}`" for kind in STEMS
        )

    def samples(self) -> Sequence[Any]:
        kinds = [kind for kind in STEMS if STEMS[kind].widths(1)]
        return (*STEMS, *(Stem(kind, width) for kind in kinds for width in (4, 7, 24)), 16, 40)


def stem_variants(values: Mapping[str, Any]) -> tuple[Variant, ...]:
    """How else a paper may have meant the stem that it leaves unsaid, or names."""
    first, kind = values["channels"][0], values["stem"].kind
    # As wide as the first stage, as the notation implies; 64 and 16, as in the papers; common others.
    widths = dict.fromkeys((first, 64, 16, 32, 24, 128))
    found = [
        Variant(f"{width}" if kind == "conv3" else f"{kind}:{width}", 10 if width in (first, 64, 16) else 13)
        for width in widths
        if width >= STEMS[kind].least
    ]
    # Images as large as ImageNet's hardly ever meet a 3x3 of stride 1, unless the stem was left unsaid.
    large = kind == "conv3" and min(values["input"][1:]) >= 128
    others = [
        Variant(other, 9 if large and other == "conv7" else 14)
        for other in _STEMS_OF_RESNETS
        if other != kind
    ]
    return (*found, *others)
