"""CONTRIBUTING says how a family is added: what its page shows is done here, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.blocks import FAMILIES
from archkit.budget import Budget, candidates
from archkit.count import count, totals
from archkit.count.arrays import count_arrays
from archkit.count.memory import memory
from archkit.count.tools import Tool
from archkit.plan import KINDS, layout
from archkit.spec import ArchSpec, parse, parse_space
from tests.strategies import share

PAGE = Path(__file__).parents[1] / "CONTRIBUTING.md"
ASKED = (Tool.fvcore, Tool.ptflops, Tool.ptflops_aten, Tool.torchinfo, Tool.torch, Tool.thop)


@pytest.fixture(scope="module", autouse=True)
def _family() -> Iterator[None]:
    """The family of the page, as its code adds it."""
    (code,) = re.findall(
        r"## Adding a family\n.*?```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S
    )
    exec(code, {})  # noqa: S102 - the page's own code
    yield
    del FAMILIES["inverted"]


TEXTS = [
    "[2,2]x[16,24] block=inverted",
    "[1,3,2]x[8,8,16] block=inverted widen=4 stride=[1,1,2] norm=none",
    "[2,1]x[16,32] block=inverted widen=1 stem=conv7 norm=group:4",
    "[1,2]x[16,16] block=[basic,inverted]",
]


@pytest.mark.parametrize("text", TEXTS)
def test_language(text: str) -> None:
    spec = parse(text)
    assert parse(str(spec)) == spec
    assert str(spec.replace(widen=6)) == re.sub(" widen=[0-9]", "", str(spec))


def test_parameters_by_hand() -> None:
    """MobileNetV2's second stage at its own widths: 16 to 24 channels, widened 6 times, two blocks."""
    stage = count(parse("[1,2]x[16,24] block=inverted widen=6")).parts[2]
    first = 16 * 96 + 9 * 96 + 96 * 24 + 2 * (96 + 96 + 24)
    second = 24 * 144 + 9 * 144 + 144 * 24 + 2 * (144 + 144 + 24)
    assert stage.params == first + second == 5136 + 8832


@pytest.mark.parametrize("text", TEXTS)
def test_plan_and_totals(text: str) -> None:
    spec = parse(text)
    account, cost = count(spec), totals(spec)
    assert (account.params, account.macs, account.activations, account.depth) == cost
    adds = [layer.name for layer in layout(spec) if layer.kind == "add"]
    # A sum stands where the map stays: never in a block that strides or widens.
    assert "stage2.block1.add" not in adds or spec.stride[1] == 1


@settings(max_examples=share(0.3))
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 40)), min_size=3, max_size=3), st.integers(1, 8))
def test_arrays(stages: list[tuple[int, int]], widen: int) -> None:
    like = parse(f"[1,1,1]x[8,8,8] block=inverted widen={widen}")
    blocks, channels = (np.array([[stage[i] for stage in stages]]) for i in (0, 1))
    params, macs = count_arrays(like, blocks, channels)
    cost = totals(like.replace(blocks=tuple(blocks[0].tolist()), channels=tuple(channels[0].tolist())))
    assert (int(params[0]), int(macs[0])) == (cost.params, cost.macs)


def test_a_space_and_its_memory_tables() -> None:
    space = parse_space("[1..2]*2x[{8,16,24}] block=inverted widen={2,6}")
    listed = {str(one.spec): one for one in candidates(space, Budget())}
    assert len(listed) == 2**2 * 3**2 * 2
    peak = sorted(memory(parse(text)).inference_peak for text in listed)
    limit = peak[len(peak) // 2]
    fits = {str(one.spec) for one in candidates(space, Budget.read({"max_peak_memory": str(limit)}))}
    assert fits == {text for text in listed if memory(parse(text)).inference_peak <= limit}


@pytest.mark.parametrize("text", TEXTS)
def test_every_tool_at_difference_0(text: str) -> None:
    pytest.importorskip("torch")
    from archkit.nn.crosscheck import crosscheck

    for check in crosscheck(parse(text), tools=ASKED):
        assert check.version is not None, f"{check.tool} is not installed"
        assert check.agrees, check
        assert {one.difference for one in check.comparisons} == {0}


def test_the_module_runs() -> None:
    torch = pytest.importorskip("torch")
    from archkit.nn import build

    spec = parse(TEXTS[0])
    network = build(spec)
    assert sum(p.numel() for p in network.parameters()) == totals(spec).params
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_its_layers_are_of_known_kinds() -> None:
    assert {layer.kind for layer in layout(parse(TEXTS[0]))} <= set(KINDS)


def test_the_languages_own_networks_are_as_they_were() -> None:
    assert ArchSpec.make((1,), (8,)).widen == 6
    assert str(parse("[2,1]x[16,32]")) == "[2,1]x[16,32]"
