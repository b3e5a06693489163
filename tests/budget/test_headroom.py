from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.budget import Budget, entropy, headroom
from archkit.errors import SpecError
from archkit.spec import ArchSpec, parse
from tests.budget.brute import budgets, figures, fitting
from tests.strategies import share, specs


@given(specs(max_stages=3, max_blocks=3, widths=(8, 32), max_size=32), st.data())
@settings(max_examples=share(1))
def test_against_the_changed_networks(spec: ArchSpec, data: st.DataObject) -> None:
    budget, table = data.draw(budgets([spec]))
    found = headroom(spec, budget)
    now = table[str(spec)]
    assert {(one.figure, one.upper): one.left for one in found.left} == {
        (name, upper): end - now[name] if upper else now[name] - end
        for name, limit in budget.limited()
        for upper, end in ((True, limit.high), (False, limit.low))
        if end is not None
    }
    changed = {}
    for i, (blocks, channels) in product(range(len(spec.blocks)), ((1, 0), (0, 8))):
        try:
            one = spec.replace(
                blocks=[n + blocks * (i == j) for j, n in enumerate(spec.blocks)],
                channels=[c + channels * (i == j) for j, c in enumerate(spec.channels)],
            )
        except SpecError:
            continue
        changed[str(one)] = figures(one, budget)
    assert {str(one.spec) for one in found.changes} == changed.keys()
    keep = fitting(budget, changed)
    assert {str(one.spec) for one in found.fitting} == keep.keys()
    for one in found.changes:
        assert one.params == changed[str(one.spec)]["params"] - now["params"]
        assert one.macs == changed[str(one.spec)]["macs"] - now["macs"]
        assert one.gain == pytest.approx(entropy(one.spec) - entropy(spec))
    assert [one.params for one in found.changes] == sorted(one.params for one in found.changes)
    if found.best is not None:
        assert found.best.gain == max(one.gain for one in found.fitting)


def test_one_more_block() -> None:
    spec = parse("[2,1,1,1]x[64,128,256,512]")
    found = headroom(spec, Budget.read({"max_params": "5M"}))
    assert found.left[0].left == 5_000_000 - 4_977_226
    assert found.fitting == ()
    assert found.best is None
    roomy = headroom(spec, Budget.read({"max_params": "5.1M"}))
    # 2 convs of 3x3x64x64 and their norms.
    assert {one.text: one.params for one in roomy.fitting}["one more block in stage 1"] == 73_984
    assert roomy.best is not None
