"""Families that only these tests know: nothing in archkit.nn, nor in the counter, has heard of them."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from archkit.blocks import Family, Pen, family_for_now
from archkit.count import count, totals
from archkit.count.tools import Tool, predict
from archkit.errors import InferError
from archkit.nn import Network, build, infer, state_shapes
from archkit.nn.crosscheck import crosscheck
from archkit.nn.kinds import MODULES
from archkit.plan import KINDS, layout
from archkit.spec import parse
from tests.nn.reference import randomise
from tests.nn.test_crosscheck import HERE


def _conv_and_norm(pen: Pen, i: int, kernel: int, c: Any, **geometry: Any) -> None:
    pen.conv(f"conv{i}", kernel, c, **geometry)
    pen.norm(f"norm{i}", "batch_norm")


def _gated(pen: Pen, _at: Any, c: Any, stride: int, first: bool) -> None:
    """A depthwise conv, a gate in the middle of the body, and no residual at all."""

    def factors(pen: Pen) -> None:
        c = pen.c
        pen.squeeze("squeeze")
        pen.conv("reduce", 1, c // 2, bias=True)
        pen.act("relu")
        pen.conv("expand", 1, c, bias=True)
        pen.act("sigmoid", "sigmoid")

    _conv_and_norm(pen, 1, 1, 2 * c)
    pen.act("relu1")
    _conv_and_norm(pen, 2, 3, 2 * c, stride=stride, groups=2 * c)
    pen.gate("se", factors)
    _conv_and_norm(pen, 3, 1, c)
    if not first:
        pen.act("relu3")


def _nested(pen: Pen, _at: Any, c: Any, stride: int, first: bool) -> None:
    """A residual in a residual, with convs on both shortcuts in a stage's first block, and a third behind."""

    def inner(pen: Pen) -> None:
        pen.act("relu1")  # what enters is also what the shortcut reads
        _conv_and_norm(pen, 1, 3, c)
        pen.gate("eca", along_channels)

    def along_channels(pen: Pen) -> None:
        pen.squeeze("squeeze")
        pen.conv1d("conv", 3)
        pen.act("sigmoid", "sigmoid")

    def outer(pen: Pen) -> None:
        pen.residual(inner, lambda pen: pen.conv("conv", 1, c), always=first)
        pen.act("relu2")
        _conv_and_norm(pen, 2, 3, c, stride=stride)

    def last(pen: Pen) -> None:
        _conv_and_norm(pen, 3, 3, c)

    pen.residual(outer, lambda pen: _conv_and_norm(pen, 0, 1, c, stride=stride), always=first)
    pen.residual(last)
    pen.act("relu3")


GATED = Family(name="toy-gated", draw=_gated, options=("stride",), source="none")
NESTED = Family(name="toy-nested", draw=_nested, options=("stride",), source="none")
TEXTS = [
    "[2,2]x[8,16] block=toy-gated input=3x16x16",
    "[1,2]x[4,8] block=toy-gated stem=deep:4 stem_pool=max stem_attn=se input=2x33x29",
    "[2,2]x[8,16] block=toy-nested input=3x16x16",
    "[1,2]x[4,8] block=[toy-nested,toy-gated] stem_attn=eca stem_pool=conv input=2x32x40",
    "[1,1,1]x[4,8,8] block=[basic,toy-gated,toy-nested] pool=4 classes=3",
]


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with family_for_now(GATED), family_for_now(NESTED):
        yield


def images(network: Network, batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, *network.spec.input, generator=torch.Generator().manual_seed(1))


def test_the_rows_name_the_kinds_of_the_plan() -> None:
    assert list(MODULES) == list(KINDS)


