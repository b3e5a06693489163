"""Small spaces written down network by network, random budgets, and what keeps to them, by brute force."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from archkit.blocks import FAMILIES
from archkit.budget import FIGURES, Budget, Limit
from archkit.count import count
from archkit.count.memory import memory, peak_values
from archkit.errors import SpecError
from archkit.plan import layout
from archkit.spec import ArchSpec
from archkit.spec.options import OF_NETWORK, options

WIDTHS = (8, 12, 16, 24, 32)


_NAMED_OPTIONS = st.sampled_from(
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
        ("norm=group:8", [{"norm": ("group", 8)}]),
        ("norm={batch,group:16}", [{"norm": "batch"}, {"norm": ("group", 16)}]),
        ("block=bottleneck groups={1,8}", [{"block": "bottleneck", "groups": g} for g in (1, 8)]),
        ("input=3x16x16 aa={avg,none}", [{"input": (3, 16, 16), "aa": aa} for aa in ("avg", "none")]),
    ]
)
"""Options of spaces, and what each combination of them is in Python."""


@st.composite
def option_sets(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]]]:
    """One or two values for each of a few options, as a text, and every combination of them."""
    family = draw(st.sampled_from(list(FAMILIES.values())))
    keys = [key for key in options() if key in OF_NETWORK or key in family.option_keys]
    chosen: dict[str, list[Any]] = {"block": [family.name]}
    for key in draw(
        st.lists(st.sampled_from(sorted({*keys} - {"block", "input", "classes"})), max_size=3, unique=True)
    ):
        row = options()[key]
        if row.list_only:
            continue
        samples = [value for value in row.values.samples() if value is not None]
        chosen[key] = draw(st.lists(st.sampled_from(samples), min_size=1, max_size=2, unique_by=repr))
    text = " ".join(
        f"{key}={{{','.join(_text(key, one) for one in values)}}}" for key, values in chosen.items()
    )
    return text, [dict(zip(chosen, one, strict=True)) for one in product(*chosen.values())]


def _text(key: str, value: Any) -> str:
    values = options()[key].values
    return value if isinstance(value, str) else values.text(values.accept(value, (key, None)))


def _possible(blocks: tuple[int, ...], channels: tuple[int, ...], chosen: dict[str, Any]) -> ArchSpec | None:
    try:
        return ArchSpec.make(blocks, channels, **chosen)
    except SpecError:
        return None


@st.composite
def small_spaces(draw: st.DrawFn) -> tuple[str, list[ArchSpec]]:
    """A space as a text, and its networks written down one by one."""
    low = draw(st.integers(1, 3))  # stages
    high = draw(st.integers(low, min(low + 1, 4)))
    blocks = draw(st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True))
    widths = draw(st.lists(st.sampled_from(WIDTHS), min_size=1, max_size=3, unique=True))
    order = draw(st.sampled_from(["any", "nondecreasing", "increasing"]))
    text_of_options, combinations = draw(_NAMED_OPTIONS | option_sets())
    text = f"[{{{','.join(map(str, blocks))}}}]*{low}..{high}x[{{{','.join(map(str, widths))}}}]"
    rises = {
        "any": lambda _a, _b: True,
        "nondecreasing": lambda a, b: a <= b,
        "increasing": lambda a, b: a < b,
    }[order]
    tried = [
        (ns, cs, chosen)
        for chosen in combinations
        for stages in range(low, high + 1)
        for ns in product(blocks, repeat=stages)
        for cs in product(widths, repeat=stages)
        if all(rises(a, b) for a, b in pairwise(cs))
    ]
    assume(len(tried) <= 250)
    made = [(_possible(*one), one[2]) for one in tried]
    # A combination that no network has, in whatever order, is refused when the space is read.
    assume(all(any(spec and chosen is its for spec, its in made) for chosen in combinations))
    # stem={conv3,16} says one network twice where the first stage is 16 wide.
    networks = list({str(spec): spec for spec, _ in made if spec}.values())
    # Their training memory is refused: tests/budget/test_within.py.
    assume(not any((spec.block[-1], spec.expand[-1]) == ("fused-mbconv", 1) for spec in networks))
    return f"{text} order={order} {text_of_options}", networks


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
        low, high = budget.limit(name)
        return (low is None or low <= value) and (high is None or value <= high)

    return {
        spec: row for spec, row in table.items() if all(keeps(name, value) for name, value in row.items())
    }
