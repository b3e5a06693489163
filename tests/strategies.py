"""Hypothesis strategies: the one place where random networks come from, made from the options' rows."""

from __future__ import annotations

from typing import Any

from hypothesis import reject, settings
from hypothesis import strategies as st

from archkit.blocks import FAMILIES
from archkit.errors import SpecError
from archkit.spec import ArchSpec
from archkit.spec.options import OF_NETWORK, options


def share(of: float) -> int:
    """So many examples, as a share of the profile's: 100 in the normal run, 10,000 in the long one."""
    return max(1, round(of * settings().max_examples))


@st.composite
def specs(
    draw: st.DrawFn,
    *,
    max_stages: int = 5,
    max_blocks: int = 4,
    widths: tuple[int, int] = (1, 96),
    max_size: int = 64,
    family: str | None = None,
) -> ArchSpec:
    """Any network that the language can say, of a bounded size; with `family`, of that one."""
    stages = draw(st.integers(1, max_stages))
    # Families that activate first and those that do not are not mixed.
    first = FAMILIES[family] if family else draw(st.sampled_from(list(FAMILIES.values())))
    alike = [name for name, one in FAMILIES.items() if one.activates_first == first.activates_first]
    mixed = st.nothing() if family else st.lists(st.sampled_from(alike), min_size=stages, max_size=stages)
    block = draw(st.just(first.name) | mixed)
    taken = set.intersection(
        *(set(FAMILIES[name].option_keys) for name in {*([block] if isinstance(block, str) else block)})
    )
    given: dict[str, Any] = {"block": block}
    for key, row in options().items():
        if key == "block" or (key not in OF_NETWORK and key not in taken):
            continue
        values = st.sampled_from(row.values.samples())
        if key == "input":
            sizes = st.integers(1, max_size)
            values = st.tuples(st.integers(1, 4), sizes, sizes)
        elif row.by_stage:
            by_stage = st.lists(values, min_size=stages, max_size=stages)
            values = by_stage if row.list_only else values | by_stage
        if key == "head_bias" and not given["head_hidden"]:
            continue  # it is about those layers
        given[key] = draw(st.none() | values)
    try:
        return ArchSpec.make(
            draw(st.lists(st.integers(1, max_blocks), min_size=stages, max_size=stages)),
            draw(st.lists(st.integers(*widths), min_size=stages, max_size=stages)),
            **given,
        )
    except SpecError:
        # A combination that the language refuses: which ones it does is tested by itself.
        reject()


def changed(spec: ArchSpec, **changes: Any) -> ArchSpec:
    """A network of `specs` with some of it changed, where the language takes that too.

    A further block may need what the first did not: more channels than kernels side by side, say.
    """
    try:
        return spec.replace(**changes)
    except SpecError:
        reject()
