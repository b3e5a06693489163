"""Small spaces written down network by network, random budgets, and what keeps to them, by brute force."""

from __future__ import annotations

from itertools import pairwise, product

from hypothesis import assume
from hypothesis import strategies as st

from archkit.budget import FIGURES, Budget, Limit
from archkit.count import count
from archkit.count.memory import memory, peak_values
from archkit.plan import layout
from archkit.spec import ArchSpec

WIDTHS = (8, 12, 16, 24, 32)


@st.composite
def small_spaces(draw: st.DrawFn) -> tuple[str, list[ArchSpec]]:
    """A space as a text, and its networks written down one by one."""
    low = draw(st.integers(1, 3))  # stages
    high = draw(st.integers(low, min(low + 1, 4)))
    blocks = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True))
    widths = draw(st.lists(st.sampled_from(WIDTHS), min_size=1, max_size=3, unique=True))
    order = draw(st.sampled_from(["any", "nondecreasing", "increasing"]))
    options = draw(
        st.sampled_from(
            [
                ("", [{}]),
                ("stem=16", [{"stem": 16}]),
                ("stem=conv3", [{}]),
                ("stem={conv3,tiered:16}", [{}, {"stem": ("tiered", 16)}]),
                ("block={bottleneck,basic}", [{"block": "bottleneck"}, {"block": "basic"}]),
                (
                    "shortcut={conv3,pad} project=stage attn=se",
                    [{"shortcut": s, "project": "stage", "attn": "se"} for s in ("conv3", "pad")],
                ),
                ("block=preact bias={yes,no}", [{"block": "preact", "bias": b} for b in (True, False)]),
                ("stem={8,conv7} aa=blur", [{"stem": s, "aa": "blur"} for s in (8, "conv7")]),
                ("attn=eca kernel=5 pool=2", [{"attn": "eca", "kernel": 5, "pool": 2}]),
            ]
        )
    )
    assume("pad" not in options[0] or order != "any")
    text = f"[{{{','.join(map(str, blocks))}}}]*{low}..{high}x[{{{','.join(map(str, widths))}}}]"
    rises = {
        "any": lambda _a, _b: True,
        "nondecreasing": lambda a, b: a <= b,
        "increasing": lambda a, b: a < b,
    }[order]
    networks = [
        ArchSpec.make(ns, cs, **chosen)
        for chosen in options[1]
        for stages in range(low, high + 1)
        for ns in product(blocks, repeat=stages)
        for cs in product(widths, repeat=stages)
        if all(rises(a, b) for a, b in pairwise(cs))
    ]
    assume(len(networks) <= 250)
    return f"{text} order={order} {options[0]}", networks


def figures(spec: ArchSpec, budget: Budget) -> dict[str, int]:
    """Every figure of a network off its own plan, layer by layer."""
    account = count(spec)
    return {
        "params": account.params,
        "macs": account.macs,
        "activations": account.activations,
        "depth": account.depth,
        "training_memory": memory(spec, batch=budget.batch, optimizer=budget.optimizer).training,
        "peak_memory": (peak_values(layout(spec)) * budget.peak_bits + 7) // 8,
    }


@st.composite
def budgets(
    draw: st.DrawFn, networks: list[ArchSpec], *, most: int = 3
) -> tuple[Budget, dict[str, dict[str, int]]]:
    """A budget whose limits stand at figures of some of the networks, and every network's figures."""
    settings = {
        "batch": draw(st.integers(1, 64)),
        "optimizer": draw(st.sampled_from(["none", "sgd", "momentum", "adam"])),
        "peak_bits": draw(st.sampled_from([1, 4, 8, 32])),
    }
    table = {str(spec): figures(spec, Budget(**settings)) for spec in networks}
    limits = {}
    for name in draw(st.sets(st.sampled_from(FIGURES), max_size=most)):
        seen = sorted(row[name] for row in table.values()) or [0]
        low, high = sorted(draw(st.tuples(st.sampled_from(seen), st.sampled_from(seen))))
        limits[name] = draw(st.sampled_from([Limit(low, high), Limit(None, high), Limit(low, None)]))
    return Budget(**limits, **settings), table


def fitting(budget: Budget, table: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    """The networks whose figures keep to every limit."""

    def keeps(name: str, value: int) -> bool:
        low, high = getattr(budget, name)
        return (low is None or low <= value) and (high is None or value <= high)

    return {
        spec: row for spec, row in table.items() if all(keeps(name, value) for name, value in row.items())
    }
