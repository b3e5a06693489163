"""Hypothesis strategies: the one place where random networks come from."""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from archkit.errors import SpecError
from archkit.spec import ArchSpec, Attention, Norm, Stem

BASIC = ("basic", "preact")
DEEP = ("bottleneck", "preact-bottleneck")


@st.composite
def specs(
    draw: st.DrawFn,
    *,
    max_stages: int = 5,
    max_blocks: int = 4,
    widths: tuple[int, int] = (1, 96),
    max_size: int = 64,
) -> ArchSpec:
    """Any network that the language can say, of a bounded size."""
    stages = draw(st.integers(1, max_stages))

    def by_stage(values: st.SearchStrategy) -> object:
        return draw(values | st.lists(values, min_size=stages, max_size=stages))

    preact = draw(st.booleans())
    kinds = ("preact", "preact-bottleneck") if preact else ("basic", "bottleneck")
    block = by_stage(st.sampled_from(kinds))
    grouped = not isinstance(block, list) and block in DEEP and draw(st.booleans())
    norms = [Norm("batch"), Norm("group", 1)] + ([] if preact else [Norm("none")])
    stem = draw(
        st.builds(Stem, st.sampled_from(["conv3", "conv7", "deep", "tiered"]), st.integers(4, widths[1]))
        | st.none()
    )
    attention = st.sampled_from(
        [
            Attention("none"),
            Attention("none"),
            Attention("eca"),
            Attention("se", 16),
            Attention("se", 3),
            Attention("se-plain", 4),
        ]
    )
    try:
        return ArchSpec.make(
            draw(st.lists(st.integers(1, max_blocks), min_size=stages, max_size=stages)),
            draw(st.lists(st.integers(*widths), min_size=stages, max_size=stages)),
            block=block,
            kernel=by_stage(st.sampled_from([1, 3, 5])),
            stride=draw(st.lists(st.integers(1, 3), min_size=stages, max_size=stages) | st.none()),
            shortcut=by_stage(st.sampled_from(["conv1", "conv3", "avg", "pad"])),
            project=draw(st.sampled_from(["change", "stage"])),
            groups=draw(st.sampled_from([1, 2, 4])) if grouped else 1,
            base_width=draw(st.sampled_from([64, 128, 100])) if grouped else 64,
            reduce=draw(st.sampled_from([1, 1, 2])),
            stem=stem,
            stem_pool=draw(st.sampled_from(["none", "max", "conv"]) | st.none()),
            stem_attn=draw(attention),
            attn=draw(attention),
            norm=draw(st.sampled_from(norms)),
            aa=draw(st.sampled_from(["none", "none", "avg", "blur"])),
            bias=draw(st.booleans()),
            pool=draw(st.integers(1, 4) | st.none()),
            input=draw(st.tuples(st.integers(1, 4), st.integers(1, max_size), st.integers(1, max_size))),
            classes=draw(st.integers(1, 20)),
        )
    except SpecError:
        # A combination that the language refuses: which ones it does is tested by itself.
        assume(False)
        raise
