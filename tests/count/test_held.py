"""Memory by tables against the account of each network by itself."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archkit.count.held import held_tables, in_bytes
from archkit.count.memory import memory
from archkit.count.optimizers import OPTIMIZER_STATES
from archkit.count.tables import cost_tables
from archkit.errors import BudgetError, SpecError
from archkit.spec import ArchSpec, parse
from tests.strategies import share, specs


def by_tables(
    spec: ArchSpec, widths: list[list[int]], **options: object
) -> dict[tuple[int, ...], tuple[int, int]]:
    """(training bytes, most values alive) of `spec` with every choice of widths, off the tables."""
    arrays = [np.array(w) for w in widths]
    follows = spec.stem == ("conv3", spec.channels[0])
    like = spec.replace(channels=tuple(w[-1] for w in widths), **({} if follows else {"stem": spec.stem}))
    costs = cost_tables(like, arrays, stem_follows=follows)
    held = held_tables(like, arrays, costs, stem_follows=follows, **options)
    found = {}
    for at in product(*(range(len(w)) for w in widths)):
        training, peak = int(held.training_head[at[-1]]), int(held.peak_head[at[-1]])
        for i, n in enumerate(spec.blocks):
            before = at[i - 1] if i else 0
            training += int(held.training[i][before, at[i]]) + (n - 1) * int(held.training_other[i][at[i]])
            peak = max(peak, int(held.peak[i][before, at[i]]))
            if n > 1:
                peak = max(peak, int(held.peak_other[i][at[i]]))
        found[tuple(w[j] for w, j in zip(widths, at, strict=True))] = training, peak
    return found


@given(specs(max_stages=3, max_blocks=3, widths=(4, 48), max_size=32), st.data())
@settings(max_examples=share(2))
def test_tables_are_the_account_of_each_network(spec: ArchSpec, data: st.DataObject) -> None:
    unit = 4 * spec.groups
    widths = [
        sorted({c, *data.draw(st.sets(st.integers(1, 6).map(lambda k: k * unit), max_size=2))})
        for c in spec.channels
    ]
    batch, optimizer = data.draw(st.integers(1, 9)), data.draw(st.sampled_from(sorted(OPTIMIZER_STATES)))
    follows = spec.stem == ("conv3", spec.channels[0])
    try:
        found = by_tables(spec, widths, batch=batch, optimizer=optimizer)
    except SpecError:
        assume(False)  # zero-padding from the widest of one stage to fewer
        raise
    except BudgetError:
        # A single conv with a ReLU, which keeps what it puts out, but for the sum in a further block; and
        # the pooling or the padding behind it keeps nothing.
        assert any(pair == ("fused-mbconv", "relu") for pair in zip(spec.block, spec.act, strict=True))
        assert not spec.head_conv or spec.padding == "same"
        return
    for channels, (training, peak) in found.items():
        try:
            one = spec.replace(channels=channels, **({} if follows else {"stem": spec.stem}))
        except SpecError:
            continue  # zero-padding to fewer channels: no network has these widths
        account = memory(one, batch=batch, optimizer=optimizer)
        assert training == account.training
        assert in_bytes(peak, 32) == memory(one, batch=1).inference_peak


def test_bits_are_rounded_up_to_bytes() -> None:
    assert [in_bytes(n, 4) for n in (0, 1, 2, 3)] == [0, 1, 1, 2]
    assert in_bytes(np.array([3, 4]), 16).tolist() == [6, 8]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"batch": 0}, "1 image or more"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'; known: none, sgd, momentum, adam"),
        ({"optimizer": "adm"}, r"unknown optimizer 'adm'; did you mean adam or adamw\?"),
        ({"batch": 10**18}, "64 bits"),
    ],
)
def test_bad_options(options: dict[str, object], words: str) -> None:
    with pytest.raises(BudgetError, match=words):
        by_tables(parse("[1,1]x[8,16]"), [[8], [16]], **options)
