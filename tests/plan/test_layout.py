from __future__ import annotations

from hypothesis import given

from archkit.plan import layout
from archkit.spec import ArchSpec, parse
from tests.strategies import specs


@given(specs())
def test_shapes_follow_one_another(spec: ArchSpec) -> None:
    plan = layout(spec)
    shape = spec.input
    for layer in plan.stem:
        if ".attn." not in layer.name:  # attention scales the map and leaves its shape
            assert layer.in_shape == shape
            shape = layer.out_shape
    for i, stage in enumerate(plan.stages):
        assert len(stage.blocks) == spec.blocks[i]
        assert shape[1:] == spec.maps()[i]
        for block in stage.blocks:
            out = block.tail[0].in_shape
            for branch in (block.pre + block.body, block.shortcut):
                at = shape
                for layer in branch:
                    assert layer.in_shape == at
                    at = layer.out_shape
                assert at == out, block.name
            shape = out
        assert shape[1:] == spec.maps()[i + 1]
    for layer in plan.head:
        assert layer.in_shape == shape
        shape = layer.out_shape
    assert shape == (spec.classes,)


@given(specs())
def test_names_are_unique(spec: ArchSpec) -> None:
    names = [layer.name for layer in layout(spec)]
    assert len(names) == len(set(names))


def test_a_block_reads_like_its_paper() -> None:
    plan = layout(parse("[1,1]x[16,32]"))
    assert [layer.kind for layer in plan.stages[0].blocks[0].body] == [
        "conv",
        "batch_norm",
        "relu",
        "conv",
        "batch_norm",
    ]
    assert plan.stages[0].blocks[0].shortcut == ()
    assert [layer.kind for layer in plan.stages[1].blocks[0].shortcut] == ["conv", "batch_norm"]
    preact = layout(parse("[1,1]x[16,32] block=preact"))
    assert [layer.kind for layer in preact.stem] == ["conv"]
    assert [layer.kind for layer in preact.stages[1].blocks[0].shortcut] == ["conv"]
    assert [layer.kind for layer in preact.head] == ["batch_norm", "relu", "global_pool", "flatten", "linear"]


def test_project_stage_puts_a_conv_at_the_first_block_of_every_stage() -> None:
    plan = layout(parse("[2,2]x[16,16] stride=[1,1] project=stage"))
    assert [bool(block.shortcut) for stage in plan.stages for block in stage.blocks] == [
        True,
        False,
        True,
        False,
    ]
