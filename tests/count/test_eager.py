"""What eager torch holds in a forward pass, against the storages that live while it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings

from archkit.count.eager import eager_memory
from archkit.nn import build
from archkit.spec import ArchSpec, parse
from tests.count.living import Living
from tests.count.test_memory import NETWORKS
from tests.strategies import share, specs


class Storages(Living):
    """Weights and buffers left out."""

    def __init__(self, network: torch.nn.Module, images: torch.Tensor) -> None:
        own = (*network.parameters(), *network.buffers())
        self._own = {one.untyped_storage()._cdata for one in own}
        super().__init__(images)

    def bytes_of(self, tensor: torch.Tensor) -> int:
        return 0 if tensor.untyped_storage()._cdata in self._own else super().bytes_of(tensor)


def held_by_torch(spec: ArchSpec, batch: int) -> int:
    network = build(spec).eval()
    images = torch.randn(batch, *spec.input)
    with torch.no_grad(), Storages(network, images) as storages:
        network(images)
    return storages.peak


FAMILIES = [
    "[2,2]x[8,16] block=bottleneck",
    "[2,2]x[8,16] block=mbconv act=silu se=input padding=same",
    "[2,1]x[8,16] block=mbconv act=hswish se=v3",
    "[1,2]x[8,16] block=fused-mbconv",
    "[1,2]x[8,16] block=depthwise stem=conv3s2 act=relu6",
    "[1,2]x[8,16] block=depthwise stem=conv10x4s2:8 padding=same pool=10x3 input=1x49x10",
    "[1,2]x[16,32] block=regnet group_width=4 se=input",
    "[1,2]x[8,16] block=uib",
    "[1,2]x[8,16] block=plain pool=max:2 head_hidden=32",
    "[1,2]x[8,16] attn=se-plain aa=blur stem_pool=max",
]


@pytest.mark.parametrize("text", [*NETWORKS, *FAMILIES])
def test_every_family_holds_what_lives(text: str) -> None:
    spec = parse(text)
    assert eager_memory(spec, batch=3).peak == held_by_torch(spec, 3)


@given(specs(max_stages=3, max_blocks=3, widths=(4, 24), max_size=24))
@settings(max_examples=share(0.25))
def test_random_networks_hold_what_lives(spec: ArchSpec) -> None:
    assert eager_memory(spec, batch=2).peak == held_by_torch(spec, 2)


def test_it_is_as_much_more_than_planned_as_the_page_says() -> None:
    found = [eager_memory(text) for text in [*NETWORKS, *FAMILIES]]
    shares = [one.peak / one.planned for one in found]
    assert (round(min(shares), 1), round(max(shares), 1)) == (1.1, 2.2)
    assert "1.1 to 2.2 times as much" in (Path(__file__).parents[2] / "docs" / "memory.md").read_text()
