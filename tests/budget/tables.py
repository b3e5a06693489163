"""Random tables of what each block costs, and what networks cost by them, off their plans."""

from __future__ import annotations

import csv
import random
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from archkit.blocks import FAMILIES
from archkit.budget import BlockTable, Budget, Limit, blocks_of_space, read_table, write_table
from archkit.plan import layers_of, layout
from archkit.spec import ArchSpec, parse_space
from archkit.spec.options import options
from tests.budget.brute import budgets

# Different numbers of decimals; some blocks are free, and many equally dear.
COSTS = ("0", "0.5", "1", "1.25", "2.0", "7", "10.75", "1e-2")

Rows = list[dict[str, str]]


def cost_by_rows(spec: ArchSpec, rows: Rows, column: str) -> Decimal:
    """What a network costs: the row of each of its blocks, as its plan has it, is looked for among all."""
    plan = layout(spec)
    strides, dilations = _dilated(spec)
    stem = list(layers_of(plan.stem))
    found = Decimal(0)
    if stem:
        shape = ("stem", spec.stem.kind, spec.input[0], spec.stem.width, "", *stem[0].in_shape[1:])
        found += _cost(shape, _of_stem(spec), rows, column)
    for i, stage in enumerate(plan.stages):
        for j, block in enumerate(stage.blocks):
            c, h, w = next(iter(block)).in_shape
            stride = strides[i] if j == 0 else 1
            part = "further" if j else "first"
            shape = (part, spec.block[i], c, spec.channels[i], stride, h, w)
            found += _cost(shape, {**_of_block(spec, i), "dilation": dilations[i]}, rows, column)
    c, h, w = next(layers_of(plan.head)).in_shape
    return found + _cost(("head", "", c, spec.classes, "", h, w), _of_head(spec), rows, column)


def _cost(shape: tuple[Any, ...], given: dict[str, str], rows: Rows, column: str) -> Decimal:
    keys = ("part", "block", "channels_in", "channels", "stride", "rows", "columns")
    wanted = dict(zip(keys, map(str, shape), strict=True))
    (row,) = (
        row
        for row in rows
        if all(row[key] == text for key, text in wanted.items())
        and all(row[key] == given.get(key, "") for key in row if key not in (*keys, column))
    )
    return Decimal(row[column])


def _dilated(spec: ArchSpec) -> tuple[list[int], list[str]]:
    """By hand: the strides that `output_stride` leaves, and each stage's dilations as a table has them."""
    smaller = {"conv3": 1, "none": 1, "patch4": 4, "overlap": 4, "overlap-tiered": 4}.get(spec.stem.kind, 2)
    smaller *= 1 if spec.stem_pool == "none" else 2
    strides, texts, before = [], [], 1
    for stride in spec.stride:
        dilates = bool(spec.output_stride) and smaller * stride > spec.output_stride
        now = before * stride if dilates else before
        strides.append(1 if dilates else stride)
        smaller *= strides[-1]
        texts.append(f"{before}/{now}")
        before = now
    return strides, texts


def _of_block(spec: ArchSpec, i: int) -> dict[str, str]:
    taken = FAMILIES[spec.block[i]].option_keys
    return {
        key: row.values.text(getattr(spec, key)[i] if row.by_stage else getattr(spec, key))
        for key, row in options().items()
        if key in taken
    }


def _of_stem(spec: ArchSpec) -> dict[str, str]:
    rows = options()
    keys = ("stem_pool", "stem_attn", "norm", "bias", "aa", "padding", "weight_std")
    bare = FAMILIES[spec.block[0]].activates_first and not spec.stem_norm
    found = {key: rows[key].values.text(getattr(spec, key)) for key in keys}
    return {**found, "act": _ends(spec), "bare": "yes" if bare else "no"}


def _ends(spec: ArchSpec) -> str:
    return spec.act[-1] if spec.ends_act == "last" else spec.ends_act


def _of_head(spec: ArchSpec) -> dict[str, str]:
    rows = options()
    found = {
        key: rows[key].values.text(getattr(spec, key)) for key in ("pool", "norm", "head_conv", "head_bias")
    }
    found["head_hidden"] = rows["head_hidden"].values.text(spec.head_hidden)
    first, last = FAMILIES[spec.block[0]], FAMILIES[spec.block[-1]]
    found["activates"] = "act" if last.activates_last else "norm" if first.activates_first else ""
    found["norms"] = spec.head_norm if last.norms_pooled else "none"
    return {**found, "act": _ends(spec)}


def random_table(text: str, name: str, seed: int) -> tuple[BlockTable, Rows]:
    """A table with random costs of all blocks that a space can have, and its rows as the file has them."""
    generator = random.Random(seed)  # noqa: S311 - a test case, not a secret
    costs = generator.sample(COSTS, generator.randint(1, len(COSTS)))
    blocks = blocks_of_space(parse_space(text))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, blocks, name, [generator.choice(costs) for _ in blocks])
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return read_table(path, name=name), rows


@st.composite
def budgets_with_tables(
    draw: st.DrawFn, text: str, networks: list[ArchSpec], *, most: int = 2
) -> tuple[Budget, dict[str, dict[str, int]]]:
    """As `budgets`, with one or two tables and limits on what they give, in units of their last decimal."""
    budget, found = draw(budgets(networks, most=most))
    tables, limits = [], []
    for name in draw(st.sampled_from([["latency"], ["energy", "latency"]])):
        table, rows = random_table(text, name, draw(st.integers(0, 10**6)))
        for spec in networks:
            whole = cost_by_rows(spec, rows, name) * 10**table.decimals
            assert whole == int(whole)
            found[str(spec)][name] = int(whole)
        seen = sorted(row[name] for row in found.values()) or [0]
        low, high = sorted(draw(st.tuples(st.sampled_from(seen), st.sampled_from(seen))))
        tables.append(table)
        limits.append(draw(st.sampled_from([Limit(), Limit(low, high), Limit(None, high), Limit(low, None)])))
    settings = {name: getattr(budget, name) for name in ("batch", "optimizer", "peak_bits")}
    return (
        Budget(**dict(budget.limited()), **settings, tables=tuple(tables), of_tables=tuple(limits)),
        found,
    )
