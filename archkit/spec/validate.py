"""What an ArchSpec must hold to: every check there is, run when one is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from archkit.errors import SpecError
from archkit.spec.blocks import EXPANSION, PREACT, body_convs, out_channels
from archkit.spec.vocabulary import ATTENTION, CHOICES, LIMITS, NORM, STEM_WIDTH, strided

if TYPE_CHECKING:
    from archkit.spec.arch import ArchSpec

__all__ = ["check_number", "validate"]


def validate(spec: ArchSpec) -> None:
    """Checks every field by itself, then what only several together can get wrong.

    Raises:
        SpecError: naming the field.
    """
    _check_stages(spec)
    _check_numbers(spec)
    _check_words(spec)
    _check_shapes(spec)


def check_number(name: str, value: int, field: tuple[str, int | None]) -> None:
    """Holds a number to `LIMITS[name]`.

    Raises:
        SpecError: it is no integer, or out of range.
    """
    low, high = LIMITS[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise SpecError(f"{name} must be an integer, not {value!r}", field=field)
    if not low <= value <= high:
        raise SpecError(f"{name} must be {low:,} to {high:,}, not {value:,}", field=field)


def _check_stages(spec: ArchSpec) -> None:
    stages = len(spec.blocks)
    if stages > LIMITS["stages"].high or stages < 1:
        raise SpecError(
            f"a network has 1 to {LIMITS['stages'].high} stages, not {stages}", field=("blocks", None)
        )
    if len(spec.channels) != stages:
        raise SpecError(
            f"{_several(len(spec.channels), 'channel')} for {_several(stages, 'stage')}",
            field=("channels", None),
            hint="one number of channels for each stage",
        )
    for name in ("block", "kernel", "stride", "shortcut"):
        if len(getattr(spec, name)) != stages:
            raise SpecError(
                f"{name} has {_several(len(getattr(spec, name)), 'entry')} for {_several(stages, 'stage')}",
                field=(name, None),
            )


def _check_numbers(spec: ArchSpec) -> None:
    for name in ("blocks", "channels", "kernel", "stride"):
        low, high = LIMITS[name]
        for i, value in enumerate(getattr(spec, name)):
            # The common case without a call: most of the time of parsing would go here.
            if type(value) is not int or not low <= value <= high:
                check_number(name, value, (name, i))
    for i, k in enumerate(spec.kernel):
        if k % 2 == 0:
            raise SpecError(f"a kernel is odd, not {k}", field=("kernel", i))
    for name in ("groups", "base_width", "reduce", "classes"):
        check_number(name, getattr(spec, name), (name, None))
    check_number("stem", spec.stem.width, ("stem", None))
    if spec.pool is not None:
        check_number("pool", spec.pool, ("pool", None))
    if len(spec.input) != 3:
        raise SpecError("input is channels x height x width, as in 3x32x32", field=("input", None))
    for name, size in zip(("input channels", "input size", "input size"), spec.input, strict=True):
        check_number(name, size, ("input", None))


def _check_words(spec: ArchSpec) -> None:
    for name, known in CHOICES.items():
        value = getattr(spec, name)
        for i, word in enumerate(value if isinstance(value, tuple) else (value,)):
            if word not in known:
                raise _unknown_word(name, word, known, i if isinstance(value, tuple) else None)
    if spec.stem.kind not in STEM_WIDTH:
        raise _unknown_word("stem", spec.stem.kind, tuple(STEM_WIDTH), None)
    for name, table in (("stem_attn", ATTENTION), ("attn", ATTENTION), ("norm", NORM)):
        kind, number = getattr(spec, name)
        if kind not in table:
            raise _unknown_word(name, kind, tuple(table), None)
        if table[kind]:
            check_number(name, number, (name, None))
        elif number:
            raise SpecError(f"{name}={kind} takes no number", field=(name, None))
    if spec.stem.kind == "tiered" and spec.stem.width < 4:
        raise SpecError("a tiered stem is at least 4 wide", field=("stem", None))


def _check_shapes(spec: ArchSpec) -> None:
    """What only several fields together can get wrong."""
    if len({kind in PREACT for kind in spec.block}) > 1:
        raise SpecError("blocks with and without pre-activation cannot be mixed", field=("block", None))
    if spec.preact and spec.norm.kind == "none":
        raise SpecError("a pre-activation block needs a norm", field=("norm", None))
    basic = next((i for i, kind in enumerate(spec.block) if EXPANSION[kind] == 1), None)
    if basic is not None and (spec.groups != 1 or spec.base_width != 64):
        name = "groups" if spec.groups != 1 else "base_width"
        raise SpecError(f"{name} needs bottlenecks; stage {basic + 1} has basic blocks", field=(name, None))
    if "pad" in spec.shortcut:
        # Zero-padding can only add channels.
        for i, c_in in enumerate(spec.stage_inputs()):
            if spec.shortcut[i] == "pad" and out_channels(spec.block[i], spec.channels[i]) < c_in:
                raise SpecError(
                    f"shortcut=pad cannot take {c_in} channels to fewer in stage {i + 1}",
                    field=("shortcut", i),
                )
    if spec.groups != 1 or spec.reduce != 1 or spec.norm.kind == "group" or spec.base_width != 64:
        _check_widths(spec)
    if spec.pool is not None:
        h, w = spec.maps()[-1]
        if spec.pool > min(h, w):
            raise SpecError(f"pool={spec.pool} is larger than the last map, {h}x{w}", field=("pool", None))
    if spec.aa != "none":
        _check_anti_alias(spec)


def _check_anti_alias(spec: ArchSpec) -> None:
    """Averaging drops an odd row, which the shortcut keeps; blurring reflects, which needs two rows."""
    maps = spec.maps()
    pooled = [maps[i] for i, stride in enumerate(spec.stride) if stride == 2]
    if spec.aa == "avg" and any(h % 2 or w % 2 for h, w in pooled):
        raise SpecError("aa=avg needs maps of an even height and width", field=("aa", None))
    if spec.stem_pool != "none":
        _, h, w = spec.input
        pooled.append((h, w) if spec.stem.kind == "conv3" else (strided(h, 2), strided(w, 2)))
    if any(min(size) < 2 for size in pooled):
        raise SpecError(f"aa={spec.aa} needs maps of at least 2x2", field=("aa", None))


def _check_widths(spec: ArchSpec) -> None:
    """Every conv has at least one channel that its groups divide, and so has every norm."""
    maps = spec.maps()
    normed = [(0, width) for width in (spec.stem.widths[:-1] if spec.preact else spec.stem.widths)]
    for i, (kind, c, c_in) in enumerate(zip(spec.block, spec.channels, spec.stage_inputs(), strict=True)):
        convs = body_convs(kind, c_in, c, groups=spec.groups, base_width=spec.base_width, reduce=spec.reduce)
        for conv in convs:
            if conv.c_out < 1:
                raise SpecError(f"a conv of stage {i + 1} has no channels left", field=("channels", i))
            if conv.c_in % conv.groups:
                raise SpecError(
                    f"groups={conv.groups} does not divide {conv.c_in} channels in stage {i + 1}",
                    field=("groups", None),
                )
            normed.append((i, conv.c_in if spec.preact else conv.c_out))
    if spec.norm.kind == "group":
        for i, width in [*normed, (len(spec.blocks) - 1, spec.features)]:
            if width % spec.norm.groups:
                raise SpecError(
                    f"norm=group:{spec.norm.groups} does not divide {width} channels in stage {i + 1}",
                    field=("norm", None),
                )
            # One value less its mean is 0, whatever it was; torch refuses such a group in one image.
            if width == spec.norm.groups and maps[i + 1] == (1, 1):
                raise SpecError(
                    f"norm=group:{spec.norm.groups} leaves single values to normalise in stage {i + 1}:"
                    f" {width} channels of 1x1",
                    field=("norm", None),
                )


def _unknown_word(name: str, word: Any, known: Sequence[str], index: int | None) -> SpecError:
    return SpecError(f"{name} is {' | '.join(known)}, not {word}", field=(name, index))


def _several(n: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n} {noun if n == 1 else plural}"
