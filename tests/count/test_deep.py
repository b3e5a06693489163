"""Identical blocks laid out once: the same figures as if each were laid out."""

from __future__ import annotations

import dataclasses
import json

from hypothesis import given

from archkit.count import count, totals
from archkit.spec import ArchSpec, parse
from tests.conftest import Cli
from tests.strategies import changed, specs


@given(specs())
def test_folding_changes_no_figure(spec: ArchSpec) -> None:
    deep = changed(spec, blocks=[n + 3 * (i % 2) for i, n in enumerate(spec.blocks, 1)])
    whole, folded = count(deep), count(deep, fold=2)
    for field in dataclasses.fields(whole):
        if field.name != "parts":
            assert getattr(folded, field.name) == getattr(whole, field.name), field.name
    assert folded.equation1_terms() == whole.equation1_terms()
    assert [(p.name, p.params, p.macs, p.activations) for p in folded.parts] == [
        (p.name, p.params, p.macs, p.activations) for p in whole.parts
    ]
    for ours, theirs in zip(folded.by_operator(), whole.by_operator(), strict=True):
        assert (ours.name, ours.params, ours.macs) == (theirs.name, theirs.params, theirs.macs)
        assert sum(cost.times for cost in ours.layers) == len(theirs.layers)


def test_json_names_every_layer(cli: Cli) -> None:
    for text in ("[5,2,1,3]x[16,32,32,64] attn=se shortcut=conv3 bias=yes", "resnet50"):
        found = json.loads(cli("count", "--json", text).stdout)
        assert found["layers"] == [
            {
                "name": cost.layer.name,
                "kind": cost.layer.kind,
                "in_shape": list(cost.layer.in_shape),
                "out_shape": list(cost.layer.out_shape),
                "params": cost.params,
                "macs": cost.macs,
            }
            for cost in count(parse(text)).layers
        ]


def test_the_table_of_a_deep_network_has_a_row_for_its_identical_layers(cli: Cli) -> None:
    done = cli("count", "[20000]x[16]")
    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert len(lines) < 40
    conv = 9 * 16 * 16  # 3x3, no bias
    assert ["stage1.block1.conv1", "conv", "16x32x32", f"{conv:,}", f"{conv * 1024:,}"] in lines
    figures = [f"{19_999 * conv:,}", f"{19_999 * conv * 1024:,}"]
    assert ["stage1.block2..20000.conv1", "conv", "16x32x32", *figures] in lines
    cost = totals(parse("[20000]x[16]"))
    assert ["total", f"{cost.params:,}", f"{cost.macs:,}"] in lines
    assert "stage1.block50.conv1" in cli("count", "[50]x[16]").stdout
