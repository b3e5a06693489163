from __future__ import annotations

import pytest
from hypothesis import given

from archkit.blocks import Family, family_for_now
from archkit.errors import SpecError
from archkit.plan import Block, Gate, Layer, Node, Residual, layers_of, layout
from archkit.spec import ArchSpec, parse
from tests.strategies import specs


def follow(nodes: tuple[Node, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    """Asserts that each node takes what the one before puts out; returns what the last one does."""
    for node in nodes:
        if isinstance(node, Layer):
            assert node.in_shape == shape, node.name
            shape = node.out_shape
        elif isinstance(node, Gate):
            factors = follow(node.factors, shape)
            assert factors == (shape[0], 1, 1), node.name
            assert node.scale.in_shape == node.scale.out_shape == shape
        else:
            branches = {follow(node.body, shape), follow(node.shortcut, shape)}
            assert branches == {node.add.in_shape} == {node.add.out_shape}, node.add.name
            shape = node.add.out_shape
    return shape


def strided(size: int, stride: int) -> int:
    return -(-size // stride)


def maps(spec: ArchSpec) -> list[tuple[int, int]]:
    """H and W of what enters the first stage, then of what each stage puts out, by hand: a stride takes H
    to ceil(H / s), windows that lie side by side to floor(H / s), as anti-aliasing by averages does."""
    _, h, w = spec.input
    smaller = 1  # how many times the map is smaller than the image
    if spec.stem.kind.startswith("patch"):
        side = smaller = int(spec.stem.kind[-1])
        h, w = h // side, w // side
    elif spec.stem.kind.startswith("overlap"):
        h, w, smaller = strided(h, 4), strided(w, 4), 4
    elif spec.stem.kind not in ("conv3", "none"):
        h, w, smaller = strided(h, 2), strided(w, 2), 2
    if spec.stem_pool != "none":
        smaller *= 2
        h, w = (h // 2, w // 2) if spec.aa == "avg" else (strided(h, 2), strided(w, 2))
    found = [(h, w)]
    for stride, block in zip(spec.stride, spec.block, strict=True):
        if spec.output_stride and smaller * stride > spec.output_stride:
            stride = 1  # and a dilation, which keeps the map
        smaller *= stride
        aside = block == "convnext" or (block == "plain" and spec.down == "max")
        h, w = (h // stride, w // stride) if aside else (strided(h, stride), strided(w, stride))
        found.append((h, w))
    return found


@given(specs())
def test_shapes_follow_one_another(spec: ArchSpec) -> None:
    plan, expected = layout(spec), maps(spec)
    shape = follow(plan.stem, spec.input)
    assert shape[1:] == expected[0]
    for i, stage in enumerate(plan.stages):
        assert len(stage.blocks) == spec.blocks[i]
        for block in stage.blocks:
            shape = follow(block.nodes, shape)
        assert shape[1:] == expected[i + 1]
    assert follow(plan.head, shape) == (spec.classes,)


@given(specs())
def test_names_are_unique(spec: ArchSpec) -> None:
    names = [layer.name for layer in layout(spec)]
    assert len(names) == len(set(names))


def kinds(nodes: tuple[Node, ...]) -> list[str]:
    return [layer.kind for layer in layers_of(nodes)]


def residual(block: Block) -> Residual:
    (found,) = (node for node in block.nodes if isinstance(node, Residual))
    return found


def test_a_block_reads_like_its_paper() -> None:
    plan = layout(parse("[1,1]x[16,32]"))
    first = residual(plan.stages[0].blocks[0])
    assert kinds(first.body) == ["conv", "batch_norm", "relu", "conv", "batch_norm"]
    assert first.shortcut == ()
    assert kinds(plan.stages[0].blocks[0].nodes)[-2:] == ["add", "relu"]
    assert kinds(residual(plan.stages[1].blocks[0]).shortcut) == ["conv", "batch_norm"]


def test_a_preactivation_block_reads_like_its_paper() -> None:
    plan = layout(parse("[2,1]x[16,32] block=preact"))
    assert kinds(plan.stem) == ["conv"]
    # The identity goes past the norm and the activation, a projection stands behind them.
    first, _ = plan.stages[0].blocks
    assert kinds(first.nodes[:-1]) == []
    assert kinds(residual(first).body) == ["batch_norm", "relu", "conv", "batch_norm", "relu", "conv"]
    second = plan.stages[1].blocks[0]
    assert kinds(second.nodes[:-1]) == ["batch_norm", "relu"]
    assert kinds(residual(second).shortcut) == ["conv"]
    assert kinds(plan.head) == ["batch_norm", "relu", "global_pool", "flatten", "linear"]
    # Zero-padding has no norm either and goes past both, as the identity does.
    padded = layout(parse("[1,1]x[16,32] block=preact shortcut=pad")).stages[1].blocks[0]
    assert kinds(padded.nodes[:-1]) == []
    assert kinds(residual(padded).shortcut) == ["zero_pad"]


def test_attention_stands_at_the_end_of_the_body() -> None:
    (block,) = layout(parse("[1]x[16] attn=se")).stages[0].blocks
    gate = residual(block).body[-1]
    assert isinstance(gate, Gate)
    assert kinds(gate.factors) == ["squeeze", "conv", "relu", "conv", "sigmoid"]
    assert gate.name == "stage1.block1.attn"


def test_project_stage_puts_a_conv_at_the_first_block_of_every_stage() -> None:
    plan = layout(parse("[2,2]x[16,16] stride=[1,1] project=stage"))
    shortcuts = [bool(residual(block).shortcut) for stage in plan.stages for block in stage.blocks]
    assert shortcuts == [True, False, True, False]


def _strided_body(pen, _at, c, stride, _first):
    """Forgets that a stride changes the map."""
    pen.residual(lambda pen: pen.conv("conv1", 3, c, stride=stride))


def _unstrided_shortcut(pen, _at, c, stride, _first):
    pen.residual(
        lambda pen: pen.conv("conv1", 3, c, stride=stride),
        lambda pen: pen.conv("conv", 1, c),
        always=stride != 1,
    )


def _narrow_shortcut(pen, _at, c, stride, _first):
    pen.residual(
        lambda pen: pen.conv("conv1", 3, c, stride=stride),
        lambda pen: pen.conv("conv", 1, c // 2, stride=stride),
        always=stride != 1,
    )


@pytest.mark.parametrize(
    ("draw", "maps"),
    [
        (_strided_body, "8x32x32 on its shortcut to one of 8x16x16"),
        (_unstrided_shortcut, "8x32x32 on its shortcut to one of 8x16x16"),
        (_narrow_shortcut, "4x16x16 on its shortcut to one of 8x16x16"),
    ],
)
def test_a_drawing_whose_shortcut_leaves_another_map_than_its_body_is_refused(draw, maps) -> None:
    family = Family(name="wrong", draw=draw, options=("stride",), source="to test")
    with family_for_now(family):
        layout(parse("[2]x[8] block=wrong"))  # without a stride the two are as large
        with pytest.raises(SpecError, match=f"^stage2.block1 adds a map of {maps}"):
            layout(parse("[1,1]x[8,8] block=wrong stride=[1,2]"))
