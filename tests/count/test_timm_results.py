"""What timm has published of its networks: millions of parameters, of activations, and billions of MACs.

The rows are from results/benchmark-infer-fp32-nchw-pt240-cpu-i7_12700h-dynamo.csv of timm (commit
7479d451): the first ones of every family that archkit has, at every size there. Its MACs are fvcore's flops
(timm's benchmark.py asks fvcore), so norms and the pooling are in them. Left out is ecaresnext50t_32x4d: what
timm called so then has the depths of ecaresnext26t_32x4d.
"""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from archkit.count import totals
from archkit.count.tools import Tool, predict
from archkit.plan import layout
from archkit.spec import parse


def _rows() -> list[object]:
    with Path(__file__).with_name("timm_results.csv").open(newline="") as file:
        return [pytest.param(row, id=f"{row['name']}-{row['size']}") for row in csv.DictReader(file)]


@pytest.mark.parametrize("row", _rows())
def test_it_agrees_in_every_printed_digit(row: dict[str, str]) -> None:
    spec = parse(f"{row['name']} input=3x{row['size']}x{row['size']}")
    fvcore = {one.quantity: one.total for one in predict(layout(spec), Tool.fvcore)}
    found = (totals(spec).params / 1e6, fvcore["flops"] / 1e9, fvcore["activations"] / 1e6)
    expected = (float(row["params"]), float(row["gmacs"]), float(row["macts"]))
    assert tuple(round(value, 2) for value in found) == expected