@pytest.mark.parametrize("text", TEXTS)
def test_it_is_built_as_it_is_counted(text: str) -> None:
    spec = parse(text)
    network = build(spec)
    assert network(images(network)).shape == (2, spec.classes)
    assert sum(p.numel() for p in network.parameters()) == totals(spec).params == count(spec).params
    state = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    assert list(state.items()) == list(state_shapes(spec).items())
    names = [layer.name for layer in layout(spec)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("text", TEXTS)
def test_every_tool_reports_what_was_predicted(text: str) -> None:
    spec = parse(text)
    for check in crosscheck(spec, tools=HERE):  # the others are asked in a process that knows no toys
        assert check.failure is None, check
        assert check.comparisons
        assert [c.difference for c in check.comparisons] == [0] * len(check.comparisons), check
    flops = next(p for p in predict(layout(spec), Tool.fvcore) if p.quantity == "flops")
    products = [figure for name, figure in flops.terms if name in ("conv", "conv1d", "linear")]
    assert sum(products) == totals(spec).macs


@torch.no_grad()
def test_a_gate_inside_a_block_by_hand() -> None:
    network = randomise(build(parse(TEXTS[0])).eval())
    block = network.get_submodule("stage2.block2")
    x = torch.randn(2, 16, 8, 8)
    h = block.norm2(block.conv2(torch.relu(block.norm1(block.conv1(x)))))
    se = block.se
    factors = torch.sigmoid(se.expand(torch.relu(se.reduce(h.mean((2, 3), keepdim=True)))))
    torch.testing.assert_close(block(x), torch.relu(block.norm3(block.conv3(h * factors))))


@torch.no_grad()
def test_nested_residuals_by_hand() -> None:
    network = randomise(build(parse(TEXTS[2])).eval())
    for name, c in (("stage1.block2", 8), ("stage2.block1", 8)):
        block = network.get_submodule(name)
        x = torch.randn(2, c, 8, 8)
        before = x.clone()
        h = block.norm1(block.conv1(torch.relu(x)))
        h = h * torch.sigmoid(block.eca.conv(h.mean((2, 3))[:, None])).transpose(1, 2)[..., None]
        first = name.endswith("block1")
        h = h + (block.shortcut2.conv(x) if first else x)
        h = block.norm2(block.conv2(torch.relu(h)))
        h = h + (block.shortcut.norm0(block.shortcut.conv0(x)) if first else x)
        h = h + block.norm3(block.conv3(h))
        torch.testing.assert_close(block(x), torch.relu(h))
        assert torch.equal(x, before)  # the activation that comes first overwrites nothing


@pytest.mark.parametrize("text", [TEXTS[1], TEXTS[3]])
def test_it_trains_compiles_exports_and_copies(text: str) -> None:
    network = randomise(build(parse(text))).train()
    x = images(network)
    expected = torch.autograd.grad(network(x).square().sum(), list(network.parameters()))
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    came = torch.autograd.grad(compiled(x).square().sum(), list(network.parameters()))
    for ours, theirs in zip(came, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    network.eval()
    with torch.no_grad():
        logits = network(x)
        for other in (
            torch.jit.trace(network, x),
            torch.export.export(network, (x,), strict=True).module(),
            copy.deepcopy(network),
            pickle.loads(pickle.dumps(network)),  # noqa: S301 - it was pickled on this line
        ):
            torch.testing.assert_close(other(x), logits)
    assert build(network.spec, device="meta")(x.to("meta")).shape == logits.shape


def test_two_parts_of_one_name_are_refused() -> None:
    def twice(pen: Pen, _at: Any, c: Any, _stride: int, _first: bool) -> None:
        pen.conv("conv", 3, c)
        pen.conv("conv", 3, c)

    with family_for_now(Family(name="twice", draw=twice, options=(), source="none")):
        spec = parse("[1]x[8] block=twice")
        with pytest.raises(ValueError, match="two parts of one chain are called conv"):
            build(spec)


def test_infer_takes_no_block_for_another_with_the_same_modules() -> None:
    """A basic block's modules without its residual are no basic block."""

    def plain(pen: Pen, _at: Any, c: Any, _stride: int, _first: bool) -> None:
        _conv_and_norm(pen, 1, 3, c)
        pen.act("relu1")
        _conv_and_norm(pen, 2, 3, c)
        pen.act("relu2")

    with family_for_now(Family(name="toy-plain", draw=plain, options=(), source="none")):
        network = build(parse("[1]x[8] block=toy-plain"))
        assert infer(network) == network.spec
        network.spec = parse("[1]x[8]")  # what it says of itself is no proof
        with pytest.raises(InferError, match=r"stage1\.block1 runs its modules in another way"):
            infer(network)
