"""The ways to read a notation, and what each of them costs.

Thousands of variants are counted for one answer, and most stages of one variant are those of another. So
every layer, block and part is worked out once and remembered, and a variant is neither checked nor made
an `ArchSpec` unless its figure fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import combinations, product
from typing import Any, NamedTuple

from archkit.blocks import FAMILIES, Option, Pen, draw_head, draw_stem
from archkit.blocks.sides import Sides
from archkit.count.formulas import layer_macs, layer_params
from archkit.count.reconcile.watched import Read, Watched
from archkit.errors import SpecError
from archkit.plan import KINDS, Layer
from archkit.spec import ArchSpec
from archkit.spec.options import OF_NETWORK, options
from archkit.spec.parts import parts_of
from archkit.spec.syntax import read
from archkit.spec.text import option_value

__all__ = ["Change", "Tally", "Variants"]


class Change(NamedTuple):
    """One way to read the notation differently.

    key: the option that it changes, or `blocks` or `channels`; two changes of one are never combined.
    value: what that becomes.
    text: as it is told, an option in the language.
    weight: see `archkit.blocks.option.Variant`.
    """

    key: str
    value: Any
    text: str
    weight: int


class Tally(NamedTuple):
    """What a variant comes to.

    params: learnable parameters.
    macs: multiply-accumulates, one image, bias not counted.
    moving: the running means and variances of its batch norms.
    """

    params: int
    macs: int
    moving: int


class Variants:
    """The variants of a spec.

    Args:
        spec: the notation as read at face value.
    """

    def __init__(self, spec: ArchSpec) -> None:
        self.spec = spec
        rows = options()
        self._values: dict[str, Any] = {
            "blocks": spec.blocks,
            "channels": spec.channels,
            **{key: getattr(spec, key) for key in rows},
        }
        given = spec.given()
        # Defaults that follow other options, such as the stem's width: a change may move them.
        self._following = {
            key: row for key, row in rows.items() if callable(row.default) and key not in given
        }
        self._stages = len(spec.blocks)
        self._made: dict[tuple[Change, ...], ArchSpec | None] = {}
        self._seen: dict[Any, Any] = {}
        self._blocks: dict[Any, Read] = {}
        self._layers: dict[Any, tuple[int, ...]] = {}
        self.single = self._single()
        self._order = {change: i for i, change in enumerate(self.single)}
        self._tallies: dict[tuple[Change, ...], Tally] = {}  # of few changes, which are asked for again

    def combined(self, n: int, number: Callable[[Tally], int]) -> Iterator[tuple[Change, ...]]:
        """Every combination of so many single changes of different options.

        A change that moves nothing, alone or beside any other, has no part in three and more.

        Args:
            n: how many.
            number: that is to be moved.
        """
        by_key: dict[str, list[Change]] = {}
        for change in self.single:
            if n < 3 or self._moves(change, number):
                by_key.setdefault(change.key, []).append(change)
        for some in combinations(by_key.values(), n):
            yield from product(*some)

    def _moves(self, change: Change, number: Callable[[Tally], int]) -> bool:
        """Whether a change moves a number, alone or beside any other."""
        others = [(), *((other,) for other in self.single if other.key != change.key)]
        return any(
            number(self.tally(other))
            != number(self.tally(tuple(sorted((change, *other), key=self._order.__getitem__))))
            for other in others
        )

    def tally(self, changes: tuple[Change, ...]) -> Tally:
        """What the spec comes to with these changes, whether or not there is such a network."""
        found = self._tallies.get(changes)
        if found is None:
            found = self._sum(self._with(changes))
            if len(changes) < 3:
                self._tallies[changes] = found
        return found

    def _with(self, changes: tuple[Change, ...]) -> Mapping[str, Any]:
        """The values of all options, with these changes."""
        values = self._values
        if changes:
            rows = options()
            values = dict(values)
            for change in changes:
                row = rows.get(change.key)
                by_stage = row is not None and row.by_stage
                values[change.key] = (change.value,) * self._stages if by_stage else change.value
            changed = {change.key for change in changes}
            for key, row in self._following.items():
                if key not in changed:
                    values[key] = row.default_among(values)
        return values

    def make(self, changes: tuple[Change, ...]) -> ArchSpec | None:
        """The network with these changes; None where there is none, as with a window larger than the map."""
        if changes not in self._made:
            try:
                self._made[changes] = self.spec.replace(**{change.key: change.value for change in changes})
            except SpecError:
                self._made[changes] = None
        return self._made[changes]

    def _sum(self, values: Mapping[str, Any]) -> Tally:
        parts = parts_of(values)
        c, h, w = values["input"]
        params, macs, moving, *at = self._part(draw_stem, parts.stem, c, values["stem"].width, h, w)
        p, m, a, *at = self._chain(parts.stages, parts.strides, values["blocks"], values["channels"], *at)
        params, macs, moving = params + p, macs + m, moving + a
        p, m, a, *_ = self._part(draw_head, parts.head, at[0], values["classes"], *at[1:])
        return Tally(params + p, macs + m, moving + a)

    def _chain(self, *stages: Any) -> tuple[int, ...]:
        """(params, macs, moving) of some stages, and the map that leaves them.

        All but the first of them are summed once for all that differ in what enters the first alone.
        """
        found = self._seen.get(stages)
        if found is None:
            settings, strides, blocks, channels, c, h, w = stages
            p, m, a, c, h, w = self._block(settings[0], strides[0], c, channels[0], h, w, first=True)
            if blocks[0] > 1:
                n = blocks[0] - 1
                q, o, b, c, h, w = self._block(settings[0], 1, c, channels[0], h, w, first=False)
                p, m, a = p + n * q, m + n * o, a + n * b
            if len(settings) > 1:
                q, o, b, c, h, w = self._chain(settings[1:], strides[1:], blocks[1:], channels[1:], c, h, w)
                p, m, a = p + q, m + o, a + b
            found = self._seen[stages] = p, m, a, c, h, w
        return found

    def _part(self, draw: Any, setting: Any, c_in: int, c: int, h: int, w: int) -> tuple[int, ...]:
        """(params, macs, moving) of a stem or head, and the map that leaves it."""
        key = draw, setting, c_in, c, h, w
        if key not in self._seen:
            pen = _TallyPen(c_in, h, w, self._layers)
            draw(pen, setting, c)
            self._seen[key] = (*pen.sums, pen.c, pen.h, pen.w)
        return self._seen[key]  # type: ignore[no-any-return]  # one dict for parts and chains

    def _block(
        self, setting: Any, stride: int, c_in: int, c: int, h: int, w: int, *, first: bool
    ) -> tuple[int, ...]:
        """(params, macs, moving) of a block, and the map that leaves it."""
        read = self._blocks.setdefault((setting.family, stride, c_in, c, h, w, first), Read())
        found = read.of(setting)
        if found is None:
            pen = _TallyPen(c_in, h, w, self._layers)
            watched = Watched(setting)
            setting.family.draw(pen, watched, c, stride, first)
            found = read.keep(watched, (*pen.sums, pen.c, pen.h, pen.w))
        return found  # type: ignore[no-any-return]  # it remembers anything

    def _single(self) -> list[Change]:
        """The single changes that a figure may hide: the variants of every option that the blocks take."""
        spec = self.spec
        found = []
        for key, row in options().items():
            if key not in OF_NETWORK and not all(key in FAMILIES[name].option_keys for name in spec.block):
                continue
            for variant in row.variants(self._values) if callable(row.variants) else row.variants:
                value = _value(row, variant.text)
                if value is None:
                    value = row.default_among(self._values)
                if self._values[key] != ((value,) * self._stages if row.by_stage else value):
                    found.append(Change(key, value, f"{key}={variant.text}", variant.weight))
        return found


class _TallyPen(Pen):
    """Adds up what is drawn; what a layer comes to is remembered.

    Args:
        known: what layers came to.
    """

    __slots__ = ("_known", "sums")

    def __init__(self, c: int, h: int, w: int, known: dict[Any, tuple[int, ...]]) -> None:
        super().__init__(c, h, w)
        self._known = known
        self.sums = (0, 0, 0)

    def put(self, name: str, kind: str, out: tuple[Any, ...], **geometry: Any) -> None:
        """Adds a layer; its name does not matter."""
        layer = Layer(name, kind, self.shape, out, **geometry)
        moving = 2 * int(out[0]) if kind == "batch_norm" else 0
        p, m, a = self.sums
        self.sums = (p + layer_params(layer), m + layer_macs(layer), a + moving)
        self.moved(out)

    def act(self, name: str, kind: str = "relu") -> None:
        """An activation costs nothing, unless it has weights."""
        if KINDS[kind].weights is not None:
            super().act(name, kind)

    def norm(self, name: str, kind: str, groups: int = 1, **others: Any) -> None:
        """A norm that was met before is not worked out again."""
        key = (kind, groups, *others.items(), self.c, self.h, self.w)
        self._again(key, super().norm, name, kind, groups, **others)

    def conv(self, name: str, kernel: Sides, c_out: Any, **others: Any) -> None:
        """A conv that was met before is not worked out again."""
        key = (kernel, c_out, *others.items(), self.c, self.h, self.w)
        self._again(key, super().conv, name, kernel, c_out, **others)

    def _again(self, key: Any, draw: Callable[..., None], *arguments: Any, **others: Any) -> None:
        """Adds what a layer came to and stands where it ends, or draws it."""
        known = self._known.get(key)
        p, m, a = self.sums
        if known is None:
            draw(*arguments, **others)
            q, o, b = self.sums
            self._known[key] = (q - p, o - m, b - a, self.c, self.h, self.w)
            return
        q, o, b, self.c, self.h, self.w = known
        self.sums = (p + q, m + o, a + b)


@lru_cache(maxsize=1024)
def _value(row: Option, text: str) -> Any:
    """The value of an option, from its text; None where that is its default."""
    tree = read(f"[1]x[1] {row.key}={text}")
    value = option_value(tree.text, tree.options[0])
    return row.values.accept(value, (row.key, None))
