"""What a drawing needs of widths and sizes: every conv a channel that its groups divide, and so on.

A network is drawn with a pen that asks where the other pens only write: what a block needs stands in its
drawing, and here once what every layer of a kind needs. As with the closed form (`archkit.count.closed`),
the checks of a stage that is asked about again and again are drawn with symbols and become code; a stage
for which nothing depends on its widths is not drawn at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from archkit.blocks import Draw, Pen, draw_block, draw_head, draw_stem
from archkit.blocks.sides import both, by_sides
from archkit.blocks.symbol import Code, Form, Symbol, written
from archkit.errors import SpecError
from archkit.spec.options import by_stage
from archkit.spec.parts import Parts

__all__ = ["NeedsPen", "check_drawing", "draw_further", "something_is_asked"]


def check_drawing(
    parts: Parts,
    blocks: tuple[int, ...],
    channels: tuple[int, ...],
    stem_width: int,
    image: tuple[int, int, int],
    classes: int,
) -> None:
    """Draws a network to see whether it is possible.

    Raises:
        SpecError: a conv would have no channels, groups do not divide, a map is too small, ...
    """
    stem, *stages, head = _checks(parts)
    if not any(check.asks for check in (stem, *stages, head)):
        return
    c, h, w = image
    c, h, w = stem(c, stem_width, 1, h, w, 0)
    for i, check in enumerate(stages):
        c, h, w = check(c, channels[i], blocks[i], h, w, i)
    if head.asks:
        head(c, classes, 1, h, w, len(stages) - 1)


def something_is_asked(parts: Parts) -> bool:
    """Whether anything in a network of these parts depends on its widths, or on its image."""
    return any(check.asks for check in _checks(parts))


def _checks(parts: Parts) -> list[_Check]:
    """Those of the stem, of each stage, and of the head."""
    return [
        _part_check(parts.stem, draw_stem),
        *(_stage_check(*key) for key in zip(parts.stages, parts.strides, strict=True)),
        _part_check(parts.head, draw_head),
    ]


class _Need(NamedTuple):
    """What an error says; see `Pen.need`.

    values: that the reason names.
    """

    reason: str
    option: str
    values: Mapping[str, Any]

    def error(self, stage: int, *found: int) -> SpecError:
        """The error of a stage, from 0; where values are symbols, `found` is what they came to."""
        symbols = [name for name, value in self.values.items() if isinstance(value, Symbol)]
        values = {**self.values, **dict(zip(symbols, found, strict=True))}
        index = stage if self.option == "channels" or self.option in by_stage() else None
        return SpecError(self.reason.format(stage=stage + 1, **values), field=(self.option, index))


class NeedsPen(Pen):
    """Asks what every layer needs; what a block needs its drawing asks."""

    __slots__ = ()

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """Asks what a layer of this kind needs."""
        if kind in ("conv", "std_conv"):
            groups = geometry["groups"]
            if not (isinstance(out[0], Symbol) and out[0].positive):
                self.need(out[0] >= 1, "a conv of stage {stage} has no channels left", "channels")
            depthwise = groups is self.c and groups is out[0]  # which divides whatever it is
            if not (depthwise or (isinstance(groups, int) and groups == 1)):
                if not (isinstance(groups, Symbol) and groups.positive):
                    self.need(groups >= 1, "a conv of stage {stage} has no groups left", "channels")
                reason = "groups={groups} does not divide {c} channels in stage {stage}"
                for c in (self.c, out[0]):
                    self.need(c % groups == 0, reason, "groups", groups=groups, c=c)
        if kind == "std_conv" and geometry["kernel"] == 1:
            reason = "weight_std=yes leaves single weights to standardise in stage {stage}"
            self.need(self.c // geometry["groups"] >= 2, reason, "weight_std")
        # A conv that is padded by half its kernel finds a window in every map.
        if kind not in ("conv1d", "pad") and "kernel" in geometry and not geometry.get("ceil"):
            kernel = geometry["kernel"]
            sides = zip((self.h, self.w), both(kernel), both(geometry["padding"]), strict=True)
            for size, k, padding in sides:
                if k <= 2 * padding + 1:
                    continue
                self.need(
                    size >= k - 2 * padding,
                    "a window of {window} is larger than the map in stage {stage}, {h}x{w}",
                    "input",
                    window=by_sides(kernel),
                    h=self.h,
                    w=self.w,
                )
        if kind == "simple_norm":
            self.need(self.c >= 2, "norm=simple needs two channels or more in stage {stage}", "norm")
        if kind == "group_norm":
            groups = geometry["groups"]
            reason = "norm=group:{groups} does not divide {c} channels in stage {stage}"
            self.need(self.c % groups == 0, reason, "norm", groups=groups, c=self.c)
            # One value less its mean is 0, whatever it was; torch refuses such a group in one image.
            self.need(
                (self.c != groups) | (self.h * self.w != 1),
                "norm=group:{groups} leaves single values to normalise in stage {stage}: {c} channels of 1x1",
                "norm",
                groups=groups,
                c=self.c,
            )
        self.moved(out)


class _AskingPen(NeedsPen):
    """Asks at once, for one network, whose widths are integers."""

    __slots__ = ("_stage",)

    def __init__(self, c: int, h: int, w: int, stage: int) -> None:
        super().__init__(c, h, w)
        self._stage = stage

    def need(self, condition: Any, reason: str, option: str, **values: Any) -> None:
        """Asks.

        Raises:
            SpecError: it is not so.
        """
        if not condition:
            raise _Need(reason, option, values).error(self._stage)


class _WritingPen(NeedsPen):
    """Writes the questions down, of symbols."""

    __slots__ = ("_code", "_conditions", "needs")

    def __init__(self, code: Code) -> None:
        super().__init__(code.symbol("c_in"), code.symbol("h"), code.symbol("w"))
        self._code = code
        self._conditions: list[Symbol] = []
        self.needs: list[_Need] = []

    def moved(self, out: tuple[Any, ...]) -> None:
        super().moved(tuple(self._code.named(size) for size in out))

    def need(self, condition: Any, reason: str, option: str, **values: Any) -> None:
        if condition is True:
            return
        here = " and ".join(one.text for one in self._conditions)
        said = condition.text if isinstance(condition, Symbol) else "False"
        asked = f"not {said}" if not here else f"{here} and not {said}"
        symbols = [value for value in values.values() if isinstance(value, Symbol)]
        self._code.lines.append(f"if {asked}: fail({len(self.needs)}, stage, {written(symbols)})")
        self.needs.append(_Need(reason, option, values))

    def beside(self, name: str, draw: Draw, *, where: Any) -> None:
        """Draws a branch, and asks what it needs where it stands."""
        if where is True:
            draw(self)
        else:
            self.only_where(where, draw)

    def only_where(self, condition: Symbol, draw: Draw) -> None:
        """Draws something, and asks what it needs on a condition alone."""
        self._conditions.append(condition)
        draw(self)
        self._conditions.pop()


def draw_further(pen: Pen, draw: Callable[[Pen, Any, bool], None], c: Any) -> None:
    """Draws a further block of a stage, which must leave the map as it enters: one stands for all."""
    entered = pen.shape
    draw(pen, c, False)
    for before, after in zip(entered, pen.shape, strict=False):
        if after is not before:
            reason = (
                "a further block of stage {stage} must leave its map as it enters, not make {before} {after}"
            )
            pen.need(after == before, reason, "block", before=before, after=after)


class _Check:
    """The checks of a part: `(c_in, c, n, h, w, stage)` -> the map that leaves it.

    Attributes:
        asks: whether it asks anything at all.
    """

    __slots__ = ("_code", "_form", "_pen", "asks")

    def __init__(self, draw: Callable[[Pen, Any, bool], None]) -> None:
        code = Code()
        pen = _WritingPen(code)
        c = code.symbol("c")
        draw(pen, c, True)
        pen.only_where(code.symbol("n") > 1, lambda pen: draw_further(pen, draw, c))
        self.asks = bool(pen.needs)
        self._code, self._pen = code, pen

        def check(c_in: int, c: int, n: int, h: int, w: int, stage: int) -> tuple[Any, ...]:
            asking = _AskingPen(c_in, h, w, stage)
            draw(asking, c, True)
            if n > 1:
                draw_further(asking, draw, c)
            return asking.shape

        self._form = Form(check, self._written)

    def __call__(self, *values: int) -> Any:
        return self._form(*values)

    def _written(self) -> Callable[..., Any]:
        needs = self._pen.needs

        def fail(which: int, stage: int, *found: int) -> None:
            raise needs[which].error(stage, *found)

        return self._code.compiled("c_in, c, n, h, w, stage", written(self._pen.shape), fail=fail)


@lru_cache(maxsize=4096)
def _stage_check(setting: Any, stride: int) -> _Check:
    """Of a stage: its first block, and a further one where there is one."""

    def draw(pen: Pen, c: Any, first: bool) -> None:
        draw_block(pen, setting, c, stride if first else 1, first=first)

    return _Check(draw)


@lru_cache(maxsize=1024)
def _part_check(setting: Any, draw: Callable[..., None]) -> _Check:
    """Of a stem or a head."""

    def draw_once(pen: Pen, c: Any, first: bool) -> None:
        if first:
            draw(pen, setting, c)

    return _Check(draw_once)
