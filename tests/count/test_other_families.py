"""All that is read off one drawing agrees, also for families that the language does not have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archkit.blocks import FAMILIES, Family, Option, Pen, family_for_now, symbol
from archkit.blocks.value_sorts import Whole
from archkit.budget import Budget, candidates
from archkit.count import closed as closed_form
from archkit.count import count, totals
from archkit.count.arrays import count_arrays
from archkit.count.memory import memory
from archkit.count.tables import cost_tables
from archkit.errors import BudgetError, SpecError
from archkit.nn import build
from archkit.plan import Layer, layers_of, layout, outline
from archkit.spec import ArchSpec, checks, parse, parse_space
from tests.count.test_memory import kept_by_torch
from tests.families import OTHERS
from tests.strategies import share, specs

pytestmark = pytest.mark.filterwarnings("error::RuntimeWarning")


@pytest.fixture(scope="module", autouse=True)
def _others() -> Iterator[None]:
    with ExitStack() as stack:
        for family in OTHERS:
            stack.enter_context(family_for_now(family))
        yield


def _forget() -> None:
    for remembered in (closed_form._stage_form, closed_form._stem_form, closed_form._head_form):
        remembered.cache_clear()
    checks._stage_check.cache_clear()
    checks._part_check.cache_clear()


@given(specs(max_stages=3, max_blocks=3))
def test_plan_drawn_form_written_form_and_arrays(spec: ArchSpec) -> None:
    account = count(spec)
    expected = (account.params, account.macs, account.activations, account.depth)
    for calls in (10**9, 1):  # never written as code, and at once
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(symbol, "DRAWN_FIRST", calls)
            _forget()
            assert totals(spec) == expected
    params, macs = count_arrays(spec, np.array([spec.blocks]), np.array([spec.channels]))
    assert (int(params[0]), int(macs[0])) == expected[:2]


@given(st.data())
def test_drawn_and_written_checks_refuse_the_same(data: st.DataObject) -> None:
    stages = data.draw(st.integers(1, 3))

    def of_stages(values: st.SearchStrategy[Any]) -> list[Any]:
        return data.draw(st.lists(values, min_size=stages, max_size=stages))

    names = ["basic", "bottleneck", *(family.name for family in OTHERS)]
    kinds = of_stages(st.sampled_from(names))
    options: dict[str, Any] = {"block": kinds, "stride": of_stages(st.integers(1, 3))}
    for key, values in {
        "norm": ["none", ("group", 2), ("group", 4)],
        "aa": ["avg", "blur"],
        "shortcut": ["pad", "avg"],
        "reduce": [2, 3],
    }.items():
        if all(key in FAMILIES[kind].option_keys for kind in kinds):
            options[key] = data.draw(st.none() | st.sampled_from(values))
    sizes = st.integers(1, 12)
    options["input"] = (3, data.draw(sizes), data.draw(sizes))
    blocks, channels = of_stages(st.integers(1, 2)), of_stages(st.integers(1, 24))

    def answer() -> str:
        try:
            return str(ArchSpec.make(blocks, channels, **options))
        except SpecError as error:
            return f"{error.field}: {error}"

    answers = []
    for calls in (10**9, 1):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(symbol, "DRAWN_FIRST", calls)
            _forget()
            answers.append(answer())
    assert answers[0] == answers[1]


@settings(max_examples=share(0.4))
@given(specs(max_stages=3, max_blocks=1, widths=(4, 24)), st.data())
def test_an_outline_has_the_layers_of_every_plan(like: ArchSpec, data: st.DataObject) -> None:
    some = st.lists(st.integers(1, 4).map(lambda n: 8 * n), min_size=1, max_size=3, unique=True).map(sorted)
    widths = [data.draw(some) for _ in like.channels]
    outlined = outline(like, [np.array(each) for each in widths], stem_width=like.stem.width)
    for chosen in product(*(range(len(each)) for each in widths)):
        channels = tuple(each[k] for each, k in zip(widths, chosen, strict=True))
        try:
            spec = like.replace(
                blocks=(2,) * len(channels), channels=channels, stem=like.stem, stem_pool=like.stem_pool
            )
        except SpecError:
            continue
        for i, (stage, planned) in enumerate(zip(outlined.stages, layout(spec).stages, strict=True)):
            pairs = (len(widths[i - 1]) if i else 1, len(widths[i]))
            at = (chosen[i - 1] if i else 0, chosen[i])
            for cases, block in zip((stage.first, stage.other), planned.blocks, strict=True):
                holds = [case for case in cases if np.broadcast_to(case.where, pairs)[at]]
                assert len(holds) == 1
                assert [_picked(layer, pairs, at) for layer in layers_of(holds[0].nodes)] == list(block)


def _picked(layer: Layer, pairs: tuple[int, int], at: tuple[int, int]) -> Layer:
    """A layer of an outline as it is for one pair of widths."""

    def one(value: Any) -> Any:
        return int(np.broadcast_to(value, pairs)[at]) if isinstance(value, np.ndarray) else value

    shapes = (tuple(map(one, shape)) for shape in (layer.in_shape, layer.out_shape))
    return Layer(layer.name, layer.kind, *shapes, *map(one, layer[4:]))


@pytest.mark.parametrize(
    "text",
    [
        "[1..2]*2x[{8,12,16}] block=inverted-se",
        "[1..2]*2x[{8,16,24}] block=like-regnet stride=[2,1]",
        "[1..2]*2x[{4,9}] block=like-convnext",
        "[1..2]*2x[{4,7,9}] block=nested",
        "[1..2]*2x[{4,7,8}] block=early-relu norm=none",
        "[1..2]*2x[{4,8}] block=[pooled,nested]",
        "[1..2]*2x[{8,12,24}] block=mbconv se=v3 act=hswish expand=2.5 stem=conv3s2:8 head_conv=16",
        "[1..2]*2x[{8,12}] block=[fused-mbconv,mbconv] se=input expand=[1,4] padding=same head_conv=16",
        "[1..2]*2x[{8,12}] block={mbconv,depthwise} kernel={3,5} stem=conv3s2:8",
        "[1..2]*2x[{8,12}] block=depthwise stem={conv10x4s2:8,conv3s2:4} padding={same,symmetric} pool=5x7",
        "[1..2]*2x[{8,16}] block=regnet se=input group_width=8 stride=[2,2]",
        "[1..2]*2x[{8,12}] block={basic,preact} weight_std={yes,no} stem_pool=max-zeros",
        "[1..2]*2x[{8,12}] block=mbconv mix={1,3} split={project,both} padding=same stem=conv3s2:8",
        "[1..2]*2x[{8,12}] block=convnext",
        "[1..2]*2x[{8,12}] block=convnext grn={yes,no} norm={rms,layer} head_norm=map stem=overlap-act:8",
        "[1..2]*2x[{8,12}] block=plain norm=none bias=yes pool=max:2 head_hidden=8x8",
    ],
)
@pytest.mark.parametrize("name", ["training", "inference_peak", "macs"])
def test_a_budget_keeps_what_brute_force_keeps(text: str, name: str) -> None:
    space = parse_space(text)
    limit_of = {"training": "max_training_memory", "inference_peak": "max_peak_memory", "macs": "max_macs"}
    figures = {}
    for one in candidates(space, Budget()):
        spec = parse(str(one.spec))
        figures[str(spec)] = totals(spec).macs if name == "macs" else getattr(memory(spec), name)
    limit = sorted(figures.values())[len(figures) // 2]
    kept = {str(one.spec) for one in candidates(space, Budget.read({limit_of[name]: str(limit)}))}
    assert kept == {spec for spec, figure in figures.items() if figure <= limit}


@settings(max_examples=share(0.3))
@given(specs(max_stages=2, max_blocks=2, widths=(4, 24), max_size=24))
def test_the_module_has_its_parameters_and_keeps_its_activations(spec: ArchSpec) -> None:
    assert sum(p.numel() for p in build(spec).parameters()) == totals(spec).params
    assert memory(spec, batch=2).activations == kept_by_torch(spec, 2)


def _plain(kernel: int, default: int) -> Family:
    """A family of always the same name."""

    def draw(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
        pen.conv("conv", kernel, c * at.wide, stride=stride)

    values = Whole(1, 9, default=default, samples=(1, 2))
    wide = Option(key="wide", values=values, default=default, says="to test")
    return Family(name="single", draw=draw, options=("stride", wide), source="to test")


def test_a_family_is_never_taken_for_an_earlier_one_of_its_name() -> None:
    earlier = []
    for kernel, default in ((3, 1), (5, 2), (3, 3)):
        with family_for_now(_plain(kernel, default)):
            for _ in range(12):
                spec = parse("[1]x[8] block=single input=1x8x8")
                # The stem, its norm, the conv, the head.
                assert totals(spec).params == 72 + 16 + kernel**2 * 64 * default + 80 * default + 10
            assert spec.wide == default
            assert str(spec) == "[1]x[8] block=single input=1x8x8"
            earlier += [spec, parse("resnet18 classes=7")]
    # Networks that do not have the family are the same, whatever the language knew when they were read.
    assert len(set(earlier)) == 4
    assert parse("resnet18 classes=7") in earlier


def _dense(pen: Pen, at: Any, c: Any, stride: int, first: bool) -> None:
    pen.conv("conv", 3, pen.c + c, stride=stride)


def test_blocks_that_grow_with_their_number_are_refused() -> None:
    with family_for_now(Family(name="dense", draw=_dense, options=("stride",), source="to test")):
        spec = parse("[1,1]x[8,16] block=dense")
        assert totals(spec).macs == count(spec).macs
        with pytest.raises(SpecError, match="must leave its map as it enters"):
            parse("[2,1]x[8,16] block=dense")
        with pytest.raises(BudgetError, match="depends on the width of the stage before"):
            cost_tables(spec, [np.array([4, 8]), np.array([2, 3])], stem_follows=True)
