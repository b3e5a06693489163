"""`ArchSpec`: one network, as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from archkit.blocks import FAMILIES, Family, Stem, takers
from archkit.blocks.values import checked_number
from archkit.errors import SpecError, nearest
from archkit.spec.checks import check_drawing
from archkit.spec.options import BLOCKS, CHANNELS, OF_NETWORK, STAGES, by_stage, options
from archkit.spec.parts import Parts, parts_of

__all__ = ["ArchSpec"]


class ArchSpec:
    """One network. Make one with `parse`, or with `ArchSpec.make`.

    Everything is checked when the value is made: an ArchSpec that exists can be laid out, counted and
    built. Two with the same values are equal, and hash alike.

    Attributes:
        blocks: blocks of each stage.
        channels: base width of each stage ("planes"); a bottleneck puts out four times that.
        parts: what the drawings of its stem, stages and head read.

    Besides these it has every option of the language (`archkit.spec.options`, docs/language.md) as an
    attribute: `spec.stem`, `spec.kernel`, ... One that is given by stage is a tuple with one entry for
    each.

    Raises:
        SpecError: an option is unknown, a value is none of its option's or contradicts another.
    """

    blocks: tuple[int, ...]
    channels: tuple[int, ...]
    parts: Parts

    def __init__(self, *, blocks: Sequence[int], channels: Sequence[int], **given: Any) -> None:
        self._fill(blocks, channels, given)
        check_drawing(self.parts, self.blocks, self.channels, self.stem.width, self.input, self.classes)

    def _fill(self, blocks: Sequence[int], channels: Sequence[int], given: dict[str, Any]) -> None:
        """Every value, checked except for what depends on the widths."""
        values: dict[str, Any] = {
            "blocks": _numbers("blocks", blocks),
            "channels": _numbers("channels", channels),
        }
        _check_stages(values)
        _check_known(given)
        for key, row in options().items():
            value = given.get(key)
            if value is None:
                values[key] = row.default_among(values)
            elif row.by_stage:
                values[key] = _each_stage(key, value, len(values["blocks"]))
            else:
                value = row.values.accept(value, (key, None))
                values[key] = row.default_among(values) if value is None else value
        _check_families(values, given)
        self.__dict__.update(values, parts=parts_of(values))

    @classmethod
    def make(cls, blocks: Sequence[int], channels: Sequence[int], **given: Any) -> ArchSpec:
        """An ArchSpec from short forms: one value for all stages, a kind without its number.

        >>> str(ArchSpec.make((2, 1, 1, 1), (64, 128, 256, 512)))
        '[2,1,1,1]x[64,128,256,512]'
        >>> str(ArchSpec.make((1, 1), (16, 32), kernel=5, attn="se", stem=8))
        '[1,1]x[16,32] kernel=5 stem=8 attn=se'

        Args:
            blocks: of each stage.
            channels: base width of each stage.
            given: options; one that is left out or None has its default.

        Raises:
            SpecError: as ArchSpec.
        """
        return cls(blocks=blocks, channels=channels, **given)

    @classmethod
    def plain(cls, blocks: tuple[int, ...], channels: tuple[int, ...]) -> ArchSpec | None:
        """`make(blocks, channels)` in a tenth of the time, or None where that would raise.

        With every option at its default, only these integers can be wrong, so only they are checked.
        """
        if not (
            0 < len(blocks) == len(channels) <= STAGES.high
            and BLOCKS.low <= min(blocks)
            and max(blocks) <= BLOCKS.high
            and CHANNELS.low <= min(channels)
            and max(channels) <= CHANNELS.high
        ):
            return None
        found = object.__new__(cls)
        values = found.__dict__
        values.update(_plain_values(len(blocks), tuple(FAMILIES.values())))
        values["blocks"] = blocks
        values["channels"] = channels
        values["stem"] = Stem("conv3", channels[0])
        return found

    @classmethod
    def frame(cls, blocks: Sequence[int], channels: Sequence[int], **given: Any) -> ArchSpec:
        """`make` without the question whether these widths are possible: for the tables of a space.

        A space knows its options before it knows which of its widths go together. Nothing but the options of
        what comes back, and figures that are bounds, may be read.

        Raises:
            SpecError: as ArchSpec, except for what depends on the widths.
        """
        found = object.__new__(cls)
        found._fill(blocks, channels, given)
        return found

    def replace(self, **changes: Any) -> ArchSpec:
        """This network with some values changed; short forms as in `make`.

        What is at its default stays at its default: the stem as wide as the first stage, strides of
        another number of stages. Where that number changes, an option by stage must be given, or be the
        same for all stages.

        Raises:
            SpecError: as ArchSpec.
        """
        given = {"blocks": self.blocks, "channels": self.channels, **self.given()}
        if len(changes.get("blocks", self.blocks)) != len(self.blocks):
            for key in by_stage() & given.keys():
                if len(set(given[key])) == 1:
                    given[key] = (given[key][0],) * len(changes["blocks"])
        return ArchSpec(**{**given, **changes})

    def given(self) -> dict[str, Any]:
        """The options that are not at their default, by their keys."""
        values = self.__dict__
        return {
            key: values[key]
            for key, row in options().items()
            if key in values and values[key] != row.default_among(values)
        }

    def __getattr__(self, name: str) -> Any:
        """An option of a family that came later: it is at its default."""
        row = None if name.startswith("_") else options().get(name)
        if row is None:
            raise AttributeError(f"an ArchSpec has no {name}")
        return row.default_among(self.__dict__)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an ArchSpec is frozen; replace({name}=...) makes another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("an ArchSpec is frozen")

    def __eq__(self, other: object) -> bool:
        return self._decides() == other._decides() if isinstance(other, ArchSpec) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._decides())

    def _decides(self) -> tuple[Any, ...]:
        """All that decides what network this is: an option is read by a part, or is at its default."""
        return self.blocks, self.channels, self.stem, self.input, self.classes, self.parts

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, ({"blocks": self.blocks, "channels": self.channels, **self.given()},)

    def __repr__(self) -> str:
        return f"ArchSpec({str(self)!r})"

    def __str__(self) -> str:
        """The canonical text: short, options at their default left out, in a fixed order.

        `parse(str(spec)) == spec` for every spec.
        """
        parts = [f"[{_join(self.blocks)}]x[{_join(self.channels)}]"]
        rows = options()
        for key, value in self.given().items():
            row = rows[key]
            if not row.by_stage:
                parts.append(f"{key}={row.values.text(value)}")
            elif len(set(value)) == 1 and not row.list_only:
                parts.append(f"{key}={row.values.text(value[0])}")
            else:
                parts.append(f"{key}=[{_join([row.values.text(one) for one in value])}]")
        return " ".join(parts)


def _remade(values: dict[str, Any]) -> ArchSpec:
    return ArchSpec(**values)


def _join(values: Sequence[object]) -> str:
    return ",".join(map(str, values))


def _numbers(name: str, values: Any) -> tuple[int, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise SpecError(f"{name} are a list, one number for each stage, not {values!r}", field=(name, None))
    return tuple(values)


def _check_stages(values: Mapping[str, Any]) -> None:
    blocks, channels = values["blocks"], values["channels"]
    stages = len(blocks)
    if not STAGES.low <= stages <= STAGES.high:
        raise SpecError(f"a network has 1 to {STAGES.high} stages, not {stages}", field=("blocks", None))
    if len(channels) != stages:
        raise SpecError(
            f"{_several(len(channels), 'channel')} for {_several(stages, 'stage')}",
            field=("channels", None),
            hint="one number of channels for each stage",
        )
    for name, range_ in (("blocks", BLOCKS), ("channels", CHANNELS)):
        for i, value in enumerate(values[name]):
            # The common case without a call: most of the time of parsing would go here.
            if type(value) is not int or not range_.low <= value <= range_.high:
                checked_number(name, value, range_, (name, i))


def _check_known(given: Mapping[str, Any]) -> None:
    for key in given:
        if key not in options():
            raise SpecError(f"unknown option {key!r}", hint=nearest(key, options()), field=(key, None))


def _each_stage(key: str, value: Any, stages: int) -> tuple[Any, ...]:
    """The value of an option for each stage, from one for all or a list."""
    values = options()[key].values
    # A kind and its number are a named tuple.
    if isinstance(value, str) or not isinstance(value, Sequence) or hasattr(value, "_fields"):
        if options()[key].list_only:
            raise SpecError(f"{key} is a list, one number for each stage", field=(key, None))
        return (values.accept(value, (key, 0)),) * stages
    if len(value) != stages:
        raise SpecError(
            f"{key} has {_several(len(value), 'entry')} for {_several(stages, 'stage')}", field=(key, None)
        )
    return tuple(values.accept(one, (key, i)) for i, one in enumerate(value))


def _check_families(values: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """What several options together can get wrong, whatever the widths."""
    families = [FAMILIES[name] for name in values["block"]]
    if len({family.activates_first for family in families}) > 1:
        raise SpecError("blocks with and without pre-activation cannot be mixed", field=("block", None))
    for key in given:
        if key in OF_NETWORK or all(key in family.option_keys for family in families):
            continue
        row = options()[key]
        default = row.default_among(values)
        if values[key] == default:
            continue
        for i, family in enumerate(families):
            here = not row.by_stage or values[key][i] != default[i]
            if here and key not in family.option_keys:
                nouns = dict.fromkeys(taker.noun for taker in takers(key))
                if family.noun in nouns:  # with and without pre-activation they have one noun
                    nouns = dict.fromkeys(f"block={taker.name}" for taker in takers(key))
                needs = " or ".join(nouns)
                raise SpecError(
                    f"{key} needs {needs}; stage {i + 1} has {family.noun}",
                    field=(key, i if row.by_stage else None),
                )


@lru_cache
def _plain_values(stages: int, _families: tuple[Family, ...]) -> dict[str, Any]:
    """The values that only the number of stages decides, where all options are at their defaults."""
    like = ArchSpec.make((1,) * stages, (1,) * stages)
    return {key: like.__dict__[key] for key in (*options(), "parts")}


def _several(n: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n} {noun if n == 1 else plural}"
